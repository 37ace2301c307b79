import { describe, expect, it } from 'vitest'
import { rng } from '../../core/rng.ts'
import type { Dimension } from '../graph/dimension.ts'
import { elementsOf } from '../graph/dimension.ts'
import type { TensorData } from '../graph/dtype.ts'
import { sizeOf } from '../graph/dtype.ts'
import { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/graph.ts'
import { causalAttend, causalAttention } from '../ops/attention.ts'
import type { RowPlaces } from '../ops/attention.ts'
import { add, swiglu } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { targetLogprobs } from '../ops/head.ts'
import { linear, linearOnto } from '../ops/linear.ts'
import { rmsNorm } from '../ops/norm.ts'
import { recomputed } from '../ops/recompute.ts'
import { rope } from '../ops/rope.ts'
import { reshape, takeRows } from '../ops/shape.ts'
import { Executable } from '../runtime/executable.ts'
import { backward } from './backward.ts'
import { RULES } from './rules.ts'

type Shapes = Readonly<Record<string, readonly number[]>>
type Arrays = Readonly<Record<string, Float64Array>>

/** An op under test: its float inputs, the graph of it, and the same computed in float64 by other means. */
interface Case {
  readonly inputs: Shapes
  readonly indices?: Readonly<Record<string, readonly number[]>>
  readonly build: (values: Record<string, Value>, known: Known) => Value
  readonly reference: (arrays: Arrays) => number[]
  /** Elements of the output that nothing depends on: their gradient is 0. */
  readonly ignored?: readonly number[]
}

/** The inputs of the graph for the gradient: of the output, and what that of each input is added onto. */
interface Known {
  readonly seed: (shape: readonly Dimension[]) => Value
  readonly onto: (value: Value) => Value
}

const get = (values: ArrayLike<number> | undefined, index: number): number => values?.[index] ?? Number.NaN
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const value = (values: Record<string, Value>, name: string): Value => {
  const found = values[name]
  if (found === undefined) throw new Error(name)
  return found
}
const array = (arrays: Arrays, name: string): Float64Array => arrays[name] ?? new Float64Array()

/** x [n, k] · w [m, k]ᵀ. */
function product(x: ArrayLike<number>, w: ArrayLike<number>, [n, k, m]: readonly [number, number, number]): number[] {
  return range(n * m).map((i) => sum(range(k).map((j) => get(x, Math.floor(i / m) * k + j) * get(w, (i % m) * k + j))))
}

function softmax(scores: readonly number[]): number[] {
  const exps = scores.map((score) => Math.exp(score))
  return exps.map((e) => e / sum(exps))
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** One head of attention over the given visible range, row by row. */
function headAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  at: { row: number; visible: number; size: number; scale: number; qOffset?: number; kvAt?: (s: number) => number },
): number[] {
  const { row, visible, size, scale, qOffset = row * size, kvAt = (s) => s * size } = at
  const p = softmax(
    range(visible).map((s) => scale * sum(range(size).map((i) => get(q, qOffset + i) * get(k, kvAt(s) + i)))),
  )
  return range(size).map((i) => sum(p.map((weight, s) => weight * get(v, kvAt(s) + i))))
}

const CASES: Readonly<Record<string, Case>> = {
  add: {
    inputs: { a: [3, 4], b: [3, 4] },
    build: (v) => add(value(v, 'a'), value(v, 'b')),
    reference: (x) => range(12).map((i) => get(x['a'], i) + get(x['b'], i)),
  },
  'add of a value to itself': {
    inputs: { a: [3, 4] },
    build: (v) => add(value(v, 'a'), value(v, 'a')),
    reference: (x) => range(12).map((i) => 2 * get(x['a'], i)),
  },
  'linear with bias': {
    inputs: { x: [5, 3], w: [4, 3], b: [4] },
    build: (v) => linear(value(v, 'x'), value(v, 'w'), value(v, 'b')),
    reference: (x) => product(array(x, 'x'), array(x, 'w'), [5, 3, 4]).map((y, i) => y + get(x['b'], i % 4)),
  },
  linearOnto: {
    inputs: { base: [5, 4], x: [5, 3], w: [4, 3] },
    build: (v) => linearOnto(value(v, 'base'), value(v, 'x'), value(v, 'w'), 0.7),
    reference: (x) => product(array(x, 'x'), array(x, 'w'), [5, 3, 4]).map((y, i) => 0.7 * y + get(x['base'], i)),
  },
  'two maps that share their input and their weight': {
    inputs: { x: [3, 3], w: [3, 3] },
    build: (v) => linear(linear(value(v, 'x'), value(v, 'w')), value(v, 'w')),
    reference: (x) => product(product(array(x, 'x'), array(x, 'w'), [3, 3, 3]), array(x, 'w'), [3, 3, 3]),
  },
  'steps that are computed again': {
    inputs: { x: [5, 3], w: [4, 3], shared: [3, 4] },
    build: (v) => {
      const step = (input: Value): Value => linear(linear(input, value(v, 'w')), value(v, 'shared'))
      return recomputed(recomputed(value(v, 'x'), step), step)
    },
    reference: (x) => {
      const step = (y: ArrayLike<number>): number[] =>
        product(product(y, array(x, 'w'), [5, 3, 4]), array(x, 'shared'), [5, 4, 3])
      return step(step(array(x, 'x')))
    },
  },
  swiglu: {
    inputs: { gate: [3, 4], up: [3, 4] },
    build: (v) => swiglu(value(v, 'gate'), value(v, 'up')),
    reference: (x) => range(12).map((i) => get(x['gate'], i) * sigmoid(get(x['gate'], i)) * get(x['up'], i)),
  },
  rmsNorm: {
    inputs: { x: [4, 6], w: [6] },
    build: (v) => rmsNorm(value(v, 'x'), value(v, 'w'), 1e-3),
    reference: ({ x, w }) =>
      range(24).map((i) => {
        const row = range(6).map((j) => get(x, Math.floor(i / 6) * 6 + j))
        return (get(x, i) / Math.sqrt(sum(row.map((y) => y * y)) / 6 + 1e-3)) * get(w, i % 6)
      }),
  },
  rope: {
    inputs: { x: [6, 1, 8] },
    build: (v) => {
      const { graph } = value(v, 'x')
      const positions = graph.constant([0, 1, 2, 0, 1, 2], [6, 1], 'int64')
      const angles = range(6).map((i) => Math.floor(i / 2) * (0.5 + (i % 2)))
      const table = (f: (angle: number) => number): Value => graph.constant(angles.map(f), [3, 2])
      const tables = { positions, cos: table(Math.cos), sin: table(Math.sin), negativeSin: table((a) => -Math.sin(a)) }
      return rope(value(v, 'x'), tables)
    },
    reference: ({ x }) =>
      range(48).map((i) => {
        const position = Math.floor(i / 8) % 3
        const pair = i % 2
        const angle = position * (0.5 + pair)
        const other = i % 4 < 2 ? -get(x, i + 2) : get(x, i - 2)
        return get(x, i) * Math.cos(angle) + other * Math.sin(angle)
      }),
  },
  reshape: {
    inputs: { x: [3, 4] },
    build: (v) => reshape(value(v, 'x'), [2, 6]),
    reference: (x) => [...array(x, 'x')],
  },
  'takeRows of rows taken once, in another order': {
    inputs: { x: [3, 4] },
    build: (v) =>
      taken(
        value(v, 'x'),
        2,
        [[5, 1, 0, 3, 4, 2], [6]],
        [
          [2, 1, 5, 3, 4, 0],
          [6, 1],
        ],
      ),
    reference: ({ x }) => [5, 1, 0, 3, 4, 2].flatMap((row) => [get(x, 2 * row), get(x, 2 * row + 1)]),
  },
  'takeRows of rows taken twice, and of one whose gradient does not count': {
    inputs: { x: [4, 1], w: [1, 1] },
    // Row 3 stands at places 3 and 5; what is multiplied by nothing of the result has no gradient there.
    build: (v) => {
      const rows = taken(
        value(v, 'x'),
        1,
        [
          [0, 1, 2, 3, 0, 3],
          [2, 3],
        ],
        [
          [0, 4, 1, 3, 2, 3, 3, 5],
          [4, 2],
        ],
      )
      const mask = rows.graph.constant([1, 1, 1, 0, 1, 0], [6, 1])
      return linear(swiglu(mask, reshape(rows, [6, 1])), value(v, 'w'))
    },
    reference: ({ x, w }) => [0, 1, 2, -1, 0, -1].map((row) => (row < 0 ? 0 : sigmoid(1) * get(x, row) * get(w, 0))),
  },
  'causalAttend in one block': attendCase(3),
  'causalAttend in uneven blocks': attendCase(2),
  'causalAttend with grouped queries in blocks': {
    inputs: { q: [1, 1, 10, 2], k: [1, 1, 5, 2], v: [1, 1, 5, 2] },
    build: (v) => causalAttend(value(v, 'q'), value(v, 'k'), value(v, 'v'), { scale: 0.6, block: 2 }),
    reference: (x) =>
      range(10).flatMap((row) =>
        headAttention(array(x, 'q'), array(x, 'k'), array(x, 'v'), {
          row,
          visible: Math.floor(row / 2) + 1,
          size: 2,
          scale: 0.6,
        }),
      ),
  },
  'causalAttention with grouped queries': {
    inputs: { q: [6, 8], k: [6, 4], v: [6, 4] },
    build: (v) =>
      causalAttention(value(v, 'q'), value(v, 'k'), value(v, 'v'), {
        ...standing(value(v, 'q').graph, 2, {
          rows: [
            [0, 1, 2],
            [3, 4, 5],
          ],
          copies: 1,
        }),
        heads: 4,
        kvHeads: 2,
        headDim: 2,
      }),
    reference: (x) =>
      range(6).flatMap((row) =>
        range(4).flatMap((head) =>
          headAttention(array(x, 'q'), array(x, 'k'), array(x, 'v'), {
            row,
            visible: (row % 3) + 1,
            size: 2,
            scale: 1 / Math.sqrt(2),
            qOffset: row * 8 + head * 2,
            kvAt: (s) => (Math.floor(row / 3) * 3 + s) * 4 + Math.floor(head / 2) * 2,
          }),
        ),
      ),
  },
  'causalAttention from a common beginning into two branches': {
    inputs: { q: [7, 2], k: [7, 2], v: [7, 2] },
    build: (v) => {
      const rows = [
        [0, 1, 2, 3, 6],
        [0, 1, 4, 5, 6],
      ]
      const places = standing(value(v, 'q').graph, 1, { rows, copies: 2, padding: 6 })
      const heads = { heads: 1, kvHeads: 1, headDim: 2 }
      return causalAttention(value(v, 'q'), value(v, 'k'), value(v, 'v'), { ...places, ...heads })
    },
    // Token 6 is padding: what comes of it is not looked at.
    ignored: [12, 13],
    reference: (x) =>
      [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 4], [0, 1, 4, 5], [0, 1, 2, 3, 6]].flatMap((seen, row) =>
        headAttention(array(x, 'q'), array(x, 'k'), array(x, 'v'), {
          row,
          visible: seen.length,
          size: 2,
          scale: 1 / Math.sqrt(2),
          kvAt: (s) => get(seen, s) * 2,
        }),
      ),
  },
  'embedding with a repeated index, then a map': {
    inputs: { table: [5, 3], w: [2, 3] },
    indices: { ids: [4, 1, 4, 0] },
    build: (v) => linear(embedding(value(v, 'table'), value(v, 'ids')), value(v, 'w')),
    reference: (x) => {
      const rows = [4, 1, 4, 0].flatMap((id) => range(3).map((i) => get(x['table'], id * 3 + i)))
      return product(rows, array(x, 'w'), [4, 3, 2])
    },
  },
  'targetLogprobs in one block': headCase(1000),
  'targetLogprobs in uneven blocks': headCase(15),
  'targetLogprobs in blocks that take the gradient along': headCase(15, true),
}

type Indices = readonly [values: readonly number[], shape: readonly number[]]

function taken(x: Value, width: number, index: Indices, inverse: Indices): Value {
  const [indexValue, inverseValue] = [index, inverse].map(([values, shape]) => x.graph.constant(values, shape, 'int32'))
  if (indexValue === undefined || inverseValue === undefined) throw new Error('no indices')
  return takeRows(x, { width, index: indexValue, inverse: inverseValue })
}

/** The inputs of attention for tokens that stand in rows as listed; the first row that has a token owns it. */
function standing(
  graph: Graph,
  kvHeads: number,
  { rows, copies, padding = -1 }: { rows: readonly (readonly number[])[]; copies: number; padding?: number },
): RowPlaces {
  const length = rows[0]?.length ?? 0
  const all = rows.flat()
  const byHead = (tokens: readonly number[]): number[] =>
    rows.flatMap((_, row) =>
      range(kvHeads).flatMap((head) =>
        tokens.slice(row * length, (row + 1) * length).map((token) => token * kvHeads + head),
      ),
    )
  const free = all.indexOf(padding)
  const placesOf = (token: number): number[] => all.flatMap((other, place) => (other === token ? [place] : []))
  const places = range(Math.max(...all) + 1).flatMap((token) =>
    range(kvHeads).flatMap((head) =>
      range(copies).map((copy) => {
        const place = (token === padding ? undefined : placesOf(token)[copy]) ?? free
        return (Math.floor(place / length) * kvHeads + head) * length + (place % length)
      }),
    ),
  )
  const owners = all.map((token, place) => (all.indexOf(token) === place ? token : padding))
  const shape = [rows.length, kvHeads, length]
  return {
    tokens: graph.constant(byHead(all), shape, 'int32'),
    owners: graph.constant(byHead(owners), [...shape, 1], 'int32'),
    places: graph.constant(places, [places.length / (kvHeads * copies), kvHeads, copies], 'int32'),
  }
}

function attendCase(block: number): Case {
  return {
    inputs: { q: [1, 1, 3, 2], k: [1, 1, 3, 2], v: [1, 1, 3, 2] },
    build: (v) => causalAttend(value(v, 'q'), value(v, 'k'), value(v, 'v'), { scale: 0.6, block }),
    reference: (x) =>
      range(3).flatMap((row) =>
        headAttention(array(x, 'q'), array(x, 'k'), array(x, 'v'), { row, visible: row + 1, size: 2, scale: 0.6 }),
      ),
  }
}

function knownOf(graph: Graph): Known {
  const named = (name: string, shape: readonly Dimension[]): Value => graph.memo(name, () => graph.input(name, shape))
  return { seed: (shape) => named('seed', shape), onto: (v) => named(`before:${v.name}`, v.shape) }
}

function headCase(maxLogits: number, gradientAhead = false): Case {
  const targets = [2, 6, 2, 0, 5]
  return {
    inputs: { x: [5, 3], w: [7, 3] },
    indices: { targets },
    build: (v, { seed, onto }) => {
      const weight = value(v, 'w')
      const known = gradientAhead ? { seeds: seed([5]), onto: onto(weight) } : undefined
      return targetLogprobs(value(v, 'x'), weight, value(v, 'targets'), { maxLogits, known })
    },
    reference: (x) => {
      const logits = product(array(x, 'x'), array(x, 'w'), [5, 3, 7])
      return targets.map((target, n) => Math.log(get(softmax(logits.slice(n * 7, n * 7 + 7)), target)))
    },
  }
}

/** What a run gave: the op's output, and each input's gradient added onto ones. */
interface Run {
  readonly output: Float32Array
  readonly gradients: Readonly<Record<string, Float32Array>>
}

/** Of a tensor without open lengths. */
const ones = (shape: readonly Dimension[]): Float32Array => new Float32Array(Number(elementsOf(shape))).fill(1)

/** Runs an op forward and backward. */
async function differentiate(test: Case, arrays: Arrays, seeds: Float32Array): Promise<Run> {
  const graph = new Graph()
  const { wanted, all } = makeInputs(graph, test)
  const known = knownOf(graph)
  const output = test.build(all, known)
  const { onto } = known
  const seed = known.seed(output.shape)
  const gradients = backward(graph, { seeds: new Map([[output, seed]]), wanted, onto })
  graph.output('output', output)
  const results = Object.fromEntries(wanted.map((v) => [v.name, ones(v.shape)]))
  const feeds: Record<string, TensorData> = { seed: seeds }
  const outputs: Record<string, Float32Array> = { output: ones(output.shape) }
  for (const [name, ids] of Object.entries(test.indices ?? {})) feeds[name] = Int32Array.from(ids)
  for (const { name } of wanted) feeds[name] = Float32Array.from(array(arrays, name))
  for (const [v, { dense, rows }] of gradients) {
    if (dense !== undefined) {
      graph.output(`gradient:${v.name}`, dense)
      outputs[`gradient:${v.name}`] = feeds[`before:${v.name}`] = results[v.name] ?? ones([])
    }
    for (const term of rows) {
      graph.output(`rows:${v.name}`, term.rows)
      outputs[`rows:${v.name}`] = ones(term.rows.shape)
    }
  }
  const executable = await Executable.create(graph.build(), { threads: 1 })
  await executable.run(feeds, outputs)
  await executable.release()
  for (const [v, { rows }] of gradients) {
    for (const { indices } of rows) scatter(results[v.name], test.indices?.[indices.name], outputs[`rows:${v.name}`])
  }
  return { output: outputs['output'] ?? ones([]), gradients: results }
}

function makeInputs(graph: Graph, test: Case): { wanted: Value[]; all: Record<string, Value> } {
  const wanted = Object.entries(test.inputs).map(([name, shape]) => graph.input(name, shape))
  const indices = Object.entries(test.indices ?? {}).map(([name, ids]) => graph.input(name, [ids.length], 'int32'))
  return { wanted, all: Object.fromEntries([...wanted, ...indices].map((v) => [v.name, v])) }
}

/** table[indices[n]] += rows[n]. */
function scatter(table = ones([]), indices: readonly number[] = [], rows = ones([])): void {
  const width = rows.length / indices.length
  rows.forEach((x, i) => {
    const index = get(indices, Math.floor(i / width)) * width + (i % width)
    table[index] = get(table, index) + x
  })
}

describe.each(Object.entries(CASES))('%s', (name, test) => {
  const random = rng(11, name)
  const arrays = Object.fromEntries(
    Object.entries(test.inputs).map(([input, shape]) => [
      input,
      Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(random.normal())),
    ]),
  )
  const expected = test.reference(arrays)
  const seeds = Float32Array.from(expected, (_, i) => (test.ignored?.includes(i) === true ? 0 : random.normal()))

  it('computes and differentiates as float64 finite differences do', async () => {
    const { output, gradients } = await differentiate(test, arrays, seeds)
    expect(output).toHaveLength(expected.length)
    expected.forEach((y, i) => expect(output[i]).toBeCloseTo(y, 4))
    const loss = (): number => sum(test.reference(arrays).map((y, i) => y * get(seeds, i)))
    for (const [input, values] of Object.entries(arrays)) {
      for (const i of range(values.length)) {
        const kept = get(values, i)
        values[i] = kept + 1e-5
        const above = loss()
        values[i] = kept - 1e-5
        const slope = (above - loss()) / 2e-5
        values[i] = kept
        expect(get(gradients[input], i) - 1).toBeCloseTo(slope, 3)
      }
    }
  })
})

describe('the table of rules', () => {
  it('is covered by the cases above', () => {
    const used = new Set<string>()
    for (const test of Object.values(CASES)) {
      const graph = new Graph()
      test.build(makeInputs(graph, test).all, knownOf(graph))
      for (const entry of graph.tape) used.add(entry.primitive)
    }
    expect([...used].sort()).toEqual([...Object.keys(RULES), 'recomputed'].sort())
  })
})

describe('backward', () => {
  it('names a primitive that has no rule', () => {
    const graph = new Graph()
    const x = graph.input('x', [2])
    const output = graph.op('Tan', [x], { shape: [2] })
    graph.record({ primitive: 'tangent', inputs: [x], output, saved: {}, numbers: {} })
    const seed = graph.input('seed', [2])
    expect(() => backward(graph, { seeds: new Map([[output, seed]]), wanted: [x] })).toThrow(/tangent/)
  })

  it('names a wanted value that the loss does not depend on', () => {
    const graph = new Graph()
    const [x, w, unused] = [graph.input('x', [2, 3]), graph.input('w', [4, 3]), graph.input('unused', [1])]
    const output = linear(x, w)
    const seed = graph.input('seed', [2, 4])
    expect(() => backward(graph, { seeds: new Map([[output, seed]]), wanted: [w, unused] })).toThrow(/unused/)
  })

  it('computes nothing for values that need no gradient', () => {
    const graph = new Graph()
    const [x, frozen, adapter] = [graph.input('x', [2, 3]), graph.input('w', [4, 3]), graph.input('a', [4, 3])]
    const output = linearOnto(linear(x, frozen), x, adapter)
    const before = graph.nodes.length
    const seed = graph.input('seed', [2, 4])
    backward(graph, { seeds: new Map([[output, seed]]), wanted: [adapter] })
    expect(graph.nodes.slice(before).map(({ type }) => type)).toEqual(['Gemm'])
  })
})
