import { describe, expect, it } from 'vitest'
import { Outbox } from './outbox.ts'
import { useWorkbench } from './testing/workbench.ts'
import { synthesize, synthesizeTo } from './synthesize.ts'
import { makeDocuments, makeModels, makeSettings, replies, requestsTo } from './testing/world.ts'
import type { Example } from '../records/index.ts'

const { options } = useWorkbench()
const example = (index: number): Example => ({ questionIndex: index }) as Example

describe('an outbox', () => {
  it('hands on in order, each once, and holds few of those that must wait', async () => {
    const handedOn: number[] = []
    const remade: number[] = []
    const outbox = new Outbox({
      sink: ({ questionIndex }) => void handedOn.push(questionIndex),
      remake: (index) => {
        remade.push(index)
        return Promise.resolve(example(index))
      },
      stopped: () => false,
      onError: (error) => {
        throw error
      },
    })
    const order = Array.from({ length: 100 }, (_, index) => index)
    // Everything waits for the first; the last one could not be made again.
    for (const index of order.slice(1)) await outbox.put(index, example(index), index === 99)
    expect(handedOn).toEqual([])
    await outbox.put(0, example(0), false)
    expect(handedOn).toEqual(order)
    expect(remade).toEqual(order.slice(33, 99))
    expect(outbox.handedOn).toBe(100)
  })

  it('gives the same examples when most had to be made again, without a call more and without telling of them twice', async () => {
    const documents = makeDocuments(150)
    const settings = makeSettings({ candidates: 2 })
    const undisturbed = await synthesize(await options({ documents, settings, models: makeModels({}, replies) }))
    // The first question's first call comes back last.
    const first = documents[0]?.text ?? ''
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const models = makeModels({}, replies)
    const proposer = {
      name: models.proposer.name,
      generate: async (...request: Parameters<typeof models.proposer.generate>) => {
        if (request[0].messages.some(({ content }) => content.includes(first))) await held
        return models.proposer.generate(...request)
      },
    }
    let finished = 0
    const made: Example[] = []
    await synthesizeTo(
      await options({
        documents,
        settings,
        models: { ...models, proposer },
        concurrency: 64,
        onEvent: (event) => {
          if (event.type === 'exampleFinished' && ++finished === documents.length - 1) release()
        },
      }),
      (one) => void made.push(one),
    )
    expect(made).toEqual(undisturbed)
    expect(finished).toBe(documents.length)
    const again = makeModels({}, replies)
    await synthesize(await options({ documents, settings, models: again }))
    expect(requestsTo(models)).toBe(requestsTo(again))
  })
})
