/** One round of a run as one side of a comparison, and the two views of a policy that trust rests on. */
import type { SuiteAnswer } from '../../records/index.ts'
import { orFault, type RunView } from './run-view.ts'
import { withoutQuestions } from './overview.ts'
import { withAsked } from './asked.ts'
import { meanInterval } from '../views/rows.ts'
import type { HeldOutAnswer, RoundSide, TrustPoint } from '../views/wire.ts'

/** A shape does not change with more points than this. */
const mostPoints = 4000
const mostCriteria = 500

export async function roundSide(run: RunView, round: number): Promise<RoundSide> {
  const { evaluations } = await run.roundFiles(round)
  const examples = run.examplesOf(round)
  const manifest = await orFault(run.manifest(), null, [])
  return {
    run: run.id,
    runName: manifest?.name ?? run.name,
    round,
    evaluations: evaluations.map(withoutQuestions),
    heldOut: withAsked(await heldOut(run, round, evaluations), evaluations),
    scale: await run.scale(),
    scores: thinned(examples.scores),
    words: thinned(examples.words),
    criteria: examples.criteriaMeans(mostCriteria),
  }
}

type Evaluations = Awaited<ReturnType<RunView['roundFiles']>>['evaluations']

/** What a result keeps are the answers that it scored; the journal's last calls may be of other settings. */
async function heldOut(run: RunView, round: number, evaluations: Evaluations): Promise<HeldOutAnswer[]> {
  const keepsAll = evaluations.every(({ answers }) => answers !== undefined)
  const journal = keepsAll ? new Map<string, string[]>() : await journalTexts(run, round)
  return evaluations.flatMap(({ suite, perQuestion, answers }) => {
    const texts = answers === undefined ? journal : textsOf(suite, answers)
    return perQuestion.map(({ id, score }) => ({
      suite,
      id,
      score,
      sampled: texts.get(`${suite}/${id}/sampled`) ?? [],
      greedy: texts.get(`${suite}/${id}/greedy`)?.[0] ?? null,
    }))
  })
}

/** By `suite/id/sampled` and `suite/id/greedy`. */
function textsOf(suite: string, answers: readonly SuiteAnswer[]): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const { id, greedy, response } of answers) {
    const key = `${suite}/${id}/${greedy === true ? 'greedy' : 'sampled'}`
    const known = texts.get(key)
    if (known === undefined) texts.set(key, [response])
    else known.push(response)
  }
  return texts
}

/** The same of a round's last calls. */
async function journalTexts(run: RunView, round: number): Promise<Map<string, string[]>> {
  const pattern = new RegExp(String.raw`^r${round}/([^/]+)/(.+)/(sampled|greedy)$`)
  const texts = new Map<string, string[]>()
  const calls = await Promise.all(run.suiteGroups(round).map((group) => run.readCalls(group)))
  for (const { key, generations } of calls.flat()) {
    const [, suite, id, kind] = pattern.exec(key) ?? []
    if (suite === undefined || id === undefined || kind === undefined) continue
    texts.set(
      `${suite}/${id}/${kind}`,
      generations.map(({ text }) => text),
    )
  }
  return texts
}

/** Every n-th of the sorted values: the same shape with fewer points. */
function thinned(values: Float64Array): number[] {
  const sorted = values.toSorted()
  if (sorted.length <= mostPoints) return [...sorted]
  return Array.from({ length: mostPoints }, (_, i) => sorted[Math.floor((i * sorted.length) / mostPoints)] ?? 0)
}

/**
 * Each policy as it sees itself and as it is seen: the answers that policy p gave in round p + 1 by its own judge, and its
 * held-out results.
 */
export async function trust(run: RunView): Promise<TrustPoint[]> {
  const { min, max } = await run.scale()
  const rounds = new Set([...(await run.reader.rounds()), ...run.exampleRounds().map((round) => round - 1)])
  const points: TrustPoint[] = []
  for (const round of [...rounds].filter((one) => one >= 0).sort((a, b) => a - b)) {
    const { evaluations } = await orFault(
      run.roundFiles(round),
      { evaluations: [], steps: [], pairs: null, health: null },
      [],
    )
    const { rows, scores, words } = run.examplesOf(round + 1)
    points.push({
      round,
      self: meanInterval(
        rows.flatMap(({ mean }) => (mean === null ? [] : [(mean - min) / (max - min)])),
        scores.length,
      ),
      judged: evaluations.flatMap(({ suite, judge, sampled, secondJudgement: second }) => [
        ...(sampled === null ? [] : [{ suite, judge, ...sampled }]),
        ...(second?.sampled == null
          ? []
          : [{ suite: `${suite}, second judge`, judge: second.judge, ...second.sampled }]),
      ]),
      judgeQuality: evaluations.flatMap(({ suite, judgeQuality }) =>
        judgeQuality === undefined ? [] : [{ suite, ...judgeQuality }],
      ),
      meanAnswerWords: words.length === 0 ? null : words.reduce((sum, n) => sum + n, 0) / words.length,
    })
  }
  return points
}
