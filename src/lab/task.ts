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

/** The proposer sees a document. */
export function proposerMessages(document: string): LabMessage[] {
  return user(`Write a question and its answer.\n\nDocument: ${document}`)
}

/** The solver sees the question alone. */
export function solverMessages(question: string): LabMessage[] {
  return user(`Answer the question.\n\nQuestion: ${question}`)
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
  const rubric = input.rubric.map(({ name, gold }) => `- ${name.trim()}: ${gold.trim()}`).join('\n')
  return user(
    `Score the answer.\n\nQuestion: ${input.question}\n\nRubric:\n${rubric}\n\nAnswer: ${input.answer.trim()}`,
  )
}

function user(content: string): LabMessage[] {
  return [{ role: 'user', content }]
}
