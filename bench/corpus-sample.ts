/**
 * A sample from a corpus of many rows: time, and the memory it takes at most.
 *
 *     npx tsx bench/corpus-sample.ts [ROWS] [DIR] [write]     default: 10,000,000 rows in a new temporary folder
 *
 * Writes ROWS documents of 60 words as gzip-free JSONL first (330 bytes each), then draws 4,096 + 64 of them. A file that is
 * there already is taken as it is; with `write` it stops after writing.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleDocuments } from '../src/corpus/index.ts'
import { rng } from '../src/core/rng.ts'

const rows = Number(process.argv[2] ?? 10_000_000)
const dir = process.argv[3] ?? (await mkdtemp(join(tmpdir(), 'pop-corpus-')))
const path = join(dir, 'rows.jsonl')

const random = rng(1)
const phrases = Array.from({ length: 4096 }, () =>
  Array.from({ length: 15 }, () => random.uint32().toString(36).slice(0, 4)).join(' '),
)
const phrase = (): string => phrases[random.below(phrases.length)] ?? ''

if ((await stat(path).catch(() => null)) === null) {
  const out = createWriteStream(path, { highWaterMark: 1 << 22 })
  for (let row = 0; row < rows; row++) {
    const line = `{"id":${row},"text":"${row} ${phrase()} ${phrase()} ${phrase()} ${phrase()}"}\n`
    if (!out.write(line)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
}

if (process.argv[4] === 'write') process.exit()
const before = process.memoryUsage.rss()
let peak = before
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 100)
const started = performance.now()
const config = {
  source: path,
  field: 'text',
  documents: 4096,
  minWords: 50,
  maxWords: 1024,
  dedupe: 'exact',
  similarity: 0.8,
} as const
const sample = await sampleDocuments(config, { documents: 4096, heldOut: 64, seed: 45 })
clearInterval(watch)
const seconds = (performance.now() - started) / 1000
const { training, fingerprint } = sample
console.log(
  JSON.stringify({
    rows: sample.rows,
    documents: training.length,
    first: training[0]?.id,
    fingerprint,
    bytes: (await stat(path)).size,
    seconds: Math.round(seconds * 10) / 10,
    rowsPerSecond: Math.round(sample.rows / seconds),
    rssBeforeMiB: Math.round(before / 2 ** 20),
    peakRssMiB: Math.round(peak / 2 ** 20),
  }),
)
if (process.argv[3] === undefined) await rm(dir, { recursive: true })
