/** Whether a checkpoint may be used: its skills on held-out entities and its loss on fresh worksheets. */
import type { LanguageModel } from '../records/index.ts'
import { failedFurtherGates, measureFurtherSkills } from './further-skills.ts'
import type { FurtherSkills } from './further-skills.ts'
import { failedGates, measureSkills, SKILL_GATES } from './skills.ts'
import type { SkillOptions, SkillReport } from './skills.ts'
import { pretrainingSample } from './transcripts/mixture.ts'
import { createWorld } from './world/entities.ts'

/** What is used of an engine. */
export interface ScoringEngine {
  readonly tokenizer: { encode(text: string): number[] }
  logprobs(sequences: readonly ArrayLike<number>[]): Promise<Float32Array[]>
}

export interface GateReport extends SkillReport {
  /** Mean loss of the verdict words in fresh worksheets, nats. */
  worksheetLoss: number
  /** Comparing, judging without a rubric, tales, answers in a form. */
  further: FurtherSkills
  /** The gates that are missed, in words; empty when the checkpoint passes. */
  failed: string[]
}

const WORKSHEETS = 64

/** Measures a checkpoint: `model` must answer from the weights that `engine` holds. */
export async function checkSkills(
  engine: ScoringEngine,
  model: LanguageModel,
  options: SkillOptions,
): Promise<GateReport> {
  const worksheetLoss = await measureWorksheets(engine, options.seed)
  const world = createWorld()
  const report = await measureSkills(model, world, options)
  const further = await measureFurtherSkills(model, world, options)
  const passed = worksheetLoss < SKILL_GATES.worksheetLoss
  const loss = passed ? [] : [`worksheet loss ${worksheetLoss.toFixed(3)} ≥ ${SKILL_GATES.worksheetLoss}`]
  return {
    ...report,
    worksheetLoss,
    further,
    failed: [...loss, ...failedGates(report), ...failedFurtherGates(further)],
  }
}

/** Worksheets under a seed that no pretraining uses. */
async function measureWorksheets(engine: ScoringEngine, seed: string | number): Promise<number> {
  const verdicts = new Set([' match', ' differ'].flatMap((word) => engine.tokenizer.encode(word)))
  const sequences: number[][] = []
  const world = createWorld()
  for (let i = 0; sequences.length < WORKSHEETS; i++) {
    const { kind, prompt, completion } = pretrainingSample(world, `gate/${seed}`, i)
    if (kind === 'worksheet') sequences.push(engine.tokenizer.encode(prompt + completion))
  }
  const logprobs = await engine.logprobs(sequences)
  const losses = logprobs.flatMap((row, i) =>
    [...row].filter((_, t) => verdicts.has(sequences[i]?.[t + 1] ?? -1)).map((logprob) => -logprob),
  )
  return losses.reduce((a, b) => a + b, 0) / losses.length
}
