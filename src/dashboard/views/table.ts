/** A table as data, to be taken along: numbers stay numbers, texts are whole. Pure. */

export type Cell = string | number | boolean | null

export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** RFC 4180; a text that a spreadsheet would run is defused. What is no finite number is empty. */
export function csvOf({ header, rows }: Table): string {
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')
}

function csvCell(value: Cell): string {
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return ''
  if (typeof value !== 'string') return String(value)
  const isNumber = /^-\d+(\.\d+)?$/.test(value)
  const safe = /^[=+\-@\t\r]/.test(value) && !isNumber ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Each row by the names of its columns; columns of one name are numbered: `score`, `score 2`. */
export function namedRows({ header, rows }: Table): Record<string, Cell>[] {
  const names: string[] = []
  for (const name of header) {
    let unique = name
    for (let n = 2; names.includes(unique); n++) unique = `${name} ${n}`
    names.push(unique)
  }
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i] ?? `column ${i + 1}`, cell])))
}
