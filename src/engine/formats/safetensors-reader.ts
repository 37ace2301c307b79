/**
 * Reads tensors of a safetensors file one at a time into memory that the caller owns, so that a model is never held
 * twice. Knows the file format, not what the tensors mean.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ModelError, errorMessage } from '../../core/errors.ts'
import { bfloat16ToFloat32, float16ToFloat32 } from './half.ts'
import { MAX_HEADER_BYTES, parseSafetensorsHeader } from './safetensors-header.ts'
import type { SafetensorsHeader, TensorInfo } from './safetensors-header.ts'

const CHUNK_ELEMENTS = 1 << 20

/** An open safetensors file. Close it when done. */
export class SafetensorsReader {
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  private readonly descriptor: number

  private constructor(path: string, descriptor: number, header: SafetensorsHeader) {
    this.path = path
    this.descriptor = descriptor
    this.tensors = header.tensors
    this.metadata = header.metadata
  }

  /** @throws ModelError when the file is missing, truncated or its header is invalid */
  static open(path: string): SafetensorsReader {
    let descriptor: number
    try {
      descriptor = openSync(path, 'r')
    } catch (error) {
      throw new ModelError(`cannot open ${path}: ${errorMessage(error)}`, { cause: error })
    }
    try {
      return new SafetensorsReader(path, descriptor, readHeader(descriptor, path))
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  /**
   * Reads a floating-point tensor (F32, BF16 or F16), widened to float32, in row-major order.
   * @throws ModelError when the tensor is missing, of another dtype or of another size than `target`
   */
  readInto(name: string, target: Float32Array): void {
    const info = this.tensors.get(name)
    if (info === undefined) throw new ModelError(`${this.path}: no tensor named ${name}`)
    if (info.size !== target.length) {
      throw new ModelError(
        `${this.path}: tensor ${name} has ${info.size} elements (shape [${info.shape.join(', ')}]), expected ${target.length}`,
      )
    }
    if (info.dtype === 'F32') this.readBytes(bytesOf(target), info.begin)
    else if (info.dtype === 'BF16') this.readHalves(info, target, bfloat16ToFloat32)
    else if (info.dtype === 'F16') this.readHalves(info, target, float16ToFloat32)
    else throw new ModelError(`${this.path}: tensor ${name} is ${info.dtype}; F32, BF16 and F16 can be loaded`)
  }

  close(): void {
    closeSync(this.descriptor)
  }

  private readHalves(info: TensorInfo, target: Float32Array, widen: typeof bfloat16ToFloat32): void {
    const words = new Uint16Array(Math.min(CHUNK_ELEMENTS, target.length))
    for (let start = 0; start < target.length; start += CHUNK_ELEMENTS) {
      const part = target.subarray(start, start + CHUNK_ELEMENTS)
      const chunk = words.subarray(0, part.length)
      this.readBytes(bytesOf(chunk), info.begin + 2 * start)
      widen(chunk, part)
    }
  }

  private readBytes(target: Uint8Array, position: number): void {
    readFully(this.descriptor, target, position, this.path)
  }
}

function readHeader(descriptor: number, path: string): SafetensorsHeader {
  const stat = fstatSync(descriptor)
  if (!stat.isFile()) throw new ModelError(`${path} is not a file`)
  if (stat.size < 8) throw new ModelError(`${path}: ${stat.size} bytes are too few for a safetensors file`)
  const lengthBytes = new Uint8Array(8)
  readFully(descriptor, lengthBytes, 0, path)
  const headerBytes = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true))
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > stat.size) {
    throw new ModelError(
      `${path}: the header claims ${headerBytes} bytes, the file has ${stat.size}: not a safetensors file, or truncated`,
    )
  }
  const header = new Uint8Array(headerBytes)
  readFully(descriptor, header, 8, path)
  const text = decodeUtf8(header, path)
  return parseSafetensorsHeader(text, 8 + headerBytes, stat.size, path)
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ModelError(`${path}: the safetensors header is not UTF-8`)
  }
}

function readFully(descriptor: number, target: Uint8Array, position: number, path: string): void {
  let done = 0
  while (done < target.length) {
    // One system call reads at most 2 GiB on Linux.
    const count = readSync(descriptor, target, done, Math.min(target.length - done, 1 << 30), position + done)
    if (count === 0) throw new ModelError(`${path}: ended at byte ${position + done} while being read`)
    done += count
  }
}

/** The same memory as bytes. The format is little-endian, and so is every platform that Node supports for this engine. */
function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
