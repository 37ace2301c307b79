/** Documents played by a policy inside a run: its journal, budget, models and progress. Knows neither rounds' order nor training. */
import type { Clock } from '../core/clock.ts'
import { isGroupObjective } from '../training/index.ts'
import type { Config, Document, Example, LanguageModel, OnRunEvent } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { RunFolder } from '../store/index.ts'
import { questionsOn, synthesizeTo, type SynthesisOptions, type SynthesisSummary } from '../synthesis/index.ts'
import type { ModelHouse } from './models.ts'
import { synthesisProgress } from './synthesis-progress.ts'

export interface PlayDocumentsOptions {
  readonly round: number
  readonly policy: LanguageModel
  readonly documents: readonly Document[]
  readonly prior?: SynthesisOptions['prior']
  readonly config: Config
  readonly task: TaskProfile
  readonly models: Pick<ModelHouse, 'roles' | 'budget'>
  readonly folder: RunFolder
  readonly clock: Clock
  readonly onEvent: OnRunEvent
  readonly signal?: AbortSignal | undefined
}

/** How many questions there are to play. */
export function questionsOf({ documents, prior, config }: PlayDocumentsOptions): number {
  const settings = settingsOf(config)
  return documents.reduce((sum, document) => sum + questionsOn(document, { settings, prior }), 0)
}

/** Hands on each example in the order of the documents. @throws as `synthesizeTo` */
export async function playDocuments(
  options: PlayDocumentsOptions,
  sink: (example: Example) => Promise<void>,
): Promise<SynthesisSummary> {
  const { round, documents, prior, config, task, models, folder, onEvent } = options
  const summary = await synthesizeTo(
    {
      round,
      documents,
      prior,
      task,
      models: models.roles(options.policy),
      settings: settingsOf(config),
      journal: folder.journal,
      seed: config.seed,
      concurrency: config.synthesis.concurrency,
      budget: models.budget,
      signal: options.signal,
      clock: options.clock,
      onEvent: synthesisProgress(round, questionsOf(options), onEvent),
    },
    sink,
  )
  if (summary.failedCalls > 0) {
    onEvent({
      type: 'note',
      text: `${summary.failedCalls} calls were given up; what they left out is counted, and running the same command again makes them`,
    })
  }
  return summary
}

/** What the examples depend on, besides the journal: where it is equal, they are. To be hashed. */
export function playInputs(options: PlayDocumentsOptions): object {
  const { documents, prior, config, task, models, policy } = options
  const { concurrency: _concurrency, ...synthesis } = config.synthesis
  return {
    documents: documents.map(({ id, text }) => [id, text, priorsOf(id, prior)]),
    players: Object.entries(models.roles(policy)).map(([role, model]: [string, LanguageModel]) => [role, model.name]),
    task: taskFacts(task),
    settings: { ...settingsOf(config), synthesis },
    seed: config.seed,
  }
}

/** What a task does to an example: prompts and sampling settings of all roles, and what else its file says. */
export function taskFacts(task: TaskProfile): object {
  const { name, definitionHash = null, proposer, solver, rubricWriter, scorer, comparer, anchoredRater } = task
  const roles = [proposer, solver, rubricWriter, scorer, comparer, anchoredRater].map((role) =>
    role === undefined ? null : [role.promptHash, { ...role.sampling }],
  )
  return { name, definitionHash, roles }
}

/** What an earlier run gives for a document's questions. */
export function priorsOf(documentId: string, prior: PlayDocumentsOptions['prior']): unknown[] {
  return Array.from({ length: prior?.count(documentId) ?? 0 }, (_, index) => prior?.find(documentId, index) ?? null)
}

/** Ids are kept where training works on them, of its own weights' answers alone: those of another model are none of its vocabulary. */
function settingsOf({ synthesis, scoring, curation, training, roles }: Config): SynthesisOptions['settings'] {
  const keepTokens =
    roles.solver === undefined && (training.backend === 'tinker' || isGroupObjective(training.objective))
  return { synthesis, scoring, curation, keepTokens }
}
