/**
 * A SkyRL server (JAX, on the processor) with the tiny model, for the tests beside. SkyRL is no package: POP_SKYRL names a checkout of it,
 * POP_SKYRL_PYTHON a Python with its dependencies.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/core/clock.ts'
import { Tokenizer, readModelFiles } from '../../src/engine/index.ts'
import { TinkerTrainableModel, type TinkerTrainingOptions } from '../../src/training/backends/tinker.ts'

export const checkout = process.env['POP_SKYRL']
export const python = process.env['POP_SKYRL_PYTHON'] ?? 'python3'
/** A Qwen3 of two layers with random weights. */
export const modelDir = fileURLToPath(new URL('../goldens/trl-dpo/qwen3/', import.meta.url)).replace(/\/$/, '')
export const RANK = 8

const BACKEND = { max_lora_adapters: 8, max_lora_rank: RANK, train_micro_batch_size: 8, sample_max_num_sequences: 8 }
const START_S = 180

export interface SkyrlOptions {
  /** A folder; default the tiny Qwen3. */
  readonly model?: string
  /** Of JAX, each with a share of the weights. Default 1. */
  readonly processes?: number
}

/** One server at one address, whose disk outlives its processes. */
export class SkyrlServer {
  /** Its checkpoints and its database. */
  readonly scratch = mkdtempSync(join(tmpdir(), 'pop-skyrl-'))
  readonly baseUrl: string
  /** Of the base model; also the name that the server has for it. */
  readonly modelDir: string
  private readonly port: number
  private readonly processes: number
  private running: ChildProcess[] = []

  private constructor(port: number, { model = modelDir, processes = 1 }: SkyrlOptions) {
    this.port = port
    this.processes = processes
    this.modelDir = model
    this.baseUrl = `http://127.0.0.1:${port}`
  }

  static async open(options: SkyrlOptions = {}): Promise<SkyrlServer> {
    const server = new SkyrlServer(await freePort(), options)
    await server.start()
    return server
  }

  /** Until its address answers; its engine may still be loading the model, and does what is asked then. */
  async start(): Promise<void> {
    const cluster = this.processes === 1 ? null : `127.0.0.1:${await freePort()}`
    const words = [
      '--base-model',
      this.modelDir,
      '--backend',
      'jax',
      '--backend-config',
      JSON.stringify(this.backend(cluster)),
      '--checkpoints-base',
      join(this.scratch, 'checkpoints'),
      '--database-url',
      `sqlite:///${join(this.scratch, 'db')}`,
      '--host',
      '127.0.0.1',
      '--port',
      String(this.port),
    ]
    const script = fileURLToPath(new URL('./skyrl_server.py', import.meta.url))
    this.launch('server', [script, checkout ?? '', ...words])
    for (let id = 1; id < this.processes; id++) {
      const place = ['--coordinator-address', cluster ?? '', '--num-processes', String(this.processes)]
      this.launch(`worker-${id}`, ['-m', 'skyrl.backends.jax', ...place, '--process-id', String(id)])
    }
    await this.answers()
  }

  /** As a power cut: no process of it is asked. The engine is a child of the server's. */
  kill(): void {
    for (const { pid, exitCode } of this.running)
      if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGKILL')
    this.running = []
  }

  /** Killed and started again: what it saved is there, what it held in memory is not. */
  async restart(): Promise<void> {
    this.kill()
    await this.start()
  }

  /** How many requests of a route it has answered, of all its processes in turn. */
  served(route: string): number {
    // The log breaks its lines where it likes.
    const log = readFileSync(this.log('server'), 'utf8')
    return [...log.matchAll(new RegExp(`/api/v1/${route}\\s`, 'g'))].length
  }

  close(): void {
    this.kill()
    rmSync(this.scratch, { recursive: true, force: true })
  }

  /** A fresh adapter there. */
  adapter(changes: Partial<TinkerTrainingOptions> = {}): Promise<TinkerTrainableModel> {
    const tokenizer = new Tokenizer(readModelFiles(this.modelDir))
    return TinkerTrainableModel.open({
      baseUrl: this.baseUrl,
      baseModel: this.modelDir,
      rank: RANK,
      seed: 1,
      tokenizer,
      ...changes,
    })
  }

  private backend(cluster: string | null): object {
    if (cluster === null) return BACKEND
    const parts = { num_processes: this.processes, fully_sharded_data_parallel_size: this.processes }
    return { ...BACKEND, coordinator_address: cluster, ...parts }
  }

  private launch(name: string, args: readonly string[]): void {
    const log = openSync(this.log(name), 'a')
    const child = spawn(python, args, {
      stdio: ['ignore', log, log],
      detached: true,
      env: {
        ...process.env,
        PYTHONPATH: checkout,
        // What one server compiled the next one does not: most of the time goes there.
        JAX_COMPILATION_CACHE_DIR: process.env['JAX_COMPILATION_CACHE_DIR'] ?? join(this.scratch, 'jax-cache'),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS: '0',
      },
    })
    closeSync(log)
    child.on('error', () => undefined)
    this.running.push(child)
  }

  private log(name: string): string {
    return join(this.scratch, `${name}.log`)
  }

  private async answers(): Promise<void> {
    for (let second = 0; second < START_S; second++) {
      const up = await fetch(`${this.baseUrl}/api/v1/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (up) return
      if (this.running.some(({ exitCode }) => exitCode !== null)) break
      await systemClock.sleep(1000)
    }
    this.kill()
    throw new Error(`SkyRL did not start: ${readFileSync(this.log('server'), 'utf8').slice(-2000)}`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
