/**
 * Continuous batching: every pass samples one token for each answer in progress, and a place that falls free is given
 * to the next answer at once. A prompt is computed once, however many answers it gets.
 *
 * Rows of the cache that are in use are always 0 … n − 1: a finished row is overwritten by the last one. Knows the model
 * only as a `TokenModel`; time, threads and messages are the caller's.
 */
import { ModelError } from '../../core/errors.ts'
import type { TokenMask } from '../constraint/index.ts'
import { planPrefill } from './prefill-plan.ts'
import { PrefixCache } from './prefix-cache.ts'
import { findSharedPrefix } from './prefix.ts'
import { requestProblem } from './requests.ts'
import { ActiveSequence } from './sequence.ts'
import type { SharedPrefix } from './prefix.ts'
import type { SampleRequest, SampledSequence, TokenLogprob } from './requests.ts'
import type { Decode } from './sequence.ts'
import type { Distributions, RowSnapshot, TokenModel } from './token-model.ts'

/** A prompt is computed in pieces of so many tokens. */
const CHUNK_TOKENS = 1024

export interface BatcherOptions {
  /** Most answers in progress at a time. */
  maxRows: number
  /** Prompts are computed one by one and share nothing, so that no answer depends on what else is served. */
  batchInvariant?: boolean
  /** Needed when requests have stop strings. */
  decode?: Decode
  /** Needed when requests have JSON schemas. Throws ConfigError for a schema that cannot be enforced. */
  constraintOf?: (schema: NonNullable<SampleRequest['jsonSchema']>) => TokenMask
}

/** A prompt whose answers could not all be placed yet: its cache row and its first distribution. */
interface HeldPrompt {
  row: RowSnapshot
  logprobs: Float32Array
  probabilities: Float32Array
}

/** Called with each token of answer `sample` as it is drawn. */
export type OnToken = (sample: number, drawn: TokenLogprob) => void

interface Job {
  request: SampleRequest
  onToken: OnToken | undefined
  signal: AbortSignal | undefined
  results: (SampledSequence | undefined)[]
  /** Answers that have been given a row so far. */
  placed: number
  done: number
  held: HeldPrompt | undefined
  resolve: (results: SampledSequence[]) => void
  reject: (reason: unknown) => void
}

interface Row {
  job: Job
  index: number
  sequence: ActiveSequence
}

export interface BatcherCounts {
  /** Prompt tokens of the requests served, those reused included. */
  promptTokens: number
  /** Prompt tokens that were taken over from another prompt with the same beginning. */
  reusedTokens: number
  sampledTokens: number
  decodePasses: number
  prefillPasses: number
}

export class Batcher {
  readonly counts: BatcherCounts = {
    promptTokens: 0,
    reusedTokens: 0,
    sampledTokens: 0,
    decodePasses: 0,
    prefillPasses: 0,
  }
  private readonly model: TokenModel
  private readonly options: BatcherOptions
  private readonly queue: Job[] = []
  private readonly rows: Row[] = []
  private readonly kept = new PrefixCache()
  private rowLimit: number

  constructor(model: TokenModel, options: BatcherOptions) {
    this.model = model
    this.options = options
    this.rowLimit = options.maxRows
  }

  /** Answers in progress, and requests of which some answer has no row yet. */
  get load(): { running: number; waiting: number } {
    return { running: this.rows.length, waiting: this.queue.length }
  }

  /** Forgets what earlier prompts computed: the weights have changed, or the memory is wanted. */
  forgetPrompts(): void {
    this.kept.clear()
  }

  /** Whether there is anything left to sample. */
  get busy(): boolean {
    return this.rows.length > 0 || this.queue.length > 0
  }

  /** Throws ModelError when the request cannot be served. */
  check(request: SampleRequest): void {
    const problem = requestProblem(request, this.model.vocabSize, this.model.contextLength)
    if (problem !== undefined) throw new ModelError(`cannot sample: ${problem}`)
    this.constraintOf(request)
  }

  /**
   * Queues a request that `check` has passed; its answers come as later passes finish them.
   * Rejects with the signal's reason when it is aborted.
   */
  submit(request: SampleRequest, signal?: AbortSignal, onToken?: OnToken): Promise<SampledSequence[]> {
    return new Promise((resolve, reject) => {
      this.queue.push({
        request,
        signal,
        onToken,
        results: Array.from<undefined>({ length: request.samples }),
        placed: 0,
        done: 0,
        held: undefined,
        resolve,
        reject,
      })
    })
  }

  /** Fills free rows, then samples one token for every row. A failure of the model rejects every request. */
  async pass(): Promise<void> {
    try {
      this.dropAborted()
      await this.fill()
      await this.decodeAll()
    } catch (error) {
      this.rejectAll(error)
    }
  }

  private get free(): number {
    return this.rowLimit - this.rows.length
  }

  /** Tokens that a row must hold for what is in progress and what may come next. */
  private neededCapacity(): number {
    const next = this.queue.slice(0, this.options.maxRows)
    const needs = [...next, ...this.rows.map((row) => row.job)].map(
      ({ request }) => request.promptTokens.length + request.maxTokens,
    )
    return Math.min(Math.max(1, ...needs), this.model.contextLength)
  }

  private dropAborted(): void {
    const jobs = new Set([...this.queue, ...this.rows.map((row) => row.job)])
    for (const job of jobs) if (job.signal?.aborted === true) this.rejectJob(job, job.signal.reason)
  }

  private rejectJob(job: Job, reason: unknown): void {
    const queued = this.queue.indexOf(job)
    if (queued >= 0) this.queue.splice(queued, 1)
    for (let row = this.rows.length - 1; row >= 0; row--) if (this.rows[row]?.job === job) this.removeRow(row)
    job.reject(reason)
  }

  private rejectAll(reason: unknown): void {
    const jobs = new Set([...this.queue, ...this.rows.map((row) => row.job)])
    this.queue.length = 0
    this.rows.length = 0
    for (const job of jobs) job.reject(reason)
  }

  private async fill(): Promise<void> {
    if (this.queue.length > 0) {
      this.rowLimit = Math.min(this.options.maxRows, this.model.maxRows(this.neededCapacity()))
    }
    while (this.free > 0 && this.queue.length > 0) {
      const head = this.queue[0]
      if (head?.held !== undefined) {
        this.reserve()
        this.placeHeld(head, head.held)
      } else {
        await this.prefillNext()
      }
    }
  }

  /** Runs the prompts of the next requests together; each request's first answer takes the row its prompt is in. */
  private async prefillNext(): Promise<void> {
    const waiting = this.queue.slice(0, this.free)
    const shared = this.sharedBy(waiting[0])
    const alone = shared !== undefined || this.options.batchInvariant === true
    const count = alone
      ? 1
      : planPrefill(
          waiting.map(({ request }) => request),
          this.free,
        )
    const jobs = waiting.slice(0, count)
    this.reserve()
    const firstRow = this.rows.length
    const distributions = await this.runPrompts(jobs, firstRow, shared)
    // Copies: the model reuses its output buffers, and a held prompt outlives this pass.
    const held = jobs.map((_, i) => this.distributionOf(distributions, i))
    for (const job of jobs) this.addRow(job)
    for (const [i, job] of jobs.entries()) this.fork(job, firstRow + i)
    for (const [i, job] of jobs.entries()) this.hold(job, firstRow + i, held[i])
    for (const [i, job] of jobs.entries()) this.advanceNew(job, held[i])
    this.sweep()
  }

  /** The longest beginning of the next prompt that is there: in a row in progress, or kept. */
  private sharedBy(job: Job | undefined): SharedPrefix | undefined {
    // What another prompt computed may differ in its last bits.
    if (job === undefined || this.options.batchInvariant === true) return undefined
    const active = this.rows.map((row) => row.job.request.promptTokens)
    return findSharedPrefix(job.request.promptTokens, [...active, ...this.kept.prompts])
  }

  /** Puts the first `length` tokens of candidate `source` of `sharedBy` into a row. */
  private takeOver({ source, length }: SharedPrefix, row: number): void {
    const kept = source - this.rows.length
    if (kept < 0) this.model.copyRow(source, row, length)
    else this.model.restoreRow(this.kept.use(kept), row, length)
  }

  private async runPrompts(
    jobs: readonly Job[],
    firstRow: number,
    shared: SharedPrefix | undefined,
  ): Promise<Distributions> {
    const prompts = jobs.map((job) => Int32Array.from(job.request.promptTokens))
    const temperatures = jobs.map((job) => job.request.temperature)
    this.counts.prefillPasses++
    this.counts.promptTokens += prompts.reduce((sum, prompt) => sum + prompt.length, 0)
    const [first = Int32Array.of()] = prompts
    if (shared === undefined && first.length <= CHUNK_TOKENS) {
      return this.model.prefill(firstRow, prompts, temperatures)
    }
    if (shared !== undefined) {
      this.counts.reusedTokens += shared.length
      this.takeOver(shared, firstRow)
    }
    return this.runChunks(firstRow, first, { done: shared?.length ?? 0, temperature: temperatures[0] ?? 1 })
  }

  /** The rest of one prompt in pieces, so that a long one takes no more memory than a short one. */
  private async runChunks(
    row: number,
    prompt: Int32Array,
    { done, temperature }: { done: number; temperature: number },
  ): Promise<Distributions> {
    for (let start = done; ; start += CHUNK_TOKENS) {
      const chunk = prompt.subarray(start, start + CHUNK_TOKENS)
      const last = start + chunk.length >= prompt.length
      const run =
        start === 0
          ? this.model.prefill(row, [chunk], [temperature])
          : this.model.extend(row, start, chunk, temperature)
      const distributions = await run
      if (last) return distributions
    }
  }

  /** Gives as many further answers of `job` a row as there are free ones. */
  private fork(job: Job, sourceRow: number): void {
    while (job.placed < job.request.samples && this.free > 0) {
      this.model.copyRow(sourceRow, this.rows.length, job.request.promptTokens.length)
      this.addRow(job)
    }
  }

  private hold(job: Job, row: number, distribution: Omit<HeldPrompt, 'row'> | undefined): void {
    if (job.placed === job.request.samples) {
      this.queue.splice(this.queue.indexOf(job), 1)
    } else if (distribution !== undefined) {
      job.held = { row: this.model.snapshotRow(row, job.request.promptTokens.length), ...distribution }
    }
  }

  private placeHeld(job: Job, held: HeldPrompt): void {
    while (job.placed < job.request.samples && this.free > 0) {
      this.model.restoreRow(held.row, this.rows.length)
      this.addRow(job)
    }
    if (job.placed === job.request.samples) this.queue.splice(this.queue.indexOf(job), 1)
    this.advanceNew(job, held)
    this.sweep()
  }

  private addRow(job: Job): void {
    const index = job.placed++
    const { contextLength } = this.model
    const { decode } = this.options
    const constraint = this.constraintOf(job.request)
    const sequence = new ActiveSequence(job.request, index, { contextLength, decode, constraint })
    this.rows.push({ job, index, sequence })
  }

  private constraintOf({ jsonSchema }: SampleRequest): TokenMask | undefined {
    if (jsonSchema === undefined) return undefined
    if (this.options.constraintOf === undefined) throw new RangeError('Batcher: JSON schemas need constraintOf')
    return this.options.constraintOf(jsonSchema)
  }

  /** The first token of the answers of `job` that have none yet. */
  private advanceNew(job: Job, distribution: Omit<HeldPrompt, 'row'> | undefined): void {
    if (distribution === undefined) return
    for (const row of this.rows) {
      if (row.job === job && row.sequence.tokens.length === 0) {
        this.advance(row, distribution.logprobs, distribution.probabilities)
      }
    }
  }

  private async decodeAll(): Promise<void> {
    if (this.rows.length === 0) return
    const tokens = this.rows.map((row) => row.sequence.lastToken)
    const lengths = this.rows.map((row) => row.sequence.cached)
    const temperatures = this.rows.map((row) => row.job.request.temperature)
    const { logprobs, probabilities } = await this.model.decode(tokens, lengths, temperatures)
    this.counts.decodePasses++
    const width = this.model.vocabSize
    for (const [i, row] of this.rows.entries()) {
      row.sequence.cached++
      this.advance(
        row,
        logprobs.subarray(i * width, (i + 1) * width),
        probabilities.subarray(i * width, (i + 1) * width),
      )
    }
    this.sweep()
  }

  private advance(row: Row, logprobs: Float32Array, probabilities: Float32Array): void {
    const drawn = row.sequence.advance(logprobs, probabilities)
    this.counts.sampledTokens++
    row.job.onToken?.(row.index, drawn)
  }

  /** Hands out finished answers and closes the gaps they leave. */
  private sweep(): void {
    for (let i = this.rows.length - 1; i >= 0; i--) {
      const row = this.rows[i]
      if (row === undefined || !row.sequence.finished) continue
      const { promptTokens } = row.job.request
      if (row.index === 0) {
        this.kept.keep(promptTokens, this.model.bytesPerToken, (length) => this.model.snapshotRow(i, length))
      }
      this.removeRow(i)
      row.job.results[row.index] = row.sequence.result()
      row.job.done++
      if (row.job.done === row.job.request.samples) {
        row.job.resolve(row.job.results.filter((result) => result !== undefined))
      }
    }
  }

  private removeRow(i: number): void {
    const last = this.rows.pop()
    if (last === undefined || i === this.rows.length) return
    this.model.copyRow(this.rows.length, i, last.sequence.cached)
    this.rows[i] = last
  }

  /** Room for the requests at the head of the queue, all in one step, so that the cache seldom grows. */
  private reserve(): void {
    const wanted = this.queue.reduce((sum, job) => sum + job.request.samples - job.placed, 0)
    const rows = Math.min(this.rows.length + wanted, this.rowLimit)
    const lengths = this.rows.map((row) => row.sequence.cached)
    this.model.reserve(rows, this.neededCapacity(), lengths)
  }

  private distributionOf(distributions: Distributions, i: number): Omit<HeldPrompt, 'row'> {
    const width = this.model.vocabSize
    return {
      logprobs: distributions.logprobs.slice(i * width, (i + 1) * width),
      probabilities: distributions.probabilities.slice(i * width, (i + 1) * width),
    }
  }
}
