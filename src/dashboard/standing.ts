/** Where a run stands: read once, or again and again, then what was appended in between and not the whole journal. */
import type { Clock } from '../core/clock.ts'
import type { RunReader } from '../store/index.ts'
import { readSpent, type Spent } from './costs.ts'
import { progressOf } from './reading/overview.ts'
import { RunView } from './reading/run-view.ts'
import { readRunData, type RoundData, type RunData } from './run-data.ts'
import type { Progress } from './views/wire.ts'

export interface Standing {
  readonly data: RunData
  readonly spent: Spent
  /** Null when nobody writes the run, or no stage is running, or it was read once: a speed takes time. */
  readonly progress: Progress | null
}

/** @throws {RunFolderError | InputError} when a file is damaged, or the journal is of a later version */
export async function readStanding(reader: RunReader): Promise<Standing> {
  return { data: await readRunData(reader), spent: await readSpent(reader), progress: null }
}

/** Keeps an index of large journals in the run folder, the viewer's own, so that the next look takes a moment. */
export class RunWatch {
  private readonly view: RunView
  private readonly clock: Clock

  constructor(reader: RunReader, clock: Clock) {
    this.view = new RunView('0', reader, { clock, journalsOnly: true })
    this.clock = clock
  }

  /**
   * @param isHeld whether a process is writing the run
   * @throws {RunFolderError | InputError} when a file is damaged, or the journal is of a later version
   */
  async look(isHeld: boolean): Promise<Standing> {
    await this.view.refresh()
    this.view.requireKnownVersion()
    const data = await this.readData()
    const { sums } = this.view.calls()
    const calls = new Map(
      [...sums.byRound()].map(([round, stages]) => [
        round,
        Object.fromEntries(stages.map((one) => [one.stage, one.calls])),
      ]),
    )
    return {
      data,
      spent: { calls, uses: sums.uses(), damage: this.view.damage() },
      progress: isHeld ? progressOf(sums, data.manifest, data.config, this.clock.now()) : null,
    }
  }

  private async readData(): Promise<RunData> {
    const rounds: RoundData[] = []
    for (const round of await this.view.reader.rounds()) {
      const files = await this.view.roundFiles(round)
      rounds.push({ round, ...files, examples: await this.view.exampleCount(round) })
    }
    return { manifest: await this.view.manifest(), config: await this.view.config(), rounds }
  }
}
