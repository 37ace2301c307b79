/**
 * Sampling and prefill speed of the embedded engine on a random model of the laboratory's size.
 *
 * Run: npx tsx bench/engine-sample.ts [--slots 1,16,64] [--prompt 200] [--tokens 60] [--requests 128] [--threads 2]
 * Prints one line per number of slots: tokens sampled per second with prompts and with prompts of three tokens, and prompt
 * tokens per second of a job that samples one token per prompt. In brackets the same per second of processor time, which
 * says what the machine could do per core when other programs take their share.
 */
import './engine/huge-pages.ts'
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
  num_key_value_heads: 2,
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

interface Measured {
  sampled: number
  prompt: number
  seconds: number
  processorSeconds: number
}

async function measure(engine: Engine, requests: SampleRequest[]): Promise<Measured> {
  const before = await engine.stats()
  const start = systemClock.monotonic()
  const processorStart = process.cpuUsage()
  await engine.generate(requests)
  const seconds = (systemClock.monotonic() - start) / 1000
  const { user, system } = process.cpuUsage(processorStart)
  const after = await engine.stats()
  return {
    sampled: after.sampledTokens - before.sampledTokens,
    prompt: after.promptTokens - before.promptTokens,
    seconds,
    processorSeconds: (user + system) / 1e6,
  }
}

function rate(tokens: number, { seconds, processorSeconds }: Measured): string {
  return `${(tokens / seconds).toFixed(0)}/s (${(tokens / processorSeconds).toFixed(0)})`
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
  process.stdout.write(
    `slots ${maxSlots}: sampled ${rate(whole.sampled, whole)} with prompts, ${rate(decode.sampled, decode)} without; ` +
      `prompts ${rate(prefill.prompt, prefill)}; ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB resident\n`,
  )
  await engine.close()
}
