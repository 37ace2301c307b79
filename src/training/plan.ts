/**
 * Which groups go into which optimizer step, and at which learning rate: fixed before the first step. Pure.
 *
 * As transformers' Trainer: the last, smaller batch of an epoch is a step like the others; a fraction of an epoch is
 * rounded up to whole steps; a warm-up given as a share is rounded up; `constant` has no warm-up.
 */
import { rng } from '../core/rng.ts'
import { learningRateAt, warmupSteps, type Schedule } from '../engine/optimizer/schedule.ts'
import type { TrainingConfig } from '../records/index.ts'

export type PlanSettings = Pick<
  TrainingConfig,
  'batchSize' | 'epochs' | 'shuffle' | 'learningRate' | 'schedule' | 'warmupRatio'
>

export interface PlannedStep {
  /** From 1. */
  readonly step: number
  /** Epochs done when the step is. */
  readonly epoch: number
  readonly learningRate: number
  /** Indices into the training groups. */
  readonly batch: readonly number[]
}

/** @param seed orders the groups anew in every epoch, when `shuffle` is set */
export function planSteps(groups: number, settings: PlanSettings, seed: number): PlannedStep[] {
  const { batchSize, epochs, shuffle } = settings
  const stepsPerEpoch = Math.ceil(groups / batchSize)
  const totalSteps = Math.ceil(epochs * stepsPerEpoch)
  const schedule = planSchedule(settings, totalSteps)
  const steps: PlannedStep[] = []
  let order: number[] = []
  for (let index = 0; index < totalSteps; index++) {
    const within = index % stepsPerEpoch
    if (within === 0) order = epochOrder(groups, shuffle ? { seed, epoch: index / stepsPerEpoch } : undefined)
    steps.push({
      step: index + 1,
      epoch: (index + 1) / stepsPerEpoch,
      learningRate: learningRateAt(schedule, index),
      batch: order.slice(within * batchSize, (within + 1) * batchSize),
    })
  }
  return steps
}

function planSchedule({ schedule, learningRate, warmupRatio }: PlanSettings, totalSteps: number): Schedule {
  const warmup = schedule === 'constant' ? 0 : warmupSteps(warmupRatio, totalSteps)
  return { type: schedule, learningRate, warmupSteps: warmup, totalSteps }
}

function epochOrder(groups: number, shuffle: { seed: number; epoch: number } | undefined): number[] {
  const order = Array.from({ length: groups }, (_, index) => index)
  return shuffle === undefined ? order : rng(shuffle.seed, 'training order', shuffle.epoch).shuffle(order)
}
