/** A histogram whose bins are filters: press one, or press another to span a range; press again to let go. */
import type { VNode } from 'preact'
import { flat } from '../../charts/drawing.ts'
import { binName, binSize, drawHistogram } from '../../charts/histogram.ts'
import { count, short } from '../../views/format.ts'
import type { Histogram, Measure, Range, ScoreScale } from '../../views/wire.ts'
import { element, viewBox } from './chart.tsx'

const titles: Readonly<Record<Measure, string>> = {
  mean: 'Mean score',
  best: 'Best score',
  std: 'Spread of scores',
  margin: 'Score of chosen − rejected',
  words: 'Words per answer',
  wordGap: 'Words of chosen − rejected',
}

interface Props {
  readonly histogram: Histogram
  readonly scale: ScoreScale
  readonly range: Range | undefined
  readonly onChange: (range: Range | undefined) => void
}

export function HistogramFilter({ histogram, scale, range, onChange }: Props): VNode {
  const { measure, bins } = histogram
  const onScale = measure === 'mean' || measure === 'best' ? ` (${scale.min} to ${scale.max})` : ''
  const title = `${titles[measure]}${onScale}`
  const isPressed = (bin: number): boolean => range !== undefined && isInside(binRange(histogram, bin), range)
  const press = (bin: number, extend: boolean): void => onChange(pressed(histogram, bin, range, extend))
  return (
    <fieldset class="histogram">
      <legend>
        {title}{' '}
        {range !== undefined && (
          <>
            <span class="soft">
              {short(range.from)} to {short(range.to)}
            </span>{' '}
            <button type="button" class="small" onClick={() => onChange(undefined)} aria-label={`Clear: ${title}`}>
              clear
            </button>
          </>
        )}
      </legend>
      <div class="plot">
        <svg class="chart" viewBox={viewBox(flat)} aria-hidden="true">
          {drawHistogram(title, histogram, flat, isPressed).shapes.map(element)}
        </svg>
        <div class="bins" style={overArea}>
          {bins.map((n, bin) => (
            <button
              key={bin}
              type="button"
              class="bin"
              aria-pressed={isPressed(bin)}
              aria-label={`${title} ${binName(histogram, bin)}: ${count(n)} questions`}
              title={`${binName(histogram, bin)}: ${count(n)}`}
              onClick={(event) => press(bin, event.shiftKey)}
            />
          ))}
        </div>
      </div>
    </fieldset>
  )
}

/** The buttons lie over the bars. */
const overArea = {
  left: `${(100 * flat.left) / flat.width}%`,
  right: `${100 - (100 * flat.right) / flat.width}%`,
  top: `${(100 * flat.top) / flat.height}%`,
  bottom: `${100 - (100 * flat.bottom) / flat.height}%`,
}

/** What a bin filters by; the last one takes its upper end in. */
function binRange(histogram: Histogram, bin: number): Range {
  const size = binSize(histogram)
  const last = bin === histogram.bins.length - 1
  const { from } = histogram
  return { from: rounded(from + bin * size), to: rounded(from + (bin + 1) * size + (last ? size / 1000 : 0)) }
}

function isInside(inner: Range, outer: Range): boolean {
  return inner.from >= outer.from - 1e-9 && inner.to <= outer.to + 1e-9
}

/** The range after a press: that bin, the span up to it, or nothing when it was the only one. */
function pressed(histogram: Histogram, bin: number, range: Range | undefined, extend: boolean): Range | undefined {
  const own = binRange(histogram, bin)
  if (range === undefined) return own
  if (extend) return { from: Math.min(range.from, own.from), to: Math.max(range.to, own.to) }
  const isOnly = isInside(own, range) && range.to - range.from < binSize(histogram) * 1.5
  return isOnly ? undefined : own
}

function rounded(value: number): number {
  return Number(value.toPrecision(9))
}
