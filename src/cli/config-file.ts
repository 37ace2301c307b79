/**
 * Reads a YAML configuration: every mistake becomes one line with the file, the line and the way out.
 * Knows no key by name: what is allowed comes from the schema.
 */
import { readFile } from 'node:fs/promises'
import { LineCounter, isMap, isNode, isPair, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { ConfigError, errorMessage } from '../core/errors.ts'
import { explainIssue } from './config-issue.ts'

/** Reads the file and checks it against the schema. Throws ConfigError. */
export async function loadConfigFile<S extends z.ZodType>(schema: S, path: string): Promise<z.output<S>> {
  return parseConfig(schema, await readText(path), path)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw new ConfigError(`${path}: no such file; name a YAML configuration`)
    if (code === 'EISDIR') throw new ConfigError(`${path} is a folder; name the YAML file in it`)
    throw new ConfigError(`${path} cannot be read: ${errorMessage(error)}`)
  }
}

/** Checks YAML text against the schema and fills in the defaults. `file` names it in messages. Throws ConfigError. */
export function parseConfig<S extends z.ZodType>(schema: S, text: string, file: string): z.output<S> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [fault] = document.errors
  if (fault !== undefined) {
    throw new ConfigError(`${file}:${lines.linePos(fault.pos[0]).line}: not readable as YAML: ${fault.message}`)
  }
  const result = schema.safeParse(toValue(document, file))
  if (result.success) return result.data
  const issues = result.error.issues
  const [issue] = issues
  if (issue === undefined) throw new ConfigError(`${file}: the configuration is not valid`)
  const { path, text: explanation } = explainIssue(schema, issue)
  const rest = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  throw new ConfigError(`${file}:${lineOf(document, lines, path)}: ${explanation}${rest}`)
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {}
  } catch (error) {
    throw new ConfigError(`${file}: not readable as YAML: ${errorMessage(error)}`)
  }
}

/** The line of the deepest part of the path that the file has. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(key))
      if (pair === undefined) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else {
      const next: unknown = document.getIn(path.slice(0, path.indexOf(key) + 1), true)
      if (!isNode(next)) break
      offset = next.range?.[0] ?? offset
      node = next
    }
  }
  return lines.linePos(offset).line || 1
}

function keyText(key: unknown): string {
  return isNode(key) && 'value' in key ? String(key.value) : String(key)
}
