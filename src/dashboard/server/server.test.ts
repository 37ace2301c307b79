import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSampleRun } from '../testing/sample-folder.ts'
import { viewRuns } from '../viewer.ts'
import type { ExamplePage, Overview, QuestionPage, RunCard } from '../views/wire.ts'
import type { ViewServer } from './server.ts'

let dir = ''
let server: ViewServer
let open: ViewServer
const webDir = (): string => join(dir, 'web')

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pop-view-'))
  await writeSampleRun(join(dir, 'run'))
  await writeFile(join(dir, 'secret.txt'), 'secret')
  const { mkdir } = await import('node:fs/promises')
  await mkdir(webDir())
  for (const name of ['index.html', 'app.js', 'style.css']) await writeFile(join(webDir(), name), name)
  const outcomeOf = (): { outcome: 'paired'; chosen: number; rejected: number } => ({
    outcome: 'paired',
    chosen: 0,
    rejected: 1,
  })
  server = await viewRuns({ dirs: [join(dir, 'run')], webDir: webDir(), rules: { outcomeOf } })
  open = await viewRuns({ dirs: [join(dir, 'run')], webDir: webDir(), host: '0.0.0.0' })
  // The first look at the folder is on its way; ask until it is through.
  for (let i = 0; i < 200; i++) {
    const { rounds } = (await get('runs/0/overview')) as Overview
    if (rounds[2]?.questions === 9) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
afterAll(async () => {
  await server.close()
  await open.close()
  await rm(dir, { recursive: true, force: true })
})

async function get(path: string): Promise<unknown> {
  return (await fetch(`${server.url}api/${path}`)).json()
}

/** With headers that fetch does not let one set. */
function raw(
  url: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const call = request({ host: hostname, port, path, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    call.on('error', reject)
    call.end()
  })
}

describe('the viewer says', () => {
  it('which runs there are', async () => {
    const [card] = (await get('runs')) as RunCard[]
    expect(card).toMatchObject({ id: '0', state: 'done', rounds: [0, 1, 2], plannedRounds: 2, indexed: 1 })
  })

  it('what a run came to: calls, questions, steps, results', async () => {
    const { rounds, costs, timeline, config } = (await get('runs/0/overview')) as Overview
    expect(rounds.map(({ questions, steps }) => [questions, steps.length])).toEqual([
      [0, 0],
      [9, 24],
      [9, 24],
    ])
    const [round] = rounds.slice(1)
    // 8 played questions of 8 samples, of which one cannot be read and one could not be judged.
    expect(round).toMatchObject({
      candidates: 64,
      scored: 48,
      invalid: 8,
      statuses: { complete: 8, proposalFailed: 1 },
    })
    expect(round?.stages.map(({ stage, calls }) => [stage, calls])).toEqual([
      ['propose', 9],
      ['solve', 9],
      ['score', 56],
      ['evaluate', 3],
    ])
    expect(costs.lines.reduce((sum, { calls }) => sum + calls, 0)).toBe(2 * (9 + 9 + 56 + 3) + 3)
    expect(timeline?.stages).toEqual(['propose', 'solve', 'score', 'evaluate'])
    expect(config.find(({ key }) => key === 'rounds')).toEqual({ key: 'rounds', value: 2, standard: 1, differs: true })
    expect(config.find(({ key }) => key === 'seed')).toMatchObject({ differs: false })
  })

  it('a page of questions, and one question with its calls and its texts as they are', async () => {
    const page = (await get('runs/0/examples?round=1&limit=3&sort=mean&descending=true')) as ExamplePage
    expect([page.total, page.rows.length]).toEqual([9, 3])
    const [row] = page.rows
    const question = (await get(`runs/0/question?round=1&document=${row?.documentId}&question=0`)) as QuestionPage
    expect(question.example.documentId).toBe(row?.documentId)
    expect(question.calls.map(({ row: call }) => call.stage)).toEqual(['propose', 'solve', ...Array(7).fill('score')])
    expect(question.calls[1]?.replies[0]?.text).toBe(question.example.candidates[0]?.response)
  })
})

describe('the viewer refuses', () => {
  it('names that are not its own (DNS rebinding), and other origins and sites', async () => {
    const { host } = new URL(server.url)
    const port = host.split(':')[1] ?? ''
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await raw(server.url, '/api/runs', headers)).status
    expect(await status({ host })).toBe(200)
    expect(await status({ host: `localhost:${port}` })).toBe(200)
    expect(await status({ host: `evil.example:${port}` })).toBe(421)
    expect(await status({ host: '127.0.0.1' })).toBe(421)
    expect(await status({ host, origin: 'http://evil.example' })).toBe(403)
    expect(await status({ host, origin: 'null' })).toBe(403)
    expect(await status({ host, origin: `http://${host}` })).toBe(200)
    expect(await status({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403)
    expect(await status({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(200)
  })

  it('everything without the token when other machines may ask', async () => {
    const { port, searchParams } = new URL(open.url)
    const token = searchParams.get('token') ?? ''
    const url = `http://127.0.0.1:${port}/`
    expect(token).toMatch(/^[\w-]{22}$/)
    expect((await raw(url, '/api/runs')).status).toBe(401)
    expect((await raw(url, '/api/runs?token=wrong')).status).toBe(401)
    const first = await raw(url, `/?token=${token}`)
    expect(first.status).toBe(200)
    const [cookie = ''] = [first.headers['set-cookie']].flat()
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/)
    expect((await raw(url, '/api/runs', { cookie: cookie.split(';')[0] ?? '' })).status).toBe(200)
  })

  it('every path but its own, and every method but GET', async () => {
    for (const path of [
      '/../secret.txt',
      '/..%2f..%2fsecret.txt',
      '/secret.txt',
      '/api/runs/..%2f..%2fsecret.txt',
      '/api/runs/7/overview',
      '/api/runs/0/../../secret',
    ]) {
      const { status, text } = await raw(server.url, path)
      expect([path, status]).toEqual([path, 404])
      expect(text).not.toContain('secret ')
    }
    expect((await raw(server.url, '/api/runs', {}, 'POST')).status).toBe(405)
    expect((await raw(server.url, '/%')).status).toBe(404)
    expect((await raw(server.url, '/api/%')).status).toBe(400)
  })

  it('to let a page do anything but its own work', async () => {
    const { headers } = await raw(server.url, '/')
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  })
})

it('tells a listener when the run changes', async () => {
  const response = await fetch(`${server.url}api/events`)
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined
  const first = await reader?.read()
  expect(new TextDecoder().decode(first?.value)).toMatch(/^data: /)
  await writeFile(join(dir, 'run', 'round-2', 'metrics.jsonl'), '')
  const second = await reader?.read()
  expect(new TextDecoder().decode(second?.value)).toMatch(/^data: /)
  await reader?.cancel()
}, 20_000)
