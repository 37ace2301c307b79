/** The Examples screen: all questions of a run in a table, with search, filters, histograms that are filters, and keys. */
import type { VNode } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { readQuery, writeQuery } from '../../views/address.ts'
import { count, words } from '../../views/format.ts'
import type { ExamplePage, ExampleQuery, ExampleRow, Facet, ScoreScale } from '../../views/wire.ts'
import { useData, useFeed } from '../data.ts'
import { saveCsv, saveJson } from '../download.ts'
import { HistogramFilter } from '../charts/histogram.tsx'
import { Show } from '../parts.tsx'
import { examplesAddress, pageSize, type Change } from '../list.ts'
import { show, type Route } from '../route.ts'
import { ExampleTable } from './example-table.tsx'

export function ExamplesScreen({ route, scale }: { route: Route; scale: ScoreScale }): VNode {
  const query = useMemo(() => readQuery(route.parameters), [route])
  const change: Change = (changes) => {
    const next = Object.fromEntries(
      Object.entries({ ...query, ...changes }).filter(([, value]) => value !== undefined),
    ) as ExampleQuery
    show({ ...route, parameters: writeQuery(next) }, true)
  }
  const address = examplesAddress(route.run, query)
  const loaded = useData<ExamplePage>(`${address}&limit=${pageSize}`)
  return (
    <>
      <h1>Examples</h1>
      <Show loaded={loaded}>
        {(page) =>
          page.all === 0 ? (
            <p class="state">No question is finished yet. They appear here one by one.</p>
          ) : (
            <>
              <Filters query={query} page={page} change={change} />
              <div class="grid histograms">
                {page.histograms.map((histogram) => (
                  <HistogramFilter
                    key={histogram.measure}
                    histogram={histogram}
                    scale={scale}
                    range={query.ranges?.[histogram.measure]}
                    onChange={(range) => {
                      const { [histogram.measure]: _, ...others } = query.ranges ?? {}
                      change({ ranges: range === undefined ? others : { ...others, [histogram.measure]: range } })
                    }}
                  />
                ))}
              </div>
              <div class="bar">
                <p role="status">
                  <b>{count(page.total)}</b> of {count(page.all)} questions
                </p>
                <Exports address={address} total={page.total} />
              </div>
              <ExampleTable page={page} address={address} query={query} route={route} change={change} />
              <p class="soft">
                Keys: <kbd>↑</kbd> <kbd>↓</kbd> or <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens, <kbd>/</kbd>{' '}
                searches.
              </p>
            </>
          )
        }
      </Show>
    </>
  )
}

/** Every filter that a query can hold, let go. */
const open = {
  text: undefined,
  round: undefined,
  task: undefined,
  status: undefined,
  outcome: undefined,
  unscored: undefined,
  tie: undefined,
  flip: undefined,
  ranges: undefined,
} satisfies { [Key in keyof ExampleQuery]?: undefined }

function Filters({ query, page, change }: { query: ExampleQuery; page: ExamplePage; change: Change }): VNode {
  const { facets } = page
  const isFiltered = Object.keys(open).some((key) => key in query)
  return (
    <div class="filters" role="search">
      <Search query={query} change={change} />
      <Choice
        name="Round"
        facet={facets.round}
        value={query.round === undefined ? undefined : String(query.round)}
        onChange={(value) => change({ round: value === undefined ? undefined : Number(value) })}
      />
      {(Object.keys(facets.task).length > 1 || query.task !== undefined) && (
        <Choice name="Task" facet={facets.task} value={query.task} onChange={(task) => change({ task })} />
      )}
      <Choice name="Status" facet={facets.status} value={query.status} onChange={(status) => change({ status })} />
      <Choice name="Pair" facet={facets.outcome} value={query.outcome} onChange={(outcome) => change({ outcome })} />
      <Choice
        name="Has unscored"
        facet={facets.unscored}
        value={query.unscored}
        onChange={(unscored) => change({ unscored })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={query.tie === true}
          onChange={(event) => change({ tie: event.currentTarget.checked ? true : undefined })}
        />
        ties only ({count(page.ties)})
      </label>
      {(page.flips > 0 || query.flip !== undefined) && (
        <label class="check">
          <input
            type="checkbox"
            checked={query.flip === true}
            onChange={(event) => change({ flip: event.currentTarget.checked ? true : undefined })}
          />
          order flips only ({count(page.flips)})
        </label>
      )}
      {isFiltered && (
        <button type="button" onClick={() => change(open)}>
          Clear filters
        </button>
      )}
    </div>
  )
}

function Search({ query, change }: { query: ExampleQuery; change: Change }): VNode {
  const asked = query.text ?? ''
  const [text, setText] = useState(asked)
  const known = useRef(asked)
  // Only what comes from elsewhere is taken over: what was typed here may have grown since it was asked for.
  useLayoutEffect(() => {
    if (asked !== known.current) setText(asked)
    known.current = asked
  }, [asked])
  useEffect(() => {
    if (text === asked) return
    const timer = setTimeout(() => {
      known.current = text
      change({ text: text === '' ? undefined : text })
    }, 200)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <label>
      Search
      <input
        id="search"
        type="search"
        placeholder="words of the question, or a document id"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  )
}

function Choice({
  name,
  facet,
  value,
  onChange,
}: {
  name: string
  facet: Facet
  value: string | undefined
  onChange: (value: string | undefined) => void
}): VNode {
  const values = Object.keys(facet)
  const known = value === undefined || values.includes(value) ? values : [value, ...values]
  return (
    <label>
      {name}
      <select
        value={value ?? ''}
        onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
      >
        <option value="">any</option>
        {known.map((one) => (
          <option key={one} value={one}>
            {words(one)} ({count(facet[one] ?? 0)})
          </option>
        ))}
      </select>
    </label>
  )
}

function Exports({ address, total }: { address: string; total: number }): VNode {
  const { source } = useFeed()
  const [busy, setBusy] = useState(false)
  const collect = async (): Promise<ExampleRow[]> => {
    const rows: ExampleRow[] = []
    while (rows.length < total) {
      const page = (await source.get(`${address}&offset=${rows.length}&limit=500`)) as ExamplePage
      if (page.rows.length === 0) break
      rows.push(...page.rows)
    }
    return rows
  }
  const run = (save: (rows: readonly ExampleRow[]) => void): void => {
    setBusy(true)
    void collect()
      .then(save, () => undefined)
      .finally(() => setBusy(false))
  }
  return (
    <div class="exports" role="group" aria-label="Export the table">
      <button type="button" class="small" disabled={busy} onClick={() => run((rows) => saveJson('examples', rows))}>
        JSON
      </button>
      <button type="button" class="small" disabled={busy} onClick={() => run(saveRows)}>
        CSV
      </button>
    </div>
  )
}

function saveRows(rows: readonly ExampleRow[]): void {
  const header = Object.keys(rows[0] ?? {}) as (keyof ExampleRow)[]
  const cells = rows.map((row) =>
    header.map((key) => {
      const value = row[key]
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
    }),
  )
  saveCsv('examples', { header, rows: cells })
}
