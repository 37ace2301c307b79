/**
 * The parts that a gradient is summed from. A product can be added onto what is there already at no cost (Gemm's C
 * input), so a term is not computed until the sum so far is known.
 */
import type { Value } from '../graph/graph.ts'
import type { GemmOptions } from '../ops/kernels.ts'
import { addKernel, gemmKernel } from '../ops/kernels.ts'

/** Computes (sum so far, if any) + this term. */
export type Term = (sum: Value | undefined) => Value

/** A term that exists as a tensor. */
export function tensorTerm(value: Value): Term {
  return (sum) => (sum === undefined ? value : addKernel(sum, value))
}

/** A term that is a matrix product. */
export function productTerm(a: Value, b: Value, options: Omit<GemmOptions, 'onto'> = {}): Term {
  return (sum) => gemmKernel(a, b, { ...options, onto: sum })
}

/** Several terms as one. */
export function sumOfTerms(terms: readonly Term[]): Term {
  return (sum) => {
    const total = terms.reduce<Value | undefined>((partial, term) => term(partial), sum)
    if (total === undefined) throw new Error('autodiff: a sum of no terms')
    return total
  }
}

/** Rows to be added to a table at the given indices, outside the graph. rows [N, d], indices [N] (int32). */
export interface RowTerm {
  readonly indices: Value
  readonly rows: Value
}
