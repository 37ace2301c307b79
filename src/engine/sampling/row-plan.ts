/**
 * How many answers the cache takes at a time, and how long its rows have to be. All rows of a cache are equally long, so
 * one long answer takes places from others. Pure.
 */

export interface Waiting {
  /** Tokens that a row needs for it to begin. */
  room: number
  /** Answers that have no row yet. */
  answers: number
}

export interface RowLimits {
  /** Most answers in progress at a time, whatever their length. */
  maxRows: number
  /** How many rows of so many tokens there is memory for. */
  rowsOf: (capacity: number) => number
}

export interface RowPlan {
  /** Tokens per row. */
  capacity: number
  rowLimit: number
  /** How many from the head of those that wait can begin, the last one perhaps with some of its answers only. */
  admitted: number
}

/**
 * Lets in whoever waits, in the order of arrival, as long as the rows that it needs leave a place for it: a long one
 * waits for others to finish and is not overtaken.
 * @param rooms tokens that the rows in use are promised
 */
export function planRows(rooms: readonly number[], waiting: readonly Waiting[], limits: RowLimits): RowPlan {
  const limitFor = (capacity: number): number => Math.min(limits.maxRows, limits.rowsOf(capacity))
  let capacity = Math.max(1, ...rooms)
  let answers = rooms.length
  let admitted = 0
  for (const next of waiting) {
    const wanted = Math.max(capacity, next.room)
    const rowLimit = limitFor(wanted)
    if (answers >= rowLimit) break
    capacity = wanted
    answers = Math.min(rowLimit, answers + next.answers)
    admitted++
  }
  return { capacity, rowLimit: limitFor(capacity), admitted }
}
