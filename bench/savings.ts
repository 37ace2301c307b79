/**
 * Tokens and time for each pair that survives, as published and with ours: questions whose first answers are judged
 * alike are dropped (curation.earlyDrop), equal answers are judged once, prompts that begin alike are read once.
 * Simulated: three questions in ten never make a pair, one answer in ten repeats the first word for word.
 * Run: npm run bench, or: node --import tsx bench/savings.ts [documents]
 */
import { buildPairs, pairingSeed } from '../src/pairing/index.ts'
import { configSchema } from '../src/records/index.ts'
import { ourSchedule, publishedSchedule } from '../src/synthesis/testing/schedules.ts'
import { simulate, type SimulationOptions, type SimulationResult } from '../src/synthesis/testing/simulation.ts'

const documents = Number(process.argv[2] ?? 128)
const world: SimulationOptions = { documents, candidates: 32, hopeless: 0.3 }
const { pairing } = configSchema.parse({ corpus: { source: 'x' }, model: { backend: 'embedded', path: 'x' } })

let published: { seconds: number; tokens: number } | undefined

/** All amounts are for each pair, so that rows with a pair more or less can be compared; the first row is what the others are held to. */
function show(name: string, { seconds, examples, server }: SimulationResult): void {
  const pairs = buildPairs(examples, pairing, pairingSeed(45, 1)).pairs.length
  const own = { seconds: seconds / pairs, tokens: (server.decodedTokens + server.prefillTokens) / pairs }
  published ??= own
  const each = (amount: number): string => (amount / pairs).toFixed(0)
  console.log(
    `${name.padEnd(44)} ${pairs} pairs; for each: ${each(server.decodedTokens)} tokens decoded, ` +
      `${each(server.prefillTokens)} prompt tokens read, ${each(server.cachedTokens)} from the cache, ${own.seconds.toFixed(1)} s; ` +
      `${(own.tokens / published.tokens).toFixed(2)} of the tokens computed, ${(published.seconds / own.seconds).toFixed(2)} x as fast`,
  )
}

// What is published judges equal answers each for itself: here they differ, at the same lengths.
show('(a) as published, no prefix cache', await simulate(publishedSchedule, { ...world, server: { cacheTokens: 0 } }))
show('(a) as published', await simulate(publishedSchedule, world))
show('(b) ours', await simulate(ourSchedule(), world))
show('(b) and equal answers judged once', await simulate(ourSchedule(), { ...world, repeats: 0.1 }))
const earlyDrop = { samples: 8, minStd: 0.001 }
show(
  '(b) and earlyDrop after 8 answers',
  await simulate(ourSchedule(), { ...world, repeats: 0.1, curation: { earlyDrop } }),
)
