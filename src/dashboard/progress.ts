/** How fast a run goes and how long it will take, read again and again: what was appended in between, not the whole journal. */
import type { Clock } from '../core/clock.ts'
import type { RunReader } from '../store/index.ts'
import { overview } from './reading/overview.ts'
import { RunView } from './reading/run-view.ts'
import type { Progress } from './views/wire.ts'

export class ProgressWatch {
  private readonly view: RunView
  private readonly clock: Clock

  constructor(reader: RunReader, clock: Clock) {
    this.view = new RunView('0', reader, { clock })
    this.clock = clock
  }

  /** Null when nobody writes the run, or no stage is running. */
  async look(): Promise<Progress | null> {
    await this.view.refresh()
    return (await overview(this.view, this.clock)).progress
  }
}
