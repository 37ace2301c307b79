/**
 * A writer of protocol-buffer messages: fields in, one byte array out. Knows the wire format, not ONNX.
 * https://protobuf.dev/programming-guides/encoding
 */

/** Collects the chunks of one message; large payloads are kept by reference until `finish` copies everything once. */
export class MessageWriter {
  private readonly chunks: Uint8Array[] = []
  private length = 0

  /** A varint field. Negative integers take ten bytes, as int64 does. */
  int(field: number, value: number | bigint): this {
    this.tag(field, 0)
    this.push(varint(BigInt.asUintN(64, BigInt(value))))
    return this
  }

  float(field: number, value: number): this {
    this.tag(field, 5)
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    this.push(bytes)
    return this
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value))
  }

  bytes(field: number, value: Uint8Array): this {
    this.tag(field, 2)
    this.push(varint(BigInt(value.byteLength)))
    this.push(value)
    return this
  }

  message(field: number, write: (writer: MessageWriter) => void): this {
    const inner = new MessageWriter()
    write(inner)
    this.tag(field, 2)
    this.push(varint(BigInt(inner.length)))
    for (const chunk of inner.chunks) this.push(chunk)
    return this
  }

  finish(): Uint8Array {
    const whole = new Uint8Array(this.length)
    let offset = 0
    for (const chunk of this.chunks) {
      whole.set(chunk, offset)
      offset += chunk.byteLength
    }
    return whole
  }

  private tag(field: number, wireType: number): void {
    this.push(varint(BigInt((field << 3) | wireType)))
  }

  private push(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.length += chunk.byteLength
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
