/** The demo's configuration: three rounds on the built-in checkpoint, with settings that were measured to work for it. */
import { fileURLToPath } from 'node:url'
import { configSchema } from '../records/index.ts'
import type { Config } from '../records/index.ts'
import type { LabTaskName } from './task.ts'

/** The checkpoint that comes with the package. */
export const LAB_MODEL_DIR = fileURLToPath(new URL('../../assets/lab', import.meta.url))

export interface LabConfigOptions {
  /** Default: question answering. */
  readonly task?: LabTaskName
  /** Default 3. */
  readonly rounds?: number
  /** Default 45. */
  readonly seed?: number
  /** Documents per round; default 128. */
  readonly documents?: number
  /** Another checkpoint than the one that comes with the package. */
  readonly model?: string
  /** The control: chosen and rejected are drawn at random. Default false. */
  readonly randomPairs?: boolean
  /** Whether the rubric writer sees the document. Default true. */
  readonly groundRubric?: boolean
}

/** The resolved configuration of `pop lab run`. */
export function labConfig(options: LabConfigOptions = {}): Config {
  const pick = options.randomPairs === true ? ('random' as const) : undefined
  return configSchema.parse({
    task: options.task ?? 'lab',
    corpus: { source: 'lab', documents: options.documents ?? 128, minWords: 40, maxWords: 200 },
    model: { backend: 'embedded', path: options.model ?? LAB_MODEL_DIR },
    synthesis: { candidates: 8, groundRubric: options.groundRubric ?? true },
    pairing: { bestOf: 8, ...(pick === undefined ? {} : { chosen: pick, rejected: pick }) },
    training: {
      objective: { type: 'dpo', beta: 0.1, nll: 0.2 },
      learningRate: 2e-4,
      schedule: 'linear',
      warmupRatio: 0.1,
      epochs: 3,
      batchSize: 16,
      lora: false,
      maxLength: 1024,
    },
    evaluation: { suites: ['oracle'], samples: 4 },
    rounds: options.rounds ?? 3,
    seed: options.seed ?? 45,
  })
}
