import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InputError, ModelError, NumericalError } from '../core/errors.ts'
import { Engine } from './engine.ts'
import { readModelFiles } from './formats/model-folder.ts'
import type { EngineOptions, Generation } from './engine.ts'
import type { AdamWSettings } from './optimizer/adamw.ts'
import type { SampleRequest } from './sampling/requests.ts'

const goldens = join(import.meta.dirname, '../../test/goldens/tiny-models')
const FAMILIES = ['llama', 'qwen2', 'qwen3']

interface Expected {
  models: Record<string, { promptTokens: number[]; greedy: number[]; text: string; logprobs: number[] }[]>
}
const expected = JSON.parse(readFileSync(join(goldens, 'expected.json'), 'utf8')) as Expected

const ADAM: AdamWSettings = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 }
const PROMPT = [1, 87, 85, 262, 201, 57, 350]

function request(changes: Partial<SampleRequest> = {}): SampleRequest {
  const plain = { samples: 1, seed: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 24, stopTokenIds: [2] }
  return { promptTokens: PROMPT, ...plain, ...changes }
}

let dir: string
const open: Engine[] = []
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pop-engine-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close()))
  rmSync(dir, { recursive: true, force: true })
})

async function openTiny(family: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.open(join(goldens, family), { inThread: true, threads: 1, ...options })
  open.push(engine)
  return engine
}

describe.each(FAMILIES)('%s against transformers', (family) => {
  const cases = expected.models[family] ?? []

  test('gives the same log-probabilities', async () => {
    const engine = await openTiny(family)
    const got = await engine.logprobs(cases.map(({ promptTokens, greedy }) => [...promptTokens, ...greedy]))
    for (const [i, { logprobs }] of cases.entries()) {
      const worst = Math.max(...logprobs.map((value, t) => Math.abs(value - (got[i]?.[t] ?? NaN))))
      expect(worst).toBeLessThan(1e-4)
    }
  })

  test('decodes the same greedy text, alone and in a batch of prompts of unequal length', async () => {
    const engine = await openTiny(family)
    const requests = cases.map(({ promptTokens }) => request({ promptTokens, temperature: 0 }))
    const together = await engine.generate(requests)
    expect(together.map(([answer]) => answer?.text)).toEqual(cases.map(({ text }) => text))
    expect(together.map(([answer]) => answer?.tokens)).toEqual(cases.map(({ greedy }) => greedy))
    const [alone] = await engine.generate(requests.slice(1, 2))
    expect(alone?.[0]?.tokens).toEqual(cases[1]?.greedy)
  })

  test('log-probabilities of sampling equal those of the training forward pass', async () => {
    const engine = await openTiny(family, { maxSlots: 8 })
    const requests = cases.map(({ promptTokens }, i) =>
      request({ promptTokens, samples: 4, seed: i, temperature: 0.8 }),
    )
    const answers = await engine.generate(requests)
    const sequences = answers.flatMap((list, i) =>
      list.map(({ tokens }) => [...(cases[i]?.promptTokens ?? []), ...tokens]),
    )
    const forced = await engine.logprobs(sequences)
    const sampled = answers.flat()
    expect(sampled).toHaveLength(16)
    for (const [i, { tokens, logprobs }] of sampled.entries()) {
      const tail = [...(forced[i] ?? [])].slice(-tokens.length)
      expect(Math.max(...tail.map((value, t) => Math.abs(value - (logprobs[t] ?? NaN))))).toBeLessThan(1e-4)
    }
  })
})

test('a model that does not fit is refused before its weights are read', async () => {
  cpSync(join(goldens, 'llama'), dir, { recursive: true })
  rmSync(join(dir, 'model.safetensors'))
  await expect(Engine.open(dir, { memoryBytes: 1e6 })).rejects.toThrow(
    /needs about 0\.2 GiB of memory .*1 MiB are free/,
  )
})

describe('sampling', () => {
  test('an answer depends on its seed alone, not on its neighbours', async () => {
    const engine = await openTiny('qwen3', { maxSlots: 4 })
    const [alone] = await engine.generate([request({ samples: 6, seed: 5 })])
    const others = [3, 9, 1].map((length) =>
      request({ promptTokens: PROMPT.slice(0, length % 8), samples: 3, seed: length }),
    )
    const crowd = await engine.generate([...others, request({ samples: 6, seed: 5 }), ...others])
    expect(crowd[3]?.map(({ tokens }) => tokens)).toEqual(alone?.map(({ tokens }) => tokens))
    expect(new Set(alone?.map(({ text }) => text)).size).toBe(6)
  })

  test('requests that arrive later join the running batch', async () => {
    const engine = await openTiny('llama', { maxSlots: 8 })
    const calls = Array.from({ length: 6 }, (_, i) =>
      engine.generate([request({ seed: i, maxTokens: 20, stopTokenIds: [] })]),
    )
    const together = await Promise.all(calls)
    const { sampledTokens, promptTokens } = await engine.stats()
    expect(sampledTokens).toBe(120)
    expect(promptTokens).toBe(6 * PROMPT.length)
    const again = await engine.generate([request({ seed: 3, maxTokens: 20, stopTokenIds: [] })])
    expect(again[0]?.[0]?.tokens).toEqual(together[3]?.[0]?.[0]?.tokens)
  })

  describe('an answer ends', () => {
    const [golden = { promptTokens: [], greedy: [], text: '', logprobs: [] }] = expected.models['qwen2'] ?? []

    async function greedy(
      changes: Partial<SampleRequest>,
    ): Promise<{ engine: Engine; answer: Generation | undefined }> {
      const engine = await openTiny('qwen2')
      const [answers] = await engine.generate([
        request({ promptTokens: golden.promptTokens, temperature: 0, ...changes }),
      ])
      return { engine, answer: answers?.[0] }
    }

    test('with a stop token, which is not part of the text', async () => {
      const stop = golden.greedy[4] ?? 0
      const end = golden.greedy.indexOf(stop)
      const { engine, answer } = await greedy({ stopTokenIds: [stop] })
      expect(answer).toMatchObject({ finishReason: 'stop', tokens: golden.greedy.slice(0, end + 1) })
      expect(answer?.text).toBe(engine.tokenizer.decode(golden.greedy.slice(0, end)))
    })

    test('before a stop string', async () => {
      const { answer } = await greedy({ stopStrings: ['never', '66'] })
      expect(answer?.finishReason).toBe('stop')
      expect(answer?.text).toBe(golden.text.slice(0, golden.text.indexOf('66')))
    })

    test('at the token limit', async () => {
      const { answer } = await greedy({ maxTokens: 3 })
      expect(answer).toMatchObject({ finishReason: 'length', tokens: golden.greedy.slice(0, 3) })
    })

    test("at the model's context", async () => {
      const { answer } = await greedy({ maxTokens: 10_000 })
      expect(answer?.finishReason).toBe('length')
      expect(answer?.tokens).toHaveLength(256 - golden.promptTokens.length)
    })
  })

  test('refuses what cannot be sampled, and says why', async () => {
    const engine = await openTiny('llama')
    const attempt = (changes: Partial<SampleRequest>): Promise<unknown> => engine.generate([request(changes)])
    await expect(attempt({ promptTokens: [] })).rejects.toThrow(/prompt is empty/)
    await expect(attempt({ promptTokens: [368] })).rejects.toThrow(/token 368; the vocabulary has 368/)
    await expect(attempt({ promptTokens: Array.from({ length: 256 }, () => 5) })).rejects.toThrow(/context is 256/)
    await expect(attempt({ topP: 0 })).rejects.toThrow(/topP/)
    await expect(attempt({ samples: 0 })).rejects.toThrow(ModelError)
  })

  test('an aborted call rejects with its reason and the others go on', async () => {
    const engine = await openTiny('llama', { maxSlots: 2 })
    const controller = new AbortController()
    const stopped = engine.generate([request({ samples: 4, maxTokens: 200, stopTokenIds: [] })], controller.signal)
    const other = engine.generate([request({ seed: 9, stopTokenIds: [] })])
    controller.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    expect((await other)[0]?.[0]?.tokens).toHaveLength(24)
  })

  test('a model whose weights are not numbers fails its requests with a NumericalError', async () => {
    const engine = await openTiny('llama')
    const tokens = [5, 6, 7]
    await engine.accumulate([tokens], [Float32Array.of(1e30, 1e30)])
    await engine.step({ ...ADAM, learningRate: 1e30, maxGradNorm: 0 }).catch(() => undefined)
    await engine.accumulate([tokens], [Float32Array.of(1, 1)])
    await engine.step({ ...ADAM, learningRate: 1e38 }).catch(() => undefined)
    await expect(engine.generate([request()])).rejects.toThrow(NumericalError)
  })
})

describe('training', () => {
  const sequence = [1, 87, 85, 262, 201, 57, 350, 289, 272]
  const weights = [0, 0, 0, 0, 1, 1, 1, 1]

  async function learn(engine: Engine, steps: number): Promise<number> {
    for (let i = 0; i < steps; i++) {
      await engine.accumulate([sequence], [weights])
      await engine.step(ADAM)
    }
    const [logprobs] = await engine.logprobs([sequence])
    return (logprobs ?? new Float32Array()).slice(4).reduce((sum, value) => sum + value, 0)
  }

  test('the sampler sees an update at once: the answer becomes what was trained', async () => {
    const engine = await openTiny('qwen3')
    const ask = request({ promptTokens: sequence.slice(0, 5), temperature: 0, maxTokens: 4 })
    const before = await engine.generate([ask])
    expect(await learn(engine, 60)).toBeGreaterThan(-0.2)
    const after = await engine.generate([ask])
    expect(before[0]?.[0]?.tokens).not.toEqual(sequence.slice(5))
    expect(after[0]?.[0]?.tokens).toEqual(sequence.slice(5))
  })

  test('adapters are sampled from and saved as part of the weights', async () => {
    const engine = await openTiny('llama', { lora: { rank: 4, alpha: 8 } })
    const ask = request({ promptTokens: sequence.slice(0, 5), temperature: 0, maxTokens: 4 })
    await engine.generate([ask])
    await learn(engine, 80)
    const [answers] = await engine.generate([ask])
    expect(answers?.[0]?.tokens).toEqual(sequence.slice(5))
    await engine.save(join(dir, 'merged'))
    const merged = await Engine.open(join(dir, 'merged'), { inThread: true, threads: 1 })
    open.push(merged)
    const [ours] = await engine.logprobs([sequence])
    const [theirs] = await merged.logprobs([sequence])
    for (const [t, value] of [...(ours ?? [])].entries()) expect(theirs?.[t]).toBeCloseTo(value, 4)
  })

  test('adapters are merged for saving where they were merged for sampling: no further copy of the weights', async () => {
    const { config: tiny, raw: _raw, ...files } = readModelFiles(join(goldens, 'llama'))
    const wide = { ...tiny, intermediate_size: 1 << 17 }
    const engine = await Engine.create(wide, files, { inThread: true, threads: 1, lora: { rank: 1, alpha: 1 } })
    open.push(engine)
    await engine.generate([request({ maxTokens: 1 })])
    await engine.accumulate([sequence], [sequence.slice(1).map(() => 1)])
    await engine.step(ADAM)
    const before = process.memoryUsage().arrayBuffers
    await engine.save(join(dir, 'merged'))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * engine.parameterCount)
    expect(engine.parameterCount).toBeGreaterThan(16e6)
    const merged = await Engine.open(join(dir, 'merged'), { inThread: true, threads: 1 })
    open.push(merged)
    const ask = request({ temperature: 0, maxTokens: 4 })
    expect((await merged.generate([ask]))[0]?.[0]?.tokens).toEqual((await engine.generate([ask]))[0]?.[0]?.tokens)
  })

  test('weights and optimizer saved and loaded go on exactly as without a break', async () => {
    const straight = await openTiny('qwen2')
    await learn(straight, 3)
    await straight.save(join(dir, 'model'))
    await straight.saveOptimizer(join(dir, 'model'))
    const expectedSum = await learn(straight, 3)
    const resumed = await Engine.open(join(dir, 'model'), { inThread: true, threads: 1 })
    open.push(resumed)
    await resumed.loadOptimizer(join(dir, 'model'))
    expect(await learn(resumed, 3)).toBe(expectedSum)
    const other = await openTiny('llama')
    await expect(other.loadOptimizer(join(dir, 'model'))).rejects.toThrow(/another model/)
    truncateSync(join(dir, 'model', 'optimizer.safetensors'), 4000)
    await expect(resumed.loadOptimizer(join(dir, 'model'))).rejects.toThrow(/optimizer\.safetensors.*truncated/)
    await expect(resumed.loadOptimizer(join(dir, 'nowhere'))).rejects.toThrow(ModelError)
  })

  test('a snapshot brings the weights back, bit for bit', async () => {
    const engine = await openTiny('llama')
    const before = await engine.logprobs([sequence])
    const snapshot = await engine.snapshotWeights()
    await learn(engine, 2)
    expect(await engine.logprobs([sequence])).not.toEqual(before)
    await engine.restoreWeights(snapshot)
    expect(await engine.logprobs([sequence])).toEqual(before)
  })

  test('answers asked for before an update are drawn from the weights before it', async () => {
    const engine = await openTiny('llama')
    const ask = request({ samples: 3, maxTokens: 30, stopTokenIds: [] })
    const reference = await engine.generate([ask])
    await engine.accumulate([sequence], [weights])
    const [early, , late] = await Promise.all([
      engine.generate([ask]),
      engine.step({ ...ADAM, learningRate: 0.1 }),
      engine.generate([ask]),
    ])
    expect(early).toEqual(reference)
    expect(late).not.toEqual(reference)
  })
})

describe('Engine', () => {
  test('makes a new model from a configuration, the same from the same seed', async () => {
    const { config, tokenizer, tokenizerConfig, chatTemplate } = readModelFiles(join(goldens, 'llama'))
    const files = { tokenizer, tokenizerConfig, ...(chatTemplate === undefined ? {} : { chatTemplate }) }
    const make = async (seed: number): Promise<Engine> => {
      const engine = await Engine.create(config, files, { seed, inThread: true, threads: 1 })
      open.push(engine)
      return engine
    }
    const [first, same, other] = await Promise.all([make(1), make(1), make(2)])
    const sequences = [[1, 2, 3, 4]]
    expect(await first.logprobs(sequences)).toEqual(await same.logprobs(sequences))
    expect(await first.logprobs(sequences)).not.toEqual(await other.logprobs(sequences))
    await first.save(join(dir, 'new'), { dtype: 'BF16' })
    const reopened = await Engine.open(join(dir, 'new'), { inThread: true, threads: 1 })
    open.push(reopened)
    const [exact] = await first.logprobs(sequences)
    const [rounded] = await reopened.logprobs(sequences)
    for (const [t, value] of [...(exact ?? [])].entries()) expect(rounded?.[t]).toBeCloseTo(value, 1)
    expect(reopened.parameterCount).toBe(first.parameterCount)
    expect(reopened.tokenizer.encodeChat([{ role: 'user', content: 'x' }])).toContain(1)
  })

  test('the real worker thread gives the same results and carries errors with their class', async () => {
    const inThread = await openTiny('qwen3')
    const threaded = await openTiny('qwen3', { inThread: false })
    const asks = [request({ samples: 2 }), request({ seed: 4, temperature: 0.5, topP: 0.9, topK: 20 })]
    expect(await threaded.generate(asks)).toEqual(await inThread.generate(asks))
    const views = Int32Array.of(9, 9, 1, 87, 85, 9).subarray(2, 5)
    expect(await threaded.logprobs([views])).toEqual(await inThread.logprobs([[1, 87, 85]]))
    await expect(threaded.logprobs([[1, 5000]])).rejects.toThrow(InputError)
    await expect(threaded.generate([request({ promptTokens: [] })])).rejects.toThrow(ModelError)
    const controller = new AbortController()
    const stopped = threaded.generate([request({ maxTokens: 200, stopTokenIds: [] })], controller.signal)
    controller.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    await Promise.all([threaded.close(), threaded.close()])
    await expect(threaded.logprobs([[1, 2]])).rejects.toThrow(/closed/)
    open.splice(open.indexOf(threaded), 1)
  })

  test('a damaged folder is refused with one line that names the file', async () => {
    const folder = join(dir, 'damaged')
    const attempt = (): Promise<Engine> => Engine.open(folder, { inThread: true })
    await expect(attempt()).rejects.toThrow(/does not exist/)
    cpSync(join(goldens, 'llama'), folder, { recursive: true })
    truncateSync(join(folder, 'model.safetensors'), 5000)
    await expect(attempt()).rejects.toThrow(/model\.safetensors.*truncated/)
    cpSync(join(goldens, 'qwen2', 'model.safetensors'), join(folder, 'model.safetensors'))
    await expect(attempt()).rejects.toThrow(ModelError)
    const config = readModelFiles(join(goldens, 'llama')).config
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, hidden_size: 1e9 }))
    await expect(attempt()).rejects.toThrow(ModelError)
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, architectures: ['MambaForCausalLM'] }))
    await expect(attempt()).rejects.toThrow(/MambaForCausalLM is not supported/)
  })
})
