/** The suites with a judge on hand-made samples: what the judge sees, what its verdicts make, and what its failures do. */
import { describe, expect, test } from 'vitest'
import { ScriptedModel } from '../../llm/scripted.ts'
import type { GenerateRequest, LanguageModel, SuiteResult } from '../../records/index.ts'
import { makeSuite, suiteCatalogue, type FileSuiteName } from '../catalogue.ts'
import { judgeDepartures } from './judging.ts'
import type { SuiteFile } from './rows.ts'

const table = (source: string, rows: readonly unknown[], text?: string): SuiteFile => ({
  info: { source, sha256: '0', rows: rows.length },
  rows,
  ...(text === undefined ? {} : { text }),
})
const lines = (source: string, ...texts: string[]): SuiteFile =>
  table(
    source,
    texts.map((text) => ({ text })),
  )

const policy = new ScriptedModel({
  name: 'policy',
  reply: ({ messages }) =>
    messages[0]?.content.includes('short') === true ? 'Too short.' : `Mine. ${'long '.repeat(120)}`,
})

/** A judge that answers from what it was asked, and remembers that. */
function judgeOf(reply: (prompt: string) => string, name = 'some-judge'): { judge: LanguageModel; asked: string[] } {
  const asked: string[] = []
  const judge = new ScriptedModel({
    name,
    reply: ({ messages }) => {
      const prompt = messages.map(({ content }) => content).join('\n')
      asked.push(prompt)
      return reply(prompt)
    },
  })
  return { judge, asked }
}

async function evaluate(
  name: FileSuiteName,
  files: Record<string, SuiteFile>,
  judge: LanguageModel,
  player = policy,
): Promise<SuiteResult> {
  const suite = makeSuite(name, { files, judge, sampling: { maxTokens: 512 } })
  const call = (_key: string, model: LanguageModel, request: GenerateRequest): ReturnType<LanguageModel['generate']> =>
    model.generate(request)
  return suite.evaluate({ round: 0, policy: player, seed: 1, call })
}

describe('arena-hard', () => {
  const files = {
    main: table('question.jsonl', [
      { uid: 'a', category: 'hard_prompt', subcategory: 'math', prompt: 'Prove it.' },
      { uid: 'b', category: 'hard_prompt', subcategory: 'coding', prompt: 'Broken for the judge.' },
      { uid: 'c', category: 'creative_writing', subcategory: 'creative_writing', prompt: 'A poem.' },
    ]),
    baseline: table(
      'o3-mini-2025-01-31.jsonl',
      ['a', 'b'].map((uid) => ({
        uid,
        model: 'o3-mini-2025-01-31',
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: { answer: 'Baseline. [[A>>B]]' } },
        ],
      })),
    ),
  }

  test('plays both orders; a clear win is three votes; a game without a verdict leaves the answer out', async () => {
    const { judge, asked } = judgeOf((prompt) => {
      if (prompt.includes('Broken')) return 'I cannot say.'
      return prompt.indexOf('Mine.') < prompt.indexOf('Baseline.') ? 'So [[A>>B]]' : 'Hm. [[A>B]] no: [[a=b]]'
    })
    const result = await evaluate('arena-hard', files, judge)
    // Game 1: a tie, half a vote; game 2: won clearly, three votes.
    expect(result.greedy).toMatchObject({ mean: 3.5 / 4, n: 1 })
    expect(result.answers?.[0]?.verdicts.map(({ detail }) => detail)).toEqual(['A=B', 'A>>B'])
    expect(result).toMatchObject({ unscored: 1, judge: 'some-judge' })
    expect(result.failures).toHaveLength(2)
    expect(result.failures?.every(({ by, reason }) => by === 'judge' && reason === 'unreadable')).toBe(true)
    expect(asked.filter((prompt) => prompt.includes('Prove it.'))).toHaveLength(2)
    expect(asked.filter((prompt) => prompt.includes('Broken'))).toHaveLength(6)
    expect(result.protocol?.departures.join('; ')).toContain('judged by some-judge, not by gpt-4.1')
    expect(result.breakdown?.map(({ of, value }) => [of, value?.n])).toEqual([
      ['style control', 1],
      ['official interval', 4],
      ['category', undefined],
      ['category', 1],
    ])
  })

  test('needs an answer of the baseline to every question, and says to which', () => {
    const { judge } = judgeOf(() => '')
    expect(() => makeSuite('arena-hard-creative', { files, judge })).toThrow(/no answer to question c/)
    expect(() => makeSuite('arena-hard', { files: { main: files.main }, judge })).toThrow(/arena-hard\.baseline=FILE/)
    expect(() => makeSuite('arena-hard', { files })).toThrow(/--judge/)
  })
})

describe('alpaca-eval', () => {
  const main = table(
    'baseline.json',
    Array.from({ length: 12 }, (_, i) => ({
      instruction: i === 11 ? 'Broken' : `Task ${i}`,
      output: 'Baseline answer.',
      generator: 'gpt4_1106_preview',
    })),
  )

  test('asks in both orders by chance, turns the choice to the model, and leaves out what is no choice', async () => {
    const { judge, asked } = judgeOf((prompt) =>
      prompt.includes('Broken') ? '1 or 2' : prompt.indexOf('Mine.') < prompt.indexOf('Baseline') ? '1' : ' 2.',
    )
    const result = await evaluate('alpaca-eval', { main }, judge)
    expect(result).toMatchObject({ greedy: { mean: 1, n: 11 }, unscored: 1 })
    const places = new Set(asked.map((prompt) => prompt.indexOf('Mine.') < prompt.indexOf('Baseline')))
    expect(places.size).toBe(2)
    expect(result.breakdown?.map(({ name }) => name)).toEqual(['length-controlled', 'discrete'])
    expect(result.protocol?.departures.join('; ')).toMatch(/not by gpt-4-1106-preview.*no log-probs.*without df_gamed/)
  })

  test('takes the probability from the log-probs of a judge that gives them', async () => {
    const judge: LanguageModel = {
      name: 'gpt-4-1106-preview',
      abilities: { numberLogprobs: true },
      generate: ({ numberLogprobs, messages }) => {
        const first = (messages[0]?.content ?? '').indexOf('Mine.') < (messages[0]?.content ?? '').indexOf('Baseline')
        const [mine, other] = first ? ['1', '2'] : ['2', '1']
        const logprobs = { [mine]: Math.log(0.6), [other]: Math.log(0.2), '7': Math.log(0.1) }
        const numbers = numberLogprobs === true ? [{ offset: 0, logprobs }] : undefined
        const usage = { promptTokens: 1, completionTokens: 1 }
        return Promise.resolve([{ text: '7', finishReason: 'stop', numbers, usage }])
      },
    }
    const result = await evaluate('alpaca-eval', { main }, judge)
    expect(result.greedy?.mean).toBeCloseTo(0.75, 12)
    expect(result.breakdown?.[1]?.value?.mean).toBe(1)
    expect(result.protocol?.departures.join('; ')).not.toContain('not by')
  })
})

describe('creative-writing', () => {
  const main = table('prompts.json', [
    { id: '1', writing_prompt: 'A tale. <SEED> 100 words.', seed_modifiers: ['With rain.', 'With $& snow.'] },
    { id: '2', writing_prompt: 'Be short. <SEED>', seed_modifiers: ['Now.'] },
  ])
  const criteria = lines('criteria.txt', 'Coherent', 'Elegant Prose', 'Purple Prose')
  const negative = lines('negative.txt', 'Purple Prose')

  test('rates each piece, inverts faults, takes the modifiers in turn, and leaves out what stays short', async () => {
    const { judge, asked } = judgeOf(
      () => 'Fine: 3 acts.\n\nCoherent: 14\n- **Elegant Prose**: [10]\nPurple Prose: Score 5',
    )
    const result = await evaluate('creative-writing', { main, criteria, negative }, judge)
    // (14 + 10 + (20 − 5)) / 3 of 20.
    expect(result.sampled?.mean).toBeCloseTo(13 / 20, 12)
    expect(result).toMatchObject({ sampled: { n: 3 }, greedy: null, unscored: 3 })
    expect(result.failures?.map(({ by }) => by)).toEqual(['policy', 'policy', 'policy'])
    expect(result.answers?.[0]?.verdicts.at(-1)).toEqual({ name: 'criteria rated', score: 3, detail: '3 of 3' })
    expect(result.perQuestion.map(({ id }) => id)).toEqual(['1#1', '1#2', '1#3', '2#1', '2#2', '2#3'])
    expect(asked[0]).toContain('A tale. With rain. 100 words.')
    expect(asked[1]).toContain('A tale. With $& snow. 100 words.')
    expect(result.breakdown).toMatchObject([
      { name: 'Coherent', value: { mean: 14, n: 3 } },
      { name: 'Elegant Prose', value: { mean: 10 } },
      { name: 'Purple Prose', of: 'fault (0–20)', value: { mean: 5 } },
    ])
  })

  test('has a short piece written again, however long the reasoning before it, and says on how much a score rests', async () => {
    const { judge, asked } = judgeOf(() => 'Coherent: 14')
    let calls = 0
    const thinker = new ScriptedModel({
      name: 'thinker',
      reply: () => `<think>${'hm '.repeat(300)}</think>${calls++ < 2 ? 'Short.' : 'long '.repeat(120)}`,
    })
    const files = { main: table('prompts.json', [{ id: '1', writing_prompt: 'A tale.', seed_modifiers: ['x'] }]) }
    const result = await evaluate('creative-writing', { ...files, criteria, negative }, judge, thinker)
    // Three pieces; the first two calls gave short ones.
    expect(thinker.requests).toHaveLength(5)
    expect(result).toMatchObject({ sampled: { mean: expect.closeTo(14 / 20, 12), n: 3 }, unscored: 0, failures: [] })
    expect(result.answers?.[0]?.verdicts.at(-1)).toMatchObject({ detail: '1 of 3' })
    expect(asked.some((prompt) => prompt.includes('hm hm'))).toBe(false)
  })

  test("takes the judge's prompt from a file, and says when it is ours", async () => {
    const { judge, asked } = judgeOf(() => 'Coherent: 20')
    const text =
      'Asked: {writing_prompt}\n\nGot: {test_model_response}\n{creative_writing_criteria}\nLow: {lower_is_better_criteria} {constructor}'
    const prompt = table('judge.txt', [], text)
    const result = await evaluate('creative-writing', { main, criteria, negative, 'judge-prompt': prompt }, judge)
    expect(asked[0]).toMatch(
      /^Asked: A tale\. <SEED> 100 words\.\n\nGot: Mine\.[^]*- Elegant Prose[^]*Low: Purple Prose \{constructor\}$/,
    )
    expect(result.protocol?.departures.join()).not.toContain('wording of our own')
    const bad = { main, criteria, negative, 'judge-prompt': table('judge.txt', [], 'nothing') }
    expect(() => makeSuite('creative-writing', { files: bad, judge })).toThrow(/\{writing_prompt\}/)
  })

  test('refuses faults that are no criteria', () => {
    const { judge } = judgeOf(() => '')
    const files = { main, criteria, negative: lines('negative.txt', 'Dull') }
    expect(() => makeSuite('creative-writing', { files, judge })).toThrow(/"Dull" is no criterion/)
  })
})

test.each([
  ['gpt-4.1', 'gpt-4.1', true],
  ['openai/gpt-4.1', 'gpt-4.1', true],
  ['gpt-4.1-2025-04-14', 'gpt-4.1', true],
  ['claude-3.7-sonnet-20250219', 'claude-3.7-sonnet', true],
  ['gpt-4.1-2025-04-14', 'gpt-4.1-2025-04-14', true],
  ['gpt-4.1', 'gpt-4.1-2025-04-14', false],
  ['gpt-4.1-nano-2025-04-14', 'gpt-4.1', false],
  ['gpt-4.1-mini', 'gpt-4.1', false],
  ['me/my-claude-3.7-sonnet-distill', 'claude-3.7-sonnet', false],
  ['gpt-4.1/other', 'gpt-4.1', false],
])('the judge %s is the official %s: %s', (name, official, is) => {
  expect(judgeDepartures({ name, generate: () => Promise.resolve([]) }, official)).toHaveLength(is ? 0 : 1)
})

test('every suite that needs a judge says so, and no other asks for one', () => {
  const judged = Object.entries(suiteCatalogue).flatMap(([name, { needsJudge }]) => (needsJudge ? [name] : []))
  expect(judged.sort()).toEqual([
    'alpaca-eval',
    'arena-hard',
    'arena-hard-creative',
    'creative-writing',
    'healthbench',
    'healthbench-consensus',
    'healthbench-hard',
  ])
})
