/** `pop eval --corpus`: the suites against a training corpus, or against what a run plays on. */
import { corpusTexts } from '../corpus/index.ts'
import type { Suite } from '../evaluation/index.ts'
import { contaminationOf, trainingTextsOf, type ContaminationReport } from '../pipeline/index.ts'
import type { Config } from '../records/index.ts'
import type { RunReader } from '../store/index.ts'
import type { Context, Invocation } from './command.ts'

/** Undefined where there is nothing to compare with. @throws {InputError} when the corpus cannot be read */
export async function compareWithCorpus(
  invocation: Invocation,
  { config, reader, suites }: { config: Config; reader?: RunReader; suites: readonly Suite[] },
  { environment, clock }: Context,
): Promise<ContaminationReport | undefined> {
  const source = invocation.text('corpus')
  const words = config.health.overlapWords
  if (source === undefined) {
    const texts = reader === undefined ? null : await trainingTextsOf(reader)
    return texts === null ? undefined : contaminationOf(suites, texts, words)
  }
  const whole = { minWords: 0, maxWords: Number.MAX_SAFE_INTEGER, field: invocation.text('corpus-field') ?? 'text' }
  const texts = corpusTexts({ ...config.corpus, ...whole, source }, { env: environment, clock })
  return contaminationOf(suites, texts, words)
}
