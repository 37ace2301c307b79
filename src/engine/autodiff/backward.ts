/**
 * Reverse-mode differentiation: walks the tape backwards and adds the nodes of the gradient to the same graph.
 * Knows no primitive; the rules do.
 */
import type { Graph, TapeEntry, Value } from '../graph/graph.ts'
import { delayedKernel } from '../ops/kernels.ts'
import { RULES } from './rules.ts'
import type { RowTerm, Term } from './terms.ts'
import { sumOfTerms, tensorTerm } from './terms.ts'

/** The gradient of one parameter. */
export interface Gradient {
  /** A tensor of the parameter's shape; absent when only rows are touched. */
  readonly dense: Value | undefined
  /** Rows to be added at indices (tables read by index), outside the graph: ONNX's scatter-add races with threads. */
  readonly rows: readonly RowTerm[]
}

/** What is to be differentiated. */
export interface BackwardRequest {
  /** The gradient of the loss with respect to each of these values. */
  readonly seeds: ReadonlyMap<Value, Value>
  /** The values whose gradients are wanted: all of them inputs of the graph. */
  readonly wanted: readonly Value[]
  /** Gives, for a wanted value with a dense gradient, the tensor that the gradient is added onto. */
  readonly onto?: (value: Value) => Value
}

/** Terms gathered so far, per value. */
interface Ledger {
  readonly terms: Map<Value, Term[]>
  readonly rows: Map<Value, RowTerm[]>
}

/** Throws Error when a step on the way has no rule, naming it, or when a wanted value has no path to the seeds. */
export function backward(graph: Graph, { seeds, wanted, onto }: BackwardRequest): Map<Value, Gradient> {
  const ledger = gather(graph.tape, seeds, wanted)
  return new Map(wanted.map((value) => [value, collect(value, ledger, onto)]))
}

/** Walks a tape backwards from the seeds. */
function gather(tape: readonly TapeEntry[], seeds: ReadonlyMap<Value, Value>, wanted: readonly Value[]): Ledger {
  const active = reachable(tape, wanted)
  const ledger: Ledger = { terms: new Map(), rows: new Map() }
  for (const [value, seed] of seeds) push(ledger.terms, value, tensorTerm(seed))
  for (const entry of tape.toReversed()) {
    const terms = ledger.terms.get(entry.output)
    if (terms === undefined || !active.has(entry.output)) continue
    differentiate(entry, sumOfTerms(terms)(undefined), active, ledger)
  }
  return ledger
}

/** Everything that depends on one of `wanted`, those included. */
function reachable(tape: readonly TapeEntry[], wanted: readonly Value[]): Set<Value> {
  const active = new Set<Value>(wanted)
  for (const entry of tape) {
    if (entry.inputs.some((input) => active.has(input))) active.add(entry.output)
  }
  return active
}

function differentiate(entry: TapeEntry, gradient: Value, active: ReadonlySet<Value>, ledger: Ledger): void {
  if (entry.replay !== undefined) {
    differentiateReplayed(entry, entry.replay, gradient, { active, ledger })
    return
  }
  const rule = RULES[entry.primitive]
  if (rule === undefined) throw new Error(`autodiff: there is no rule for the primitive ${entry.primitive}`)
  const contributions = rule(entry, gradient)
  entry.inputs.forEach((input, index) => {
    if (!active.has(input)) return
    const { term, rows } = contributions[index]?.() ?? {}
    if (term !== undefined) push(ledger.terms, input, term)
    if (rows !== undefined) push(ledger.rows, input, rows)
  })
}

/** Computes the step again, once the gradient of its output is there, and differentiates that. */
function differentiateReplayed(
  { inputs, output }: TapeEntry,
  replay: (input: Value) => Value,
  gradient: Value,
  { active, ledger }: { active: ReadonlySet<Value>; ledger: Ledger },
): void {
  const [first, ...others] = inputs
  if (first === undefined) throw new Error('autodiff: a replayed step has no input')
  const again = delayedKernel(first, [gradient])
  const { value, tape } = output.graph.recordAside(() => replay(again))
  const wanted = others.filter((other) => active.has(other))
  const inner = gather(tape, new Map([[value, gradient]]), active.has(first) ? [again, ...wanted] : wanted)
  for (const [outside, inside] of [[first, again] as const, ...wanted.map((other) => [other, other] as const)]) {
    for (const term of inner.terms.get(inside) ?? []) push(ledger.terms, outside, term)
    for (const rows of inner.rows.get(inside) ?? []) push(ledger.rows, outside, rows)
  }
}

function collect(value: Value, ledger: Ledger, onto: BackwardRequest['onto']): Gradient {
  const terms = ledger.terms.get(value)
  const rows = ledger.rows.get(value) ?? []
  if (terms === undefined && rows.length === 0) {
    throw new Error(`autodiff: the loss does not depend on ${value.name}`)
  }
  return { dense: terms === undefined ? undefined : sumOfTerms(terms)(onto?.(value)), rows }
}

function push<K, V>(lists: Map<K, V[]>, key: K, item: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
