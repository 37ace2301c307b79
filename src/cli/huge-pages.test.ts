import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { computes, environmentForHugePages, surroundings } from './huge-pages.ts'
import { verbs } from './verbs.ts'

const onRequest = 'always [madvise] never\n'
const linux = { platform: 'linux', environment: {}, hugePages: onRequest, countsAddresses: false }

function startedWith(environment: Record<string, string>, hugePages = onRequest): string | undefined {
  return environmentForHugePages({ ...linux, environment, hugePages })?.['GLIBC_TUNABLES']
}

describe('environmentForHugePages', () => {
  it('asks for huge pages where Linux gives them on request', () => {
    expect(startedWith({})).toMatch(/^glibc\.malloc\.hugetlb=1:/)
  })

  it('keeps what the user has set for other parts of glibc', () => {
    expect(startedWith({ GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX512F' })).toMatch(
      /^glibc\.cpu\.hwcaps=-AVX512F:glibc\.malloc\.hugetlb=1:/,
    )
  })

  it('leaves malloc to a user who has set it up', () => {
    expect(startedWith({ GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' })).toBeUndefined()
  })

  it('changes nothing where the kernel decides alone, or on another system', () => {
    expect(startedWith({}, '[always] madvise never\n')).toBeUndefined()
    expect(startedWith({}, 'always madvise [never]\n')).toBeUndefined()
    expect(environmentForHugePages({ ...linux, platform: 'darwin', hugePages: undefined })).toBeUndefined()
  })

  it('takes no addresses ahead where the kernel counts them as used', () => {
    expect(environmentForHugePages({ ...linux, countsAddresses: true })).toBeUndefined()
  })

  it('is asked for once', () => {
    const environment = environmentForHugePages(linux)
    expect(startedWith(environment as Record<string, string>)).toBeUndefined()
  })
})

describe('computes', () => {
  it('tells verbs that compute from those that do not', () => {
    expect(computes(['lab', 'run', '--rounds', '1'], verbs)).toBe(true)
    expect(computes(['eval', 'DIR'], verbs)).toBe(true)
    expect(computes(['eval', 'compare', 'A', 'B'], verbs)).toBe(false)
    expect(computes(['view'], verbs)).toBe(false)
    expect(computes(['run', '--help'], verbs)).toBe(false)
    expect(computes([], verbs)).toBe(false)
  })
})

const given = environmentForHugePages({ ...surroundings(), environment: {} }) !== undefined
const main = fileURLToPath(new URL('main.ts', import.meta.url))
const model = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))
const started: ChildProcess[] = []

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

/** Takes 200 MiB in blocks of 10 MiB, in a thread of its own if asked to, and tells where they are: MiB of [heap], and in huge pages. */
const TAKE = `
const { Worker, isMainThread } = require('node:worker_threads')
const take = () => {
  globalThis.blocks = Array.from({ length: 20 }, () => Buffer.alloc(10 * 2 ** 20, 1))
  const places = require('node:fs').readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const taken = (condition) => places.filter(condition).reduce((sum, place) => sum + Number(/Rss: +([0-9]+)/.exec(place)?.[1] ?? 0), 0) / 1024
  console.log(JSON.stringify({ heap: taken((place) => place.includes('[heap]')), huge: taken((place) => /VmFlags:.* hg/.test(place)) }))
}
if (isMainThread && process.argv[1] === 'apart') new Worker('(' + take + ')()', { eval: true })
else take()
`

describe.skipIf(!given)('a process that was started so', () => {
  const { GLIBC_TUNABLES: _tunables, ...env } = process.env
  const places = (...args: string[]): { heap: number; huge: number } => {
    const environment = environmentForHugePages({ ...surroundings(), environment: env })
    return JSON.parse(
      execFileSync(process.execPath, ['-e', TAKE, ...args], { env: environment, encoding: 'utf8' }),
    ) as {
      heap: number
      huge: number
    }
  }

  it('has what it takes in one piece, wherever V8 has put its code', () => {
    for (let start = 0; start < 4; start++) expect(places().heap).toBeGreaterThan(200)
  })

  it('asks for huge pages in its threads too', () => {
    expect(places('apart').huge).toBeGreaterThan(200)
  })
})

describe.skipIf(!given)('the two processes', () => {
  it('ends with the exit code, and with the streams, of the second', async () => {
    const child = start(['generate', `${model}-that-is-not-there`, '--prompt', 'Hello'])
    let talk = ''
    child.stderr?.on('data', (chunk: Buffer) => (talk += chunk.toString()))
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect(talk).toMatch(/^pop: .*that-is-not-there/)
    expect(code).toBe(2)
  })

  it('gives the second what malloc is to do', async () => {
    const second = await secondOf(start(['generate', model]))
    // glibc ends each setting with a zero byte once it has read it.
    expect(readFileSync(`/proc/${second}/environ`, 'utf8')).toMatch(/GLIBC_TUNABLES=glibc\.malloc\.hugetlb=1[:\0]/)
  })

  it('takes one Ctrl-C for one, though a terminal sends it to both', async () => {
    const child = start(['generate', model])
    let talk = ''
    child.stderr?.on('data', (chunk: Buffer) => (talk += chunk.toString()))
    const code = new Promise((resolve) => child.on('close', resolve))
    const second = await secondOf(child)
    child.kill('SIGINT')
    await until(() => talk.includes('Ctrl-C again quits'))
    process.kill(second, 'SIGINT')
    child.stdin?.end('Hello')
    expect(await code).toBe(130)
    expect(talk).toContain('pop: interrupted\n')
  })

  it('ends the second when the first is killed', async () => {
    const child = start(['generate', model])
    const second = await secondOf(child)
    child.kill('SIGKILL')
    await until(() => !existsSync(`/proc/${second}`))
  })

  it('ends by the signal that ended the second', async () => {
    const child = start(['generate', model])
    const ended = new Promise((resolve) => child.on('close', (_code, signal) => resolve(signal)))
    process.kill(await secondOf(child), 'SIGKILL')
    expect(await ended).toBe('SIGKILL')
  })
})

/** A command that waits for its prompt on stdin. */
function start(args: string[]): ChildProcess {
  const { GLIBC_TUNABLES: _tunables, ...env } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { env })
  started.push(child)
  return child
}

/** The process that a process has started, once it is loaded. */
async function secondOf({ pid = 0 }: ChildProcess): Promise<number> {
  const children = `/proc/${pid}/task/${pid}/children`
  const second = (): number =>
    readFileSync(children, 'utf8')
      .split(' ')
      .map(Number)
      .find((id) => id > 0 && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('main.ts')) ?? 0
  await until(() => second() > 0)
  return second()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}
