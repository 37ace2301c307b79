/**
 * Whether a model's server holds replies to a JSON schema: tried once for each endpoint, with a schema that no prompt asks
 * for, and kept in the journal, so that a resume asks in the same form. Knows no role.
 */
import type { Clock } from '../core/clock.ts'
import { hashValue } from '../core/hash.ts'
import { isJsonObject, parseJson } from '../core/json.ts'
import type { LanguageModel, ResponseFormat } from '../records/index.ts'
import { withoutReasoning } from '../roles/index.ts'
import type { Call, CallResult, JournalAccess } from './caller.ts'

const WORD = 'quartz-lantern'
/** The question says nothing of JSON or of the word: only a server that keeps the schema can answer so. */
const QUESTION = 'What colour is the sky on a clear day? Answer in one word.'
const FORMAT: ResponseFormat = {
  name: 'probe',
  schema: {
    type: 'object',
    properties: { colour: { type: 'string', enum: [WORD] } },
    required: ['colour'],
    additionalProperties: false,
  },
}
/** Room for a model that thinks first. */
const MAX_TOKENS = 1024

export class SchemaSupport {
  private readonly options: { readonly journal: Pick<JournalAccess, 'get' | 'append'>; readonly clock: Clock }
  private readonly call: (call: Call) => Promise<CallResult>
  private readonly known = new Map<string, Promise<boolean>>()

  constructor(
    options: { readonly journal: Pick<JournalAccess, 'get' | 'append'>; readonly clock: Clock },
    call: (call: Call) => Promise<CallResult>,
  ) {
    this.options = options
    this.call = call
  }

  /** @throws {Stopped} when the run is stopping and the answer is not known. */
  of(model: LanguageModel): Promise<boolean> {
    if (model.abilities?.responseFormat !== true) return Promise.resolve(false)
    const key = `schema-support/${model.endpoint ?? ''}#${model.name}`
    const known = this.known.get(key) ?? this.find(key, model)
    this.known.set(key, known)
    return known
  }

  private async find(key: string, model: LanguageModel): Promise<boolean> {
    const { journal, clock } = this.options
    const inputs = hashValue(FORMAT)
    const before = journal.get(key, inputs)
    if (before?.kind === 'decision' && isJsonObject(before.value)) return before.value['supported'] === true
    const result = await this.call({
      stage: 'score',
      key: `${key}/probe`,
      model,
      request: {
        messages: [{ role: 'user', content: QUESTION }],
        n: 1,
        temperature: 0,
        topP: 1,
        maxTokens: MAX_TOKENS,
        responseFormat: FORMAT,
      },
    })
    const supported = result.ok && keepsSchema(result.samples[0]?.text ?? '')
    const why = result.ok ? (result.samples[0]?.text.slice(0, 200) ?? '') : result.error.message
    // A server that gave no answer at all said nothing about schemas: another session may find out.
    if (result.ok || result.error.status !== undefined) {
      await journal.append({ v: 1, kind: 'decision', key, inputs, at: clock.now(), value: { supported, why } })
    }
    return supported
  }
}

function keepsSchema(text: string): boolean {
  const json = parseJson(withoutReasoning(text).trim())
  return json.ok && isJsonObject(json.value) && json.value['colour'] === WORD
}
