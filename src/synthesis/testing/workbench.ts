/** The workbench of this room's tests: a journal in a temporary folder, options with defaults, a clock without waits. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import type { Example } from '../../records/index.ts'
import { builtinTasks } from '../../roles/index.ts'
import { Journal } from '../../store/journal.ts'
import type { StoredExamples, SynthesisOptions } from '../synthesize.ts'
import { makeDocuments, makeModels, makeSettings } from './world.ts'

/** Waits are recorded and take no time. */
export function impatientClock(): Clock & { waits: number[] } {
  const waits: number[] = []
  return {
    waits,
    now: () => 1,
    monotonic: () => 1,
    sleep: (ms, signal) => {
      waits.push(ms)
      return signal?.aborted === true ? Promise.reject(signal.reason as Error) : Promise.resolve()
    },
  }
}

/** Examples as a file would give them. */
export function asStored(examples: readonly Example[]): StoredExamples {
  const read = (index: number): Promise<Example> => {
    const example = examples[index]
    return example === undefined ? Promise.reject(new RangeError(`no example ${index}`)) : Promise.resolve(example)
  }
  return { count: examples.length, read }
}

type Overrides = Partial<SynthesisOptions> & { journal?: Journal }

export interface Workbench {
  readonly openJournal: (name?: string) => Promise<Journal>
  readonly closeJournals: () => Promise<void>
  readonly options: (overrides?: Overrides) => Promise<SynthesisOptions & { journal: Journal }>
}

/** To be called at the top of a test file: sets up and cleans up around each test. */
export function useWorkbench(): Workbench {
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  let dir = ''
  const journals: Journal[] = []
  const closeJournals = async (): Promise<void> => {
    for (const journal of journals.splice(0)) await journal.close()
  }
  const openJournal = async (name = 'journal'): Promise<Journal> => {
    const journal = await Journal.open(join(dir, name))
    journals.push(journal)
    return journal
  }
  const options = async (overrides: Overrides = {}): Promise<SynthesisOptions & { journal: Journal }> => {
    const journal = overrides.journal ?? (await openJournal())
    const base = { round: 1, documents: makeDocuments(6), task, models: makeModels(), settings: makeSettings() }
    return { ...base, seed: 45, concurrency: 4, clock: impatientClock(), ...overrides, journal }
  }
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pop-synthesis-'))
  })
  afterEach(async () => {
    await closeJournals()
    await rm(dir, { recursive: true, force: true })
  })
  return { openJournal, closeJournals, options }
}

/** What became of each candidate: `scored`, or why not. */
export function scores(example: Example | undefined): string[] {
  return (example?.candidates ?? []).map(({ score }) => (score.status === 'scored' ? 'scored' : score.reason))
}
