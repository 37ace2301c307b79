/**
 * Memory that preference training takes on GPUs, in mixed precision with float32 master weights, by the usual accounting (Rajbhandari et al., "ZeRO", 2020, section 3: bytes per
 * parameter of weights, gradients and Adam's states). An estimate for planning, not a measurement.
 * What the embedded engine takes, the engine itself knows. Pure.
 */

/** What of a model its memory follows from. */
export interface ModelShape {
  readonly parameters: number
  /** Absent where only the number of parameters is known: activations are left out then. */
  readonly dimensions?: { readonly hidden: number; readonly layers: number; readonly vocabulary: number }
}

export interface TrainingMemory {
  /** Named parts, in bytes. */
  readonly parts: readonly (readonly [name: string, bytes: number])[]
  readonly total: number
}

export interface MemoryWishes {
  /** Of the adapters; null for full fine-tuning. */
  readonly loraRank: number | null
  /** Tokens of the longest sequence. */
  readonly maxLength: number
}

/** Bytes. */
const HALF = 2
/** Two moments and the master weights. */
const ADAM = 12

/** One pair (two sequences of `maxLength`) at a time, activations recomputed layer by layer. */
export function gpuTrainingMemory({ parameters, dimensions }: ModelShape, wishes: MemoryWishes): TrainingMemory {
  const { loraRank, maxLength } = wishes
  const trained = loraRank === null ? parameters : adapterParameters(dimensions, parameters, loraRank)
  const parts: [string, number][] = [['weights', parameters * HALF]]
  // With adapters the reference is the same weights without them.
  if (loraRank === null) parts.push(['reference', parameters * HALF])
  else parts.push(['adapters', trained * HALF])
  parts.push(['gradients', trained * HALF])
  parts.push(["Adam's states", trained * ADAM])
  if (dimensions !== undefined) {
    const { hidden, layers, vocabulary } = dimensions
    parts.push(['activations', 2 * maxLength * hidden * layers * HALF + 2 * maxLength * vocabulary * 4 * 2])
  }
  return { parts, total: parts.reduce((sum, [, bytes]) => sum + bytes, 0) }
}

/** Adapters on all seven projections of each layer: about 18·hidden·rank a layer where the inner layer is 3.5 times as wide. */
function adapterParameters(dimensions: ModelShape['dimensions'], parameters: number, rank: number): number {
  if (dimensions === undefined) return parameters * 0.0005 * rank
  return dimensions.layers * dimensions.hidden * 21 * rank
}

/** Parameters as a model's name tells them (`Qwen2.5-7B`); null where it does not. */
export function parametersByName(name: string): number | null {
  const found = /(?:^|[-_/])(\d+(?:\.\d+)?)([bm])(?![a-z])/i.exec(name)
  if (found === null) return null
  return Number(found[1]) * (found[2]?.toLowerCase() === 'b' ? 1e9 : 1e6)
}
