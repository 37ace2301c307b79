/**
 * The derivative of every primitive of `ops/`, in one table. A rule turns the gradient of a step's output into terms
 * of the gradients of its inputs. To add a primitive: record it in `ops/`, give it a rule here, and a finite-difference
 * test beside the others.
 */
import type { TapeEntry, Value } from '../graph/graph.ts'
import type { GemmOptions } from '../ops/kernels.ts'
import {
  addKernel,
  concatKernel,
  gatherRowsKernel,
  gemmKernel,
  matmulKernel,
  mulKernel,
  padKernel,
  reshapeKernel,
  sliceKernel,
  subKernel,
  sumKernel,
  totalKernel,
  transposeKernel,
  unaryKernel,
} from '../ops/kernels.ts'
import { ropeKernel } from '../ops/rope.ts'
import type { RowTerm, Term } from './terms.ts'
import { productTerm, sumOfTerms, tensorTerm } from './terms.ts'

/** What one input receives. `rows` is for tables that are read by index. */
interface Contribution {
  readonly term?: Term
  readonly rows?: RowTerm
}

/** One contribution per input. It is a function, so that nothing is computed for an input that needs no gradient. */
export type Rule = (entry: TapeEntry, gradient: Value) => readonly (() => Contribution)[]

const none = (): Contribution => ({})

export const RULES: Readonly<Record<string, Rule>> = {
  add: (_entry, gradient) => [() => ({ term: tensorTerm(gradient) }), () => ({ term: tensorTerm(gradient) })],
  reshape: (entry, gradient) => [() => ({ term: tensorTerm(reshapeKernel(gradient, input(entry, 0).shape)) })],
  transpose: (entry, gradient) => [
    () => ({ term: tensorTerm(transposeKernel(gradient, invert(numbers(entry, 'permutation')))) }),
  ],
  rope: (entry, gradient) => [
    () => ({ term: tensorTerm(ropeKernel(gradient, saved(entry, 'cos'), saved(entry, 'negativeSin'))) }),
  ],
  embedding: (entry, gradient) => [() => ({ rows: { indices: input(entry, 1), rows: gradient } }), none],
  linear: linearRule,
  linearOnto: linearOntoRule,
  swiglu: swigluRule,
  rmsNorm: rmsNormRule,
  causalAttend: causalAttendRule,
  targetLogprobs: targetLogprobsRule,
  targetLogprobsAhead: targetLogprobsAheadRule,
}

function input(entry: TapeEntry, index: number): Value {
  const value = entry.inputs[index]
  if (value === undefined) throw new Error(`autodiff: ${entry.primitive} has no input ${index}`)
  return value
}

function saved(entry: TapeEntry, name: string): Value {
  const value = entry.saved[name]
  if (value === undefined) throw new Error(`autodiff: ${entry.primitive} has not saved ${name}`)
  return value
}

function numbers(entry: TapeEntry, name: string): readonly number[] {
  const list = entry.numbers[name]
  if (list === undefined) throw new Error(`autodiff: ${entry.primitive} has no numbers ${name}`)
  return list
}

function invert(permutation: readonly number[]): number[] {
  return permutation.map((_, axis) => permutation.indexOf(axis))
}

function product(a: Value, b: Value, options: Omit<GemmOptions, 'onto'> = {}): Contribution {
  return { term: productTerm(a, b, options) }
}

/** y = x Wᵀ + b: dx = dy W, dW = dyᵀ x, db = Σ dy. */
function linearRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const x = input(entry, 0)
  const rules = [() => product(dy, input(entry, 1)), () => product(dy, x, { transposeA: true })]
  if (entry.inputs.length === 3) rules.push(() => ({ term: tensorTerm(columnSums(dy)) }))
  return rules
}

/** y = base + s · x Wᵀ. */
function linearOntoRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const alpha = numbers(entry, 'scale')[0] ?? 1
  return [
    () => ({ term: tensorTerm(dy) }),
    () => product(dy, input(entry, 2), { alpha }),
    () => product(dy, input(entry, 1), { transposeA: true, alpha }),
  ]
}

/** Σ over all axes but the last: [..., d] → [d]. */
function columnSums(x: Value): Value {
  const d = x.dimension(-1)
  const matrix = reshapeKernel(x, [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), d])
  return reshapeKernel(sumKernel(matrix, 0), [d])
}

/** y = a u with a = silu(g): du = dy a; dg = dy u (s + a − a s) with s = sigmoid(g). */
function swigluRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const activation = saved(entry, 'activation')
  return [
    () => {
      const sigmoid = unaryKernel('Sigmoid', input(entry, 0))
      const slope = addKernel(sigmoid, subKernel(activation, mulKernel(activation, sigmoid)))
      return { term: tensorTerm(mulKernel(mulKernel(dy, input(entry, 1)), slope)) }
    },
    () => ({ term: tensorTerm(mulKernel(dy, activation)) }),
  ]
}

/** y = x̂ w with x̂ = x r, r = 1/rms(x): dw = Σ dy x̂; dx = r (dy w − x̂ · mean(dy w x̂)). */
function rmsNormRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const weight = input(entry, 1)
  const d = weight.dimension(0)
  const inverse = saved(entry, 'inverse')
  const { graph } = dy
  const normed = mulKernel(input(entry, 0), inverse)
  const correlation = mulKernel(dy, normed)
  return [
    () => {
      const rows = correlation.shape.slice(0, -1).reduce((a, b) => a * b, 1)
      const flat = reshapeKernel(correlation, [rows, d])
      const mean = gemmKernel(flat, reshapeKernel(weight, [d, 1]), { alpha: 1 / d })
      const along = mulKernel(normed, reshapeKernel(mean, inverse.shape))
      return { term: tensorTerm(mulKernel(subKernel(mulKernel(dy, weight), along), inverse)) }
    },
    () => ({ term: tensorTerm(graph.memo(`columnSums:${correlation.name}`, () => columnSums(correlation))) }),
  ]
}

/**
 * Block by block, o = p v, p = softmax(s q kᵀ): dv = pᵀ do; dp = do vᵀ; dS = p (dp − Σ do o); dq = s dS k; dk = s dSᵀ q.
 * The keys of a block are one or two ranges of all keys, so their gradients are padded and added.
 */
function causalAttendRule(entry: TapeEntry, dOut: Value): (() => Contribution)[] {
  const alpha = numbers(entry, 'scale')[0] ?? 1
  const length = input(entry, 1).dimension(2)
  const ends = numbers(entry, 'ends')
  const blocks = ends.map((end, index) => {
    const part = (name: string): Value => saved(entry, `${name}${index}`)
    const dPart = sliceKernel(dOut, 2, [ends[index - 1] ?? 0, end])
    const dWeights = matmulKernel(dPart, part('v'), { transposeB: true })
    // Σ_j p_j dp_j = do · o, so the sum runs over the head's length instead of the sequence's.
    const dScores = mulKernel(part('p'), subKernel(dWeights, sumKernel(mulKernel(dPart, part('o')), -1)))
    return { part, dPart, dScores, keys: numbers(entry, `keys${index}`) }
  })
  const keySum = (terms: readonly Value[]): Term =>
    tensorTerm(totalKernel(terms.flatMap((term, index) => placed(term, blocks[index]?.keys ?? [], length))))
  return [
    () => ({
      term: tensorTerm(
        concatKernel(
          blocks.map((b) => matmulKernel(b.dScores, b.part('k'), { alpha })),
          2,
        ),
      ),
    }),
    () => ({ term: keySum(blocks.map((b) => matmulKernel(b.dScores, b.part('q'), { transposeA: true, alpha }))) }),
    () => ({ term: keySum(blocks.map((b) => matmulKernel(b.part('p'), b.dPart, { transposeA: true }))) }),
  ]
}

/** The parts of a block's keys [B, K, n, h], each in its place among all `length` keys. `ranges`: start, end, start, end … */
function placed(term: Value, ranges: readonly number[], length: number): Value[] {
  const parts: Value[] = []
  let at = 0
  for (let i = 0; i < ranges.length; i += 2) {
    const [start = 0, end = 0] = ranges.slice(i, i + 2)
    parts.push(padKernel(sliceKernel(term, 2, [at, at + end - start]), 2, length, start))
    at += end - start
  }
  return parts
}

/** ℓ = log p[target], p = softmax(x Wᵀ): dx = g (W[target] − p W); dW = −pᵀ (g x), and rows g x at the targets. */
function targetLogprobsRule(entry: TapeEntry, gradient: Value): (() => Contribution)[] {
  const [x, weight, targets] = [input(entry, 0), input(entry, 1), input(entry, 2)]
  const scale = reshapeKernel(gradient, [x.dimension(0), 1])
  const blocks = Object.entries(entry.saved).map(([start, logprobs]) => ({
    range: [Number(start), Number(start) + logprobs.dimension(0)] as const,
    probabilities: unaryKernel('Exp', logprobs),
  }))
  const weighted = mulKernel(x, scale)
  return [
    () => {
      const expected = concatKernel(
        blocks.map((block) => gemmKernel(block.probabilities, weight)),
        0,
      )
      return { term: tensorTerm(mulKernel(subKernel(gatherRowsKernel(weight, targets), expected), scale)) }
    },
    () => ({
      term: sumOfTerms(
        blocks.map(({ range, probabilities }) =>
          productTerm(probabilities, sliceKernel(weighted, 0, range), { transposeA: true, alpha: -1 }),
        ),
      ),
      rows: { indices: targets, rows: weighted },
    }),
    none,
  ]
}

/** The same where the forward pass has done most of it already (`ops/head.ts`). */
function targetLogprobsAheadRule(entry: TapeEntry, gradient: Value): (() => Contribution)[] {
  if (gradient !== saved(entry, 'seeds')) throw new Error('autodiff: the head was told another gradient than it gets')
  const [x, targets] = [input(entry, 0), input(entry, 2)]
  const scale = reshapeKernel(gradient, [x.dimension(0), 1])
  return [
    () => ({ term: tensorTerm(mulKernel(saved(entry, 'slopes'), scale)) }),
    () => {
      const dWeight = saved(entry, 'dWeight')
      const term: Term = (sum) => (sum === saved(entry, 'onto') ? dWeight : tensorTerm(dWeight)(sum))
      return { term, rows: { indices: targets, rows: mulKernel(x, scale) } }
    },
    none,
  ]
}
