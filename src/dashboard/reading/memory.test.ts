import { describe, expect, it } from 'vitest'
import type { JournalCall } from '../../records/index.ts'
import { rng } from '../../core/rng.ts'
import { sampleExamples } from '../testing/sample-run.ts'
import { placeOf } from '../views/calls.ts'
import { BusyBins } from './busy-bins.ts'
import { ExampleMemory } from './example-memory.ts'
import { groupOf, JournalMemory } from './journal-memory.ts'
import { StageSums } from './stage-sums.ts'

const random = rng(1, 'memory test')
const stages = ['propose', 'solve', 'score'] as const
const base = Date.UTC(2026, 0, 2)

function call(i: number, hours: number): JournalCall {
  const ms = random.below(40_000)
  return {
    v: 1,
    kind: 'call',
    key: i % 7 === 0 ? `r0/oracle/question-${i}/sampled` : `r1/d${i % 5}/q0/${stages[i % 3] ?? ''}/a0`,
    inputs: 'i',
    at: base + random.below(hours * 3_600_000) + ms,
    ms,
    model: `model ${i % 2}`,
    generations: [
      { text: `"usage" ${i}`, finishReason: 'stop', usage: { promptTokens: i, completionTokens: 2 * i } },
      { text: '', finishReason: 'length', usage: { promptTokens: 0, completionTokens: 1 } },
    ],
  }
}

function journalOf(calls: readonly JournalCall[]): JournalMemory {
  const memory = new JournalMemory()
  calls.forEach((one, i) => memory.add(Buffer.from(JSON.stringify(one)), { offset: 1000 * i, length: 10 + i }))
  return memory
}

describe('what is remembered of a journal', () => {
  const calls = Array.from({ length: 400 }, (_, i) => call(i, 3))

  it('are the sums of its calls, by stage and by model', () => {
    const { sums } = journalOf(calls)
    const score = sums
      .byRound()
      .get(1)
      ?.find(({ stage }) => stage === 'score')
    const own = calls.filter(({ key }) => placeOf(key).round === 1 && placeOf(key).stage === 'score')
    expect(score?.calls).toBe(own.length)
    expect(score?.samples).toBe(2 * own.length)
    expect(score?.cut).toBe(own.length)
    expect(score?.busySeconds).toBeCloseTo(own.reduce((sum, { ms }) => sum + ms, 0) / 1000, 6)
    const ends = own.map(({ at }) => at)
    const starts = own.map(({ at, ms }) => at - ms)
    expect(score?.wallSeconds).toBeCloseTo((Math.max(...ends) - Math.min(...starts)) / 1000, 6)
    expect(sums.uses().reduce((sum, use) => sum + use.calls, 0)).toBe(400)
    const use = sums.uses().find(({ group, model }) => group === 'score' && model === 'model 1')
    expect(use?.calls).toBe(own.filter(({ model }) => model === 'model 1').length)
  })

  it('are the lines of each question and each suite', () => {
    const memory = journalOf(calls)
    for (const group of ['r1/d3/q0', 'r0/oracle']) {
      const own = calls.flatMap(({ key }, i) =>
        key.startsWith(`${group}/`) ? [{ offset: 1000 * i, length: 10 + i }] : [],
      )
      expect(own.length).toBeGreaterThan(5)
      expect(memory.placesOf(group)).toEqual(own)
    }
    expect(memory.placesOf('r9/d3/q0')).toEqual([])
    expect(memory.suiteGroups()).toEqual(['r0/oracle'])
    expect(groupOf('odd')).toBe('odd')
  })

  it('is when how many calls were in flight, however long the run', () => {
    for (const hours of [1, 50, 2000]) {
      const some = Array.from({ length: 300 }, (_, i) => call(i, hours))
      const { bins } = journalOf(some)
      const timeline = bins.timeline()
      if (timeline === null) throw new Error('no timeline')
      const { start, binMs, stages: names, inFlight, tokensPerSecond } = timeline
      expect(tokensPerSecond.length).toBeLessThanOrEqual(240)
      for (const [row, stage] of names.entries()) {
        for (let bin = 0; bin < tokensPerSecond.length; bin++) {
          const [from, to] = [start + bin * binMs, start + (bin + 1) * binMs]
          const busy = some
            .filter(({ key }) => placeOf(key).stage === stage)
            .reduce((sum, { at, ms }) => sum + Math.max(0, Math.min(to, at) - Math.max(from, at - ms)), 0)
          expect(inFlight[row]?.[bin]).toBeCloseTo(busy / binMs, 6)
        }
      }
      const tokens = some.reduce((sum, { generations }) => sum + (generations[0]?.usage.completionTokens ?? 0) + 1, 0)
      expect((tokensPerSecond.reduce((sum, value) => sum + value, 0) * binMs) / 1000).toBeCloseTo(tokens, 3)
    }
  })

  it('adds up over the files of a run', () => {
    const [all, parts] = [journalOf(calls), new BusyBins()]
    for (const some of [calls.slice(0, 10), calls.slice(10, 300), calls.slice(300)]) parts.addAll(journalOf(some).bins)
    const [one, other] = [all.bins.timeline(), parts.timeline()]
    expect(other?.start).toBe(one?.start)
    expect(other?.inFlight.flat().length).toBe(one?.inFlight.flat().length)
    other?.inFlight.flat().forEach((value, i) => expect(value).toBeCloseTo(one?.inFlight.flat()[i] ?? NaN, 6))
  })

  it('is how fast the newest file of a run goes, in whatever order the files come', () => {
    // Ten rounds of three minutes, four calls a second; by name, the newest comes second.
    const file = (round: number): JournalMemory =>
      journalOf(
        Array.from({ length: 720 }, (_, i) => ({ ...call(1, 1), at: base + round * 180_000 + i * 250, ms: 200 })),
      )
    const sums = new StageSums()
    for (const round of [1, 10, 2, 3, 4, 5, 6, 7, 8, 9]) sums.addAll(file(round).sums)
    const { callsPerSecond, tokensPerSecond } = sums.recent(base + 11 * 180_000, 60_000) ?? {}
    expect(callsPerSecond).toBeCloseTo(4, 1)
    expect(tokensPerSecond).toBeCloseTo(12, 0)
  })

  it('survives being kept, and goes on from there', () => {
    const kept = journalOf(calls.slice(0, 300)).save()
    const again = new JournalMemory()
    expect(again.load({ numbers: kept.numbers, values: JSON.parse(JSON.stringify(kept.values)) })).toBe(true)
    calls
      .slice(300)
      .forEach((one, i) => again.add(Buffer.from(JSON.stringify(one)), { offset: 1000 * (i + 300), length: i + 310 }))
    expect(again.save()).toEqual(journalOf(calls).save())
    expect(again.load({ ...kept, numbers: { ...kept.numbers, offsets: new Float64Array(3) } })).toBe(false)
    expect(again.load({ ...kept, values: { groups: [1] } })).toBe(false)
  })

  it('is of a line that is no entry only that and where it stands; a decision is an entry', () => {
    const memory = journalOf(calls.slice(0, 3))
    const add = (line: Buffer | string): void => memory.add(Buffer.from(line), { offset: 9000, length: 1 })
    add(JSON.stringify({ v: 1, kind: 'decision', key: 'r1/train', inputs: 'i', at: 1, value: {} }))
    expect([memory.unreadable, memory.firstUnreadable]).toEqual([0, null])
    const line = Buffer.from(JSON.stringify(call(1, 1)))
    // Ends in the middle of a text; its writer never wrote the rest.
    add(line.subarray(0, line.indexOf('"usage') + 3))
    add(Buffer.concat([line.subarray(0, line.length - 40), Buffer.alloc(40)]))
    add('garbage')
    expect([memory.unreadable, memory.firstUnreadable, memory.calls]).toEqual([3, 9000, 3])
    expect(memory.later).toBeNull()
    add('{"v":3,"kind":"call"}')
    add('{"v":4,"kind":"call"}')
    const again = new JournalMemory()
    expect(again.load(memory.save())).toBe(true)
    expect([again.unreadable, again.firstUnreadable, again.later]).toEqual([5, 9000, 3])
    again.clear()
    expect([again.unreadable, again.firstUnreadable, again.later]).toEqual([0, null, null])
  })

  it('ignores times that no clock shows', () => {
    const bins = new BusyBins()
    for (const [start, end] of [
      [NaN, 1],
      [0, Infinity],
      [5, 1],
      [-1e300, 1],
    ] as const)
      bins.add('solve', start, end, 1)
    expect(bins.timeline()).toBeNull()
  })
})

describe("what is remembered of a round's examples", () => {
  const examples = [1, 2].flatMap((round) => sampleExamples(round))
  const memoryOf = (): ExampleMemory => {
    const memory = new ExampleMemory({
      outcomeOf: () => ({ outcome: 'paired', chosen: 0, rejected: 1 }),
      scoringMode: 'pointwise',
    })
    examples.forEach((one, i) => memory.add(Buffer.from(JSON.stringify(one)), { offset: i, length: 1 }))
    return memory
  }

  it('survives being kept', () => {
    const [memory, again] = [
      memoryOf(),
      new ExampleMemory({
        outcomeOf: () => ({ outcome: 'unknown', chosen: null, rejected: null }),
        scoringMode: null,
      }),
    ]
    const kept = memory.save()
    expect(again.load({ numbers: kept.numbers, values: JSON.parse(JSON.stringify(kept.values)) })).toBe(true)
    expect(again.rows).toEqual(memory.rows)
    expect(again.criteriaMeans(10)).toEqual(memory.criteriaMeans(10))
    expect(again.scores).toEqual(memory.scores)
    expect(again.ofDocument('document-1-3')).toEqual([3])
    expect(again.placeOf(3)).toEqual({ offset: 3, length: 1 })
    expect(again.load({ ...kept, values: { criteria: [], texts: { titles: [] } } })).toBe(false)
    const { mean: _, ...others } = kept.numbers
    expect(again.load({ ...kept, numbers: others })).toBe(false)
  })

  it('is nothing of a line that is no example', () => {
    const memory = memoryOf()
    memory.add(Buffer.from('{"round":1}'), { offset: 0, length: 11 })
    expect(memory.rows).toHaveLength(examples.length)
  })
})
