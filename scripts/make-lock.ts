/**
 * Rewrites `package-lock.json` from `package.json` alone (`npm run lock`): for every platform, without registry
 * addresses and without install-script marks. Without such a mark no version of npm runs a dependency's install script
 * on `npm ci`; onnxruntime-node's would otherwise fetch GPU libraries that POP does not use.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './house.ts'

interface Lock {
  packages: Record<string, { resolved?: string; hasInstallScript?: boolean }>
}

const repository = fileURLToPath(root)
// An empty folder: with a node_modules beside it, npm leaves the other platforms' binaries out.
const folder = mkdtempSync(join(tmpdir(), 'pop-lock-'))
try {
  for (const name of ['package.json', '.npmrc']) cpSync(join(repository, name), join(folder, name))
  execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lock
  for (const entry of Object.values(lock.packages)) {
    delete entry.resolved
    delete entry.hasInstallScript
  }
  writeFileSync(join(repository, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
