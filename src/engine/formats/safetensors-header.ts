/**
 * The header of a safetensors file: parsing and validation. A header is untrusted: it is checked against the file's
 * size before anything is allocated from it.
 *
 * Format: 8 bytes little-endian header length, the header in JSON, then the tensors' bytes without gaps.
 */
import { z } from 'zod'
import { ModelError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'

/** Bytes per element of each dtype that the format names. */
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
}

/**
 * A model of ten thousand tensors has a header of about a megabyte. The reference implementation allows 100 MB, whose JSON
 * would take gigabytes when it is parsed.
 */
export const MAX_HEADER_BYTES = 16_000_000

export interface TensorInfo {
  dtype: string
  shape: readonly number[]
  /** Number of elements. */
  size: number
  /** Position of the first byte, from the start of the file. */
  begin: number
  /** Position behind the last byte, from the start of the file. */
  end: number
}

export interface SafetensorsHeader {
  tensors: Map<string, TensorInfo>
  metadata: Record<string, string>
}

const wholeNumber = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(wholeNumber).max(16),
  data_offsets: z.tuple([wholeNumber, wholeNumber]),
})
const metadataSchema = z.record(z.string(), z.string())

/**
 * @param text the header's JSON
 * @param dataStart where the tensors' bytes begin in the file
 * @param fileBytes length of the whole file
 * @param path named in errors
 * @throws ModelError on any header that does not describe exactly the bytes of the file
 */
export function parseSafetensorsHeader(
  text: string,
  dataStart: number,
  fileBytes: number,
  path: string,
): SafetensorsHeader {
  const json = parseJson(text)
  if (!json.ok) throw new ModelError(`${path}: the safetensors header is not JSON (${json.message})`)
  const entries = z.record(z.string(), z.unknown()).safeParse(json.value)
  if (!entries.success) throw new ModelError(`${path}: the safetensors header is not a JSON object`)
  const tensors = new Map<string, TensorInfo>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(entries.data)) {
    if (name === '__metadata__') metadata = parseMetadata(value, path)
    else tensors.set(name, parseEntry(name, value, dataStart, fileBytes, path))
  }
  checkLayout(tensors, dataStart, fileBytes, path)
  return { tensors, metadata }
}

function parseMetadata(value: unknown, path: string): Record<string, string> {
  const parsed = metadataSchema.safeParse(value)
  if (!parsed.success) throw new ModelError(`${path}: __metadata__ in the safetensors header must map text to text`)
  return parsed.data
}

function parseEntry(name: string, value: unknown, dataStart: number, fileBytes: number, path: string): TensorInfo {
  const fail = (what: string): ModelError => new ModelError(`${path}: tensor ${shorten(name)}: ${what}`)
  const parsed = entrySchema.safeParse(value)
  if (!parsed.success) throw fail('the header entry must have dtype, shape and data_offsets')
  const { dtype, shape, data_offsets: offsets } = parsed.data
  const bytesPerElement = DTYPE_BYTES[dtype]
  if (bytesPerElement === undefined) throw fail(`unknown dtype ${shorten(dtype)}`)
  const size = shape.reduce((product, dimension) => product * dimension, 1)
  const begin = dataStart + offsets[0]
  const end = dataStart + offsets[1]
  if (end < begin) throw fail(`data_offsets [${offsets.join(', ')}] run backwards`)
  if (end > fileBytes) {
    throw fail(`needs bytes up to ${end}, but the file has ${fileBytes}: it is truncated, fetch it again`)
  }
  if (size * bytesPerElement !== end - begin) {
    throw fail(`shape [${shape.join(', ')}] of ${dtype} needs ${size * bytesPerElement} bytes, not ${end - begin}`)
  }
  return { dtype, shape, size, begin, end }
}

/** Tensors must follow each other without overlap or gap and reach the end of the file, as the reference demands. */
function checkLayout(tensors: Map<string, TensorInfo>, dataStart: number, fileBytes: number, path: string): void {
  const byPosition = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let position = dataStart
  let previous = 'the header'
  for (const [name, info] of byPosition) {
    if (info.begin < position) {
      throw new ModelError(`${path}: tensor ${shorten(name)} overlaps tensor ${shorten(previous)}`)
    }
    if (info.begin > position) {
      throw new ModelError(`${path}: ${info.begin - position} bytes before tensor ${shorten(name)} belong to no tensor`)
    }
    position = info.end
    previous = name
  }
  if (position !== fileBytes) {
    throw new ModelError(`${path}: ${fileBytes - position} bytes after the last tensor belong to no tensor`)
  }
}

/** Names come from the file: keep messages one line and of bounded length. */
function shorten(name: string): string {
  const printable = JSON.stringify(name)
  return printable.length > 120 ? `${printable.slice(0, 117)}..."` : printable
}
