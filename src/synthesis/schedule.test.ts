import { describe, expect, it } from 'vitest'
import type { SynthesisEvent } from './events.ts'
import { synthesize, synthesizeTo } from './synthesize.ts'
import { impatientClock, useWorkbench } from './testing/workbench.ts'
import { makeDocuments, makeModels, makeSettings, type RoleName, type RoleScripts } from './testing/world.ts'

const { options } = useWorkbench()

describe('the schedule', () => {
  it('finishes a question before it begins another when one call at a time is allowed', async () => {
    const order: string[] = []
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'callStarted') order.push(event.key)
    }
    const documents = makeDocuments(4)
    await synthesize(await options({ documents, concurrency: 1, onEvent }))
    const stages = ['propose/a0', 'solve/a0', 'rubric/a0', 'score/c0', 'score/c1', 'score/c2', 'score/c3']
    expect(order).toEqual(documents.flatMap(({ id }) => stages.map((stage) => `r1/${id}/q0/${stage}`)))
  })

  it('keeps the allowed number of calls in flight, never more, and begins no question before there is room', async () => {
    let inFlight = 0
    let most = 0
    let atWork = 0
    let mostAtWork = 0
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'questionStarted') mostAtWork = Math.max(mostAtWork, ++atWork)
      if (event.type === 'exampleFinished') atWork--
    }
    // One counter for all four models.
    const sleep = async (ms: number): Promise<void> => {
      most = Math.max(most, ++inFlight)
      await new Promise((go) => setTimeout(go, ms))
      inFlight--
    }
    const slow: RoleScripts[RoleName] = {
      delay: (_request, random) => random.below(4),
      clock: { ...impatientClock(), sleep },
    }
    const models = makeModels({ proposer: slow, solver: slow, rubric: slow, scorer: slow })
    await synthesize(await options({ documents: makeDocuments(40), models, concurrency: 8, onEvent }))
    expect(most).toBe(8)
    expect(mostAtWork).toBeLessThanOrEqual(8)
  })

  it('starts waiting calls of later stages first', async () => {
    const order: string[] = []
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'callStarted') order.push(event.stage)
    }
    // Two places. Scores of the first question queue up while the second question is still at its first stages.
    const documents = makeDocuments(6)
    await synthesize(await options({ documents, concurrency: 2, onEvent, settings: makeSettings({ candidates: 8 }) }))
    const lastPropose = order.lastIndexOf('propose')
    const scoresBefore = order.slice(0, lastPropose).filter((stage) => stage === 'score').length
    // All but the questions then under way (two at most) were judged to the end before the last one began.
    expect(scoresBefore).toBeGreaterThanOrEqual(8 * (documents.length - 2) - 1)
  })

  it('hands examples on in order, and waits for a slow taker instead of piling them up', async () => {
    const documents = makeDocuments(300)
    const seen: string[] = []
    let begun = 0
    let furthestAhead = 0
    const onEvent = (event: SynthesisEvent): void => {
      if (event.type === 'questionStarted') furthestAhead = Math.max(furthestAhead, ++begun - seen.length)
    }
    const summary = await synthesizeTo(
      await options({ documents, concurrency: 2, onEvent, settings: makeSettings({ candidates: 2 }) }),
      async ({ documentId }) => {
        await new Promise((go) => setTimeout(go, 2))
        seen.push(documentId)
      },
    )
    expect(seen).toEqual(documents.map(({ id }) => id))
    expect(furthestAhead).toBeLessThanOrEqual(2 * 2 + 64)
    expect(summary).toEqual({ examples: 300, failedCalls: 0 })
  })
})
