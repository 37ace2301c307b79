/** The second judge's curve beside the first's, what is said when they part, and who wins against the start. */
import type { VNode } from 'preact'
import { interval, number, roundName } from '../../views/format.ts'
import type { RoundOverview } from '../../views/wire.ts'
import { IntervalChart } from '../charts/interval-chart.tsx'
import { Inline } from '../text.tsx'

type Result = RoundOverview['evaluations'][number]

/** Nothing where a suite has neither. @param results of one suite, in order of rounds */
export function Judges({ results }: { results: readonly Result[] }): VNode {
  const judged = results.flatMap(({ secondJudgement, ...result }) =>
    secondJudgement === undefined ? [] : [{ ...result, second: secondJudgement }],
  )
  const parted = judged.find(({ second }) => second.parting?.verdict === 'parted')
  return (
    <>
      {judged.length > 0 && (
        <IntervalChart
          title={`${judged[0]?.suite ?? ''} by two judges`}
          columns={judged.map(({ round }) => roundName(round))}
          series={[
            { name: 'training judge', values: judged.map(({ sampled }) => sampled) },
            { name: 'second judge', values: judged.map(({ second }) => second.sampled) },
          ]}
        />
      )}
      {parted?.second.parting !== undefined && (
        <p class="banner bad">
          The judges part at {roundName(parted.round)}: since {roundName(parted.second.parting.best)} the training judge
          sees {interval(parted.second.parting.first)}, the second judge {interval(parted.second.parting.second)}. Go
          back to {roundName(parted.second.parting.best)}.
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
