/** `pop view`: serves run folders to a browser until it is stopped. */
import { join } from 'node:path'
import { cacheDirOf } from '../../hub/index.ts'
import { bundleRuns, viewRuns } from '../../dashboard/index.ts'
import { openBrowser } from '../open-browser.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { viewRules } from '../view-rules.ts'

export const view: Command = {
  name: 'view',
  summary: 'look at runs in a browser, live: scores, curves, every question and answer',
  usage: 'RUN [RUN …]',
  examples: [
    ['pop view runs/lab', 'serves on this machine only, prints the address and opens a browser; Ctrl-C stops it'],
    ['pop view runs/a runs/b', 'two runs side by side'],
    ['pop view runs/lab --host 0.0.0.0 --no-open', 'for other machines: the address holds a token'],
    ['pop view runs/lab --bundle site', 'a static site of the run to send or to host; open site/index.html'],
  ],
  options: {
    port: { value: 'N', help: 'port to serve on (default: a free one)' },
    host: {
      value: 'ADDRESS',
      help: 'address to serve on (default 127.0.0.1); any other asks for the token in the URL',
    },
    'no-open': { help: 'open no browser' },
    bundle: { value: 'OUT_DIR', help: 'write a static site instead: opens from disk or any host' },
    'max-size': {
      value: 'MIB',
      help: 'of a bundle (default 100): questions are left out evenly, and it says how many',
    },
    json: jsonOption,
  },
  positionals: { min: 1, max: 32 },
  run: runView,
}

async function runView(invocation: Invocation, context: Context): Promise<void> {
  const outDir = invocation.text('bundle')
  if (outDir !== undefined) return bundle(invocation, outDir, context)
  const { terminal, clock, signal, environment } = context
  const host = invocation.text('host')
  const server = await viewRuns({
    dirs: invocation.positionals,
    rules: viewRules,
    clock,
    cacheDir: join(cacheDirOf(environment), 'view'),
    port: invocation.number('port', { integer: true, min: 0 }) ?? 0,
    ...(host === undefined ? {} : { host }),
  })
  await terminal.write(invocation.has('json') ? `${JSON.stringify({ url: server.url })}\n` : `${server.url}\n`)
  terminal.say('Serving until Ctrl-C.')
  if (!invocation.has('no-open') && terminal.live) openBrowser(server.url)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  await server.close()
}

async function bundle(
  invocation: Invocation,
  outDir: string,
  { terminal, clock, environment }: Context,
): Promise<void> {
  const cacheDir = join(cacheDirOf(environment), 'view')
  const maxBytes = (invocation.number('max-size', { min: 1 }) ?? 100) * 2 ** 20
  const result = await bundleRuns({ dirs: invocation.positionals, rules: viewRules, clock, cacheDir, outDir, maxBytes })
  const { bytes, questions, included } = result
  const size = `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const path = join(outDir, 'index.html')
  if (invocation.has('json')) return terminal.write(`${JSON.stringify({ path, ...result })}\n`)
  await terminal.write(`${path}\n`)
  const sampled = included < questions ? `, an even sample within ${size}; the table lists all` : `, ${size}`
  terminal.say(`The texts of ${included} of ${questions} questions${sampled}.`)
}
