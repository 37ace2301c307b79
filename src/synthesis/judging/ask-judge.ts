/**
 * One judgement: a role that is asked at temperature 0 (judges, the rubric writer), in JSON or in tags, once or several
 * times over; and what is done about a reply that cannot be used. Knows no scoring mode.
 */
import type { ReplyFailure, ResponseFormat } from '../../records/index.ts'
import { replyFailure, type RoleProfile } from '../../roles/index.ts'
import type { Call, CallResult, Sample } from '../caller.ts'
import { keyOf, modelOf, settleAll, type QuestionContext } from '../context.ts'
import type { SynthesisStage } from '../events.ts'

export interface Judgement<Input, Output> {
  readonly stage: Extract<SynthesisStage, 'rubric' | 'score'>
  readonly profile: RoleProfile<Input, Output>
  readonly input: Input
  /** Readings wanted. */
  readonly n: number
  /** Name of the call of an attempt, 0 the first; later ones are for one reading (`slot`) each. */
  readonly name: (attempt: number, slot: number) => string
  /** Instead of the role's own. */
  readonly temperature?: number | undefined
}

export type JudgeReply<Output> =
  | { readonly ok: true; readonly value: Output; readonly sample: Sample }
  /** The reply could not be used. */
  | { readonly ok: false; readonly reason: ReplyFailure; readonly sample: Sample }
  /** There is no reply: a resume makes the call again. */
  | { readonly ok: false; readonly reason: 'callFailed'; readonly message: string }

/** How a reply is asked for. */
interface Plan {
  /** As JSON by a schema rather than in tags. */
  readonly schema: boolean
  readonly temperature: number
  readonly maxTokens: number
}

/** Hot enough to leave the path of a greedy reply, cool enough to keep to the form. */
const SECOND_TEMPERATURE = 0.7
/** Tries of one reading in all, those of earlier sessions included. */
const MOST_TRIES = 32

const warmer = (plan: Plan): Plan => ({ ...plan, temperature: Math.max(plan.temperature, SECOND_TEMPERATURE) })
const inTags = (plan: Plan): Plan => warmer({ ...plan, schema: false })

/**
 * What is changed for the second try, by what was wrong with the first: at temperature 0 the same request would only give the
 * same reply. A cut reply gets twice the room, where that was not given before; a loop of white space is what a schema does
 * to some models, so the second try is without one.
 */
const remedies: Readonly<Record<ReplyFailure, (plan: Plan) => Plan>> = {
  truncated: (plan) => ({ ...plan, maxTokens: 2 * plan.maxTokens }),
  whitespaceLoop: inTags,
  empty: inTags,
  refused: warmer,
  noTag: warmer,
  repeatedTag: warmer,
  badJson: warmer,
  badShape: warmer,
  badNumber: warmer,
}

/** The readings of a judgement, each read or with the reason why not. */
export async function askJudge<Input, Output>(
  context: QuestionContext,
  judgement: Judgement<Input, Output>,
): Promise<JudgeReply<Output>[]> {
  const { stage, profile, n } = judgement
  const { scoring, synthesis } = context.settings
  const schema =
    scoring.output === 'auto' &&
    profile.structured !== undefined &&
    (await context.keepsSchema(modelOf(context.models, stage)))
  const plan: Plan = {
    schema,
    temperature: judgement.temperature ?? profile.sampling.temperature,
    maxTokens: synthesis.maxTokens[stage] ?? profile.sampling.maxTokens,
  }
  const result = await context.call(callOf(context, judgement, plan, judgement.name(0, 0), n))
  if (!result.ok) return Array.from({ length: n }, () => callFailed(result))
  const replies = result.samples.map((sample) => read(context, judgement, { plan, attempt: 0, slot: 0, sample }))
  const fresh = result.replayed ? 0 : 1
  return settleAll(replies.map((reply, slot) => tryAgain(context, judgement, { plan, reply, slot, fresh })))
}

interface FirstTry<Output> {
  readonly plan: Plan
  readonly reply: JudgeReply<Output>
  readonly slot: number
  /** Tries that were made in this session. */
  readonly fresh: number
}

async function tryAgain<Input, Output>(
  context: QuestionContext,
  judgement: Judgement<Input, Output>,
  first: FirstTry<Output>,
): Promise<JudgeReply<Output>> {
  const limit = Math.max(judgement.profile.sampling.attempts, context.settings.scoring.secondTry ? 2 : 1)
  let { reply, plan, fresh } = first
  for (let attempt = 1; !reply.ok && reply.reason !== 'callFailed'; attempt++) {
    plan = nextPlan(first.plan, plan, reply.reason)
    const call = callOf(context, judgement, plan, judgement.name(attempt, first.slot), 1)
    if (attempt >= limit && !mayGoOn(context, call, attempt, fresh)) break
    const result = await context.call(call)
    // The server would not take the second request (no room for a longer reply, say): what it said to the first still stands.
    if (!result.ok) return result.error.retryable ? callFailed(result) : reply
    const [sample] = result.samples
    if (sample === undefined) break
    if (!result.replayed) fresh++
    reply = read(context, judgement, { plan, attempt, slot: first.slot, sample })
  }
  return reply
}

/** Beyond the limit: one fresh try where judging again asks for it, and whatever was tried so before. */
function mayGoOn(context: QuestionContext, call: Call, attempt: number, fresh: number): boolean {
  const isAskedFor = context.again === true && fresh === 0 && attempt < MOST_TRIES
  return isAskedFor || context.knows(call)
}

/** The remedy for the latest reason, on top of those before it; more room is given once. */
function nextPlan(first: Plan, latest: Plan, reason: ReplyFailure): Plan {
  if (reason === 'truncated' && latest.maxTokens > first.maxTokens) return warmer(latest)
  return remedies[reason](latest)
}

function callOf<Input, Output>(
  context: QuestionContext,
  { stage, profile, input }: Judgement<Input, Output>,
  plan: Plan,
  name: string,
  n: number,
): Call {
  const { structured, sampling } = profile
  const inSchema = plan.schema && structured !== undefined
  const responseFormat: ResponseFormat | undefined = inSchema ? structured.format(input) : undefined
  const model = modelOf(context.models, stage)
  const expected = stage === 'score' && context.settings.scoring.ratings === 'expected'
  return {
    stage,
    key: keyOf(context, name),
    model,
    request: {
      messages: inSchema ? structured.messages(input) : profile.messages(input),
      n,
      temperature: plan.temperature,
      topP: sampling.topP,
      maxTokens: plan.maxTokens,
      ...(responseFormat === undefined ? {} : { responseFormat }),
      ...(expected && model.abilities?.numberLogprobs === true ? { numberLogprobs: true } : {}),
    },
  }
}

interface Replied {
  readonly plan: Plan
  readonly attempt: number
  readonly slot: number
  readonly sample: Sample
}

function read<Input, Output>(
  context: QuestionContext,
  { stage, profile, input, name }: Judgement<Input, Output>,
  { plan, attempt, slot, sample }: Replied,
): JudgeReply<Output> {
  const facts = { truncated: sample.finishReason === 'length' }
  const parsed =
    plan.schema && profile.structured !== undefined
      ? profile.structured.parse(sample.text, facts, input)
      : profile.parse(sample.text, facts)
  if (parsed.ok) return { ok: true, value: parsed.value, sample }
  const reason = replyFailure(sample, parsed.reason)
  context.onEvent({ type: 'unreadable', stage, key: keyOf(context, name(attempt, slot)), reason })
  return { ok: false, reason, sample }
}

function callFailed(result: Extract<CallResult, { ok: false }>): JudgeReply<never> {
  return { ok: false, reason: 'callFailed', message: result.error.message }
}
