/** The second judge's curve beside the first's, what is said when they part, and who wins against the start. */
import type { VNode } from 'preact'
import { wide } from '../../charts/drawing.ts'
import { drawIntervals } from '../../charts/intervals.ts'
import { judgeIntervals } from '../../charts/of-run.ts'
import { interval, number, roundName } from '../../views/format.ts'
import type { RoundOverview } from '../../views/wire.ts'
import { Chart } from '../charts/chart.tsx'
import { Inline } from '../text.tsx'

type Result = RoundOverview['evaluations'][number]

/** Nothing where a suite has neither. @param results of one suite, in order of rounds */
export function Judges({ results }: { results: readonly Result[] }): VNode {
  const curves = judgeIntervals(results)
  const parted = results.find(({ secondJudgement }) => secondJudgement?.parting?.verdict === 'parted')
  const parting = parted?.secondJudgement?.parting
  return (
    <>
      {curves !== null && <Chart drawing={drawIntervals(curves, wide)} />}
      {parted !== undefined && parting !== undefined && (
        <p class="banner bad">
          The judges part at {roundName(parted.round)}: since {roundName(parting.best)} the training judge sees{' '}
          {interval(parting.first)}, the second judge {interval(parting.second)}. Go back to {roundName(parting.best)}.
        </p>
      )}
      {results.map(
        ({ round, versusBase: won }) =>
          won !== undefined && (
            <p key={round} class="soft">
              {roundName(round)} against <Inline text={won.base} />: win rate {interval(won.winRate)}, at equal length{' '}
              {interval(won.lengthControlled)}; {won.wins} won, {won.ties} tied ({won.flips} by flipped orders),{' '}
              {won.losses} lost, {won.void} not judged; p {number(won.p, 3)}
            </p>
          ),
      )}
    </>
  )
}
