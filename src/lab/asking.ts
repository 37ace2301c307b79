/** How skills ask a model: one reply of a role, or samples of the solver, read by the role's own parser. Knows no skill. */
import { deriveSeed } from '../core/rng.ts'
import type { ChatMessage, Generation, LanguageModel, ParseResult } from '../records/index.ts'
import type { RoleProfile, SolverInput } from '../roles/index.ts'

export interface SkillOptions {
  seed: string | number
  /** Cases per skill. */
  cases: number
  /** Answers per question, for best-of-n and the judge's rank figures. */
  candidates: number
}

/** The cases of a skill, all at once. */
export function each<T>(options: SkillOptions, measure: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: options.cases }, (_, i) => measure(i)))
}

/** One reply at the role's temperature; null when it cannot be read. */
export async function reply<Input, Output>(
  model: LanguageModel,
  role: RoleProfile<Input, Output>,
  messages: readonly ChatMessage[],
  options: SkillOptions,
  key: string,
): Promise<Output | null> {
  const { temperature, topP, maxTokens } = role.sampling
  const seed = deriveSeed(options.seed, key)
  const [generation] = await model.generate({ messages, n: 1, temperature, topP, maxTokens, seed })
  return generation === undefined ? null : read(role, generation)
}

/** Answers of the solver; null where one cannot be read. */
export async function sample(
  model: LanguageModel,
  solver: RoleProfile<SolverInput, string>,
  messages: readonly ChatMessage[],
  n: number,
  temperature: number,
  seed: number,
): Promise<(string | null)[]> {
  const { topP, maxTokens } = solver.sampling
  const generations = await model.generate({ messages, n, temperature, topP, maxTokens, seed })
  return generations.map((generation) => read(solver, generation))
}

function read<Output>(
  role: { parse(text: string, facts: { truncated: boolean }): ParseResult<Output> },
  generation: Generation,
): Output | null {
  const result = role.parse(generation.text, { truncated: generation.finishReason === 'length' })
  return result.ok ? result.value : null
}
