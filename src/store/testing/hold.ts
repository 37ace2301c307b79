/** Test program: opens the run folder named by its argument, says so on stdout, and holds it until it is killed. */
import { errorMessage } from '../../core/errors.ts'
import { RunFolder } from '../run-folder.ts'

try {
  await RunFolder.open(process.argv[2] ?? '', { create: true })
  process.stdout.write('held\n')
  setInterval(() => undefined, 1000)
} catch (error) {
  process.stdout.write(`refused: ${errorMessage(error)}\n`)
}
