/** The program: signals, version, exit code. Everything else is `dispatch`. */
import { readFile } from 'node:fs/promises'
import { systemClock } from '../core/clock.ts'
import { InterruptedError } from '../core/errors.ts'
import { isJsonObject, parseJson } from '../core/json.ts'
import { dispatch } from './dispatch.ts'
import { followFirst, isStartedAnew } from './huge-pages.ts'
import { processTerminal } from './terminal.ts'
import { verbs } from './verbs.ts'

const interrupted = new AbortController()
const terminal = processTerminal(process.env)

/** The first signal drains and saves, the second quits. */
function onSignal(): void {
  if (interrupted.signal.aborted) process.exit(130)
  terminal.say('\npop: stopping when what runs now is finished; Ctrl-C again quits at once')
  interrupted.abort(new InterruptedError('interrupted'))
}

async function version(): Promise<string> {
  const manifest = parseJson(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const found = manifest.ok && isJsonObject(manifest.value) ? manifest.value['version'] : undefined
  return typeof found === 'string' ? found : 'unknown'
}

if (isStartedAnew(process.env)) followFirst(process.env, onSignal)
else process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})

process.exitCode = await dispatch(process.argv.slice(2), verbs, await version(), {
  terminal,
  clock: systemClock,
  environment: process.env,
  signal: interrupted.signal,
})
