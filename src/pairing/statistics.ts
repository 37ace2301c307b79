/** The two measures of the pairing rule. */

/** Population standard deviation; 0 for fewer than two values. */
export function populationStd(values: readonly number[]): number {
  if (values.length < 2) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

/** Number of pieces between single U+0020 characters: newlines do not separate, runs of spaces count each (arXiv 2604.20051). */
export function wordCount(text: string): number {
  let words = 1
  for (let at = text.indexOf(' '); at >= 0; at = text.indexOf(' ', at + 1)) words++
  return words
}
