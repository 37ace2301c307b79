/** A corpus as the configuration names it: which documents it yields, and a sample of them. Knows no roles. */
import { InputError } from '../core/errors.ts'
import { hashValue, sha256 } from '../core/hash.ts'
import type { Config, Document } from '../records/index.ts'
import { findCorpusFiles } from './files.ts'
import { readRows, type CorpusRow } from './readers.ts'
import { BottomSample } from './sample.ts'

export type CorpusConfig = Config['corpus']

/** After so many rows without a single text in the named field, the field is taken to be wrong. */
const rowsUntilFieldIsWrong = 1000

/** What was drawn, and what was passed over. */
export interface CorpusSample {
  /** In a random order that follows from the seed. */
  readonly training: Document[]
  /** Disjoint from `training`. */
  readonly heldOut: Document[]
  /** Changes when any usable text, the field or a word limit changes; not with names or order of files. */
  readonly fingerprint: string
  /** Rows read, bad ones included. */
  readonly rows: number
  readonly badRows: number
  /** Where the first bad row is. */
  readonly firstBadRow: string | null
  readonly skippedShort: number
  /** Rows that could be documents, copies included. */
  readonly usable: number
  /** Copies of sampled documents that were left out. */
  readonly duplicates: number
}

/**
 * A uniform sample of the corpus without replacement: `heldOut` documents first, then `documents` others; the same on
 * every machine, and with a larger `documents` the same ones and more. Memory holds the sample, not the corpus.
 * A corpus too small for both gives all it has, at most half of it (rounded down) to the held-out part.
 * @throws {InputError} when there are no files, or no row of them yields a document: the message names the fields that
 * are there, or the limit to lower.
 */
export async function sampleDocuments(
  config: CorpusConfig,
  { documents, heldOut, seed }: { documents: number; heldOut: number; seed: number },
): Promise<CorpusSample> {
  const pass = new Pass(config, new BottomSample(documents + heldOut, seed))
  for (const file of await findCorpusFiles(config.source)) {
    for await (const row of readRows(file, config.field)) pass.take(row)
  }
  const drawn = pass.finish()
  const enough = drawn.documents.length === documents + heldOut
  const aside = enough ? heldOut : Math.min(heldOut, Math.floor(drawn.documents.length / 2))
  return {
    heldOut: drawn.documents.slice(0, aside),
    training: drawn.documents.slice(aside, aside + documents),
    fingerprint: pass.fingerprint(),
    ...pass.counts,
    firstBadRow: pass.firstBadRow,
    duplicates: drawn.duplicates,
  }
}

/** One pass over all rows. */
class Pass {
  readonly counts = { rows: 0, badRows: 0, skippedShort: 0, usable: 0 }
  firstBadRow: string | null = null
  private readonly config: CorpusConfig
  private readonly sample: BottomSample
  private otherFields: readonly string[] | null = null
  /** Sum of all ids modulo 2^64: the same for every order. */
  private sum = 0n

  constructor(config: CorpusConfig, sample: BottomSample) {
    this.config = config
    this.sample = sample
  }

  take(row: CorpusRow): void {
    this.counts.rows++
    if (row.kind === 'bad') {
      this.counts.badRows++
      this.firstBadRow ??= row.source
      this.otherFields ??= row.fields ?? null
      if (this.counts.badRows === rowsUntilFieldIsWrong && this.counts.rows === rowsUntilFieldIsWrong)
        this.requireField()
      return
    }
    const { minWords, maxWords } = this.config
    const words = row.text.split(' ')
    if (words.length < minWords) {
      this.counts.skippedShort++
      return
    }
    this.counts.usable++
    const id = sha256(row.text).slice(0, 16)
    this.sum = BigInt.asUintN(64, this.sum + BigInt(`0x${id}`))
    const text = (): string => (words.length > maxWords ? words.slice(0, maxWords).join(' ') : row.text)
    this.sample.offer(id, () => ({ id, text: text(), source: row.source }))
  }

  /** @throws {InputError} when there was no document at all. */
  finish(): { documents: Document[]; duplicates: number } {
    if (this.counts.usable > 0) return this.sample.finish()
    const { rows, badRows, skippedShort } = this.counts
    if (rows > 0 && badRows === rows) this.requireField()
    const { source, minWords } = this.config
    if (rows === 0) throw new InputError(`corpus.source: ${source} is empty`)
    throw new InputError(
      `corpus.source: ${source} yields no document: of ${rows} rows ${skippedShort} are shorter than ${minWords} words ` +
        `and ${badRows} cannot be read; lower corpus.minWords or choose other files`,
    )
  }

  fingerprint(): string {
    const { field, minWords, maxWords } = this.config
    return hashValue({ texts: this.sum.toString(16), usable: this.counts.usable, field, minWords, maxWords })
  }

  /** @throws {InputError} */
  private requireField(): void {
    const { source, field } = this.config
    if (this.otherFields === null) {
      throw new InputError(
        `corpus.source: no row of ${source} can be read as a JSON object in UTF-8, the first at ${this.firstBadRow}`,
      )
    }
    const there = this.otherFields.map((name) => JSON.stringify(name.slice(0, 60))).slice(0, 20)
    throw new InputError(
      `corpus.field: no row of ${source} has a text in ${JSON.stringify(field)} (looked at ${this.counts.rows}); ` +
        `the fields are ${there.length === 0 ? 'none' : there.join(', ')}: name one of them with corpus.field`,
    )
  }
}
