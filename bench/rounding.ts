/**
 * How often the same seed gives another text in company than alone, because matrix products are rounded differently with
 * the size of the batch: the laboratory's model writes proposals about its documents, all at once and one by one.
 *
 * Run: npx tsx bench/rounding.ts [--requests 200] [--slots 64] [--tokens 96] [--int8]
 * Prints for greedy and for sampled answers: texts that differ, tokens until they part, and the largest difference of
 * log-probabilities at places where all tokens before are equal.
 */
import { parseArgs } from 'node:util'
import { Engine, type Generation, type SampleRequest } from '../src/engine/index.ts'
import { LAB_MODEL_DIR, labCorpus, labTask } from '../src/lab/index.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '200' },
    slots: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '96' },
    int8: { type: 'boolean', default: false },
  },
})

const engine = await Engine.open(LAB_MODEL_DIR, {
  maxSlots: Number(values.slots),
  sampling: values.int8 ? 'int8' : 'float32',
})
const documents = labCorpus({ seed: 'rounding', documents: Number(values.requests) })
const prompts = documents.map(({ text }) =>
  engine.tokenizer.encodeChat(labTask.proposer.messages({ document: text }), { addGenerationPrompt: true }),
)

function requestsAt(temperature: number): SampleRequest[] {
  const settings = { samples: 1, topP: 1, topK: 0, maxTokens: Number(values.tokens) }
  const { stopTokenIds } = engine.tokenizer
  return prompts.map((promptTokens, seed) => ({ promptTokens, seed, temperature, stopTokenIds, ...settings }))
}

interface Parting {
  /** Tokens that are equal; undefined: all are. */
  at: number | undefined
  difference: number
  tokens: number
}

function compare(alone: Generation, together: Generation): Parting {
  const length = Math.max(alone.tokens.length, together.tokens.length)
  let [at, difference] = [0, 0]
  for (; at < length && alone.tokens[at] === together.tokens[at]; at++) {
    difference = Math.max(difference, Math.abs((alone.logprobs[at] ?? NaN) - (together.logprobs[at] ?? NaN)))
  }
  return { at: at === length ? undefined : at, difference, tokens: Math.min(at + 1, length) }
}

for (const [name, temperature] of [
  ['greedy', 0],
  ['sampled', 1],
] as const) {
  const requests = requestsAt(temperature)
  const together = await engine.generate(requests)
  const partings: Parting[] = []
  for (const [i, request] of requests.entries()) {
    const [[alone] = []] = await engine.generate([request])
    const [other] = together[i] ?? []
    if (alone !== undefined && other !== undefined) partings.push(compare(alone, other))
  }
  const parted = partings.filter(({ at }) => at !== undefined)
  const tokens = partings.reduce((sum, parting) => sum + parting.tokens, 0)
  const largest = Math.max(...partings.map(({ difference }) => difference))
  process.stdout.write(
    `${name}: ${parted.length} of ${partings.length} texts differ (${tokens} tokens compared), ` +
      `log-probabilities before that by at most ${largest.toExponential(1)}\n`,
  )
}
await engine.close()
