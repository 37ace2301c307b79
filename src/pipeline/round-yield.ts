/** What the examples of a round come to, gathered while they pass: how they ended, their pairs, their health. Holds no example. */
import type { EvaluationSet, HealthCollector } from '../health/index.ts'
import { PairBuilder, pairingSeed } from '../pairing/index.ts'
import type { Config, Example, PreferencePair, SkipReason } from '../records/index.ts'
import { healthCollector } from './check-health.ts'
import { countStatus, type StatusCounts } from './statuses.ts'

export class RoundYield {
  /** How many ended in which way. */
  readonly examples: StatusCounts = {}
  readonly health: HealthCollector
  private readonly builder: PairBuilder
  private readonly made: PreferencePair[] = []

  constructor(round: number, config: Config, sets: readonly EvaluationSet[]) {
    this.health = healthCollector(round, config, sets)
    this.builder = new PairBuilder(config.pairing, pairingSeed(config.seed, round))
  }

  /** The next example, in the order of the questions. */
  add(example: Example): void {
    countStatus(this.examples, example)
    this.health.add(example)
    this.made.push(...this.builder.add(example))
  }

  /** As `buildPairs` makes them of the same examples. */
  pairs(): { pairs: PreferencePair[]; skipped: Record<SkipReason, number> } {
    const { order, skipped } = this.builder.finish()
    return { pairs: order.flatMap((index) => this.made[index] ?? []), skipped }
  }
}
