/** A recipe of `recipes/`, with sections changed for a test. */
import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'

export interface Sections {
  readonly [key: string]: unknown
}

/** @param changes laid over the recipe in turn, key by key */
export function readRecipe(name: string, ...changes: Sections[]): Sections {
  const text = readFileSync(new URL(`../recipes/${name}/pop.yaml`, import.meta.url), 'utf8')
  return changes.reduce(merged, parseDocument(text).toJS() as Sections)
}

function merged(base: Sections, changes: Sections): Sections {
  const entries = Object.entries(changes).map(([key, value]) => {
    const before = base[key]
    return [key, isSections(before) && isSections(value) ? merged(before, value) : value] as const
  })
  return { ...base, ...Object.fromEntries(entries) }
}

function isSections(value: unknown): value is Sections {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
