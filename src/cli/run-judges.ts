/** Who judges the rounds of a run in `pop eval`: never the weights that are measured. Opens no model. */
import { requireUntouchedJudges } from '../pipeline/index.ts'
import type { ModelEndpoint } from '../records/index.ts'
import type { Invocation } from './command.ts'
import { readEndpoint } from './endpoint.ts'
import { readRun } from './read-run.ts'

/**
 * @param run the run that is measured, where it is one
 * @throws {ConfigError} when a judge, of the command line or of the run, answers from where each round's weights are put
 */
export async function checkJudges(
  invocation: Invocation,
  { run, suites }: { readonly run: string | undefined; readonly suites: readonly string[] },
): Promise<void> {
  if (run === undefined) return
  const { config } = await readRun(run)
  const judge = named(invocation, 'judge')
  const secondJudge = named(invocation, 'second-judge')
  requireUntouchedJudges(config, {
    suites,
    judge: judge ?? config.evaluation.judge,
    secondJudge: secondJudge ?? config.evaluation.secondJudge,
    names: {
      judge: judge === undefined ? 'evaluation.judge' : '--judge',
      secondJudge: secondJudge === undefined ? 'evaluation.secondJudge' : '--second-judge',
    },
  })
}

function named(invocation: Invocation, option: 'judge' | 'second-judge'): ModelEndpoint | undefined {
  const text = invocation.text(option)
  return text === undefined ? undefined : readEndpoint(text, invocation.text('judge-key-env'))
}
