/** Packs the package, installs the tarball in an empty folder without any install script, and uses it as a stranger would. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './house.ts'

const folder = mkdtempSync(join(tmpdir(), 'pop-package-'))

function run(command: string, args: string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' })
}

try {
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], fileURLToPath(root))
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack wrote no tarball')
  writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "private": true, "type": "module" }\n')
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${tarball}`])

  const help = run('npx', ['--no-install', 'pop', '--help'])
  if (!help.includes('pop run')) throw new Error(`pop --help does not name its verbs:\n${help}`)
  const version = run('npx', ['--no-install', 'pop', '--version']).trim()
  const names = run(process.execPath, [
    '-e',
    "import('pop-selfplay').then((m) => console.log(Object.keys(m).join(' ')))",
  ])
  process.stdout.write(`${tarball}: pop ${version}; exports ${names}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
