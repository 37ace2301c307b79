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

async function main(files: readonly string[], show: boolean): Promise<void> {
  const tallies = new Map<string, Tally>()
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const one = caseSchema.parse(JSON.parse(line))
      const tally = tallies.get(one.id) ?? { n: 0, strict: 0, loose: 0, itself: 0, itselfLoose: 0 }
      tallies.set(one.id, tally)
      if (!count(tally, one) && show) console.error(JSON.stringify(one))
    }
  }
  console.table(Object.fromEntries([...tallies].map(([id, tally]) => [id, shares(tally)])))
}

/** Whether ours agree, strict and loose. */
function count(tally: Tally, one: z.infer<typeof caseSchema>): boolean {
  const strict = followsStrictly(one.id, one.response, one.kwargs) === one.strict
  const loose = followsLoosely(one.id, one.response, one.kwargs) === one.loose
  tally.n++
  tally.strict += Number(strict)
  tally.loose += Number(loose)
  tally.itself += Number((one.again ?? one.strict) === one.strict)
  tally.itselfLoose += Number((one.againLoose ?? one.loose) === one.loose)
  return strict && loose
}

function shares({ n, ...counts }: Tally): Record<string, string | number> {
  return { n, ...Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, percent(value, n)])) }
}

function percent(count: number, n: number): string {
  return `${((100 * count) / n).toFixed(2)} %`
}

const words = process.argv.slice(2)
await main(
  words.filter((word) => word !== '--show'),
  words.includes('--show'),
)
