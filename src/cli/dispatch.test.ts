import { describe, expect, it } from 'vitest'
import { BudgetError, ConfigError, InputError, InterruptedError, ThresholdError } from '../core/errors.ts'
import type { Command, VerbEntry } from './command.ts'
import { dispatch } from './dispatch.ts'
import { fakeContext, type FakeContext } from './testing/fake-context.ts'
import { verbs as realVerbs } from './verbs.ts'

function verb(name: string, run: Command['run']): VerbEntry {
  const command: Command = {
    name,
    summary: `the summary of ${name}`,
    usage: 'THING [--count N]',
    examples: [[`pop ${name} x`, 'an example']],
    options: {
      count: { value: 'N', short: 'c', help: 'how many' },
      json: { help: 'print JSON' },
    },
    positionals: { min: 1, max: 1 },
    run,
  }
  return { name, summary: command.summary, load: () => Promise.resolve(command) }
}

const echo: Command['run'] = async (invocation, { terminal }) => {
  const count = invocation.number('count', { integer: true, min: 1 })
  await terminal.write(JSON.stringify({ words: invocation.positionals, count, json: invocation.has('json') }))
}

const verbs = [verb('echo', echo), verb('lab run', echo), verb('lab corpus', echo)]

async function run(args: string[], table: readonly VerbEntry[] = verbs, context: FakeContext = fakeContext()) {
  const code = await dispatch(args, table, '1.2.3', context)
  return { code, ...context.output }
}

describe('dispatch', () => {
  it('hands the arguments to the verb', async () => {
    const { code, stdout } = await run(['echo', 'x', '--count', '3', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ words: ['x'], count: 3, json: true })
  })

  it('takes short options, values after an equals sign, and words after --', async () => {
    expect(JSON.parse((await run(['echo', '-c', '4', 'x'])).stdout)).toMatchObject({ count: 4 })
    expect(JSON.parse((await run(['echo', '--count=5', 'x'])).stdout)).toMatchObject({ count: 5 })
    expect(JSON.parse((await run(['echo', '--', '--json'])).stdout)).toMatchObject({ words: ['--json'], json: false })
  })

  it('finds verbs of two words', async () => {
    expect(JSON.parse((await run(['lab', 'run', 'x'])).stdout)).toMatchObject({ words: ['x'] })
  })

  it.each([[[]], [['-h']], [['--help']], [['help']]])('lists the verbs on %j, examples first', async (args) => {
    const { code, stdout } = await run(args)
    expect(code).toBe(0)
    expect(stdout).toContain('the summary of echo')
    expect(stdout.indexOf('Examples')).toBeLessThan(stdout.indexOf('Commands'))
  })

  it.each([[['echo', '-h']], [['echo', 'x', '--help']], [['help', 'echo']]])('explains a verb on %j', async (args) => {
    const { code, stdout } = await run(args)
    expect(code).toBe(0)
    expect(stdout).toContain('pop echo THING [--count N]')
    expect(stdout).toContain('-c, --count N  how many')
    expect(stdout.indexOf('Examples')).toBeLessThan(stdout.indexOf('Usage'))
  })

  it.each([[['lab']], [['lab', '-h']], [['help', 'lab']]])('lists the verbs of a group on %j', async (args) => {
    const { code, stdout } = await run(args)
    expect(code).toBe(0)
    expect(stdout).toContain('pop lab corpus')
    expect(stdout).not.toContain('pop echo')
  })

  it('prints the version', async () => {
    expect((await run(['--version'])).stdout).toBe('1.2.3\n')
  })

  it.each([
    [['ecko', 'x'], 'pop: unknown command "ecko" (did you mean "echo"?); see pop -h\n'],
    [['lab', 'corpsu'], 'pop: unknown command "lab corpsu" (did you mean "lab corpus"?); see pop -h\n'],
    [['something-else'], 'pop: unknown command "something-else"; see pop -h\n'],
    [['--loud'], 'pop: unknown option --loud; see pop -h\n'],
    [['echo', 'x', '--cuont', '3'], 'pop: unknown option --cuont (did you mean "--count"?); see pop echo -h\n'],
    [['echo', 'x', '--count'], 'pop: --count needs a value: --count N; see pop echo -h\n'],
    [['echo', 'x', '--count', '--json'], 'pop: --count needs a value: --count N; see pop echo -h\n'],
    [['echo', 'x', '--count', 'many'], 'pop: --count must be a whole number of at least 1, not "many"\n'],
    [['echo', 'x', '--count', '0'], 'pop: --count must be a whole number of at least 1, not "0"\n'],
    [['echo', 'x', '--count', '-2'], 'pop: --count must be a whole number of at least 1, not "-2"\n'],
    [['echo', 'x', '--json=yes'], 'pop: --json takes no value; see pop echo -h\n'],
    [['echo'], 'pop: missing argument; usage: pop echo THING [--count N]\n'],
    [['echo', 'x', 'y'], 'pop: unexpected argument "y"; usage: pop echo THING [--count N]\n'],
  ])('answers %j with one line on stderr and exit code 2', async (args, line) => {
    expect(await run(args)).toEqual({ code: 2, stdout: '', stderr: line })
  })

  it.each([
    [new InputError('no such file'), 2],
    [new ConfigError('bad key'), 2],
    [new ThresholdError('too many failures'), 3],
    [new BudgetError('tokens used up'), 4],
    [new InterruptedError('stopped'), 130],
  ])('turns %o into its exit code', async (error, expected) => {
    const failing = [verb('echo', () => Promise.reject(error))]
    expect(await run(['echo', 'x'], failing)).toEqual({ code: expected, stdout: '', stderr: `pop: ${error.message}\n` })
  })

  it('calls an unexpected error a fault of its own, without a stack', async () => {
    const failing = [verb('echo', () => Promise.reject(new TypeError('x is undefined')))]
    const { code, stderr } = await run(['echo', 'x'], failing)
    expect(code).toBe(1)
    expect(stderr).toContain('internal error: x is undefined')
    expect(stderr).not.toContain('at ')
  })

  it('keeps control characters of a message away from the terminal', async () => {
    const failing = [verb('echo', () => Promise.reject(new InputError('a\u001B[2Jb\nc')))]
    expect((await run(['echo', 'x'], failing)).stderr).toBe('pop: a [2Jb c\n')
  })

  it('ends with 130 when it was interrupted, also when the verb returned in peace', async () => {
    const context = fakeContext()
    const reason = new InterruptedError('interrupted; state is saved')
    const peaceful = [verb('echo', () => Promise.resolve(context.controller.abort(reason)))]
    expect((await run(['echo', 'x'], peaceful, context)).code).toBe(130)
    expect(context.output.stderr).toBe('pop: interrupted; state is saved\n')
  })
})

describe('the table of verbs', () => {
  it.each(realVerbs.map((entry) => [entry.name, entry] as const))(
    'agrees with the command pop %s',
    async (name, entry) => {
      const command = await entry.load()
      expect(command.name).toBe(name)
      expect(command.summary).toBe(entry.summary)
      expect(command.examples.length).toBeGreaterThan(0)
      expect(command.examples[0]?.[0]).toContain(`pop ${name}`)
      const given = new Set([...command.usage.matchAll(/--([a-z-]+)/g)].map((match) => match[1] ?? ''))
      expect([...given].filter((option) => !(option in command.options))).toEqual([])
    },
  )

  it('gives every verb --json', async () => {
    const commands = await Promise.all(realVerbs.map((entry) => entry.load()))
    expect(commands.filter((command) => !('json' in command.options)).map((command) => command.name)).toEqual([])
  })
})
