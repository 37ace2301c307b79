/** The Run screen: what flows, how fast, what failed, how training goes, what held-out questions say. */
import type { VNode } from 'preact'
import { wide } from '../../charts/drawing.ts'
import { drawIntervals } from '../../charts/intervals.ts'
import { suiteIntervals } from '../../charts/of-run.ts'
import { drawStack } from '../../charts/stack.ts'
import {
  count,
  counts,
  interval,
  money,
  number,
  percent,
  roundName,
  seconds,
  short,
  words,
} from '../../views/format.ts'
import { outcomeTable, stageTable, suiteTable } from '../../views/tables.ts'
import type { Overview, RoundOverview, RunCard } from '../../views/wire.ts'
import { Chart } from '../charts/chart.tsx'
import { useData } from '../data.ts'
import { Card, Fact, Scroll, Show } from '../parts.tsx'
import { link } from '../route.ts'
import { Inline } from '../text.tsx'
import { ConfigCard } from './config.tsx'
import { CostCard } from './cost.tsx'
import { HealthCard } from './health.tsx'
import { Judges } from './judges.tsx'
import { TrainingCard } from './training.tsx'

export function RunScreen({ run }: { run: RunCard }): VNode {
  const loaded = useData<Overview>(`runs/${run.id}/overview`)
  return (
    <Show loaded={loaded}>
      {(overview) => (
        <>
          <Head overview={overview} />
          {overview.faults.map((fault) => (
            <p key={fault} class="banner bad" role="alert">
              <Inline text={fault} />
            </p>
          ))}
          {overview.rounds.length === 0 ? (
            <p class="state">Nothing has happened in this run folder yet.</p>
          ) : (
            <div class="columns">
              <EvaluationCard overview={overview} />
              <FlowCard overview={overview} />
              <TimelineCard overview={overview} />
              <FailureCard overview={overview} />
              <HealthCard rounds={overview.rounds} />
              <TrainingCard rounds={overview.rounds} />
              <CostCard costs={overview.costs} />
              <ConfigCard config={overview.config} />
            </div>
          )}
        </>
      )}
    </Show>
  )
}

function Head({ overview }: { overview: Overview }): VNode {
  const { card, progress, costs } = overview
  const calls = costs.lines.reduce((sum, line) => sum + line.calls, 0)
  const tokens = costs.lines.reduce((sum, line) => sum + line.promptTokens + line.completionTokens, 0)
  const played = card.rounds.filter((round) => round > 0).length
  return (
    <div class="head">
      <h1>
        <Inline text={card.name} length={80} />
      </h1>
      <dl class="facts tiles">
        <Fact name="State" value={card.state} />
        <Fact name="Rounds" value={`${played} of ${card.plannedRounds ?? '–'}`} />
        <Fact name="Calls" value={count(calls)} />
        <Fact name="Tokens" value={count(tokens)} note="in and out" />
        {costs.total !== null && <Fact name="Cost" value={money(costs.total)} note="so far" />}
        {progress !== null && (
          <>
            <Fact name="Now" value={`round ${progress.round} ${progress.stage}`} />
            <Fact
              name="Speed"
              value={`${short(progress.tokensPerSecond)} tokens/s`}
              note={`${short(progress.callsPerSecond)} calls/s`}
            />
            {progress.planned !== null && (
              <Fact name="Calls of this stage" value={`${count(progress.done)} of about ${count(progress.planned)}`} />
            )}
            <Fact name="Stage ends in about" value={seconds(progress.secondsLeft)} />
          </>
        )}
        {overview.createdAt !== null && <Fact name="Begun" value={new Date(overview.createdAt).toLocaleString()} />}
        {overview.seed !== null && <Fact name="Seed" value={String(overview.seed)} />}
      </dl>
    </div>
  )
}

function EvaluationCard({ overview }: { overview: Overview }): VNode {
  const results = overview.rounds.flatMap(({ evaluations }) => evaluations)
  const suites = [...new Set(results.map(({ suite }) => suite))]
  return (
    <Card title="Held-out scores">
      {suites.length === 0 && <p class="soft">No suite was evaluated yet.</p>}
      {suites.map((suite) => {
        const mine = results.filter((result) => result.suite === suite)
        return (
          <div key={suite}>
            <Chart drawing={drawIntervals(suiteIntervals(mine), wide)} />
            <Judges results={mine} />
            <Scroll label={`${suite} in numbers`} table={suiteTable(mine)}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">policy</th>
                    <th scope="col">sampled, 95 %</th>
                    <th scope="col">greedy</th>
                    <th scope="col">valid</th>
                    <th scope="col">words</th>
                    <th scope="col">not judged</th>
                  </tr>
                </thead>
                <tbody>
                  {mine.map((result) => (
                    <tr key={result.round}>
                      <th scope="row">{roundName(result.round)}</th>
                      <td>{interval(result.sampled)}</td>
                      <td>{number(result.greedy?.mean, 3)}</td>
                      <td>{percent(result.validity)}</td>
                      <td>{number(result.meanAnswerWords, 1)}</td>
                      <td>{count(result.unscored)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </div>
        )
      })}
    </Card>
  )
}

function FlowCard({ overview }: { overview: Overview }): VNode {
  const stateOf = (round: number, stage: string): string =>
    overview.stages.find((one) => one.round === round && one.stage === stage)?.state ?? 'waiting'
  const isCut = overview.rounds.some(({ stages }) => stages.some(({ cut }) => cut > 0))
  return (
    <Card title="Stages">
      <Scroll label="Calls by round and stage" table={stageTable(overview.rounds)}>
        <table>
          <thead>
            <tr>
              <th scope="col">stage</th>
              <th scope="col">calls</th>
              <th scope="col">samples</th>
              {isCut && <th scope="col">cut off</th>}
              <th scope="col">tokens out</th>
              <th scope="col">tokens/s</th>
              <th scope="col">in flight</th>
              <th scope="col">time</th>
            </tr>
          </thead>
          {overview.rounds.map(({ round, stages, pairs, steps }) => (
            <tbody key={round}>
              <tr class="group">
                <th scope="rowgroup" colSpan={isCut ? 8 : 7}>
                  {round === 0 ? 'Before' : `Round ${round}`}{' '}
                  {round > 0 && (
                    <small>
                      self-play {stateOf(round, 'synthesis')} · {count(pairs)} pairs · training{' '}
                      {stateOf(round, 'train')}, {count(steps.length)} steps · evaluation {stateOf(round, 'evaluate')}
                    </small>
                  )}
                </th>
              </tr>
              {stages.map((stage) => (
                <tr key={stage.stage}>
                  <th scope="row">{stage.stage}</th>
                  <td>{count(stage.calls)}</td>
                  <td>{count(stage.samples)}</td>
                  {isCut && <td>{count(stage.cut)}</td>}
                  <td>{count(stage.completionTokens)}</td>
                  <td>{short(stage.completionTokens / stage.wallSeconds)}</td>
                  <td>{short(stage.busySeconds / stage.wallSeconds)}</td>
                  <td>{seconds(stage.wallSeconds)}</td>
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </Scroll>
      <p class="soft">
        “In flight” is the mean number of calls at work. Times run from a stage's first call to its last; stages
        overlap.{isCut && ' “Cut off” are samples that met the token limit.'}
      </p>
    </Card>
  )
}

function TimelineCard({ overview: { timeline } }: { overview: Overview }): VNode | null {
  if (timeline === null) return null
  const { start, binMs, stages, inFlight, tokensPerSecond } = timeline
  const clock = (bin: number): string => new Date(start + bin * binMs).toLocaleTimeString()
  const over = { binMs, ends: [clock(0), clock(tokensPerSecond.length)] as const }
  const busy = {
    ...over,
    title: 'Calls in flight',
    unit: 'calls',
    layers: stages.map((name, i) => ({ name, values: inFlight[i] ?? [] })),
    markIdle: true,
  }
  const speed = {
    ...over,
    title: 'Completion tokens per second',
    unit: 'tokens/s',
    layers: [{ name: 'tokens/s', values: tokensPerSecond }],
  }
  return (
    <Card title="Is the server busy?">
      <Chart drawing={drawStack(busy, wide)} />
      <Chart drawing={drawStack(speed, wide)} />
      <p class="soft">
        Hatched: no call was in flight, {percent(idleShare(inFlight))} of the time; the server waited, or the run
        trained. A call shows when it is finished.
      </p>
    </Card>
  )
}

/** Share of the bins in which hardly any call was at work. */
function idleShare(inFlight: readonly (readonly number[])[]): number {
  const bins = inFlight[0]?.length ?? 0
  const idle = Array.from({ length: bins }, (_, i) => inFlight.reduce((sum, row) => sum + (row[i] ?? 0), 0))
  return idle.filter((sum) => sum < 0.05).length / Math.max(1, bins)
}

function FailureCard({ overview }: { overview: Overview }): VNode {
  const rounds = overview.rounds.filter(({ questions }) => questions > 0)
  return (
    <Card title="Questions and what failed">
      {rounds.length === 0 && <p class="soft">No question is finished yet.</p>}
      {rounds.length > 0 && (
        <Scroll label="Outcomes by round" table={outcomeTable(rounds)}>
          <table>
            <thead>
              <tr>
                <th scope="col">round</th>
                <th scope="col">questions</th>
                <th scope="col" class="words">
                  status
                </th>
                <th scope="col" class="words">
                  pair, or why none
                </th>
                <th scope="col">scored</th>
                <th scope="col" class="words">
                  not scored
                </th>
              </tr>
            </thead>
            <tbody>
              {rounds.map((round) => (
                <FailureRow key={round.round} round={round} run={overview.card.id} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <p class="soft">
        A failure is never a low score: what has no score is left out of every mean. A count opens its questions.
      </p>
    </Card>
  )
}

function FailureRow({ round, run }: { round: RoundOverview; run: string }): VNode {
  const linked = (name: 'status' | 'outcome' | 'unscored', of: Readonly<Partial<Record<string, number>>>): VNode => (
    <ul class="counts">
      {Object.entries(of).map(([value, n]) => (
        <li key={value}>
          <a href={link(run, 'examples', { round: round.round, [name]: value })}>
            {count(n)} {words(value)}
          </a>
        </li>
      ))}
    </ul>
  )
  const planned = round.plannedQuestions
  return (
    <tr>
      <th scope="row">{round.round}</th>
      <td>
        {count(round.questions)}
        {planned !== null && planned !== round.questions && ` of ${count(planned)}`}
      </td>
      <td class="words">{linked('status', round.statuses)}</td>
      <td class="words">{linked('outcome', round.outcomes)}</td>
      <td title={counts(round.unscored)}>{percent(round.candidates === 0 ? null : round.scored / round.candidates)}</td>
      <td class="words">{linked('unscored', round.unscored)}</td>
    </tr>
  )
}
