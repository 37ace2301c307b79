/**
 * Online training: groups of rewarded answers sampled with the current weights, one step on them, and again. Blind to the objective, to
 * who samples and judges, and to where the weights live.
 */
import { InterruptedError } from '../core/errors.ts'
import { takeStep, score, type LoopOptions, type Scorer, type StepReport } from './loop.ts'
import type { TrainingGroup } from './batch.ts'

/** What was sampled for one step. */
export interface Rollouts {
  /** With rewards, and log-probs of the sampler. */
  readonly groups: readonly TrainingGroup[]
  /** Groups left out because nothing in them differs, or too little of them was scored. */
  readonly dropped: number
}

export interface OnlineOptions<Metric extends string> extends Omit<
  LoopOptions<Metric>,
  'groups' | 'reference' | 'onStep'
> {
  /** Needed where the objective needs one: the weights as they were, held by somebody else. */
  readonly reference?: Scorer
  /**
   * Samples the batch of a step from the weights as they are when it is called; `version` counts their updates. The signal is aborted when
   * the loop ends early; it is awaited then, so that nothing samples on from weights that nobody holds any more.
   */
  readonly sample: (batch: readonly number[], version: number, signal: AbortSignal) => Promise<Rollouts>
  /** Batches that are sampled ahead: a sample is at most so many updates old. 0: every sample is from the newest weights. */
  readonly staleness: number
  readonly onStep?: (report: OnlineReport<Metric>) => void
}

export interface OnlineReport<Metric extends string> extends StepReport<Metric> {
  readonly groups: number
  readonly dropped: number
  /** Updates between the weights that sampled and those that were updated. */
  readonly staleness: number
}

/**
 * Takes every step of the plan, but for those of whose groups none is left.
 * @throws NumericalError when the loss or the gradient is not finite; the signal's reason when aborted
 */
export async function onlineLoop<Metric extends string>(
  options: OnlineOptions<Metric>,
): Promise<OnlineReport<Metric>[]> {
  const ended = new AbortController()
  const signal = AbortSignal.any(options.signal === undefined ? [ended.signal] : [options.signal, ended.signal])
  const ahead: Ahead[] = []
  try {
    return await takeSteps(options, ahead, signal)
  } finally {
    if (ahead.length > 0) ended.abort(new InterruptedError('The training that this was sampled for has ended'))
    await Promise.allSettled(ahead.map(({ rollouts }) => rollouts))
  }
}

interface Ahead {
  readonly version: number
  readonly rollouts: Promise<Rollouts>
}

async function takeSteps<Metric extends string>(
  options: OnlineOptions<Metric>,
  ahead: Ahead[],
  signal: AbortSignal,
): Promise<OnlineReport<Metric>[]> {
  const { model, plan, reference, clock } = options
  const reports: OnlineReport<Metric>[] = []
  let version = 0
  let begun = 0
  for (const { batch: _batch, ...planned } of plan) {
    options.signal?.throwIfAborted()
    const started = clock.monotonic()
    for (; begun < plan.length && ahead.length <= options.staleness; begun++) {
      const rollouts = options.sample(plan[begun]?.batch ?? [], version, signal)
      // Awaited in its turn; one that fails before must not end the process.
      rollouts.catch(() => undefined)
      ahead.push({ version, rollouts })
    }
    const next = ahead.shift()
    if (next === undefined) break
    const { groups, dropped } = await next.rollouts
    if (groups.length === 0) continue
    const policy = await score(model, groups, { keep: true })
    const known = reference === undefined ? undefined : await score(reference, groups)
    const report = await takeStep(options, planned, { groups, policy, reference: known })
    const seconds = (clock.monotonic() - started) / 1000
    const full = { ...report, seconds, groups: groups.length, dropped, staleness: version - next.version }
    version++
    reports.push(full)
    options.onStep?.(full)
  }
  return reports
}
