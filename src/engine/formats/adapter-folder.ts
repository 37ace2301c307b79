/**
 * A folder with a low-rank adapter as PEFT writes it: `adapter_config.json` and `adapter_model.safetensors`, whose
 * tensors are named after the modules they sit on, behind a prefix. Knows the layout, not the models.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ModelError, errorMessage } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { SafetensorsReader } from './safetensors-reader.ts'
import { writeSafetensors } from './safetensors-writer.ts'
import type { NamedTensor } from './safetensors-writer.ts'

const CONFIG_FILE = 'adapter_config.json'
const WEIGHTS_FILE = 'adapter_model.safetensors'
/** PEFT wraps the model twice; what follows is the parameter's own name. */
const PREFIX = 'base_model.model.'
const MAX_CONFIG_BYTES = 1 << 20

/** What an adapter is, apart from its weights. */
export interface AdapterConfig {
  readonly rank: number
  readonly alpha: number
  /** The adapted weight is W + scale · B A. */
  readonly scale: number
}

/** An open adapter: tensors under the parameters' own names, read one by one. */
export interface AdapterReader extends AdapterConfig {
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readInto: (name: string, target: Float32Array) => void
  close: () => void
}

/** Keys that change what the adapter computes, and the values under which they change nothing here. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  bias: ['none'],
  use_dora: [false],
  use_qalora: [false],
  use_bdlora: [null, false],
  lora_bias: [false],
  fan_in_fan_out: [false],
  alora_invocation_tokens: [null],
  arrow_config: [null],
  layer_replication: [null],
  modules_to_save: [null],
  trainable_token_indices: [null],
  target_parameters: [null],
  kasa_config: [null],
  // The others change the base weights when the adapter is made.
  init_lora_weights: [true, false, 'gaussian', 'orthogonal', 'eva'],
}

const configSchema = z.looseObject({
  peft_type: z.string(),
  r: z.int().positive().max(65536),
  lora_alpha: z.number().positive(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.unknown()).nullish(),
  alpha_pattern: z.record(z.string(), z.unknown()).nullish(),
})

/** @throws ModelError when a file is missing or damaged, or the adapter is of a kind that the engine does not compute */
export function openAdapterFolder(dir: string): AdapterReader {
  const config = readConfig(join(dir, CONFIG_FILE))
  if (!existsSync(join(dir, WEIGHTS_FILE)) && existsSync(join(dir, 'adapter_model.bin'))) {
    throw new ModelError(`${dir}: adapter_model.bin is a pickle, which is not read; save it as ${WEIGHTS_FILE}`)
  }
  const reader = SafetensorsReader.open(join(dir, WEIGHTS_FILE))
  const shapes = new Map<string, readonly number[]>()
  for (const [name, { shape }] of reader.tensors) {
    if (!name.startsWith(PREFIX)) {
      reader.close()
      throw new ModelError(`${dir}: tensor ${name} is not named as PEFT names them (${PREFIX}…)`)
    }
    shapes.set(name.slice(PREFIX.length), shape)
  }
  return {
    ...config,
    shapes,
    readInto: (name, target) => reader.readInto(PREFIX + name, target),
    close: () => reader.close(),
  }
}

function readConfig(path: string): AdapterConfig {
  const json = parseJson(readText(path))
  if (!json.ok) throw new ModelError(`${path} is not JSON (${json.message})`)
  const parsed = configSchema.safeParse(json.value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new ModelError(`${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not an adapter configuration'}`)
  }
  const config = parsed.data
  if (config.peft_type !== 'LORA')
    throw new ModelError(`${path}: peft_type ${config.peft_type} is not supported; LORA is`)
  refuseVariants(config, path)
  const { r: rank, lora_alpha: alpha } = config
  return { rank, alpha, scale: alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank) }
}

function readText(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > MAX_CONFIG_BYTES) throw new Error(`${size} bytes are more than such a file can have`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ModelError(`cannot read ${path}: ${errorMessage(error)}`, { cause: error })
  }
}

function refuseVariants(config: z.infer<typeof configSchema>, path: string): void {
  for (const key of ['rank_pattern', 'alpha_pattern'] as const) {
    if (Object.keys(config[key] ?? {}).length > 0) {
      throw new ModelError(`${path}: ${key} is not supported; every layer must have the rank and alpha of the file`)
    }
  }
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    const value = config[key]
    const isEmptyList = Array.isArray(value) && value.length === 0
    if (value === undefined || value === null || isEmptyList || neutral.includes(value)) continue
    throw new ModelError(`${path}: ${key} ${JSON.stringify(value)} is not supported`)
  }
}

export interface SavedAdapter {
  readonly rank: number
  readonly alpha: number
  /** Last parts of the adapted modules' names: `q_proj`, … */
  readonly targetModules: readonly string[]
  /** Where the weights are that the adapter belongs to; null when they have no place. */
  readonly base: string | null
}

/** Writes the two files into `dir`. Atomicity is the caller's business. `tensors` carry the parameters' own names. */
export function writeAdapterFolder(dir: string, adapter: SavedAdapter, tensors: readonly NamedTensor[]): void {
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: adapter.base,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    target_modules: adapter.targetModules,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    inference_mode: true,
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`)
  const named = tensors.map((tensor) => ({ ...tensor, name: PREFIX + tensor.name }))
  writeSafetensors(join(dir, WEIGHTS_FILE), named, 'F32')
}
