/**
 * The engine itself, in whatever thread it was made: weights, trainer and sampler, and the order in which calls are
 * served. One call or one sampling pass runs at a time. Calls that only read weights go in between sampling passes;
 * calls that change them wait until the answers in progress are complete, and later requests wait for them, so every
 * answer is drawn from one set of weights.
 */
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { errorMessage, ModelError } from '../../core/errors.ts'
import { Constraints } from '../constraint/index.ts'
import { saveModelFolder } from '../formats/model-folder.ts'
import { parseModelConfig } from '../models/config.ts'
import { initParameters } from '../models/parameters.ts'
import { Batcher } from '../sampling/batcher.ts'
import { CachedModel } from '../sampling/cached-model.ts'
import { tokenBytes } from '../tokenizer/token-bytes.ts'
import { Tokenizer } from '../tokenizer/tokenizer.ts'
import { requireDevice } from '../training/device.ts'
import { mergeAdapters } from '../training/merge.ts'
import { Trainer, type TrainerOptions } from '../training/trainer.ts'
import { loadAdapter, saveAdapter, startFrom } from './adapter.ts'
import { loadWeights } from './load-weights.ts'
import {
  loadOptimizerState,
  loadTrainingState,
  removeTrainingState,
  saveOptimizerState,
  saveTrainingState,
} from './optimizer-file.ts'
import type { StateNote } from './optimizer-file.ts'
import type { ModelFiles } from '../formats/model-folder.ts'
import type { StoredDtype } from '../formats/safetensors-writer.ts'
import type { ModelConfig } from '../models/config.ts'
import type { ParameterStore } from '../models/parameters.ts'
import type { SampleRequest, SampledSequence } from '../sampling/requests.ts'
import type {
  CallOptions,
  EngineBackend,
  EngineMethod,
  EngineMethods,
  EngineSettings,
  EngineStats,
  GradientExchange,
  OpenParameters,
  Tokens,
} from './protocol.ts'

const DEFAULT_SLOTS = 64
/** Within a saved model folder. */
const ADAPTER_DIR = 'adapter'

type Model = {
  files: ModelFiles
  config: ModelConfig
  parameters: ParameterStore
  trainer: Trainer
  settings: EngineSettings
  /** The folder that the weights came from. */
  dir: string | undefined
}

interface Task {
  /** Whether the answers in progress must be complete first. */
  changesWeights: boolean
  run: () => Promise<void>
}

export class EngineCore implements EngineBackend {
  private model: Model | undefined
  private sampler: { batcher: Batcher; cached: CachedModel; weights: ParameterStore } | undefined
  /** The weights changed since the sampler last took them over. */
  private staleSampler = false
  private readonly tasks: Task[] = []
  private pumping = false
  private readonly snapshots = new Map<number, Float32Array>()
  private snapshotCounter = 0
  private readonly trained = { trainedTokens: 0, scoredTokens: 0, samplingSeconds: 0, trainingSeconds: 0 }

  async call<M extends EngineMethod>(
    method: M,
    parameters: EngineMethods[M]['parameters'],
    options: CallOptions = {},
  ): Promise<EngineMethods[M]['result']> {
    options.signal?.throwIfAborted()
    const handlers: { [K in EngineMethod]: Handler<K> } = this.handlers
    return handlers[method](parameters, options)
  }

  private readonly handlers: { [K in EngineMethod]: Handler<K> } = {
    open: (parameters) => this.exclusive(false, () => this.open(parameters)),
    logprobs: (parameters) => this.exclusive(false, () => this.logprobs(parameters)),
    accumulate: ({ sequences, weights }) => this.exclusive(false, () => this.accumulate(sequences, weights)),
    shareGradient: ({ exchange, slot }) => this.exclusive(false, () => this.shareGradient(exchange, slot)),
    step: (settings) => this.exclusive(true, () => this.step(settings)),
    generate: ({ requests, stream = false }, { signal, onToken }) =>
      this.generate(requests, signal, stream ? onToken : undefined),
    save: ({ dir, dtype }) => this.exclusive(false, () => this.save(dir, dtype)),
    saveOptimizer: ({ dir }) => this.exclusive(false, () => this.saveOptimizer(dir)),
    loadOptimizer: ({ dir }) => this.exclusive(false, () => this.loadOptimizer(dir)),
    saveState: ({ path, owner, note }) => this.exclusive(false, () => this.saveState(path, { owner, note })),
    loadState: ({ path, owner }) => this.exclusive(true, () => this.loadState(path, owner)),
    removeState: ({ path }) => this.exclusive(false, () => this.removeState(path)),
    snapshotWeights: () => this.exclusive(false, () => this.snapshot()),
    restoreWeights: ({ snapshot }) => this.exclusive(true, () => this.restore(snapshot)),
    dropSnapshot: ({ snapshot }) => this.exclusive(false, () => this.drop(snapshot)),
    stats: () => Promise.resolve(this.stats()),
    close: () => this.exclusive(true, () => this.close()),
  }

  private get opened(): Model {
    if (this.model === undefined) throw new Error('engine: used before open() or after close()')
    return this.model
  }

  private async open({ files, dir, settings }: OpenParameters): Promise<EngineMethods['open']['result']> {
    const config = parseModelConfig(files.config)
    const parameters = dir === undefined ? initParameters(config, settings.seed ?? 0) : loadWeights(dir, config)
    await requireDevice(settings.device, settings)
    const trainer = await makeTrainer(config, parameters, settings)
    this.model = { files, config, parameters, trainer, settings, dir }
    return { parameterCount: parameters.parameterCount, trainableLength: trainer.trainable.length }
  }

  private async logprobs({ sequences, ...keeping }: EngineMethods['logprobs']['parameters']): Promise<Float32Array[]> {
    const result = await this.timed(() => this.opened.trainer.logprobs(sequences, keeping))
    this.trained.scoredTokens += countTokens(sequences)
    return result
  }

  private async accumulate(
    sequences: readonly Tokens[],
    weights: readonly ArrayLike<number>[],
  ): Promise<Float32Array[]> {
    if (this.sampler?.batcher.busy === false) {
      this.sampler.cached.dropCache()
      this.sampler.batcher.forgetPrompts()
    }
    const result = await this.timed(() => this.opened.trainer.accumulate(sequences, weights))
    this.trained.trainedTokens += countTokens(sequences)
    return result
  }

  private shareGradient(exchange: GradientExchange, slot: number): Promise<undefined> {
    const target = slotsOf(exchange)[slot]
    if (target !== undefined) this.opened.trainer.exportGradient(target)
    return Promise.resolve(undefined)
  }

  private async step({ exchange, ...settings }: EngineMethods['step']['parameters']): Promise<{ gradNorm: number }> {
    const { trainer } = this.opened
    if (exchange !== undefined) await trainer.replaceGradient(slotsOf(exchange))
    const result = await this.timed(() => trainer.step(settings))
    this.staleSampler = true
    return result
  }

  private async save(dir: string, dtype: StoredDtype): Promise<undefined> {
    const { files } = this.opened
    const merged = await this.mergedWeights()
    const tensors = merged.specs.map(({ name, shape }) => ({ name, shape, data: merged.get(name) }))
    try {
      saveModelFolder(dir, files, tensors, dtype, (folder) => this.addAdapter(folder))
    } catch (error) {
      throw new ModelError(`cannot save the model to ${dir}: ${errorMessage(error)}`, { cause: error })
    }
    return undefined
  }

  /** Beside the merged weights, the adapter as it is, for whoever keeps the base model already. */
  private addAdapter(folder: string): void {
    const { trainer, settings, dir: base } = this.opened
    if (settings.lora === undefined || settings.lora === false) return
    saveAdapter(join(folder, ADAPTER_DIR), trainer.trainable, { ...settings.lora, base })
  }

  private saveOptimizer(dir: string): Promise<undefined> {
    const { trainer } = this.opened
    saveOptimizerState(dir, trainer.trainable, trainer.optimizerState())
    return Promise.resolve(undefined)
  }

  private loadOptimizer(dir: string): Promise<undefined> {
    const { trainer } = this.opened
    trainer.restore(loadOptimizerState(dir, trainer.trainable))
    return Promise.resolve(undefined)
  }

  private saveState(path: string, note: StateNote): Promise<undefined> {
    const { trainer } = this.opened
    saveTrainingState(path, trainer.trainable, trainer.optimizerState(), note)
    return Promise.resolve(undefined)
  }

  private loadState(path: string, owner: string): Promise<string | undefined> {
    const { trainer } = this.opened
    const loaded = loadTrainingState(path, trainer.trainable, owner)
    if (loaded !== undefined) trainer.restore(loaded.state)
    trainer.weightsChanged()
    this.staleSampler = true
    return Promise.resolve(loaded?.note)
  }

  private removeState(path: string): Promise<undefined> {
    removeTrainingState(path)
    return Promise.resolve(undefined)
  }

  private snapshot(): Promise<number> {
    const id = ++this.snapshotCounter
    this.snapshots.set(id, this.opened.trainer.trainable.flat.slice())
    return Promise.resolve(id)
  }

  private restore(id: number): Promise<undefined> {
    const saved = this.snapshots.get(id)
    if (saved === undefined) throw new RangeError(`engine: there is no snapshot ${id}`)
    this.opened.trainer.trainable.flat.set(saved)
    this.opened.trainer.weightsChanged()
    this.staleSampler = true
    return Promise.resolve(undefined)
  }

  private drop(id: number): Promise<undefined> {
    this.snapshots.delete(id)
    return Promise.resolve(undefined)
  }

  private async close(): Promise<undefined> {
    await this.sampler?.cached.release()
    await this.model?.trainer.release()
    this.sampler = undefined
    this.model = undefined
    this.snapshots.clear()
    return undefined
  }

  private stats(): EngineStats {
    const {
      sampledTokens = 0,
      promptTokens = 0,
      reusedTokens = 0,
      preemptions = 0,
    } = this.sampler?.batcher.counts ?? {}
    const { running: runningSamples = 0, waiting: waitingRequests = 0 } = this.sampler?.batcher.load ?? {}
    const sampled = { sampledTokens, promptTokens, reusedTokens, preemptions }
    return { ...sampled, runningSamples, waitingRequests, ...this.trained }
  }

  private generate(
    requests: readonly SampleRequest[],
    signal: AbortSignal | undefined,
    onToken: CallOptions['onToken'],
  ): Promise<SampledSequence[][]> {
    return new Promise((resolve, reject) => {
      // Only the submission is queued; the answers come as the pump goes on with its passes.
      const run = async (): Promise<void> => {
        const batcher = await this.readySampler()
        for (const request of requests) batcher.check(request)
        const submitted = requests.map((each, request) =>
          batcher.submit(each, signal, onToken && ((sample, drawn) => onToken({ request, sample, ...drawn }))),
        )
        Promise.all(submitted).then(resolve, reject)
      }
      this.tasks.push({ changesWeights: false, run: () => run().catch(reject) })
      void this.pump()
    })
  }

  /** As `Trainer.merged`, without a further copy where the sampler has one. Only while no answers are in progress is it stale. */
  private mergedWeights(): Promise<ParameterStore> | ParameterStore {
    if (this.sampler !== undefined && !this.staleSampler) return this.sampler.weights
    return this.opened.trainer.merged(this.sampler?.weights)
  }

  /** The sampler over the current weights; with adapters, over a copy that they have been added to. */
  private async readySampler(): Promise<Batcher> {
    const { config, files, settings } = this.opened
    if (this.sampler === undefined) {
      const weights = await this.mergedWeights()
      const { threads, sampling, batchInvariant = false } = settings
      const cached = await CachedModel.create(config, weights, {
        int8: sampling === 'int8',
        batchInvariant,
        ...(threads === undefined ? {} : { threads }),
      })
      const tokenizer = lazy(() => new Tokenizer(files))
      const decode = (tokens: readonly number[]): string => tokenizer().decode(tokens)
      const constraints = lazy(() => new Constraints(tokenBytes(files.tokenizer), config.vocabSize))
      const batcher = new Batcher(cached, {
        maxRows: settings.maxSlots ?? DEFAULT_SLOTS,
        batchInvariant,
        decode,
        constraintOf: (schema) => constraints().of(schema),
      })
      this.sampler = { batcher, cached, weights }
    } else if (this.staleSampler) {
      await this.mergedWeights()
      await this.sampler.cached.refresh(this.sampler.weights)
      this.sampler.batcher.forgetPrompts()
    }
    this.staleSampler = false
    return this.sampler.batcher
  }

  private exclusive<T>(changesWeights: boolean, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          resolve(await work())
        } catch (error) {
          reject(error as Error)
        }
      }
      this.tasks.push({ changesWeights, run })
      void this.pump()
    })
  }

  /** Serves tasks in the order of arrival, and samples when there is none or when one waits for the answers. */
  private async pump(): Promise<void> {
    if (this.pumping) return
    this.pumping = true
    for (;;) {
      const sampling = this.sampler?.batcher.busy === true
      const next = this.tasks[0]
      if (next !== undefined && !(next.changesWeights && sampling)) {
        this.tasks.shift()
        await next.run()
      } else if (sampling) {
        await this.samplePass()
      } else {
        break
      }
    }
    this.pumping = false
  }

  private async samplePass(): Promise<void> {
    const start = systemClock.monotonic()
    await this.sampler?.batcher.pass()
    this.trained.samplingSeconds += (systemClock.monotonic() - start) / 1000
  }

  private async timed<T>(work: () => Promise<T>): Promise<T> {
    const start = systemClock.monotonic()
    try {
      return await work()
    } finally {
      this.trained.trainingSeconds += (systemClock.monotonic() - start) / 1000
    }
  }
}

function execution({ threads, device, recompute, sharePrefixes }: EngineSettings): TrainerOptions {
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
    ...(recompute === undefined ? {} : { recompute }),
    ...(sharePrefixes === undefined ? {} : { sharePrefixes }),
  }
}

/** The adapter of the settings, if there is one, is what is trained, or is added to the weights. */
async function makeTrainer(
  config: ModelConfig,
  parameters: ParameterStore,
  { lora = false, seed = 0, adapter: dir, ...settings }: EngineSettings,
): Promise<Trainer> {
  const adapter = dir === undefined ? undefined : loadAdapter(dir, config)
  if (adapter !== undefined && lora === false) {
    await mergeAdapters(parameters, adapter.store, { scale: adapter.scale, target: parameters })
  }
  const trainer = new Trainer(config, parameters, {
    ...execution(settings),
    lora: lora === false ? false : { ...lora, seed },
  })
  if (adapter !== undefined && lora !== false) startFrom(trainer.trainable, adapter, lora)
  return trainer
}

type Handler<M extends EngineMethod> = (
  parameters: EngineMethods[M]['parameters'],
  options: CallOptions,
) => Promise<EngineMethods[M]['result']>

function slotsOf({ buffer, replicas }: GradientExchange): Float32Array[] {
  const all = new Float32Array(buffer)
  const length = all.length / replicas
  return Array.from({ length: replicas }, (_, slot) => all.subarray(slot * length, (slot + 1) * length))
}

function countTokens(sequences: readonly Tokens[]): number {
  return sequences.reduce((sum, tokens) => sum + tokens.length, 0)
}

/** Only stop strings and constraints need text in this thread. */
function lazy<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
