/**
 * What is to be said of a model folder: whether it has a chat template, whether the model stops where that ends a turn, and
 * whether it fits into memory. One that lies on the hub is looked up there.
 */
import { errorMessage } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import {
  availableMemory,
  checkModelFolder as checkWeights,
  describeMemory,
  lessToTrain,
  memoryNeed,
  parseModelConfig,
  readModelFiles,
  Tokenizer,
  type MemoryUse,
  type ModelConfig,
} from '../../engine/index.ts'
import { isHubAddress, lookUpModel, readHubConfig } from '../../hub/index.ts'
import type { Context } from '../command.ts'
import { bytes } from '../format.ts'
import { failure, ok, warning, type Check } from './check.ts'

/** A folder, or `hf://OWNER/NAME`, and what is to be done with it. */
export interface ModelUse {
  readonly source: string
  /** Each time that it is opened: `answering`, `training`. */
  readonly memory: Readonly<Record<string, MemoryUse>>
  /** On top of it, and what is going to train it. */
  readonly adapter?: { readonly dir: string; readonly lora: false | { readonly rank: number; readonly alpha: number } }
}

/** Reads no weights, downloads none. */
export async function checkModel(
  subject: string,
  use: ModelUse,
  context: Pick<Context, 'environment' | 'clock'>,
): Promise<Check[]> {
  if (!isHubAddress(use.source)) return checkFolder(subject, use)
  const deps = { env: context.environment, clock: context.clock }
  try {
    const listing = await lookUpModel(use.source, deps)
    if (listing.dir !== null) return checkFolder(subject, { ...use, source: listing.dir })
    const commit = listing.commit.slice(0, 12)
    const found = `${use.source} is at commit ${commit}; ${bytes(listing.bytes)} will be downloaded`
    const json = parseJson(await readHubConfig(listing, deps))
    return [
      ok(subject, found),
      ...checkMemory(subject, use, json.ok ? json.value : null),
      warning(subject, `the chat template and the weights of ${use.source} are looked at when they are here`),
    ]
  } catch (error) {
    return [failure(subject, `${use.source} cannot be used: ${errorMessage(error)}`)]
  }
}

function checkMemory(subject: string, { source, memory }: ModelUse, json: unknown): Check[] {
  const config = parseModelConfig(json, source)
  return Object.entries(memory).map(([what, use]) => judgeMemory(subject, { config, what, use }))
}

function judgeMemory(
  subject: string,
  { config, what, use }: { config: ModelConfig; what: string; use: MemoryUse },
): Check {
  const need = memoryNeed(config, use)
  const free = availableMemory()
  const facts = `${what} takes about ${bytes(need.total)} of memory (${describeMemory(need)}), ${bytes(free)} are free`
  if (need.total <= free) return ok(subject, facts)
  if (memoryNeed(config, leastOf(use)).total <= free) {
    return warning(subject, `${facts}: ${remedyOf(use)}, or close other programs`)
  }
  return failure(
    subject,
    `${facts}: take a smaller model, or play it on a server (model.backend: openai); if more can be had, set POP_MEMORY_GIB`,
  )
}

/** The same use with everything as small as the configuration can make it. */
function leastOf({ training = false, ...use }: MemoryUse): MemoryUse {
  const least = training !== false && { ...training, loraRank: 8, maxLength: 1024, recompute: true }
  return { ...use, slots: 1, tokens: 256, training: least }
}

function remedyOf({ training = false }: MemoryUse): string {
  if (training === false) return 'set model.maxSlots lower'
  return lessToTrain
}

function checkFolder(subject: string, use: ModelUse): Check[] {
  const dir = use.source
  try {
    const files = readModelFiles(dir)
    const tokenizer = new Tokenizer(files)
    if (!tokenizer.hasChatTemplate) {
      return [
        failure(subject, `${dir} has no chat template: use a model tuned for conversation, or add chat_template.jinja`),
      ]
    }
    checkWeights(dir, use.adapter)
    const adapter = use.adapter === undefined ? '' : `; the adapter ${use.adapter.dir} fits`
    return [
      ok(subject, `${dir} has weights, a tokenizer and a chat template${adapter}`),
      endOfTurn(subject, dir, tokenizer),
      ...checkMemory(subject, use, files.config),
    ]
  } catch (error) {
    return [failure(subject, `${dir} cannot be used: ${errorMessage(error)}`)]
  }
}

/** The Qwen2.5-base trap: the template ends a turn with one token, the model's files name another. */
function endOfTurn(subject: string, dir: string, tokenizer: Tokenizer): Check {
  const end = tokenizer.endOfTurnId
  const name = (id: number): string => JSON.stringify(tokenizer.idToToken(id) ?? String(id))
  const stops = tokenizer.declaredStopTokenIds
  if (end === undefined) {
    return failure(
      subject,
      `the chat template of ${dir} does not end the assistant's turn with a special token: the model cannot learn to stop`,
    )
  }
  if (stops.includes(end)) return ok(subject, `a turn ends with ${name(end)}, where the model stops`)
  return warning(
    subject,
    `the chat template ends a turn with ${name(end)} (${end}), but the folder says that the model stops at ` +
      `${stops.map(name).join(', ') || 'nothing'}: answers end at both here, other programs go on; for them ` +
      `set "eos_token_id": [${[end, ...stops].join(', ')}] in ${dir}/generation_config.json`,
  )
}
