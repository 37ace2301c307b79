/** What became of the questions of an online round: counted, and said. */
import { buildGroup } from '../pairing/index.ts'
import { skipReasonSchema, type Config, type Example, type SkipReason } from '../records/index.ts'
import type { GroupTraining } from '../training/index.ts'

export interface OnlineRound {
  readonly questions: number
  /** Groups trained on, why others were not made, and why others that were made could not be trained on. */
  readonly groups: number
  readonly skipped: Record<SkipReason, number>
  readonly leftOut: GroupTraining['leftOut']
  /** None: nothing was trained, and the round has no checkpoint. */
  readonly steps: number
}

/** Counts groups, and questions without one by reason. */
export class GroupTally {
  private readonly config: Config
  private questions = 0
  private groups = 0
  private readonly skipped: Record<SkipReason, number>

  constructor(config: Config) {
    this.config = config
    const zeros = skipReasonSchema.options.map((reason) => [reason, 0])
    this.skipped = Object.fromEntries(zeros) as Record<SkipReason, number>
  }

  add(example: Example): void {
    const group = buildGroup(example, this.config.pairing)
    this.questions++
    if ('skipped' in group) this.skipped[group.skipped]++
    else this.groups++
  }

  /** @param leftOut what training had to leave out of the groups */
  result(steps: number, leftOut: GroupTraining['leftOut']): OnlineRound {
    const { questions, skipped } = this
    const groups = this.groups - leftOut.tooLong - leftOut.noTokens - leftOut.flat
    return { questions, groups, skipped, leftOut, steps }
  }
}

/** What a round came to that trained nothing, or not on everything; undefined where all groups were trained on. */
export function leftOutNote({ steps, leftOut }: OnlineRound): string | undefined {
  const reasons = [
    [leftOut.tooLong, 'longer than training.maxLength or the context'],
    [leftOut.noTokens, 'without the ids that were sampled'],
    [leftOut.flat, 'of equal rewards'],
  ] as const
  const told = reasons.flatMap(([count, reason]) => (count === 0 ? [] : [`${count} with answers ${reason}`]))
  if (steps === 0 && told.length === 0) return 'no group of answers with different rewards, nothing to train on'
  if (told.length === 0) return undefined
  return `groups left out: ${told.join(', ')}${steps === 0 ? '; nothing to train on' : ''}`
}
