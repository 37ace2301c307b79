/** What a stream of pretraining samples must hold whatever its mixture. For tests. */
import { wordsOf } from '../oracle.ts'
import type { PretrainingSample } from '../pretrain-encoding.ts'
import type { World } from '../world/entities.ts'

/** The largest difference between a kind's share of the samples and the share that the mixture gives it. */
export function worstShare(samples: readonly PretrainingSample[], mixture: Readonly<Record<string, number>>): number {
  const differences = Object.entries(mixture).map(([kind, share]) => {
    const found = samples.filter((sample) => sample.kind === kind).length / samples.length
    return Math.abs(found - share)
  })
  return Math.max(...differences)
}

/** Transcripts of roles, and those among them that name a held-out thing. */
export function roleTranscripts(
  samples: readonly PretrainingSample[],
  world: World,
): { all: PretrainingSample[]; naming: PretrainingSample[] } {
  const heldOut = new Set(world.heldOut.map(({ name }) => name))
  const all = samples.filter(({ prompt }) => prompt.startsWith('<|im_start|>'))
  const naming = all.filter(({ prompt, completion }) => wordsOf(prompt + completion).some((word) => heldOut.has(word)))
  return { all, naming }
}
