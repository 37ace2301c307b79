/** For tests: a program that plays the four roles without fault, by reading its prompt and the world's facts. */
import type { GenerateRequest, Generation, LanguageModel } from '../../records/index.ts'
import { valuesGiven, wordsOf } from '../oracle.ts'
import { attributesNamed } from '../questions.ts'
import { referenceAnswer } from '../transcripts/answers.ts'
import { evaluation, proposal, rubric, solution } from '../transcripts/roles.ts'
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
    if (prompt.startsWith('Write a question')) return this.propose(section(prompt, 'Document'))
    if (prompt.startsWith('Answer')) return solution(this.answer(section(prompt, 'Question')))
    if (prompt.startsWith('Write a rubric'))
      return this.rubric(section(prompt, 'Document'), section(prompt, 'Question'))
    return this.score(section(prompt, 'Rubric'), section(prompt, 'Answer'))
  }

  private propose(document: string): string {
    const entity = this.subject(document)
    const asked = ATTRIBUTES.filter((attribute) => valuesGiven(attribute, wordsOf(document)).length === 1).slice(0, 3)
    const facts = new Map(asked.map((attribute) => [attribute, valueIn(document, attribute)]))
    const question = `What are the ${asked.join(', ')} of the ${entity.kind} ${entity.name}?`
    return proposal(question, referenceAnswer(asked, facts))
  }

  private answer(question: string): string {
    const entity = this.subject(question)
    return referenceAnswer(attributesNamed(question), entity.facts)
  }

  private rubric(document: string, question: string): string {
    return rubric(attributesNamed(question).map((name) => ({ name, gold: valueIn(document, name) })))
  }

  private score(lines: string, answer: string): string {
    const criteria = [...lines.matchAll(/- (\w+): (\w+)/g)].map(([, name = '', gold = '']) => ({ name, gold }))
    const claims = criteria.map(({ name }) => {
      const attribute = ATTRIBUTES.find((each) => each === name) ?? 'color'
      return { attribute, values: valuesGiven(attribute, wordsOf(answer)), omitted: false }
    })
    return evaluation(criteria, claims)
  }

  private subject(text: string): Entity {
    const entity = wordsOf(text)
      .map((word) => this.known.get(word))
      .find((each) => each !== undefined)
    if (entity === undefined) throw new Error(`no known thing in: ${text}`)
    return entity
  }
}

function section(prompt: string, title: string): string {
  const block = prompt.split('\n\n').find((each) => each.startsWith(`${title}:`))
  return block?.slice(title.length + 1) ?? ''
}

function valueIn(document: string, attribute: Attribute): string {
  return valuesGiven(attribute, wordsOf(document))[0] ?? ''
}
