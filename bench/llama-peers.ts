/**
 * Sampling beside llama.cpp, in turns in one run: the same random weights, float32 beside F32 and int8 beside Q8_0.
 *
 *   npx tsx bench/engine/random-model.ts Qwen/Qwen2.5-0.5B-Instruct DIR
 *   python convert_hf_to_gguf.py DIR --outtype f32 --outfile F32.gguf        (llama.cpp's; again with q8_0)
 *   NODE_LLAMA_CPP=…/node_modules/node-llama-cpp npx tsx bench/llama-peers.ts DIR [--f32 F32.gguf] [--q8 Q8_0.gguf]
 *     [--batches 1,8] [--tokens 16] [--rounds 4] [--threads 2]
 *
 * llama.cpp is the one that the npm package node-llama-cpp brings, in its build for this processor; it is not installed with
 * POP. Timed are the tokens after the first of each answer, so prompts (16 tokens) do not count; tokens are the most likely
 * ones, so that no side's way to draw one counts. llama.cpp's converter knows byte-pair tokenizers by a hash of each: its
 * `get_vocab_base_pre` must be told `qwen2` for a random one.
 */
import './engine/huge-pages.ts'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { rng } from '../src/core/rng.ts'
import { Engine } from '../src/engine/index.ts'
import { printRates, printRatio, takeTurns, type Seconds, type Way } from './peers/turns.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    f32: { type: 'string' },
    q8: { type: 'string' },
    batches: { type: 'string', default: '1,8' },
    tokens: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '4' },
    threads: { type: 'string', default: '2' },
  },
})
const [folder] = positionals
const { f32, q8 } = values
const library = process.env['NODE_LLAMA_CPP']
if (folder === undefined || library === undefined || (f32 === undefined && q8 === undefined)) {
  throw new Error('usage: NODE_LLAMA_CPP=DIR npx tsx bench/llama-peers.ts MODEL_DIR [--f32 FILE] [--q8 FILE]')
}
const threads = Number(values.threads)
const tokens = Number(values.tokens)
const PROMPT = 16

/** What is used of node-llama-cpp. */
interface LlamaSequence {
  clearHistory: () => Promise<void>
  evaluate: (prompt: readonly number[], options: Readonly<Record<string, unknown>>) => AsyncIterable<number>
}
interface LlamaContext {
  getSequence: () => LlamaSequence
}
interface LlamaModel {
  createContext: (options: Readonly<Record<string, unknown>>) => Promise<LlamaContext>
}
interface LlamaLibrary {
  getLlama: (options: Readonly<Record<string, unknown>>) => Promise<{
    systemInfo: string
    loadModel: (options: { modelPath: string }) => Promise<LlamaModel>
  }>
}

const random = rng(3, 'bench')
const promptsFor = (batch: number): number[][] =>
  Array.from({ length: batch }, () => Array.from({ length: PROMPT }, () => 1000 + random.below(100_000)))

/** Times the tokens that come after every answer has its first one. */
class Stopwatch {
  private start = 0
  private usage = process.cpuUsage()
  private readonly begun = new Set<number>()

  saw(answer: number): void {
    if (this.begun.has(answer)) return
    this.begun.add(answer)
    this.start = performance.now()
    this.usage = process.cpuUsage()
  }

  stop(): Seconds {
    const { user, system } = process.cpuUsage(this.usage)
    return { wall: (performance.now() - this.start) / 1000, processor: (user + system) / 1e6 }
  }
}

async function ours(engine: Engine, batch: number): Promise<Seconds> {
  const settings = { samples: 1, temperature: 0, topP: 1, topK: 0, maxTokens: tokens, stopTokenIds: [] }
  const requests = promptsFor(batch).map((promptTokens, seed) => ({ promptTokens, seed, ...settings }))
  const watch = new Stopwatch()
  await engine.generate(requests, undefined, ({ request }) => watch.saw(request))
  return watch.stop()
}

async function theirs(sequences: readonly LlamaSequence[], batch: number): Promise<Seconds> {
  const prompts = promptsFor(batch)
  const watch = new Stopwatch()
  await Promise.all(
    sequences.slice(0, batch).map((sequence, i) => answer(sequence, prompts[i] ?? [], () => watch.saw(i))),
  )
  return watch.stop()
}

async function answer(sequence: LlamaSequence, prompt: readonly number[], onToken: () => void): Promise<void> {
  await sequence.clearHistory()
  let count = 0
  const settings = { temperature: 0, yieldEogToken: true }
  for await (const _token of sequence.evaluate(prompt, settings)) {
    onToken()
    count++
    if (count >= tokens) return
  }
  throw new Error(`llama.cpp ended an answer after ${count} tokens`)
}

async function openSequences(modelPath: string, most: number): Promise<LlamaSequence[]> {
  const main = pathToFileURL(join(library ?? '', 'dist/index.js')).href
  const { getLlama } = (await import(main)) as LlamaLibrary
  const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, maxThreads: 0 })
  console.log(`llama.cpp: ${llama.systemInfo.trim()}`)
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({ sequences: most, contextSize: 128, batchSize: 512, threads })
  return Array.from({ length: most }, () => context.getSequence())
}

const batches = values.batches.split(',').map(Number)
const most = Math.max(...batches)
const pairs = [
  ['float32', 'F32', f32],
  ['int8', 'Q8_0', q8],
] as const
for (const [sampling, type, file] of pairs) {
  if (file === undefined) continue
  const engine = await Engine.open(folder, { threads, sampling, maxSlots: most })
  const sequences = await openSequences(file, most)
  for (const batch of batches) {
    const ways: Way[] = [
      { group: `ours ${sampling}`, name: `batch ${batch}`, run: () => ours(engine, batch) },
      { group: `llama.cpp ${type}`, name: `batch ${batch}`, run: () => theirs(sequences, batch) },
    ]
    const timings = await takeTurns(ways, Number(values.rounds))
    printRates(timings, batch * (tokens - 1))
    printRatio(timings, `ours ${sampling}`, `llama.cpp ${type}`)
  }
  await engine.close()
}
// llama.cpp's threads would keep the process alive.
process.exit(0)
