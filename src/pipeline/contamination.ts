/**
 * Whether the suites were seen: their items against the documents that are trained on, by shared runs of words
 * (`health/overlap.ts`). A suite that cannot say beforehand what it asks is not compared.
 */
import type { Suite } from '../evaluation/index.ts'
import { OverlapTally } from '../health/index.ts'
import { documentSchema, type Config, type Contamination, type Document, type SuiteResult } from '../records/index.ts'
import { readJsonl, type RunReader } from '../store/index.ts'
import { suiteTexts } from './check-health.ts'

/** By suite. */
export type ContaminationReport = ReadonlyMap<string, Contamination>

/** Compares the suites' items with every text; `words` is the length of a run that counts. Memory: the items' runs. */
export async function contaminationOf(
  suites: readonly Suite[],
  texts: Iterable<string> | AsyncIterable<string>,
  words: number,
): Promise<ContaminationReport> {
  const tally = new OverlapTally(suiteTexts(suites), words)
  let documents = 0
  for await (const text of texts) {
    documents++
    tally.addDocument(text)
  }
  return new Map(tally.finish().map(({ name, ...counts }) => [name, { words, documents, ...counts }]))
}

/** The same for what a run plays on in all its rounds. */
export function runContamination(
  suites: readonly Suite[],
  { rounds, health }: Config,
  documentsOf: (round: number) => readonly Document[],
): Promise<ContaminationReport> {
  const documents = Array.from({ length: rounds }, (_, i) => documentsOf(i + 1)).flat()
  return contaminationOf(
    suites,
    documents.map(({ text }) => text),
    health.overlapWords,
  )
}

/** The documents that a run plays on, as its folder keeps them: without those held out. Null when it keeps none. */
export async function trainingTextsOf(reader: RunReader): Promise<AsyncIterable<string> | null> {
  const facts = (await reader.readManifest())?.corpus ?? null
  return facts?.sample === undefined ? null : textsAfter(reader.documentsPath, facts.heldOut ?? 0)
}

async function* textsAfter(path: string, skipped: number): AsyncGenerator<string> {
  let place = 0
  for await (const { text } of readJsonl(path, documentSchema)) if (place++ >= skipped) yield text
}

/** The result with what is known of its suite. */
export function withContamination(result: SuiteResult, report: ContaminationReport | undefined): SuiteResult {
  const contamination = report?.get(result.suite)
  return contamination === undefined ? result : { ...result, contamination }
}
