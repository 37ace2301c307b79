/** HealthBench's formula by hand, and a judge that fails. */
import { describe, expect, test } from 'vitest'
import { ScriptedModel } from '../../llm/scripted.ts'
import { clippedMean, healthBenchSuite, itemScore, readVerdict } from './healthbench.ts'

const reply = (text: string): Parameters<typeof readVerdict>[0] => ({
  text,
  finishReason: 'stop',
  usage: { promptTokens: 0, completionTokens: 0 },
})

describe('the score of an answer', () => {
  const items = [{ points: 5 }, { points: 3 }, { points: -4 }]

  test.each([
    [[true, false, false], 5 / 8],
    [[true, true, true], 4 / 8],
    [[false, false, true], -4 / 8],
  ])('with %j met is %f', (met, expected) => {
    expect(itemScore(items, met)).toBeCloseTo(expected)
  })

  test('is none when an item was not judged, or nothing can be won', () => {
    expect(itemScore(items, [true, null, false])).toBeNull()
    expect(itemScore([{ points: -1 }], [false])).toBeNull()
  })
})

test('the mean is clipped, not the answers: −0.5 and 1 make 0.25', () => {
  expect(clippedMean([-0.5, 1], 1)?.mean).toBeCloseTo(0.25)
  expect(clippedMean([-0.5, -0.1], 1)?.mean).toBe(0)
})

test.each([
  ['{"explanation": "ok", "criteria_met": true}', true],
  ['<think>{"criteria_met": true}</think> ```json\n{"criteria_met": false}\n```', false],
  ['{"explanation": "writes {drug} and \\"{\\"", "criteria_met": false}', false],
  ['{"criteria_met": false} <think>{"criteria_met": true}</thinking> hm', null],
  ['{"criteria_met": "true"}', null],
  ['criteria_met: true', null],
])('%j reads as %j', (text, met) => {
  expect(readVerdict(reply(text))?.met ?? null).toBe(met)
})

test('an item whose judge stays unreadable leaves the answer unscored, listed and counted', async () => {
  const row = (id: string, criterion: string): object => ({
    prompt_id: id,
    prompt: [{ role: 'user', content: 'My head aches.' }],
    rubrics: [{ criterion, points: 5, tags: ['axis:accuracy'] }],
    example_tags: ['theme:context_seeking'],
  })
  const judge = new ScriptedModel({
    name: 'judge',
    reply: ({ messages }) => (messages[0]?.content.includes('broken') === true ? 'hm' : '{"criteria_met": true}'),
  })
  const policy = new ScriptedModel({ name: 'policy', reply: () => '<think>An ill one.</think>Rest, and drink water.' })
  const suite = healthBenchSuite({
    name: 'healthbench-hard',
    file: { info: { source: 'x.jsonl', sha256: '0', rows: 2 }, rows: [row('a', 'advises rest'), row('b', 'broken')] },
    judge,
    sampling: { temperature: 0, topP: 1, maxTokens: 64, samples: 1 },
  })
  const result = await suite.evaluate({
    round: 0,
    policy,
    seed: 1,
    call: (_key, model, request) => model.generate(request),
  })
  const shown = judge.requests.map(({ messages }) => messages[0]?.content ?? '')
  expect(shown.every((prompt) => prompt.includes('Rest, and drink water.') && !prompt.includes('An ill one'))).toBe(
    true,
  )
  expect(result).toMatchObject({ suite: 'healthbench-hard', judge: 'judge', unscored: 1, greedy: { mean: 1, n: 1 } })
  expect(result.failures).toEqual([expect.objectContaining({ by: 'judge', reason: 'unreadable' })])
  expect(result.breakdown?.map(({ of, name }) => `${of} ${name}`)).toEqual([
    'axis axis:accuracy',
    'theme theme:context_seeking',
  ])
  expect(result.protocol?.departures.join()).toContain('not by gpt-4.1-2025-04-14')
})
