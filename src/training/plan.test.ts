import { describe, expect, it } from 'vitest'
import { planSteps, type PlanSettings } from './plan.ts'

const settings: PlanSettings = {
  batchSize: 4,
  epochs: 1,
  shuffle: false,
  learningRate: 1,
  schedule: 'constant',
  warmupRatio: 0,
}

describe('planSteps', () => {
  it('keeps the last, smaller batch', () => {
    expect(planSteps(10, settings, 0).map(({ batch }) => batch)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
  })

  it('rounds a fraction of an epoch up to whole steps', () => {
    const steps = planSteps(10, { ...settings, epochs: 1.4 }, 0)
    expect(steps.map(({ epoch }) => epoch)).toEqual([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3])
    expect(planSteps(10, { ...settings, epochs: 0.1 }, 0)).toHaveLength(1)
  })

  it('visits every group once per epoch, in another order each epoch and by the seed', () => {
    const order = (seed: number): number[] =>
      planSteps(30, { ...settings, shuffle: true, epochs: 2 }, seed).flatMap(({ batch }) => batch)
    const all = Array.from({ length: 30 }, (_, i) => i)
    const first = order(1).slice(0, 30)
    const second = order(1).slice(30)
    expect(first.toSorted((a, b) => a - b)).toEqual(all)
    expect(second.toSorted((a, b) => a - b)).toEqual(all)
    expect(first).not.toEqual(second)
    expect(order(1)).toEqual([...first, ...second])
    expect(order(2)).not.toEqual(order(1))
  })

  it('takes cosine with warm-up from transformers', () => {
    // transformers.get_cosine_schedule_with_warmup(num_warmup_steps=2, num_training_steps=8), learning rate 1
    const expected = [0, 0.5, 1, 0.9330127018922194, 0.75, 0.5, 0.25, 0.0669872981077807]
    const steps = planSteps(32, { ...settings, schedule: 'cosine', warmupRatio: 0.2 }, 0)
    steps.forEach(({ learningRate }, i) => expect(learningRate).toBeCloseTo(expected[i] ?? NaN, 12))
  })

  it('has no warm-up in a constant schedule, as in transformers', () => {
    const steps = planSteps(32, { ...settings, warmupRatio: 0.5 }, 0)
    expect(new Set(steps.map(({ learningRate }) => learningRate))).toEqual(new Set([1]))
  })

  it('plans nothing for no groups', () => {
    expect(planSteps(0, settings, 0)).toEqual([])
  })
})
