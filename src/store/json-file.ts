/** A JSON file read against its schema. */
import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { errorMessage, RunFolderError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { firstIssue } from './jsonl.ts'

/** Null where there is no such file. @throws {RunFolderError} when it cannot be read or is another thing */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new RunFolderError(`Cannot read ${path}: ${errorMessage(error)}`, { cause: error })
  })
  if (text === null) return null
  const json = parseJson(text)
  if (!json.ok) throw new RunFolderError(`${path} is damaged (${json.message}); restore it or start a new run folder`)
  const value = schema.safeParse(json.value)
  if (value.success) return value.data
  throw new RunFolderError(`${path} is not from this version of pop: ${firstIssue(value.error)}`)
}
