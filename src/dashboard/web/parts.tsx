/** Small pieces that all screens share. */
import type { ComponentChildren, VNode } from 'preact'
import { words } from '../views/format.ts'
import { namedRows, type Table } from '../views/table.ts'
import type { Loaded } from './data.ts'
import { saveCsv, saveJson } from './download.ts'

/** Shows what was loaded, or why there is nothing yet. */
export function Show<T>({ loaded, children }: { loaded: Loaded<T>; children: (value: T) => ComponentChildren }): VNode {
  if (loaded.state === 'loading') {
    return (
      <p class="state" role="status">
        Loading…
      </p>
    )
  }
  if (loaded.state === 'error') {
    return (
      <p class="state bad" role="alert">
        {loaded.message}
      </p>
    )
  }
  return <div class={loaded.stale ? 'stale' : ''}>{children(loaded.value)}</div>
}

export function Card({
  title,
  id,
  children,
  aside,
}: {
  title: string
  id?: string
  children: ComponentChildren
  aside?: ComponentChildren
}): VNode {
  return (
    <section class="card" aria-label={title} {...(id === undefined ? {} : { id })}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

/** A number with its unit and what it is. */
export function Fact({ name, value, note }: { name: string; value: string; note?: string }): VNode {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>
        {value}
        {note !== undefined && <small> {note}</small>}
      </dd>
    </div>
  )
}

const good = new Set(['complete', 'paired', 'done'])
const bad = new Set([
  'proposalFailed',
  'answersFailed',
  'rubricFailed',
  'scoringFailed',
  'badJson',
  'noTag',
  'callFailed',
])

export function Pill({ name }: { name: string }): VNode {
  const kind = good.has(name) ? 'good' : bad.has(name) ? 'bad' : 'mid'
  return <span class={`pill ${kind}`}>{words(name)}</span>
}

/** A table that may be wider than its card, or taller than it should be, and that can be taken along: as data, not as it is shown. */
export function Scroll({
  label,
  table,
  tall = false,
  children,
}: {
  label: string
  table: Table
  tall?: boolean
  children: ComponentChildren
}): VNode {
  return (
    <>
      <div class={tall ? 'scroll tall' : 'scroll'} tabIndex={0} role="region" aria-label={`Table: ${label}`}>
        {children}
      </div>
      <div class="exports" role="group" aria-label={`Export table: ${label}`}>
        <button type="button" class="small" onClick={() => saveCsv(label, table)}>
          CSV
        </button>
        <button type="button" class="small" onClick={() => saveJson(label, namedRows(table))}>
          JSON
        </button>
      </div>
    </>
  )
}
