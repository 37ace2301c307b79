/**
 * What a server's answer means when it is not the one we wanted: one line that says what to do, and whether trying
 * again can help. Server text is untrusted: it is cut, put on one line, and cleared of the key.
 */
import { z } from 'zod'
import { EndpointError } from '../core/errors.ts'
import { isJsonObject, parseJson, type JsonValue } from '../core/json.ts'
import { serverMessage } from './openai-wire.ts'
import { displayUrl, type HttpReply } from './transport.ts'

export interface FaultContext {
  readonly url: string
  readonly apiKey: string | undefined
  readonly apiKeyEnv: string | undefined
  /** Milliseconds since the epoch, to read a Retry-After date. */
  readonly now: number
}

/** The error in a reply, or undefined when it is a JSON answer. `value` is its JSON, undefined when it is none. */
export function statusError(
  reply: HttpReply,
  value: JsonValue | undefined,
  context: FaultContext,
): EndpointError | undefined {
  const { status } = reply
  if (status >= 300 && status < 400) return redirected(reply, context)
  if (status < 200 || status >= 400) return refused(reply, value, context)
  if (value === undefined) return notJson(reply, context)
  return isJsonObject(value) && value['error'] != null ? errorInside(status, value, context) : undefined
}

function redirected(reply: HttpReply, context: FaultContext): EndpointError {
  const target = reply.headers.get('location')
  const to = target === null ? 'elsewhere' : displayUrl(new URL(target, context.url).href)
  const message = `${displayUrl(context.url)} redirects to ${to} (${reply.status}): put the final address into baseUrl`
  return new EndpointError(message, { retryable: false, status: reply.status })
}

function notJson(reply: HttpReply, context: FaultContext): EndpointError {
  const where = displayUrl(context.url)
  if (isHtml(reply)) {
    return new EndpointError(
      `${where} answered with a web page, not JSON: is baseUrl the address of the API (usually ending with /v1)?`,
      {
        retryable: false,
        status: reply.status,
      },
    )
  }
  const what = reply.text === '' ? 'an empty reply' : `a reply that is not whole JSON (${reply.text.length} characters)`
  return new EndpointError(`${where} sent ${what}`, { retryable: true, status: reply.status })
}

function isHtml(reply: HttpReply): boolean {
  return /text\/html/i.test(reply.headers.get('content-type') ?? '') || /^\s*<(?:!doctype|html)/i.test(reply.text)
}

/** Some gateways answer 200 with the upstream's error inside. */
function errorInside(status: number, value: JsonValue, context: FaultContext): EndpointError {
  const error = isJsonObject(value) ? value['error'] : undefined
  const code = isJsonObject(error) && typeof error['code'] === 'number' ? error['code'] : undefined
  const message = `${displayUrl(context.url)} answered with an error: ${serverText(value, '', context)}`
  return new EndpointError(message, { retryable: code === undefined || isPassing(code), status: code ?? status })
}

function refused(reply: HttpReply, value: JsonValue | undefined, context: FaultContext): EndpointError {
  const { status } = reply
  const text = serverText(value, isHtml(reply) ? 'a web page' : reply.text, context)
  const said = text === '' ? '' : `: ${text}`
  const seconds = retryAfter(reply.headers, context.now)
  const facts = {
    status,
    retryable: isPassing(status) && !quotaIsUsedUp(value),
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  }
  return new EndpointError(`${displayUrl(context.url)} ${describe(status, context)}${said}`, facts)
}

function describe(status: number, context: FaultContext): string {
  if (status === 401 || status === 403) {
    if (context.apiKey === undefined) return `wants a key (${status}): name the variable that holds it in apiKeyEnv`
    return `refused the key (${status})${context.apiKeyEnv === undefined ? '' : `: check the variable ${context.apiKeyEnv}`}`
  }
  if (status === 429) return 'asks for fewer requests (429)'
  if (status >= 500) return `failed (${status})`
  return `refused the request (${status})`
}

/** Faults that pass by themselves. 501 and 505 say "never". */
function isPassing(status: number): boolean {
  return [408, 409, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505)
}

/** A 429 that no wait will mend. */
function quotaIsUsedUp(value: JsonValue | undefined): boolean {
  const error = isJsonObject(value) ? value['error'] : undefined
  return isJsonObject(error) && [error['code'], error['type']].includes('insufficient_quota')
}

const LONGEST_SERVER_TEXT = 400

function serverText(value: JsonValue | undefined, fallback: string, context: FaultContext): string {
  const text = (value === undefined ? undefined : serverMessage(value)) ?? fallback
  const cleared =
    context.apiKey === undefined || context.apiKey === '' ? text : text.replaceAll(context.apiKey, '[key]')
  // oxlint's no-control-regex has a point in patterns meant to match text; here control characters are the target.
  const line = cleared.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length > LONGEST_SERVER_TEXT ? `${line.slice(0, LONGEST_SERVER_TEXT)}…` : line
}

/**
 * Retry-After in seconds, from either of its forms (a number, a date) or the `retry-after-ms` extension. A date is held against
 * the server's own clock where it tells the time: ours may be wrong, or set while we run.
 */
function retryAfter(headers: Headers, now: number): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms / 1000
  const header = headers.get('retry-after')
  if (header === null) return undefined
  const seconds = header.trim() === '' ? Number.NaN : Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds)
  const date = Date.parse(header)
  const serverNow = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(date) ? undefined : Math.max(0, (date - (Number.isNaN(serverNow) ? now : serverNow)) / 1000)
}

const modelListSchema = z.object({ data: z.array(z.object({ id: z.string() })) })

/** Names in a reply of `/models`. @throws EndpointError when it is not a list of models */
export function listModels(reply: HttpReply): string[] {
  const json = parseJson(reply.text)
  const parsed = modelListSchema.safeParse(json.ok ? json.value : undefined)
  if (reply.status !== 200 || !parsed.success) {
    throw new EndpointError(`the server does not list its models (${reply.status})`, {
      retryable: false,
      status: reply.status,
    })
  }
  return parsed.data.data.map((model) => model.id)
}
