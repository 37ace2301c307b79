/** How many examples ended in which way. */
import type { Example } from '../records/index.ts'

export type StatusCounts = Partial<Record<Example['status'], number>>

export function countStatus(counts: StatusCounts, { status }: Example): void {
  counts[status] = (counts[status] ?? 0) + 1
}

/** `412 complete, 3 rubricFailed`. */
export function describeStatuses(statuses: StatusCounts): string {
  const counts = Object.entries(statuses)
  return counts.length === 0 ? 'no questions' : counts.map(([status, count]) => `${count} ${status}`).join(', ')
}
