/**
 * One run folder as the viewer sees it: small files read when asked for, large ones through their indices, also while
 * another process writes them. Reads only (but for its own indices). Knows neither HTTP nor a page.
 */
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { systemClock, type Clock } from '../../core/clock.ts'
import { errorMessage } from '../../core/errors.ts'
import { hashValue, sha256 } from '../../core/hash.ts'
import type { JsonValue } from '../../core/json.ts'
import {
  configSchema,
  healthReportSchema,
  manifestSchema,
  suiteResultSchema,
  trainingStepSchema,
  type ChatMessage,
  type Config,
  type Example,
  type HealthReport,
  type JournalCall,
  type RunManifest,
  type SuiteResult,
  type TrainingStep,
} from '../../records/index.ts'
import { countLines, LineIndex, parseEntry, readJsonl, refuseLater, type RunReader } from '../../store/index.ts'
import { scoreScales, type RowTable } from '../views/query.ts'
import type { RowOutcome } from '../views/rows.ts'
import type { ScoreScale } from '../views/wire.ts'
import { BusyBins } from './busy-bins.ts'
import { readExample } from './example-line.ts'
import { ExampleMemory, exampleRecipe } from './example-memory.ts'
import { JournalMemory, journalRecipe } from './journal-memory.ts'
import { StageSums } from './stage-sums.ts'
import { TableKeeper } from './table-keeper.ts'

/** What the viewer cannot know by itself: the doers' rules. Handed in by whoever starts it. */
export interface ViewRules {
  /** What became of an example by the rules of this configuration. Null: not told. */
  readonly outcomeOf?: (example: Example, config: Config) => RowOutcome
  /** The prompt of a judge's call, by the call's name in the journal (`c3`, `v0-1`); null where it cannot be made again. */
  readonly judgePrompt?: (example: Example, call: string, config: Config) => readonly ChatMessage[] | null
}

export interface RoundFiles {
  readonly evaluations: readonly SuiteResult[]
  readonly steps: readonly TrainingStep[]
  readonly pairs: number | null
  readonly health: HealthReport | null
}

/** Holds nothing but caches of this viewer: it may be deleted at any time. */
const indexFolder = '.index'

const unknownOutcome: RowOutcome = { outcome: 'unknown', chosen: null, rejected: null }

const noExamples = new ExampleMemory({ outcomeOf: () => unknownOutcome, scoringMode: null })

/** A round's examples: the index goes on when the file being written gets its final name. */
interface RoundExamples {
  readonly recipe: string
  readonly index: LineIndex<ExampleMemory>
}

export interface RunViewOptions {
  readonly rules?: ViewRules
  readonly clock?: Clock
  /** Where indices are kept when the run folder cannot be written; null: nowhere. */
  readonly cacheDir?: string | null
  /** Reads no examples, for whoever only asks of calls and small files. */
  readonly journalsOnly?: boolean
}

export class RunView {
  readonly id: string
  readonly reader: RunReader
  readonly rules: ViewRules
  private readonly clock: Clock
  private readonly cacheDir: string | null
  private readonly journalsOnly: boolean
  private readonly journals = new Map<string, LineIndex<JournalMemory>>()
  private readonly examples = new Map<number, RoundExamples>()
  private readonly small = new Map<string, { stamp: string; value: unknown }>()
  private readonly tables = new TableKeeper()
  private refreshing: Promise<void> | null = null
  private held = false
  private lastLook = -Infinity
  private looked = false
  /** Goes up whenever something changed on disk. */
  version = 0

  constructor(id: string, reader: RunReader, options: RunViewOptions = {}) {
    this.id = id
    this.reader = reader
    this.rules = options.rules ?? {}
    this.clock = options.clock ?? systemClock
    this.cacheDir = options.cacheDir ?? null
    this.journalsOnly = options.journalsOnly ?? false
  }

  get name(): string {
    return basename(this.reader.dir)
  }

  /** Whether a process is writing the folder, as of the last look. */
  get isHeld(): boolean {
    return this.held
  }

  /** Share of the large files that is indexed, 0 to 1. */
  get progress(): number {
    const parts = this.indices().map(({ progress }) => progress)
    const all = parts.reduce((sum, part) => sum + part.all, 0)
    const done = parts.reduce((sum, part) => sum + part.done, 0)
    // After the first look: a line that its writer has not ended yet is not waited for.
    return this.looked ? 1 : all === 0 ? 0 : done / all
  }

  /** Brings the indices up to date. A first look at a large folder takes a while: what is known so far can be asked meanwhile. */
  refresh(): Promise<void> {
    this.refreshing ??= this.readAll().finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  /** What the calls add up to, and when they were in flight. */
  calls(): { sums: StageSums; bins: BusyBins } {
    const [sums, bins] = [new StageSums(), new BusyBins()]
    for (const { memory } of this.journals.values()) {
      sums.addAll(memory.sums)
      bins.addAll(memory.bins)
    }
    return { sums, bins }
  }

  /** Lines of the journals that are no entry, and where the first of them is, for people. */
  damage(): { unreadable: number; firstUnreadable: string | null } {
    let [unreadable, firstUnreadable]: [number, string | null] = [0, null]
    for (const { path, memory } of this.journals.values()) {
      unreadable += memory.unreadable
      if (memory.firstUnreadable !== null) firstUnreadable ??= `${path} at byte ${memory.firstUnreadable}`
    }
    return { unreadable, firstUnreadable }
  }

  /** @throws {RunFolderError} when a later version of this program wrote to a journal: what is known of the calls is not all */
  requireKnownVersion(): void {
    for (const { path, memory } of this.journals.values()) refuseLater(memory.later, path)
  }

  /** The calls of a question (`r1/<document>/q0`) or of a suite (`r1/<suite>`), in the order in which they finished. */
  async readCalls(group: string): Promise<JournalCall[]> {
    const found: JournalCall[] = []
    for (const index of this.journals.values()) {
      const texts = await index.read(index.memory.placesOf(group))
      for (const text of texts) {
        const entry = parseEntry(text)
        if (entry?.kind === 'call') found.push(entry)
      }
    }
    return found
  }

  /** Groups of a round that are no question's. */
  suiteGroups(round: number): string[] {
    const names = [...this.journals.values()].flatMap(({ memory }) => memory.suiteGroups())
    return [...new Set(names)].filter((name) => name.startsWith(`r${round}/`))
  }

  /** The examples of a round so far. */
  examplesOf(round: number): ExampleMemory {
    return this.examples.get(round)?.index.memory ?? noExamples
  }

  exampleRounds(): number[] {
    return [...this.examples.keys()].sort((a, b) => a - b)
  }

  /** Every round's questions. */
  async table(): Promise<RowTable> {
    const rounds = this.exampleRounds().flatMap((round) => {
      const index = this.examples.get(round)?.index
      return index === undefined ? [] : [{ rows: index.memory.rows, restarts: index.restarts }]
    })
    return this.tables.tableOf(rounds, await this.scale())
  }

  async readExampleAt(round: number, row: number): Promise<Example | null> {
    const index = this.examples.get(round)?.index
    const [text] = (await index?.read([index.memory.placeOf(row)])) ?? []
    return text === undefined ? null : readExample(text)
  }

  /** Between which numbers the scores of this run lie. */
  async scale(): Promise<ScoreScale> {
    const config = await this.config().catch(() => null)
    return scoreScales[config?.scoring.mode ?? 'pointwise']
  }

  async manifest(): Promise<RunManifest | null> {
    return this.cached(this.reader.manifestPath, () => this.reader.readJson(this.reader.manifestPath, manifestSchema))
  }

  /** As it stands in the file, also when another version wrote it. */
  async rawConfig(): Promise<JsonValue> {
    const { configPath } = this.reader
    return this.cached(configPath, async () => (await this.reader.readJson(configPath, z.json())) as JsonValue)
  }

  async config(): Promise<Config | null> {
    const config = configSchema.safeParse(await this.rawConfig())
    return config.success ? config.data : null
  }

  async roundFiles(round: number): Promise<RoundFiles> {
    const paths = this.reader.round(round)
    const healthPath = join(paths.dir, 'health.json')
    return {
      evaluations:
        (await this.cached(paths.evaluation, () =>
          this.reader.readJson(paths.evaluation, z.array(suiteResultSchema)),
        )) ?? [],
      steps: await this.cached(paths.metrics, () => collect(paths.metrics)),
      pairs: await this.linesOf(paths.pairs),
      health: await this.cached(healthPath, () => this.reader.readJson(healthPath, healthReportSchema)),
    }
  }

  /** Lines of the round's finished `examples.jsonl`; null while there is none. */
  async exampleCount(round: number): Promise<number | null> {
    return this.linesOf(this.reader.round(round).examples)
  }

  private async readAll(): Promise<void> {
    const before = this.stamp()
    if (this.clock.monotonic() - this.lastLook > 3000) {
      this.lastLook = this.clock.monotonic()
      // May take seconds where only a heartbeat can tell; nobody waits for it.
      void this.reader.isHeld(this.clock).then(
        (held) => {
          if (held !== this.held) this.version++
          this.held = held
        },
        () => undefined,
      )
    }
    const names = await readdir(this.reader.journalDir).catch(() => [])
    for (const name of names.filter((one) => one.endsWith('.jsonl')).sort()) {
      if (this.journals.has(name)) continue
      const options = { recipe: journalRecipe, keepIn: this.keepIn(`journal-${name}`) }
      this.journals.set(name, new LineIndex(join(this.reader.journalDir, name), new JournalMemory(), options))
    }
    const config = await this.config().catch(() => null)
    const rounds = this.journalsOnly ? [] : await this.reader.rounds()
    for (const round of rounds) await this.openExamples(round, config)
    await Promise.all(this.indices().map((index) => index.measure()))
    // The journals first: the Run screen is drawn from them. One after another, as there is one disk and one thread.
    for (const index of this.indices()) await index.update()
    this.looked = true
    if (this.stamp() !== before) this.version++
    await this.lookAtSmallFiles()
  }

  private indices(): LineIndex<JournalMemory | ExampleMemory>[] {
    return [...this.journals.values(), ...[...this.examples.values()].map(({ index }) => index)]
  }

  private async openExamples(round: number, config: Config | null): Promise<void> {
    const found = await this.reader.examplesSoFar(round)
    if (found === null) return
    const rules = this.rules.outcomeOf
    const scoringMode = config?.scoring.mode ?? null
    const made = {
      pairing: config?.pairing ?? null,
      seed: config?.seed ?? null,
      scoringMode,
      told: rules !== undefined,
    }
    const recipe = `${exampleRecipe} ${hashValue(made)}`
    const known = this.examples.get(round)
    if (known?.recipe === recipe) return known.index.moveTo(found.path)
    const outcomeOf = (example: Example): RowOutcome =>
      rules === undefined || config === null ? unknownOutcome : rules(example, config)
    const options = { recipe, keepIn: this.keepIn(`examples-round-${round}`) }
    const memory = new ExampleMemory({ outcomeOf, scoringMode })
    this.examples.set(round, { recipe, index: new LineIndex(found.path, memory, options) })
  }

  /** In a folder of its own beside the journal; where nothing can be written there, in the reader's own cache. */
  private keepIn(name: string): string[] {
    const own = join(this.reader.dir, indexFolder, `${name}.index`)
    if (this.cacheDir === null) return [own]
    return [own, join(this.cacheDir, `${sha256(this.reader.dir).slice(0, 16)}-${name}.index`)]
  }

  private stamp(): string {
    return this.indices()
      .map(({ path, restarts, progress: { done } }) => `${path} ${restarts} ${done}`)
      .join('\n')
  }

  /** Forgets small files that were written again, so that they are read again. */
  private async lookAtSmallFiles(): Promise<void> {
    for (const [path, { stamp }] of this.small) {
      if ((await stampOf(path)) === stamp) continue
      this.small.delete(path)
      this.version++
    }
  }

  private async linesOf(path: string): Promise<number | null> {
    return this.cached(path, async () => ((await stampOf(path)) === 'missing' ? null : countLines(path)))
  }

  private async cached<T>(path: string, read: () => Promise<T>): Promise<T> {
    const found = this.small.get(path)
    if (found !== undefined) return found.value as T
    const stamp = await stampOf(path)
    const value = await read()
    this.small.set(path, { stamp, value })
    return value
  }
}

async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  return found === null ? 'missing' : `${found.size} ${found.mtimeMs} ${found.ino}`
}

async function collect(path: string): Promise<TrainingStep[]> {
  if ((await stampOf(path)) === 'missing') return []
  const steps: TrainingStep[] = []
  for await (const step of readJsonl(path, trainingStepSchema)) steps.push(step)
  return steps
}

/** Reads a file of the run for people: what cannot be read becomes a sentence, not a crash. */
export async function orFault<T>(work: Promise<T>, instead: T, faults: string[]): Promise<T> {
  try {
    return await work
  } catch (error) {
    faults.push(errorMessage(error))
    return instead
  }
}
