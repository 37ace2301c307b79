/** Plays a configuration in the laboratory: its documents, its task, and the program that knows the truth as judge. Knows no command. */
import { labCorpus, labTaskOf, oracleSuite, type LabSubjects, type LabTaskName } from '../lab/index.ts'
import { runPipeline, type RunSummary } from '../pipeline/index.ts'
import type { Config } from '../records/index.ts'
import type { Context } from './command.ts'
import { createProgress } from './progress.ts'

export interface LabPlay {
  readonly config: Config
  readonly runDir: string
  readonly task: LabTaskName
  /** Whom the documents are about; default: things that the model may know. */
  readonly subjects?: LabSubjects
}

/** An interrupted run goes on from its folder. */
export async function playLab({ config, runDir, task, subjects }: LabPlay, context: Context): Promise<RunSummary> {
  const { terminal, clock, environment, signal } = context
  const documents = config.corpus.documents * config.rounds
  const training = labCorpus({ seed: config.seed, documents, ...(subjects === undefined ? {} : { subjects }) })
  const progress = createProgress(terminal, clock)
  try {
    return await runPipeline({
      config,
      runDir,
      task: labTaskOf(task),
      documents: { heldOut: [], training, facts: null },
      suites: [oracleSuite({ samples: config.evaluation.samples, task })],
      deps: { env: environment, clock },
      clock,
      signal,
      onEvent: progress.onEvent,
    })
  } finally {
    progress.stop()
  }
}
