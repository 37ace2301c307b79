/** What a run has spent, read from its journal. Knows no page and no terminal. */
import type { Config } from '../records/index.ts'
import type { RunReader } from '../store/index.ts'
import { placeOf } from './views/calls.ts'
import { costsOf, type Costs, type StageUse } from './views/costs.ts'

/** Finished calls by round, then by stage. */
export type CallCounts = ReadonlyMap<number, Readonly<Partial<Record<string, number>>>>

/** Calls of earlier sessions, and of settings since changed, are in it: they were paid for. */
export interface Spent {
  readonly calls: CallCounts
  /** By stage and model. */
  readonly uses: readonly StageUse[]
  /** Lines that are no entry, and where the first of them is, for people. */
  readonly damage: { readonly unreadable: number; readonly firstUnreadable: string | null }
}

export async function readSpent(reader: RunReader): Promise<Spent> {
  const groupOf = (key: string): string => {
    const { round, stage } = placeOf(key)
    return `${round} ${stage}`
  }
  const journal = await reader.readJournal({ groupOf })
  await journal.close()
  const calls = new Map<number, Partial<Record<string, number>>>()
  const uses = new Map<string, StageUse>()
  for (const { group, model, ...spent } of journal.usageByModel()) {
    const [round = '', stage = ''] = group.split(' ')
    const ofRound = calls.get(Number(round)) ?? {}
    calls.set(Number(round), { ...ofRound, [stage]: (ofRound[stage] ?? 0) + spent.calls })
    const name = `${stage} ${model}`
    uses.set(name, joined({ group: stage, model, ...spent }, uses.get(name)))
  }
  const { unreadable, firstUnreadable } = journal.health
  return { calls, uses: [...uses.values()], damage: { unreadable, firstUnreadable } }
}

export async function readCosts(reader: RunReader, config: Config | null): Promise<Costs> {
  return costsOf((await readSpent(reader)).uses, config)
}

function joined(use: StageUse, other: StageUse | undefined): StageUse {
  if (other === undefined) return use
  return {
    ...use,
    calls: use.calls + other.calls,
    promptTokens: use.promptTokens + other.promptTokens,
    completionTokens: use.completionTokens + other.completionTokens,
  }
}
