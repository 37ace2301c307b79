/**
 * An adapter of another engine made whole: SkyRL leaves `target_modules` open, and PEFT then takes the few modules that it takes by default,
 * and leaves the weights of all others out without a word.
 */
import { ModelError } from '../../core/errors.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { parseSafetensorsHeader } from './safetensors-header.ts'

const CONFIG_FILE = 'adapter_config.json'
const WEIGHTS_FILE = 'adapter_model.safetensors'

/**
 * The files of an adapter folder, with the modules named that its weights sit on; those of any other folder as they are.
 * @throws ModelError when the weights are cut off or otherwise damaged
 */
export function withAdapterTargets(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const [config, weights] = [files.get(CONFIG_FILE), files.get(WEIGHTS_FILE)]
  if (config === undefined || weights === undefined) return new Map(files)
  const modules = adaptedModules(weights)
  const json = parseJson(Buffer.from(config).toString('utf8'))
  const whole = new Map(files)
  if (!json.ok || !isJsonObject(json.value)) throw new ModelError(`${CONFIG_FILE} is no JSON object`)
  if ((json.value['target_modules'] ?? null) !== null || modules.length === 0) return whole
  return whole.set(CONFIG_FILE, Buffer.from(`${JSON.stringify({ ...json.value, target_modules: modules }, null, 2)}\n`))
}

/** Last parts of their names, sorted: `down_proj`, … */
function adaptedModules(weights: Uint8Array): string[] {
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength)
  const start = 8 + (weights.length < 8 ? NaN : Number(view.getBigUint64(0, true)))
  if (!(start <= weights.length)) throw new ModelError(`${WEIGHTS_FILE} is cut off`)
  const text = Buffer.from(weights.subarray(8, start)).toString('utf8')
  const { tensors } = parseSafetensorsHeader(text, start, weights.length, WEIGHTS_FILE)
  const names = [...tensors.keys()].flatMap((name) => /([^.]+)\.lora_A\.weight$/.exec(name)?.[1] ?? [])
  return [...new Set(names)].sort()
}
