/**
 * Whether the held-out-corpus suite ranks models as the truth does, and whether two judges tell when training pleases one of
 * them only. Whole laboratory runs, in which a program knows the truth.
 *
 *   npx tsx bench/judge-agreement.ts [--seeds 45,46,47] [--variants grounded,ungrounded] [--rounds 3] [--documents 128] [--held 64] [--out runs/judges]
 *   npx tsx bench/judge-agreement.ts --only grounded:45    plays one run; without --only those that are missing are played, then all are read
 *
 * Every run holds documents out, whose questions are judged by the starting checkpoint: the first judge's rubrics see the
 * document where the training's do, the second judge's always do. Intervals of a correlation resample whole runs, because the
 * checkpoints of one run hang together.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { rng } from '../src/core/rng.ts'
import { modelFingerprint } from '../src/engine/index.ts'
import { mean, rankCorrelation } from '../src/evaluation/index.ts'
import { LAB_MODEL_DIR, labConfig, labCorpus, labTask, oracleSuite, type LabSubjects } from '../src/lab/index.ts'
import { runPipeline } from '../src/pipeline/index.ts'
import { configSchema, suiteResultSchema, type SuiteResult } from '../src/records/index.ts'

/** `held`: what the documents of the suite are about, `played`: those of the training. */
const VARIANTS: Readonly<
  Record<string, { groundRubric: boolean; played: LabSubjects; held: LabSubjects; random?: true }>
> = {
  grounded: { groundRubric: true, played: 'known', held: 'heldOut' },
  ungrounded: { groundRubric: false, played: 'known', held: 'heldOut' },
  random: { groundRubric: true, played: 'known', held: 'heldOut', random: true },
  unknown: { groundRubric: false, played: 'unknown', held: 'unknown' },
}
const RESAMPLES = 2000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '45,46,47' },
    variants: { type: 'string', default: 'grounded,ungrounded' },
    rounds: { type: 'string', default: '3' },
    documents: { type: 'string', default: '128' },
    held: { type: 'string', default: '64' },
    samples: { type: 'string', default: '4' },
    out: { type: 'string', default: 'runs/judges' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)

interface Checkpoint {
  readonly run: string
  readonly round: number
  readonly oracle: SuiteResult
  readonly heldOut: SuiteResult
}

if (values.only === undefined) {
  const runs = values.variants
    .split(',')
    .flatMap((variant) => values.seeds.split(',').map((seed) => ({ variant, seed })))
  for (const { variant, seed } of runs) await play(variant, Number(seed))
  show(runs.map(({ variant, seed }) => read(variant, seed)))
} else {
  const [variant = '', seed = ''] = values.only.split(':')
  await play(variant, Number(seed))
}

function folder(variant: string, seed: string | number): string {
  // Whatever else makes another run: what lies under other figures is not taken for this one.
  const { documents, held, samples } = values
  return join(values.out, `${variant}-${seed}-r${rounds}-d${documents}-h${held}-s${samples}`)
}

async function play(variant: string, seed: number): Promise<void> {
  const made = VARIANTS[variant]
  if (made === undefined) throw new Error(`there is no variant ${variant}; known: ${Object.keys(VARIANTS).join(', ')}`)
  if (existsSync(join(folder(variant, seed), `round-${rounds}`, 'evaluation.json'))) return
  const { groundRubric, played, held, random = false } = made
  const documents = Number(values.documents)
  const lab = labConfig({ rounds, seed, documents, groundRubric, randomPairs: random })
  const config = configSchema.parse({
    ...lab,
    health: { ...lab.health, pairedQuestions: { ...lab.health.pairedQuestions, stop: false } },
    evaluation: {
      suites: ['oracle', 'heldout'],
      samples: Number(values.samples),
      secondJudge: { backend: 'embedded', path: LAB_MODEL_DIR },
    },
  })
  await runPipeline({
    config,
    runDir: folder(variant, seed),
    task: labTask,
    documents: {
      // The same questions for every run, so that their scores can be compared.
      heldOut: labCorpus({ seed: 'held out', documents: Number(values.held), subjects: held }),
      training: labCorpus({ seed, documents: documents * rounds, subjects: played }),
      facts: null,
    },
    suites: [oracleSuite({ samples: config.evaluation.samples })],
    onEvent: (event) => {
      if (event.type === 'note') console.error(`${variant} ${seed}: ${event.text}`)
      if (event.type === 'evaluation')
        console.error(`${variant} ${seed} round ${event.result.round} ${event.result.suite}`)
    },
  })
}

function read(variant: string, seed: string): Checkpoint[] {
  const run = `${variant}-${seed}`
  return Array.from({ length: rounds + 1 }, (_, round) => {
    const path = join(folder(variant, seed), `round-${round}`, 'evaluation.json')
    const results = z.array(suiteResultSchema).parse(JSON.parse(readFileSync(path, 'utf8')))
    const of = (suite: string): SuiteResult => {
      const found = results.find((result) => result.suite === suite)
      if (found === undefined) throw new Error(`${path} has no ${suite}`)
      return found
    }
    return { run, round, oracle: of('oracle'), heldOut: of('heldout') }
  })
}

function show(runs: readonly (readonly Checkpoint[])[]): void {
  console.log(
    `checkpoint ${modelFingerprint(LAB_MODEL_DIR)?.slice(0, 12) ?? '?'}, ${rounds} rounds of ${values.documents} documents, ${values.held} held out`,
  )
  console.table(runs.flat().map(row))
  const sampled = (one: Checkpoint): number | undefined => one.oracle.sampled?.mean
  // Wins are of greedy answers, so the truth beside them is the oracle's of greedy answers.
  const greedy = (one: Checkpoint): number | undefined => one.oracle.greedy?.mean
  const rows: [name: string, truth: Measure, judge: Measure][] = [
    ['oracle and first judge', sampled, (one) => one.heldOut.sampled?.mean],
    ['oracle and second judge', sampled, (one) => one.heldOut.secondJudgement?.sampled?.mean],
    ['oracle (greedy) and win rate against the start', greedy, (one) => one.heldOut.versusBase?.winRate?.mean],
  ]
  console.table(
    rows.map(([name, truth, judge]) => ({
      name,
      ...correlation(runs, truth, judge),
      sameStep: steps(runs, truth, judge),
    })),
  )
}

function row({ run, round, oracle, heldOut }: Checkpoint): Record<string, string | number> {
  const { secondJudgement: second, versusBase } = heldOut
  const of = (value: { mean: number; low: number; high: number } | null | undefined): string =>
    value == null ? '–' : `${value.mean.toFixed(3)} [${value.low.toFixed(3)}, ${value.high.toFixed(3)}]`
  return {
    run,
    round,
    oracle: of(oracle.sampled),
    first: of(heldOut.sampled),
    second: of(second?.sampled),
    n: heldOut.sampled?.n ?? 0,
    'wins (start)': of(versusBase?.winRate),
    judges: second?.parting === undefined ? '–' : `${second.parting.verdict}, best ${second.parting.best}`,
  }
}

type Measure = (one: Checkpoint) => number | undefined

/** Spearman's over all checkpoints that have both, with a 95 % interval over resampled runs. */
function correlation(
  runs: readonly (readonly Checkpoint[])[],
  truth: Measure,
  judge: Measure,
): { rho: string; low: string; high: string; checkpoints: number } {
  const of = (chosen: readonly (readonly Checkpoint[])[]): { rho: number; n: number } => {
    const both = chosen.flat().flatMap((one) => {
      const [a, b] = [truth(one), judge(one)]
      return a === undefined || b === undefined ? [] : [[a, b] as const]
    })
    return {
      rho: rankCorrelation(
        both.map(([a]) => a),
        both.map(([, b]) => b),
      ),
      n: both.length,
    }
  }
  const random = rng('judge agreement')
  const draws = Array.from({ length: RESAMPLES }, () => of(runs.map(() => random.pick(runs))).rho)
    .filter((value) => Number.isFinite(value))
    .sort((a, b) => a - b)
  // One run resampled is always itself: it has no interval.
  const at = (share: number): string =>
    runs.length < 2 ? '–' : (draws[Math.floor(share * (draws.length - 1))] ?? Number.NaN).toFixed(3)
  const { rho, n } = of(runs)
  return { rho: rho.toFixed(3), low: at(0.025), high: at(0.975), checkpoints: n }
}

/** Of all steps from one round to the next, the share on which judge and truth go the same way. */
function steps(runs: readonly (readonly Checkpoint[])[], truth: Measure, judge: Measure): string {
  const same = runs.flatMap((run) =>
    run.slice(1).flatMap((one, i) => {
      const before = run[i]
      const [a, b] = [judge(one), before === undefined ? undefined : judge(before)]
      const [t, u] = [truth(one), before === undefined ? undefined : truth(before)]
      if (a === undefined || b === undefined || t === undefined || u === undefined) return []
      return [Math.sign(a - b) === Math.sign(t - u) ? 1 : 0]
    }),
  )
  return `${mean(same).toFixed(2)} of ${same.length}`
}
