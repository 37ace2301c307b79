/**
 * Schedules of a synthesis against a simulated server with continuous batching, in virtual time:
 * (a) as published, (b) ours from a cold start, (c) everything in flight at once.
 * Run: npm run bench, or: node --import tsx bench/synthesis.ts [documents ...]
 */
import { everythingAtOnce, ourSchedule, publishedSchedule } from '../src/synthesis/testing/schedules.ts'
import { simulate, type SimulationResult } from '../src/synthesis/testing/simulation.ts'

const sizes = process.argv.slice(2).map(Number)

for (const documents of sizes.length === 0 ? [128, 512] : sizes) {
  const options = { documents, candidates: 32 }
  const blind = { ...options, server: { metrics: false } }
  console.log(`\n${documents} documents x 32 candidates`)
  const ideal = await simulate(everythingAtOnce, options)
  const published = await simulate(publishedSchedule, options)
  const show = (name: string, { seconds, examples, server, mostInSystem }: SimulationResult): void => {
    const complete = examples.filter(({ status }) => status === 'complete').length
    console.log(
      [
        name.padEnd(32),
        `${seconds.toFixed(0).padStart(6)} s`,
        `${(published.seconds / seconds).toFixed(2)} x (a)`,
        `${(ideal.seconds / seconds).toFixed(3)} of (c)`,
        `mean batch ${(server.slotSteps / server.steps).toFixed(0).padStart(3)}`,
        `at most ${mostInSystem} at the server`,
        `${complete} complete`,
      ].join('  '),
    )
  }
  show('(a) as published', published)
  show('(c) everything at once', ideal)
  show('(b) ours, server tells its queue', await simulate(ourSchedule(), options))
  show('(b) ours, server tells nothing', await simulate(ourSchedule(), blind))
}
