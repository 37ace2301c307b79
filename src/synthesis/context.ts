/** What the stages of one question share, and how a call of theirs is named. Knows no stage. */
import type { Config, Document, LanguageModel } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { Caller } from './caller.ts'
import type { SynthesisEvent, SynthesisStage } from './events.ts'
import type { Prior } from './prior.ts'

export interface RoleModels {
  readonly proposer: LanguageModel
  readonly solver: LanguageModel
  readonly rubric: LanguageModel
  readonly scorer: LanguageModel
}

export interface SynthesisSettings {
  readonly synthesis: Omit<Config['synthesis'], 'concurrency'>
  readonly scoring: Config['scoring']
  readonly curation: Config['curation']
  /** Keep ids and log-probs of the answers: training works on what was sampled. Default false. */
  readonly keepTokens?: boolean
}

export interface QuestionContext {
  readonly round: number
  readonly document: Document
  readonly questionIndex: number
  readonly task: TaskProfile
  readonly models: RoleModels
  readonly settings: SynthesisSettings
  /** Of the run: for draws that are no model's. */
  readonly seed: number
  readonly call: Caller['call']
  /** Whether the journal has a call. */
  readonly knows: Caller['knows']
  /** What an earlier run knows of the question. */
  readonly prior?: Prior | undefined
  /** Whether a model holds a reply to a JSON schema. */
  readonly keepsSchema: (model: LanguageModel) => Promise<boolean>
  /** Replies that the journal has and nobody could read are asked for anew. */
  readonly again?: boolean
  readonly onEvent: (event: SynthesisEvent) => void
}

/** The document as a role sees it: null when the settings withhold it, or there is none. */
export function shownDocument(
  { document, settings }: QuestionContext,
  role: 'proposer' | 'rubricWriter',
): string | null {
  const { groundQuestion, groundRubric } = settings.synthesis
  const grounded = role === 'proposer' ? groundQuestion : groundQuestion && groundRubric
  return grounded && document.text !== '' ? document.text : null
}

/** `r1/<documentId>/q0/solve/a0`: what a call is, on which everything that must not change hangs. */
export function keyOf({ round, document, questionIndex }: QuestionContext, name: string): string {
  return `r${round}/${document.id}/q${questionIndex}/${name}`
}

export function modelOf(models: RoleModels, stage: SynthesisStage): LanguageModel {
  const roles = { propose: 'proposer', solve: 'solver', rubric: 'rubric', score: 'scorer' } as const
  return models[roles[stage]]
}

/** As `Promise.all`, but when one rejects the others are waited for, so that no call is left behind. */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return Promise.all(work)
}

export function firstOf<T>(items: readonly T[]): T {
  const item = items[0]
  if (item === undefined) throw new Error('a call without samples')
  return item
}

/** "noTag ×3, empty ×1". */
export function listReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${reason} ×${count}`).join(', ')
}
