/**
 * A run as a static site: the same page with its facts as scripts beside it, because a page opened from the disk may load
 * scripts and nothing else. Knows what is asked for (addresses), not how it is shown.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { InputError } from '../core/errors.ts'
import { overview, runCard } from './reading/overview.ts'
import { questionPage } from './reading/question.ts'
import type { RunView } from './reading/run-view.ts'
import { roundSide, trust } from './reading/side.ts'
import { builtWebDir } from './server/server.ts'
import { questionName, type BundleFacts } from './views/bundle.ts'
import type { ExampleRow } from './views/wire.ts'

export interface BundleOptions {
  readonly runs: readonly RunView[]
  readonly outDir: string
  /** Questions are left out, evenly, until all files together are about so large. */
  readonly maxBytes: number
  readonly webDir?: string
  readonly clock?: Clock
}

export interface BundleResult {
  readonly bytes: number
  readonly files: number
  readonly questions: number
  /** Questions of all, with their texts, in the bundle; the table lists every one. */
  readonly included: number
}

const perFile = 40
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'"

/** @throws {InputError} when the folder holds something else than a bundle, or the page was not built */
export async function writeBundle(options: BundleOptions): Promise<BundleResult> {
  const { runs, outDir, webDir = builtWebDir, clock = systemClock } = options
  await makeFolder(outDir)
  const out = new DataFolder(join(outDir, 'data'))
  await copyPage(webDir, outDir)
  for (const run of runs) await run.refresh()
  await out.write('index', { runs: await Promise.all(runs.map((run) => runCard(run))) })
  const all = runs.reduce((sum, run) => sum + questionsOf(run).length, 0)
  const known = new Map<RunView, Awaited<ReturnType<typeof writeRunFacts>>>()
  for (const run of runs) known.set(run, await writeRunFacts(out, run, clock))
  let included = 0
  for (const [run, facts] of known) {
    const share = questionsOf(run).length / Math.max(1, all)
    const room = Math.max(0, (options.maxBytes - out.bytes) * share)
    const chunks = await writeQuestions(out, run, runs, room)
    included += Object.keys(chunks).length
    const bundle: BundleFacts = { ...facts, included: Object.keys(chunks).length, chunks }
    await out.write(`run-${run.id}`, { [`runs/${run.id}/bundle`]: bundle })
  }
  return { bytes: out.bytes, files: out.files + 3, questions: all, included }
}

function rowsOf(run: RunView): ExampleRow[] {
  return run.exampleRounds().flatMap((round) => run.examplesOf(round).rows)
}

function questionsOf(run: RunView): { round: number; documentId: string; questionIndex: number }[] {
  return rowsOf(run).map(({ round, documentId, questionIndex }) => ({ round, documentId, questionIndex }))
}

/** What every screen but the Question page shows. */
async function writeRunFacts(
  out: DataFolder,
  run: RunView,
  clock: Clock,
): Promise<Pick<BundleFacts, 'overview' | 'trust' | 'rows' | 'scale'>> {
  for (const round of await run.reader.rounds()) {
    await out.write(`run-${run.id}-side-${round}`, {
      [`runs/${run.id}/side?round=${round}`]: await roundSide(run, round),
    })
  }
  return {
    overview: await overview(run, clock),
    trust: await trust(run),
    rows: rowsOf(run),
    scale: await run.scale(),
  }
}

/** As many questions, evenly over the run, as there is room for; by name, the file that holds each. */
async function writeQuestions(
  out: DataFolder,
  run: RunView,
  runs: readonly RunView[],
  room: number,
): Promise<Record<string, string>> {
  const questions = questionsOf(run)
  const bytes = run.exampleRounds().reduce((sum, round) => {
    const memory = run.examplesOf(round)
    return sum + memory.rows.reduce((total, _, row) => total + memory.placeOf(row).length, 0)
  }, 0)
  // The texts are there twice, as answers and as raw replies.
  const keep = Math.min(questions.length, Math.floor((questions.length * room) / Math.max(1, 2.2 * bytes)))
  const chosen = questions.filter(
    (_, i) => Math.floor((i * keep) / questions.length) !== Math.floor(((i - 1) * keep) / questions.length),
  )
  const chunks: Record<string, string> = {}
  for (let start = 0; start < chosen.length; start += perFile) {
    const file = `run-${run.id}-questions-${start / perFile}`
    const pages: Record<string, unknown> = {}
    for (const key of chosen.slice(start, start + perFile)) {
      const page = await questionPage(run, key, runs)
      if (page === null) continue
      pages[`runs/${run.id}/${questionName(key)}`] = page
      chunks[questionName(key)] = file
    }
    await out.write(file, pages)
  }
  return chunks
}

/** Facts as scripts: each puts texts of JSON under addresses. */
class DataFolder {
  readonly dir: string
  bytes = 0
  files = 0

  constructor(dir: string) {
    this.dir = dir
  }

  async write(name: string, facts: Readonly<Record<string, unknown>>): Promise<void> {
    await mkdir(this.dir, { recursive: true })
    const lines = Object.entries(facts).map(([address, value]) => {
      // A text of JSON, not an object: what a model named __proto__ stays a name.
      return `popBundle.set(${JSON.stringify(address)}, ${JSON.stringify(JSON.stringify(value))})`
    })
    const text = `globalThis.popBundle ??= new Map()\n${lines.join('\n')}\n`
    await writeFile(join(this.dir, `${name}.js`), text)
    this.bytes += Buffer.byteLength(text)
    this.files++
  }
}

async function makeFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const names = await readdir(dir)
  if (names.length > 0 && !(names.includes('index.html') && names.includes('data'))) {
    throw new InputError(`${dir} holds other files and no bundle; choose a new or empty folder`)
  }
}

async function copyPage(webDir: string, outDir: string): Promise<void> {
  const html = await readFile(join(webDir, 'index.html'), 'utf8').catch(() => null)
  if (html === null) throw new InputError(`The viewer's page is not built: ${webDir}; run: npm run build`)
  const page = html
    .replace(
      '<meta charset="utf-8" />',
      `<meta charset="utf-8" />\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
    )
    .replace('<script src="app.js">', '<script src="data/index.js"></script>\n    <script src="app.js">')
  await writeFile(join(outDir, 'index.html'), page)
  for (const name of ['app.js', 'style.css']) await copyFile(join(webDir, name), join(outDir, name))
}
