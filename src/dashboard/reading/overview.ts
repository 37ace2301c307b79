/** The Run screen's facts, put together from a run folder. Knows files through `RunView` only. */
import type { Clock } from '../../core/clock.ts'
import { errorMessage } from '../../core/errors.ts'
import { isJsonObject, type JsonValue } from '../../core/json.ts'
import { configSchema, type Config, type RunManifest, type SuiteResult } from '../../records/index.ts'
import { costsOf } from '../views/costs.ts'
import type { ConfigKey, ExampleRow, Overview, Progress, RoundOverview, RunCard, StageCounts } from '../views/wire.ts'
import { orFault, type RunView } from './run-view.ts'
import type { StageSums } from './stage-sums.ts'

export async function runCard(run: RunView): Promise<RunCard> {
  const manifest = await run.manifest().catch(() => null)
  const config = await run.config().catch(() => null)
  return {
    id: run.id,
    name: manifest?.name ?? run.name,
    state: stateOf(run, manifest, config),
    rounds: await run.reader.rounds(),
    plannedRounds: config?.rounds ?? null,
    scale: await run.scale(),
    indexed: run.progress,
  }
}

function stateOf(run: RunView, manifest: RunManifest | null, config: Config | null): RunCard['state'] {
  if (run.isHeld) return 'running'
  if (manifest === null || manifest.stages.length === 0) return 'empty'
  const last = manifest.stages.at(-1)
  const finished = manifest.stages.every(({ state }) => state === 'done')
  return finished && last !== undefined && last.round >= (config?.rounds ?? 1) ? 'done' : 'stopped'
}

export async function overview(run: RunView, clock: Clock): Promise<Overview> {
  const faults: string[] = []
  try {
    run.requireKnownVersion()
  } catch (error) {
    // What can be read of it is shown all the same.
    faults.push(errorMessage(error))
  }
  const manifest = await orFault(run.manifest(), null, faults)
  const config = await orFault(run.config(), null, faults)
  const raw = await orFault(run.rawConfig(), null, faults)
  const { sums, bins } = run.calls()
  const byRound = sums.byRound()
  const numbers = new Set([...(await run.reader.rounds()), ...byRound.keys()])
  const rounds: RoundOverview[] = []
  for (const round of [...numbers].sort((a, b) => a - b)) {
    rounds.push(await roundOverview(run, round, byRound.get(round) ?? [], config, faults))
  }
  return {
    card: await runCard(run),
    ...origin(manifest),
    rounds,
    timeline: bins.timeline(),
    costs: costsOf(sums.uses(), config),
    progress: run.isHeld ? progressOf(sums, manifest, config, clock.now()) : null,
    config: configKeys(raw),
    faults,
  }
}

function origin(
  manifest: RunManifest | null,
): Pick<Overview, 'createdAt' | 'seed' | 'popVersion' | 'corpus' | 'stages'> {
  if (manifest === null) return { createdAt: null, seed: null, popVersion: null, corpus: null, stages: [] }
  const { createdAt, seed, popVersion, corpus, stages } = manifest
  return { createdAt, seed, popVersion, corpus, stages }
}

/** A result as it is shown in tables: the questions one by one belong to the comparison. */
export function withoutQuestions(result: SuiteResult): Omit<SuiteResult, 'perQuestion'> {
  const { perQuestion: _, answers: __, failures: ___, questions: ____, secondJudgement, ...rest } = result
  if (secondJudgement === undefined) return rest
  return { ...rest, secondJudgement: { ...secondJudgement, perQuestion: [] } }
}

async function roundOverview(
  run: RunView,
  round: number,
  stages: StageCounts[],
  config: Config | null,
  faults: string[],
): Promise<RoundOverview> {
  const nothing = { evaluations: [], steps: [], pairs: null, health: null }
  const files = await orFault(run.roundFiles(round), nothing, faults)
  return {
    round,
    stages,
    plannedQuestions: config === null || round === 0 ? null : plannedQuestions(config),
    ...sumsOf(run.examplesOf(round).rows),
    pairs: files.pairs,
    steps: files.steps,
    evaluations: files.evaluations.map(withoutQuestions),
    health: files.health,
  }
}

type QuestionSums = Pick<
  RoundOverview,
  'questions' | 'statuses' | 'outcomes' | 'unscored' | 'invalid' | 'candidates' | 'scored'
>

function sumsOf(rows: readonly ExampleRow[]): QuestionSums {
  const [statuses, outcomes, unscored] = [
    new Map<string, number>(),
    new Map<string, number>(),
    new Map<string, number>(),
  ]
  const add = (to: Map<string, number>, name: string, n = 1): void => void to.set(name, (to.get(name) ?? 0) + n)
  const sums = { questions: rows.length, invalid: 0, candidates: 0, scored: 0 }
  for (const row of rows) {
    add(statuses, row.status)
    add(outcomes, row.outcome)
    for (const [reason, n] of Object.entries(row.unscored)) add(unscored, reason, n)
    sums.invalid += row.candidates - row.valid
    sums.candidates += row.candidates
    sums.scored += row.scored
  }
  const plain = (of: Map<string, number>): Record<string, number> => Object.fromEntries(of)
  return { ...sums, statuses: plain(statuses), outcomes: plain(outcomes), unscored: plain(unscored) }
}

function plannedQuestions({ corpus, synthesis }: Config): number {
  return corpus.documents * synthesis.questionsPerDocument
}

const windowMs = 60_000

/** How fast the running stage goes, by the journal's last minute. */
export function progressOf(
  sums: StageSums,
  manifest: RunManifest | null,
  config: Config | null,
  now: number,
): Progress | null {
  const stage = manifest?.stages.findLast(({ state }) => state === 'running')
  if (stage === undefined) return null
  const isSelfPlay = stage.stage === 'synthesis'
  const done = (sums.byRound().get(stage.round) ?? [])
    .filter((one) => (one.stage !== 'evaluate') === isSelfPlay)
    .reduce((sum, { calls }) => sum + calls, 0)
  const planned = isSelfPlay && config !== null ? plannedCalls(config) : null
  const recent = sums.recent(now, windowMs)
  return {
    round: stage.round,
    stage: stage.stage,
    done,
    planned,
    callsPerSecond: recent?.callsPerSecond ?? null,
    tokensPerSecond: recent?.tokensPerSecond ?? null,
    secondsLeft: planned === null || recent === null ? null : Math.max(0, planned - done) / recent.callsPerSecond,
  }
}

/** Calls of a round's self-play when nothing fails and each answer is judged by itself; null for other ways to judge. */
function plannedCalls(config: Config): number | null {
  if (config.scoring.mode !== 'pointwise') return null
  return plannedQuestions(config) * (3 + config.synthesis.candidates)
}

/** Every key of the configuration with what it is by default. */
function configKeys(raw: JsonValue): ConfigKey[] {
  const standard = new Map(
    flatten(configSchema.parse({ corpus: { source: '-' }, model: { backend: 'embedded', path: '-' } }), ''),
  )
  return flatten(raw, '').map(([key, value]) => {
    const hasDefault = standard.has(key) && !key.startsWith('model') && key !== 'corpus.source'
    const expected = standard.get(key)
    return hasDefault
      ? { key, value, standard: expected, differs: JSON.stringify(expected) !== JSON.stringify(value) }
      : { key, value, differs: true }
  })
}

/** Dotted names of the leaves; lists count as leaves. */
function flatten(value: unknown, name: string): [string, unknown][] {
  if (!isJsonObject(value)) return name === '' ? [] : [[name, value]]
  return Object.entries(value).flatMap(([key, item]) => flatten(item, name === '' ? key : `${name}.${key}`))
}
