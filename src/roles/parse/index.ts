/** The parsers: a model's reply → what it says, or the reason why it says nothing readable. They never throw. */
export { parseAnswer, parseProposal } from './answer.ts'
export { parseEvaluation } from './evaluation.ts'
export type { Dialect, ParseOptions, Repair } from './options.ts'
export { NO_GOLD, parseRubric } from './rubric.ts'
export { parseAnchoredRatings, parseComparison, type AnchoredRatings, type Verdict } from './verdict.ts'
