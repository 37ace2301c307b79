/** The Compare screen: two rounds, of one run or of two, against each other. */
import type { VNode } from 'preact'
import type { Series } from '../../charts/drawing.ts'
import {
  movedCriteria,
  otherJudge,
  pairQuestions,
  shares,
  verdict,
  type ComparedQuestion,
} from '../../views/compare.ts'
import { number, roundName, short } from '../../views/format.ts'
import { criterionTable, questionTable } from '../../views/tables.ts'
import type { RoundSide, RunCard } from '../../views/wire.ts'
import { LineChart } from '../charts/line-chart.tsx'
import { useData } from '../data.ts'
import { Card, Fact, Scroll, Show } from '../parts.tsx'
import { show, type Route } from '../route.ts'
import { Inline } from '../text.tsx'
import { AnswersOf } from './compared-answers.tsx'

/** `0:2` is round 2 of run 0. */
interface Choice {
  readonly run: string
  readonly round: number
}

export function CompareScreen({ route, runs }: { route: Route; runs: readonly RunCard[] }): VNode {
  const choices = runs.flatMap(({ id, rounds }) => rounds.map((round): Choice => ({ run: id, round })))
  const [first, last] = standard(choices, route.run)
  const left = chosen(route.parameters.get('a'), choices) ?? first
  const right = chosen(route.parameters.get('b'), choices) ?? last
  const change = (changes: Readonly<Record<string, string>>): void =>
    show({ ...route, parameters: new Map([...route.parameters, ...Object.entries(changes)]) }, true)
  const before = useData<RoundSide>(left === undefined ? null : address(left))
  const after = useData<RoundSide>(right === undefined ? null : address(right))
  if (left === undefined || right === undefined) return <p class="state">There are no two rounds to compare yet.</p>
  return (
    <>
      <h1>Compare</h1>
      <div class="filters">
        <Picker name="Before" runs={runs} choices={choices} value={left} onChange={(a) => change({ a })} />
        <Picker name="After" runs={runs} choices={choices} value={right} onChange={(b) => change({ b })} />
      </div>
      <Show loaded={before}>
        {(a) => <Show loaded={after}>{(b) => <Comparison before={a} after={b} route={route} change={change} />}</Show>}
      </Show>
    </>
  )
}

/** The first and the last round of the run in the address. */
function standard(choices: readonly Choice[], run: string): [Choice | undefined, Choice | undefined] {
  const own = choices.filter((choice) => choice.run === run)
  return [own[0], own.at(-1)]
}

function written({ run, round }: Choice): string {
  return `${run}:${round}`
}

function chosen(text: string | undefined, choices: readonly Choice[]): Choice | undefined {
  return choices.find((choice) => written(choice) === text)
}

function address({ run, round }: Choice): string {
  return `runs/${encodeURIComponent(run)}/side?round=${round}`
}

function Picker({
  name,
  runs,
  choices,
  value,
  onChange,
}: {
  name: string
  runs: readonly RunCard[]
  choices: readonly Choice[]
  value: Choice
  onChange: (value: string) => void
}): VNode {
  const runName = (id: string): string =>
    runs.length === 1 ? '' : `${runs.find((run) => run.id === id)?.name ?? id}, `
  return (
    <label>
      {name}
      <select value={written(value)} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map((choice) => (
          <option key={written(choice)} value={written(choice)}>
            {runName(choice.run)}
            {roundName(choice.round)}
          </option>
        ))}
      </select>
    </label>
  )
}

interface ComparisonProps {
  readonly before: RoundSide
  readonly after: RoundSide
  readonly route: Route
  readonly change: (changes: Readonly<Record<string, string>>) => void
}

function Comparison({ before, after, route, change }: ComparisonProps): VNode {
  const suites = [...new Set(after.heldOut.map(({ suite }) => suite))]
  const suite = suites.find((one) => one === route.parameters.get('suite')) ?? suites[0] ?? ''
  const { questions, different } = pairQuestions(before, after, suite)
  const judges = questions.length === 0 ? null : otherJudge(before, after, suite)
  const shown = questions.find(({ id }) => id === route.parameters.get('question')) ?? questions[0]
  return (
    <div class="columns">
      <Card title={`Held-out questions${suite === '' ? '' : `: ${suite}`}`}>
        {suites.length > 1 && (
          <div class="filters">
            <label>
              Suite
              <select value={suite} onChange={(event) => change({ suite: event.currentTarget.value })}>
                {suites.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
          </div>
        )}
        {judges !== null && (
          <p class="banner" role="note">
            Judged by <Inline text={judges[0]} length={60} /> before and by <Inline text={judges[1]} length={60} />{' '}
            after: the two scores do not measure the same thing.
          </p>
        )}
        {questions.length === 0 ? (
          <p class="soft">No held-out question was put to both.</p>
        ) : (
          <Questions questions={questions} shown={shown} onShow={(id) => change({ question: id })} />
        )}
        {different > 0 && (
          <p class="soft">
            Not compared: {different} {different === 1 ? 'document' : 'documents'} of which the two sides were asked
            different questions, or under different rubrics.
          </p>
        )}
      </Card>
      <Card title="Answers side by side">
        {shown === undefined ? <p class="soft">Nothing to compare.</p> : <AnswersOf question={shown} />}
      </Card>
      <ShiftCard before={before} after={after} />
      <CriteriaCard before={before} after={after} />
    </div>
  )
}

function Questions({
  questions,
  shown,
  onShow,
}: {
  questions: readonly ComparedQuestion[]
  shown: ComparedQuestion | undefined
  onShow: (id: string) => void
}): VNode {
  return (
    <>
      <VerdictFacts questions={questions} />
      <Scroll label="held-out questions" table={questionTable(questions)} tall>
        <table>
          <thead>
            <tr>
              <th scope="col">question</th>
              <th scope="col">before</th>
              <th scope="col">after</th>
              <th scope="col">change</th>
            </tr>
          </thead>
          <tbody>
            {questions.map(({ id, before, after, change }) => (
              <tr key={id} class={id === shown?.id ? 'selected' : ''}>
                <th scope="row">
                  <button type="button" class="plain" aria-pressed={id === shown?.id} onClick={() => onShow(id)}>
                    <Inline text={id} length={60} />
                  </button>
                </th>
                <td>{number(before.score, 2)}</td>
                <td>{number(after.score, 2)}</td>
                <td class={change === null ? '' : change > 0 ? 'good' : change < 0 ? 'bad' : ''}>
                  {number(change, 2)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  )
}

function VerdictFacts({ questions }: { questions: readonly ComparedQuestion[] }): VNode {
  const { wins, losses, ties, unscored, mean } = verdict(questions)
  return (
    <dl class="facts">
      <Fact name="Better" value={String(wins)} />
      <Fact name="Worse" value={String(losses)} />
      <Fact name="Same" value={String(ties)} />
      {unscored > 0 && <Fact name="Not comparable" value={String(unscored)} />}
      {mean !== null && (
        <Fact
          name="Mean change, 95 % interval over questions"
          value={`${number(mean.mean, 3)} [${number(mean.low, 3)}, ${number(mean.high, 3)}]`}
        />
      )}
    </dl>
  )
}

const bins = 20

function ShiftCard({ before, after }: { before: RoundSide; after: RoundSide }): VNode {
  const longest = Math.max(10, ...before.words.slice(-1), ...after.words.slice(-1))
  const { min, max } = after.scale
  const lines = (values: (side: RoundSide) => readonly number[], from: number, to: number): Series[] =>
    [
      { side: before, name: sideName(before, after) },
      { side: after, name: sideName(after, before) },
    ].flatMap(({ side, name }) => {
      return values(side).length === 0 ? [] : [{ name, values: shares(values(side), from, to, bins) }]
    })
  const played = [before, after].filter(({ scores }) => scores.length > 0)
  return (
    <Card title="Self-play: scores and lengths">
      {before.scores.length + after.scores.length === 0 ? (
        <p class="soft">Neither round played questions with scores.</p>
      ) : (
        <>
          <LineChart
            lines={{
              title: 'Share of answers by score',
              unit: `score ${min} to ${max}`,
              across: 'bin',
              lines: lines(({ scores }) => scores, min, max),
            }}
          />
          <LineChart
            lines={{
              title: 'Share of answers by length',
              unit: `words, 0 to ${longest}`,
              across: 'bin',
              lines: lines(({ words }) => words, 0, longest),
            }}
          />
          <p class="soft">
            Rounds have questions and rubrics of their own: compare shapes.
            {played.length === 1 &&
              ' One of the two has no scored answers: the state before the first round plays none.'}
          </p>
        </>
      )}
    </Card>
  )
}

function sideName(side: RoundSide, other: RoundSide): string {
  return side.run === other.run ? roundName(side.round) : `${side.runName.slice(0, 30)} ${roundName(side.round)}`
}

function CriteriaCard({ before, after }: { before: RoundSide; after: RoundSide }): VNode {
  const moved = movedCriteria(before, after).slice(0, 40)
  return (
    <Card title="Criteria that moved">
      {moved.length === 0 ? (
        <p class="soft">No criterion of the same name was rated at least five times in both.</p>
      ) : (
        <Scroll label="Criteria that moved" table={criterionTable(moved)}>
          <table>
            <thead>
              <tr>
                <th scope="col">criterion</th>
                <th scope="col">before (0–2)</th>
                <th scope="col">after</th>
                <th scope="col">change</th>
                <th scope="col">ratings</th>
              </tr>
            </thead>
            <tbody>
              {moved.map(({ name, before: a, after: b, change }) => (
                <tr key={name}>
                  <th scope="row">
                    <Inline text={name} length={60} />
                  </th>
                  <td>{number(a.mean, 2)}</td>
                  <td>{number(b.mean, 2)}</td>
                  <td class={change > 0 ? 'good' : 'bad'}>{short(change)}</td>
                  <td>
                    {a.rated} / {b.rated}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  )
}
