/** Writes a run's `report.html` from what its folder holds. */
import { readExamples, readRunData, renderReport, summariseRound, type OutcomeOf, type ReportRound, type RunData } from '../dashboard/index.ts'
import { buildPairs, pairingSeed } from '../pairing/index.ts'
import type { Config, Example } from '../records/index.ts'
import { RunReader, writeFileAtomic } from '../store/index.ts'

/** @returns the path of the report */
export async function writeReport(runDir: string): Promise<string> {
  const reader = await RunReader.open(runDir)
  const run = await readRunData(reader)
  const rounds = run.config === null ? [] : await readRounds(reader, run, run.config)
  await writeFileAtomic(reader.reportPath, renderReport({ run, rounds }))
  return reader.reportPath
}

async function readRounds(reader: RunReader, run: RunData, config: Config): Promise<ReportRound[]> {
  const rounds: ReportRound[] = []
  for (const { round } of run.rounds) {
    const examples: Example[] = []
    for await (const example of readExamples(reader, round)) examples.push(example)
    if (examples.length > 0) rounds.push(summariseRound(round, examples, outcomes(examples, config, round)))
  }
  return rounds
}

/** What became of each example, by the run's own pairing rules: they are pure, so this tells what they told before. */
function outcomes(examples: readonly Example[], config: Config, round: number): OutcomeOf {
  const { decisions } = buildPairs(examples, config.pairing, pairingSeed(config.seed, round))
  const byExample = new Map(examples.map((example, i) => [example, decisions[i]?.outcome] as const))
  return (example) => byExample.get(example) ?? { status: 'skipped', reason: 'noQuestion' }
}
