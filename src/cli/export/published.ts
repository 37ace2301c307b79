/** `pop export --to published`: the raw samples and the pairs of a round in the published system's files. */
import { join } from 'node:path'
import { readExamples, readPairs } from '../../dashboard/index.ts'
import { publishedPair } from '../../pairing/index.ts'
import { publishedSampleRow } from '../../roles/index.ts'
import { writeJsonl } from '../../store/index.ts'
import type { ExportResult, ExportSource, ExportTarget } from './target.ts'

export const published: ExportTarget = {
  name: 'published',
  what: 'samples.jsonl and pairs.jsonl in the files of arXiv 2604.20051',
  run: exportPublished,
}

async function exportPublished({ reader, round, out }: ExportSource): Promise<ExportResult> {
  const samplesPath = join(out, 'samples.jsonl')
  const pairsPath = join(out, 'pairs.jsonl')
  const samples = new Counted(readExamples(reader, round), publishedSampleRow)
  await writeJsonl(samplesPath, samples)
  const pairs = new Counted(readPairs(reader, round), publishedPair)
  await writeJsonl(pairsPath, pairs)
  return { files: [samplesPath, pairsPath], summary: `${samples.count} samples, ${pairs.count} pairs` }
}

/** Values on their way, converted and counted. */
class Counted<From, To> implements AsyncIterable<To> {
  count = 0
  private readonly from: AsyncIterable<From>
  private readonly convert: (value: From) => To

  constructor(from: AsyncIterable<From>, convert: (value: From) => To) {
    this.from = from
    this.convert = convert
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<To> {
    for await (const value of this.from) {
      this.count++
      yield this.convert(value)
    }
  }
}
