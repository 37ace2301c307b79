/**
 * Learning-rate schedules, as pure functions of the step, with the values of transformers' `get_scheduler`.
 */

type ScheduleType = 'constant' | 'linear' | 'cosine'

export interface Schedule {
  readonly type: ScheduleType
  /** The rate after warm-up. */
  readonly learningRate: number
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number
  readonly totalSteps: number
}

/** transformers rounds a warm-up given as a share of the steps up. */
export function warmupSteps(warmupRatio: number, totalSteps: number): number {
  return Math.ceil(warmupRatio * totalSteps)
}

/** The rate of the update that `step` (from 0) others precede. */
export function learningRateAt(schedule: Schedule, step: number): number {
  return schedule.learningRate * factorAt(schedule, step)
}

function factorAt({ type, warmupSteps, totalSteps }: Schedule, step: number): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps)
  if (type === 'constant') return 1
  const span = Math.max(1, totalSteps - warmupSteps)
  if (type === 'linear') return Math.max(0, (totalSteps - step) / span)
  return Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / span)))
}
