/**
 * Schedules of the same work, to be held against each other: as published, ours, everything at once. For the bench, against
 * simulated servers and real ones. Knows nothing of files.
 */
import type { Clock } from '../../core/clock.ts'
import { deriveSeed } from '../../core/rng.ts'
import type { Document, Example, JournalEntry } from '../../records/index.ts'
import type { TaskProfile } from '../../roles/index.ts'
import type { Call, CallResult, JournalAccess } from '../caller.ts'
import type { QuestionContext, RoleModels, SynthesisSettings } from '../context.ts'
import { playQuestion } from '../question.ts'
import { synthesizeTo } from '../synthesize.ts'

export type Schedule = (play: Play) => Promise<Example[]>

/** What is played. */
export interface Stage {
  readonly documents: readonly Document[]
  readonly task: TaskProfile
  readonly models: RoleModels
  readonly settings: SynthesisSettings
  readonly seed: number
  readonly clock: Clock
}

/** What a schedule works with. */
interface Play extends Stage {
  /** Plays one question, making its calls by `call`. */
  readonly question: (document: Document, call: QuestionContext['call']) => Promise<Example>
  /** Makes a call at once. */
  readonly call: (call: Call) => Promise<CallResult>
}

export function playOf(stage: Stage): Play {
  const { task, models, settings, seed } = stage
  return {
    ...stage,
    question: (document, call) => {
      const keepsSchema = (): Promise<boolean> => Promise.resolve(false)
      const knows = (): boolean => false
      const shared = { task, models, settings, seed, call, knows, keepsSchema, onEvent: () => undefined }
      return playQuestion({ round: 1, document, questionIndex: 0, ...shared })
    },
    call: async ({ key, model, request }) => {
      const generations = await model.generate({ ...request, seed: deriveSeed(seed, key) })
      return {
        ok: true,
        replayed: false,
        samples: generations.map(({ text, finishReason, usage }) => ({ text, finishReason, usage })),
      }
    },
  }
}

/**
 * (a) As published: 16 workers with a document each, in chunks of 64 with a barrier after each chunk; stages and the
 * scoring calls of a question one after another.
 */
export const publishedSchedule: Schedule = async ({ documents, question, call }) => {
  const examples: Example[] = []
  const [workers, chunk] = [16, 64]
  for (let start = 0; start < documents.length; start += chunk) {
    const here = documents.slice(start, start + chunk)
    const perWorker = Math.ceil(here.length / workers)
    const shares = Array.from({ length: workers }, (_, worker) =>
      here.slice(worker * perWorker, (worker + 1) * perWorker),
    )
    const played = await Promise.all(
      shares.map(async (share) => {
        const done: Example[] = []
        for (const document of share) done.push(await question(document, oneAtATime(call)))
        return done
      }),
    )
    examples.push(...played.flat())
  }
  return examples
}

/** (b) Ours, knowing nothing of the server at the start. */
export const ourSchedule =
  (concurrency: number | 'auto' = 'auto'): Schedule =>
  async ({ documents, task, models, settings, seed, clock }) => {
    const examples: Example[] = []
    const journal = memoryJournal()
    await synthesizeTo(
      { round: 1, documents, task, models, settings, journal, seed, concurrency, clock },
      (example) => {
        examples.push(example)
      },
    )
    return examples
  }

/** (c) Everything in flight at once: as fast as the server goes, with no thought for memory or order. */
export const everythingAtOnce: Schedule = ({ documents, question, call }) =>
  Promise.all(documents.map((document) => question(document, call)))

function oneAtATime(call: Play['call']): Play['call'] {
  let last: Promise<unknown> = Promise.resolve()
  return (wanted) => {
    const mine = last.then(() => call(wanted))
    last = mine.catch(() => undefined)
    return mine
  }
}

function memoryJournal(): JournalAccess {
  const entries = new Map<string, JournalEntry>()
  return {
    usage: { calls: 0, promptTokens: 0, completionTokens: 0 },
    usageByModel: () => [],
    get: (key, inputs) => {
      const entry = entries.get(key)
      return entry?.inputs === inputs ? entry : undefined
    },
    has: (key, inputs) => entries.get(key)?.inputs === inputs,
    append: (entry) => {
      entries.set(entry.key, entry)
      return Promise.resolve()
    },
  }
}
