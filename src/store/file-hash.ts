/** What a file holds, as a number. Knows no format. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** SHA-256 in hex, read piece by piece. @throws what the file system says */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20 })
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}
