/** Documents to examples: the roles played at full load, every call journaled, every failure recorded. */
export { CircuitBreaker } from './breaker.ts'
export { budgetReached, type Budget } from './budget.ts'
export { synthesisStages, SynthesisTally, type SynthesisEvent } from './events.ts'
export type { RoleModels } from './context.ts'
export {
  questionsOn,
  synthesizeTo,
  type StoredExamples,
  type SynthesisOptions,
  type SynthesisSummary,
} from './synthesize.ts'
export { priorOf, type Prior, type PriorQuestions } from './prior.ts'
