/** Test program: appends entries to the journal folder named by its argument until the disk takes no more; says how many were taken. */
import { errorMessage, RunFolderError } from '../../core/errors.ts'
import { Journal } from '../journal.ts'

const journal = await Journal.open(process.argv[2] ?? '')
let taken = 0
try {
  for (let index = 0; index < 10_000; index++) {
    const value = 'x'.repeat(500 + index)
    await journal.append({ v: 1, kind: 'decision', key: `r1/k${index}`, inputs: 'i', at: 1, value })
    taken++
  }
} catch (error) {
  const kind = error instanceof RunFolderError ? 'run folder' : 'other'
  process.stdout.write(JSON.stringify({ taken, kind, message: errorMessage(error) }))
}
