/** What a run has spent, read from its journal. Knows no page and no terminal. */
import type { Config } from '../records/index.ts'
import type { RunReader } from '../store/index.ts'
import { costsOf, type Costs } from './views/costs.ts'

/** Calls of earlier sessions, and of settings since changed, are in it: they were paid for. */
export async function readCosts(reader: RunReader, config: Config | null): Promise<Costs> {
  const journal = await reader.readJournal({ groupOf: stageOfKey })
  try {
    return costsOf(journal.usageByModel(), config)
  } finally {
    await journal.close()
  }
}

/** The stage that a call's key names. Everything outside of self-play is evaluation. */
export function stageOfKey(key: string): string {
  return /^r\d+\/[^/]+\/q\d+\/(?:second\/)?(propose|solve|rubric|score)\//.exec(key)?.[1] ?? 'evaluate'
}
