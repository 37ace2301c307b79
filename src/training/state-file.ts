/**
 * A training on the embedded engine, kept in one file while it runs: weights, optimizer, and the steps that led there.
 * It belongs to its inputs: a training of other pairs or settings does not go on from it.
 */
import { z } from 'zod'
import { parseJson } from '../core/json.ts'
import { ModelError } from '../core/errors.ts'
import { trainingStepSchema, type TrainingStep } from '../records/index.ts'
import type { Clock } from '../core/clock.ts'
import type { Engine } from '../engine/index.ts'
import type { TrainingState } from './train-preferences.ts'

/** Between two saves, in seconds; and no more than a twentieth of the time goes into saving. */
const EVERY_SECONDS = 300
const LARGEST_SHARE = 1 / 20

export interface StateFileOptions {
  readonly engine: Pick<Engine, 'saveState' | 'loadState' | 'removeState'>
  readonly path: string
  /** A hash of everything that the training follows from. */
  readonly inputs: string
  readonly clock: Clock
  readonly everySeconds?: number
}

export class TrainingStateFile implements TrainingState {
  private readonly options: StateFileOptions
  private lastSave: number
  private lastTook = 0

  constructor(options: StateFileOptions) {
    this.options = options
    this.lastSave = options.clock.monotonic()
  }

  /** @throws ModelError when the file is damaged */
  async load(): Promise<readonly TrainingStep[]> {
    const { engine, path, inputs } = this.options
    const text = await engine.loadState(path, inputs)
    if (text === undefined) return []
    const json = parseJson(text)
    const steps = z.array(trainingStepSchema).safeParse(json.ok ? json.value : undefined)
    if (!steps.success) throw new ModelError(`${path} is no state of a training: remove it to begin anew`)
    return steps.data
  }

  async save(steps: readonly TrainingStep[], now = false): Promise<void> {
    const { engine, path, inputs, clock, everySeconds = EVERY_SECONDS } = this.options
    const started = clock.monotonic()
    const wait = Math.max(everySeconds * 1000, this.lastTook / LARGEST_SHARE)
    if (!now && started - this.lastSave < wait) return
    await engine.saveState(path, { owner: inputs, note: JSON.stringify(steps) })
    this.lastSave = clock.monotonic()
    this.lastTook = this.lastSave - started
  }

  /** When the training is complete and its result saved. */
  async remove(): Promise<void> {
    await this.options.engine.removeState(this.options.path)
  }
}
