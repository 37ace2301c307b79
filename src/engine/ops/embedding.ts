/** Rows of a table. */
import type { Value } from '../graph/graph.ts'
import { gatherRowsKernel } from './kernels.ts'

/** table [V, d] at ids [N] (int32) → [N, d]. */
export function embedding(table: Value, ids: Value): Value {
  const output = gatherRowsKernel(table, ids)
  return table.graph.record({ primitive: 'embedding', inputs: [table, ids], output, saved: {}, numbers: {} })
}
