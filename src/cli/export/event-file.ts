/**
 * TensorBoard's event files: TFRecord framing around protocol buffers, of which only scalars are written.
 * Sources: tensorflow/core/lib/io/record_writer.h (framing), tensorboard/compat/proto/event.proto and summary.proto (fields),
 * RFC 3720 appendix B.4 (CRC-32C). Pure.
 */

export interface Scalar {
  /** Seconds since the epoch. */
  readonly wallTime: number
  readonly step: number
  readonly tag: string
  /** Kept as a 32-bit float. */
  readonly value: number
}

/** The whole file. */
export function eventFile(wallTime: number, scalars: readonly Scalar[]): Buffer {
  const first = Buffer.concat([double(1, wallTime), bytes(3, Buffer.from('brain.Event:2'))])
  return Buffer.concat([first, ...scalars.map(event)].map(record))
}

/** Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }; a step of 0 is left out, as proto3 does. */
function event({ wallTime, step, tag, value }: Scalar): Buffer {
  const scalar = Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)])
  const parts = [double(1, wallTime), ...(step === 0 ? [] : [key(2, 0), varint(step)]), bytes(5, bytes(1, scalar))]
  return Buffer.concat(parts)
}

/** Length, its checksum, the bytes, their checksum; little-endian. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, checksum(length), data, checksum(data)])
}

function checksum(data: Buffer): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(maskedCrc32c(data))
  return out
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** Masked, so that the checksum of bytes that hold checksums stays a good one. */
function maskedCrc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** A field's number and how its value is written: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
function key(field: number, wire: number): Buffer {
  return Buffer.from([(field << 3) | wire])
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80)
  return Buffer.from([...out, rest])
}

function bytes(field: number, data: Buffer): Buffer {
  return Buffer.concat([key(field, 2), varint(data.length), data])
}

function double(field: number, value: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeDoubleLE(value)
  return Buffer.concat([key(field, 1), out])
}

function float(field: number, value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeFloatLE(value)
  return Buffer.concat([key(field, 5), out])
}
