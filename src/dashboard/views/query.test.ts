import { describe, expect, it } from 'vitest'
import { sampleExamples } from '../testing/sample-run.ts'
import { readQuery, writeQuery } from './address.ts'
import { RowTable } from './query.ts'
import { exampleRow } from './rows.ts'
import type { ExamplePage, ExampleQuery, ExampleRow } from './wire.ts'

const unpaired = { outcome: 'noSpread', chosen: null, rejected: null } as const
const rows: ExampleRow[] = [1, 2].flatMap((round) =>
  sampleExamples(round).map((example, i) =>
    exampleRow(example, i < 7 ? { outcome: 'paired', chosen: 0, rejected: 1 } : unpaired, 'pointwise'),
  ),
)

const table = new RowTable(rows)
const ask = (query: ExampleQuery): ExamplePage => table.query(query)

describe('a query', () => {
  it('without filters gives all rows in the order of play', () => {
    const page = ask({})
    expect([page.total, page.all]).toEqual([18, 18])
    expect(page.rows).toEqual(rows)
    expect(page.facets.round).toEqual({ 1: 9, 2: 9 })
    expect(page.facets.outcome).toEqual({ noSpread: 4, paired: 14 })
    expect(page.facets.unscored).toEqual({ badJson: 16, invalidAnswer: 16 })
  })

  it('filters by everything at once, and counts each choice as if its own filter were open', () => {
    const page = ask({ round: 2, outcome: 'noSpread' })
    expect(page.rows.every(({ round, outcome }) => round === 2 && outcome === 'noSpread')).toBe(true)
    expect(page.total).toBe(2)
    expect(page.facets.round).toEqual({ 1: 2, 2: 2 })
    expect(page.facets.outcome).toEqual({ noSpread: 2, paired: 7 })
  })

  it('finds ties, and words anywhere in question or document id', () => {
    expect(ask({ tie: true }).total).toBe(2)
    expect(ask({ text: 'OIL document-2-3' }).rows.map(({ documentId }) => documentId)).toEqual(['document-2-3'])
  })

  it('sorts with what has no value last, whichever way', () => {
    const up = ask({ sort: 'mean' }).rows.map(({ mean }) => mean)
    const down = ask({ sort: 'mean', descending: true }).rows.map(({ mean }) => mean)
    const values = up.filter((value) => value !== null)
    expect(values).toEqual([...values].sort((a, b) => a - b))
    expect(down.filter((value) => value !== null)).toEqual([...values].reverse())
    expect(up.slice(-2)).toEqual([null, null])
    expect(down.slice(-2)).toEqual([null, null])
  })

  it('counts every value in one bin of its histogram, and a bin as a filter finds exactly its rows', () => {
    const { histograms } = ask({})
    for (const { measure, from, to, bins } of histograms) {
      const size = (to - from) / bins.length
      bins.forEach((n, bin) => {
        const last = bin === bins.length - 1 ? size : 0
        const ranges = { [measure]: { from: from + bin * size, to: from + (bin + 1) * size + last } }
        expect(ask({ ranges }).total, `${measure} ${bin}`).toBe(n)
      })
    }
  })

  it('answers the same whether rows came at once or one by one, asked before or not', () => {
    const grown = new RowTable()
    for (const row of rows) {
      grown.query({ sort: 'mean' })
      grown.add([row])
    }
    for (const query of [{ sort: 'mean' }, { text: 'oil', sort: 'title', descending: true }, { tie: true }] as const) {
      expect(grown.query(query)).toEqual(ask(query))
      expect(grown.query(query)).toEqual(ask(query))
    }
  })

  it('pages', () => {
    const page = ask({ offset: 16, limit: 5 })
    expect(page.rows).toEqual(rows.slice(16))
    expect(page.total).toBe(18)
  })

  it('goes through an address and back', () => {
    const query: ExampleQuery = {
      round: 2,
      status: 'complete',
      tie: false,
      text: 'a & b=ü',
      ranges: { mean: { from: 0.5, to: 1.25 } },
      sort: 'margin',
      descending: true,
      offset: 100,
    }
    const address = new URLSearchParams([...writeQuery(query)]).toString()
    expect(readQuery(new Map(new URLSearchParams(address)))).toEqual(query)
    expect(
      readQuery(
        new Map([
          ['sort', 'constructor'],
          ['mean', 'x..'],
          ['round', '-1'],
        ]),
      ),
    ).toEqual({})
  })
})
