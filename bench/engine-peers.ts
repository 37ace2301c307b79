/**
 * Training beside PyTorch, in one run on one machine: ours and theirs take turns, so that other load meets both.
 *
 *   POP_PYTHON=/path/to/python npx tsx bench/engine-peers.ts [--threads 2] [--rounds 5] [--kinds eager:fp32,compiled:fp32,eager:bf16,compiled:bf16]
 *   POP_PYTHON=… npx tsx bench/engine-peers.ts --pairs runs/lab/round-1/pairs.jsonl --model assets/lab [--rounds 3] [--kinds eager:fp32]
 *
 * The first form trains the 6.8M model (d 256, 6 layers, 4 heads, feed-forward 1024, vocabulary 2048) on 16 sequences of
 * 256 tokens: forward, backward, clipping, AdamW; the same weights and tokens on both sides. The round before those that are
 * timed shows it: its losses, of weights that nobody has trained yet, are printed and agree.
 * The second trains one epoch of DPO on pairs of the laboratory beside TRL: tokenizing, reference log-probabilities and
 * all steps. Ratios are theirs over ours: above 1 ours is faster. Ours has its memory in huge pages, as under `pop`; with
 * `--their-huge-pages` theirs has too.
 */
import './engine/huge-pages.ts'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readPreferencePairs } from '../src/pairing/index.ts'
import { configSchema } from '../src/records/index.ts'
import { rng } from '../src/core/rng.ts'
import { Graph } from '../src/engine/graph/graph.ts'
import { Engine, readModelFiles } from '../src/engine/index.ts'
import { gemmKernel } from '../src/engine/ops/kernels.ts'
import { Executable } from '../src/engine/runtime/executable.ts'
import { EmbeddedTrainableModel, trainingEngineOptions, trainPreferences } from '../src/training/index.ts'
import { BASE_SHAPE } from './engine/base-shape.ts'
import { TorchPeer } from './peers/torch-peer.ts'

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    kinds: { type: 'string', default: 'eager:fp32,compiled:fp32,eager:bf16,compiled:bf16' },
    batches: { type: 'string', default: '4,16' },
    pairs: { type: 'string' },
    'their-huge-pages': { type: 'boolean', default: false },
    model: { type: 'string', default: 'assets/lab' },
  },
})
const threads = Number(values.threads)
const rounds = Number(values.rounds)

/** Seconds of each way, in the order in which they were measured. */
class Table {
  private readonly rows = new Map<string, { seconds: number[]; loss: number }>()

  /** The loss that is printed is the first that comes. */
  add(name: string, loss: number, seconds?: number): void {
    const row = this.rows.get(name) ?? { seconds: [], loss }
    if (seconds !== undefined) row.seconds.push(seconds)
    this.rows.set(name, row)
  }

  /** Best and median, and both as ratios to `ours`. */
  print(ours: string, tokens: number): void {
    const of = (name: string): { best: number; median: number } => {
      const sorted = [...(this.rows.get(name)?.seconds ?? [])].sort((a, b) => a - b)
      return { best: sorted[0] ?? NaN, median: sorted[sorted.length >> 1] ?? NaN }
    }
    const base = of(ours)
    console.log(`${'way'.padEnd(24)} best s  median s  tokens/s (best)  ÷ ours best  ÷ ours median  first loss`)
    for (const [name, { loss }] of this.rows) {
      const { best, median } = of(name)
      const cells = [
        best.toFixed(3).padStart(6),
        median.toFixed(3).padStart(9),
        (tokens / best).toFixed(0).padStart(16),
        (best / base.best).toFixed(3).padStart(12),
        (median / base.median).toFixed(3).padStart(14),
        loss.toFixed(6).padStart(11),
      ]
      console.log(name.padEnd(24), ...cells)
    }
  }
}

const MODEL = { ...BASE_SHAPE, max_position_embeddings: 1024 }
const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, maxGradNorm: 1 }

interface Measured {
  readonly seconds: number
  readonly loss: number
}

/** One timed step of ours: seconds, and the mean loss before it. */
async function ourStep(engine: Engine, sequences: readonly number[][]): Promise<Measured> {
  const tokens = sequences.reduce((sum, { length }) => sum + length - 1, 0)
  const weights = sequences.map(({ length }) => new Float32Array(length - 1).fill(1 / tokens))
  const start = performance.now()
  const logprobs = await engine.accumulate(sequences, weights)
  await engine.step(ADAM)
  const seconds = (performance.now() - start) / 1000
  return { seconds, loss: -logprobs.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0) / tokens }
}

/** Random weights in `folder`, and engines over it: one with all threads, and one of replicas with a thread each. */
async function openEngines(folder: string): Promise<Map<string, Engine>> {
  const { config: _config, raw: _raw, ...files } = readModelFiles(values.model)
  const maker = await Engine.create(MODEL, files, { seed: 1 })
  await maker.save(folder)
  await maker.close()
  const engines = new Map<string, Engine>()
  for (const replicas of new Set([1, threads])) {
    engines.set(`ours, replicas ${replicas}`, await Engine.open(folder, { threads, replicas }))
  }
  return engines
}

async function trainingSteps(peer: TorchPeer | undefined, folder: string): Promise<void> {
  const random = rng(2, 'bench')
  const sequences = Array.from({ length: 16 }, () => Array.from({ length: 257 }, () => random.below(MODEL.vocab_size)))
  const engines = await openEngines(folder)
  const ways = new Map<string, () => Promise<Measured | undefined>>()
  for (const [name, engine] of engines) ways.set(name, () => ourStep(engine, sequences))
  if (peer !== undefined) {
    await peer.ask({ op: 'setup', folder, threads, sequences })
    for (const kind of values.kinds.split(',')) {
      for (const batch of values.batches.split(',')) {
        ways.set(`${kind}, batch ${batch}`, () => theirStep(peer, kind, Number(batch)))
      }
    }
  }
  const table = new Table()
  // The round before the first compiles and warms up.
  for (let round = -1; round < rounds; round++) {
    for (const [name, step] of ways) {
      const measured = await step()
      if (measured !== undefined) table.add(name, measured.loss, round < 0 ? undefined : measured.seconds)
    }
  }
  table.print('ours, replicas 1', 16 * 256)
  await Promise.all([...engines.values()].map((engine) => engine.close()))
}

/** The products that a layer of this model consists of, in both libraries: what each could reach at most. */
async function products(peer: TorchPeer | undefined): Promise<void> {
  for (const [rows, inputs, outputs] of [
    [1024, 256, 1024],
    [1024, 1024, 256],
    [1024, 1024, 2048],
  ] as const) {
    const graph = new Graph()
    const [x, weight] = [graph.input('x', [rows, inputs]), graph.input('w', [outputs, inputs])]
    graph.output('y', gemmKernel(x, weight, { transposeB: true }))
    const executable = await Executable.create(graph.build(), { threads })
    const random = rng(3, 'bench')
    const filled = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal())
    const feeds = { x: filled(rows * inputs), w: filled(outputs * inputs) }
    const y = new Float32Array(rows * outputs)
    let best = Infinity
    for (let i = 0; i < 40; i++) {
      const start = performance.now()
      await executable.run(feeds, { y })
      best = Math.min(best, (performance.now() - start) / 1000)
    }
    await executable.release()
    const theirs = await peer?.ask({ op: 'product', threads, rows, inputs, outputs })
    const rate = (seconds: number): string => ((2 * rows * inputs * outputs) / seconds / 1e9).toFixed(0)
    const other = theirs?.seconds === undefined ? '' : `, PyTorch ${rate(theirs.seconds)}`
    console.log(`product ${rows} × ${inputs} × ${outputs}: ONNX Runtime ${rate(best)} GFLOP/s${other}`)
  }
}

async function theirStep(peer: TorchPeer, kind: string, batch: number): Promise<Measured | undefined> {
  const [how, dtype] = kind.split(':')
  const { error, seconds = NaN, loss = NaN } = await peer.ask({ op: 'step', kind: how, dtype, batch })
  if (error !== undefined) console.error(`${kind}: ${error}`)
  return error === undefined ? { seconds, loss } : undefined
}

const LEARNING_RATE = 1e-4
const BETA = 0.1
const BATCH = 16

async function dpoEpochs(peer: TorchPeer | undefined, file: string): Promise<void> {
  const { pairs } = readPreferencePairs(readFileSync(file, 'utf8').split('\n'))
  const { training } = configSchema.parse({
    corpus: { source: 'none' },
    model: { backend: 'embedded', path: values.model },
    training: {
      objective: { type: 'dpo', beta: BETA },
      learningRate: LEARNING_RATE,
      schedule: 'constant',
      batchSize: BATCH,
      lora: false,
      adam: { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
      shuffle: false,
    },
  })
  const theirs = pairs.map(({ chosen, rejected }) => ({
    prompt: chosen.slice(0, -1),
    chosen: chosen.slice(-1),
    rejected: rejected.slice(-1),
  }))
  const dtypes = new Set(values.kinds.split(',').map((kind) => kind.split(':')[1]))
  const table = new Table()
  let tokens = 0
  for (let round = 0; round < rounds; round++) {
    const engine = await Engine.open(values.model, { ...trainingEngineOptions(training, 1), threads })
    const model = new EmbeddedTrainableModel(engine, () => Promise.reject(new Error('not sampled from')))
    const start = performance.now()
    const { steps } = await trainPreferences({ model, tokenizer: engine.tokenizer, pairs, config: training, seed: 1 })
    const seconds = (performance.now() - start) / 1000
    tokens = steps.reduce((sum, step) => sum + step.tokens, 0)
    table.add('ours', steps.reduce((sum, step) => sum + step.loss, 0) / steps.length, seconds)
    await engine.close()
    if (peer === undefined) continue
    for (const dtype of dtypes) {
      for (const microBatch of [4, 16]) {
        const common = {
          op: 'dpo',
          folder: values.model,
          threads,
          pairs: theirs,
          learningRate: LEARNING_RATE,
          beta: BETA,
        }
        const answer = await peer.ask({ ...common, dtype, batch: BATCH, microBatch })
        if (answer.error !== undefined) console.error(`${dtype}: ${answer.error}`)
        else table.add(`TRL ${dtype}, ${microBatch} pairs`, answer.loss ?? NaN, answer.seconds ?? NaN)
      }
    }
  }
  console.log(`${pairs.length} pairs, ${tokens} tokens`)
  table.print('ours', tokens)
}

const folder = mkdtempSync(join(tmpdir(), 'pop-bench-'))
const peer = TorchPeer.start({ hugePages: values['their-huge-pages'] })
if (peer === undefined) console.log('POP_PYTHON is not set: PyTorch, transformers and TRL are left out')
try {
  if (values.pairs === undefined) {
    await trainingSteps(peer, folder)
    await products(peer)
  } else await dpoEpochs(peer, values.pairs)
} finally {
  peer?.stop()
  rmSync(folder, { recursive: true, force: true })
}
