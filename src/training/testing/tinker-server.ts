/**
 * A Tinker server written from the protocol's description, around the bigram table: real gradients and samples, both ways of reducing a loss,
 * futures, sessions, idempotent `seq_id`s, and faults on demand. For tests.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { isJsonObject, parseJson, type JsonValue } from '../../core/json.ts'
import { rng } from '../../core/rng.ts'
import { BigramModel } from './bigram-model.ts'

type Body = { [key: string]: JsonValue }
type Answer = { readonly status?: number; readonly body: object | string | Uint8Array }

interface Datum {
  readonly tokens: number[]
  /** Weight of log p per predicted token, as this server reduces. */
  readonly weights: Float32Array
}

interface Held {
  readonly table: BigramModel
  readonly session: string
  data: Datum[]
}

export class TinkerServer {
  /** Requests by route, in order. */
  readonly requests: { route: string; body: Body }[] = []
  /**
   * Answers to give once instead of the real one, by route: a status, or a connection dropped before (`drop`) or after the work was done, or
   * in the middle of the answer (`half`).
   */
  readonly faults = new Map<string, ('drop' | 'dropAfter' | 'half' | Answer)[]>()
  /** Polls that are answered 408 before a result is given. */
  pendingPolls = 0
  private readonly reduction: 'sum' | 'sequenceMean'
  private readonly vocabSize: number
  private readonly server: Server
  private readonly models = new Map<string, Held>()
  /** What is on its disk, by path: states, and weights to sample from. */
  private readonly saved = new Map<string, number[][]>()
  private readonly futures = new Map<string, Answer>()
  private readonly bySequence = new Map<string, { body: string; id: string }>()
  private count = 0

  constructor(reduction: 'sum' | 'sequenceMean', vocabSize: number) {
    this.reduction = reduction
    this.vocabSize = vocabSize
    this.server = createServer((request, response) => {
      void this.answer(request).then(
        (answer) => {
          if (answer === 'drop') {
            request.socket.destroy()
            return
          }
          const { status = 200, body, half = false } = answer
          const bytes =
            body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
          response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': bytes.length })
          if (!half) response.end(bytes)
          else response.write(bytes.subarray(0, bytes.length / 2), () => request.socket.destroy())
        },
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
  }

  /** @param port 0: a free one */
  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  /** As after a restart: every model is gone, what was saved is not. */
  forget(): void {
    this.models.clear()
  }

  /** Its disk was cleaned: adapters to fetch are gone, or states to go on from as well. */
  clean(all: boolean): void {
    for (const path of this.saved.keys()) if (all || !path.includes('/weights/')) this.saved.delete(path)
  }

  get openModels(): number {
    return this.models.size
  }

  private async answer(request: IncomingMessage): Promise<(Answer & { readonly half?: boolean }) | 'drop'> {
    const route = (request.url ?? '').replace('/api/v1/', '')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const json = parseJson(Buffer.concat(chunks).toString('utf8') || '{}')
    const body: Body = json.ok && isJsonObject(json.value) ? json.value : {}
    this.requests.push({ route, body })
    const fault = this.faults.get(route.startsWith('training_runs/') ? 'archive' : route)?.shift()
    if (fault === 'drop') return 'drop'
    if (typeof fault === 'object') return fault
    const answer = this.handle(route, body)
    return fault === 'dropAfter' ? 'drop' : { ...answer, half: fault === 'half' }
  }

  private handle(route: string, body: Body): Answer {
    if (route.startsWith('training_runs/')) return this.archive(route)
    switch (route) {
      case 'asample':
        return this.future(this.sample(body))
      case 'get_server_capabilities':
        return { body: { supported_models: [{ model_name: 'bigram' }] } }
      case 'create_session':
        return { body: { session_id: `session_${++this.count}` } }
      case 'session_heartbeat':
        return { body: { type: 'session_heartbeat' } }
      case 'create_model':
        return this.createModel(body)
      case 'retrieve_future':
        return this.retrieve(word(body['request_id']))
      case 'unload_model':
        this.models.delete(word(body['model_id']))
        return this.future({ body: { status: 'unloaded' } })
      default:
        return this.job(route, body)
    }
  }

  private createModel(body: Body): Answer {
    const id = `model_${++this.count}`
    this.models.set(id, { table: new BigramModel(this.vocabSize, 1), session: word(body['session_id']), data: [] })
    return { body: { model_id: id, ...this.issue({ body: { model_id: id } }) } }
  }

  private retrieve(id: string): Answer {
    if (this.pendingPolls > 0) {
      this.pendingPolls--
      return { status: 408, body: { detail: 'Timeout waiting for result' } }
    }
    return this.futures.get(id) ?? { status: 404, body: { detail: 'Future not found' } }
  }

  /** A job of a model; with a `seq_id` that is known already, the job of then. */
  private job(route: string, body: Body): Answer {
    const key = `${word(body['model_id'])}/${word(body['seq_id'])}`
    const text = JSON.stringify([route, body])
    const known = this.bySequence.get(key)
    if (known !== undefined && known.body === text) return { body: { request_id: known.id, status: 'pending' } }
    if (known !== undefined) return { status: 409, body: { detail: 'seq_id reused with another body' } }
    const model = this.models.get(word(body['model_id']))
    const result =
      model === undefined
        ? { status: 400, body: { detail: `Model ${word(body['model_id'])} not loaded` } }
        : this.run(route, body, model)
    const issued = this.issue(result)
    this.bySequence.set(key, { body: text, id: issued.request_id })
    return { body: issued }
  }

  private run(route: string, body: Body, model: Held): Answer {
    const name = `${word(body['model_id'])}/weights/${word(body['path'])}`
    switch (route) {
      case 'forward':
      case 'forward_backward':
        return this.pass(route, body, model)
      case 'optim_step':
        return this.optimStep(body, model)
      case 'save_weights':
        return { body: { path: this.keep(`tinker://${name}`, model) } }
      case 'save_weights_for_sampler': {
        const path = this.keep(`tinker://${word(body['model_id'])}/${word(body['path'])}`, model)
        return { body: { path, sampling_session_id: null } }
      }
      case 'load_weights': {
        const table = this.saved.get(word(body['path']))
        if (table === undefined) return { status: 404, body: { detail: 'checkpoint not found' } }
        table.forEach((row, i) => (model.table.logits[i] = [...row]))
        return { body: { type: 'load_weights' } }
      }
      default:
        return { status: 404, body: { detail: `no route ${route}` } }
    }
  }

  private keep(path: string, { table }: Held): string {
    this.saved.set(
      path,
      table.logits.map((row) => [...row]),
    )
    return path
  }

  /** An adapter in PEFT's layout: as its weights the table. */
  private archive(route: string): Answer {
    const [, model = '', , name = ''] = route.split('/')
    const logits = this.saved.get(`tinker://${model}/${name}`)
    if (logits === undefined) return { status: 404, body: { detail: 'checkpoint not found' } }
    const weights = Buffer.from(Float32Array.from(logits.flat()).buffer)
    const shape = [logits.length, logits.length]
    const header = JSON.stringify({ bigram: { dtype: 'F32', shape, data_offsets: [0, weights.length] } })
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    const adapter = Buffer.concat([length, Buffer.from(header), weights])
    const files = [
      tarEntry('adapter_config.json', Buffer.from('{"r":8}')),
      tarEntry('adapter_model.safetensors', adapter),
    ]
    return { body: gzipSync(Buffer.concat([...files, TAR_END])) }
  }

  /** Samples of the base model, or of weights whose model is loaded. */
  private sample(body: Body): Answer {
    const path = body['model_path'] === undefined ? undefined : word(body['model_path'])
    const id = path?.split('/')[2] ?? ''
    if (path !== undefined && !this.models.has(id)) return { status: 404, body: { detail: `Model ${id} not found` } }
    const table = new BigramModel(this.vocabSize, 1)
    if (path !== undefined) this.saved.get(path)?.forEach((row, i) => (table.logits[i] = row))
    const chunk = (body['prompt'] as { chunks: { tokens: number[] }[] }).chunks[0]
    const prompt = chunk?.tokens ?? []
    const count = Number(body['num_samples'])
    const params = body['sampling_params'] as Body
    const sequences = Array.from({ length: count }, (_, i) => sampleFrom(table, prompt, params, i))
    const known = body['prompt_logprobs'] === true ? [null, ...logprobsOf(table, prompt)] : null
    return { body: { sequences, prompt_logprobs: known } }
  }

  private pass(route: string, body: Body, model: Held): Answer {
    const input = body[`${route}_input`] as Body
    const data = (input['data'] as Body[]).map((datum) => this.datum(datum, word(input['loss_fn'])))
    const outputs = data.map(({ tokens }) => ({ logprobs: { data: logprobsOf(model.table, tokens) } }))
    if (route === 'forward_backward') model.data.push(...data)
    return { body: { loss_fn_output_type: 'scalar', loss_fn_outputs: outputs, metrics: {} } }
  }

  private datum(datum: Body, loss: string): Datum {
    const inputs = datum['loss_fn_inputs'] as Record<string, { data: number[] }>
    const targets = inputs['target_tokens']?.data ?? []
    const chunk = (datum['model_input'] as { chunks: { tokens: number[] }[] }).chunks[0]
    const weights = inputs['weights']?.data ?? targets.map(() => 1)
    // A capped ratio between 1 and 1 is 1: the slope of log p is the advantage, where the mask is 1.
    const slope = loss === 'cispo' ? (inputs['advantages']?.data ?? []) : weights
    const total = Math.max(
      1e-9,
      weights.reduce((sum, weight) => sum + weight, 0),
    )
    const scale = this.reduction === 'sum' ? 1 : 1 / total
    return {
      tokens: [...(chunk?.tokens ?? []), ...targets.slice(-1)],
      weights: Float32Array.from(slope, (value) => value * scale),
    }
  }

  private optimStep(body: Body, { table }: Held): Answer {
    const held = [...this.models.values()].find((model) => model.table === table)
    const data = held?.data ?? []
    if (held !== undefined) held.data = []
    const share = this.reduction === 'sum' ? 1 : 1 / Math.max(1, data.length)
    void table.accumulate(
      data.map(({ tokens }) => tokens),
      data.map(({ weights }) => weights.map((weight) => weight * share)),
    )
    const adam = body['adam_params'] as Record<string, number>
    const norm = table.gradientNorm
    void table.step({
      learningRate: adam['learning_rate'] ?? 0,
      beta1: adam['beta1'] ?? 0.9,
      beta2: adam['beta2'] ?? 0.95,
      eps: adam['eps'] ?? 1e-12,
      weightDecay: adam['weight_decay'] ?? 0,
      maxGradNorm: 0,
    })
    return { body: { metrics: { 'skyrl.ai/grad_norm': norm, 'skyrl.ai/learning_rate': adam['learning_rate'] } } }
  }

  private future(result: Answer): Answer {
    return { body: this.issue(result) }
  }

  private issue(result: Answer): { request_id: string; status: string } {
    const id = String(++this.count)
    this.futures.set(id, result)
    return { request_id: id, status: 'pending' }
  }
}

function word(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function logprobsOf(table: BigramModel, tokens: readonly number[]): number[] {
  return tokens.slice(1).map((token, t) => table.logprob(tokens[t] ?? 0, token))
}

/** Up to `max_tokens` tokens by the table, the first given the prompt's last; ends at a stop token. */
function sampleFrom(table: BigramModel, prompt: readonly number[], params: Body, index: number): object {
  const random = rng('asample', Number(params['seed'] ?? 0), index)
  const temperature = Number(params['temperature'] ?? 1)
  const stops = Array.isArray(params['stop']) ? params['stop'] : []
  const tokens: number[] = []
  const logprobs: number[] = []
  let last = prompt.at(-1) ?? 0
  while (tokens.length < Number(params['max_tokens'])) {
    const token = draw(table.logits[last] ?? [], temperature, random.uniform())
    logprobs.push(table.logprob(last, token))
    tokens.push(token)
    if (stops.includes(token)) return { stop_reason: 'stop', tokens, logprobs }
    last = token
  }
  return { stop_reason: 'length', tokens, logprobs }
}

/** @param at where in the distribution, from 0 up to 1 */
function draw(logits: readonly number[], temperature: number, at: number): number {
  const most = Math.max(...logits)
  if (temperature === 0) return logits.indexOf(most)
  const odds = logits.map((logit) => Math.exp((logit - most) / temperature))
  let left = at * odds.reduce((sum, value) => sum + value, 0)
  const found = odds.findIndex((value) => (left -= value) < 0)
  return found < 0 ? odds.length - 1 : found
}

const TAR_END = Buffer.alloc(1024)

/** A tar archive of one small file. */
export function tarOf(name: string, text: string): Uint8Array {
  return Buffer.concat([tarEntry(name, Buffer.from(text)), TAR_END])
}

function tarEntry(name: string, bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(bytes.length.toString(8).padStart(11, '0'), 124)
  header.write('0', 156)
  header.write('ustar', 257)
  const data = Buffer.alloc(Math.ceil(bytes.length / 512) * 512)
  data.set(bytes)
  return Buffer.concat([header, data])
}
