/** For tests: a program that plays the four roles without fault, by reading its prompt and the world's facts. */
import type { GenerateRequest, Generation, LanguageModel } from '../../records/index.ts'
import { rng } from '../../core/rng.ts'
import { DEMAND_NAMES, observed, readDemands } from '../demands.ts'
import { valuesGiven, wordsOf } from '../oracle.ts'
import { attributesNamed } from '../questions.ts'
import { LAB_TASK_NAMES, LAB_TASKS, OVERALL_CRITERION } from '../task.ts'
import type { LabCriterion, LabTaskName } from '../task.ts'
import type { Said } from '../transcripts/answers.ts'
import { drawAssignment, referenceReply } from '../transcripts/assignments.ts'
import { anchoredRatings, betterAnswer, comparingThoughts, overallEvaluation } from '../transcripts/comparing.ts'
import { evaluation, proposal, rubric, solution } from '../transcripts/roles.ts'
import { goldsOf } from '../transcripts/sample.ts'
import { ATTRIBUTES } from '../world/attributes.ts'
import type { Attribute } from '../world/attributes.ts'
import type { Entity, World } from '../world/entities.ts'

export class PerfectModel implements LanguageModel {
  readonly name = 'perfect'
  private readonly known: ReadonlyMap<string, Entity>

  constructor(world: World) {
    this.known = new Map([...world.train, ...world.heldOut].map((entity) => [entity.name, entity]))
  }

  generate(request: GenerateRequest): Promise<Generation[]> {
    const text = this.reply(request.messages.at(-1)?.content ?? '')
    const usage = { promptTokens: 0, completionTokens: 0 }
    return Promise.resolve(Array.from({ length: request.n }, () => ({ text, finishReason: 'stop' as const, usage })))
  }

  private reply(prompt: string): string {
    const question = section(prompt, 'Question')
    if (prompt.startsWith('Write a rubric')) return this.rubric(section(prompt, 'Document'), question)
    if (prompt.startsWith('Write a')) return this.propose(taskOf(prompt), section(prompt, 'Document'))
    if (prompt.startsWith('Score')) return this.score(question, section(prompt, 'Rubric'), section(prompt, 'Answer'))
    if (prompt.startsWith('Compare') || prompt.startsWith('Rate')) return this.compare(prompt)
    return solution(this.answer(taskOf(prompt), question))
  }

  private propose(task: LabTaskName, document: string): string {
    const entity = this.subject(document)
    const stated = ATTRIBUTES.filter((attribute) => valuesGiven(attribute, wordsOf(document)).length === 1)
    const facts = new Map(stated.map((attribute) => [attribute, valueIn(document, attribute)]))
    const random = rng('perfect', document)
    const assignment = drawAssignment(task, { ...entity, facts }, stated, random)
    return proposal(assignment.text, referenceReply(assignment, facts, random))
  }

  private answer(task: LabTaskName, text: string): string {
    const entity = this.subject(text)
    const assignment = { task, entity, asked: attributesNamed(text), demands: readDemands(text), text }
    return referenceReply(assignment, entity.facts, rng('perfect', text))
  }

  private rubric(document: string, question: string): string {
    const golds = attributesNamed(question).map((name) => ({ name, gold: valueIn(document, name) }))
    return rubric([...golds, ...readDemands(question)])
  }

  private score(question: string, lines: string, answer: string): string {
    const criteria = criteriaIn(lines)
    if (criteria.some(({ name }) => name === OVERALL_CRITERION.name)) {
      const believed = goldsOf(attributesNamed(question), this.subject(question).facts)
      return overallEvaluation(OVERALL_CRITERION.name, believed, saidIn(believed, answer))
    }
    return evaluation(criteria, saidIn(criteria, answer))
  }

  private compare(prompt: string): string {
    const criteria = criteriaIn(section(prompt, 'Rubric'))
    const [a, b] = [section(prompt, 'Answer A').trim(), section(prompt, 'Answer B').trim()]
    const { text, totals } = comparingThoughts(criteria, saidIn(criteria, a), saidIn(criteria, b))
    return prompt.startsWith('Compare') ? betterAnswer(text, totals) : anchoredRatings(text, totals)
  }

  private subject(text: string): Entity {
    const entity = wordsOf(text)
      .map((word) => this.known.get(word))
      .find((each) => each !== undefined)
    if (entity === undefined) throw new Error(`no known thing in: ${text}`)
    return entity
  }
}

function taskOf(prompt: string): LabTaskName {
  const told = (task: LabTaskName): boolean =>
    prompt.startsWith(LAB_TASKS[task].propose) || prompt.startsWith(LAB_TASKS[task].solve)
  return LAB_TASK_NAMES.find(told) ?? 'lab'
}

function criteriaIn(lines: string): LabCriterion[] {
  return [...lines.matchAll(/- (\w+): ([\w ]+)/g)].map(([, name = '', gold = '']) => ({ name, gold }))
}

/** What a text says under each criterion. */
function saidIn(criteria: readonly LabCriterion[], answer: string): Said[] {
  return criteria.map(({ name }) => {
    const demand = DEMAND_NAMES.find((each) => each === name)
    const attribute = ATTRIBUTES.find((each) => each === name)
    if (demand !== undefined) return { attribute: name, values: [observed(demand, answer.trim())] }
    return { attribute: name, values: attribute === undefined ? [] : valuesGiven(attribute, wordsOf(answer)) }
  })
}

function section(prompt: string, title: string): string {
  const block = prompt.split('\n\n').find((each) => each.startsWith(`${title}:`))
  return block?.slice(title.length + 1) ?? ''
}

function valueIn(document: string, attribute: Attribute): string {
  return valuesGiven(attribute, wordsOf(document))[0] ?? ''
}
