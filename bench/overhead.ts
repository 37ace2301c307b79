/**
 * What a synthesis costs besides the models: 100,000 calls that are answered at once, with the journal on; then the same
 * run again, which finds its examples whole; and once more without them, when all are built from the journal. Wall time
 * depends on what else the machine does, so CPU time stands beside it.
 * Run: npm run bench, or: node --import tsx bench/overhead.ts [calls]
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { systemClock } from '../src/core/clock.ts'
import { synthesizeRound } from '../src/pipeline/synthesize-round.ts'
import { configSchema, type Document, type GenerateRequest, type LanguageModel } from '../src/records/index.ts'
import { builtinTasks } from '../src/roles/index.ts'
import { RunFolder } from '../src/store/index.ts'

const calls = Number(process.argv[2] ?? 100_000)
/** Propose, 32 answers in one call, rubric, 32 scores. */
const callsPerQuestion = 35

const filler = 'a few words that stand for an answer of ordinary length, '.repeat(12)
const rubric = JSON.stringify({ criterion_1: { name: 'Count', gold: '37', description: 'the number', weight: 2 } })
const evaluation = JSON.stringify({ criterion_1: { name: 'Count', thoughts: filler, rating: 1 } })

function reply({ n, maxTokens, seed }: GenerateRequest, index: number): string {
  if (maxTokens === 8192) return `<rubric>${rubric}</rubric>`
  if (maxTokens === 4096) return `<evaluation>${evaluation}</evaluation>`
  if (n === 1) return `<problem>Question ${seed}: ${filler}</problem><answer>37</answer>`
  return `${filler}<answer>${seed} ${index}</answer>`
}

const model: LanguageModel = {
  name: 'instant',
  generate: (request) =>
    Promise.resolve(
      Array.from({ length: request.n }, (_, index) => {
        return {
          text: reply(request, index),
          finishReason: 'stop',
          usage: { promptTokens: 100, completionTokens: 100 },
        }
      }),
    ),
}

const documents: Document[] = Array.from({ length: Math.ceil(calls / callsPerQuestion) }, (_, index) => {
  return { id: `document-${index}`, text: `Document ${index}. ${filler}`, source: 'bench' }
})

const config = configSchema.parse({
  corpus: { source: 'memory' },
  model: { backend: 'openai', baseUrl: 'http://127.0.0.1:9/v1', name: 'instant' },
  synthesis: { candidates: 32, concurrency: 512 },
})

/** Opens the run, plays it, closes it; seconds of the clock and of the processor. */
async function session(dir: string): Promise<Measured> {
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  const start = systemClock.monotonic()
  const used = process.cpuUsage()
  let made = 0
  const counted: LanguageModel = {
    ...model,
    generate: (request) => {
      made++
      return model.generate(request)
    },
  }
  const run = await RunFolder.open(dir, { create: true })
  const open = (systemClock.monotonic() - start) / 1000
  await synthesizeRound({
    round: 1,
    policy: counted,
    documents,
    task,
    config,
    models: {
      roles: (policy) => ({ proposer: policy, solver: policy, rubric: policy, scorer: policy }),
      budget: {},
    },
    folder: run,
    clock: systemClock,
    onEvent: () => undefined,
    evaluationSets: [],
    popVersion: 'bench',
  })
  await run.close()
  const { user, system } = process.cpuUsage(used)
  const peakMiB = process.resourceUsage().maxRSS / 1024
  return { made, wall: (systemClock.monotonic() - start) / 1000, cpu: (user + system) / 1e6, open, peakMiB }
}

interface Measured {
  readonly made: number
  /** Seconds of the clock and of the processor; `open`: until the journal was read. */
  readonly wall: number
  readonly cpu: number
  readonly open: number
  readonly peakMiB: number
}

/** This program as plain JavaScript, as an installed pop is: what compiles TypeScript takes memory of its own. */
async function compile(): Promise<string> {
  const here = fileURLToPath(import.meta.url)
  // As deep in the project as the source files, which look for what lies beside them.
  const outfile = fileURLToPath(new URL(`../node_modules/.cache/bench/overhead-${process.pid}.mjs`, import.meta.url))
  await build({ entryPoints: [here], outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' })
  return outfile
}

/** A session in a process of its own, so that its memory is its own. */
async function inProcess(program: string, dir: string): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, String(calls), dir])
  return JSON.parse(stdout) as Measured
}

function describe({ open, wall, cpu, made, peakMiB }: Measured): string {
  return (
    `${wall.toFixed(1)} s (${cpu.toFixed(1)} s of CPU), ${open.toFixed(1)} s of them to open; ` +
    `${made} calls made; most memory ${peakMiB.toFixed(0)} MiB`
  )
}

async function compare(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'pop-overhead-'))
  const program = await compile()
  try {
    const run = join(dir, 'run')
    const first = await inProcess(program, run)
    const size = (await stat(join(run, 'journal', 'round-1.jsonl'))).size
    const perSecond = (seconds: number): string => (first.made / seconds).toFixed(0)
    console.log(
      `${first.made} instant calls: ${first.wall.toFixed(1)} s, ${first.cpu.toFixed(1)} s of CPU: ${perSecond(first.wall)} calls/s, ` +
        `${perSecond(first.cpu)} per CPU second; most memory ${first.peakMiB.toFixed(0)} MiB; journal ${(size / 1e6).toFixed(0)} MB`,
    )
    console.log(`resume: ${describe(await inProcess(program, run))}`)
    await rm(join(run, 'round-1', 'examples.jsonl'))
    console.log(`without its examples, all built from the journal: ${describe(await inProcess(program, run))}`)
  } finally {
    await Promise.all([rm(dir, { recursive: true, force: true }), rm(program)])
  }
}

const own = process.argv[3]
if (own === undefined) await compare()
else console.log(JSON.stringify(await session(own)))
