/** Preference pairs in, a trained model out: what `pop train` and each round of a run do. Writes nothing. */
import { ConfigError, InputError } from '../core/errors.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import { withOthers } from './batch.ts'
import { isGroupObjective, preferenceObjective, type PreferenceMetric } from './objectives/index.ts'
import { preferenceData, type Conversations, type PreferenceData } from './preference-data.ts'
import { planSteps } from './plan.ts'
import { trainingLoop, type Scorer, type StepReport } from './loop.ts'
import type { Tokenizer } from '../engine/index.ts'
import type { TrainingConfig, TrainingStep } from '../records/index.ts'
import type { TrainableModel } from './model.ts'

export interface TrainPreferencesOptions {
  /** Trained in place, from its present weights; its optimizer must be fresh. */
  readonly model: TrainableModel
  readonly tokenizer: Tokenizer
  readonly pairs: readonly Conversations[]
  readonly config: TrainingConfig
  /** Orders the pairs. */
  readonly seed: number
  /** The reference policy. Absent: the model as it is at the start, which in a first round is also the initial one. */
  readonly reference?: Scorer
  readonly clock?: Clock
  /** Where the training is kept while it runs, to go on from. */
  readonly state?: TrainingState
  /** Called after each of `total` steps. */
  readonly onStep?: (step: TrainingStep, total: number) => void
  /** Ends training between two steps, with the signal's reason; the weights are then those of the last step. */
  readonly signal?: AbortSignal
}

/** A place where a training is kept, so that one that is cut off goes on as if nothing had been. */
export interface TrainingState {
  /** Puts weights and optimizer back; the steps done by then, none for a fresh start. */
  load: () => Promise<readonly TrainingStep[]>
  /** Called after every step, and with `now` when the training is being stopped; it may come too soon to be worth a write. */
  save: (steps: readonly TrainingStep[], now?: boolean) => Promise<void>
}

export interface PreferenceTraining extends Omit<PreferenceData, 'groups'> {
  readonly steps: TrainingStep[]
  /** Pairs trained on. */
  readonly pairs: number
}

/**
 * @throws InputError when no pair can be trained on, ConfigError for an objective over groups; NumericalError when loss or gradient is not finite
 */
export async function trainPreferences(options: TrainPreferencesOptions): Promise<PreferenceTraining> {
  const { model, config } = options
  if (isGroupObjective(config.objective)) {
    throw new ConfigError(
      `training.objective: ${config.objective.type} learns from groups of fresh answers, which this version does not sample yet; ` +
        'for preference pairs take dpo, simpo, orpo, kto or sft',
    )
  }
  const { needsOthers, ...objective } = preferenceObjective(config.objective)
  const maxLength = Math.min(config.maxLength, model.contextLength ?? Infinity)
  const { groups, ...rest } = preferenceData(options.pairs, options.tokenizer, maxLength)
  if (groups.length === 0) throw nothingToTrainOn(options.pairs.length, rest.leftOut, maxLength)
  const plan = planSteps(groups.length, config, options.seed)
  const { reference, onStep, signal, state } = options
  const steps: TrainingStep[] = []
  const training = trainingLoop({
    model,
    groups: needsOthers ? withOthers(groups, maxLength) : groups,
    plan,
    objective,
    adam: { ...config.adam, maxGradNorm: config.maxGradNorm },
    clock: options.clock ?? systemClock,
    ...(reference === undefined ? {} : { reference }),
    ...(signal === undefined ? {} : { signal }),
    resume: async () => {
      for (const step of (await state?.load()) ?? []) {
        steps.push(step)
        onStep?.(step, plan.length)
      }
      return steps.length
    },
    onStep: async (report) => {
      const step = trainingStep(report)
      steps.push(step)
      onStep?.(step, plan.length)
      await state?.save(steps)
    },
  })
  await training.catch(async (error: unknown) => {
    if (signal?.aborted === true && steps.length > 0) await state?.save(steps, true)
    throw error
  })
  return { steps, pairs: groups.length, ...rest }
}

function trainingStep({ metrics, ...report }: StepReport<PreferenceMetric>): TrainingStep {
  const tokensPerSecond = report.seconds > 0 ? report.tokens / report.seconds : 0
  return { ...report, ...metrics, tokensPerSecond }
}

function nothingToTrainOn(pairs: number, leftOut: PreferenceData['leftOut'], maxLength: number): InputError {
  if (pairs === 0) return new InputError('there are no preference pairs to train on')
  return new InputError(
    `none of the ${pairs} preference pairs can be trained on: ${leftOut.tooLong} are longer than ${maxLength} tokens ` +
      `(training.maxLength or the model's context), ${leftOut.noCompletion} have an empty completion`,
  )
}
