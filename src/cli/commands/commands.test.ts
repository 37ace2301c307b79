/** The commands from the words of a command line to what stands on stdout, on real models and real folders. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InterruptedError } from '../../core/errors.ts'
import { sampleExamples } from '../../dashboard/testing/sample-run.ts'
import { configSchema } from '../../records/index.ts'
import { RunFolder } from '../../store/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'
import { writeReport } from '../write-report.ts'

interface Expected {
  models: Record<string, { promptTokens: number[]; greedy: number[]; logprobs: number[] }[]>
  chats: { messages: { role: string; content: string }[]; addGenerationPrompt: boolean; ids: number[] }[]
}

const goldens = fileURLToPath(new URL('../../../test/goldens/', import.meta.url))
const llama = join(goldens, 'tiny-models', 'llama')
const expected = JSON.parse(readFileSync(join(goldens, 'tiny-models', 'expected.json'), 'utf8')) as Expected
const trlPairs = join(goldens, 'trl-dpo', 'pairs.jsonl')

let folder = ''
const at = (...names: string[]): string => join(folder, ...names)
const write = (name: string, text: string): string => {
  writeFileSync(at(name), text)
  return at(name)
}

async function pop(args: string[], stdin?: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext(stdin === undefined ? {} : { stdin })
  // One thread: these models are tiny, and threads that wait for each other cost more than they give.
  const threads = ['generate', 'logprobs'].includes(args[0] ?? '') ? ['--threads', '1'] : []
  const code = await dispatch([...args, ...threads], verbs, '0.0.0', context)
  return { code, ...context.output }
}

async function json(args: string[], stdin?: string): Promise<unknown> {
  const { code, stdout, stderr } = await pop([...args, '--json'], stdin)
  expect([code, stderr]).toEqual([0, expect.any(String)])
  return JSON.parse(stdout)
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pop-commands-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('pop logprobs', () => {
  it('gives what transformers gives, one line per line', async () => {
    const golden = expected.models['llama'] ?? []
    const lines = golden.map(({ promptTokens, greedy }) => JSON.stringify({ tokens: [...promptTokens, ...greedy] }))
    const file = write('tokens.jsonl', `${lines.join('\n')}\n`)
    const { code, stdout } = await pop(['logprobs', llama, file])
    expect(code).toBe(0)
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { logprobs: number[] })
    expect(rows.length).toBe(golden.length)
    for (const [i, { logprobs }] of golden.entries()) {
      expect(rows[i]?.logprobs.length).toBe(logprobs.length)
      for (const [t, value] of logprobs.entries()) expect(rows[i]?.logprobs[t]).toBeCloseTo(value, 4)
    }
    expect(await json(['logprobs', llama, file])).toEqual({ sequences: rows })
  })

  it.each([
    ['a missing file', 'none.jsonl', undefined, 'none.jsonl does not exist'],
    ['a line that is no JSON', 'bad.jsonl', '{"tokens":[1,2]}\n{"tokens":\n', 'bad.jsonl line 2 is not JSON'],
    ['a line without tokens', 'bad.jsonl', '{"ids":[1,2]}\n', 'bad.jsonl line 1: "tokens"'],
    ['a token that is not in the vocabulary', 'bad.jsonl', '{"tokens":[1,999999]}\n', '999999'],
  ])('answers %s with one line and exit code 2', async (_what, name, text, message) => {
    const file = text === undefined ? at(name) : write(name, text)
    const { code, stderr } = await pop(['logprobs', llama, file])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('pop generate', () => {
  const chat = expected.chats.find(({ addGenerationPrompt }) => addGenerationPrompt)

  it('puts the messages through the template as transformers does', async () => {
    const file = write('chat.json', JSON.stringify(chat?.messages))
    const result = await json(['generate', llama, '--messages', file, '--greedy', '--max-tokens', '6'])
    expect(result).toMatchObject({ promptTokens: chat?.ids, tokens: expect.any(Array), text: expect.any(String) })
    expect((result as { tokens: number[] }).tokens.length).toBeLessThanOrEqual(6)
  })

  it('takes the same chat from --prompt, from stdin as text, and from stdin as messages', async () => {
    const args = ['generate', llama, '--greedy', '--max-tokens', '4']
    const fromPrompt = await json([...args, '--prompt', 'Hello there'])
    expect(await json(args, 'Hello there\n')).toEqual(fromPrompt)
    expect(await json(args, '[{"role":"user","content":"Hello there"}]')).toEqual(fromPrompt)
  })

  it('samples the same with the same seed and differently with another', async () => {
    const args = ['generate', llama, '--prompt', 'x', '--max-tokens', '12']
    const first = await json([...args, '--seed', '3'])
    expect(await json([...args, '--seed', '3'])).toEqual(first)
    expect(await json([...args, '--seed', '4'])).not.toEqual(first)
  })

  it.each([
    [['--messages', 'nowhere.json'], 'nowhere.json cannot be read'],
    [['--prompt', 'a', '--messages', 'b.json'], 'give --prompt or --messages, not both'],
    [['--greedy', '--temperature', '0.5', '--prompt', 'a'], '--greedy and --temperature say different things'],
    [[], 'nothing to answer'],
  ])('answers %j with one line and exit code 2', async (options, message) => {
    const { code, stdout, stderr } = await pop(['generate', llama, ...options])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
  })

  it('answers messages of another shape with what they should be', async () => {
    const { code, stderr } = await pop(['generate', llama, '--messages', '-'], '[{"role":"robot","content":1}]')
    expect(code).toBe(2)
    expect(stderr).toContain('expected a JSON list of messages like [{"role": "user"')
  })

  it.each(['config.json', 'tokenizer.json', 'model.safetensors'])(
    'names %s when the model folder lacks it',
    async (name) => {
      cpSync(llama, at('broken'), { recursive: true })
      rmSync(at('broken', name))
      const { code, stderr } = await pop(['generate', at('broken'), '--prompt', 'a'])
      rmSync(at('broken'), { recursive: true })
      expect(code).toBe(2)
      expect(stderr).toContain(name)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    },
  )

  it('refuses a run on weights that are cut off before it makes the run folder', async () => {
    cpSync(llama, at('broken'), { recursive: true })
    truncateSync(at('broken', 'model.safetensors'), 5000)
    writeFileSync(at('words.txt'), 'word '.repeat(80))
    writeFileSync(
      at('broken.yaml'),
      'corpus: { source: ./words.txt, documents: 1 }\nmodel: { backend: embedded, path: ./broken }\n',
    )
    const { code, stderr } = await pop(['run', at('broken.yaml'), '--run', at('never')])
    expect(code).toBe(2)
    expect(stderr).toContain('model.safetensors')
    expect(existsSync(at('never'))).toBe(false)
    rmSync(at('broken'), { recursive: true })
  })

  it('says that the weights are cut off, or the architecture unknown', async () => {
    cpSync(llama, at('broken'), { recursive: true })
    truncateSync(at('broken', 'model.safetensors'), 5000)
    expect(await pop(['generate', at('broken'), '--prompt', 'a'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('model.safetensors'),
    })
    const config = readFileSync(join(llama, 'config.json'), 'utf8')
    writeFileSync(
      at('broken', 'config.json'),
      config.replaceAll('LlamaForCausalLM', 'MambaForCausalLM').replaceAll('"llama"', '"mamba"'),
    )
    expect(await pop(['generate', at('broken'), '--prompt', 'a'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/mamba/i),
    })
    rmSync(at('broken'), { recursive: true })
  })
})

describe('a run folder', () => {
  const config = configSchema.parse({
    corpus: { source: './documents' },
    model: { backend: 'embedded', path: llama },
    rounds: 2,
  })

  beforeAll(async () => {
    const run = await RunFolder.open(at('run'), { create: true })
    await run.writeConfig(config)
    for (const round of [1, 2]) {
      await run.writeJsonl(run.round(round).examples, sampleExamples(round))
    }
    const usage = { promptTokens: 10, completionTokens: 5 }
    const generations = [{ text: 'a', finishReason: 'stop' as const, usage }]
    for (const key of ['r1/d/q0/propose/a0', 'r1/d/q0/solve/a0', 'r1/e/q0/propose/a0', 'r2/d/q0/score/c3']) {
      await run.journal.append({ v: 1, kind: 'call', key, inputs: 'x', at: 0, ms: 1, model: 'm', generations })
    }
    await run.close()
  })

  it('is paired as its examples say: eight questions with a spread of scores each, one without', async () => {
    const out = at('pairs.jsonl')
    const result = await json(['pair', at('run'), '--round', '1', '--out', out])
    const pairs = readFileSync(out, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { chosen_score: number; rejected_score: number })
    expect(result).toMatchObject({ pairs: 7, skipped: { noQuestion: 1, noSpread: 1, lengthGap: 0 }, badLines: 0 })
    expect(pairs).toHaveLength(7)
    for (const pair of pairs) expect(pair.chosen_score).toBeGreaterThan(pair.rejected_score)
  })

  it('pairs its last round by default, the same from the run and from its file of examples', async () => {
    await pop(['pair', at('run'), '--out', at('a.jsonl')])
    await pop(['pair', at('run', 'round-2', 'examples.jsonl'), '--out', at('b.jsonl')])
    const lines = (name: string): string[] => readFileSync(at(name), 'utf8').split('\n').sort()
    expect(lines('a.jsonl')).toEqual(lines('b.jsonl'))
  })

  it('shows its status', async () => {
    const result = await json(['status', at('run')])
    expect(result).toMatchObject({
      usage: { calls: 4, promptTokens: 40, completionTokens: 20 },
      rounds: [
        { round: 1, calls: { propose: 2, solve: 1 }, examples: 9, pairs: null },
        { round: 2, calls: { score: 1 }, examples: 9 },
      ],
    })
    const { stdout } = await pop(['status', at('run')])
    expect(stdout).toMatch(/^1 +2 +1 +0 +0 +9 +– +0$/m)
  })

  it('gets its report, with the pairs that its own rules make', async () => {
    const report = await writeReport(at('run'))
    expect(report).toBe(at('run', 'report.html'))
    const page = readFileSync(report, 'utf8')
    expect(page.match(/<tr class="chosen">/g)).toHaveLength(6)
    expect(page).toContain('No pair: all answers have the same score')
  })

  it.each([
    [['pair', 'nowhere', '--out', 'x'], 'nowhere does not exist'],
    [['pair', 'RUN'], 'Add --out FILE'],
    [['pair', 'RUN', '--round', '9', '--out', 'x'], 'has no examples of round 9'],
  ])('answers %j with one line and exit code 2', async (args, message) => {
    const { code, stderr } = await pop(args.map((word) => (word === 'RUN' ? at('run') : word)))
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('refuses a file that holds no samples, and writes nothing', async () => {
    const { code, stderr } = await pop(['pair', write('notes.txt', 'hello\n'), '--out', at('never.jsonl')])
    expect(code).toBe(2)
    expect(stderr).toContain('holds no samples; line 1')
    expect(existsSync(at('never.jsonl'))).toBe(false)
  })
})

describe('pop train', () => {
  const settings = `training: { lora: false, threads: 1, learningRate: 1.0e-3, schedule: constant, batchSize: 7, epochs: 2, objective: { type: dpo, beta: 0.1 } }\n`

  it('trains a model that can be used, and reports every step', async () => {
    const config = write('train.yaml', `model: { backend: embedded, path: ${JSON.stringify(llama)} }\n${settings}`)
    const result = (await json(['train', trlPairs, '--config', config, '--out', at('trained')])) as {
      steps: Record<string, number>[]
      checkpoint: string
    }
    expect(result).toMatchObject({ checkpoint: at('trained'), pairs: 14, badLines: 0 })
    expect(result.steps).toHaveLength(4)
    const [first, last] = [result.steps[0], result.steps.at(-1)]
    expect(first).toMatchObject({ step: 1, loss: expect.closeTo(Math.LN2, 6), margin: 0, learningRate: 1e-3 })
    expect(last?.['loss']).toBeLessThan(0.6)
    for (const key of ['gradNorm', 'chosenLogprob', 'rejectedLogprob', 'accuracy', 'tokensPerSecond']) {
      expect(last?.[key], key).toEqual(expect.any(Number))
    }
    const tokens = write('probe.jsonl', '{"tokens":[1,2,3,4,5]}\n')
    const before = await json(['logprobs', llama, tokens])
    expect(await json(['logprobs', at('trained'), tokens])).not.toEqual(before)
  }, 30_000)

  it('goes on with a training that was cut off, also where the name of its folder ends with a slash', async () => {
    const config = write('cut.yaml', `model: { backend: embedded, path: ${JSON.stringify(llama)} }\n${settings}`)
    const words = ['train', trlPairs, '--config', config, '--out', `${at('cut')}/`]
    const context = fakeContext()
    const writeOrStop = async (text: string): Promise<void> => {
      if (text.includes('1/4')) context.controller.abort(new InterruptedError('stopped'))
      await context.terminal.write(text)
    }
    const stopped = { ...context, terminal: { ...context.terminal, write: writeOrStop } }
    expect(await dispatch(words, verbs, '0.0.0', stopped)).not.toBe(0)
    expect(readdirSync(folder).filter((name) => name.startsWith('cut.'))).toContain('cut.training-state.safetensors')
    const { code, stderr } = await pop(words)
    expect([code, stderr]).toEqual([0, expect.any(String)])
    expect(existsSync(at('cut', 'config.json'))).toBe(true)
  }, 30_000)

  it.each([
    ['no configuration', [], 'Add --config FILE'],
    ['a configuration that is not there', ['--config', 'none.yaml'], 'none.yaml: no such file'],
    ['an output folder with other files', ['--config', 'CONFIG', '--out', 'FULL'], 'holds other files than a model'],
  ])('answers %s with one line and exit code 2', async (_what, options, message) => {
    const config = write('c.yaml', `model: { backend: embedded, path: ${JSON.stringify(llama)} }\n${settings}`)
    const words: Record<string, string> = { CONFIG: config, FULL: folder }
    const { code, stderr } = await pop(['train', trlPairs, ...options.map((word) => words[word] ?? word)])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('refuses a file without pairs and a server without local weights, and writes nothing', async () => {
    const server = write('s.yaml', `model: { backend: openai, baseUrl: http://localhost:1/v1, name: m }\n${settings}`)
    const local = write('l.yaml', `model: { backend: embedded, path: ${JSON.stringify(llama)} }\n${settings}`)
    const target = at('never')
    expect((await pop(['train', trlPairs, '--config', server, '--out', target])).stderr).toContain(
      'training.path is missing',
    )
    const empty = await pop(['train', write('no.jsonl', '{"a":1}\n'), '--config', local, '--out', target])
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining('holds no preference pair; line 1') })
    expect(existsSync(target)).toBe(false)
  })
})
