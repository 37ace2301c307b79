/** `pop status`: where a run stands, read from its folder, also while another process writes it. */
import {
  costsOf,
  readStanding,
  RunWatch,
  type CallCounts,
  type Costs,
  type Progress,
  type RoundData,
  type RunData,
  type Standing,
} from '../../dashboard/index.ts'
import { healthLines } from '../../health/index.ts'
import { RunReader } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { describeResult, grouped, table } from '../format.ts'

export const status: Command = {
  name: 'status',
  summary: 'show where a run stands',
  usage: 'RUN',
  examples: [
    ['pop status runs/my-run', 'rounds, calls, pairs, training and scores so far'],
    ['pop status runs/my-run --watch', 'the same again and again, for a machine without a browser'],
    ['pop status runs/my-run --json | jq .rounds', 'the same as JSON'],
  ],
  options: {
    watch: {
      help: 'show it again every two seconds until the run is done or Ctrl-C; a large journal gets an index in .index/',
    },
    json: jsonOption,
  },
  positionals: { min: 1, max: 1 },
  run: runStatus,
}

const everyMs = 2000
/** Back to the upper left corner, and nothing below: only where the screen can be redrawn. */
const wipe = '\u001B[H\u001B[2J'

async function runStatus(invocation: Invocation, context: Context): Promise<void> {
  const reader = await RunReader.open(invocation.positionals[0] ?? '')
  const { terminal, clock, signal } = context
  if (!invocation.has('watch')) {
    return terminal.write(statusText(reader, invocation.has('json'), await readStanding(reader)))
  }
  const watch = new RunWatch(reader, clock)
  for (;;) {
    // Looked at before it is shown, so that the last picture is that of the finished run.
    const held = await reader.isHeld(clock)
    const text = statusText(reader, invocation.has('json'), await watch.look(held))
    // Only now: reading may take a while, and the screen should not be empty meanwhile.
    if (terminal.live) terminal.control(wipe)
    await terminal.write(text)
    if (!held || signal.aborted) return
    await clock.sleep(everyMs, signal).catch(() => undefined)
  }
}

function statusText(reader: RunReader, json: boolean, { data, spent, progress }: Standing): string {
  const { calls, uses, damage } = spent
  const costs = costsOf(uses, data.config)
  const sum = (of: (use: (typeof uses)[number]) => number): number => uses.reduce((all, use) => all + of(use), 0)
  const usage = {
    calls: sum((use) => use.calls),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
  }
  if (json) {
    const rounds = roundNumbers(data, calls).map((round) => roundJson(round, data, calls.get(round) ?? {}))
    const stages = data.manifest?.stages ?? []
    const name = data.manifest?.name ?? null
    const facts = { name, stages, ...(progress && { progress }), usage, unreadable: damage.unreadable, costs, rounds }
    return `${JSON.stringify(facts)}\n`
  }
  const evaluations = data.rounds.flatMap((round) => round.evaluations)
  const lines = [
    `${data.manifest?.name ?? reader.dir} (${reader.dir})`,
    stagesLine(data),
    ...progressLine(progress),
    `${grouped(usage.calls)} calls, ${grouped(usage.promptTokens)} prompt and ${grouped(usage.completionTokens)} completion tokens`,
    ...unreadableLine(damage),
    '',
    roundTable(data, calls),
    ...costTable(costs),
    ...healthText(data),
    ...(evaluations.length > 0 ? ['', ...evaluations.map(describeResult)] : []),
  ]
  return `${lines.join('\n')}\n`
}

function stagesLine({ manifest }: RunData): string {
  const running = manifest?.stages.filter((stage) => stage.state === 'running') ?? []
  const done = manifest?.stages.filter((stage) => stage.state === 'done').at(-1)
  if (running.length > 0) return `begun, not finished: ${running.map((s) => `round ${s.round} ${s.stage}`).join(', ')}`
  return done === undefined ? 'nothing finished yet' : `finished up to round ${done.round} ${done.stage}`
}

/** Of the last minute. */
function progressLine(progress: Progress | null): string[] {
  if (progress === null) return []
  const { done, planned, callsPerSecond, tokensPerSecond, secondsLeft } = progress
  const parts = [
    `${grouped(done)}${planned === null ? '' : ` of about ${grouped(planned)}`} calls of this stage`,
    ...(callsPerSecond === null ? [] : [`${callsPerSecond.toFixed(1)} calls/s`]),
    ...(tokensPerSecond === null ? [] : [`${grouped(Math.round(tokensPerSecond))} tokens/s`]),
    ...(secondsLeft === null ? [] : [`about ${duration(secondsLeft)} left`]),
  ]
  return [parts.join(' · ')]
}

function duration(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 2) return `${Math.ceil(seconds)} s`
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

function roundNumbers(data: RunData, calls: CallCounts): number[] {
  const all = new Set([...data.rounds.map(({ round }) => round), ...calls.keys()])
  return [...all].sort((a, b) => a - b)
}

function roundTable(data: RunData, calls: CallCounts): string {
  const rows = roundNumbers(data, calls)
    .filter((round) => round > 0)
    .map((round) => {
      const of = calls.get(round) ?? {}
      const found = data.rounds.find((one) => one.round === round)
      const counts = ['propose', 'solve', 'rubric', 'score'].map((stage) => grouped(of[stage] ?? 0))
      return [String(round), ...counts, shown(found?.examples), shown(found?.pairs), shown(found?.steps.length)]
    })
  return table(['round', 'propose', 'solve', 'rubric', 'score', 'examples', 'pairs', 'steps'], rows)
}

function unreadableLine({ unreadable, firstUnreadable }: Standing['spent']['damage']): string[] {
  return unreadable === 0 ? [] : [`${unreadable} journal lines cannot be read (first: ${firstUnreadable ?? ''})`]
}

function costTable({ lines, total, unpriced }: Costs): string[] {
  if (lines.length === 0) return []
  const rows = lines.map(({ stage, model, calls, promptTokens, completionTokens, cost }) => [
    `${stage} (${model})`,
    ...[calls, promptTokens, completionTokens].map(grouped),
    cost === null ? '–' : cost.toFixed(2),
  ])
  const all = table(['stage (model)', 'calls', 'prompt', 'completion', 'cost'], rows)
  if (total === null) return ['', all]
  const without = unpriced.length === 0 ? '' : `, without ${unpriced.join(', ')}: no price in the configuration`
  return ['', all, `cost in all ${total.toFixed(2)}${without}`]
}

/** The newest round that was measured. */
function healthText({ rounds }: RunData): string[] {
  const last = rounds.flatMap(({ health }) => health ?? []).at(-1)
  return last === undefined ? [] : ['', ...healthLines(last)]
}

function shown(count: number | null | undefined): string {
  return count == null ? '–' : grouped(count)
}

function roundJson(round: number, data: RunData, calls: object): object {
  const nothing = { examples: null, pairs: null, steps: [], evaluations: [], health: null }
  const found: Partial<RoundData> = data.rounds.find((one) => one.round === round) ?? {}
  const { examples, pairs, steps, evaluations, health } = { ...nothing, ...found }
  return { round, calls, examples, pairs, steps: steps.length, lastStep: steps.at(-1) ?? null, evaluations, health }
}
