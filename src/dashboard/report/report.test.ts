import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hostile, sampleData } from '../testing/sample-run.ts'
import { summariseRound, type PairOutcome, type ReportRound } from './data.ts'
import { renderReport } from './render.ts'

const page = renderReport(sampleData())

/** Elements and attributes that the report uses. None loads, runs or leads anywhere. */
const elements =
  'html head meta title style body main h1 h2 h3 h4 p b br ul li span div figure figcaption details summary table caption thead tbody tr th td pre svg g line circle rect polyline text'.split(
    ' ',
  )
const attributes =
  'lang charset name content http-equiv class id scope tabindex dir open role aria-label aria-hidden viewbox x y x1 x2 y1 y2 cx cy r rx width height points transform text-anchor'.split(
    ' ',
  )

interface Tag {
  readonly name: string
  readonly attributes: string[]
  readonly closes: boolean
  readonly alone: boolean
}

/** Tags of a text in which every `<` and `>` outside of tags is escaped. */
function tagsOf(text: string): Tag[] {
  return [...text.matchAll(/<(\/?)([a-zA-Z0-9]+)((?:\s+[a-zA-Z][\w-]*(?:="[^"]*")?)*)\s*(\/?)>/g)].map((match) => ({
    name: (match[2] ?? '').toLowerCase(),
    attributes: [...(match[3] ?? '').matchAll(/([a-zA-Z][\w-]*)(?:="[^"]*")?/g)].map((one) =>
      (one[1] ?? '').toLowerCase(),
    ),
    closes: match[1] === '/',
    alone: match[4] === '/' || ['meta', 'br'].includes((match[2] ?? '').toLowerCase()),
  }))
}

function expectHarmless(text: string): void {
  const tags = tagsOf(text)
  expect(tags.length).toBeGreaterThan(500)
  expect([...new Set(tags.map(({ name }) => name))].filter((name) => !elements.includes(name))).toEqual([])
  expect([...new Set(tags.flatMap((tag) => tag.attributes))].filter((name) => !attributes.includes(name))).toEqual([])
}

describe('renderReport', () => {
  it('makes nothing but known, harmless elements out of hostile texts', () => {
    expectHarmless(page)
  })

  it('has no angle bracket outside of a tag, so the tags are all that there is', () => {
    const rest = page
      .replace('<!doctype html>', '')
      .replace(/<style>[\s\S]*?<\/style>/, '')
      .replaceAll(/<(\/?)([a-zA-Z0-9]+)((?:\s+[a-zA-Z][\w-]*(?:="[^"]*")?)*)\s*(\/?)>/g, '')
    expect(rest).not.toMatch(/[<>]/)
  })

  it('closes what it opens', () => {
    const open: string[] = []
    for (const tag of tagsOf(page)) {
      if (tag.closes) expect(open.pop()).toBe(tag.name)
      else if (!tag.alone) open.push(tag.name)
    }
    expect(open).toEqual([])
  })

  it('needs nothing from outside and forbids it', () => {
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;;`)
    // What tags may carry is checked above; here the style sheet, the other way to load something.
    expect(page).not.toMatch(/url\(|@import/)
  })

  it('shows every hostile text as text', () => {
    for (const text of hostile.slice(0, -1)) {
      const shown = text
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;')
        .replaceAll("'", '&#39;')
      expect(page).toContain(shown)
    }
  })

  it('is the same for the same data', () => {
    expect(renderReport(sampleData())).toBe(page)
  })

  it('tells the scores before and after in words, in the chart and in the table', () => {
    const { rounds } = sampleData().run
    const last = rounds.at(-1)?.evaluations[0]?.sampled
    const shown = `${last?.mean.toFixed(3)} [${last?.low.toFixed(3)}, ${last?.high.toFixed(3)}]`
    expect(page.split(shown).length - 1).toBeGreaterThanOrEqual(4)
    expect(page).toContain(`aria-label="oracle score, judged by a program that knows the truth. sampled: before 0.380`)
  })

  it('says beside the first and the last score where another judge gave each', () => {
    const { run, ...rest } = sampleData()
    const rounds = run.rounds.map(({ evaluations, ...round }) => ({
      ...round,
      evaluations: evaluations.map((result) => ({ ...result, judge: round.round === 0 ? '<i>one' : 'two' })),
    }))
    const text = renderReport({ ...rest, run: { ...run, rounds } })
    expect(text).toContain('Judged by &lt;i&gt;one, then by two: the two figures do not measure the same thing.')
    expect(page).not.toContain('do not measure the same thing')
  })

  it('marks the chosen and the rejected answer, and says why others became no pair', () => {
    const chosenRows = page.match(/<tr class="chosen">/g)?.length ?? 0
    expect(chosenRows).toBe(9)
    expect(page.match(/<tr class="rejected">/g)?.length).toBe(chosenRows)
    expect(page).toContain('No pair: all answers have the same score')
    expect(page).toContain('the proposer gave no question in 5 attempts')
  })

  it('shows an answer without a score as such, never as 0', () => {
    expect(page).toContain('<span class="pill none">invalid answer</span>')
    expect(page).toContain('<span class="pill none">bad json</span>')
  })

  it('can show a run that has not begun', () => {
    const empty = renderReport({ run: { manifest: null, config: null, rounds: [] }, rounds: [] })
    expect(empty).toContain('No suite was evaluated.')
    expect(empty).toContain('Nothing was trained.')
  })
})

describe('summariseRound', () => {
  const rounds = sampleData().rounds
  const [first] = rounds

  it('counts scored answers in bins, and the others by reason', () => {
    expect(first?.scoreBins.reduce((sum, count) => sum + count, 0)).toBe(first?.scored)
    expect(first).toMatchObject({ examples: 9, scored: 48, unscored: { invalidAnswer: 8, badJson: 8 } })
    expect(first).toMatchObject({
      statuses: { complete: 8, proposalFailed: 1 },
      skipped: { noQuestion: 1, noSpread: 1 },
    })
  })

  it('shows pairs from all over the round and one of each other kind', () => {
    const shown = first?.shown.map(({ example, outcome }) => [example.documentId, outcome.status])
    expect(shown?.filter(([, status]) => status === 'paired')).toHaveLength(3)
    expect(shown?.filter(([, status]) => status === 'skipped')).toHaveLength(2)
    expect(new Set(shown?.map(([id]) => id)).size).toBe(5)
  })

  it('puts a score of 0 into the first bin and 2, the highest, into the last', () => {
    const example = first?.shown[0]?.example
    if (example === undefined) throw new Error('the sample has no example')
    const candidates = [0, 2, 1].flatMap((value, index) => {
      const [candidate] = example.candidates
      return candidate === undefined ? [] : [{ ...candidate, index, score: { status: 'scored' as const, value } }]
    })
    const outcome: PairOutcome = { status: 'paired', chosen: 1, rejected: 0 }
    const { scoreBins } = summariseRound(1, [{ ...example, candidates }], () => outcome, 'pointwise')
    expect([scoreBins[0], scoreBins[10], scoreBins.at(-1)]).toEqual([1, 1, 1])
  })

  it('bins differences of ratings between -10 and 10, and shares of wins between 0 and 1', () => {
    const example = first?.shown[0]?.example
    const [candidate] = example?.candidates ?? []
    if (example === undefined || candidate === undefined) throw new Error('the sample has no answer')
    const summary = (mode: 'anchored' | 'pairwise', values: readonly number[]): ReportRound => {
      const candidates = values.map((value, index) => {
        return { ...candidate, index, score: { status: 'scored' as const, value } }
      })
      const outcome: PairOutcome = { status: 'skipped', reason: 'noSpread' }
      return summariseRound(1, [{ ...example, candidates }], () => outcome, mode)
    }
    const [anchored, pairwise] = [summary('anchored', [-10, -5, 0, 3, 10]), summary('pairwise', [0, 0.5, 1])]
    const filled = ({ scoreBins }: ReportRound): number[] => [...scoreBins.keys()].filter((bin) => scoreBins[bin] === 1)
    expect([filled(anchored), filled(pairwise)]).toEqual([
      [0, 5, 10, 13, 19],
      [0, 10, 19],
    ])
    const text = renderReport({ ...sampleData(), rounds: [anchored] })
    expect(text).toMatch(/rated the sampled answers, -10 to 10\./)
    expect(text).toContain('self-scores of 5 answers. -10 to -5: 1; -5 to 0: 1; 0 to 5: 2; 5 to 10: 1"')
  })
})

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)

describe.skipIf(browser === undefined)('the report in a browser (runs where a Chromium is installed)', () => {
  it('is parsed into the same harmless elements, and nothing in it runs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pop-report-'))
    try {
      const file = join(folder, 'report.html')
      writeFileSync(file, page)
      const flags = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-sync',
      ]
      const quiet = [
        '--disable-background-networking',
        '--disable-component-update',
        `--user-data-dir=${join(folder, 'profile')}`,
      ]
      const dom = execFileSync(browser ?? '', [...flags, ...quiet, '--dump-dom', `file://${file}`], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      expect(dom).toContain('<title>sample &lt;img src=x')
      expectHarmless(dom)
      expect(tagsOf(dom).filter(({ closes }) => !closes).length).toBe(
        tagsOf(page).filter(({ closes }) => !closes).length,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }, 60_000)
})
