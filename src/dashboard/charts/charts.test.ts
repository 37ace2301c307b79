/** What stands where in each drawing. That the viewer and the report draw the same shapes is tested in a browser. */
import { describe, expect, it } from 'vitest'
import { trainingStepSchema } from '../../records/index.ts'
import { narrow, wide } from './drawing.ts'
import { binName, drawHistogram } from './histogram.ts'
import { drawIntervals } from './intervals.ts'
import { drawLines } from './lines.ts'
import { trainingLines } from './of-run.ts'
import { drawScatter } from './scatter.ts'
import type { Shape } from './shape.ts'
import { drawStack } from './stack.ts'

/** All shapes with a class, those inside of others too. */
function withClass(shapes: readonly Shape[], name: string): Shape[] {
  return shapes.flatMap((one) => [
    ...(String(one.attributes.class ?? '')
      .split(' ')
      .includes(name)
      ? [one]
      : []),
    ...withClass(
      one.children.filter((child) => typeof child !== 'string'),
      name,
    ),
  ])
}

function texts(shapes: readonly Shape[]): string[] {
  return shapes.flatMap(({ children }) =>
    children.flatMap((child) => (typeof child === 'string' ? [child] : texts([child]))),
  )
}

const pointsOf = ({ attributes }: Shape): number[][] =>
  String(attributes.points)
    .split(' ')
    .map((point) => point.split(',').map(Number))

const middle = (wide.top + wide.bottom) / 2

describe('drawIntervals', () => {
  const one = { name: 'sampled', values: [{ mean: 0.5, low: 0.25, high: 1 }, null] }

  it('sets means and ends of intervals where the axis has them, and leaves out what was not measured', () => {
    const { shapes, label } = drawIntervals({ title: 't', columns: ['before', 'round 1'], series: [one] }, wide)
    const heights = withClass(shapes, 'whisker').map((whisker) => pointsOf(whisker).map(([, y]) => y))
    expect(heights).toEqual([[145.5, 145.5, 145.5, 18, 18, 18]])
    expect(withClass(shapes, 'dot').map(({ attributes }) => attributes.cy)).toEqual([middle])
    expect(label).toBe('sampled: before 0.500 [0.250, 1.000], round 1 –')
    expect(texts(shapes)).toEqual(['0', '0.5', '1', 'before', 'round 1', 'sampled: 0.500 [0.250, 1.000]', '0.50'])
  })

  it('has room for an interval that goes below 0', () => {
    const low = { name: 's', values: [{ mean: 0, low: -0.3, high: 0.3 }] }
    const { shapes } = drawIntervals({ title: 't', columns: ['before'], series: [low] }, wide)
    for (const [, y = 0] of withClass(shapes, 'whisker').flatMap(pointsOf)) expect(y).toBeLessThanOrEqual(wide.bottom)
  })

  it('writes as many names as fit', () => {
    const columns = Array.from({ length: 30 }, (_, i) => `round ${i}`)
    const series = [{ name: 's', values: columns.map(() => ({ mean: 0.5, low: 0.4, high: 0.6 })) }]
    const written = texts(drawIntervals({ title: 't', columns, series }, wide).shapes)
    expect(written.filter((text) => text.startsWith('round'))).toEqual([
      'round 0',
      'round 4',
      'round 8',
      ...columns.filter((_, i) => i > 8 && i % 4 === 0),
    ])
    expect(written).not.toContain('0.50')
  })
})

describe('drawLines', () => {
  const breaks = [
    { at: 0, name: 'round 1' },
    { at: 3, name: 'round 2' },
  ]

  it('breaks where a round begins, and draws a round of one step as a dot', () => {
    const chart = { title: 't', lines: [{ name: 'loss', values: [4, 2, 0, 4] }], breaks, unit: 'nats' }
    const { shapes, label, legend } = drawLines(chart, wide)
    expect(withClass(shapes, 'line').map((line) => pointsOf(line).map(([, y]) => y))).toEqual([[18, 103, 188]])
    expect(withClass(shapes, 'dot').map(({ attributes }) => [attributes.cx, attributes.cy])).toEqual([[508, 18]])
    expect(withClass(shapes, 'break')).toHaveLength(1)
    expect(label).toBe('loss from 4 to 4; nats, step 1 to 4')
    expect([legend.note, legend.items[0]?.value]).toEqual(['step 4', '4'])
  })

  it('tells the values of the step that is looked at, with a line through it', () => {
    const chart = { title: 't', lines: [{ name: 'loss', values: [4, 2, 0] }] }
    const { shapes, legend } = drawLines(chart, wide, 1)
    expect(withClass(shapes, 'cursor').map(({ attributes }) => attributes.x1)).toEqual([(52 + 508) / 2])
    expect([legend.note, legend.items[0]?.value]).toEqual(['step 2', '2'])
  })

  it('leaves out what is no number, and names that would run into each other', () => {
    const many = Array.from({ length: 20 }, (_, at) => ({ at, name: `round ${at + 1}` }))
    const values = many.map(({ at }) => (at === 5 ? Number.NaN : at))
    const { shapes } = drawLines({ title: 't', lines: [{ name: 'x', values }], breaks: many }, narrow)
    expect(withClass(shapes, 'dot')).toHaveLength(19)
    expect(texts(shapes).filter((text) => text.startsWith('round')).length).toBeLessThan(9)
  })

  it('keeps the name of a round that begins at the right edge within the drawing', () => {
    const chart = { title: 't', lines: [{ name: 'loss', values: [4, 2, 0, 4] }], breaks }
    const { shapes } = drawLines(chart, wide)
    const names = shapes.filter((one) => texts([one])[0]?.startsWith('round'))
    expect(names.map(({ attributes }) => attributes)).toEqual([
      { x: 52, y: 13 },
      { x: 520, y: 13, 'text-anchor': 'end' },
    ])
  })

  it('thins a long training to what can be seen', () => {
    const values = Array.from({ length: 200_000 }, (_, i) => i)
    const { shapes } = drawLines({ title: 't', lines: [{ name: 'x', values }] }, wide)
    expect(withClass(shapes, 'line').flatMap(pointsOf)).toHaveLength(400)
  })
})

describe('drawHistogram', () => {
  const values = { from: 0, to: 2, bins: [5, 0, 10, 0] }

  it('draws bars as high as their counts, and those that are marked in another colour', () => {
    const { shapes, label } = drawHistogram('t', values, wide, (bin) => bin === 2)
    const bars = withClass(shapes, 'dot').map(({ attributes }) => [attributes.height, attributes.class])
    expect(bars).toEqual([
      [85, 'dot k0'],
      [0, 'dot k0'],
      [170, 'dot k1'],
      [0, 'dot k0'],
    ])
    expect(label).toBe('0 to 0.5: 5; 0.5 to 1: 0; 1 to 1.5: 10; 1.5 to 2: 0')
    expect(binName(values, 3)).toBe('1.5 to 2')
  })
})

describe('drawStack', () => {
  it('puts each layer on those below it, and hatches where nothing was at work', () => {
    const layers = [
      { name: 'a', values: [1, 0] },
      { name: 'b', values: [1, 0] },
    ]
    const { shapes, label } = drawStack(
      { title: 't', layers, ends: ['begin', 'end'], binMs: 1000, unit: 'calls', markIdle: true },
      wide,
    )
    const tops = withClass(shapes, 'area').map((area) => Math.min(...pointsOf(area).map(([, y = 0]) => y)))
    expect(tops).toEqual([middle, 18])
    expect(withClass(shapes, 'idle')).toHaveLength(1)
    expect(label).toBe('At most 2 calls; 50 % of the time hardly any')
  })
})

describe('drawScatter', () => {
  it('sets each point by its two values, and leaves out what lacks one', () => {
    const x = { name: 'words', values: [0, 10, 5] }
    const y = { name: 'score', values: [0, 2, null], max: 2 }
    const { shapes } = drawScatter({ title: 't', x, y, names: ['a', 'b', 'c'], marks: ['', 'good', ''] }, wide)
    expect(withClass(shapes, 'point').map(({ attributes: { cx, cy } }) => [cx, cy])).toEqual([
      [48, 188],
      [508, 18],
    ])
  })
})

describe('trainingLines', () => {
  it('follows the steps of all rounds, and leaves out a measure that no step has', () => {
    const step = trainingStepSchema.parse({
      step: 1,
      epoch: 0,
      loss: 0.7,
      margin: 0,
      accuracy: 0.5,
      gradNorm: 1,
      learningRate: 1e-6,
      chosenLogprob: -1,
      rejectedLogprob: -2,
      tokens: 10,
      seconds: 1,
      tokensPerSecond: 10,
    })
    const charts = trainingLines([
      { round: 0, steps: [] },
      { round: 1, steps: [step, step] },
      { round: 2, steps: [step] },
    ])
    expect(charts.map(({ title }) => title)).not.toContain('Drift from the reference (KL)')
    expect(charts[0]).toMatchObject({
      title: 'Loss',
      breaks: [
        { at: 0, name: 'round 1' },
        { at: 2, name: 'round 2' },
      ],
      lines: [{ name: 'loss', values: [0.7, 0.7, 0.7] }],
    })
  })
})
