import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectNoQuadraticTime } from '../../core/testing/processor-time.ts'
import { boxedAnswer, checkBoxed } from './boxed.ts'
import { sameAnswer } from './same-answer.ts'

describe('boxedAnswer', () => {
  it.each([
    ['It is \\boxed{5}.', '5'],
    ['\\boxed{ \\frac{1}{2} }', '\\frac{1}{2}'],
    ['first \\boxed{1}, then \\boxed{2}', '2'],
    ['\\boxed{1} and \\boxed{2', '1'],
    ['\\boxed {x_{1}}', 'x_{1}'],
    ['\\boxed{\\boxed{7}}', '\\boxed{7}'],
    ['\\fbox{yes}', 'yes'],
    ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['the set \\{ is open { and \\boxed{3}', '3'],
    ['} } \\boxed{4}', '4'],
    ['line\\\\\\boxed{6}', '6'],
    ['\\boxed{}', null],
    ['\\boxed{1} \\boxed{ }', null],
    ['boxed{5}', null],
    ['\\boxedx{5}', null],
    ['no box', null],
  ])('of %j is %j', (text, expected) => {
    expect(boxedAnswer(text)).toBe(expected)
  })

  it('takes linear time and never throws', () => {
    for (const unit of ['\\boxed{', '{', '}', '\\', '\\boxed{1}', '\\boxed ', '\\{', '{\\boxed{'])
      expectNoQuadraticTime(() => boxedAnswer(unit.repeat(1_000_000 / unit.length)), unit)
  })
})

describe('sameAnswer', () => {
  it.each([
    ['5', '5.0'],
    ['1/2', '0.5'],
    ['\\frac{1}{2}', '\\dfrac12'],
    ['-\\frac{3}{4}', '-0.75'],
    ['1,234,567', '1234567'],
    ['1{,}000', '1000'],
    ['3.2 \\times 10^{5}', '320000'],
    ['1.5e-3', '0.0015'],
    ['50\\%', '50'],
    ['50\\%', '0.5'],
    ['\\$20', '20'],
    ['5\\text{ cm}', '5'],
    ['90^\\circ', '90°'],
    ['90^{\\circ}', '90'],
    ['x = 5', '5'],
    ['f(x)=x^2+1', 'x^2 + 1'],
    ['\\left( 1, 2 \\right)', '(1,2)'],
    ['\\{2, 1\\}', '\\{1,2\\}'],
    ['1, 2', '2, 1'],
    ['(0.5, 3)', '(\\frac{1}{2}, 3)'],
    ['[0, 1)', '[0,1)'],
    ['\\text{Marie Curie}', 'marie curie.'],
    ['The Hague', 'Hague'],
    ['Erdős', 'Erdos'],
    ['2\\sqrt{3}', '2 \\sqrt{3}'],
    ['x \\le 3', 'x \\leq 3'],
    ['\\boxed{7}', '7'],
    ['−3', '-3'],
  ])('takes %s for %s', (a, b) => {
    expect([sameAnswer(a, b), sameAnswer(b, a)]).toEqual([true, true])
  })

  it.each([
    ['5', '-5'],
    ['0.333', '1/3'],
    ['5 cm', '5 m'],
    ['(1, 2)', '(2, 1)'],
    ['(1, 2)', '[1, 2]'],
    ['1, 2', '1, 2, 2'],
    ['\\{1, 1\\}', '\\{1, 2\\}'],
    ['AB', 'ab'],
    ['2x', '2'],
    ['x', 'X'],
    ['12', '1,2'],
    ['Marie Curie', 'Pierre Curie'],
    ['1/0', '2/0'],
    ['50\\%', '5'],
    ['10^{5}', '10^{6}'],
    ['', '0'],
    ['the', 'a'],
  ])('tells %s from %s', (a, b) => {
    expect([sameAnswer(a, b), sameAnswer(b, a)]).toEqual([false, false])
  })

  it('is symmetric, holds of a text and itself, and never throws, whatever the texts', () => {
    const text = fc.string({
      unit: fc.constantFrom('\\', 'frac', '{', '}', '1', '2', ',', '(', ')', '.', 'e', '%', 'text', ' ', '^', '/', '-'),
    })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(sameAnswer(a, a)).toBe(true)
        expect(sameAnswer(a, b)).toBe(sameAnswer(b, a))
      }),
    )
  })

  it('takes little time on hostile answers', () => {
    for (const unit of ['(', '1,', '{', '\\text{', ' ', '(1,', '9', '1,234', '\\frac', 'a b ', '{,}', '\\boxed{'])
      for (const length of [1900, 100_000])
        expectNoQuadraticTime(
          () => sameAnswer(unit.repeat(length / unit.length), `${unit.repeat(length / unit.length)} `.slice(1)),
          unit,
        )
  })
})

describe('checkBoxed', () => {
  it('tells a mismatch from what cannot be compared', () => {
    expect(checkBoxed('\\boxed{4}', '\\boxed{5}')).toEqual({ type: 'boxed', outcome: 'mismatch', found: '4' })
    expect(checkBoxed('4', '\\boxed{5}')).toEqual({ type: 'boxed', outcome: 'noAnswer', found: null })
    expect(checkBoxed('\\boxed{4}', 'four')).toEqual({ type: 'boxed', outcome: 'noReference', found: '4' })
  })
})
