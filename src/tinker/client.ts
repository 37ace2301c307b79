/**
 * One model on a Tinker server: a session kept alive, a LoRA to train, and the jobs on it in order. Weighted log-likelihood only; what the
 * server makes of weights (a sum, or a mean over each sequence) is measured once and made up for, so that callers see plain sums.
 */
import { z } from 'zod'
import { ConfigError, EndpointError } from '../core/errors.ts'
import { version } from '../core/version.ts'
import type { Clock } from '../core/clock.ts'
import { isForeign, isPassing, type TinkerConnection } from './connection.ts'
import {
  capabilitiesSchema,
  createdModelSchema,
  encodeDatum,
  futureSchema,
  lastOf,
  passSchema,
  savedSchema,
  sessionSchema,
  stepSchema,
  type Datum,
} from './wire.ts'

/** How a server reduces a loss: the sum over tokens and data, or the mean over data of each sequence's weighted mean. */
export type Reduction = 'sum' | 'sequenceMean'

export interface TinkerAdam {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  readonly weightDecay: number
  readonly maxGradNorm: number
}

export interface TinkerModelOptions {
  readonly connection: TinkerConnection
  readonly clock: Clock
  readonly baseModel: string
  readonly rank: number
  readonly seed: number
  /** Known already: no probe is made. */
  readonly reduction?: Reduction
  /** `tinker://…/weights/…` to go on from, the optimizer's state included unless `freshOptimizer`. */
  readonly resume?: string
  readonly freshOptimizer?: boolean
  /** Aborting ends whatever the server is asked or waited for, at once. */
  readonly signal?: AbortSignal | undefined
}

const HEARTBEAT_MS = 10_000
/** As the official client: data per request. */
const MAX_DATA = 1024
const MAX_TOKENS = 500_000
/** All that was trained hangs on it. */
const SAVES = 4
/** Nobody waits for the answer to a goodbye. */
const GOODBYE_MS = 10_000

export class TinkerModel {
  readonly id: string
  readonly sessionId: string
  private readonly options: TinkerModelOptions
  private readonly connection: TinkerConnection
  private readonly stopped = new AbortController()
  private reductionKnown: Reduction | undefined
  private sequence = 0
  private saves = 0
  /** Submissions go out one after the other: their order is the order of execution. */
  private submitting: Promise<unknown> = Promise.resolve()
  private pending: Datum[] = []

  private constructor(options: TinkerModelOptions, sessionId: string, id: string) {
    this.options = options
    this.connection = options.connection
    this.sessionId = sessionId
    this.id = id
    this.reductionKnown = options.reduction
    void this.beat()
  }

  /**
   * Opens a session and a fresh LoRA on `baseModel`, or one with the weights of `resume`.
   * @throws EndpointError when there is no Tinker server; ConfigError when it does not have the model
   */
  static async open(options: TinkerModelOptions): Promise<TinkerModel> {
    const { connection, baseModel, rank, seed, resume, freshOptimizer = false, signal } = options
    await requireBaseModel(connection, baseModel, signal)
    const session = await connection.post(
      'create_session',
      { tags: ['pop-selfplay'], sdk_version: `pop-selfplay/${version}`, user_metadata: {} },
      sessionSchema,
      { signal },
    )
    const lora = { rank, seed: seed & 0x7fffffff }
    const created = await connection.post(
      'create_model',
      { session_id: session.session_id, base_model: baseModel, lora_config: lora },
      createdModelSchema,
      { signal },
    )
    const model = new TinkerModel(options, session.session_id, created.model_id)
    try {
      await connection.result(created.request_id, 'create_model', z.unknown(), { signal })
      if (resume !== undefined)
        await model.job('load_weights', { path: resume, optimizer: !freshOptimizer }, z.unknown())
      return model
    } catch (error) {
      await model.close()
      throw error
    }
  }

  /** Log-probs of tokens 2 … n of each sequence, nats. */
  async logprobs(sequences: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const rows: Float32Array[] = []
    for (const part of chunks(sequences.map((tokens) => ({ tokens, vectors: { weights: ones(tokens.length - 1) } })))) {
      const input = { data: part.map(encodeDatum), loss_fn: 'cross_entropy' }
      const { loss_fn_outputs: outputs } = await this.job('forward', { forward_input: input }, passSchema)
      // Some servers put something before the first target: what counts are the last n − 1.
      rows.push(...part.map(({ tokens }, i) => lastOf(outputs[i]?.logprobs.data ?? [], tokens.length - 1)))
    }
    return rows
  }

  /** Keeps sequences and weights for the next step: a server that takes means must know how many there are. */
  accumulate(sequences: readonly ArrayLike<number>[], weights: readonly Float32Array[]): void {
    this.pending.push(
      ...sequences.map((tokens, i) => ({
        tokens,
        vectors: { weights: weights[i] ?? new Float32Array(tokens.length - 1) },
      })),
    )
  }

  /** The gradient of −Σ wₜ·log pₜ over what was accumulated, and one AdamW update. */
  async step(adam: TinkerAdam): Promise<{ gradNorm: number }> {
    const reduction = await this.reduction()
    const data = this.pending
    this.pending = []
    if (data.length === 0) return { gradNorm: 0 }
    const passes = chunks(data.map((datum) => forReduction(datum, reduction, data.length))).map((part) =>
      this.submit('forward_backward', {
        forward_backward_input: { data: part.map(encodeDatum), ...lossOf(reduction) },
      }),
    )
    const update = this.submit('optim_step', { adam_params: adamParams(adam) })
    // Each is awaited below, in order; one that fails before its turn must not end the process.
    for (const sent of [...passes, update]) sent.catch(() => undefined)
    for (const pass of passes) await this.finish('forward_backward', await pass, z.unknown())
    return { gradNorm: gradNormOf(await this.finish('optim_step', await update, stepSchema)) }
  }

  /** Weights and optimizer under a new name on the server: `tinker://MODEL/weights/NAME`. */
  saveState(label: string): Promise<string> {
    return this.save('save_weights', label)
  }

  /** The weights to sample from: a `tinker://` path. Only the newest is sure to be sampled as it was saved. */
  saveForSampler(label: string): Promise<string> {
    return this.save('save_weights_for_sampler', label)
  }

  /** What is asked for later goes out once the save is settled, so that a second attempt saves the same weights. */
  private save(route: string, label: string): Promise<string> {
    return this.inTurn(() => this.saveNow(route, label))
  }

  /** A name is taken once it was sent; where the answer was lost, the same is saved under another. */
  private async saveNow(route: string, label: string): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        const id = await this.send(route, { path: this.freshName(label) })
        return (await this.finish(route, id, savedSchema)).path
      } catch (error) {
        if (attempt === SAVES || !isPassing(error)) throw error
        await this.options.clock.sleep(1000 * 4 ** attempt, this.options.signal)
      }
    }
  }

  /** Ends the heartbeat and gives the place on the server back. */
  async close(): Promise<void> {
    this.stopped.abort()
    const goodbye = { limitMs: GOODBYE_MS }
    await this.connection.post('unload_model', { model_id: this.id }, z.unknown(), goodbye).catch(() => undefined)
  }

  /** What was measured or given; undefined before. */
  get knownReduction(): Reduction | undefined {
    return this.reductionKnown
  }

  /** Measured on a throw-away model: twice the weights give twice the gradient where losses are summed, the same where they are averaged. */
  async reduction(): Promise<Reduction> {
    this.reductionKnown ??= await this.probe()
    return this.reductionKnown
  }

  private async probe(): Promise<Reduction> {
    const scratch = await TinkerModel.open({ ...omitResume(this.options), reduction: 'sum' })
    try {
      const norms: number[] = []
      for (const weight of [1, 2]) {
        scratch.accumulate([[1, 2, 3, 4]], [Float32Array.of(weight, weight, weight)])
        norms.push(
          (await scratch.step({ learningRate: 0, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 0 }))
            .gradNorm,
        )
      }
      const ratio = (norms[1] ?? 0) / (norms[0] ?? 0)
      if (Math.abs(ratio - 2) < 0.2) return 'sum'
      if (Math.abs(ratio - 1) < 0.1) return 'sequenceMean'
      throw new EndpointError(
        `the Tinker server's gradient norms ${norms.join(' and ')} for weights 1 and 2 fit no known way of summing losses`,
        { retryable: false },
      )
    } finally {
      await scratch.close()
    }
  }

  private async job<T>(route: string, body: object, schema: z.ZodType<T>): Promise<T> {
    return this.finish(route, await this.submit(route, body), schema)
  }

  private submit(route: string, body: object): Promise<string> {
    return this.inTurn(() => this.send(route, body))
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.submitting.then(work)
    this.submitting = done.catch(() => undefined)
    return done
  }

  private async send(route: string, body: object): Promise<string> {
    // A saved name is no `seq_id`: sent twice, the second is refused.
    const repeatable = route === 'forward' || route === 'forward_backward' || route === 'optim_step'
    const request = { model_id: this.id, seq_id: ++this.sequence, ...body }
    const { signal } = this.options
    return (await this.connection.post(route, request, futureSchema, { repeatable, signal })).request_id
  }

  private finish<T>(route: string, requestId: string, schema: z.ZodType<T>): Promise<T> {
    return this.connection.result(requestId, route, schema, { signal: this.options.signal })
  }

  private freshName(label: string): string {
    return `${label.replaceAll(/[^\w-]+/g, '-')}-${++this.saves}`
  }

  /** Life support: a server unloads the models of a session that is silent for minutes. */
  private async beat(): Promise<void> {
    const { clock } = this.options
    while (!this.stopped.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, this.stopped.signal).catch(() => undefined)
      if (this.stopped.signal.aborted) return
      // A missed beat is no failure; a lost model shows at its next job.
      await this.connection
        .post('session_heartbeat', { session_id: this.sessionId }, z.unknown(), { signal: this.stopped.signal })
        .catch(() => undefined)
    }
  }
}

/** @throws EndpointError when no server answers; ConfigError when it is no Tinker server, or does not have the model; the signal's reason */
export async function requireBaseModel(
  connection: TinkerConnection,
  baseModel: string,
  signal?: AbortSignal,
): Promise<void> {
  const { supported_models: models } = await connection
    .get('get_server_capabilities', capabilitiesSchema, signal)
    .catch((error: unknown) => {
      if (!isForeign(error)) throw error
      throw new ConfigError(`there is no Tinker server at ${connection.baseUrl}, check baseUrl: ${error.message}`, {
        cause: error,
      })
    })
  const names = models.map(({ model_name: name }) => name)
  if (names.includes(baseModel)) return
  throw new ConfigError(
    `the Tinker server at ${connection.baseUrl} does not have ${baseModel}; it has: ${names.join(', ') || 'nothing'}`,
  )
}

/** Σ over tokens and data where that is what the server does; else cross-checked through a surrogate that is linear in log p. */
function lossOf(reduction: Reduction): object {
  return reduction === 'sum'
    ? { loss_fn: 'cross_entropy' }
    : { loss_fn: 'cispo', loss_fn_config: { clip_low_threshold: 1, clip_high_threshold: 1 } }
}

/**
 * On a server of means, CISPO with a ratio pinned to 1 has the loss −A·log p per token, over T tokens and N data: A = N·T·w gives Σ w·log p.
 */
function forReduction({ tokens, vectors }: Datum, reduction: Reduction, count: number): Datum {
  const { weights = new Float32Array() } = vectors
  if (reduction === 'sum') return { tokens, vectors: { weights } }
  const length = weights.length
  const advantages = Float32Array.from(weights, (weight) => weight * count * length)
  return { tokens, vectors: { weights: ones(length), advantages, logprobs: new Float32Array(length) } }
}

function adamParams({ learningRate, beta1, beta2, eps, weightDecay, maxGradNorm }: TinkerAdam): object {
  return { learning_rate: learningRate, beta1, beta2, eps, weight_decay: weightDecay, grad_clip_norm: maxGradNorm }
}

function gradNormOf({ metrics }: z.infer<typeof stepSchema>): number {
  const found = Object.entries(metrics ?? {}).find(([name]) => /grad_norm/.test(name))?.[1]
  if (typeof found === 'number' && Number.isFinite(found)) return found
  throw new EndpointError('the Tinker server reports no finite gradient norm for a step', { retryable: false })
}

function* splitData(data: readonly Datum[]): Generator<Datum[]> {
  let part: Datum[] = []
  let tokens = 0
  for (const datum of data) {
    if (part.length >= MAX_DATA || (part.length > 0 && tokens + datum.tokens.length > MAX_TOKENS)) {
      yield part
      part = []
      tokens = 0
    }
    part.push(datum)
    tokens += datum.tokens.length
  }
  if (part.length > 0) yield part
}

function chunks(data: readonly Datum[]): Datum[][] {
  return [...splitData(data)]
}

function ones(length: number): Float32Array {
  return new Float32Array(Math.max(0, length)).fill(1)
}

function omitResume({ resume: _resume, ...rest }: TinkerModelOptions): TinkerModelOptions {
  return rest
}
