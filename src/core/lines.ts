/** Splits a stream of bytes at newlines. Knows nothing of files, and of text only that a line ends with byte 0x0A. */

export interface Line {
  readonly bytes: Uint8Array
  /** Where the line starts in the stream, in bytes. */
  readonly offset: number
  /** Length in bytes without the newline, also where `bytes` was dropped for being too long. */
  readonly length: number
  /** False for a last line without its newline. */
  readonly terminated: boolean
  /** The line was longer than the limit: `bytes` is empty. */
  readonly tooLong: boolean
}

const newline = 0x0a
const defaultMaxBytes = 256 * 1024 * 1024

/**
 * Lines of a byte stream, in order, without their newline; an empty rest after the last newline is no line.
 * Bytes, not text: a chunk may end inside a character, and U+2028 or a lone CR inside a JSON string is no line end.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number = defaultMaxBytes,
): AsyncGenerator<Line> {
  let offset = 0
  let held: Uint8Array[] = []
  let length = 0
  const take = (piece: Uint8Array, terminated: boolean): Line => {
    length += piece.length
    const tooLong = length > maxBytes
    const bytes = tooLong ? new Uint8Array() : held.length === 0 ? piece : Buffer.concat([...held, piece])
    const line = { bytes, offset, length, terminated, tooLong }
    offset += length + (terminated ? 1 : 0)
    held = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield take(chunk.subarray(start, end), true)
      start = end + 1
    }
    const rest = chunk.subarray(start)
    if (length + rest.length > maxBytes) held = []
    else if (rest.length > 0) held.push(rest)
    length += rest.length
  }
  if (length > 0) yield take(new Uint8Array(), false)
}
