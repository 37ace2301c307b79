/**
 * From a task as data (templates, sampling, spread, check) to a `TaskProfile`. `tasks/task-file.ts` makes a `TaskDefinition` of
 * a task file.
 */
import { ConfigError } from '../core/errors.ts'
import { hashValue } from '../core/hash.ts'
import type { ChatMessage, ParseResult, Rubric } from '../records/index.ts'
import { boxedAnswer, checkBoxed } from './check/boxed.ts'
import {
  NO_GOLD,
  parseAnchoredRatings,
  parseAnswer,
  parseComparison,
  parseEvaluation,
  parseProposal,
  parseRubric,
  type ParseOptions,
} from './parse/index.ts'
import type {
  ComparerInput,
  ProposerInput,
  RoleProfile,
  RoleSampling,
  RubricWriterInput,
  ScorerInput,
  SolverInput,
  StructuredForm,
  TaskProfile,
} from './profile.ts'
import type { Proposal } from './parse/answer.ts'
import { compileTemplate, renderTemplate, type SlotContent, type Template } from './prompt/template.ts'
import { spreadByLength } from './spread.ts'
import { anchoredForm, comparisonForm, evaluationForm, rubricForm, type ReplyForm } from './structured.ts'
import type { TaskDefinition } from './tasks/schema.ts'

type RolePrompt = TaskDefinition['solver']
type GroundedRolePrompt = TaskDefinition['proposer']

const RUBRIC_SLOTS = ['question', 'reference_answer', 'candidate']
const SCORER_SLOTS = ['question', 'rubric', 'answer']
const COMPARER_SLOTS = ['question', 'rubric', 'answer_A', 'answer_B']

/** The tags that each role's reply is read by: a model that is not told them cannot use them. */
const REPLY_TAGS: Readonly<Record<string, readonly string[]>> = {
  proposer: ['<problem>', '<answer>'],
  solver: ['<answer>'],
  rubricWriter: ['<rubric>'],
  scorer: ['<evaluation>'],
  comparer: ['<better_answer>'],
  anchoredRater: ['<rating_A>', '<rating_B>'],
}

/**
 * `where` names the task in messages.
 * @throws {ConfigError} when a template lacks a slot, names one that its role does not have, or never shows a tag that the
 * reply is read by
 */
export function defineTask(task: TaskDefinition, where: string = task.name): TaskProfile {
  const { proposer, solver, rubricWriter, scorer, comparer, anchoredRater, check } = task
  const at: TaskAt = { task, where }
  return {
    name: task.name,
    definitionHash: hashValue(task),
    proposer: defineRole(at, groundedRole('proposer', proposer, []), fillProposer, proposalParser(task)),
    solver: defineRole(at, plainRole('solver', solver, ['question']), fillSolver, parseAnswer),
    rubricWriter: defineRole(
      at,
      groundedRole('rubricWriter', rubricWriter, RUBRIC_SLOTS),
      fillRubricWriter,
      parseRubric,
      rubricForm,
    ),
    scorer: defineRole(at, plainRole('scorer', scorer, SCORER_SLOTS), fillScorer, parseEvaluation, evaluationForm),
    comparer: defineRole(
      at,
      plainRole('comparer', comparer, COMPARER_SLOTS),
      fillComparer,
      parseComparison,
      comparisonForm,
    ),
    anchoredRater: defineRole(
      at,
      plainRole('anchoredRater', anchoredRater, COMPARER_SLOTS),
      fillComparer,
      parseAnchoredRatings,
      anchoredForm,
    ),
    overallCriterion: { ...task.overallCriterion, gold: NO_GOLD, weight: 1 },
    rubricCandidates: (answers) => spreadByLength(answers, task.rubricCandidates),
    ...(check === false ? {} : { checkAnswer: checkBoxed }),
  }
}

/** Reads a proposal, asks for the box where the task's check needs it, and ends the question as the task says. */
function proposalParser({ check, questionEnding }: TaskDefinition) {
  return (text: string, options: ParseOptions): ParseResult<Proposal> => {
    const proposal = parseProposal(text, options)
    if (!proposal.ok) return proposal
    const { problem, referenceAnswer } = proposal.value
    if (check !== false && check.reference === 'required' && boxedAnswer(referenceAnswer) === null)
      return { ok: false, reason: 'badShape' }
    return questionEnding === undefined
      ? proposal
      : { ...proposal, value: { problem: `${problem}\n\n${questionEnding}`, referenceAnswer } }
  }
}

/** What the scorer is shown of a rubric: no weights, because how much a criterion counts says nothing about whether it is met. */
function rubricForScorer(rubric: Rubric): string {
  return numbered(rubric.map(({ name, description, gold }) => ({ name, description, gold })))
}

/** Who has to weigh criteria against each other sees the weights. */
function rubricForComparer(rubric: Rubric): string {
  return numbered(rubric.map(({ name, description, gold, weight }) => ({ name, description, gold, weight })))
}

function numbered(criteria: readonly object[]): string {
  const entries = criteria.map((criterion, index) => [`criterion_${index + 1}`, criterion])
  return JSON.stringify(Object.fromEntries(entries), null, 2)
}

/** The prompts of one role, compiled: which of them, and with what, follows from the input. */
type Fill<Input> = (input: Input) => { readonly variant: Variant; readonly contents: Record<string, SlotContent> }
type Variant = 'prompt' | 'ungrounded'
type Prompts = Partial<Record<Variant, Template>>

/** A role's templates by variant, not compiled yet. */
interface RoleSource {
  readonly role: string
  readonly sampling: RoleSampling
  readonly templates: Partial<Record<Variant, { readonly text: string; readonly slots: readonly string[] }>>
}

function plainRole(role: string, { sampling, prompt }: RolePrompt, slots: readonly string[]): RoleSource {
  return { role, sampling, templates: { prompt: { text: prompt, slots } } }
}

function groundedRole(
  role: string,
  { sampling, prompt, ungrounded }: GroundedRolePrompt,
  slots: readonly string[],
): RoleSource {
  const templates = {
    prompt: { text: prompt, slots: ['document', ...slots] },
    ungrounded: { text: ungrounded, slots },
  }
  return { role, sampling, templates }
}

/** A task, and what messages call it. */
interface TaskAt {
  readonly task: TaskDefinition
  readonly where: string
}

function defineRole<Input, Output>(
  { task, where }: TaskAt,
  { role, sampling, templates }: RoleSource,
  fill: Fill<Input>,
  parse: (text: string, options: ParseOptions) => ParseResult<Output>,
  form?: ReplyForm<Input, Output>,
): RoleProfile<Input, Output> {
  const prompts: Prompts = {}
  for (const [variant, template] of Object.entries(templates)) {
    const place = `${where}: ${variant === 'prompt' ? 'prompt' : 'ungrounded prompt'} of the ${role}`
    requireTags(template.text, role, place)
    prompts[variant as Variant] = compileTemplate(template.text, template.slots, place)
  }
  const contentOf = (input: Input): string => {
    const { variant, contents } = fill(input)
    const template = prompts[variant]
    if (template === undefined) throw new Error(`${task.name}: the ${role} has no ${variant} prompt`)
    return renderTemplate(template, contents, task.sections)
  }
  return {
    sampling,
    messages: (input) => [userMessage(contentOf(input))],
    parse: (text, { truncated }) => parse(text, { truncated }),
    promptHash: hashValue({ sections: task.sections, prompts, ...(form === undefined ? {} : { note: form.note }) }),
    ...(form === undefined ? {} : { structured: structuredForm(form, contentOf) }),
  }
}

/** @throws {ConfigError} */
function requireTags(prompt: string, role: string, place: string): void {
  const missing = REPLY_TAGS[role]?.find((tag) => !prompt.includes(tag))
  if (missing === undefined) return
  throw new ConfigError(`${place}: it never shows the tag ${missing} that the reply is read by; ask for it`)
}

function structuredForm<Input, Output>(
  form: ReplyForm<Input, Output>,
  contentOf: (input: Input) => string,
): StructuredForm<Input, Output> {
  return {
    format: (input) => form.format(input),
    messages: (input) => [userMessage(`${contentOf(input)}\n\n${form.note}`)],
    parse: (text, facts, input) => form.parse(text, facts, input),
  }
}

function userMessage(content: string): ChatMessage {
  return { role: 'user', content }
}

const fillProposer: Fill<ProposerInput> = ({ document }) => grounded(document, {})

const fillSolver: Fill<SolverInput> = ({ problem }) => ({ variant: 'prompt', contents: { question: problem } })

const fillRubricWriter: Fill<RubricWriterInput> = ({ document, problem, referenceAnswer, candidates }) =>
  grounded(document, { question: problem, reference_answer: referenceAnswer, candidate: candidates })

const fillScorer: Fill<ScorerInput> = ({ problem, rubric, answer }) => ({
  variant: 'prompt',
  contents: { question: problem, rubric: rubricForScorer(rubric), answer },
})

const fillComparer: Fill<ComparerInput> = ({ problem, rubric, answers: [answerA, answerB] }) => ({
  variant: 'prompt',
  contents: { question: problem, rubric: rubricForComparer(rubric), answer_A: answerA, answer_B: answerB },
})

function grounded(document: string | null, contents: Record<string, SlotContent>): ReturnType<Fill<ProposerInput>> {
  if (document === null) return { variant: 'ungrounded', contents }
  return { variant: 'prompt', contents: { ...contents, document } }
}
