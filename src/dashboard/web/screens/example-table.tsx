/** The table itself: only the rows in sight exist, pages come from the source as they are scrolled to. */
import type { VNode } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { number, words } from '../../views/format.ts'
import type { ExamplePage, ExampleQuery, ExampleRow, SortKey } from '../../views/wire.ts'
import { useFeed } from '../data.ts'
import { Pill } from '../parts.tsx'
import { pageSize, questionLink, type Change } from '../list.ts'
import type { Route } from '../route.ts'
import { Inline } from '../text.tsx'

const rowHeight = 36
const spare = 8

interface Column {
  readonly name: string
  readonly sort: SortKey | null
  readonly title: string
  readonly cell: (row: ExampleRow) => VNode | string
}

const columns: readonly Column[] = [
  { name: 'round', sort: null, title: 'Round', cell: ({ round }) => String(round) },
  { name: 'question', sort: 'title', title: 'Question', cell: ({ title }) => <Inline text={title} length={160} /> },
  {
    name: 'pair',
    sort: 'outcome',
    title: 'Pair, or why there is none',
    cell: ({ outcome, status }) => <Pill name={status === 'complete' ? outcome : status} />,
  },
  { name: 'mean', sort: 'mean', title: 'Mean score of the scored answers', cell: ({ mean }) => number(mean, 2) },
  { name: 'best', sort: 'best', title: 'Best score', cell: ({ best }) => number(best, 2) },
  { name: 'spread', sort: 'std', title: 'Standard deviation of the scores', cell: ({ std }) => number(std, 2) },
  {
    name: 'margin',
    sort: 'margin',
    title: 'Score of the chosen minus the rejected answer',
    cell: ({ margin }) => number(margin, 2),
  },
  {
    name: 'scored',
    sort: 'scored',
    title: 'Scored answers of all',
    cell: ({ scored, candidates }) => `${scored}/${candidates}`,
  },
  {
    name: 'flips',
    sort: 'flips',
    title: 'Verdicts that flip when two answers change places, of those with both orders',
    cell: ({ compared, flips }) => (compared === 0 ? '–' : `${flips}/${compared}`),
  },
  { name: 'words', sort: 'words', title: 'Mean words of an answer', cell: (row) => number(row.words, 0) },
  {
    name: 'Δ words',
    sort: 'wordGap',
    title: 'Words of the chosen minus the rejected answer',
    cell: ({ wordGap }) => number(wordGap, 0),
  },
]

export function ExampleTable({ page, address, query, route, change }: TableProps): VNode {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [active, setActive] = useState(0)
  const rows = usePages(page, address, Math.floor(top / rowHeight))
  useLayoutEffect(() => {
    setActive(0)
    setTop(0)
    box.current?.scrollTo({ top: 0 })
  }, [address])
  useSearchKey()
  const open = (i: number): void => {
    const row = rows(i)
    if (row !== undefined) location.hash = questionLink(route, query, row, i)
  }
  const onKey = (event: KeyboardEvent): void => {
    const step = stepOf(event.key, inSight(box.current))
    if (event.key === 'Enter') open(active)
    if (step === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(page.total - 1, active + step))
    setActive(next)
    if (box.current !== null) scrollTo(box.current, next)
  }
  const compares = page.flips > 0 || query.flip !== undefined
  const shown = columns.filter(({ name }) => compares || name !== 'flips')
  const first = Math.max(0, Math.floor(top / rowHeight) - spare)
  const last = Math.min(page.total, first + inSight(box.current) + 2 * spare)
  return (
    <div
      ref={box}
      class={compares ? 'table compares' : 'table'}
      role="grid"
      tabIndex={0}
      aria-label="Questions"
      aria-rowcount={page.total + 1}
      aria-activedescendant={`row-${active}`}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKey}
    >
      <div role="rowgroup">
        <div class="row header" role="row" aria-rowindex={1}>
          {shown.map((column) => (
            <Header key={column.name} column={column} query={query} change={change} />
          ))}
        </div>
      </div>
      <div class="rows" role="rowgroup" style={{ height: `${page.total * rowHeight}px` }}>
        {Array.from({ length: Math.max(0, last - first) }, (_, k) => first + k).map((i) => (
          <Row key={i} i={i} row={rows(i)} columns={shown} active={i === active} onOpen={open} />
        ))}
      </div>
    </div>
  )
}

interface TableProps {
  readonly page: ExamplePage
  readonly address: string
  readonly query: ExampleQuery
  readonly route: Route
  readonly change: Change
}

/** Rows that fit into the table's box. */
function inSight(box: HTMLElement | null): number {
  return Math.ceil((box?.clientHeight ?? 560) / rowHeight)
}

function stepOf(key: string, rowsInSight: number): number | undefined {
  const page = rowsInSight - 2
  const steps = new Map([
    ['ArrowDown', 1],
    ['j', 1],
    ['ArrowUp', -1],
    ['k', -1],
    ['PageDown', page],
    ['PageUp', -page],
    ['Home', -Infinity],
    ['End', Infinity],
  ])
  return steps.get(key)
}

/** As little as brings the row into sight; the header covers the first row's place. */
function scrollTo(box: HTMLElement, row: number): void {
  const bottom = (row + 2) * rowHeight
  if (row * rowHeight < box.scrollTop) box.scrollTop = row * rowHeight
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight
}

function Row({
  i,
  row,
  columns: shown,
  active,
  onOpen,
}: {
  i: number
  row: ExampleRow | undefined
  columns: readonly Column[]
  active: boolean
  onOpen: (i: number) => void
}): VNode {
  return (
    <div
      id={`row-${i}`}
      class={`row ${active ? 'active' : ''}`}
      role="row"
      aria-rowindex={i + 2}
      aria-selected={active}
      style={{ top: `${i * rowHeight}px` }}
      onClick={() => onOpen(i)}
    >
      {shown.map((column) => (
        <div key={column.name} class={`cell ${classOf(column)}`} role="gridcell">
          {row === undefined ? '…' : column.cell(row)}
        </div>
      ))}
    </div>
  )
}

function classOf({ name }: Column): string {
  return name.replace('Δ ', 'gap-')
}

function Header({ column, query, change }: { column: Column; query: ExampleQuery; change: Change }): VNode {
  const { name, sort, title } = column
  const isSorted = sort !== null && query.sort === sort
  const direction = isSorted ? (query.descending === true ? 'descending' : 'ascending') : 'none'
  // First press: largest first; second: smallest first; third: as played.
  const press = (): void => {
    if (!isSorted) change({ sort: sort ?? undefined, descending: true })
    else if (query.descending === true) change({ sort: sort ?? undefined, descending: undefined })
    else change({ sort: undefined, descending: undefined })
  }
  return (
    <div class={`cell ${classOf(column)}`} role="columnheader" aria-sort={direction} title={title}>
      {sort === null ? (
        words(name)
      ) : (
        <button type="button" class="plain" tabIndex={-1} onClick={press}>
          {words(name)}
          {isSorted && (query.descending === true ? ' ↓' : ' ↑')}
        </button>
      )}
    </div>
  )
}

/** The rows that are here; asks for the pages around the first row in sight. */
function usePages(page: ExamplePage, address: string, firstInSight: number): (i: number) => ExampleRow | undefined {
  const { source } = useFeed()
  const [pages, setPages] = useState<{ of: ExamplePage; held: ReadonlyMap<number, readonly ExampleRow[]> }>({
    of: page,
    held: new Map(),
  })
  const held = pages.of === page ? pages.held : new Map<number, readonly ExampleRow[]>()
  const wanted = [Math.floor(firstInSight / pageSize), Math.floor((firstInSight + 60) / pageSize)]
  const missing = wanted.filter((n) => n > 0 && n * pageSize < page.total && !held.has(n))
  useEffect(() => {
    let current = true
    for (const n of new Set(missing)) {
      void source.get(`${address}&offset=${n * pageSize}&limit=${pageSize}`).then(
        (value) => {
          if (!current) return
          const { rows } = value as ExamplePage
          setPages((before) => ({
            of: page,
            held: new Map(before.of === page ? before.held : []).set(n, rows),
          }))
        },
        () => undefined,
      )
    }
    return () => {
      current = false
    }
  }, [page, address, missing.join(' ')])
  return (i) => (i < pageSize ? page.rows[i] : held.get(Math.floor(i / pageSize))?.[i % pageSize])
}

/** `/` goes to the search field: from the moment at which the table shows, so that no key is lost. */
function useSearchKey(): void {
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const inField = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
      if (event.key !== '/' || inField) return
      event.preventDefault()
      document.getElementById('search')?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
