/** `pop eval` on a real model folder: benchmarks on tiny hand-made samples, resumed from the journal. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../core/hash.ts'
import { suiteCatalogue } from '../../evaluation/index.ts'
import type { SuiteResult } from '../../records/index.ts'
import { dispatch } from '../dispatch.ts'
import { fakeContext } from '../testing/fake-context.ts'
import { verbs } from '../verbs.ts'

const model = fileURLToPath(new URL('../../../test/goldens/tiny-models/llama', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'pop-eval-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function pop(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const context = fakeContext()
  const code = await dispatch(args, verbs, '0.0.0', context)
  return { code, ...context.output }
}

const gsm8k = join(folder, 'gsm8k.jsonl')
const rows = [
  { question: 'What is 2 + 3?', answer: 'Two and three are five.\n#### 5' },
  { question: 'What is 10 - 4?', answer: '#### 6' },
]
writeFileSync(gsm8k, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

const samples = fileURLToPath(new URL('../../../test/goldens/suites', import.meta.url))
const lab = fileURLToPath(new URL('../../../assets/lab', import.meta.url))
/** A hand-made sample of the files of every suite. */
const sampleFiles: Readonly<Record<string, string>> = {
  ifeval: 'ifeval.jsonl',
  gsm8k: 'gsm8k.jsonl',
  'math-500': 'math-500.jsonl',
  'mmlu-pro': 'mmlu-pro.jsonl',
  'mmlu-pro.validation': 'mmlu-pro-validation.jsonl',
  healthbench: 'healthbench.jsonl',
  'healthbench-hard': 'healthbench.jsonl',
  'healthbench-consensus': 'healthbench.jsonl',
  'arena-hard': 'arena-hard.jsonl',
  'arena-hard.baseline': 'arena-hard-baseline.jsonl',
  'arena-hard-creative': 'arena-hard.jsonl',
  'arena-hard-creative.baseline': 'arena-hard-baseline.jsonl',
  'alpaca-eval': 'alpaca-eval.json',
  'alpaca-eval.gamed': 'alpaca-eval-gamed.csv',
  'creative-writing': 'creative-writing.json',
  'creative-writing.criteria': 'creative-writing-criteria.txt',
  'creative-writing.negative': 'creative-writing-negative.txt',
}

describe('every suite', () => {
  const names = Object.keys(suiteCatalogue)

  test("runs with the laboratory's checkpoint as model and judge; what it cannot judge has no score and is listed", async () => {
    const data = Object.entries(sampleFiles).map(([name, file]) => `${name}=${join(samples, file)}`)
    const asked = ['--suite', names.join(','), '--data', data.join(','), '--limit', '1', '--max-tokens', '8']
    const words = ['eval', lab, '--judge', lab, ...asked, '--out', join(folder, 'all'), '--json']
    const { code, stdout } = await pop(...words)
    expect(code).toBe(0)
    const { results } = JSON.parse(stdout) as { results: SuiteResult[] }
    expect(results.map(({ suite }) => suite).sort()).toEqual(names.toSorted())
    for (const { suite, sampled, greedy, unscored, failures, answers, judge, protocol } of results) {
      const scored = (sampled ?? greedy)?.n ?? 0
      expect([suite, scored + unscored, answers?.length]).toEqual([suite, 1, 1])
      expect([suite, unscored > 0]).toEqual([suite, (failures?.length ?? 0) > 0])
      expect(protocol?.departures.some((text) => text.startsWith(`judged by ${judge}, not by`))).toBe(
        judge !== 'program',
      )
    }
  }, 60_000)

  test.each(['docs/evaluation.md', 'docs/configuration.md'])('is named in %s', (path) => {
    const text = readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')
    expect(names.filter((name) => !text.includes(name))).toEqual([])
  })
})

describe('pop eval', () => {
  const out = join(folder, 'out')
  const args = [
    'eval',
    model,
    '--suite',
    'gsm8k',
    '--data',
    `gsm8k=${gsm8k}`,
    '--max-tokens',
    '8',
    '--out',
    out,
    '--json',
  ]

  test('keeps every answer and verdict, names its data, and asks nothing twice', async () => {
    const first = await pop(...args)
    expect(first.stderr).not.toContain('internal error')
    expect(first.code).toBe(0)
    const { results } = JSON.parse(first.stdout) as { results: SuiteResult[] }
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({
      suite: 'gsm8k',
      judge: 'program',
      greedy: { n: 2 },
      sampled: null,
      data: [{ source: 'gsm8k.jsonl', rows: 2, sha256: sha256(readFileSync(gsm8k)) }],
    })
    expect(results[0]?.answers?.map(({ id, verdicts }) => [id, verdicts[0]?.detail])).toEqual([
      ['0', 'gold 5'],
      ['1', 'gold 6'],
    ])
    const journal = readFileSync(join(out, 'journal', 'round-0.jsonl'), 'utf8')
    const second = await pop(...args)
    expect(second.stdout).toBe(first.stdout)
    expect(readFileSync(join(out, 'journal', 'round-0.jsonl'), 'utf8')).toBe(journal)
  })

  test('shows a table with n, the judge, and what differs from the official protocol', async () => {
    const { code, stdout } = await pop(...args.slice(0, -1), '--limit', '1')
    expect(code).toBe(0)
    expect(stdout).toMatch(/gsm8k +0\.000 \[0\.000, 0\.793\] +1/)
    expect(stdout).toContain('1 questions chosen by seed')
    expect(stdout).toContain('differs: ')
  })

  test('says how many questions share 13 words in a row with the training corpus', async () => {
    const corpus = join(folder, 'corpus.jsonl')
    const seen = 'They tell that ANA has 3 boxes, with 4 pens each; and gives 5 pens away!'
    writeFileSync(corpus, [seen, 'Nothing of it.'].map((body) => `${JSON.stringify({ body })}\n`).join(''))
    const words = ['--data', `gsm8k=${join(samples, 'gsm8k.jsonl')}`, '--max-tokens', '4', '--corpus', corpus]
    const base = ['eval', model, '--suite', 'gsm8k', ...words, '--out', join(folder, 'seen')]
    const { stdout } = await pop(...base, '--corpus-field', 'body', '--json')
    const { results } = JSON.parse(stdout) as { results: SuiteResult[] }
    const counts = { words: 13, documents: 2, items: 2, overlapping: 1, tooShort: 0 }
    expect(results[0]?.contamination).toMatchObject(counts)
    expect(results[0]?.contamination?.examples[0]).toMatch(/^Ana has 3 boxes/)
    const shown = await pop(...base, '--corpus-field', 'body')
    expect(shown.stdout).toContain('seen: 1 of 2 items share 13 words in a row with one of 2 training documents')
    expect(shown.stdout).toMatch(/50\.0 % +program/)
    const wrong = await pop(...base)
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('body')])
  })

  test.each([
    [['eval', model], '--suite is missing'],
    [['eval', model, '--suite', 'gsm8'], 'did you mean'],
    [['eval', model, '--suite', 'gsm8k'], 'gsm8k needs its data'],
    [['eval', model, '--suite', 'gsm8k', '--data', `gsm8x=${gsm8k}`], 'no suite reads data named "gsm8x"'],
    [['eval', model, '--suite', 'math-500', '--data', `math-500=${gsm8k}`], 'not a row of math-500'],
    [['eval', join(folder, 'none'), '--suite', 'gsm8k'], 'does not exist'],
    // Nothing is fetched for it: nobody listens there, and the message would be another.
    [['eval', 'hf://owner/name', '--suite', 'gsm8k'], 'gsm8k needs its data'],
    [['eval', 'hf://owner/name', '--suite', 'arena-hard', '--data', `arena-hard=${gsm8k}`], 'its part "baseline"'],
    [['eval', 'hf://owner/name', '--suite', 'healthbench', '--data', `healthbench=${gsm8k}`], 'needs a judge'],
    [['eval', 'http://localhost:1/v1', '--suite', 'gsm8k'], '#MODEL'],
  ])('%j ends with exit code 2 and the way out', async (words, message) => {
    const { code, stderr } = await pop(...words)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})
