/** Groups of rewarded answers, sampled as training goes, into a trained model: online self-play's training side. Writes nothing. */
import { ConfigError } from '../core/errors.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import type { TrainingGroup } from './batch.ts'
import type { Scorer } from './loop.ts'
import { mean, sum } from './objectives/arithmetic.ts'
import { groupObjective, isGroupObjective, type Group, type GroupMetric, type Objective } from './objectives/index.ts'
import { onlineLoop, type OnlineReport, type Rollouts } from './online.ts'
import { planSteps } from './plan.ts'
import type { Tokenizer } from '../engine/index.ts'
import type { RolloutGroup, TrainingConfig, TrainingStep } from '../records/index.ts'
import type { TrainableModel } from './model.ts'

export interface TrainGroupsOptions {
  /** Trained in place, from its present weights; its optimizer must be fresh. */
  readonly model: TrainableModel
  readonly tokenizer: Tokenizer
  /** How many questions there are to ask. */
  readonly questions: number
  readonly config: TrainingConfig
  /** Orders the questions. */
  readonly seed: number
  /** Needed by an objective with a KL term. */
  readonly reference?: Scorer
  /** Asks questions by index, of the weights as they are now; `version` counts their updates. */
  readonly sample: (
    questions: readonly number[],
    version: number,
    signal: AbortSignal,
  ) => Promise<readonly (RolloutGroup | null)[]>
  readonly clock?: Clock
  readonly onStep?: (step: TrainingStep, total: number) => void
  readonly signal?: AbortSignal
}

/** Why a sampled group was not trained on. */
export type LeftOutReason = 'tooLong' | 'noTokens' | 'flat'

export interface GroupTraining {
  /** One for every batch of which a group was left. */
  readonly steps: TrainingStep[]
  /** Groups of which fewer than two different rewards were left: answers too long, without sampled ids, or none of these. */
  readonly leftOut: Record<LeftOutReason, number>
}

/** @throws ConfigError for an objective over pairs, or one that needs a reference and has none; NumericalError as training does */
export async function trainGroups(options: TrainGroupsOptions): Promise<GroupTraining> {
  const { config, model, reference, tokenizer, sample, onStep, signal } = options
  if (!isGroupObjective(config.objective)) {
    throw new ConfigError(`training.objective: ${config.objective.type} learns from pairs, not from groups`)
  }
  const objective = groupObjective(config.objective)
  if (objective.needsReference && reference === undefined) {
    throw new ConfigError(
      'training.objective.kl: there are no reference weights to measure it against; set coefficient to 0',
    )
  }
  const plan = planSteps(options.questions, config, options.seed)
  const maxLength = Math.min(config.maxLength, model.contextLength ?? Infinity)
  const leftOut = { tooLong: 0, noTokens: 0, flat: 0 }
  const reports = await onlineLoop<WatchedMetric>({
    model,
    plan,
    objective: watched(objective),
    adam: { ...config.adam, maxGradNorm: config.maxGradNorm },
    clock: options.clock ?? systemClock,
    staleness: model.samplesWhileTraining === false ? 0 : config.staleness,
    sample: async (batch, version, stop) => {
      const { reasons, ...rollouts } = rolloutsOf(await sample(batch, version, stop), tokenizer, maxLength)
      for (const reason of reasons) leftOut[reason]++
      return rollouts
    },
    ...(objective.needsReference && reference !== undefined ? { reference } : {}),
    ...(signal === undefined ? {} : { signal }),
    ...(onStep === undefined ? {} : { onStep: (report) => onStep(stepOf(report), plan.length) }),
  })
  return { steps: reports.map(stepOf), leftOut }
}

/** Answers as they were sampled; those without ids, or too long for the context, have no part in their group. */
export function rolloutsOf(
  sampled: readonly (RolloutGroup | null)[],
  tokenizer: Pick<Tokenizer, 'encodeChat'>,
  maxLength: number,
): Rollouts & { readonly reasons: readonly LeftOutReason[] } {
  const read = sampled.flatMap((group) => (group === null ? [] : [trainable(group, tokenizer, maxLength)]))
  const groups = read.flatMap((one) => (typeof one === 'string' ? [] : [one]))
  const reasons = read.flatMap((one) => (typeof one === 'string' ? [one] : []))
  return { groups, dropped: sampled.length - groups.length, reasons }
}

function trainable(
  { prompt: messages, responses }: RolloutGroup,
  tokenizer: Pick<Tokenizer, 'encodeChat'>,
  maxLength: number,
): TrainingGroup | LeftOutReason {
  const prompt = tokenizer.encodeChat(messages, { addGenerationPrompt: true })
  let reason: LeftOutReason = 'flat'
  const completions: TrainingGroup['completions'][number][] = []
  for (const { sampled, reward } of responses) {
    if (sampled === undefined || sampled.tokens.length === 0) reason = 'noTokens'
    else if (prompt.length + sampled.tokens.length > maxLength) reason = 'tooLong'
    else {
      const tokens = [...prompt, ...sampled.tokens]
      completions.push({ tokens, promptLength: prompt.length, behaviour: sampled.logprobs, reward })
    }
  }
  return new Set(completions.map(({ reward }) => reward)).size < 2 ? reason : { completions }
}

type SideMetric = 'chosenLogprob' | 'rejectedLogprob' | 'margin' | 'accuracy'
type WatchedMetric = GroupMetric | SideMetric

/** The objective, and beside its metrics how the answers above their group's mean reward fare against those below. */
function watched(objective: Objective<GroupMetric>): Objective<WatchedMetric> {
  return {
    needsReference: objective.needsReference,
    evaluate: (groups) => {
      const result = objective.evaluate(groups)
      return { ...result, metrics: { ...result.metrics, ...sideMetrics(groups) } }
    },
  }
}

function sideMetrics(groups: readonly Group[]): Record<SideMetric, number> {
  const sides = groups.map(({ completions }) => {
    const middle = mean(completions.map(({ reward = 0 }) => reward))
    const logprobOf = (above: boolean): number =>
      mean(completions.filter(({ reward = 0 }) => reward > middle === above).map(({ logprobs }) => sum(logprobs)))
    return { above: logprobOf(true), below: logprobOf(false) }
  })
  return {
    chosenLogprob: mean(sides.map(({ above }) => above)),
    rejectedLogprob: mean(sides.map(({ below }) => below)),
    margin: mean(sides.map(({ above, below }) => above - below)),
    accuracy: mean(sides.map(({ above, below }) => (above > below ? 1 : 0))),
  }
}

function stepOf({ metrics, ...report }: OnlineReport<WatchedMetric>): TrainingStep {
  return { ...report, ...metrics, tokensPerSecond: report.seconds > 0 ? report.tokens / report.seconds : 0 }
}
