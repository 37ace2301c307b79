/**
 * Several engines with one set of weights behind the same methods: data parallelism for models so small that threads
 * within an operator mostly wait for each other. Sequences and requests are dealt out; before an update every replica
 * gets the sum of all gradients in the same order, so their weights stay equal bit for bit. Knows no model.
 */
import type {
  CallOptions,
  EngineBackend,
  EngineMethod,
  EngineMethods,
  EngineStats,
  GradientExchange,
  OpenParameters,
  Tokens,
} from './protocol.ts'
import { MICRO_BATCH_TOKENS } from '../training/memory.ts'
import type { SharePrefixes } from '../training/memory.ts'
import { prefixGroups } from '../training/prefix-groups.ts'
import type { OptimizerSettings } from '../training/trainer.ts'
import type { SampleRequest, SampledSequence } from '../sampling/requests.ts'

type Parameters<M extends EngineMethod> = EngineMethods[M]['parameters']
type Result<M extends EngineMethod> = Promise<EngineMethods[M]['result']>
type Handler<M extends EngineMethod> = (parameters: Parameters<M>, options: CallOptions) => Result<M>

export class ReplicatedBackend implements EngineBackend {
  private readonly replicas: readonly EngineBackend[]
  /** Tokens that each replica was given to sample so far. */
  private readonly dealt: number[]
  private exchange: SharedArrayBuffer | undefined
  private sharePrefixes: SharePrefixes = false

  constructor(replicas: readonly EngineBackend[]) {
    this.replicas = replicas
    this.dealt = replicas.map(() => 0)
  }

  call<M extends EngineMethod>(method: M, parameters: Parameters<M>, options: CallOptions = {}): Result<M> {
    const handlers: { [K in EngineMethod]: Handler<K> } = this.handlers
    return handlers[method](parameters, options)
  }

  private readonly handlers: { [K in EngineMethod]: Handler<K> } = {
    open: (parameters) => this.open(parameters),
    logprobs: (parameters) => this.logprobs(parameters),
    accumulate: ({ sequences, weights }) => this.accumulate(sequences, weights),
    shareGradient: (parameters) => this.first.call('shareGradient', parameters),
    step: (settings) => this.step(settings),
    generate: (parameters, options) => this.generate(parameters, options),
    save: (parameters) => this.first.call('save', parameters),
    saveOptimizer: (parameters) => this.first.call('saveOptimizer', parameters),
    loadOptimizer: async (parameters) => this.onAll((replica) => replica.call('loadOptimizer', parameters)),
    saveState: (parameters) => this.first.call('saveState', parameters),
    loadState: async (parameters) => this.onAll((replica) => replica.call('loadState', parameters)),
    removeState: (parameters) => this.first.call('removeState', parameters),
    snapshotWeights: () => this.onAll((replica) => replica.call('snapshotWeights', undefined)),
    restoreWeights: async (parameters) => this.onAll((replica) => replica.call('restoreWeights', parameters)),
    dropSnapshot: async (parameters) => this.onAll((replica) => replica.call('dropSnapshot', parameters)),
    stats: () => this.stats(),
    close: async () => this.onAll((replica) => replica.call('close', undefined)),
  }

  private get first(): EngineBackend {
    const [first] = this.replicas
    if (first === undefined) throw new RangeError('engine: no replicas')
    return first
  }

  /** Each replica opens the model for itself, with its share of threads and of slots. */
  private async open(parameters: OpenParameters): Result<'open'> {
    this.sharePrefixes = parameters.settings.sharePrefixes ?? false
    const opened = await this.onAll((replica) => replica.call('open', parameters))
    const floats = opened.trainableLength * this.replicas.length
    this.exchange = new SharedArrayBuffer(floats * Float32Array.BYTES_PER_ELEMENT)
    return opened
  }

  private async logprobs({ sequences, keep = false }: Parameters<'logprobs'>): Promise<Float32Array[]> {
    return this.gather(this.shareOut(sequences), (replica, share) =>
      replica.call('logprobs', { sequences: share.map((i) => sequences[i] ?? []), keep }),
    )
  }

  private async accumulate(
    sequences: readonly Tokens[],
    weights: readonly ArrayLike<number>[],
  ): Promise<Float32Array[]> {
    if (weights.length !== sequences.length) return this.first.call('accumulate', { sequences, weights })
    return this.gather(this.shareOut(sequences), (replica, share) =>
      replica.call('accumulate', {
        sequences: share.map((i) => sequences[i] ?? []),
        weights: share.map((i) => weights[i] ?? []),
      }),
    )
  }

  /** What is computed together stays together. */
  private shareOut(sequences: readonly Tokens[]): number[][] {
    const groups = prefixGroups(sequences, MICRO_BATCH_TOKENS, this.sharePrefixes)
    return shareOut(
      sequences,
      groups.map(({ items }) => items),
      this.replicas.length,
    )
  }

  private async step(settings: OptimizerSettings): Promise<{ gradNorm: number }> {
    if (this.exchange === undefined) throw new Error('engine: used before open() or after close()')
    const exchange: GradientExchange = { buffer: this.exchange, replicas: this.replicas.length }
    await this.onAll((replica, slot) => replica.call('shareGradient', { exchange, slot }))
    return this.onAll((replica) => replica.call('step', { ...settings, exchange }))
  }

  private async generate(
    { requests, stream = false }: Parameters<'generate'>,
    { signal, onToken }: CallOptions,
  ): Promise<SampledSequence[][]> {
    const shares: number[][] = this.replicas.map(() => [])
    requests.forEach((request, i) => shares[this.deal(request)]?.push(i))
    return this.gather(shares, (replica, share) =>
      replica.call(
        'generate',
        { requests: share.flatMap((i) => requests[i] ?? []), stream },
        {
          signal,
          onToken: onToken && ((event) => onToken({ ...event, request: share[event.request] ?? event.request })),
        },
      ),
    )
  }

  /** The replica that was given least so far: a matter of the order of requests alone, not of the clock. */
  private deal(request: SampleRequest): number {
    const least = this.dealt.indexOf(Math.min(...this.dealt))
    this.dealt[least] = (this.dealt[least] ?? 0) + request.promptTokens.length + request.samples * request.maxTokens
    return least
  }

  private async stats(): Promise<EngineStats> {
    const all = await Promise.all(this.replicas.map((replica) => replica.call('stats', undefined)))
    const sum = (key: keyof EngineStats): number => all.reduce((total, stats) => total + stats[key], 0)
    const most = (key: keyof EngineStats): number => Math.max(...all.map((stats) => stats[key]))
    return {
      sampledTokens: sum('sampledTokens'),
      promptTokens: sum('promptTokens'),
      reusedTokens: sum('reusedTokens'),
      trainedTokens: sum('trainedTokens'),
      scoredTokens: sum('scoredTokens'),
      runningSamples: sum('runningSamples'),
      waitingRequests: sum('waitingRequests'),
      preemptions: sum('preemptions'),
      samplingSeconds: most('samplingSeconds'),
      trainingSeconds: most('trainingSeconds'),
    }
  }

  /** Gives replica r its share of items and puts the results back in the order of the items. */
  private async gather<T>(
    shares: readonly number[][],
    work: (replica: EngineBackend, share: readonly number[]) => Promise<T[]>,
  ): Promise<T[]> {
    const results: T[] = []
    await settle(
      shares.map(async (share, r) => {
        const replica = this.replicas[r]
        if (share.length === 0 || replica === undefined) return
        for (const [k, result] of (await work(replica, share)).entries()) results[share[k] ?? 0] = result
      }),
    )
    return results
  }

  private async onAll<T>(work: (replica: EngineBackend, index: number) => Promise<T>): Promise<T> {
    const [first] = await settle(this.replicas.map(work))
    return first as T
  }
}

/** Waits for all before it rejects with the first error: no replica is still at work when the caller goes on. */
async function settle<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** Longest group first, each to the share with the fewest tokens; ties to the first. */
function shareOut(sequences: readonly Tokens[], groups: readonly (readonly number[])[], count: number): number[][] {
  const shares = Array.from({ length: count }, () => ({ tokens: 0, items: [] as number[] }))
  const sizes = groups.map((items) => items.reduce((sum, item) => sum + lengthOf(sequences, item), 0))
  const order = groups.map((_, i) => i).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0))
  for (const group of order) {
    const least = shares.reduce((best, share) => (share.tokens < best.tokens ? share : best))
    least.items.push(...(groups[group] ?? []))
    least.tokens += sizes[group] ?? 0
  }
  return shares.map(({ items }) => items)
}

function lengthOf(sequences: readonly Tokens[], index: number): number {
  return sequences[index]?.length ?? 0
}
