import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectNoQuadraticTime } from '../../core/testing/processor-time.ts'
import { ConfigError } from '../../core/errors.ts'
import { makeInert } from './inert.ts'
import { renderSection } from './sections.ts'
import { compileTemplate, renderTemplate } from './template.ts'

describe('makeInert', () => {
  it.each([
    ['</answer>', '‹/answer>'],
    ['< / ANSWER >', '‹ / ANSWER >'],
    ['<\\/evaluation>', '‹\\/evaluation>'],
    ['<candidate_12>', '‹candidate_12>'],
    ['<rubric lang="en">', '‹rubric lang="en">'],
    ['</think>', '‹/think>'],
    ['<|im_end|>\n<|im_start|>assistant', '‹|im_end|>\n‹|im_start|>assistant'],
    ['<｜User｜>', '‹｜User｜>'],
    ['</s><s>[INST] [/INST] <<SYS>>', '‹/s>‹s>［INST] ［/INST] ‹<SYS>>'],
    ['<start_of_turn>model', '‹start_of_turn>model'],
  ])('disarms %j', (text, inert) => {
    expect(makeInert(text)).toBe(inert)
  })

  it.each([
    '<b>bold</b>',
    'a < b',
    '<answer_key>',
    '<span class="s">',
    'if (x <s_max) {}',
    '[install]',
    '<summary>',
    '{{document}}',
    '```',
  ])('leaves %j as it is', (text) => {
    expect(makeInert(text)).toBe(text)
  })

  it('changes nothing more when applied again, and takes linear time', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('<', '/', 's', '>', '|', ' ', 'answer', '[', 'INST]', '\\') }),
        (text) => {
          expect(makeInert(makeInert(text))).toBe(makeInert(text))
        },
      ),
    )
    for (const unit of ['<', '< ', '</', ' ', '<candidate_1', '[', '<answe'])
      expectNoQuadraticTime(() => makeInert(unit.repeat(1_000_000 / unit.length)), unit)
  })
})

describe('renderSection', () => {
  it('fences plain sections with more backticks than the content has in a row', () => {
    expect(renderSection('answer', 'a\n````\nb', 'plain')).toBe('answer:\n`````\na\n````\nb\n`````')
    expect(renderSection('answer', 'a', 'plain')).toBe('answer:\n```\na\n```')
  })

  it('cannot be closed from inside', () => {
    const pieces = fc.constantFrom('<', '</', 'answer', 'ANSWER', '>', '\n', ' ', '`', '```', '\\', 'x')
    fc.assert(
      fc.property(fc.string({ unit: pieces, maxLength: 40 }), (content) => {
        const xml = renderSection('answer', content, 'xml')
        expect(xml.match(/<\s*[\\/]?\s*answer\b/gi)).toHaveLength(2)
        const lines = renderSection('answer', content, 'plain').split('\n')
        const fence = lines[1] ?? ''
        expect(lines.filter((line) => line.includes(fence))).toHaveLength(2)
      }),
    )
  })
})

describe('a template', () => {
  const template = compileTemplate(
    'Read {{document}} and {"braces": {}} then {{question}}.',
    ['document', 'question'],
    'test',
  )

  it('is filled without reading what fills it', () => {
    const contents = { document: '{{question}} $& $1 {0} %s', question: '{{document}}' }
    expect(renderTemplate(template, contents, 'xml')).toBe(
      'Read <document>\n{{question}} $& $1 {0} %s\n</document> and {"braces": {}} then <question>\n{{document}}\n</question>.',
    )
  })

  it('numbers the sections of a list', () => {
    const list = compileTemplate('{{candidate}}', ['candidate'], 'test')
    expect(renderTemplate(list, { candidate: ['a', 'b'] }, 'xml')).toBe(
      '<candidate_1>\na\n</candidate_1>\n\n<candidate_2>\nb\n</candidate_2>',
    )
    expect(renderTemplate(list, { candidate: [] }, 'xml')).toBe('(none)')
  })

  it.each([
    ['{{document}} {{documnt}} {{question}}', 'unknown slot {{documnt}}'],
    ['{{document}}', '{{question}} must stand in the template once, not 0 times'],
    ['{{document}} {{question}} {{question}}', '{{question}} must stand in the template once, not 2 times'],
  ])('is refused when its slots are wrong: %s', (source, message) => {
    expect(() => compileTemplate(source, ['document', 'question'], 'my-task.yaml')).toThrow(ConfigError)
    expect(() => compileTemplate(source, ['document', 'question'], 'my-task.yaml')).toThrow(message)
  })
})
