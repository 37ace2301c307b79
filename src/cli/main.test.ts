/** The process itself: streams, exit codes and signals. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const model = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))
const children: ChildProcessWithoutNullStreams[] = []

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { stdout: string; stderr: string }
  /** Resolves with exit code or signal once both streams are closed. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

/** Says on stderr when the process begins to listen for Ctrl-C: before that, the signal would simply end it. */
const ready = 'listens for SIGINT\n'
const announce = `process.on('newListener',(e)=>{if(e==='SIGINT')process.stderr.write(${JSON.stringify(ready)})})`
const preload = `data:text/javascript,${encodeURIComponent(announce)}`

function start(args: string[], environment: Record<string, string> = {}): Running {
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, ['--import', preload, '--import', 'tsx', main, ...args], { env })
  children.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => {
      resolve(code ?? signal)
    })
  })
  return { child, output, ended }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

describe('the process', () => {
  it('writes help to stdout, without an escape sequence, and ends with 0', async () => {
    const { child, output, ended } = start(['-h'], { FORCE_COLOR: '1' })
    child.stdin.end()
    expect(await ended).toBe(0)
    expect(output.stdout).toContain('pop lab run')
    expect(output.stdout + output.stderr).not.toContain('\u001B')
  })

  it('writes mistakes to stderr alone and ends with 2', async () => {
    const { child, output, ended } = start(['trian'])
    child.stdin.end()
    expect(await ended).toBe(2)
    expect(output).toEqual({
      stdout: '',
      stderr: ready + 'pop: unknown command "trian" (did you mean "train"?); see pop -h\n',
    })
  })

  it.skipIf(process.platform === 'win32')('drains at the first Ctrl-C and then ends with 130', async () => {
    const { child, output, ended } = start(['generate', model, '--threads', '1'])
    // It waits for its prompt on stdin: interrupted, then answered, it must not start to generate.
    await interrupt(child, output)
    child.stdin.end('Hello')
    expect(await ended).toBe(130)
    expect(output.stdout).toBe('')
    expect(output.stderr).toContain('pop: interrupted\n')
  })

  it.skipIf(process.platform === 'win32')('quits at the second Ctrl-C', async () => {
    const { child, output, ended } = start(['generate', model])
    await interrupt(child, output)
    child.kill('SIGINT')
    expect(await ended).toBe(130)
  })
})

async function interrupt(child: ChildProcessWithoutNullStreams, output: { stderr: string }): Promise<void> {
  await until(() => output.stderr.includes(ready) || child.exitCode !== null)
  child.kill('SIGINT')
  await until(
    () => output.stderr.includes('Ctrl-C again quits') || child.exitCode !== null || child.signalCode !== null,
  )
}
