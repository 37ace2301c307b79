/**
 * Rotary position embedding: the table of angles. Su et al. 2021 (RoFormer), in the half-split layout of transformers;
 * `llama3` scaling as in Llama 3.1. Knows nothing of graphs.
 */
import type { Llama3Scaling, ModelConfig } from './config.ts'

/** cos and sin of position × frequency, each [positions, headDim / 2], row-major. */
export interface RopeTable {
  readonly cos: Float32Array
  readonly sin: Float32Array
}

/** Angle per position of each pair of coordinates: theta^(−2i / headDim), scaled where the model says so. [headDim / 2] */
function ropeFrequencies(config: Pick<ModelConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>): Float64Array {
  return Float64Array.from({ length: config.headDim / 2 }, (_, i) => {
    const frequency = config.ropeTheta ** ((-2 * i) / config.headDim)
    return config.ropeScaling === undefined ? frequency : scaleLlama3(frequency, config.ropeScaling)
  })
}

/** Long wavelengths are stretched by `factor`, short ones kept, those between blended. */
function scaleLlama3(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI)
  if (turns < lowFreqFactor) return frequency / factor
  if (turns > highFreqFactor) return frequency
  const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}

/** The table for positions 0 … positions − 1. */
export function ropeTable(
  config: Pick<ModelConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>,
  positions: number,
): RopeTable {
  const frequencies = ropeFrequencies(config)
  const half = frequencies.length
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let position = 0; position < positions; position++) {
    frequencies.forEach((frequency, i) => {
      cos[position * half + i] = Math.cos(position * frequency)
      sin[position * half + i] = Math.sin(position * frequency)
    })
  }
  return { cos, sin }
}
