/**
 * Writes a model folder with random weights in the shape of a published model: bf16 safetensors, a byte-level BPE
 * tokenizer of the model's own size, a ChatML template. What such a folder says is noise; its size, speed and memory are
 * those of the real model.
 *
 * Run: npx tsx bench/engine/random-model.ts Qwen/Qwen2.5-0.5B-Instruct /tmp/model
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rng } from '../../src/core/rng.ts'
import { writeCheckpoint } from '../../src/engine/formats/checkpoint.ts'
import { parseModelConfig } from '../../src/engine/models/config.ts'
import { parameterSpecs } from '../../src/engine/models/parameters.ts'
import type { JsonObject } from '../../src/engine/formats/model-folder.ts'
import type { NamedTensor } from '../../src/engine/formats/safetensors-writer.ts'
import { PUBLISHED } from '../../src/engine/testing/published-shapes.ts'

const SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const CHATML =
  "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}" +
  "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"

/** Weights are drawn from a pool of normal numbers: no two tensors are alike, and a billion of them take seconds. */
const POOL = 1 << 20

/** @param dir is written anew */
export function writeRandomModel(config: JsonObject, dir: string, dtype: 'F32' | 'BF16' = 'BF16'): void {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const vocabulary = Number(config['vocab_size'])
  const tokenizer = makeTokenizer(vocabulary)
  const endOfTurn = vocabulary - 1
  const ids = { bos_token_id: null, eos_token_id: endOfTurn, pad_token_id: null }
  const files: Record<string, JsonObject> = {
    'config.json': { ...config, ...ids },
    'generation_config.json': { eos_token_id: [endOfTurn, vocabulary - 3] },
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': { tokenizer_class: 'PreTrainedTokenizerFast', eos_token: '<|im_end|>' },
  }
  for (const [name, value] of Object.entries(files)) writeFileSync(join(dir, name), JSON.stringify(value))
  writeFileSync(join(dir, 'chat_template.jinja'), CHATML)
  writeCheckpoint(dir, randomTensors(config), dtype)
}

function randomTensors(config: JsonObject): NamedTensor[] {
  const parsed = parseModelConfig(config)
  const random = rng(7, 'bench')
  const pool = Float32Array.from({ length: POOL }, () => random.normal() * parsed.initializerRange)
  return parameterSpecs(parsed).map(({ name, shape, kind }) => {
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1))
    if (kind === 'norm') data.fill(1)
    for (let at = 0; kind !== 'norm' && at < data.length; at += POOL / 2) {
      const start = random.below(POOL / 2)
      data.set(pool.subarray(start, start + Math.min(POOL / 2, data.length - at)), at)
    }
    return { name, shape, data }
  })
}

/** The 256 bytes, then pairs of letters, then pairs of those, as many as the vocabulary has room for. */
function makeTokenizer(vocabulary: number): JsonObject {
  const pieces = byteAlphabet()
  const merges: string[] = []
  const wanted = vocabulary - SPECIAL.length
  const letters = Array.from('etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ0123456789Ġ')
  const known = new Set(pieces)
  let grown: string[] = letters
  while (pieces.length < wanted) {
    const next: string[] = []
    for (const left of grown) {
      for (const right of letters) {
        if (pieces.length >= wanted) break
        if (known.has(left + right) || right === 'Ġ') continue
        merges.push(`${left} ${right}`)
        pieces.push(left + right)
        known.add(left + right)
        next.push(left + right)
      }
    }
    grown = next
  }
  return {
    version: '1.0',
    added_tokens: SPECIAL.map((content, i) => addedToken(content, wanted + i)),
    normalizer: null,
    post_processor: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN_SPLIT }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: { type: 'BPE', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges },
  }
}

function addedToken(content: string, id: number): JsonObject {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}

/** GPT-2's printable stand-ins for the bytes. */
function byteAlphabet(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCodePoint(printable ? byte : next++)
  })
}

if (process.argv[1]?.endsWith('random-model.ts') === true) {
  const [name = '', dir = ''] = process.argv.slice(2)
  const shape = PUBLISHED[name]
  if (shape === undefined || dir === '') {
    process.stderr.write(`usage: random-model.ts MODEL DIR, MODEL one of ${Object.keys(PUBLISHED).join(', ')}\n`)
    process.exitCode = 2
  } else {
    writeRandomModel(shape.config, dir)
    process.stdout.write(`${dir}: ${name} with random weights\n`)
  }
}
