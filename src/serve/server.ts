/**
 * An OpenAI-compatible server over one engine: chat and text completions, models, health, metrics. Requests of all
 * clients share the engine's running batch; a client that goes away takes its request with it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { PopError, errorMessage } from '../core/errors.ts'
import { deriveSeed } from '../core/rng.ts'
import type { Engine, Generation } from '../engine/index.ts'
import { HttpError, readBody, send, sendError, sendJson } from './http.ts'
import { chatJob, completionJob, type Job } from './jobs.ts'
import { LiveReply, type Kind } from './live-reply.ts'
import { ServerMetrics } from './metrics.ts'
import { chatReply, choicesOf, completionReply, type Envelope } from './replies.ts'
import { chatRequestSchema, completionRequestSchema } from './wire.ts'

export interface ModelServerOptions {
  readonly engine: Engine
  /** What clients call the model. */
  readonly name: string
  readonly clock: Clock
  /** Seeds requests that bring no seed. */
  readonly seed: number
  /** Clients must send it as `Authorization: Bearer KEY`. */
  readonly apiKey?: string
}

export class ModelServer {
  private readonly options: ModelServerOptions
  private readonly server: Server
  private readonly metrics = new ServerMetrics()
  private counter = 0
  private working = 0

  constructor(options: ModelServerOptions) {
    this.options = options
    this.server = createServer((request, response) => {
      void this.serve(request, response)
    })
  }

  /** @param port 0 picks a free one; returns the one that is listened on */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, host, () => resolve((this.server.address() as AddressInfo).port))
    })
  }

  /** Takes no further connections and waits for the requests that are served. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      this.server.closeIdleConnections()
    })
  }

  /** Requests that are served now. */
  get load(): number {
    return this.working
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.route(request, response)
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy()
      else sendError(response, asHttpError(error))
    }
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const route = `${request.method ?? ''} ${path}`
    if (route === 'GET /health') {
      send(response, 200, 'text/plain', '')
      return
    }
    this.authorize(request)
    if (route === 'GET /v1/models') sendJson(response, 200, this.models())
    else if (route === 'GET /metrics') await this.sendMetrics(response)
    else if (route === 'POST /v1/chat/completions') await this.complete('chat', request, response)
    else if (route === 'POST /v1/completions') await this.complete('completion', request, response)
    else throw new HttpError(404, `there is no ${route} here`, 'not_found_error')
  }

  private authorize(request: IncomingMessage): void {
    const { apiKey } = this.options
    if (apiKey === undefined) return
    const given = Buffer.from(request.headers.authorization ?? '')
    const wanted = Buffer.from(`Bearer ${apiKey}`)
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return
    throw new HttpError(401, 'the key is missing or wrong: send Authorization: Bearer KEY', 'authentication_error')
  }

  private models(): object {
    const { engine, name } = this.options
    const model = { id: name, object: 'model', created: 0, owned_by: 'pop', max_model_len: engine.config.maxPositions }
    return { object: 'list', data: [model] }
  }

  private async sendMetrics(response: ServerResponse): Promise<void> {
    const text = this.metrics.text(this.options.name, await this.options.engine.stats())
    send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', text)
  }

  private async complete(kind: Kind, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const job = await this.readJob(kind, request)
    const gone = new AbortController()
    response.on('close', () => gone.abort(new Error('the client went away')))
    const { clock } = this.options
    const started = clock.monotonic()
    this.working++
    try {
      const answers = await this.answer(kind, job, response, gone.signal)
      this.metrics.answered(answers.flat(), (clock.monotonic() - started) / 1000)
    } finally {
      this.working--
    }
  }

  private async readJob(kind: Kind, request: IncomingMessage): Promise<Job> {
    const { engine } = this.options
    const freshSeed = (): number => deriveSeed(this.options.seed, 'request', this.counter)
    if (kind === 'chat') {
      const body = await readBody(request, chatRequestSchema)
      this.checkModel(body.model)
      return chatJob(body, engine, freshSeed)
    }
    const body = await readBody(request, completionRequestSchema)
    this.checkModel(body.model)
    return completionJob(body, engine, freshSeed)
  }

  private checkModel(model: string): void {
    const { name } = this.options
    if (model !== name)
      throw new HttpError(404, `the model ${model} is not here; this server has ${name}`, 'not_found_error')
  }

  private async answer(kind: Kind, job: Job, response: ServerResponse, signal: AbortSignal): Promise<Generation[][]> {
    const { engine, name, clock } = this.options
    const prefix = kind === 'chat' ? 'chatcmpl' : 'cmpl'
    const envelope = { id: `${prefix}-${++this.counter}`, created: Math.floor(clock.now() / 1000), model: name }
    if (job.stream) return this.stream(kind, job, envelope, response, signal)
    const answers = await engine.generate(job.requests, signal)
    const reply = kind === 'chat' ? chatReply : completionReply
    sendJson(response, 200, reply(envelope, job, choicesOf(job, answers), engine.tokenizer))
    return answers
  }

  private async stream(
    kind: Kind,
    job: Job,
    envelope: Envelope,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<Generation[][]> {
    const { engine } = this.options
    const reply = new LiveReply({ kind, job, envelope, tokenizer: engine.tokenizer }, response)
    const answers = await engine.generate(job.requests, signal, (event) => reply.token(event))
    reply.finish(answers)
    return answers
  }
}

/** What the engine refuses is the client's to mend; anything else is ours. */
function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof PopError && error.exitCode === 2) return new HttpError(400, error.message)
  return new HttpError(500, errorMessage(error), 'internal_error')
}
