/** The health of a round's signal inside a run: what is measured against which evaluation sets, and when a run ends for it. */
import { ThresholdError } from '../core/errors.ts'
import { sampleDocuments, type CorpusDeps } from '../corpus/index.ts'
import type { Suite } from '../evaluation/index.ts'
import { HealthCollector, type EvaluationSet } from '../health/index.ts'
import type { Config, HealthReport } from '../records/index.ts'

/** Takes the examples of a round one by one; judges by the limits of the configuration. */
export function healthCollector(round: number, config: Config, sets: readonly EvaluationSet[]): HealthCollector {
  return new HealthCollector({
    round,
    config: config.health,
    minStd: config.pairing.minStd,
    mode: config.scoring.mode,
    evaluationSets: sets,
  })
}

/** Items of a file are whole, however short or long. */
const anyLength = { minWords: 0, maxWords: Number.MAX_SAFE_INTEGER }
const mostItems = 1_000_000

/** The files of `health.evaluationSets`. @throws {InputError} when one cannot be read */
export async function readEvaluationSets({ corpus, health, seed }: Config, deps: CorpusDeps): Promise<EvaluationSet[]> {
  const sets: EvaluationSet[] = []
  for (const { source, field } of health.evaluationSets) {
    const wanted = { documents: mostItems, heldOut: 0, seed }
    const { training } = await sampleDocuments({ ...corpus, ...anyLength, source, field }, wanted, deps)
    sets.push({ name: source, texts: training.map(({ text }) => text) })
  }
  return sets
}

/** What the suites of a run ask, as far as they can say. */
export function suiteTexts(suites: readonly Suite[]): EvaluationSet[] {
  return suites.flatMap(({ name, texts }) => (texts === undefined ? [] : [{ name, texts }]))
}

/** @throws {ThresholdError} when a check is past its `stop` limit */
export function refuseUnhealthy(report: HealthReport, path: string): void {
  const passed = report.checks.filter(({ state }) => state === 'stop')
  const [first] = passed
  if (first === undefined) return
  const names = passed.map(({ label }) => label).join(', ')
  throw new ThresholdError(
    `round ${report.round} was not trained: past the limit for ${names} (see ${path}). ${first.advice ?? ''} ` +
      `To train all the same, set ${passed.map(({ name }) => `health.${name}.stop: false`).join(', ')}`,
  )
}
