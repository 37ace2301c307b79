/**
 * Applies the roles to documents. All questions and stages flow at once: a later stage goes first, new documents are
 * begun only when there is room for a call, and there is no barrier. Finished examples come out in the order of the
 * documents. Knows no prompt and no file but the journal.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import type { PriorityLimiter } from '../core/concurrency.ts'
import { InputError, InterruptedError } from '../core/errors.ts'
import type { Document, Example, LanguageModel } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { Budget } from './budget.ts'
import { Caller, type JournalAccess } from './caller.ts'
import { Demand } from './demand.ts'
import { synthesisStages, type SynthesisEvent } from './events.ts'
import { Outbox } from './outbox.ts'
import { priorOf, type PriorQuestions } from './prior.ts'
import { playQuestion } from './question.ts'
import { rejudge } from './rejudge.ts'
import type { QuestionContext, RoleModels, SynthesisSettings } from './context.ts'
import { checkScoring } from './judging/index.ts'
import { SchemaSupport } from './schema-support.ts'
import { Stopped, Stopper } from './stopper.ts'

export interface SynthesisOptions {
  /** 1-based. */
  readonly round: number
  /** With distinct ids. */
  readonly documents: readonly Document[]
  /** In place of documents: questions and answers that are there, to be judged again. */
  readonly stored?: { readonly examples: StoredExamples; readonly failedOnly: boolean } | undefined
  /** What an earlier run knows of these documents: taken over instead of asked for. */
  readonly prior?: PriorQuestions | undefined
  readonly task: TaskProfile
  readonly models: RoleModels
  readonly settings: SynthesisSettings
  readonly journal: JournalAccess
  readonly seed: number
  /** Samples in flight at most, over all models; `auto`: as many as each model says it takes. */
  readonly concurrency: number | 'auto'
  /** What the whole run may spend, earlier sessions and rounds included. */
  readonly budget?: Budget | undefined
  /** Aborting drains: calls that are out come back and are journaled, no other is made. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: SynthesisEvent) => void) | undefined
  readonly clock?: Clock | undefined
}

/** Examples by number, read when their turn comes. */
export interface StoredExamples {
  readonly count: number
  read(index: number): Promise<Example>
}

/** What a finished synthesis says of itself. */
export interface SynthesisSummary {
  readonly examples: number
  /** Calls given up in this session: run again to make them. */
  readonly failedCalls: number
}

/**
 * Plays every question of every document and returns the examples in the order of the documents. Calls found in the
 * journal are not made again, so that with a complete journal this rebuilds the same examples without a model.
 *
 * The method's stages and retries: arXiv 2604.20051.
 * @throws {InterruptedError} after `signal` was aborted; {BudgetError} when the budget is used up; {ThresholdError} when
 * most calls to a model fail, or all of them; {EndpointError} when a key is refused or a model is not there. In each case everything finished is in the journal and a second run goes on from there.
 */
export async function synthesize(options: SynthesisOptions): Promise<Example[]> {
  const examples: Example[] = []
  await synthesizeTo(options, (example) => {
    examples.push(example)
  })
  return examples
}

/** As `synthesize`, handing on each example in order instead of keeping all; waits for `sink`, so memory stays flat. */
export async function synthesizeTo(
  options: SynthesisOptions,
  sink: (example: Example) => void | Promise<void>,
): Promise<SynthesisSummary> {
  requireDistinct(options.documents)
  checkScoring(options.task, options.settings)
  return new Flow(options, sink).run()
}

const solveStage = synthesisStages.indexOf('solve')
/** The end begins when so many turns of everything in flight answer what is left. */
const turnsToEnd = 4
/** Questions begun in one turn of the event loop: those that the journal holds whole are over before the next. */
const begunAtOnce = 2

class Flow {
  private readonly options: SynthesisOptions
  private readonly outbox: Outbox
  private readonly stopper = new Stopper()
  private readonly demand = new Demand()
  private readonly caller: Caller
  private readonly lanes: readonly PriorityLimiter[]
  private ending = false
  private admitting = false
  private readonly schemas: SchemaSupport
  /** Questions begun and not ended. */
  private running = 0
  private allEnded: () => void = () => undefined
  /** The questions in their order; empty where they are stored. */
  private readonly plan: readonly Planned[]
  private begun = 0
  private failedCalls = 0

  constructor(options: SynthesisOptions, sink: (example: Example) => void | Promise<void>) {
    this.options = options
    this.plan = planOf(options)
    this.outbox = new Outbox({
      sink,
      remake: (index) => this.remake(index),
      stopped: () => this.stopper.reason !== null,
      onError: (error) => {
        this.stopper.stop(error)
      },
    })
    this.caller = new Caller({
      journal: options.journal,
      seed: options.seed,
      concurrency: options.concurrency,
      budget: options.budget,
      stopper: this.stopper,
      clock: options.clock ?? systemClock,
      onEvent: (event) => {
        this.tell(event)
      },
    })
    this.lanes = [...new Set(Object.values(options.models).map((model: LanguageModel) => this.caller.laneOf(model)))]
    const { journal, clock = systemClock } = options
    this.schemas = new SchemaSupport({ journal, clock }, (call) => this.caller.call(call))
  }

  async run(): Promise<SynthesisSummary> {
    const interrupt = (): void => {
      this.stopper.stop(
        new InterruptedError('Interrupted; everything finished is saved: run the same command to go on'),
      )
    }
    if (this.options.signal?.aborted === true) interrupt()
    this.options.signal?.addEventListener('abort', interrupt, { once: true })
    const models: readonly LanguageModel[] = Object.values(this.options.models)
    const unwatch = models.map(({ capacity }) => capacity?.onChange(() => this.admitSoon()))
    try {
      await new Promise<void>((resolve) => {
        this.allEnded = resolve
        this.admit()
      })
    } finally {
      this.options.signal?.removeEventListener('abort', interrupt)
      for (const end of unwatch) end?.()
    }
    if (this.stopper.reason !== null && this.outbox.handedOn < this.total) throw this.stopper.reason
    if (this.caller.uselessModel !== null) throw this.caller.uselessModel
    return { examples: this.outbox.handedOn, failedCalls: this.failedCalls }
  }

  private get total(): number {
    return this.options.stored?.examples.count ?? this.plan.length
  }

  /** Samples in flight that all models take together now. */
  private get room(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.limit, 0)
  }

  /** Begins questions while there is room for their calls and for their examples. */
  private admit(): void {
    const { room } = this
    const window = 2 * room + 64
    const first = this.caller.laneOf(this.options.models.proposer)
    let begunNow = 0
    while (
      this.stopper.reason === null &&
      this.begun < this.total &&
      this.demand.value < room &&
      first.active + first.queued < first.limit &&
      this.begun < this.outbox.handedOn + window &&
      !this.outbox.isBehind
    ) {
      if (begunNow++ === begunAtOnce) {
        this.admitSoon()
        break
      }
      this.running++
      void this.play(this.begun++).finally(() => {
        this.running--
        this.admitSoon()
      })
    }
    this.orderTheEnd()
    if (this.running === 0) this.allEnded()
  }

  /**
   * A later stage goes first, until few questions are left without answers: then what has the longest way still to go
   * does, or the last questions would walk it alone.
   */
  private orderTheEnd(): void {
    if (this.begun < this.total || this.ending) return
    const { models, settings } = this.options
    const unanswered = this.caller.laneOf(models.solver).waitingAt(solveStage) * settings.synthesis.candidates
    if (unanswered > turnsToEnd * this.room) return
    this.ending = true
    for (const lane of this.lanes) lane.order((stage) => -stage)
  }

  private async play(index: number): Promise<void> {
    const share = this.demand.begin()
    // What is judged again may ask for replies anew each time, and a call that was given up left nothing to find.
    let final = this.options.stored !== undefined
    const call: Caller['call'] = async (wanted) => {
      try {
        const result = await share.track(() => this.caller.call(wanted), wanted.request.n)
        if (!result.ok) final = true
        return result
      } finally {
        this.admitSoon()
      }
    }
    let example: Example
    try {
      const planned = await this.plannedAt(index)
      const { document, questionIndex } = planned
      this.tell({ type: 'questionStarted', documentId: document.id, questionIndex })
      example = await this.exampleOf(planned, call, (event) => {
        this.tell(event)
      })
      this.tell({ type: 'exampleFinished', index, example })
    } catch (error) {
      if (!(error instanceof Stopped)) this.stopper.stop(error as Error)
      return
    } finally {
      share.end()
    }
    await this.outbox.put(index, example, final)
  }

  /** A finished example, again, from the journal alone. */
  private async remake(index: number): Promise<Example> {
    const call: Caller['call'] = (wanted) => Promise.resolve(this.caller.recall(wanted))
    return this.exampleOf(await this.plannedAt(index), call, () => undefined)
  }

  private async plannedAt(index: number): Promise<Planned> {
    const { stored } = this.options
    if (stored !== undefined) {
      const example = await stored.examples.read(index)
      const { documentId: id, document: text, questionIndex } = example
      return { document: { id, text, source: 'stored' }, questionIndex, example }
    }
    const planned = this.plan[index]
    if (planned === undefined) throw new Error(`there is no question ${index}`)
    return planned
  }

  private async exampleOf(
    { document, questionIndex, example }: Planned,
    call: Caller['call'],
    onEvent: (event: SynthesisEvent) => void,
  ): Promise<Example> {
    const { round, task, models, settings, seed, stored } = this.options
    // Judged again, what came from an earlier run stays: no call of this run's could give it back.
    const prior =
      example === undefined
        ? this.options.prior?.find(document.id, questionIndex)
        : priorOf(example, example.reused ?? [])
    const keepsSchema = (model: LanguageModel): Promise<boolean> => this.schemas.of(model)
    const knows: Caller['knows'] = (wanted) => this.caller.knows(wanted)
    const context: QuestionContext = {
      round,
      document,
      questionIndex,
      task,
      models,
      settings,
      seed,
      prior,
      call,
      knows,
      keepsSchema,
      onEvent,
    }
    if (example === undefined) return playQuestion(context)
    const judged = await rejudge(context, example, stored?.failedOnly ?? false)
    return example.reused === undefined ? judged : { ...judged, reused: example.reused }
  }

  /** After the question whose call came back has asked for its next one. */
  private admitSoon(): void {
    if (this.admitting) return
    this.admitting = true
    setImmediate(() => {
      this.admitting = false
      this.admit()
    })
  }

  private tell(event: SynthesisEvent): void {
    if (event.type === 'callFailed') this.failedCalls++
    this.options.onEvent?.(event)
  }
}

/** A question to be played, or one that is there and is judged again. */
interface Planned {
  readonly document: Document
  readonly questionIndex: number
  readonly example?: Example
}

function planOf(options: SynthesisOptions): Planned[] {
  return options.documents.flatMap((document) =>
    Array.from({ length: questionsOn(document, options) }, (_, questionIndex) => ({ document, questionIndex })),
  )
}

/** As many as the settings ask for, and no fewer than there are from an earlier run. */
export function questionsOn(
  { id }: Document,
  { settings, prior }: Pick<SynthesisOptions, 'settings' | 'prior'>,
): number {
  return Math.max(settings.synthesis.questionsPerDocument, prior?.count(id) ?? 0)
}

function requireDistinct(documents: readonly Document[]): void {
  const seen = new Set<string>()
  for (const { id, source } of documents) {
    if (seen.has(id)) throw new InputError(`document ${id} (${source}) is there twice; ids must be distinct`)
    seen.add(id)
  }
}
