/** The documents of a run: what is held out for evaluation, and what each round plays on. */
import type { Config, Document, OnRunEvent, RunManifest } from '../records/index.ts'
import { sampleDocuments } from '../corpus/index.ts'

export interface RunDocuments {
  /** Disjoint from `training`; read by evaluation only. */
  readonly heldOut: readonly Document[]
  readonly training: readonly Document[]
  /** For the manifest; null when the documents did not come from files. */
  readonly facts: RunManifest['corpus']
}

/**
 * Samples the corpus: held-out documents first, then enough for every round. `corpus.documents` counts one round's.
 * @throws {InputError} when the corpus cannot be read or holds nothing usable
 */
export async function readDocuments(config: Config, onEvent: OnRunEvent): Promise<RunDocuments> {
  const heldOut = config.evaluation.suites.includes('heldout') ? config.evaluation.documents : 0
  const wanted = config.corpus.documents * config.rounds
  onEvent({ type: 'stage', round: 0, stage: 'corpus', state: 'started' })
  const sample = await sampleDocuments(config.corpus, { heldOut, documents: wanted, seed: config.seed })
  const { skippedShort, badRows, fingerprint } = sample
  const found = sample.training.length
  onEvent({
    type: 'stage',
    round: 0,
    stage: 'corpus',
    state: 'finished',
    summary: `${found} documents to play on, ${sample.heldOut.length} held out, ${skippedShort} too short, ${badRows} unreadable rows`,
  })
  if (found < wanted) {
    onEvent({
      type: 'note',
      text: `the corpus has ${found} usable documents where ${wanted} were asked for: rounds share them`,
    })
  }
  return { ...sample, facts: { fingerprint, documents: found, skippedShort, badRows } }
}

/** The documents of a round, 1-based: fresh ones while there are enough, else going round the list. */
export function documentsOfRound(documents: RunDocuments, config: Config, round: number): readonly Document[] {
  const { training } = documents
  const count = Math.min(config.corpus.documents, training.length)
  const start = (round - 1) * count
  return Array.from({ length: count }, (_, i) => training[(start + i) % training.length]).filter(
    (item) => item !== undefined,
  )
}
