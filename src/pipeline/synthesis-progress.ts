/** Turns what synthesis tells, call by call, into the progress of one stage. */
import type { OnRunEvent } from '../records/index.ts'
import { SynthesisTally, synthesisStages, type SynthesisEvent } from '../synthesis/index.ts'

/** A listener for `synthesize`. `total` counts questions. */
export function synthesisProgress(round: number, total: number, onEvent: OnRunEvent): (event: SynthesisEvent) => void {
  const tally = new SynthesisTally()
  return (event) => {
    tally.add(event)
    if (event.type !== 'callFinished' && event.type !== 'callFailed' && event.type !== 'exampleFinished') return
    const sum = (field: 'inFlight' | 'failed' | 'promptTokens' | 'completionTokens'): number =>
      synthesisStages.reduce((all, stage) => all + tally.stages[stage][field], 0)
    onEvent({
      type: 'progress',
      round,
      stage: 'synthesis',
      done: tally.examplesFinished,
      inFlight: sum('inFlight'),
      failed: sum('failed'),
      total,
      promptTokens: sum('promptTokens'),
      completionTokens: sum('completionTokens'),
    })
  }
}
