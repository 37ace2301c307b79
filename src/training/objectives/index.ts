/** The objectives by name, and the one that a configuration asks for. */
import { dpo, type PreferenceMetric } from './dpo.ts'
import type { ObjectiveConfig } from '../../records/index.ts'
import type { Objective } from './objective.ts'

export type { DpoSettings, PreferenceMetric } from './dpo.ts'
export type { Group, Objective, ObjectiveResult, ScoredCompletion } from './objective.ts'

/** Each is a pure function `(groups, settings) → { loss, weights, metrics }`. */
export const objectives = { dpo } as const

/** An objective over preference pairs, for training on chosen and rejected answers. */
export function preferenceObjective(config: ObjectiveConfig): Objective<PreferenceMetric> {
  switch (config.type) {
    case 'dpo':
      return { needsReference: true, evaluate: (groups) => dpo(groups, config) }
  }
}
