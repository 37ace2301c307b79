/**
 * Everything that must hold before a change is handed in, in one command: `npm run check`.
 * Runs every step even after a failure. The last line counts tests; a failed step counts as one more failure.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './house.ts'

const folder = fileURLToPath(root)
const temporary = mkdtempSync(join(tmpdir(), 'pop-check-'))
const report = join(temporary, 'tests.json')

const steps: [name: string, ...script: string[]][] = [
  ['build', 'build'],
  ['types', 'typecheck'],
  ['lint', 'lint'],
  ['format', 'format:check'],
  ['dead code', 'deadcode'],
  ['package', 'package:check'],
  ['tests', 'test', '--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  ['installed package', 'smoke'],
]

const failed: string[] = []
rmSync(join(folder, 'dist'), { recursive: true, force: true })
for (const [name, ...script] of steps) {
  const started = performance.now()
  process.stdout.write(`\n=== ${name}\n`)
  const result = spawnSync('npm', ['run', '--silent', ...script], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`=== ${name}: ${result.status === 0 ? 'ok' : 'FAILED'} (${seconds} s)\n`)
  if (result.status !== 0) failed.push(name)
}

const tests = readTotals()
rmSync(temporary, { recursive: true, force: true })
const otherFailures = failed.filter((name) => name !== 'tests').length
const failures = Math.max(tests.failed, failed.includes('tests') ? 1 : 0) + otherFailures
process.stdout.write(failed.length === 0 ? '\nAll steps passed.\n' : `\nFailed: ${failed.join(', ')}\n`)
if (tests.skipped > 0) {
  const why = 'most of them are against other engines, and npm run test:interop runs those; some need another system'
  process.stdout.write(`${tests.skipped} skipped: ${why}\n`)
}
process.stdout.write(`${tests.passed} passed, ${failures} failed\n`)
process.exitCode = failures === 0 ? 0 : 1

function readTotals(): { passed: number; failed: number; skipped: number } {
  try {
    const totals = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>
    const skipped = (totals['numPendingTests'] ?? 0) + (totals['numTodoTests'] ?? 0)
    return { passed: totals['numPassedTests'] ?? 0, failed: totals['numFailedTests'] ?? 0, skipped }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
