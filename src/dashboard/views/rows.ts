/** From an example to its row in the table. Pure. */
import type { Candidate, Example } from '../../records/index.ts'
import { countFlips, type ScoringMode } from './flips.ts'
import type { AnswerPair, ExampleRow, Outcome } from './wire.ts'

const titleLength = 240

export interface RowOutcome {
  readonly outcome: Outcome
  readonly chosen: number | null
  readonly rejected: number | null
  /** Pairs beyond that one, which is the first. */
  readonly others?: readonly AnswerPair[]
}

/**
 * @param mode how the answers were scored; null where that is not known
 * @param words of each candidate's answer, in the order of the candidates; null where there is none
 */
export function exampleRow(
  example: Example,
  { outcome, chosen, rejected }: RowOutcome,
  mode: ScoringMode | null,
  words: readonly (number | null)[] = answerWords(example),
): ExampleRow {
  const { candidates } = example
  const scores = candidates.flatMap(scoreOf)
  const valid = words.filter((count) => count !== null)
  const placeOf = (index: number | null): number => candidates.findIndex((candidate) => candidate.index === index)
  const wordsAt = (index: number | null): number | null => words[placeOf(index)] ?? null
  const scoreAt = (index: number | null): number | null => {
    const candidate = candidates[placeOf(index)]
    return candidate === undefined ? null : (scoreOf(candidate)[0] ?? null)
  }
  return {
    round: example.round,
    documentId: example.documentId,
    questionIndex: example.questionIndex,
    task: example.task,
    title: (example.question?.problem ?? example.document).slice(0, titleLength),
    status: example.status,
    outcome,
    chosen,
    rejected,
    candidates: candidates.length,
    valid: valid.length,
    scored: scores.length,
    mean: mean(scores),
    best: scores.length === 0 ? null : Math.max(...scores),
    worst: scores.length === 0 ? null : Math.min(...scores),
    std: deviation(scores),
    margin: difference(scoreAt(chosen), scoreAt(rejected)),
    words: mean(valid),
    wordGap: difference(wordsAt(chosen), wordsAt(rejected)),
    ...countFlips(example, mode),
    unscored: countReasons(candidates),
  }
}

export function answerWords({ candidates }: Example): (number | null)[] {
  return candidates.map(({ answer }) => (answer === null ? null : countWords(answer)))
}

export function scoreOf({ score }: Candidate): number[] {
  return score.status === 'scored' && Number.isFinite(score.value) ? [score.value] : []
}

/** Pieces between white space. By character: of a gigabyte of answers, a pattern's matches would be most of the work. */
export function countWords(text: string): number {
  let [words, inWord] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const isSpace = isWhiteSpace(text.charCodeAt(i))
    if (!isSpace && !inWord) words++
    inWord = !isSpace
  }
  return words
}

function isWhiteSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d)
  return code === 0xa0 || (code >= 0x1680 && /\s/.test(String.fromCharCode(code)))
}

export function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number | null {
  const middle = mean(values)
  if (middle === null) return null
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length)
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}

function countReasons(candidates: readonly Candidate[]): Partial<Record<string, number>> {
  const counts: Partial<Record<string, number>> = {}
  for (const { score } of candidates) {
    if (score.status === 'unscored') counts[score.reason] = (counts[score.reason] ?? 0) + 1
  }
  return counts
}

/** The mean with its 95 % interval by the normal approximation; `n` tells how many values it stands for. */
export function meanInterval(
  values: readonly number[],
  n = values.length,
): { mean: number; low: number; high: number; n: number } | null {
  const middle = mean(values)
  if (middle === null) return null
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1)
  const half = 1.96 * Math.sqrt(variance / values.length)
  return { mean: middle, low: middle - half, high: middle + half, n }
}
