/**
 * From a task as data (templates, sampling, spread) to a `TaskProfile`. A new task is another `TaskDefinition`; a task file
 * will be this shape in YAML. Roles of the comparing modes get their template here, beside `scorer`.
 */
import { hashValue } from '../core/hash.ts'
import type { ChatMessage, ParseResult, Rubric } from '../records/index.ts'
import { parseAnswer, parseEvaluation, parseProposal, parseRubric, type ParseOptions } from './parse/index.ts'
import type {
  ProposerInput,
  RoleProfile,
  RoleSampling,
  RubricWriterInput,
  ScorerInput,
  SolverInput,
  TaskProfile,
} from './profile.ts'
import type { SectionStyle } from './prompt/sections.ts'
import { compileTemplate, renderTemplate, type SlotContent, type Template } from './prompt/template.ts'
import { spreadByLength, type SpreadRule } from './spread.ts'

/** A role that is played alike in every run. */
export interface RolePrompt {
  readonly sampling: RoleSampling
  readonly prompt: string
}

/** A role that reads the document, with the prompt for runs in which it does not. */
export interface GroundedRolePrompt extends RolePrompt {
  readonly ungrounded: string
}

export interface TaskDefinition {
  readonly name: string
  readonly sections: SectionStyle
  /** Slot: `document`. */
  readonly proposer: GroundedRolePrompt
  /** Slot: `question`. */
  readonly solver: RolePrompt
  /** Slots: `document`, `question`, `reference_answer`, `candidate` (one section each). */
  readonly rubricWriter: GroundedRolePrompt
  /** Slots: `question`, `rubric`, `answer`. */
  readonly scorer: RolePrompt
  readonly rubricCandidates: SpreadRule
}

/** Throws `ConfigError` when a template lacks a slot or names one that its role does not have. */
export function defineTask(task: TaskDefinition): TaskProfile {
  const rubricSlots = ['question', 'reference_answer', 'candidate']
  return {
    name: task.name,
    proposer: defineRole(task, 'proposer', groundedPrompts(task, 'proposer', []), fillProposer, parseProposal),
    solver: defineRole(task, 'solver', plainPrompt(task, 'solver', ['question']), fillSolver, parseAnswer),
    rubricWriter: defineRole(
      task,
      'rubricWriter',
      groundedPrompts(task, 'rubricWriter', rubricSlots),
      fillRubricWriter,
      parseRubric,
    ),
    scorer: defineRole(
      task,
      'scorer',
      plainPrompt(task, 'scorer', ['question', 'rubric', 'answer']),
      fillScorer,
      parseEvaluation,
    ),
    rubricCandidates: (answers) => spreadByLength(answers, task.rubricCandidates),
  }
}

/** What the scorer is shown of a rubric: no weights, because how much a criterion counts says nothing about whether it is met. */
function rubricForScorer(rubric: Rubric): string {
  const entries = rubric.map(({ name, description, gold }, index) => [
    `criterion_${index + 1}`,
    { name, description, gold },
  ])
  return JSON.stringify(Object.fromEntries(entries), null, 2)
}

/** The prompts of one role, compiled: which of them, and with what, follows from the input. */
type Fill<Input> = (input: Input) => { readonly variant: Variant; readonly contents: Record<string, SlotContent> }
type Variant = 'prompt' | 'ungrounded'
type RoleName = 'proposer' | 'solver' | 'rubricWriter' | 'scorer'
type Prompts = Partial<Record<Variant, Template>>

function defineRole<Input, Output>(
  task: TaskDefinition,
  role: RoleName,
  prompts: Prompts,
  fill: Fill<Input>,
  parse: (text: string, options: ParseOptions) => ParseResult<Output>,
): RoleProfile<Input, Output> {
  return {
    sampling: task[role].sampling,
    messages: (input): ChatMessage[] => {
      const { variant, contents } = fill(input)
      const template = prompts[variant]
      if (template === undefined) throw new Error(`${task.name}: the ${role} has no ${variant} prompt`)
      return [{ role: 'user', content: renderTemplate(template, contents, task.sections) }]
    },
    parse: (text, { truncated }) => parse(text, { truncated }),
    promptHash: hashValue({ sections: task.sections, prompts }),
  }
}

function plainPrompt(task: TaskDefinition, role: 'solver' | 'scorer', slots: readonly string[]): Prompts {
  return { prompt: compileTemplate(task[role].prompt, slots, `${task.name}: prompt of the ${role}`) }
}

function groundedPrompts(task: TaskDefinition, role: 'proposer' | 'rubricWriter', slots: readonly string[]): Prompts {
  const { prompt, ungrounded } = task[role]
  return {
    prompt: compileTemplate(prompt, ['document', ...slots], `${task.name}: prompt of the ${role}`),
    ungrounded: compileTemplate(ungrounded, slots, `${task.name}: ungrounded prompt of the ${role}`),
  }
}

const fillProposer: Fill<ProposerInput> = ({ document }) => grounded(document, {})

const fillSolver: Fill<SolverInput> = ({ problem }) => ({ variant: 'prompt', contents: { question: problem } })

const fillRubricWriter: Fill<RubricWriterInput> = ({ document, problem, referenceAnswer, candidates }) =>
  grounded(document, { question: problem, reference_answer: referenceAnswer, candidate: candidates })

const fillScorer: Fill<ScorerInput> = ({ problem, rubric, answer }) => ({
  variant: 'prompt',
  contents: { question: problem, rubric: rubricForScorer(rubric), answer },
})

function grounded(document: string | null, contents: Record<string, SlotContent>): ReturnType<Fill<ProposerInput>> {
  if (document === null) return { variant: 'ungrounded', contents }
  return { variant: 'prompt', contents: { ...contents, document } }
}
