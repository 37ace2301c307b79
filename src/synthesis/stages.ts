/**
 * The stages of one question: ask a role, read its reply, try again as its profile says. Each takes what the stage
 * before it gave. Knows neither the journal nor the order of work.
 */
import type { Candidate, ChatMessage, ParseFailure, ParseResult, Question, Rubric } from '../records/index.ts'
import type { RoleProfile } from '../roles/index.ts'
import type { CallResult, Sample } from './caller.ts'
import { firstOf, keyOf, listReasons, modelOf, shownDocument, type QuestionContext } from './context.ts'
import type { SynthesisStage } from './events.ts'
import { askJudge } from './judging/ask-judge.ts'

/** A stage's result, or why there is none, in words for people. */
export type StageResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: string }

/** `propose`: again until a reply holds a question and a reference answer. */
export async function propose(context: QuestionContext): Promise<StageResult<Question>> {
  if (context.prior !== undefined) return { ok: true, value: context.prior.question }
  const profile = context.task.proposer
  const messages = profile.messages({ document: shownDocument(context, 'proposer') })
  const failures: ParseFailure[] = []
  for (let attempt = 0; attempt < profile.sampling.attempts; attempt++) {
    const result = await ask(context, 'propose', `propose/a${attempt}`, profile, messages, 1)
    if (!result.ok) return callFailed(result)
    const { sample, parsed } = firstOf(readAll(context, 'propose', `propose/a${attempt}`, profile, result.samples))
    if (parsed.ok) return { ok: true, value: { ...parsed.value, conversation: reply(messages, sample) } }
    failures.push(parsed.reason)
  }
  return { ok: false, failure: `no readable question in ${failures.length} attempts: ${listReasons(failures)}` }
}

export interface Answers {
  readonly prompt: ChatMessage[]
  /** Every sample of every batch, unreadable ones included: sample i of batch b has index b·n + i. */
  readonly candidates: Candidate[]
}

/** A batch of answers: how many, and where they stand among the question's samples. */
export interface Batch {
  readonly n: number
  /** Of its first sample. */
  readonly index: number
  /** Begins the names of its calls, so that a second part of the samples has its own. */
  readonly name: string
}

/** `solve`: whole batches of n until more than n/4 answers are readable; the readable answers of all batches count. */
export async function solve(
  context: QuestionContext,
  question: Question,
  batch: Batch = { n: context.settings.synthesis.candidates, index: 0, name: 'solve' },
): Promise<StageResult<Answers>> {
  const earlier = priorAnswers(context, question)
  // All of them come as the first batch: a second one has nothing to add.
  if (earlier !== null) return { ok: true, value: batch.index === 0 ? earlier : { ...earlier, candidates: [] } }
  const profile = context.task.solver
  const prompt = profile.messages({ problem: question.problem })
  const candidates: Candidate[] = []
  let valid = 0
  for (let attempt = 0; attempt < profile.sampling.attempts && valid <= batch.n / 4; attempt++) {
    const name = `${batch.name}/a${attempt}`
    const result = await ask(context, 'solve', name, profile, prompt, batch.n)
    if (!result.ok) return callFailed(result)
    for (const { sample, parsed } of readAll(context, 'solve', name, profile, result.samples)) {
      if (parsed.ok) valid++
      candidates.push(unjudged(context, question, { index: batch.index + candidates.length, sample, parsed }))
    }
  }
  return { ok: true, value: { prompt, candidates } }
}

/** An earlier run's answers, checked by this run's task; null when there are none to take over. */
function priorAnswers({ task, prior }: QuestionContext, question: Question): Answers | null {
  if (prior?.answers === undefined) return null
  const { prompt, candidates } = prior.answers
  return {
    prompt: prompt.length > 0 ? [...prompt] : task.solver.messages({ problem: question.problem }),
    candidates: candidates.map((candidate) => {
      const check =
        candidate.answer === null ? undefined : task.checkAnswer?.(candidate.answer, question.referenceAnswer)
      return check === undefined ? candidate : { ...candidate, check }
    }),
  }
}

export interface WrittenRubric {
  /** Null when the reply could not be read; `failure` says why. */
  readonly rubric: Rubric | null
  /** Null when nobody was asked. */
  readonly conversation: ChatMessage[] | null
  readonly failure: string | null
}

/** Another rubric for the same question: its calls begin with `scope`, and it is sampled, since greedy would repeat the first. */
export interface RubricVariant {
  readonly scope: string
  readonly temperature?: number
}

/** `rubric`: from the question, its reference and a spread of the readable answers; the task's one criterion where none is wanted. */
export async function writeRubric(
  context: QuestionContext,
  question: Question,
  answers: readonly string[],
  variant: RubricVariant = { scope: '' },
): Promise<StageResult<WrittenRubric>> {
  const { task, prior } = context
  if (context.settings.scoring.rubric === 'none') {
    return { ok: true, value: { rubric: [task.overallCriterion], conversation: null, failure: null } }
  }
  if (prior?.rubric !== undefined && variant.scope === '') {
    const { rubric, conversation } = prior.rubric
    return { ok: true, value: { rubric, conversation: [...conversation], failure: null } }
  }
  const input = {
    document: shownDocument(context, 'rubricWriter'),
    problem: question.problem,
    referenceAnswer: question.referenceAnswer,
    candidates: task.rubricCandidates(answers),
  }
  const [written] = await askJudge(context, {
    stage: 'rubric',
    profile: task.rubricWriter,
    input,
    n: 1,
    temperature: variant.temperature,
    name: (attempt) => `${variant.scope}rubric/a${attempt}`,
  })
  if (written === undefined || !('sample' in written)) {
    return { ok: false, failure: `the call failed: ${written?.message ?? 'no reply'}` }
  }
  const conversation = reply(task.rubricWriter.messages(input), written.sample)
  return written.ok
    ? { ok: true, value: { rubric: written.value, conversation, failure: null } }
    : { ok: true, value: { rubric: null, conversation, failure: `the rubric is unreadable: ${written.reason}` } }
}

function ask<Input, Output>(
  context: QuestionContext,
  stage: SynthesisStage,
  name: string,
  profile: RoleProfile<Input, Output>,
  messages: readonly ChatMessage[],
  n: number,
): Promise<CallResult> {
  const { temperature, topP } = profile.sampling
  const maxTokens = context.settings.synthesis.maxTokens[stage] ?? profile.sampling.maxTokens
  const request = { messages, n, temperature, topP, maxTokens }
  const keepTokens = stage === 'solve' && context.settings.keepTokens === true
  return context.call({ stage, key: keyOf(context, name), model: modelOf(context.models, stage), request, keepTokens })
}

interface Reading<Output> {
  readonly sample: Sample
  readonly parsed: ParseResult<Output>
}

function readAll<Input, Output>(
  context: QuestionContext,
  stage: SynthesisStage,
  name: string,
  profile: RoleProfile<Input, Output>,
  samples: readonly Sample[],
): Reading<Output>[] {
  return samples.map((sample) => {
    const parsed = profile.parse(sample.text, { truncated: sample.finishReason === 'length' })
    if (!parsed.ok) {
      context.onEvent({ type: 'unreadable', stage, key: keyOf(context, name), reason: parsed.reason })
    }
    return { sample, parsed }
  })
}

function unjudged(
  { task, models }: QuestionContext,
  { referenceAnswer }: Question,
  { index, sample, parsed }: Reading<string> & { readonly index: number },
): Candidate {
  const check = parsed.ok ? task.checkAnswer?.(parsed.value, referenceAnswer) : undefined
  return {
    index,
    answer: parsed.ok ? parsed.value : null,
    ...(parsed.ok ? {} : { invalid: parsed.reason }),
    response: sample.text,
    completionTokens: sample.usage.completionTokens,
    ...sampledTokens(sample, modelOf(models, 'solve').name),
    evaluation: null,
    evaluationResponse: null,
    score: { status: 'unscored', reason: parsed.ok ? 'noRubric' : 'invalidAnswer' },
    ...(check === undefined ? {} : { check }),
  }
}

function sampledTokens({ tokens, logprobs }: Sample, policy: string): Pick<Candidate, 'sampled'> {
  return tokens === undefined || logprobs === undefined ? {} : { sampled: { policy, tokens, logprobs } }
}

function reply(messages: readonly ChatMessage[], sample: Sample): ChatMessage[] {
  return [...messages, { role: 'assistant', content: sample.text }]
}

function callFailed(result: Extract<CallResult, { ok: false }>): { ok: false; failure: string } {
  return { ok: false, failure: `the call failed: ${result.error.message}` }
}
