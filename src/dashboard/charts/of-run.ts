/** What is drawn of a run, in the report as in the viewer: held-out scores, what two judges say, training. */
import type { SuiteResult, TrainingStep } from '../../records/index.ts'
import { roundName } from '../views/format.ts'
import type { Intervals } from './intervals.ts'
import type { Lines } from './lines.ts'

type Result = Omit<SuiteResult, 'perQuestion'>

/** Empty where nothing was evaluated. @param results of one suite, in order of rounds */
export function suiteIntervals(results: readonly Result[]): Intervals {
  const { suite = '' } = results[0] ?? {}
  const hasGreedy = results.some(({ greedy }) => greedy !== null)
  return {
    title: `${suite} score, judged by ${judgeNames(results)}`,
    columns: results.map(({ round }) => roundName(round)),
    series: [
      { name: 'sampled', values: results.map(({ sampled }) => sampled) },
      ...(hasGreedy ? [{ name: 'greedy', values: results.map(({ greedy }) => greedy) }] : []),
    ],
  }
}

/** Every judge of the results, in their order: rounds that another one judged stand on the same line. */
export function judgeNames(results: readonly { readonly judge: string }[]): string {
  const names = results.map(({ judge }) => (judge === 'oracle' ? 'a program that knows the truth' : judge))
  return [...new Set(names)].join(', then by ') || '–'
}

/** The second judge's curve beside the first's; null where there is no second judge. @param results of one suite, in order of rounds */
export function judgeIntervals(results: readonly Result[]): Intervals | null {
  const judged = results.flatMap(({ secondJudgement, ...result }) =>
    secondJudgement === undefined ? [] : [{ ...result, second: secondJudgement }],
  )
  const [one] = judged
  if (one === undefined) return null
  return {
    title: `${one.suite}, two judges`,
    columns: judged.map(({ round }) => roundName(round)),
    series: [
      { name: `training judge: ${judgeNames(judged)}`, values: judged.map(({ sampled }) => sampled) },
      {
        name: `second judge: ${judgeNames(judged.map(({ second }) => second))}`,
        values: judged.map(({ second }) => second.sampled),
      },
    ],
  }
}

type Measure = readonly [name: string, of: (step: TrainingStep) => number]

const curves: readonly { readonly title: string; readonly unit?: string; readonly lines: readonly Measure[] }[] = [
  { title: 'Loss', lines: [['loss', (step) => step.loss]] },
  { title: 'Margin over the reference', unit: 'nats × β', lines: [['margin', (step) => step.margin]] },
  { title: 'Share of pairs in the right order', lines: [['accuracy', (step) => step.accuracy]] },
  { title: 'Gradient norm before clipping', lines: [['gradient norm', (step) => step.gradNorm]] },
  {
    title: 'Log-probability of the answers',
    unit: 'nats per answer',
    lines: [
      ['chosen', (step) => step.chosenLogprob],
      ['rejected', (step) => step.rejectedLogprob],
    ],
  },
  { title: 'Drift from the reference (KL)', unit: 'nats', lines: [['KL', (step) => step.kl ?? Number.NaN]] },
  { title: 'Learning rate', lines: [['learning rate', (step) => step.learningRate]] },
  { title: 'Tokens per second', unit: 'tokens/s', lines: [['tokens/s', (step) => step.tokensPerSecond]] },
]

/** Curves over the steps of all rounds; a measure that no step has is left out. */
export function trainingLines(
  rounds: readonly { readonly round: number; readonly steps: readonly TrainingStep[] }[],
): Lines[] {
  const trained = rounds.filter((round) => round.steps.length > 0)
  const steps = trained.flatMap((round) => round.steps)
  let at = 0
  const breaks = trained.map(({ round, steps: { length } }) => {
    const start = { at, name: `round ${round}` }
    at += length
    return start
  })
  return curves
    .filter(({ lines }) => lines.some(([, of]) => steps.some((step) => Number.isFinite(of(step)))))
    .map(({ lines, ...curve }) => ({
      ...curve,
      breaks,
      lines: lines.map(([name, of]) => ({ name, values: steps.map(of) })),
    }))
}
