/** A round of a finished or running run, as `pop train RUN` and `pop export RUN` take it up. Reads only. */
import { stat } from 'node:fs/promises'
import { InputError } from '../core/errors.ts'
import type { Config } from '../records/index.ts'
import { RunReader } from '../store/index.ts'

export interface RunRound {
  readonly reader: RunReader
  readonly config: Config
  readonly round: number
  /** Where its pairs lie. */
  readonly pairs: string
  /** The weights that it started from, with the round that made them; a model's name where only a server has them. */
  readonly start: { readonly path: string; readonly round?: number } | { readonly name: string }
}

/**
 * @param wanted 1-based; absent: the last round that has pairs
 * @throws {InputError} when the folder is no run, or the round has no pairs
 */
export async function openRunRound(dir: string, wanted: number | undefined): Promise<RunRound> {
  const reader = await RunReader.open(dir)
  const config = await reader.readConfig()
  if (config === null) throw new InputError(`${reader.dir} has no config.json yet: run pop run first`)
  const rounds = wanted === undefined ? (await reader.rounds()).reverse() : [wanted]
  for (const round of rounds) {
    const { pairs } = reader.round(round)
    if (round > 0 && (await stat(pairs).catch(() => null)) !== null) {
      return { reader, config, round, pairs, start: await startOf(reader, config, round) }
    }
  }
  const which = wanted === undefined ? 'any round' : `round ${wanted}`
  throw new InputError(`${reader.dir} has no preference pairs of ${which}: run pop run first`)
}

/** A round starts from the checkpoint of the last round before it that trained. */
async function startOf(reader: RunReader, { model, training }: Config, round: number): Promise<RunRound['start']> {
  for (let before = round - 1; before > 0; before--) {
    const { checkpoint } = reader.round(before)
    if ((await stat(checkpoint).catch(() => null)) !== null) return { path: checkpoint, round: before }
  }
  // Beside a Tinker server it holds the tokenizer only.
  if (training.path !== undefined && training.backend !== 'tinker') return { path: training.path }
  return model.backend === 'embedded' ? { path: model.path } : { name: model.name }
}
