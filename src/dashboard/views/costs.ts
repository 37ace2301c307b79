/** What calls cost: tokens by stage and model, prices from the configuration. Pure. */
import type { Config, ModelEndpoint, Price } from '../../records/index.ts'
import { stageOrder } from './calls.ts'

/** Tokens of one model in one stage. */
export interface StageUse {
  readonly group: string
  readonly model: string
  readonly calls: number
  readonly promptTokens: number
  readonly completionTokens: number
}

export interface CostLine {
  /** `propose`, `solve`, `rubric`, `score` or `evaluate`. */
  readonly stage: string
  readonly model: string
  readonly calls: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** In the currency of the prices; null where the configuration has no price for the model. */
  readonly cost: number | null
}

export interface Costs {
  readonly lines: readonly CostLine[]
  /** Of the lines that have a price; null when none has. */
  readonly total: number | null
  /** Models without a price: their tokens are in no total. Weights of one's own among them. */
  readonly unpriced: readonly string[]
}

/** Prices are those of the configuration as it is now; a price counts per million tokens. */
export function costsOf(usage: readonly StageUse[], config: Config | null): Costs {
  const lines = usage
    .map(({ group: stage, ...rest }): CostLine => {
      const price = config === null ? undefined : priceOf(config, stage, rest.model)
      return { stage, ...rest, cost: price === undefined ? null : costOf(rest, price) }
    })
    .sort((a, b) => stageOrder.indexOf(a.stage) - stageOrder.indexOf(b.stage) || (a.model < b.model ? -1 : 1))
  const known = lines.flatMap(({ cost }) => cost ?? [])
  return {
    lines,
    total: known.length === 0 ? null : known.reduce((sum, cost) => sum + cost, 0),
    unpriced: [...new Set(lines.flatMap(({ model, cost }) => (cost === null ? [model] : [])))],
  }
}

function costOf(
  { promptTokens, completionTokens }: Pick<StageUse, 'promptTokens' | 'completionTokens'>,
  { input, output }: Price,
): number {
  return (promptTokens * input + completionTokens * output) / 1e6
}

/** The endpoint that plays the stage comes first: two servers may give one name different prices. */
function priceOf({ model, roles, evaluation }: Config, stage: string, name: string): Price | undefined {
  const { proposer, solver, rubric, scorer } = roles
  const { judge, secondJudge } = evaluation
  const playing = { propose: proposer, solve: solver, rubric, score: scorer, evaluate: judge }
  const first: ModelEndpoint | undefined = stage in playing ? playing[stage as keyof typeof playing] : undefined
  for (const endpoint of [first, model, proposer, solver, rubric, scorer, judge, secondJudge]) {
    if (endpoint?.backend === 'openai' && endpoint.name === name) return endpoint.price
  }
  return undefined
}
