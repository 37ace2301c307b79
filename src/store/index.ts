/** The run folder: append-only journal, atomic files, one writer, resume by key. */
export { writeFileAtomic, writeJsonAtomic } from './atomic.ts'
export { changedKeys } from './compare.ts'
export { Journal, type JournalHealth, type JournalUsage } from './journal.ts'
export { JsonlWriter, readJsonl, writeJsonl } from './jsonl.ts'
export { RunFolder, RunReader, type RoundPaths } from './run-folder.ts'
