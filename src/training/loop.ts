/**
 * The training loop: score a batch, ask the objective what every token weighs, accumulate, step. It is blind to the
 * objective and to where the weights live.
 */
import { NumericalError } from '../core/errors.ts'
import { completionPart, flatten, scoredGroups, sequenceWeights } from './batch.ts'
import type { Clock } from '../core/clock.ts'
import type { AdamWSettings, TokenSequence, TrainableModel } from './model.ts'
import type { Objective, ObjectiveResult } from './objectives/index.ts'
import type { PlannedStep } from './plan.ts'
import type { TrainingGroup } from './batch.ts'

/** What scores completions. */
export type Scorer = Pick<TrainableModel, 'logprobs'>

export interface LoopOptions<Metric extends string> {
  readonly model: Pick<TrainableModel, 'logprobs' | 'accumulate' | 'step'>
  readonly groups: readonly TrainingGroup[]
  readonly plan: readonly PlannedStep[]
  readonly objective: Objective<Metric>
  readonly adam: Omit<AdamWSettings, 'learningRate'>
  /** The reference policy; absent: the weights as they are before the first step. */
  readonly reference?: Scorer
  readonly clock: Clock
  /** Called once the reference is known: puts a training that was cut off back in place, and gives the steps it had done. */
  readonly resume?: () => Promise<number>
  readonly onStep?: (report: StepReport<Metric>) => void | Promise<void>
  /** Looked at between steps. */
  readonly signal?: AbortSignal
}

export interface StepReport<Metric extends string> extends Omit<PlannedStep, 'batch'> {
  readonly loss: number
  readonly gradNorm: number
  readonly metrics: Readonly<Record<Metric, number>>
  /** Tokens of the step's sequences, prompts included. */
  readonly tokens: number
  readonly seconds: number
}

/**
 * Takes every step of the plan, or those that are left of it.
 * @throws NumericalError when the loss or the gradient is not finite; the signal's reason when aborted
 */
export async function trainingLoop<Metric extends string>(options: LoopOptions<Metric>): Promise<StepReport<Metric>[]> {
  const { model, groups, plan, objective } = options
  const reference = objective.needsReference ? await referenceLogprobs(options) : undefined
  const reports: StepReport<Metric>[] = []
  const done = (await options.resume?.()) ?? 0
  for (const { batch, ...planned } of plan.slice(done)) {
    options.signal?.throwIfAborted()
    const chosen = batch.map((index) => groups[index]).filter((group) => group !== undefined)
    const known = reference === undefined ? undefined : batch.flatMap((index) => reference[index] ?? [])
    // Before the first step the policy is the reference, unless that is another model.
    const isReference = planned.step === 1 && options.reference === undefined && known !== undefined
    const policy = isReference ? known : await score(model, chosen, { keep: true })
    const report = await takeStep(options, planned, { groups: chosen, policy, reference: known })
    reports.push(report)
    await options.onStep?.(report)
  }
  return reports
}

/** A batch with the log-probs of its completion tokens: one array per completion, in the order of the groups. */
export interface ScoredBatch {
  readonly groups: readonly TrainingGroup[]
  readonly policy: readonly Float32Array[]
  readonly reference: readonly Float32Array[] | undefined
}

/** One step: what the objective says every token weighs, its gradient, the update. */
export async function takeStep<Metric extends string>(
  options: Pick<LoopOptions<Metric>, 'model' | 'objective' | 'adam' | 'clock'>,
  planned: Omit<PlannedStep, 'batch'>,
  { groups, policy, reference }: ScoredBatch,
): Promise<StepReport<Metric>> {
  const { model, objective, adam, clock } = options
  const started = clock.monotonic()
  const result = objective.evaluate(scoredGroups(groups, policy, reference))
  checkLoss(result, planned)
  const completions = flatten(groups)
  const sequences = completions.map(({ tokens }) => tokens)
  await accumulate(model, sequences, sequenceWeights(completions, result.weights))
  const { gradNorm } = await model.step({ ...adam, learningRate: planned.learningRate })
  const tokens = sequences.reduce((count, sequence) => count + sequence.length, 0)
  const seconds = (clock.monotonic() - started) / 1000
  return { ...planned, loss: result.loss, gradNorm, metrics: result.metrics, tokens, seconds }
}

/** A sequence whose tokens all have weight 0 has no part in the gradient, and takes no backward pass. */
async function accumulate(
  model: Pick<TrainableModel, 'accumulate'>,
  sequences: readonly TokenSequence[],
  weights: readonly Float32Array[],
): Promise<void> {
  const kept = weights.flatMap((row, i) => (row.some((weight) => weight !== 0) ? [i] : []))
  if (kept.length === 0) return
  await model.accumulate(
    kept.flatMap((i) => sequences.slice(i, i + 1)),
    kept.flatMap((i) => weights.slice(i, i + 1)),
  )
}

/** Groups scored per call while the reference is computed: enough to fill the engine, few enough to stop between. */
const REFERENCE_CHUNK = 32

/** The reference's log-probs of every group that the plan uses, by group. */
async function referenceLogprobs<Metric extends string>(options: LoopOptions<Metric>): Promise<Float32Array[][]> {
  const { groups, plan, signal } = options
  const scorer = options.reference ?? options.model
  const used = [...new Set(plan.flatMap(({ batch }) => batch))].sort((a, b) => a - b)
  const byGroup: Float32Array[][] = groups.map(() => [])
  for (let start = 0; start < used.length; start += REFERENCE_CHUNK) {
    signal?.throwIfAborted()
    const chunk = used.slice(start, start + REFERENCE_CHUNK)
    const logprobs = await score(
      scorer,
      chunk.flatMap((index) => groups[index] ?? []),
    )
    let next = 0
    for (const index of chunk) {
      const size = groups[index]?.completions.length ?? 0
      byGroup[index] = logprobs.slice(next, next + size)
      next += size
    }
  }
  return byGroup
}

/** Log-probs of the completion tokens, one array per completion; `keep` as in `TrainableModel.logprobs`. */
export async function score(
  scorer: Scorer,
  groups: readonly TrainingGroup[],
  options: { readonly keep?: boolean } = {},
): Promise<Float32Array[]> {
  const completions = flatten(groups)
  const logprobs = await scorer.logprobs(
    completions.map(({ tokens }) => tokens),
    options,
  )
  return completions.map((completion, i) => completionPart(completion, logprobs[i] ?? new Float32Array()))
}

function checkLoss(result: ObjectiveResult, { step, learningRate }: { step: number; learningRate: number }): void {
  if (Number.isFinite(result.loss)) return
  throw new NumericalError(
    `the loss of training step ${step} is ${result.loss} (learning rate ${learningRate}): ` +
      'lower training.learningRate; the checkpoint of the round before is untouched',
  )
}
