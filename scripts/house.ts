/**
 * The rules of the house, read from `rooms.json`: which room may import which, and which file may do what.
 * Knows no linter: `make-lint-config.ts` and `test/architecture.test.ts` each use it in their own way.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const roomSchema = z.strictObject({
  is: z.string(),
  imports: z.union([z.array(z.string()), z.literal('all')]),
  /** Areas of a room: area → areas it may import. Files at the room's root may import every area. */
  inside: z.record(z.string(), z.array(z.string())).optional(),
  /** Single files that may import more. */
  files: z.record(z.string(), z.array(z.string())).optional(),
})

const capabilitySchema = z.strictObject({
  modules: z.array(z.string()).default([]),
  globals: z.array(z.string()).default([]),
  properties: z.array(z.string()).default([]),
  /** Paths under `src` (a folder or a file) that may use it. */
  only: z.array(z.string()),
})

const houseSchema = z.strictObject({
  rooms: z.record(z.string(), roomSchema),
  entries: z.record(z.string(), z.strictObject({ is: z.string(), allBut: z.array(z.string()) })),
  capabilities: z.record(z.string(), capabilitySchema),
})

export type House = z.infer<typeof houseSchema>
export type Capability = z.infer<typeof capabilitySchema>

export const root = new URL('..', import.meta.url)

export function readHouse(): House {
  return houseSchema.parse(JSON.parse(readFileSync(new URL('rooms.json', root), 'utf8')))
}

/** Is `path` the file or inside the folder `place`? Both relative to `src`. */
export function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`)
}

/** The room of a path relative to `src`; undefined for files at the root. */
export function roomOf(path: string): string | undefined {
  return path.includes('/') ? path.split('/')[0] : undefined
}

/** Rooms that a file (path relative to `src`) may not import. */
export function forbiddenRooms(house: House, path: string): string[] {
  const all = Object.keys(house.rooms)
  const entry = house.entries[path]
  if (entry !== undefined) return entry.allBut
  const name = roomOf(path)
  const room = name === undefined ? undefined : house.rooms[name]
  if (room === undefined) return all
  if (room.imports === 'all') return []
  const extra = room.files?.[path] ?? []
  const allowed = [name, ...room.imports, ...extra]
  return all.filter((other) => !allowed.includes(other))
}

/** Areas of its own room that a file may not import. */
export function forbiddenAreas(house: House, path: string): string[] {
  const [name, area, rest] = path.split('/')
  const areas = name === undefined ? undefined : house.rooms[name]?.inside
  if (areas === undefined || area === undefined || rest === undefined) return []
  const allowed = areas[area]
  if (allowed === undefined) return []
  return Object.keys(areas).filter((other) => other !== area && !allowed.includes(other))
}

/** Capabilities that a file may not use. */
export function forbiddenCapabilities(house: House, path: string): [string, Capability][] {
  return Object.entries(house.capabilities).filter(([, rule]) => !rule.only.some((place) => isWithin(path, place)))
}

/** Tests and what only tests use: they ship nowhere, so borders and capabilities do not bind them. */
export function isTestFile(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/')
}

/** The table of rooms as Markdown, for ARCHITECTURE.md. */
export function roomTable(house: House): string {
  const rows = Object.entries(house.rooms).map(([name, room]) => {
    const imports = room.imports === 'all' ? ['all'] : [...room.imports]
    for (const [file, extra] of Object.entries(room.files ?? {})) imports.push(`${extra.join(', ')} (only \`${file}\`)`)
    return `| \`${name}/\` | ${room.is} | ${imports.join(', ') || '–'} |`
  })
  return ['| room | is | may import |', '|---|---|---|', ...rows].join('\n')
}
