/**
 * One round's self-play, from documents to `examples.jsonl`. Examples that are there whole are not built again: a stamp beside them says of
 * what they came and what the file held. Where either differs, or a call was given up, they are built anew from the journal.
 */
import { z } from 'zod'
import { hashValue } from '../core/hash.ts'
import type { EvaluationSet } from '../health/index.ts'
import { exampleSchema, type Example } from '../records/index.ts'
import { readJsonl, sha256OfFile } from '../store/index.ts'
import { playDocuments, playInputs, questionsOf, type PlayDocumentsOptions } from './play-documents.ts'
import { RoundYield } from './round-yield.ts'
import { describeStatuses } from './statuses.ts'

export interface SynthesizeRoundOptions extends PlayDocumentsOptions {
  /** What no question may be taken from. */
  readonly evaluationSets: readonly EvaluationSet[]
  /** Another version reads replies in its own way, so that it builds the examples anew. */
  readonly popVersion: string
}

/** `inputs`: the hash of what the examples depend on; `sha256`: of their file. */
const stampSchema = z.object({ inputs: z.string(), sha256: z.string() })

/** @throws as `synthesizeTo` */
export async function synthesizeRound(options: SynthesizeRoundOptions): Promise<RoundYield> {
  const { round, config, evaluationSets, onEvent } = options
  const yielded = new RoundYield(round, config, evaluationSets)
  const inputs = hashValue({ ...playInputs(options), popVersion: options.popVersion })
  const kept = await keptExamples(options, inputs)
  if (kept === null) {
    onEvent({ type: 'stage', round, stage: 'synthesis', state: 'started', total: questionsOf(options) })
    await play(options, inputs, yielded)
  } else {
    for await (const example of kept) yielded.add(example)
  }
  const summary = `${describeStatuses(yielded.examples)}${kept === null ? '' : ', as built before'}`
  onEvent({ type: 'stage', round, stage: 'synthesis', state: 'finished', summary })
  return yielded
}

async function play(options: SynthesizeRoundOptions, inputs: string, yielded: RoundYield): Promise<void> {
  const { folder, round } = options
  const { examples, stamp } = folder.round(round)
  const writer = await folder.openJsonl(examples)
  try {
    const { failedCalls } = await playDocuments(options, async (example) => {
      yielded.add(example)
      await writer.write(example)
    })
    await writer.commit()
    if (failedCalls > 0) return
  } catch (error) {
    await writer.discard()
    throw error
  }
  await folder.writeJson(stamp, { inputs, sha256: await sha256OfFile(examples) })
}

/** Null where there are none to rely on. */
async function keptExamples(
  { folder, round }: SynthesizeRoundOptions,
  inputs: string,
): Promise<AsyncIterable<Example> | null> {
  const { examples, stamp } = folder.round(round)
  const stamped = await folder.readJson(stamp, stampSchema).catch(() => null)
  if (stamped?.inputs !== inputs) return null
  const sha256 = await sha256OfFile(examples).catch(() => null)
  return sha256 === stamped.sha256 ? readJsonl(examples, exampleSchema) : null
}
