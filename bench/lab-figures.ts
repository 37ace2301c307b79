/**
 * The laboratory's figures: whole runs over several seeds, the controls, and how good the judge is.
 *
 *   npm run build && npx tsx bench/lab-figures.ts [--seeds 45,46,47] [--variants scored,random,ungrounded] [--rounds 3] [--out runs/figures]
 *   npx tsx bench/lab-figures.ts --judge        the judge against the oracle, with and without the document
 *
 * Each run is `pop lab run --json` in a process of its own; a run that is already in the folder is read again, not played.
 * Means over seeds come with the t-interval of their mean (n − 1 degrees of freedom).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Engine } from '../src/engine/index.ts'
import { studentInterval } from '../src/evaluation/index.ts'
import { createWorld, judgeQuality, LAB_MODEL_DIR, playDocuments, type LabSubjects } from '../src/lab/index.ts'
import { EmbeddedLanguageModel } from '../src/llm/index.ts'

interface RunJson {
  rounds: {
    round: number
    oracle: { mean: number; low: number; high: number }
    greedy: number
    validity: number
    meanAnswerWords: number
    pairs: number
  }[]
  seconds: number
  peakMemoryMiB: number
}

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  scored: [],
  random: ['--pairs', 'random'],
  ungrounded: ['--ungrounded-rubric'],
  unknown: ['--subjects', 'unknown'],
  tales: ['--task', 'lab-tales'],
  form: ['--task', 'lab-format'],
  'unknown-ungrounded': ['--subjects', 'unknown', '--ungrounded-rubric'],
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '45,46,47' },
    variants: { type: 'string', default: 'scored,random,ungrounded' },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string', default: 'runs/figures' },
    judge: { type: 'boolean', default: false },
    cases: { type: 'string', default: '100' },
  },
})

if (values.judge) await judge(Number(values.cases))
else figures()

function figures(): void {
  const seeds = values.seeds.split(',')
  for (const variant of values.variants.split(',')) {
    const runs = seeds.map((seed) => play(variant, seed))
    console.log(`\n${variant}, seeds ${values.seeds}`)
    console.table(runs[0]?.rounds.map(({ round }) => summarise(runs, round)))
    console.log(
      `seconds ${runs.map((run) => run.seconds.toFixed(0)).join(', ')}; peak MiB ${runs.map((run) => run.peakMemoryMiB).join(', ')}`,
    )
  }
}

function play(variant: string, seed: string): RunJson {
  const dir = join(values.out, `${variant}-${seed}-r${values.rounds}`)
  const result = `${dir}.json`
  if (!existsSync(result)) {
    mkdirSync(values.out, { recursive: true })
    const flags = [
      'lab',
      'run',
      '--json',
      '--rounds',
      values.rounds,
      '--seed',
      seed,
      '--run',
      dir,
      ...(VARIANTS[variant] ?? []),
    ]
    const run = spawnSync(process.execPath, ['dist/cli/main.js', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    })
    if (run.status !== 0) throw new Error(`pop ${flags.join(' ')} ended with ${String(run.status)}`)
    writeFileSync(result, run.stdout)
  }
  return JSON.parse(readFileSync(result, 'utf8')) as RunJson
}

function summarise(runs: readonly RunJson[], round: number): Record<string, string | number> {
  const of = (pick: (row: RunJson['rounds'][number]) => number): string =>
    interval(runs.flatMap((run) => run.rounds.filter((row) => row.round === round).map(pick)))
  return {
    round,
    sampled: of((row) => row.oracle.mean),
    greedy: of((row) => row.greedy),
    validity: of((row) => row.validity),
    words: of((row) => row.meanAnswerWords),
    pairs: of((row) => row.pairs),
  }
}

function interval(values: readonly number[]): string {
  const estimate = studentInterval(values)
  if (estimate === null) return '–'
  return `${estimate.mean.toFixed(3)} ± ${((estimate.high - estimate.low) / 2).toFixed(3)}`
}

async function judge(cases: number): Promise<void> {
  const engine = await Engine.open(LAB_MODEL_DIR)
  const model = new EmbeddedLanguageModel(engine, 'lab')
  const world = createWorld()
  const rows: Record<string, string | number | boolean>[] = []
  const kinds: readonly LabSubjects[] = ['heldOut', 'unknown', 'altered']
  for (const subjects of kinds) {
    for (const groundRubric of [true, false]) {
      const plays = await playDocuments(model, world, { seed: 'judge', cases, candidates: 8, subjects, groundRubric })
      const { pairAccuracy, rankCorrelation, pairs } = judgeQuality(plays)
      rows.push({
        subjects,
        groundRubric,
        pairAccuracy: pairAccuracy.toFixed(3),
        rankCorrelation: rankCorrelation.toFixed(3),
        pairs,
      })
    }
  }
  await engine.close()
  console.table(rows)
}
