/**
 * What an export to another trainer is: rows of data and files of settings, as text. Pure; whoever calls writes them.
 * The common row is TRL's conversational preference: the prompt once, and an assistant message for each side.
 */
import { ConfigError } from '../../core/errors.ts'
import { warmupSteps } from '../../engine/optimizer/schedule.ts'
import type { ChatMessage, PreferenceObjectiveConfig, PreferencePair, TrainingConfig } from '../../records/index.ts'
import { isGroupObjective } from '../objectives/index.ts'

export interface ExportFacts {
  /** The weights to train: a folder or a hub name. */
  readonly model: string
  readonly training: TrainingConfig
  /** Rows that are exported. */
  readonly pairs: number
  readonly seed: number
}

export interface TrainerExport {
  readonly name: string
  /** Where the rows go, under the folder of the export. */
  readonly dataFile: string
  /** The rows of one pair. */
  rows(pair: Conversations, objective: PreferenceObjectiveConfig): object[]
  /**
   * Settings files by name.
   * @throws ConfigError for an objective or setting that the target does not have
   */
  files(facts: ExportFacts): Record<string, string>
  /** The command that trains, in the folder of the export. */
  readonly command: string
}

export type Conversations = Pick<PreferencePair, 'chosen' | 'rejected'>

export interface PreferenceRow {
  readonly prompt: ChatMessage[]
  readonly chosen: ChatMessage[]
  readonly rejected: ChatMessage[]
}

/** The last message of each side is the answer; what comes before is the prompt, which the two share. */
export function preferenceRow({ chosen, rejected }: Conversations): PreferenceRow {
  return { prompt: chosen.slice(0, -1), chosen: chosen.slice(-1), rejected: rejected.slice(-1) }
}

/** @throws ConfigError for an objective over groups, which other trainers sample for by themselves, and for an order that they do not keep */
export function pairObjective({ objective, shuffle }: TrainingConfig): PreferenceObjectiveConfig {
  if (!shuffle)
    throw new ConfigError('training.shuffle: other trainers shuffle the pairs; leave it out, or train with pop train')
  if (!isGroupObjective(objective)) return objective
  throw new ConfigError(
    `training.objective: ${objective.type} learns from fresh answers; pairs are exported for dpo, simpo, orpo, kto or sft`,
  )
}

export function unsupported(target: string, what: string): ConfigError {
  return new ConfigError(`${target} has no ${what}: change training.objective, or train with pop train`)
}

/** @throws ConfigError when the objective asks for one of `missing` */
export function refuse(target: string, missing: Readonly<Record<string, boolean>>): void {
  const found = Object.entries(missing).find(([, asked]) => asked)
  if (found !== undefined) throw unsupported(target, found[0])
}

/**
 * Warm-up as a whole number of steps, for one process: versions of transformers differ in how they read a share.
 * With more processes, divide the accumulation, and the steps stay the same.
 */
export function planned({ training, pairs }: ExportFacts): { steps: number; warmup: number } {
  const steps = Math.ceil(training.epochs * Math.ceil(pairs / training.batchSize))
  return { steps, warmup: training.schedule === 'constant' ? 0 : warmupSteps(training.warmupRatio, steps) }
}
