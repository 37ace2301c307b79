/**
 * The OpenAI client against a server that somebody else wrote: `transformers serve` with a small random model. Runs when
 * POP_PYTHON names a Python that has transformers with its serving extra; takes one or two minutes on two cores.
 *
 * What that server does not do (transformers 5.18): it ignores `n`, refuses `top_k`, seeds one generator for all requests,
 * and samples only when the folder's generation_config.json says `do_sample`.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OpenAiLanguageModel } from '../../src/llm/index.ts'
import { describeLanguageModel } from '../../src/llm/testing/conformance.ts'
import type { GenerateRequest } from '../../src/records/index.ts'

const python = process.env['POP_PYTHON']
const golden = fileURLToPath(new URL('../goldens/trl-dpo/qwen3/', import.meta.url))

interface Peer {
  readonly baseUrl: string
  readonly folder: string
  stop(): Promise<void>
}

async function startPeer(generationConfig: object): Promise<Peer> {
  const scratch = mkdtempSync(join(tmpdir(), 'pop-peer-'))
  const folder = join(scratch, 'model')
  cpSync(golden, folder, { recursive: true })
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generationConfig))
  const port = await freePort()
  const code = 'import sys; from transformers.cli.transformers import main; sys.argv[0] = "transformers"; main()'
  const args = ['-c', code, 'serve', folder, '--host', '127.0.0.1', '--port', String(port), '--device', 'cpu']
  // An empty cache: the list of models is read from it.
  const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: join(scratch, 'cache') }
  const child = spawn(python ?? '', args, { stdio: 'ignore', env })
  await answering(`http://127.0.0.1:${port}/health`, child)
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
    rmSync(scratch, { recursive: true, force: true })
  }
  return { baseUrl: `http://127.0.0.1:${port}/v1`, folder, stop }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 240; i++) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`no answer at ${url}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

const request: GenerateRequest = {
  messages: [{ role: 'user', content: 'Hello' }],
  n: 4,
  temperature: 1,
  topP: 1,
  maxTokens: 40,
  seed: 5,
}

describe.runIf(python !== undefined)('transformers serve', { timeout: 180_000 }, () => {
  describe('with do_sample in the model folder', () => {
    let peer: Peer
    const notices: string[] = []
    beforeAll(async () => {
      peer = await startPeer({ do_sample: true, eos_token_id: 2, pad_token_id: 2 })
    }, 180_000)
    afterAll(() => peer.stop())

    describeLanguageModel(
      'its chat completions',
      () => {
        const model = new OpenAiLanguageModel({
          baseUrl: peer.baseUrl,
          name: peer.folder,
          onNotice: (text) => notices.push(text),
        })
        return Promise.resolve({ model, close: () => Promise.resolve() })
      },
      { samples: true, repeatable: false, independentSamples: false },
    )

    it('is found to ignore n, and to refuse top_k', async () => {
      const said: string[] = []
      const model = new OpenAiLanguageModel({
        baseUrl: peer.baseUrl,
        name: peer.folder,
        onNotice: (text) => said.push(text),
      })
      await model.generate({ ...request, topK: 5 })
      expect(said.join('\n')).toContain('gave 1 of 4 samples')
      expect(said.join('\n')).toContain('does not take top_k')
    })

    it('answers a wrong model name with a line that says so', async () => {
      const model = new OpenAiLanguageModel({ baseUrl: peer.baseUrl, name: 'other' })
      await expect(model.generate(request)).rejects.toThrow(/refused the request \(400\).*other/)
    })
  })

  describe('without do_sample', () => {
    let peer: Peer
    beforeAll(async () => {
      peer = await startPeer({ eos_token_id: 2, pad_token_id: 2 })
    }, 180_000)
    afterAll(() => peer.stop())

    it('answers greedily at every temperature, which is noticed', async () => {
      const said: string[] = []
      const model = new OpenAiLanguageModel({
        baseUrl: peer.baseUrl,
        name: peer.folder,
        onNotice: (text) => said.push(text),
      })
      const generations = await model.generate({ ...request, maxTokens: 60 })
      expect(new Set(generations.map(({ text }) => text)).size).toBe(1)
      expect(said.join('\n')).toContain('equal long samples at temperature 1')
    })
  })
})
