/**
 * Length and Markdown of an answer, as Arena-Hard's style control counts them: headers, list items and bold spans outside of
 * code blocks. Pure, linear.
 */

export interface StyleCounts {
  readonly length: number
  readonly headers: number
  readonly lists: number
  readonly bold: number
}

/** `length` is in words and marks of punctuation, about the tokens of a tokenizer. */
export function styleOf(answer: string): StyleCounts {
  const prose = withoutCode(answer)
  const lines = prose.split('\n')
  return {
    length: answer.match(/[\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}\s]/gu)?.length ?? 0,
    headers: count(lines, /^#{1,6}(\s|$)/),
    lists: count(lines, /^\s*(?:\d+\.|[-*+])(\s|$)/),
    bold: (prose.match(/\*\*[^*\n]+\*\*/g)?.length ?? 0) + (prose.match(/__[^_\n]+__/g)?.length ?? 0),
  }
}

/** White space has to follow the mark: a line end does, the text's end does not. */
function count(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line, i) => {
    const found = pattern.exec(line)
    return found !== null && (found[1] !== '' || i < lines.length - 1)
  }).length
}

/** What stands between two triple backquotes goes, the backquotes stay. */
function withoutCode(text: string): string {
  return text.replaceAll(/```[^`]*```/g, '``````')
}

/** How `answer` differs from `baseline`: relative length, then the densities of headers, lists and bold text. */
export function styleDifference(answer: StyleCounts, baseline: StyleCounts): number[] {
  const both = answer.length + baseline.length
  const density = (of: StyleCounts, what: 'headers' | 'lists' | 'bold'): number => of[what] / (of.length + 1)
  const densities = (['headers', 'lists', 'bold'] as const).map((what) => {
    const [mine, theirs] = [density(answer, what), density(baseline, what)]
    return (mine - theirs) / (mine + theirs + 1)
  })
  return [both === 0 ? 0 : (answer.length - baseline.length) / both, ...densities]
}
