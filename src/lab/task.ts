/**
 * The laboratory's prompts for the four roles: short, because the laboratory's model is small. Pure text in and out.
 * Knows nothing of how a model is called or what is done with its answers.
 */

export interface LabMessage {
  role: 'user' | 'assistant'
  content: string
}

export interface LabCriterion {
  name: string
  gold: string
}

/** What the judge is given where no rubric is written. */
export const OVERALL_CRITERION = {
  name: 'quality',
  gold: 'Not applicable',
  description: 'answers all of the question, and rightly',
  weight: 1,
} as const

/** Task → what proposer and solver are told; the judges' words are the same in all tasks. */
export const LAB_TASKS = {
  lab: { propose: 'Write a question and its answer.', solve: 'Answer the question.' },
  'lab-tales': { propose: 'Write a call for a tale and the tale.', solve: 'Tell the tale.' },
  'lab-format': { propose: 'Write a question that asks for a form and its answer.', solve: 'Answer in the form.' },
} as const

export type LabTaskName = keyof typeof LAB_TASKS

export const LAB_TASK_NAMES = Object.keys(LAB_TASKS) as LabTaskName[]

/** The proposer sees a document, or has to do without. */
export function proposerMessages(document: string | undefined, task: LabTaskName = 'lab'): LabMessage[] {
  const grounding = document === undefined ? [] : [`Document: ${document}`]
  return user([LAB_TASKS[task].propose, ...grounding].join('\n\n'))
}

/** The solver sees the question alone. */
export function solverMessages(question: string, task: LabTaskName = 'lab'): LabMessage[] {
  return user(`${LAB_TASKS[task].solve}\n\nQuestion: ${question}`)
}

/**
 * The rubric writer sees document, question, reference and some candidates. Without a document (the ablation) it sees
 * no reference either, since the reference was taken from the document.
 */
export function rubricMessages(input: {
  document: string | undefined
  question: string
  reference: string
  candidates: string[]
}): LabMessage[] {
  const grounding = input.document === undefined ? [] : [`Document: ${input.document}`, `Reference: ${input.reference}`]
  const candidates = input.candidates.map((candidate, i) => `Answer ${i + 1}: ${candidate}`)
  return user(['Write a rubric.', ...grounding, `Question: ${input.question}`, ...candidates].join('\n\n'))
}

/** The scorer sees question, rubric and one answer. */
export function scorerMessages(input: {
  question: string
  rubric: readonly LabCriterion[]
  answer: string
}): LabMessage[] {
  const { question, rubric, answer } = input
  return user(`Score the answer.\n\nQuestion: ${question}\n\nRubric:\n${linesOf(rubric)}\n\nAnswer: ${answer.trim()}`)
}

/** The comparing judges see question, rubric and two answers; `Compare` asks for the better one, `Rate` for two ratings. */
export function comparerMessages(
  verb: 'Compare' | 'Rate',
  input: { question: string; rubric: readonly LabCriterion[]; answers: readonly [a: string, b: string] },
): LabMessage[] {
  const { question, rubric, answers } = input
  const [a, b] = answers
  const material = [
    `Question: ${question}`,
    `Rubric:\n${linesOf(rubric)}`,
    `Answer A: ${a.trim()}`,
    `Answer B: ${b.trim()}`,
  ]
  return user([`${verb} the answers.`, ...material].join('\n\n'))
}

function linesOf(rubric: readonly LabCriterion[]): string {
  return rubric.map(({ name, gold }) => `- ${name.trim()}: ${gold.trim()}`).join('\n')
}

function user(content: string): LabMessage[] {
  return [{ role: 'user', content }]
}
