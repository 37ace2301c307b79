/**
 * Sampling and prefill speed of the embedded engine on a random model of the laboratory's size.
 *
 * Run: npx tsx bench/engine-sample.ts [--slots 1,16,64] [--prompt 200] [--tokens 60] [--requests 128] [--threads 2]
 * Prints one line per number of slots: tokens sampled per second of the whole job, and prompt tokens per second of a
 * job that samples one token per prompt.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { rng } from '../src/core/rng.ts'
import { systemClock } from '../src/core/clock.ts'
import { Engine } from '../src/engine/index.ts'
import { readModelFiles } from '../src/engine/formats/model-folder.ts'
import type { SampleRequest } from '../src/engine/index.ts'

const { values } = parseArgs({
  options: {
    slots: { type: 'string', default: '1,8,16,32,64,128' },
    prompt: { type: 'string', default: '200' },
    tokens: { type: 'string', default: '60' },
    requests: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
    samples: { type: 'string', default: '1' },
  },
})

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 1536,
  hidden_size: 192,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  head_dim: 32,
  intermediate_size: 512,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
  initializer_range: 0.05,
}

const golden = readModelFiles(join(import.meta.dirname, '../test/goldens/tiny-models/llama'))
const files = { tokenizer: golden.tokenizer, tokenizerConfig: golden.tokenizerConfig }

function makeRequests(count: number, maxTokens: number, temperature: number): SampleRequest[] {
  const random = rng(1, 'bench')
  const mean = Number(values.prompt)
  return Array.from({ length: count }, (_, seed) => {
    const length = Math.max(1, Math.round(mean * (0.75 + 0.5 * random.uniform())))
    return {
      promptTokens: Array.from({ length }, () => random.below(CONFIG.vocab_size)),
      samples: Number(values.samples),
      seed,
      temperature,
      topP: 1,
      topK: 0,
      maxTokens,
      stopTokenIds: [],
    }
  })
}

async function measure(
  engine: Engine,
  requests: SampleRequest[],
): Promise<{ seconds: number; sampled: number; prompt: number }> {
  const before = await engine.stats()
  const start = systemClock.monotonic()
  await engine.generate(requests)
  const seconds = (systemClock.monotonic() - start) / 1000
  const after = await engine.stats()
  return {
    seconds,
    sampled: after.sampledTokens - before.sampledTokens,
    prompt: after.promptTokens - before.promptTokens,
  }
}

for (const maxSlots of values.slots.split(',').map(Number)) {
  const engine = await Engine.create(CONFIG, files, { seed: 1, threads: Number(values.threads), maxSlots })
  const count = Math.max(4, Math.min(Number(values.requests), maxSlots * 4))
  await measure(engine, makeRequests(Math.min(count, maxSlots), 4, 1))
  const whole = await measure(engine, makeRequests(count, Number(values.tokens), 1))
  const short = makeRequests(count, Number(values.tokens), 1).map((request) => ({
    ...request,
    promptTokens: [1, 2, 3],
  }))
  const decode = await measure(engine, short)
  const prefill = await measure(engine, makeRequests(count, 1, 1))
  const rate = (tokens: number, seconds: number): string => (tokens / seconds).toFixed(0).padStart(7)
  process.stdout.write(
    `slots ${String(maxSlots).padStart(3)}  sampled/s${rate(whole.sampled, whole.seconds)} with prompts,` +
      `${rate(decode.sampled, decode.seconds)} without  prefill/s${rate(prefill.prompt, prefill.seconds)}` +
      `  rss ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB\n`,
  )
  await engine.close()
}
