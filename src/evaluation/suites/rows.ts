/** Rows of a suite's file against a schema. Knows no suite. */
import type { z } from 'zod'
import { InputError } from '../../core/errors.ts'
import type { SuiteData } from '../../records/index.ts'

/** A file of a suite, read: rows as they stand in it. */
export interface SuiteFile {
  readonly info: SuiteData
  readonly rows: readonly unknown[]
  /** Of a `.txt` file: the whole text. */
  readonly text?: string
}

/** @throws {InputError} when a row is not what the suite needs: the message names the row */
export function readRows<T>(suite: string, file: SuiteFile, schema: z.ZodType<T>): T[] {
  if (file.rows.length === 0) throw new InputError(`${file.info.source} holds no rows for ${suite}`)
  return file.rows.map((row, i) => {
    const read = schema.safeParse(row)
    if (read.success) return read.data
    const issue = read.error.issues[0]
    const where = issue?.path.join('.') ?? ''
    throw new InputError(
      `${file.info.source}, row ${i + 1}: not a row of ${suite}: ${where === '' ? '' : `"${where}": `}${issue?.message ?? 'unexpected shape'}`,
    )
  })
}
