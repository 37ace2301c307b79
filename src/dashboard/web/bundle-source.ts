/** The page's facts out of a bundle: scripts beside the page, loaded when they are asked for. */
import { parseJson } from '../../core/json.ts'
import { readQuery } from '../views/address.ts'
import type { BundleFacts } from '../views/bundle.ts'
import { RowTable } from '../views/query.ts'
import type { Source } from './source.ts'

/** Where the bundle's scripts put their texts: address → JSON. */
type Held = Map<string, string>

/** Null when the page is not part of a bundle. */
export function bundleSource(): Source | null {
  const held = (globalThis as { popBundle?: unknown }).popBundle
  if (!(held instanceof Map)) return null
  const source = new BundleSource(held as Held)
  return { get: (address) => source.get(address), watch: () => () => undefined, live: false }
}

class BundleSource {
  private readonly held: Held
  private readonly loading = new Map<string, Promise<void>>()
  private readonly facts = new Map<string, BundleFacts>()
  private readonly tables = new Map<string, RowTable>()

  constructor(held: Held) {
    this.held = held
  }

  async get(address: string): Promise<unknown> {
    if (address === 'runs') return this.read('runs')
    const [, run = '', what = '', query = ''] = /^runs\/([^/]*)\/([^?]*)\??(.*)$/.exec(address) ?? []
    if (what === 'side') {
      await this.load(`run-${run}-side-${new URLSearchParams(query).get('round') ?? ''}`)
      return this.read(address)
    }
    const facts = await this.factsOf(run)
    if (what === 'overview') return facts.overview
    if (what === 'trust') return facts.trust
    if (what === 'examples') return this.tableOf(run, facts).query(readQuery(new Map(new URLSearchParams(query))))
    await this.load(fileOf(facts, `question?${query}`))
    return this.read(address)
  }

  private async factsOf(run: string): Promise<BundleFacts> {
    const known = this.facts.get(run)
    if (known !== undefined) return known
    await this.load(`run-${run}`)
    const facts = this.read(`runs/${run}/bundle`) as BundleFacts
    this.facts.set(run, facts)
    return facts
  }

  private tableOf(run: string, { rows, scale }: BundleFacts): RowTable {
    const table = this.tables.get(run) ?? new RowTable(rows, scale)
    this.tables.set(run, table)
    return table
  }

  private read(address: string): unknown {
    const json = parseJson(this.held.get(address) ?? '')
    if (!json.ok) throw new Error('This is not in the bundle.')
    return json.value
  }

  private load(file: string): Promise<void> {
    const before = this.loading.get(file)
    if (before !== undefined) return before
    const loading = new Promise<void>((resolve, reject) => {
      if (!/^[\w-]+$/.test(file)) return reject(new Error('This is not in the bundle.'))
      const script = document.createElement('script')
      script.src = `data/${file}.js`
      script.addEventListener('load', () => resolve())
      script.addEventListener('error', () => reject(new Error(`A file of the bundle is missing: data/${file}.js`)))
      document.head.append(script)
    })
    this.loading.set(file, loading)
    return loading
  }
}

function fileOf({ chunks, included, rows }: BundleFacts, name: string): string {
  const file = Object.hasOwn(chunks, name) ? chunks[name] : undefined
  if (file !== undefined) return file
  throw new Error(
    `The texts of this question are not in the bundle: to stay small it holds ${included} of ${rows.length}.`,
  )
}
