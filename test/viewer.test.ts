/**
 * The viewer in a real browser: every screen, by mouse and by keys, live and as a bundle, and with texts that try to break out.
 * Needs an installed Chromium (CHROMIUM=path, or in its usual place); without one these tests are skipped.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWeb } from '../scripts/web-build.ts'
import { viewRules } from '../src/cli/view-rules.ts'
import { wide } from '../src/dashboard/charts/drawing.ts'
import { drawIntervals } from '../src/dashboard/charts/intervals.ts'
import { drawLines } from '../src/dashboard/charts/lines.ts'
import { suiteIntervals, trainingLines } from '../src/dashboard/charts/of-run.ts'
import { bundleRuns, viewRuns } from '../src/dashboard/index.ts'
import { figure } from '../src/dashboard/report/figure.ts'
import { writeSampleRun } from '../src/dashboard/testing/sample-folder.ts'
import { hostile, sampleData, sampleExamples } from '../src/dashboard/testing/sample-run.ts'
import type { Example } from '../src/records/index.ts'
import { RunFolder } from '../src/store/index.ts'
import { chromiumPath, launch } from './browser.ts'
import { writePairwiseRun } from './pairwise-run.ts'

/** What else a model may write, besides the texts of the sample run. */
const worse = [
  'x'.repeat(1_000_000),
  '<svg onload="document.title=\'owned\'"><script>document.title="owned"</script></svg>',
  '<a href="data:text/html,<script>top.document.title=1</script>">press</a> data:text/html;base64,PHNjcmlwdD4=',
  '\u202Ereversed\u202C \u2066isolate\u2069 \u200Bzero \uFEFFmark',
  '\u001B[31mred\u001B[0m \u001B]0;owned\u0007 \u0000null\u0000 \r\n carriage',
  '![image](https://evil.example/x.png) [link](javascript:document.title=1) $\\href{javascript:1}{x}$',
  '<iframe srcdoc="<script>parent.document.title=1</script>"></iframe><form action="https://evil.example">',
  '{"__proto__": {"owned": true}} {{constructor.constructor("document.title=1")()}}',
] as const

function hostileExamples(round: number): Example[] {
  return sampleExamples(round).map((example, i) => {
    const text = worse[i % worse.length] ?? ''
    const { question } = example
    return {
      ...example,
      documentId: `${example.documentId} "><img src=x onerror=document.title=1>`,
      document: text,
      question: question && {
        ...question,
        problem: `${text.slice(0, 300)} ${question.problem}`,
        referenceAnswer: text,
      },
      candidates: example.candidates.map((one) => ({
        ...one,
        answer: one.answer === null ? null : `${text} ${one.answer}`,
        evaluation: one.evaluation?.map((rating) => ({ ...rating, thoughts: text })) ?? null,
      })),
    }
  })
}

let dir = ''
let browser: Browser
let page: Page
let url = ''
let close = (): Promise<void> => Promise.resolve()
const complaints: string[] = []
const requests: string[] = []

describe.skipIf(chromiumPath === undefined)('the viewer in a browser (skipped where no Chromium is installed)', () => {
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pop-viewer-'))
    await buildWeb(join(dir, 'web'))
    await writeSampleRun(join(dir, 'run'), { examples: hostileExamples })
    await writePairwiseRun(join(dir, 'pairwise'))
    const server = await viewRuns({
      dirs: [join(dir, 'run'), join(dir, 'pairwise')],
      rules: viewRules,
      webDir: join(dir, 'web'),
    })
    close = () => server.close()
    url = server.url
    browser = await launch()
    page = await newPage()
  }, 120_000)
  afterAll(async () => {
    await browser.close()
    await close()
    await rm(dir, { recursive: true, force: true })
  })

  async function newPage(options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const made = await browser.newPage(options)
    made.setDefaultTimeout(60_000)
    made.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    made.on('pageerror', (error) => complaints.push(error.message))
    made.on('dialog', (dialog) => {
      complaints.push(`dialog ${dialog.message()}`)
      void dialog.dismiss()
    })
    made.on('request', (request) => requests.push(request.url()))
    return made
  }

  const open = async (hash: string): Promise<void> => {
    await page.goto('about:blank')
    await page.goto(url + hash)
  }
  const count = async (): Promise<string> => (await page.locator('.bar [role=status]').textContent()) ?? ''
  const shows = (text: string): Promise<void> => expect.poll(count, { timeout: 30_000 }).toBe(text)

  it('shows what a run came to', async () => {
    await open('#/0/run')
    await page.getByRole('heading', { name: 'Held-out scores' }).waitFor()
    await page.getByRole('img', { name: /oracle score.*sampled: before 0\.3/ }).waitFor()
    await page.getByRole('img', { name: /^Loss\. loss from/ }).waitFor()
    await page.getByRole('img', { name: /^Calls in flight/ }).waitFor()
    // A count opens its questions.
    await page
      .getByRole('link', { name: /no question/ })
      .first()
      .click()
    await page.waitForURL(/examples\?round=1&outcome=noQuestion/)
    await shows('1 of 18 questions')
  })

  it('draws a chart shape for shape as the report does', async () => {
    await open('#/0/run')
    const { rounds } = sampleData(2).run
    const suite = suiteIntervals(rounds.flatMap(({ evaluations }) => evaluations))
    const lines = trainingLines(rounds).map((chart) => drawLines(chart, wide))
    const report = await newPage()
    for (const drawing of [drawIntervals(suite, wide), ...lines]) {
      await report.setContent(figure(drawing).markup)
      const printed = (await report.getByRole('img').innerHTML()).trim()
      const name = `${drawing.title}. ${drawing.label}`
      const shown = await page.getByRole('img', { name, exact: true }).innerHTML()
      expect(shown.replace(/<rect class="hit"[^>]*><\/rect>/, '')).toBe(printed)
    }
    await report.close()
  })

  it('tells the values under the pointer', async () => {
    await open('#/0/run')
    const loss = page.locator('figure', { hasText: /^Loss/ })
    await loss.locator('.legend').getByText('step 48').waitFor()
    await loss.locator('.hit').hover({ position: { x: 1, y: 20 } })
    await loss.locator('.legend').getByText('step 1', { exact: true }).waitFor()
    expect(await loss.locator('.cursor').count()).toBe(1)
    const first = sampleData(2).run.rounds[1]?.steps[0]?.loss
    expect(await loss.locator('.legend b').textContent()).toBe(String(Number(first?.toPrecision(3))))
  })

  it('filters by choice, words and bins, and keeps the view in the address', async () => {
    await open('#/0/examples')
    await shows('18 of 18 questions')
    await page.getByLabel('Round').selectOption('2')
    await shows('9 of 18 questions')
    await page.getByLabel('Search').fill('document-2-3')
    await shows('1 of 18 questions')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await shows('18 of 18 questions')
    const bin = page.getByRole('button', { name: /^Mean score \(0 to 2\).*: [1-9]\d* questions/ }).first()
    const wanted = /: (\d+) questions/.exec((await bin.getAttribute('aria-label')) ?? '')?.[1]
    await bin.click()
    await shows(`${wanted} of 18 questions`)
    await page.getByRole('button', { name: 'margin' }).click()
    const address = page.url()
    expect(address).toMatch(/mean=.*sort=margin&descending=true|sort=margin&descending=true.*mean=/)
    await page.reload()
    await shows(`${wanted} of 18 questions`)
    expect(page.url()).toBe(address)
  }, 180_000)

  it('is browsed by keys alone', async () => {
    await open('#/0/examples')
    await shows('18 of 18 questions')
    await page.keyboard.press('/')
    await page.keyboard.type('document-1')
    await shows('9 of 18 questions')
    await page.getByRole('grid').focus()
    await page.keyboard.press('j')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByText('3 of 9').waitFor()
    await page.keyboard.press('j')
    await page.getByText('4 of 9').waitFor()
    await page.keyboard.press('Escape')
    await shows('9 of 18 questions')
  }, 180_000)

  it("shows a question's answers, the judge's reasons and the raw replies", async () => {
    await open('#/0/examples')
    await page.getByRole('row').nth(2).click()
    await page.getByRole('heading', { name: 'Answers by criterion' }).waitFor()
    await page
      .getByRole('button', { name: /Show the reason/ })
      .first()
      .click()
    await page.getByRole('region', { name: "Text: the judge's reason" }).waitFor()
    const example = hostileExamples(1)[1]
    await page.locator('details', { hasText: 'solve' }).locator('summary').click()
    const shown = await page.getByRole('region', { name: 'Text: reply 0' }).textContent()
    expect(shown).toBe(seen(example?.candidates[0]?.response ?? ''))
  })

  it('shows which verdicts flip when two answers change places, and what the judge was asked', async () => {
    await open('#/1/examples')
    await shows('6 of 6 questions')
    await page.getByLabel('order flips only').check()
    await page.getByRole('button', { name: 'flips', exact: true }).click()
    await page.getByRole('row').nth(1).click()
    await page.getByText(/of 15 verdicts flip when the two answers change places/).waitFor()
    const flipped = page.getByRole('row', { name: /flips/ }).first()
    const [first, second] = ((await flipped.getByRole('rowheader').textContent()) ?? '').split(' and ')
    expect(await flipped.getByRole('cell').allTextContents()).toEqual(['1.00', '0.00', '0.50', 'flips'])
    // The two calls behind it, each with the prompt that was really sent: the answers in that order.
    for (const order of [`v${first}-${second}`, `v${second}-${first}`]) {
      await page.locator('summary', { hasText: order }).click()
      const prompt = page.locator('details', { hasText: order }).getByRole('region', { name: 'Text: prompt, user' })
      const shown = (await prompt.textContent()) ?? ''
      const places = [order.slice(1, 2), order.slice(3)].map((answer) =>
        shown.search(answer === '0' ? /About \d people/ : new RegExp(`About ${answer}\\d people`)),
      )
      expect(places[0]).toBeGreaterThan(0)
      expect(places[0]).toBeLessThan(places[1] ?? 0)
    }
  })

  it('compares two rounds, with the answers side by side', async () => {
    await open('#/0/compare')
    await page.getByText('question-0').first().waitFor()
    await page.locator('.fact', { hasText: 'Better' }).getByText('3').waitFor()
    await page.locator('del', { hasText: '0' }).first().waitFor()
    await page.locator('ins', { hasText: '2' }).first().waitFor()
    await page.getByRole('combobox', { name: 'After' }).selectOption('0:1')
    await page.locator('ins', { hasText: '1' }).first().waitFor()
    expect(page.url()).toContain('b=0%3A1')
  })

  it('sets the self-score beside the other judge', async () => {
    await open('#/0/trust')
    await page
      .getByRole('img', { name: /Self-score and judgement.*its own judge: before 0\.\d+.*oracle: before 0\.3/ })
      .waitFor()
  })

  it('saves charts and tables', async () => {
    await open('#/0/trust')
    const save = async (name: string): Promise<Buffer> => {
      const waiting = page.waitForEvent('download')
      await page
        .getByRole('group', { name: /Export: Self-score/ })
        .getByRole('button', { name })
        .click()
      return readFile(await (await waiting).path())
    }
    expect((await save('PNG')).subarray(1, 4).toString()).toBe('PNG')
    expect((await save('SVG')).toString()).toMatch(/^<svg .*xmlns="http:\/\/www.w3.org\/2000\/svg".*stroke="rgb/s)
    expect((await save('CSV')).toString()).toContain('its own judge,before,0.')
    expect(JSON.parse((await save('JSON')).toString())).toContainEqual(
      expect.objectContaining({ series: 'its own judge', column: 'before' }),
    )
    const waiting = page.waitForEvent('download')
    await page
      .getByRole('group', { name: /Export table/ })
      .first()
      .getByRole('button', { name: 'JSON' })
      .click()
    const table = JSON.parse(await readFile(await (await waiting).path(), 'utf8')) as Record<string, string>[]
    expect(table.map(({ policy }) => policy)).toEqual(['before', 'round 1', 'round 2'])
  })

  it('is accessible on every screen, light and dark, and at the width of a phone', async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    const found: string[] = []
    const question = `#/0/question?round=1&document=${encodeURIComponent(hostileExamples(1)[1]?.documentId ?? '')}&question=0`
    for (const screen of ['#/0/run', '#/0/examples', question, '#/0/compare', '#/0/trust']) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const phone = colorScheme === 'dark'
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize(phone ? { width: 390, height: 800 } : { width: 1400, height: 900 })
        await open(screen)
        await page.locator('.card, .table').first().waitFor()
        await page.evaluate(axe)
        const violations = (await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html.slice(0, 160)))",
        )) as string[]
        found.push(...violations.map((violation) => `${screen.slice(0, 14)} ${colorScheme}: ${violation}`))
        const over = (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number
        if (over > 0) found.push(`${screen} is ${over} px too wide at ${phone ? 390 : 1400}`)
      }
    }
    await page.emulateMedia({ colorScheme: null })
    await page.setViewportSize({ width: 1400, height: 900 })
    expect(found).toEqual([])
  }, 240_000)

  it('shows texts of any kind as text: nothing in them runs, loads or hides', async () => {
    const examples = hostileExamples(1)
    for (const [i, text] of worse.entries()) {
      const example = examples[i]
      await open(`#/0/question?round=1&document=${encodeURIComponent(example?.documentId ?? '')}&question=0`)
      const document = page.getByRole('region', { name: 'Text: document' })
      await document.waitFor()
      expect(await document.textContent()).toBe(seen(text).slice(0, text.length > 20_000 ? 20_000 : undefined))
      expect(await page.locator('iframe, form, img, a[href^="javascript"], a[href^="data"], main script').count()).toBe(
        0,
      )
    }
    expect(await page.title()).toContain('question')
    expect(hostile.length).toBeGreaterThan(5)
  }, 240_000)

  it('shows what changes while it is open', async () => {
    await open('#/0/run')
    await page.getByRole('heading', { name: 'Held-out scores' }).waitFor()
    const folder = await RunFolder.open(join(dir, 'run'))
    await page.locator('.top .pill', { hasText: 'running' }).waitFor()
    await folder.writeJson(folder.round(2).evaluation, [])
    await expect.poll(() => page.getByRole('row', { name: /round 2 0\.\d/ }).count(), { timeout: 60_000 }).toBe(0)
    await folder.close()
    await page.locator('.top .pill', { hasText: 'done' }).waitFor()
  }, 180_000)

  it('opens from the disk as a bundle, with all its screens and nothing from elsewhere', async () => {
    const outDir = join(dir, 'site')
    const bundle = await bundleRuns({
      dirs: [join(dir, 'run')],
      rules: viewRules,
      outDir,
      maxBytes: 2 ** 28,
      webDir: join(dir, 'web'),
    })
    expect(bundle).toMatchObject({ questions: 18, included: 18 })
    const site = await newPage()
    const asked = requests.length
    await site.goto(`${pathToFileURL(join(outDir, 'index.html')).href}#/0/examples`)
    await site.getByText('18 of 18 questions').waitFor()
    await site.getByRole('row').nth(2).click()
    await site.getByRole('heading', { name: 'Answers by criterion' }).waitFor()
    // The live test above emptied the second round's evaluation.
    await site.goto(`${pathToFileURL(join(outDir, 'index.html')).href}#/0/compare?b=0%3A1`)
    await site.locator('ins').first().waitFor()
    expect(requests.slice(asked).filter((address) => !address.startsWith('file://'))).toEqual([])
    await site.close()
  }, 120_000)

  it('never complained, and never asked anybody but its server', () => {
    expect(complaints).toEqual([])
    expect(
      requests.filter((address) => !/^(about:|blob:|data:|file:)/.test(address) && !address.startsWith(url)),
    ).toEqual([])
  })
})

/** A text as the page makes its invisible characters visible. */
function seen(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\t\n]|[\u00AD\u061C\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|\p{Cs}/gu,
    (character) => {
      const code = character.codePointAt(0) ?? 0
      if (code < 0x20) return String.fromCodePoint(0x2400 + code)
      return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    },
  )
}
