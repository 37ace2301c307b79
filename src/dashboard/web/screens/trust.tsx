/** The Trust screen: each policy as it sees itself beside as others see it. Where the curves part, the judge is being pleased. */
import type { VNode } from 'preact'
import { wide } from '../../charts/drawing.ts'
import { drawIntervals } from '../../charts/intervals.ts'
import { interval, number, roundName, short } from '../../views/format.ts'
import type { Table } from '../../views/table.ts'
import { intervalCells } from '../../views/tables.ts'
import type { RunCard, TrustPoint } from '../../views/wire.ts'
import { Chart } from '../charts/chart.tsx'
import { LineChart } from '../charts/line-chart.tsx'
import { useData } from '../data.ts'
import { Card, Scroll, Show } from '../parts.tsx'

export function TrustScreen({ run }: { run: RunCard }): VNode {
  const loaded = useData<readonly TrustPoint[]>(`runs/${run.id}/trust`)
  return (
    <>
      <h1>Can the score be trusted?</h1>
      <p class="soft">
        Self-play is judged by the model that is trained. Its own score of its answers stands here beside what another
        judge, or a program that knows the truth, says of the same weights. A self-score that rises while the other does
        not means that the model learned to please its judge.
      </p>
      <Show loaded={loaded}>{(points) => <Curves points={points} />}</Show>
    </>
  )
}

function Curves({ points }: { points: readonly TrustPoint[] }): VNode {
  const judges = [...new Map(points.flatMap(({ judged }) => judged.map((one) => [nameOf(one), one]))).keys()]
  if (judges.length === 0 && points.every(({ self }) => self === null)) {
    return <p class="state">Nothing was scored yet.</p>
  }
  const curves = {
    title: 'Self-score and judgement (0–1)',
    columns: points.map(({ round }) => roundName(round)),
    series: [
      { name: 'its own judge', values: points.map(({ self }) => self) },
      ...judges.map((name) => ({ name, values: points.map((point) => judgedAs(point, name)) })),
    ],
  }
  return (
    <div class="columns">
      <Card title="Self-score and judgement, by policy">
        <Chart drawing={drawIntervals(curves, wide)} />
        <p class="soft">
          A policy's self-score comes from the questions it played in the round after; questions and rubrics differ from
          round to round, so look at directions and gaps, not at levels. The last policy has not played yet.
        </p>
      </Card>
      <Card title="In numbers">
        <Numbers points={points} judges={judges} />
        <p class="soft">Gap: self-score minus the first judge. Growing from policy to policy, it is a warning.</p>
        <QualityTable points={points} />
      </Card>
      <LengthCard points={points} />
    </div>
  )
}

function judgedAs({ judged }: TrustPoint, name: string): TrustPoint['judged'][number] | null {
  return judged.find((one) => nameOf(one) === name) ?? null
}

function Numbers({ points, judges }: { points: readonly TrustPoint[]; judges: readonly string[] }): VNode {
  return (
    <Scroll label="Self-score and judgement in numbers" table={numberTable(points, judges)}>
      <table>
        <thead>
          <tr>
            <th scope="col">policy</th>
            <th scope="col">self-score</th>
            {judges.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">gap</th>
            <th scope="col">words</th>
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.round}>
              <th scope="row">{roundName(point.round)}</th>
              <td>{interval(point.self)}</td>
              {judges.map((name) => (
                <td key={name}>{interval(judgedAs(point, name))}</td>
              ))}
              <td>{number(gapOf(point), 3)}</td>
              <td>{number(point.meanAnswerWords, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function numberTable(points: readonly TrustPoint[], judges: readonly string[]): Table {
  const bounds = (name: string): string[] => [name, `${name} low`, `${name} high`]
  return {
    header: ['policy', ...['self-score', ...judges].flatMap(bounds), 'gap', 'words'],
    rows: points.map((point) => [
      roundName(point.round),
      ...intervalCells(point.self),
      ...judges.flatMap((name) => intervalCells(judgedAs(point, name))),
      gapOf(point),
      point.meanAnswerWords,
    ]),
  }
}

function LengthCard({ points }: { points: readonly TrustPoint[] }): VNode | null {
  const lengths = points.flatMap(({ meanAnswerWords }) => meanAnswerWords ?? [])
  if (lengths.length < 2) return null
  return (
    <Card title="Length of the answers">
      <LineChart
        lines={{
          title: 'Words per scored answer',
          unit: 'words',
          across: 'policy',
          lines: [{ name: 'words', values: lengths }],
          fromZero: true,
        }}
      />
      <p class="soft">Scores that rise with length alone are another way to please a judge.</p>
    </Card>
  )
}

function QualityTable({ points }: { points: readonly TrustPoint[] }): VNode | null {
  const rows = points.flatMap(({ round, judgeQuality }) => judgeQuality.map((quality) => ({ round, ...quality })))
  if (rows.length === 0) return null
  return (
    <Scroll label="The judge against the program" table={qualityTable(rows)}>
      <table>
        <thead>
          <tr>
            <th scope="col">judge of</th>
            <th scope="col">pairs in the right order</th>
            <th scope="col">rank correlation</th>
            <th scope="col">answers</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ round, pairAccuracy, rankCorrelation, n }) => (
            <tr key={round}>
              <th scope="row">{roundName(round)}</th>
              <td>{short(pairAccuracy)}</td>
              <td>{short(rankCorrelation)}</td>
              <td>{n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

type Quality = TrustPoint['judgeQuality'][number] & { readonly round: number }

function qualityTable(rows: readonly Quality[]): Table {
  return {
    header: ['judge of', 'suite', 'pairs in the right order', 'rank correlation', 'answers'],
    rows: rows.map(({ round, suite, pairAccuracy, rankCorrelation, n }) => [
      roundName(round),
      suite,
      pairAccuracy,
      rankCorrelation,
      n,
    ]),
  }
}

function nameOf({ suite, judge }: { suite: string; judge: string }): string {
  return suite === judge ? suite : `${suite} by ${judge}`
}

function gapOf({ self, judged }: TrustPoint): number | null {
  const [first] = judged
  return self === null || first === undefined ? null : self.mean - first.mean
}
