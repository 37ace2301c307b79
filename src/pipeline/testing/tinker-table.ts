/**
 * Runs over the scripted Tinker server: its table answers, and is trained; who asks and judges is scripted behind a `fetch`. For tests.
 */
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../core/clock.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { rng } from '../../core/rng.ts'
import { configSchema, type RunEvent } from '../../records/index.ts'
import { parseTask, type TaskProfile } from '../../roles/index.ts'
import { runPipeline, type RunSummary } from '../index.ts'

/** Its tokenizer: of 300 tokens, as the server's table. */
export const TOKENIZER = fileURLToPath(new URL('../../../test/goldens/trl-dpo/qwen3', import.meta.url))
export const VOCAB = 300
const OTHERS = 'http://127.0.0.1:9/v1'
const role = (name: string): object => ({ backend: 'openai', baseUrl: OTHERS, name })
export const ROLES = { proposer: role('proposer'), rubric: role('rubric'), scorer: role('scorer') }

/** The table writes no tags: what it says is the answer. */
export function tableTask(): TaskProfile {
  const general = parseTask('{ extends: general, name: general }')
  return {
    ...general,
    solver: {
      ...general.solver,
      messages: ({ problem }) => [{ role: 'user', content: problem }],
      parse: (text) => ({ ok: true, value: text }),
    },
  }
}

/** What `schema-support.ts` asks about. */
const SCHEMA_PROBE = 'colour'

const textOf = ({ body }: RequestInit): string => (typeof body === 'string' ? body : '')

export interface Others {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** How often they were asked, but for whether they keep to a schema: batches that play side by side may each ask that. */
  readonly calls: () => number
}

/**
 * Who asks and judges: the reply follows from the prompt.
 * @param slow what a prompt holds that is answered late
 */
export function others(slow?: string): Others {
  let calls = 0
  const reply = (prompt: string): string => {
    const random = rng(prompt)
    const criterion = { name: 'Count', gold: '37', description: 'the number', weight: 2 }
    const evaluation = { criterion_1: { name: 'Count', thoughts: 'so', rating: random.below(3) } }
    if (prompt.includes('<evaluation>')) return `<evaluation>${JSON.stringify(evaluation)}</evaluation>`
    if (prompt.includes('<rubric>')) return `<rubric>${JSON.stringify({ criterion_1: criterion })}</rubric>`
    return `<problem>How many in ${random.below(1000)}?</problem><answer>37</answer>`
  }
  const answer = (init: RequestInit): Response => {
    if (!textOf(init).includes(SCHEMA_PROBE)) calls++
    const parsed = parseJson(textOf(init))
    const body = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
    const content = reply(JSON.stringify(body['messages']))
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }]
    return Response.json({ choices, usage: { prompt_tokens: 10, completion_tokens: 5 } })
  }
  return {
    fetch: async (url, init) => {
      if (!url.startsWith(OTHERS)) return fetch(url, init)
      if (slow !== undefined && textOf(init).includes(slow)) await systemClock.sleep(300)
      return answer(init)
    },
    calls: () => calls,
  }
}

export interface TableRunOptions {
  readonly baseUrl: string
  readonly runDir: string
  readonly asked?: Others
  readonly onEvent?: (event: RunEvent) => void
  /** Sections of the configuration. */
  readonly changes?: object
  readonly signal?: AbortSignal
}

/** Two rounds on four documents, unless `changes` say otherwise. */
export async function runTable(options: TableRunOptions): Promise<RunSummary> {
  const { baseUrl, runDir, asked = others(), onEvent = () => undefined, changes = {}, signal } = options
  const texts = (from: string, count: number): { id: string; text: string; source: string }[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `${from}${i}`,
      text: `Town ${i} has ${i * 37} people.`,
      source: from,
    }))
  return runPipeline({
    config: configSchema.parse({
      corpus: { source: 'memory', documents: 4 },
      model: { backend: 'tinker', baseUrl, name: 'bigram', path: TOKENIZER },
      roles: ROLES,
      synthesis: { candidates: 4, maxTokens: { solve: 8 } },
      training: {
        backend: 'tinker',
        lora: { rank: 8, alpha: 32 },
        learningRate: 0.05,
        batchSize: 2,
        schedule: 'constant',
        objective: { type: 'dpo', beta: 0.1 },
      },
      evaluation: { suites: ['heldout'], samples: 1, judge: role('judge') },
      rounds: 2,
      ...changes,
    }),
    runDir,
    task: tableTask(),
    documents: { training: texts('train', 4), heldOut: texts('held', 1), facts: null },
    deps: { env: {}, fetch: asked.fetch },
    onEvent,
    ...(signal === undefined ? {} : { signal }),
  })
}
