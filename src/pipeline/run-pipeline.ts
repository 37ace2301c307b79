/**
 * The whole loop: documents → self-play → pairs → training → evaluation → the next round with the new weights.
 * Each step looks at what the run folder already holds, so running it again goes on where it stopped.
 * Emits events; prints nothing.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import { InterruptedError } from '../core/errors.ts'
import { version } from '../core/version.ts'
import type { Suite } from '../evaluation/index.ts'
import type { EvaluationSet, HealthCollector, PairingCounts } from '../health/index.ts'
import type { LanguageModelDeps } from '../llm/index.ts'
import type {
  Config,
  Document,
  HealthReport,
  LanguageModel,
  OnRunEvent,
  PreferencePair,
  SkipReason,
  SuiteResult,
} from '../records/index.ts'
import type { TaskProfile } from '../roles/index.ts'
import { removeFolder, RunFolder } from '../store/index.ts'
import { isGroupObjective } from '../training/index.ts'
import { describeConfigChange } from './changed-config.ts'
import { runContamination, type ContaminationReport } from './contamination.ts'
import { evaluateRound, suitesOfRun } from './evaluate-round.ts'
import { readEvaluationSets, refuseUnhealthy, suiteTexts } from './check-health.ts'
import { damageNotes } from './journal-damage.ts'
import { ManifestKeeper } from './manifest-keeper.ts'
import { ModelHouse } from './models.ts'
import { leftOutNote } from './group-tally.ts'
import { playOnlineRound } from './online-round.ts'
import { playDocuments, type PlayDocumentsOptions } from './play-documents.ts'
import {
  documentsOfRound,
  keepDocuments,
  readDocuments,
  type DocumentsOptions,
  type RunDocuments,
} from './run-documents.ts'
import { readReuse, type ReusedRound } from './reuse.ts'
import { RoundYield } from './round-yield.ts'
import { configuredBenchmarks } from './suites.ts'
import { synthesizeRound } from './synthesize-round.ts'
import { documentsOfShard, type Shard } from './shard.ts'
import type { RoundSummary, RunSummary } from './summary.ts'
import { withinHours } from './time-limit.ts'
import { trainRound } from './train-round.ts'

export interface PipelineOptions {
  readonly config: Config
  /** The run folder; created when missing. */
  readonly runDir: string
  readonly task: TaskProfile
  /** In place of `config.corpus`: documents made in memory. */
  readonly documents?: RunDocuments
  /** Only a part of the documents, and only the self-play of the first round: `pop merge` joins the parts. */
  readonly shard?: Shard
  /** Stops after the first round's self-play. */
  readonly synthesisOnly?: boolean
  /** And plays it on the first so many documents only: what they cost is not lost, the whole run finds it. */
  readonly firstDocuments?: number
  /** Besides the ones that the configuration names. */
  readonly suites?: readonly Suite[]
  /** For the manifest. */
  readonly popVersion?: string
  /** Where keys of remote models are looked up, and how they are reached. Default: no keys. */
  readonly deps?: LanguageModelDeps
  readonly clock?: Clock
  readonly onEvent?: OnRunEvent
  /** Aborting lets calls in flight finish, saves, and rejects with `InterruptedError`. */
  readonly signal?: AbortSignal
}

/**
 * Plays all rounds of a configuration.
 * @throws {ConfigError} when the configuration cannot be carried out; {RunFolderError} when the folder is taken;
 * {InterruptedError}, {BudgetError}, {EndpointError} with everything finished saved: run it again to go on.
 */
export async function runPipeline(options: PipelineOptions): Promise<RunSummary> {
  // What can be wrong with the input shows before anything is written.
  const models = new ModelHouse(options.config, options.deps ?? { env: {} }, options.signal)
  const policy = models.initialPolicy
  models.checkInitial()
  if (options.shard === undefined && options.synthesisOnly !== true) await models.checkTrainer()
  const documents = options.documents ?? (await readDocuments(documentsOptions(options)))
  const reuse = await readReuse(options.config, documents, options.onEvent ?? ((): void => undefined))
  const benchmarks = await configuredBenchmarks(options.config, models)
  const evaluationSets = await readEvaluationSets(options.config, documentsOptions(options).deps)
  const folder = await RunFolder.open(options.runDir, { create: true })
  const { hours } = options.config.budget
  const clock = options.clock ?? systemClock
  try {
    const suites = [...(options.suites ?? []), ...benchmarks]
    return await withinHours({ hours, clock, signal: options.signal }, (signal) =>
      new Run(
        { ...options, suites, reuse, ...(signal === undefined ? {} : { signal }) },
        folder,
        models,
        evaluationSets,
      ).play(policy, documents),
    )
  } finally {
    await models.release()
    await folder.close()
  }
}

function documentsOptions({ config, runDir, deps, clock, onEvent }: PipelineOptions): DocumentsOptions {
  return {
    config,
    runDir,
    deps: { env: deps?.env ?? {}, ...(clock === undefined ? {} : { clock }) },
    onEvent: onEvent ?? ((): void => undefined),
  }
}

interface RunOptions extends PipelineOptions {
  /** Rounds that are played on an earlier run's questions. */
  readonly reuse: ReadonlyMap<number, ReusedRound>
}

class Run {
  private readonly options: RunOptions
  private readonly folder: RunFolder
  private readonly models: ModelHouse
  private readonly config: Config
  private readonly clock: Clock
  private readonly onEvent: OnRunEvent
  private readonly noteDamage: () => void
  private manifest: ManifestKeeper | undefined
  /** What the played documents must not hold: of files, and of the suites of this run. */
  private evaluationSets: readonly EvaluationSet[]
  private contamination: ContaminationReport = new Map()

  constructor(options: RunOptions, folder: RunFolder, models: ModelHouse, evaluationSets: readonly EvaluationSet[]) {
    this.evaluationSets = evaluationSets
    this.options = options
    this.folder = folder
    this.models = models
    this.config = options.config
    this.clock = options.clock ?? systemClock
    this.onEvent = options.onEvent ?? ((): void => undefined)
    this.noteDamage = damageNotes(folder.journal, (text): void => this.note(text))
  }

  async play(initialPolicy: LanguageModel, documents: RunDocuments): Promise<RunSummary> {
    const suites = this.suites(documents)
    this.evaluationSets = [...this.evaluationSets, ...suiteTexts(suites)]
    await this.describe(documents)
    this.contamination = await runContamination(suites, this.config, (round) => this.documentsOf(round, documents))
    if (this.options.shard !== undefined || this.options.synthesisOnly === true) {
      return this.playSynthesis(initialPolicy, documents)
    }
    let policy = initialPolicy
    let dir = this.models.initialDir
    const rounds: RoundSummary[] = [
      {
        round: 0,
        results: await this.evaluate(0, policy, suites),
        examples: {},
        pairs: 0,
        skipped: {},
        health: null,
        checkpoint: null,
      },
    ]
    for (let round = 1; round <= this.config.rounds; round++) {
      const played = await this.playRound(round, policy, dir, documents)
      // Weights that a round left as they were keep the name that their calls are known by.
      if (played.checkpoint !== null && played.checkpoint !== dir) {
        policy = this.models.checkpoint(played.checkpoint, `round-${round}`)
        dir = played.checkpoint
      }
      const results = played.checkpoint === null ? [] : await this.evaluate(round, policy, suites)
      rounds.push({ ...played, results })
    }
    return { runDir: this.folder.dir, rounds, checkpoint: rounds.at(-1)?.checkpoint ?? null }
  }

  private async playSynthesis(policy: LanguageModel, documents: RunDocuments): Promise<RunSummary> {
    const { shard, firstDocuments } = this.options
    const chosen = documentsOfShard(this.documentsOf(1, documents), shard).slice(0, firstDocuments)
    const { examples } = await this.stage(1, 'synthesis', () => this.synthesize(1, policy, chosen))
    const played = { round: 1, results: [], examples, pairs: 0, skipped: {}, checkpoint: null, health: null }
    return { runDir: this.folder.dir, rounds: [played], checkpoint: null }
  }

  private async playRound(
    round: number,
    policy: LanguageModel,
    dir: string | null,
    documents: RunDocuments,
  ): Promise<Omit<RoundSummary, 'results'>> {
    const chosen = this.documentsOf(round, documents)
    if (isGroupObjective(this.config.training.objective) && dir !== null) {
      return this.playOnline(round, policy, dir, chosen)
    }
    const yielded = await this.stage(round, 'synthesis', () => this.synthesize(round, policy, chosen))
    const { pairs, skipped } = await this.stage(round, 'pairing', () => this.pair(round, yielded))
    const health = await this.measure(yielded.health, { pairs: pairs.length, skipped }, round)
    const base = { round, examples: yielded.examples, pairs: pairs.length, skipped, health }
    if (dir === null) {
      this.note(
        'no weights to train: set training.path to a folder with the weights of the model behind the server, or use pop train / pop export',
      )
      return { ...base, checkpoint: null }
    }
    if (pairs.length === 0) {
      this.note(`round ${round}: no preference pairs, nothing to train on`)
      // What an earlier configuration of the round came to is none of this one's.
      const { checkpoint, metrics, evaluation } = this.folder.round(round)
      for (const path of [checkpoint, metrics, evaluation]) await removeFolder(path)
      return { ...base, checkpoint: this.trainedBefore(dir) }
    }
    await this.stage(round, 'train', () => this.train(round, policy, dir, pairs))
    return { ...base, checkpoint: this.folder.round(round).checkpoint }
  }

  /** What a round leaves that trained nothing: the checkpoint that it began with, null where that was the first weights. */
  private trainedBefore(dir: string): string | null {
    return dir === this.models.initialDir ? null : dir
  }

  private documentsOf(round: number, documents: RunDocuments): readonly Document[] {
    return this.options.reuse.get(round)?.documents ?? documentsOfRound(documents, this.config, round)
  }

  private async synthesize(round: number, policy: LanguageModel, documents: readonly Document[]): Promise<RoundYield> {
    const { evaluationSets } = this
    const { popVersion = version } = this.options
    const yielded = await synthesizeRound({ ...this.playing(round, policy, documents), evaluationSets, popVersion })
    this.noteDamage()
    return yielded
  }

  private playing(round: number, policy: LanguageModel, documents: readonly Document[]): PlayDocumentsOptions {
    const { config, folder, models, clock, onEvent } = this
    const { task, signal, reuse } = this.options
    const prior = reuse.get(round)?.questions
    return { round, policy, documents, prior, config, task, models, folder, clock, onEvent, signal }
  }

  /** A round of a group objective: no pairs, and training goes along with playing. */
  private async playOnline(
    round: number,
    policy: LanguageModel,
    dir: string,
    documents: readonly Document[],
  ): Promise<Omit<RoundSummary, 'results'>> {
    const { folder, config, models, clock, onEvent } = this
    const { signal } = this.options
    this.checkInterrupted()
    await models.release()
    const yielded = new RoundYield(round, config, this.evaluationSets)
    const played = await this.stage(round, 'train', () =>
      playOnlineRound({
        folder,
        round,
        documents,
        prior: this.options.reuse.get(round)?.questions,
        config,
        models,
        clock,
        onEvent,
        signal,
        start: models.startOf(dir, policy.name),
        onExample: (example) => yielded.add(example),
        task: this.options.task,
        play: (current, batch, sink, stop) =>
          playDocuments({ ...this.playing(round, current, batch), signal: stop }, sink),
      }),
    )
    const { groups, skipped } = played
    const health = await this.measure(yielded.health, { pairs: groups, skipped }, round)
    const note = leftOutNote(played)
    if (note !== undefined) this.note(`round ${round}: ${note}`)
    const checkpoint = played.steps > 0 ? folder.round(round).checkpoint : this.trainedBefore(dir)
    return { round, examples: yielded.examples, pairs: groups, skipped, health, checkpoint }
  }

  private async pair(
    round: number,
    yielded: RoundYield,
  ): Promise<{ pairs: PreferencePair[]; skipped: Record<SkipReason, number> }> {
    const { pairs, skipped } = yielded.pairs()
    await this.folder.writeJsonl(this.folder.round(round).pairs, pairs)
    const reasons = Object.entries(skipped).filter(([, count]) => count > 0)
    const summary = [`${pairs.length} pairs`, ...reasons.map(([reason, count]) => `${count} skipped (${reason})`)].join(
      ', ',
    )
    this.onEvent({ type: 'stage', round, stage: 'pairing', state: 'finished', summary })
    return { pairs, skipped }
  }

  /** Measures the round's signal and stores what came out. @throws {ThresholdError} when a stop limit is passed */
  private async measure(health: HealthCollector, pairing: PairingCounts, round: number): Promise<HealthReport> {
    const report = health.finish(pairing)
    const path = this.folder.round(round).health
    await this.folder.writeJson(path, report)
    this.onEvent({ type: 'health', report })
    refuseUnhealthy(report, path)
    return report
  }

  private async train(
    round: number,
    policy: LanguageModel,
    dir: string,
    pairs: readonly PreferencePair[],
  ): Promise<void> {
    const { config, models } = this
    this.checkInterrupted()
    const initial = config.training.reference === 'initial' ? models.initialScorer : undefined
    // The players' engines give their memory back while the weights are trained.
    await models.release()
    await trainRound({
      folder: this.folder,
      round,
      pairs,
      start: models.startOf(dir, policy.name),
      ...(initial === undefined ? {} : { reference: initial }),
      config: models.training,
      models,
      seed: config.seed,
      clock: this.clock,
      onEvent: this.onEvent,
      signal: this.options.signal,
    })
  }

  private async evaluate(round: number, policy: LanguageModel, suites: readonly Suite[]): Promise<SuiteResult[]> {
    if (suites.length === 0) return []
    const { config, folder, models, clock, onEvent } = this
    const { signal } = this.options
    const checkInterrupted = (): void => this.checkInterrupted()
    const options = { round, policy, suites, config, folder, models, clock, onEvent, signal, checkInterrupted }
    return this.stage(round, 'evaluate', () => evaluateRound({ ...options, contamination: this.contamination }))
  }

  private suites({ heldOut }: RunDocuments): readonly Suite[] {
    const { task, suites: given = [] } = this.options
    return suitesOfRun({ config: this.config, task, heldOut, given, models: this.models })
  }

  /** Stores what the run is, before the first call. */
  private async describe(documents: RunDocuments): Promise<void> {
    const { folder, config, clock } = this
    this.noteDamage()
    const { changed } = await folder.writeConfig(config)
    if (changed.length > 0) {
      this.note(describeConfigChange(changed))
    }
    const { task, popVersion = version } = this.options
    await keepDocuments(folder, documents)
    this.manifest = await ManifestKeeper.begin(folder, {
      config,
      task,
      documents,
      popVersion,
      clock,
      shard: this.options.shard,
    })
  }

  private async stage<T>(
    round: number,
    stage: 'synthesis' | 'pairing' | 'train' | 'evaluate',
    work: () => Promise<T>,
  ): Promise<T> {
    await this.manifest?.mark(round, stage, 'running')
    const result = await work()
    await this.manifest?.mark(round, stage, 'done')
    return result
  }

  private checkInterrupted(): void {
    if (this.options.signal?.aborted === true) {
      throw new InterruptedError('Interrupted; everything finished is saved: run the same command to go on')
    }
  }

  private note(text: string): void {
    this.onEvent({ type: 'note', text })
  }
}
