/**
 * Sampling beside transformers' `generate`, and scoring with and without a shared beginning: all in turns in one run.
 *
 *   POP_PYTHON=/path/to/python npx tsx bench/sampling-peers.ts [--batch 64] [--tokens 120] [--rounds 5] [--threads 2] [--skip REGEX]
 *   npx tsx bench/sampling-peers.ts --candidates 32 [--prefix 800] [--answer 48] [--tokens 8] [--rounds 5]
 *
 * The first form samples `--batch` answers of `--tokens` tokens to prompts of 16 with the same weights on both sides (6.8M: d
 * 256, 6 layers, 4 heads, feed-forward 1024, vocabulary 2048): ours in float32 and int8, theirs in float32 and bf16, each
 * with one thread and with all (`--skip 'threads 2'` leaves ways out). Greedy answers of both are compared first, so that it is seen that they compute the same.
 * The second scores candidates: prompts that share a beginning (rubric, document, question) and differ in the answer, beside
 * prompts of the same lengths that already differ in the first token, so that nothing can be shared. Ours has its memory in
 * huge pages, as under `pop`; with `--their-huge-pages` theirs has too.
 */
import './engine/huge-pages.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rng } from '../src/core/rng.ts'
import { Engine, readModelFiles, type SampleRequest } from '../src/engine/index.ts'
import { BASE_SHAPE } from './engine/base-shape.ts'
import { TorchPeer } from './peers/torch-peer.ts'
import { printRates, printRatio, takeTurns, timed, type Way } from './peers/turns.ts'

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '64' },
    tokens: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    candidates: { type: 'string' },
    prefix: { type: 'string', default: '800' },
    answer: { type: 'string', default: '48' },
    skip: { type: 'string', default: '^$' },
    'their-huge-pages': { type: 'boolean', default: false },
  },
})
const threads = Number(values.threads)
const rounds = Number(values.rounds)
const PROMPT = 16
const MODEL = { ...BASE_SHAPE, max_position_embeddings: 2048, initializer_range: 0.05 }
const wanted = ({ group, name }: Way): boolean => !new RegExp(values.skip).test(`${group}, ${name}`)
const random = rng(2, 'bench')
const randomTokens = (length: number): number[] => Array.from({ length }, () => random.below(MODEL.vocab_size))

function requestsFor(prompts: readonly number[][], maxTokens: number, temperature = 1): SampleRequest[] {
  const settings = { samples: 1, temperature, topP: 1, topK: 0, maxTokens, stopTokenIds: [] }
  return prompts.map((promptTokens, seed) => ({ promptTokens, seed, ...settings }))
}

async function openEngines(folder: string): Promise<{ group: string; name: string; engine: Engine }[]> {
  const { config: _config, raw: _raw, ...files } = readModelFiles('assets/lab')
  const maker = await Engine.create(MODEL, files, { seed: 1 })
  await maker.save(folder)
  await maker.close()
  const engines: { group: string; name: string; engine: Engine }[] = []
  for (const sampling of ['float32', 'int8'] as const) {
    for (const replicas of new Set([1, threads])) {
      const engine = await Engine.open(folder, { threads, replicas, sampling, maxSlots: Number(values.batch) })
      engines.push({ group: `ours ${sampling}`, name: `replicas ${replicas}`, engine })
    }
  }
  return engines
}

type Opened = Awaited<ReturnType<typeof openEngines>>

function peerWays(peer: TorchPeer, work: Readonly<Record<string, unknown>>): Way[] {
  return ['fp32', 'bf16'].flatMap((dtype) =>
    [...new Set([1, threads])].map((count) => ({
      group: `transformers ${dtype}`,
      name: `threads ${count}`,
      run: async () => {
        const {
          seconds = NaN,
          processorSeconds = NaN,
          error,
        } = await peer.ask({ op: 'generate', ...work, dtype, threads: count })
        if (error !== undefined) throw new Error(`transformers: ${error}`)
        return { wall: seconds, processor: processorSeconds }
      },
    })),
  )
}

/** How many of the greedy answers are the same on both sides, token for token. */
async function compareGreedy(
  peer: TorchPeer,
  engine: Engine,
  work: { prompts: number[][]; tokens: number },
): Promise<void> {
  const ours = await engine.generate(requestsFor(work.prompts, work.tokens, 0))
  const { answers = [] } = await peer.ask({ op: 'generate', ...work, dtype: 'fp32', threads: 1, greedy: true })
  const same = ours.filter(([answer], i) => answer?.tokens.join() === answers[i]?.join()).length
  console.log(`greedy answers that are equal token for token: ${same} of ${work.prompts.length}`)
}

async function sampling(opened: Opened, peer: TorchPeer | undefined): Promise<void> {
  const tokens = Number(values.tokens ?? 120)
  const prompts = Array.from({ length: Number(values.batch) }, () => randomTokens(PROMPT))
  const ways: Way[] = opened.map(({ group, name, engine }) => ({
    group,
    name,
    run: () => timed(() => engine.generate(requestsFor(prompts, tokens))),
  }))
  const [first] = opened
  if (peer !== undefined && first !== undefined) {
    await compareGreedy(peer, first.engine, { prompts, tokens })
    ways.push(...peerWays(peer, { prompts, tokens }))
  }
  const timings = await takeTurns(ways.filter(wanted), rounds)
  printRates(timings, prompts.length * tokens)
  for (const ours of ['ours float32', 'ours int8']) {
    if (peer !== undefined) for (const dtype of ['fp32', 'bf16']) printRatio(timings, ours, `transformers ${dtype}`)
  }
}

/** Candidates' prompts; with `shared` they begin alike, otherwise the first token of each already differs. */
function scoringPrompts(shared: boolean): number[][] {
  const prefix = randomTokens(Number(values.prefix))
  return Array.from({ length: Number(values.candidates) }, (_, i) => {
    const beginning = shared ? prefix : [i, ...prefix.slice(1)]
    return [...beginning, ...randomTokens(Number(values.answer))]
  })
}

async function scoring(opened: Opened): Promise<void> {
  const tokens = Number(values.tokens ?? 8)
  // New prompts each time: the engine remembers the beginnings of those before.
  const ways = opened.flatMap(({ group, name, engine }) =>
    [true, false].map((shared) => ({
      group: `${group} ${shared ? 'shared' : 'apart'}`,
      name,
      run: () => {
        const requests = requestsFor(scoringPrompts(shared), tokens)
        return timed(() => engine.generate(requests))
      },
    })),
  )
  const timings = await takeTurns(ways.filter(wanted), rounds)
  const length = Number(values.prefix) + Number(values.answer) + tokens
  printRates(timings, Number(values.candidates) * length)
  for (const ours of ['ours float32', 'ours int8']) printRatio(timings, `${ours} shared`, `${ours} apart`)
}

const folder = mkdtempSync(join(tmpdir(), 'pop-bench-'))
const opened = await openEngines(folder)
const peer = values.candidates === undefined ? TorchPeer.start({ hugePages: values['their-huge-pages'] }) : undefined
if (peer === undefined && values.candidates === undefined)
  console.log('POP_PYTHON is not set: transformers is left out')
try {
  await peer?.ask({ op: 'setup', folder, threads, sequences: [] })
  if (values.candidates === undefined) await sampling(opened, peer)
  else await scoring(opened)
} finally {
  await Promise.all(opened.map(({ engine }) => engine.close()))
  peer?.stop()
  rmSync(folder, { recursive: true, force: true })
}
