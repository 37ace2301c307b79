/**
 * A training killed with SIGKILL while it saves, and started again. A real process, a second or two per kill.
 * POP_SOAK_KILLS=50 npx vitest run src/training/kill.test.ts   kills more often.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rng } from '../core/rng.ts'
import { checkModelFolder, Engine, readModelFiles, type JsonObject } from '../engine/index.ts'

const kills = Number(process.env['POP_SOAK_KILLS'] ?? 4)
const epochs = Math.ceil(kills * 1.5)
const program = fileURLToPath(new URL('testing/train-and-save.ts', import.meta.url))
const tiny = fileURLToPath(new URL('../../test/goldens/trl-dpo/qwen3/', import.meta.url))

let dir = ''
let base = ''
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pop-kill-train-'))
  base = join(dir, 'base')
  // Wide enough that a save takes some milliseconds, in which it can be killed.
  const { config, raw: _raw, ...files } = readModelFiles(tiny)
  const wide: JsonObject = { ...config, hidden_size: 128, intermediate_size: 512, initializer_range: 0.1 }
  const engine = await Engine.create(wide, files, { seed: 3, threads: 1, inThread: true })
  await engine.save(base)
  await engine.close()
}, 60_000)
afterAll(() => {
  rmSync(dir, { recursive: true, force: true })
})

/** Runs the program to its end, or kills it `delay` milliseconds after it began its save number `killAt` of the session. */
async function session(folder: string, lora: string, kill?: { at: number; delay: number }): Promise<boolean> {
  const args = ['--import', 'tsx', program, folder, base, String(epochs), lora]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let saves = 0
  child.stdout.on('data', (chunk: Buffer) => {
    saves += chunk.toString().split('saving').length - 1
    if (kill !== undefined && saves >= kill.at) setTimeout(() => child.kill('SIGKILL'), kill.delay)
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the training ended with ${code} ${signal}`)
  return signal === 'SIGKILL'
}

describe.each([
  ['all weights', ''],
  ['adapters', 'lora'],
])('a training of %s', (_what, lora) => {
  it('killed while it saves leaves whole files, and ends with the weights of an undisturbed one', async () => {
    const whole = join(dir, `whole${lora}`)
    const killed = join(dir, `killed${lora}`)
    expect(await session(whole, lora)).toBe(false)
    const random = rng(5, 'kills', lora)
    let count = 0
    while (count < kills) {
      if (!(await session(killed, lora, { at: 1 + random.below(2), delay: random.below(25) }))) break
      count++
      // What stands is whole: it opens, or there is none yet.
      if (existsSync(join(killed, 'model')) || existsSync(join(killed, '.model.old'))) {
        const opened = await Engine.open(join(killed, 'model'), { threads: 1, inThread: true })
        const [logprobs] = await opened.logprobs([[5, 6, 7, 8]])
        expect(logprobs?.every((value) => Number.isFinite(value))).toBe(true)
        await opened.close()
      }
    }
    expect(count).toBeGreaterThan(kills / 2)
    await session(killed, lora)
    checkModelFolder(join(killed, 'model'))
    for (const file of ['model/model.safetensors', 'training-state.safetensors']) {
      const [a, b] = [whole, killed].map((folder) => readFileSync(join(folder, file)))
      if (file.startsWith('model')) expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true)
      else expect(a?.length).toBeGreaterThan(1000)
    }
    expect(readdirSync(killed).filter((name) => name.includes('tmp') || name.includes('.old'))).toEqual([])
  }, 300_000)
})
