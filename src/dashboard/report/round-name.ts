/** What a round is called in the report. */
export function roundName(round: number): string {
  return round === 0 ? 'before' : `round ${round}`
}
