/** Documents played by a policy inside a run: its journal, budget, models and progress. Knows neither rounds' order nor training. */
import type { Clock } from '../core/clock.ts'
import { isGroupObjective } from '../training/index.ts'
import type { Config, Document, Example, LanguageModel, OnRunEvent } from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import type { RunFolder } from '../store/index.ts'
import { questionsOn, synthesizeTo, type SynthesisOptions } from '../synthesis/index.ts'
import type { ModelHouse } from './models.ts'
import { synthesisProgress } from './synthesis-progress.ts'

export interface PlayDocumentsOptions {
  readonly round: number
  readonly policy: LanguageModel
  readonly documents: readonly Document[]
  readonly prior?: SynthesisOptions['prior']
  readonly config: Config
  readonly task: TaskProfile
  readonly models: ModelHouse
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
): Promise<void> {
  const { round, documents, prior, config, task, models, folder, onEvent } = options
  const { failedCalls } = await synthesizeTo(
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
  if (failedCalls > 0) {
    onEvent({
      type: 'note',
      text: `${failedCalls} calls were given up; what they left out is counted, and running the same command again makes them`,
    })
  }
}

/** Ids are kept where training works on them, of its own weights' answers alone: those of another model are none of its vocabulary. */
function settingsOf({ synthesis, scoring, curation, training, roles }: Config): SynthesisOptions['settings'] {
  const keepTokens =
    roles.solver === undefined && (training.backend === 'tinker' || isGroupObjective(training.objective))
  return { synthesis, scoring, curation, keepTokens }
}
