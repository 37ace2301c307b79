/**
 * A writer of protocol-buffer messages: fields in, one byte array out. Knows the wire format, not ONNX.
 * https://protobuf.dev/programming-guides/encoding
 */

const encoder = new TextEncoder()
/** Payloads from this size on are kept by reference until `finish` copies everything once. */
const LARGE = 1 << 16
const LONGEST_VARINT = 10

/** A payload that belongs at a place of the buffer. */
interface Payload {
  readonly at: number
  readonly bytes: Uint8Array
}

export class MessageWriter {
  /** All but the large payloads. */
  private buffer = new Uint8Array(256)
  private end = 0
  private payloads: Payload[] = []
  private payloadLength = 0
  /** Of messages within this one; the same for all of them, one after the other. */
  private inner: MessageWriter | undefined

  /** A varint field. Negative integers take ten bytes, as int64 does. */
  int(field: number, value: number | bigint): this {
    this.tag(field, 0)
    if (typeof value === 'number' && value >= 0) this.varint(value)
    else this.longVarint(BigInt.asUintN(64, BigInt(value)))
    return this
  }

  float(field: number, value: number): this {
    this.tag(field, 5)
    this.reserve(4)
    new DataView(this.buffer.buffer).setFloat32(this.end, value, true)
    this.end += 4
    return this
  }

  string(field: number, value: string): this {
    const start = this.end
    this.tag(field, 2)
    this.varint(value.length)
    this.reserve(value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code < 128) this.buffer[this.end + i] = code
      else {
        this.end = start
        return this.bytes(field, encoder.encode(value))
      }
    }
    this.end += value.length
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.tag(field, 2)
    this.varint(value.byteLength)
    if (value.byteLength < LARGE) this.append(value)
    else {
      this.payloads.push({ at: this.end, bytes: value })
      this.payloadLength += value.byteLength
    }
    return this
  }

  message(field: number, write: (writer: MessageWriter) => void): this {
    const inner = (this.inner ??= new MessageWriter())
    inner.clear()
    write(inner)
    this.tag(field, 2)
    this.varint(inner.end + inner.payloadLength)
    for (const { at, bytes } of inner.payloads) this.payloads.push({ at: this.end + at, bytes })
    this.payloadLength += inner.payloadLength
    this.append(inner.buffer.subarray(0, inner.end))
    return this
  }

  finish(): Uint8Array {
    const whole = new Uint8Array(this.end + this.payloadLength)
    let [from, to] = [0, 0]
    const copy = (bytes: Uint8Array): void => {
      whole.set(bytes, to)
      to += bytes.byteLength
    }
    for (const { at, bytes } of this.payloads) {
      copy(this.buffer.subarray(from, at))
      copy(bytes)
      from = at
    }
    copy(this.buffer.subarray(from, this.end))
    return whole
  }

  private clear(): void {
    this.end = 0
    this.payloads = []
    this.payloadLength = 0
  }

  private tag(field: number, wireType: number): void {
    this.varint((field << 3) | wireType)
  }

  /** `value` is not negative. */
  private varint(value: number): void {
    this.reserve(LONGEST_VARINT)
    let rest = value
    while (rest >= 128) {
      this.buffer[this.end++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.end++] = rest
  }

  private longVarint(value: bigint): void {
    this.reserve(LONGEST_VARINT)
    let rest = value
    while (rest >= 128n) {
      this.buffer[this.end++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.buffer[this.end++] = Number(rest)
  }

  private append(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength)
    this.buffer.set(bytes, this.end)
    this.end += bytes.byteLength
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return
    const larger = new Uint8Array(2 * (this.end + bytes))
    larger.set(this.buffer.subarray(0, this.end))
    this.buffer = larger
  }
}
