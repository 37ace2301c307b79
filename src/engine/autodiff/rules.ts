/**
 * The derivative of every primitive of `ops/`, in one table. A rule turns the gradient of a step's output into terms
 * of the gradients of its inputs. To add a primitive: record it in `ops/`, give it a rule here, and a finite-difference
 * test beside the others.
 */
import type { TapeEntry, Value } from '../graph/graph.ts'
import type { GemmOptions } from '../ops/kernels.ts'
import {
  addKernel,
  asRowsKernel,
  concatKernel,
  gatherRowsKernel,
  gemmKernel,
  lastAxisKernel,
  matmulKernel,
  mulKernel,
  padKernel,
  reshapeKernel,
  sliceKernel,
  subKernel,
  sumKernel,
  totalKernel,
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

type RopeInputs = [positions: Value, cos: Value, sin: Value]

export const RULES: Readonly<Record<string, Rule>> = {
  add: (_entry, gradient) => [() => ({ term: tensorTerm(gradient) }), () => ({ term: tensorTerm(gradient) })],
  reshape: (entry, gradient) => [() => ({ term: tensorTerm(reshapeKernel(gradient, input(entry, 0).shape)) })],
  rope: (entry, gradient) => [
    () => {
      const [positions, cos, sin] = ['positions', 'cos', 'negativeSin'].map((name) => saved(entry, name)) as RopeInputs
      return { term: tensorTerm(ropeKernel(gradient, positions, cos, sin)) }
    },
  ],
  takeRows: takeRowsRule,
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

/** Every row gets what the places it was taken to have: dy [..., width] → the shape of x. */
function takeRowsRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const { shape } = input(entry, 0)
  const inverse = saved(entry, 'inverse')
  return [
    () => {
      const rows = asRowsKernel(dy, dy.dimension(-1))
      // Place by place: ONNX Runtime's sum over a short axis inside takes ten times as long.
      const taken = Array.from({ length: inverse.dimension(-1) }, (_, place) =>
        gatherRowsKernel(rows, lastAxisKernel(inverse, place)),
      )
      return { term: tensorTerm(reshapeKernel(totalKernel(taken), shape)) }
    },
  ]
}

/** Σ over all axes but the last: [..., d] → [d]. */
function columnSums(x: Value): Value {
  return reshapeKernel(sumKernel(asRowsKernel(x, x.dimension(-1)), 0), [x.dimension(-1)])
}

/** y = a u with a = g s, s = sigmoid(g): du = dy a; dg = dy u (s + a − a s) = dy (y + s (u − y)). */
function swigluRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const { output } = entry
  return [
    () => {
      const rest = mulKernel(saved(entry, 'sigmoid'), subKernel(input(entry, 1), output))
      return { term: tensorTerm(mulKernel(dy, addKernel(output, rest))) }
    },
    () => ({ term: tensorTerm(mulKernel(dy, saved(entry, 'activation'))) }),
  ]
}

/** y = x̂ w with x̂ = x r, r = 1/rms(x): dw = Σ dy x̂; dx = r (dy w − x̂ · mean(dy w x̂)). */
function rmsNormRule(entry: TapeEntry, dy: Value): (() => Contribution)[] {
  const weight = input(entry, 1)
  const inverse = saved(entry, 'inverse')
  const { graph } = dy
  const normed = mulKernel(input(entry, 0), inverse)
  const correlation = mulKernel(dy, normed)
  return [
    () => {
      const along = mulKernel(normed, weightedMean(correlation, weight))
      return { term: tensorTerm(mulKernel(subKernel(mulKernel(dy, weight), along), inverse)) }
    },
    () => ({ term: tensorTerm(graph.memo(`columnSums:${correlation.name}`, () => columnSums(correlation))) }),
  ]
}

/** mean(x w) over the last axis: x [..., d], w [d] → [..., 1]. Of a matrix it is a product. */
function weightedMean(x: Value, weight: Value): Value {
  const d = weight.dimension(0)
  if (x.shape.length === 2) return gemmKernel(x, reshapeKernel(weight, [d, 1]), { alpha: 1 / d })
  return sumKernel(mulKernel(x, mulKernel(weight, x.graph.sharedConstant([1 / d], [1]))), -1)
}

/**
 * Block by block, o = p v, p = softmax(s q kᵀ): dv = pᵀ do; dp = do vᵀ; dS = p (dp − Σ do o); dq = s dS k; dk = s dSᵀ q.
 * A block's keys are the first of all keys, so their gradients are padded and added.
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
    return { part, dPart, dScores }
  })
  const keySum = (terms: readonly Value[]): Term =>
    tensorTerm(totalKernel(terms.map((term) => padKernel(term, 2, length))))
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

/** ℓ = log p[target], p = softmax(x Wᵀ): dx = g (W[target] − p W); dW = −pᵀ (g x), and rows g x at the targets. */
function targetLogprobsRule(entry: TapeEntry, gradient: Value): (() => Contribution)[] {
  const [x, weight, targets] = [input(entry, 0), input(entry, 1), input(entry, 2)]
  const scale = reshapeKernel(gradient, [x.extent(0), 1])
  const blocks = Object.entries(entry.saved).map(([start, logprobs]) => ({
    logprobs,
    start: Number(start),
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
        blocks.map(({ start, logprobs, probabilities }) => {
          const rows = blocks.length === 1 ? weighted : sliceKernel(weighted, 0, [start, start + logprobs.dimension(0)])
          return productTerm(probabilities, rows, { transposeA: true, alpha: -1 })
        }),
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
