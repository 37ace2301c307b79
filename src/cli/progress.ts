/**
 * Shows run events to a person: a line that redraws itself on a terminal, plain lines elsewhere. Writes to stderr only.
 * Knows events, not who emits them.
 */
import type { Clock } from '../core/clock.ts'
import type { OnRunEvent, RunEvent, RunStage } from '../records/index.ts'
import { describeResult, duration, grouped } from './format.ts'
import type { Terminal } from './terminal.ts'

export interface Progress {
  readonly onEvent: OnRunEvent
  /** Takes the live line away, so that other output can follow. */
  stop(): void
}

/** Milliseconds between redraws of the live line, and between plain lines of one stage. */
const REDRAW_MS = 100
const PLAIN_MS = 10_000

type ProgressEvent = Extract<RunEvent, { type: 'progress' }>
type StepEvent = Extract<RunEvent, { type: 'step' }>

interface StageClock {
  readonly name: string
  readonly startedAt: number
  lastShownAt: number
  /** Work that was done before this process began: a resume must not count it as speed. */
  doneAtStart: number | undefined
}

/** A display of events on `terminal`. */
export function createProgress(terminal: Terminal, clock: Clock): Progress {
  let stage: StageClock | undefined
  let drawn = false

  const clear = (): void => {
    if (drawn) terminal.control('\r\u001B[2K')
    drawn = false
  }
  const line = (text: string): void => {
    clear()
    terminal.say(text)
  }
  const enter = (round: number, name: RunStage): StageClock => {
    const label = stageLabel(round, name)
    if (stage?.name !== label) {
      const now = clock.monotonic()
      stage = { name: label, startedAt: now, lastShownAt: -Infinity, doneAtStart: undefined }
    }
    return stage
  }
  /** Shows a passing state: redrawn on a live terminal, now and then a line elsewhere. */
  const passing = (here: StageClock, text: () => string, last: boolean): void => {
    const now = clock.monotonic()
    const due = now - here.lastShownAt >= (terminal.live ? REDRAW_MS : PLAIN_MS)
    if (!due && !(last && terminal.live)) return
    here.lastShownAt = now
    if (terminal.live) {
      terminal.control(`\r\u001B[2K${cut(text(), terminal.columns() - 1)}`)
      drawn = true
    } else if (now > here.startedAt) {
      terminal.say(text())
    }
  }

  const onEvent = (event: RunEvent): void => {
    switch (event.type) {
      case 'stage': {
        const here = enter(event.round, event.stage)
        if (event.state === 'finished') line(finished(terminal, here, clock, event.summary))
        else if (!terminal.live) line(`${here.name} …${event.total === undefined ? '' : ` ${grouped(event.total)}`}`)
        return
      }
      case 'progress': {
        const here = enter(event.round, event.stage)
        here.doneAtStart ??= event.done
        passing(here, () => progressText(here, clock, event), event.done >= event.total)
        return
      }
      case 'step': {
        const here = enter(event.round, 'train')
        passing(here, () => stepText(here, clock, event), event.step.step >= event.total)
        return
      }
      case 'evaluation':
        line(describeResult(event.result))
        return
      case 'note':
        line(event.text)
    }
  }
  return { onEvent, stop: clear }
}

function stageLabel(round: number, stage: RunStage): string {
  return round === 0 ? stage : `round ${round} ${stage}`
}

function finished(terminal: Terminal, here: StageClock, clock: Clock, summary: string | undefined): string {
  const took = duration((clock.monotonic() - here.startedAt) / 1000)
  const what = summary === undefined ? '' : `: ${summary}`
  return `${terminal.style('green', '✓')} ${here.name}${what} ${terminal.style('dim', `(${took})`)}`
}

function progressText(here: StageClock, clock: Clock, event: ProgressEvent): string {
  const seconds = (clock.monotonic() - here.startedAt) / 1000
  const parts = [`${here.name} ${bar(event.done, event.total)} ${grouped(event.done)}/${grouped(event.total)}`]
  if (event.failed > 0) parts.push(`${grouped(event.failed)} failed`)
  if (event.inFlight > 0) parts.push(`${grouped(event.inFlight)} in flight`)
  const tokens = event.promptTokens + event.completionTokens
  if (tokens > 0 && seconds > 1) parts.push(`${grouped(Math.round(tokens / seconds))} tok/s`)
  const left = remaining(event.done - (here.doneAtStart ?? 0), event.total - event.done, seconds)
  return [...parts, ...left].join(' · ')
}

function stepText(here: StageClock, clock: Clock, { step, total }: StepEvent): string {
  const seconds = (clock.monotonic() - here.startedAt) / 1000
  const parts = [
    `${here.name} ${bar(step.step, total)} step ${step.step}/${total}`,
    `loss ${step.loss.toFixed(4)}`,
    `margin ${step.margin.toFixed(3)}`,
    `accuracy ${step.accuracy.toFixed(2)}`,
    `${grouped(Math.round(step.tokensPerSecond))} tok/s`,
  ]
  return [...parts, ...remaining(step.step, total - step.step, seconds)].join(' · ')
}

/** The time left at the speed so far, once there is a speed to speak of. */
function remaining(done: number, left: number, seconds: number): string[] {
  if (done <= 0 || left <= 0 || seconds < 2) return []
  return [`${duration((left * seconds) / done)} left`]
}

function bar(done: number, total: number): string {
  const width = 16
  const filled = total <= 0 ? 0 : Math.min(width, Math.floor((width * done) / total))
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
}
