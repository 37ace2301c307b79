/**
 * Samples of the pretraining as token ids with a loss weight for each, and what a step's losses were by class of token.
 * Knows the tokenizer, not the order of samples.
 */
import type { Engine } from '../engine/index.ts'
import { DEMAND_NAMES, demandValues } from './demands.ts'
import type { FurtherKind } from './transcripts/further.ts'
import type { BaseKind } from './transcripts/mixture.ts'
import type { Text } from './transcripts/sample.ts'
import { allValues } from './world/attributes.ts'
import { createWorld } from './world/entities.ts'
import type { World } from './world/entities.ts'

/** A sample of any stage. */
export type SampleKind = BaseKind | FurtherKind
export type PretrainingSample = Text & { kind: SampleKind }

export interface LossWeights {
  /** Loss weights of the judge's verdict words and of value words; other learnt words have 1. */
  verdictWeight: number
  valueWeight: number
  /** Loss weight of what follows the document in the prompts of judge and rubric writer: much practice in copying. */
  promptWeight: number
  /** Loss weight of the words of documents and rumours that are no values; values have twice `valueWeight` there. */
  plainTextWeight: number
}

export interface Batch {
  sequences: number[][]
  /** Per target token, summing to 1 over the batch. */
  weights: Float32Array[]
  /** What each learnt target token is. */
  classes: Uint8Array[]
}

export interface Encoded {
  tokens: number[]
  weights: Float32Array
  classes: Uint8Array
}

const UNLEARNT = 0
const PLAIN = 1
const VALUE = 2
const VERDICT = 3
const PROMPT = 4
const NAME = 5

/**
 * Prompts have weight 0, completions 1, values and verdicts more. In comparisons only verdicts count, in recall only
 * values: what else there is was drawn at random and teaches nothing.
 */
export function createEncoder(engine: Engine, settings: LossWeights): (sample: PretrainingSample) => Encoded {
  const encode = (text: string): number[] => engine.tokenizer.encode(text)
  const verdictIds = new Set([' match', ' differ', ' missing'].flatMap(encode))
  const demanded = DEMAND_NAMES.flatMap((name) => [...demandValues(name)])
  const valueIds = new Set([...allValues(), ...demanded].flatMap((value) => encode(` ${value}`)))
  // Totals, ratings and the better answer's letter: what a comparing judge, or one without a rubric, has to get right.
  const totals = Array.from({ length: 11 }, (_, i) => ` ${i}`)
  const judgedIds = new Set([...totals, '0', '1', '2', 'A', 'B'].flatMap(encode))
  const nameIds = new Set(allNames(createWorld()).flatMap((name) => encode(` ${name}`)))
  const classOf = (id: number, overall: boolean): number =>
    verdictIds.has(id) || (overall && judgedIds.has(id))
      ? VERDICT
      : valueIds.has(id)
        ? VALUE
        : nameIds.has(id)
          ? NAME
          : PLAIN
  return ({ kind, prompt, completion }) => {
    const promptIds = encode(prompt)
    const given = encode(prompt.slice(0, lengthOfGiven(prompt))).length
    const tokens = [...promptIds, ...encode(completion)]
    const overall = kind === 'compare' || kind === 'rate' || kind === 'overallScore'
    const classes = Uint8Array.from(tokens.slice(1), (id, i) =>
      i + 1 < given ? UNLEARNT : i + 1 < promptIds.length ? PROMPT : classOf(id, overall),
    )
    const weightOf = weightsFor(kind, settings)
    return { tokens, classes, weights: Float32Array.from(classes, (each) => weightOf[each] ?? 0) }
  }
}

/** Where in a prompt the document ends; without a document, where the question begins; else all of it. */
function lengthOfGiven(prompt: string): number {
  const reference = prompt.indexOf('\n\nReference:')
  const question = prompt.indexOf('\n\nQuestion:')
  return reference >= 0 ? reference : question >= 0 ? question : prompt.length
}

/** Every name of the world. */
function allNames(world: World): string[] {
  return [...world.train, ...world.heldOut].map(({ name }) => name).concat(world.freeNames)
}

const JUDGING: readonly SampleKind[] = [
  ...(['score', 'rubric', 'ungroundedRubric', 'compare', 'rate'] as const),
  ...(['overallScore', 'rubricTask', 'scoreTask'] as const),
]

/** Weight of each class of tokens, in the order of the constants. */
function weightsFor(
  kind: SampleKind,
  { verdictWeight, valueWeight, promptWeight, plainTextWeight }: LossWeights,
): number[] {
  if (kind === 'comparison' || kind === 'worksheet') return [0, 0, 0, verdictWeight, 0, 0]
  if (kind === 'recall') return [0, 0, valueWeight, 0, 0, valueWeight]
  if (kind === 'document' || kind === 'notice' || kind === 'rumour')
    return [0, plainTextWeight, 2 * valueWeight, 0, 0, plainTextWeight]
  return [0, 1, valueWeight, verdictWeight, JUDGING.includes(kind) ? promptWeight : 0, valueWeight]
}

export function lossesOf(
  batch: Batch,
  logprobs: readonly Float32Array[],
): { loss: number; verdictLoss: number; valueLoss: number } {
  const sums = [0, 0, 0, 0, 0, 0]
  const counts = [0, 0, 0, 0, 0, 0]
  let loss = 0
  logprobs.forEach((row, i) => {
    row.forEach((logprob, t) => {
      const weight = batch.weights[i]?.[t] ?? 0
      const each = weight === 0 ? UNLEARNT : (batch.classes[i]?.[t] ?? UNLEARNT)
      loss -= logprob * weight
      sums[each] = (sums[each] ?? 0) - logprob
      counts[each] = (counts[each] ?? 0) + 1
    })
  })
  const meanOf = (each: number): number => (sums[each] ?? 0) / (counts[each] ?? 0)
  return { loss, verdictLoss: meanOf(VERDICT), valueLoss: meanOf(VALUE) }
}
