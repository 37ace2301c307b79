/**
 * Continuous batching: every pass samples one token for each answer in progress, and a place that falls free is given
 * to the next answer at once. A prompt is computed once, however many answers it gets. Answers get room in the cache as they
 * grow; when it is full the youngest ones leave it and are computed again when there is room.
 *
 * Rows of the cache that are in use are always 0 … n − 1: a finished row is overwritten by the last one. Knows the model
 * only as a `TokenModel`; time, threads and messages are the caller's.
 */
import { ModelError } from '../../core/errors.ts'
import type { TokenMask } from '../constraint/index.ts'
import { planPrefill } from './prefill-plan.ts'
import { PromptRunner } from './prompt-runner.ts'
import { planRows } from './row-plan.ts'
import { requestProblem } from './requests.ts'
import { ActiveSequence } from './sequence.ts'
import type { PromptCounts } from './prompt-runner.ts'
import type { DrawnToken, SampleRequest, SampledSequence } from './requests.ts'
import type { Decode } from './sequence.ts'
import type { Distributions, RowSnapshot, TokenModel } from './token-model.ts'

/** The laboratory's answers are shorter: their cache never grows. */
const ANSWER_STEP = 256

export interface BatcherOptions {
  /** Most answers in progress at a time. */
  maxRows: number
  /** Prompts are computed one by one and share nothing, so that no answer depends on what else is served. */
  batchInvariant?: boolean
  /** Rows get room for at least so many tokens more at a time, up to a multiple of it. Default 256. */
  answerStep?: number
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
export type OnToken = (sample: number, drawn: DrawnToken) => void

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
  /** Place in the order of beginning, over all answers. */
  age: number
  /** Tokens that the cache has room for in this row. */
  room: number
}

export interface BatcherCounts extends PromptCounts {
  sampledTokens: number
  decodePasses: number
  /** How often an answer left the cache to make room for others. */
  preemptions: number
}

export class Batcher {
  readonly counts: BatcherCounts = {
    promptTokens: 0,
    reusedTokens: 0,
    sampledTokens: 0,
    decodePasses: 0,
    prefillPasses: 0,
    preemptions: 0,
  }
  private readonly model: TokenModel
  private readonly options: BatcherOptions
  private readonly queue: Job[] = []
  private readonly rows: Row[] = []
  /** Answers that had to leave the cache, eldest first; they go on before any new one begins. */
  private readonly paused: Row[] = []
  private readonly prompts: PromptRunner
  private rowLimit: number
  private capacity = 1
  private begun = 0

  constructor(model: TokenModel, options: BatcherOptions) {
    this.model = model
    this.options = options
    this.rowLimit = options.maxRows
    this.prompts = new PromptRunner(model, this.counts, options.batchInvariant === true)
  }

  /** Answers in progress, and requests or begun answers that wait for a row. */
  get load(): { running: number; waiting: number } {
    return { running: this.rows.length, waiting: this.queue.length + this.paused.length }
  }

  /** Forgets what earlier prompts computed: the weights have changed, or the memory is wanted. */
  forgetPrompts(): void {
    this.prompts.clear()
  }

  /** Whether there is anything left to sample. */
  get busy(): boolean {
    return this.rows.length + this.queue.length + this.paused.length > 0
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
      this.makeRoom()
      await this.decodeAll()
    } catch (error) {
      this.rejectAll(error)
    }
  }

  private get free(): number {
    return this.rowLimit - this.rows.length
  }

  private get jobs(): Set<Job> {
    return new Set([...this.queue, ...[...this.rows, ...this.paused].map((row) => row.job)])
  }

  /**
   * Tokens that a row must hold for an answer to go on from `length` tokens. Multiples of the step, so that rows of unlike
   * lengths do not each make the cache grow.
   */
  private roomFrom(length: number, { promptTokens, maxTokens }: SampleRequest): number {
    const { answerStep: step = ANSWER_STEP } = this.options
    const ahead = (Math.ceil(length / step) + 1) * step
    return Math.min(ahead, promptTokens.length + maxTokens, this.model.contextLength)
  }

  private dropAborted(): void {
    for (const job of this.jobs) if (job.signal?.aborted === true) this.rejectJob(job, job.signal.reason)
  }

  private rejectJob(job: Job, reason: unknown): void {
    const queued = this.queue.indexOf(job)
    if (queued >= 0) this.queue.splice(queued, 1)
    for (let row = this.rows.length - 1; row >= 0; row--) if (this.rows[row]?.job === job) this.removeRow(row)
    const paused = this.paused.filter((row) => row.job !== job)
    this.paused.splice(0, Infinity, ...paused)
    job.reject(reason)
  }

  private rejectAll(reason: unknown): void {
    const { jobs } = this
    for (const list of [this.queue, this.rows, this.paused]) list.length = 0
    for (const job of jobs) job.reject(reason)
  }

  private async fill(): Promise<void> {
    for (let admitted = this.plan(); admitted > 0; admitted = this.plan()) {
      this.reserve()
      const [paused] = this.paused
      const [head] = this.queue
      if (paused !== undefined) await this.resume(paused)
      else if (head?.held !== undefined) this.placeHeld(head, head.held)
      else await this.prefillNext(this.queue.slice(0, Math.min(this.free, admitted)))
    }
  }

  /** Decides on the size of the cache; how many of those that wait can begin. */
  private plan(): number {
    const waiting = [
      ...this.paused.map(({ sequence, job }) => ({ room: this.roomFrom(sequence.cached, job.request), answers: 1 })),
      ...this.queue.slice(0, this.options.maxRows).map(({ request, placed }) => ({
        room: this.roomFrom(request.promptTokens.length, request),
        answers: request.samples - placed,
      })),
    ]
    const rooms = this.rows.map(({ room }) => room)
    const limits = { maxRows: this.options.maxRows, rowsOf: (tokens: number) => this.model.maxRows(tokens) }
    const { capacity, rowLimit, admitted } = planRows(rooms, waiting, limits)
    this.capacity = capacity
    this.rowLimit = rowLimit
    return admitted
  }

  /** Room for the next token of every row, if need be at the cost of the youngest rows. */
  private makeRoom(): void {
    const full = this.rows.filter(({ sequence, room }) => sequence.cached >= room)
    for (const row of full) row.room = this.roomFrom(row.sequence.cached, row.job.request)
    if (full.length === 0) return
    const tooMany = (): boolean => this.rows.length > this.model.maxRows(Math.max(...this.rows.map(({ room }) => room)))
    while (tooMany()) this.pauseYoungest()
    this.plan()
    this.reserve()
  }

  private pauseYoungest(): void {
    const youngest = this.rows.reduce((a, b) => (a.age > b.age ? a : b))
    this.removeRow(this.rows.indexOf(youngest))
    this.paused.push(youngest)
    this.paused.sort((a, b) => a.age - b.age)
    this.counts.preemptions++
  }

  private async resume(row: Row): Promise<void> {
    const { sequence, job } = row
    // The last token is not in the cache yet: it is what the next pass begins with.
    await this.prompts.resume(job.request, sequence.tokens.slice(0, -1), this.rowPrompts)
    row.room = this.roomFrom(sequence.cached, job.request)
    this.paused.shift()
    this.rows.push(row)
  }

  private get rowPrompts(): readonly (readonly number[])[] {
    return this.rows.map((row) => row.job.request.promptTokens)
  }

  /** Runs the prompts of the next requests together; each request's first answer takes the row its prompt is in. */
  private async prefillNext(waiting: readonly Job[]): Promise<void> {
    const requests = waiting.map(({ request }) => request)
    const shared = this.prompts.sharedBy(requests[0]?.promptTokens ?? [], this.rowPrompts)
    const alone = shared !== undefined || this.options.batchInvariant === true
    const jobs = waiting.slice(0, alone ? 1 : planPrefill(requests, this.free))
    const firstRow = this.rows.length
    const distributions = await this.prompts.run(requests.slice(0, jobs.length), this.rowPrompts, shared)
    // Copies: the model reuses its output buffers, and a held prompt outlives this pass.
    const held = jobs.map((_, i) => this.distributionOf(distributions, i))
    for (const job of jobs) this.addRow(job)
    for (const [i, job] of jobs.entries()) this.fork(job, firstRow + i)
    for (const [i, job] of jobs.entries()) this.hold(job, firstRow + i, held[i])
    for (const [i, job] of jobs.entries()) this.advanceNew(job, held[i])
    this.sweep()
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
    const room = this.roomFrom(sequence.cached, job.request)
    this.rows.push({ job, index, sequence, age: this.begun++, room })
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
      if (row.index === 0) this.prompts.keep(row.job.request.promptTokens, i)
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
    const wanted = this.queue.reduce((sum, job) => sum + job.request.samples - job.placed, this.paused.length)
    const rows = Math.min(this.rows.length + wanted, this.rowLimit)
    const lengths = this.rows.map((row) => row.sequence.cached)
    this.model.reserve(rows, this.capacity, lengths)
  }

  private distributionOf(distributions: Distributions, i: number): Omit<HeldPrompt, 'row'> {
    const width = this.model.vocabSize
    return {
      logprobs: distributions.logprobs.slice(i * width, (i + 1) * width),
      probabilities: distributions.probabilities.slice(i * width, (i + 1) * width),
    }
  }
}
