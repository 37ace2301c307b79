/**
 * A trained policy's greedy answers against those of the policy before any training, question by question: the judge compares
 * them in both orders where the task has a prompt for it. Two orders that contradict each other are a tie, because the place
 * spoke and not the answer (judges flip nearly half of their decisions when the order is turned: docs/evaluation.md).
 */
import type { FrozenQuestion, SuiteAnswer, SuiteResult, VersusBase } from '../../records/index.ts'
import { estimateScores, pairedTest } from '../inference.ts'
import { askJudge } from '../judge.ts'
import { wordCount } from '../words.ts'
import { parsed } from './asking.ts'
import { winRateAtEqualLength } from './equal-length.ts'
import type { Asking } from './answers.ts'
import { sameAnswers } from './same-questions.ts'

/** 1 the trained answer is better, 0 the base's, ½ neither. */
type Outcome = 1 | 0.5 | 0

export interface Duel {
  readonly outcome: Outcome | null
  readonly flipped: boolean
  /** Words of the trained answer less those of the base's; null where one of them cannot be read. */
  readonly longer: number | null
}

interface Sides {
  readonly question: FrozenQuestion
  /** Its score: null also where another judge gave it. */
  readonly base: SuiteAnswer
  readonly trained: SuiteAnswer
}

/** Null without any question, in the same words and under the same rubric, that both have an answer to. */
export async function versusBase(
  asking: Asking,
  base: SuiteResult,
  trained: readonly { readonly question: FrozenQuestion; readonly answer: SuiteAnswer }[],
): Promise<VersusBase | null> {
  const before = sameAnswers(
    base,
    trained.map(({ question }) => question),
  )
  const isSameJudge = base.judge === asking.options.judge.name
  const sides = trained.flatMap(({ question, answer }): Sides[] => {
    const other = before.get(question.id)
    if (other === undefined) return []
    return [{ question, base: isSameJudge ? other : { ...other, score: null }, trained: answer }]
  })
  if (sides.length === 0) return null
  const by = asking.options.task.comparer === undefined ? 'scores' : 'orders'
  const duels = await Promise.all(sides.map((one) => duel(asking, one)))
  return { base: base.policy, by, ...tally(duels, asking.context.seed) }
}

async function duel(asking: Asking, sides: Sides): Promise<Duel> {
  const [base, trained] = [sides.base.extracted ?? null, sides.trained.extracted ?? null]
  const longer = base === null || trained === null ? null : wordCount(trained) - wordCount(base)
  const known = withoutJudge(base, trained)
  if (known !== null) return { outcome: known, flipped: false, longer }
  if (asking.options.task.comparer === undefined) return { outcome: byScores(sides), flipped: false, longer }
  const [shownFirst, shownSecond] = await Promise.all([verdict(asking, sides, true), verdict(asking, sides, false)])
  if (shownFirst === null || shownSecond === null) return { outcome: null, flipped: false, longer }
  if (shownFirst !== shownSecond) return { outcome: 0.5, flipped: true, longer }
  return { outcome: shownFirst ? 1 : 0, flipped: false, longer }
}

/** What needs no judge: equal texts, and an answer that cannot be read against one that can. */
function withoutJudge(base: string | null, trained: string | null): Outcome | null {
  if (base === trained) return 0.5
  if (base === null) return 1
  return trained === null ? 0 : null
}

function byScores({ base, trained }: Sides): Outcome | null {
  if (base.score === null || trained.score === null) return null
  if (trained.score === base.score) return 0.5
  return trained.score > base.score ? 1 : 0
}

/** Whether the judge prefers the trained answer; null when it cannot be read. */
async function verdict(
  { options, context, fail }: Asking,
  { question, base, trained }: Sides,
  trainedFirst: boolean,
): Promise<boolean | null> {
  const { comparer } = options.task
  if (comparer === undefined) return null
  const [a, b] = [base.extracted ?? '', trained.extracted ?? '']
  const answers: [string, string] = trainedFirst ? [b, a] : [a, b]
  const key = `r${String(context.round)}/heldout/${question.id}/versus-base`
  const better = await askJudge(
    {
      judge: options.judge,
      messages: comparer.messages({ problem: question.problem, rubric: question.rubric, answers }),
      maxTokens: comparer.sampling.maxTokens,
      parse: (reply) => parsed(comparer, reply),
    },
    { context, key, fail },
    trainedFirst ? 'first' : 'second',
  )
  return better === null ? null : (better === 'A') === trainedFirst
}

/** Counts and rates over questions. */
export function tally(duels: readonly Duel[], seed: number): Omit<VersusBase, 'base' | 'by'> {
  const judged = duels.flatMap(({ outcome }) => outcome ?? [])
  const of = (wanted: Outcome): number => judged.filter((outcome) => outcome === wanted).length
  const decisive = judged.filter((outcome) => outcome !== 0.5)
  const test = pairedTest(
    decisive.map((outcome) => 1 - outcome),
    decisive,
    seed,
  )
  return {
    wins: of(1),
    losses: of(0),
    ties: of(0.5),
    flips: duels.filter(({ flipped }) => flipped).length,
    void: duels.length - judged.length,
    winRate: estimateScores(judged, seed),
    lengthControlled: winRateAtEqualLength(
      duels.flatMap(({ outcome, longer }) => (outcome === null || longer === null ? [] : [{ outcome, longer }])),
      seed,
    ),
    p: test?.p ?? null,
  }
}
