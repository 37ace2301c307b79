/** Makes `report.html` of a run folder: what the folder holds, and what the pairing rules make of its examples. */
import {
  readCosts,
  readExamples,
  readRunData,
  renderReport,
  summariseRound,
  type OutcomeOf,
  type ReportRound,
} from '../dashboard/index.ts'
import { buildPairs, pairingSeed } from '../pairing/index.ts'
import type { Config, Example } from '../records/index.ts'
import { RunReader, writeFileAtomic } from '../store/index.ts'

/** Writes the report and gives its path. */
export async function writeReport(runDir: string): Promise<string> {
  const reader = await RunReader.open(runDir)
  const run = await readRunData(reader)
  const rounds: ReportRound[] = []
  for (const { round, examples: count } of run.rounds) {
    if (count === null || run.config === null) continue
    const examples: Example[] = []
    for await (const example of readExamples(reader, round)) examples.push(example)
    rounds.push(summariseRound(round, examples, outcomes(examples, run.config, round), run.config.scoring.mode))
  }
  await writeFileAtomic(reader.reportPath, renderReport({ run, rounds, costs: await readCosts(reader, run.config) }))
  return reader.reportPath
}

function outcomes(examples: readonly Example[], config: Config, round: number): OutcomeOf {
  const { decisions } = buildPairs(examples, config.pairing, pairingSeed(config.seed, round))
  const byExample = new Map(examples.map((example, i) => [example, decisions[i]?.outcome]))
  return (example) => byExample.get(example) ?? { status: 'skipped', reason: 'noQuestion' }
}
