/** Says in words what a schema has against a value, with the way out. Knows schemas only as JSON Schema. */
import { z } from 'zod'
import { isJsonObject, type JsonValue } from '../core/json.ts'
import { suggestion } from './nearest.ts'

type Issue = z.core.$ZodIssue
type JsonObject = { [key: string]: JsonValue }

/** What is wrong and where: `path` leads to the key at fault. */
export interface Explanation {
  readonly path: readonly PropertyKey[]
  readonly text: string
}

export function explainIssue(schema: z.ZodType, issue: Issue): Explanation {
  const description = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonObject
  return explain(description, issue, [])
}

function explain(description: JsonObject, issue: Issue, prefix: readonly PropertyKey[]): Explanation {
  const path = [...prefix, ...issue.path]
  const name = path.length === 0 ? 'the configuration' : path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') return unknownKey(description, issue.keys, path)
  if (issue.code === 'invalid_union') return union(description, issue, path, name)
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) {
    return { path, text: `${name} is missing: it must be ${expected(issue.message)}` }
  }
  return { path, text: `${name}: ${plain(issue.message)}` }
}

function unknownKey(description: JsonObject, keys: readonly string[], path: readonly PropertyKey[]): Explanation {
  const key = keys[0] ?? ''
  const known = knownKeys(description, path)
  const place = path.length === 0 ? '' : ` in ${path.map(String).join('.')}`
  const meant = suggestion(key, known)
  const text = `unknown key "${key}"${place}${meant === '' ? `; known keys: ${known.join(', ')}` : meant}`
  return { path: [...path, key], text }
}

function union(
  description: JsonObject,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: readonly PropertyKey[],
  name: string,
): Explanation {
  if (issue.errors.length === 0) {
    const values = allowedValues(description, path)
    return { path, text: `${name} must be one of ${values.join(', ')}` }
  }
  // The branch that the value comes nearest to complains deepest; when all complain at the top, name them all.
  const first = issue.errors.flatMap((branch) => branch.slice(0, 1))
  const deep = first.find((one) => one.path.length > 0 || one.code === 'unrecognized_keys')
  if (deep !== undefined) return explain(description, deep, path)
  return { path, text: `${name} must be ${first.map((one) => expected(one.message)).join(', or ')}` }
}

/** zod says `Invalid input: expected number, received string`. */
function plain(message: string): string {
  return message.replace(/^(Invalid input|Too small|Too big|Invalid option|Invalid [a-zA-Z]+): /, '')
}

function expected(message: string): string {
  return plain(message)
    .replace(/^expected /, '')
    .replace(/, received .*$/, '')
}

/** The schemas that can apply at a path, with unions opened. */
function descriptionsAt(description: JsonObject, path: readonly PropertyKey[]): JsonObject[] {
  let here = branches(description)
  for (const key of path) {
    here = here.flatMap((one) => {
      const properties = one['properties']
      const next = isJsonObject(properties) ? properties[String(key)] : one['items']
      return isJsonObject(next) ? branches(next) : []
    })
  }
  return here
}

function branches(description: JsonObject): JsonObject[] {
  const options = [description['anyOf'], description['oneOf']].flatMap((list) => (Array.isArray(list) ? list : []))
  return options.length === 0 ? [description] : options.filter(isJsonObject).flatMap(branches)
}

function knownKeys(description: JsonObject, path: readonly PropertyKey[]): string[] {
  const keys = descriptionsAt(description, path).flatMap((one) =>
    isJsonObject(one['properties']) ? Object.keys(one['properties']) : [],
  )
  return [...new Set(keys)]
}

function allowedValues(description: JsonObject, path: readonly PropertyKey[]): string[] {
  return descriptionsAt(description, path).flatMap((one) => {
    const { const: only, enum: several } = one
    if (typeof only === 'string') return [only]
    return Array.isArray(several) ? several.filter((value) => typeof value === 'string') : []
  })
}
