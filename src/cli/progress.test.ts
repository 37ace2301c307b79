import { describe, expect, it } from 'vitest'
import type { RunEvent, TrainingStep } from '../records/index.ts'
import { createProgress } from './progress.ts'
import { fakeContext } from './testing/fake-context.ts'

function progressEvent(done: number, total = 100): RunEvent {
  const counts = { inFlight: 4, failed: 0, promptTokens: done * 80, completionTokens: done * 20 }
  return { type: 'progress', round: 1, stage: 'solve', done, total, ...counts }
}

const step: TrainingStep = {
  step: 3,
  epoch: 0.3,
  learningRate: 1e-4,
  loss: 0.65432,
  gradNorm: 1,
  chosenLogprob: -10,
  rejectedLogprob: -12,
  margin: 0.25,
  accuracy: 0.75,
  tokens: 1000,
  seconds: 1,
  tokensPerSecond: 1000,
}

const started: RunEvent = { type: 'stage', round: 1, stage: 'solve', state: 'started', total: 100 }
const finished: RunEvent = { type: 'stage', round: 1, stage: 'solve', state: 'finished', summary: '98 answered' }

describe('progress without a live terminal', () => {
  it('says when a stage starts and ends, and where it is every ten seconds', () => {
    const context = fakeContext()
    const { onEvent } = createProgress(context.terminal, context.clock)
    onEvent(started)
    for (let done = 0; done <= 100; done++) {
      onEvent(progressEvent(done))
      context.advance(250)
    }
    onEvent(finished)
    const lines = context.output.stderr.trimEnd().split('\n')
    expect(lines[0]).toBe('round 1 solve … 100')
    expect(lines.at(-1)).toBe('✓ round 1 solve: 98 answered (25.3 s)')
    expect(lines.slice(1, -1)).toEqual([
      'round 1 solve ██████░░░░░░░░░░ 40/100 · 4 in flight · 400 tok/s · 15.0 s left',
      'round 1 solve ████████████░░░░ 80/100 · 4 in flight · 400 tok/s · 5.0 s left',
    ])
    expect(context.output.stdout).toBe('')
    expect(context.output.stderr).not.toContain('\u001B')
  })

  it('does not count what was done before a resume as speed', () => {
    const context = fakeContext()
    const { onEvent } = createProgress(context.terminal, context.clock)
    onEvent(progressEvent(90))
    context.advance(10_000)
    onEvent(progressEvent(95))
    expect(context.output.stderr).toContain('95/100')
    expect(context.output.stderr).toContain('10.0 s left')
  })

  it('shows training steps, results and notes', () => {
    const context = fakeContext()
    const { onEvent } = createProgress(context.terminal, context.clock)
    onEvent({ type: 'stage', round: 2, stage: 'train', state: 'started' })
    context.advance(12_000)
    onEvent({ type: 'step', round: 2, step, total: 9 })
    onEvent({ type: 'note', text: 'a note' })
    onEvent({
      type: 'evaluation',
      result: {
        suite: 'heldout',
        round: 0,
        policy: 'm',
        judge: 'oracle',
        sampled: { mean: 0.4, low: 0.3, high: 0.5, n: 10 },
        greedy: null,
        validity: 0.98,
        meanAnswerWords: 20.34,
        unscored: 2,
        perQuestion: [],
      },
    })
    expect(context.output.stderr.split('\n')).toEqual([
      'round 2 train …',
      'round 2 train █████░░░░░░░░░░░ step 3/9 · loss 0.6543 · margin 0.250 · accuracy 0.75 · 1,000 tok/s · 24.0 s left',
      'a note',
      'heldout before: sampled 0.400 [0.300, 0.500] · valid 98.0 % · 20.3 words · 2 unscored',
      '',
    ])
  })
})

describe('progress on a live terminal', () => {
  it('redraws one line, at most ten times a second, never wider than the terminal', () => {
    const context = fakeContext({ live: true, columns: 40 })
    const { onEvent, stop } = createProgress(context.terminal, context.clock)
    onEvent(started)
    for (let done = 0; done <= 100; done++) {
      onEvent(progressEvent(done))
      context.advance(10)
    }
    const draws = context.output.stderr.split('\r\u001B[2K').slice(1)
    expect(draws.length).toBe(11)
    expect(Math.max(...draws.map((draw) => draw.length))).toBeLessThan(40)
    expect(draws.at(-1)).toContain('100/100')
    expect(context.output.stderr).not.toContain('\n')
    onEvent(finished)
    expect(context.output.stderr.endsWith('\r\u001B[2K✓ round 1 solve: 98 answered (1.0 s)\n')).toBe(true)
    const before = context.output.stderr
    stop()
    expect(context.output.stderr).toBe(before)
  })

  it('takes the live line away when it stops', () => {
    const context = fakeContext({ live: true })
    const { onEvent, stop } = createProgress(context.terminal, context.clock)
    onEvent(progressEvent(5))
    stop()
    expect(context.output.stderr.endsWith('\r\u001B[2K')).toBe(true)
  })
})
