/**
 * Scores of named criteria in a judge's reply, lines such as `Coherent: 14` or `Coherent: [14]`, as EQ-Bench's creative
 * writing reads them; of a name that comes twice the last counts. Only names that were asked for count, and only 0 to 20:
 * a number in the judge's prose is no score. Pure, linear.
 */
const HIGHEST = 20
const LINE = /^(.*?):\s*(?:score\s+)?\[?(-?\d{1,6}(?:\.\d{1,6})?)/i
/** Longer lines are prose. */
const LONGEST_LINE = 200

export function readCriterionScores(reply: string, criteria: readonly string[]): ReadonlyMap<string, number> {
  const names = new Map(criteria.map((name) => [plain(name), name]))
  const scores = new Map<string, number>()
  for (const line of reply.split('\n')) {
    const found = line.length > LONGEST_LINE ? null : LINE.exec(line.replaceAll('*', ''))
    const name = names.get(plain(found?.[1] ?? ''))
    const score = Number(found?.[2])
    if (name !== undefined && score >= 0 && score <= HIGHEST) scores.set(name, score)
  }
  return scores
}

/** A name without the marks of a list and without regard to case. */
function plain(name: string): string {
  return name
    .replace(/^[\s\-#>]*(?:\d{1,3}[.)])?\s*/, '')
    .trimEnd()
    .toLowerCase()
}
