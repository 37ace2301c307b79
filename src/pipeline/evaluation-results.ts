/** Results of suites in a run folder: one list per round. */
import { z } from 'zod'
import { suiteResultSchema, type SuiteResult } from '../records/index.ts'
import type { RunFolder, RunReader } from '../store/index.ts'

/** Puts results beside the stored ones of their round; a result of the same suite is replaced. */
export async function keepResults(folder: RunFolder, round: number, results: readonly SuiteResult[]): Promise<void> {
  const path = folder.round(round).evaluation
  const stored = await readResults(folder, round)
  const fresh = new Set(results.map(({ suite }) => suite))
  await folder.writeJson(path, [...stored.filter(({ suite }) => !fresh.has(suite)), ...results])
}

/** What is stored of a round; empty before anything was evaluated. */
export async function readResults(reader: RunReader, round: number): Promise<SuiteResult[]> {
  return (await reader.readJson(reader.round(round).evaluation, z.array(suiteResultSchema))) ?? []
}

/** A suite's results of the rounds before, in order; rounds without one are left out. */
export async function earlierResults(reader: RunReader, suite: string, round: number): Promise<SuiteResult[]> {
  const rounds = Array.from({ length: round }, (_, earlier) => readResults(reader, earlier))
  return (await Promise.all(rounds)).flat().filter((result) => result.suite === suite)
}
