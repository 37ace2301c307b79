/**
 * How far our IFEval checkers agree with the official ones: `npx tsx bench/ifeval-agreement.ts CASES.jsonl [--show]`.
 * CASES.jsonl comes from test/goldens/ifeval/make.py. --show prints every case on which they differ.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { argumentsSchema, followsLoosely, followsStrictly, isInstructionId } from '../src/evaluation/ifeval/checkers.ts'

const caseSchema = z.object({
  id: z.string().refine(isInstructionId),
  kwargs: argumentsSchema,
  response: z.string(),
  strict: z.boolean(),
  loose: z.boolean(),
  again: z.boolean().optional(),
  againLoose: z.boolean().optional(),
})

interface Tally {
  n: number
  strict: number
  loose: number
  /** Official checker with seed 0 against itself with seed 1. */
  itself: number
  itselfLoose: number
}

async function main([...files]: string[], show: boolean): Promise<void> {
  const tallies = new Map<string, Tally>()
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const one = caseSchema.parse(JSON.parse(line))
      const strict = followsStrictly(one.id, one.response, one.kwargs) === one.strict
      const loose = followsLoosely(one.id, one.response, one.kwargs) === one.loose
      const tally = tallies.get(one.id) ?? { n: 0, strict: 0, loose: 0, itself: 0, itselfLoose: 0 }
      tally.n++
      tally.strict += strict ? 1 : 0
      tally.loose += loose ? 1 : 0
      tally.itself += (one.again ?? one.strict) === one.strict ? 1 : 0
      tally.itselfLoose += (one.againLoose ?? one.loose) === one.loose ? 1 : 0
      tallies.set(one.id, tally)
      if (show && !(strict && loose)) console.error(JSON.stringify({ ...one, agrees: { strict, loose } }))
    }
  }
  console.table(
    Object.fromEntries(
      [...tallies].map(([id, { n, ...counts }]) => [
        id,
        { n, ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, percent(count, n)])) },
      ]),
    ),
  )
}

function percent(count: number, n: number): string {
  return `${((100 * count) / n).toFixed(2)} %`
}

const words = process.argv.slice(2)
await main(
  words.filter((word) => word !== '--show'),
  words.includes('--show'),
)
