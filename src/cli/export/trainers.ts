/** `pop export --to trl|axolotl|llamafactory|openrlhf`: a round's pairs with the settings file of another trainer. */
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError, UsageError } from '../../core/errors.ts'
import { readPairs } from '../../dashboard/index.ts'
import type { Config } from '../../records/index.ts'
import { writeFileAtomic, writeJsonl } from '../../store/index.ts'
import { pairObjective, trainerExports, type TrainerExport } from '../../training/index.ts'
import { openRunRound, type RunRound } from '../run-round.ts'
import type { ExportResult, ExportSource, ExportTarget } from './target.ts'

export const trainers: readonly ExportTarget[] = Object.values(trainerExports).map((trainer) => ({
  name: trainer.name,
  what: `pairs and settings for: ${trainer.command}`,
  run: (source) => exportFor(trainer, source),
}))

async function exportFor(trainer: TrainerExport, { reader, round, out }: ExportSource): Promise<ExportResult> {
  const { config, start } = await openRunRound(reader.dir, round)
  const { training, seed } = config
  const objective = pairObjective(training)
  const facts = { model: await weightsToTrain(config, start), training, seed }
  // What the trainer does not have is said before anything is written.
  trainer.files({ ...facts, pairs: 1 })
  await checkEmpty(out)
  let pairs = 0
  const rows = async function* (): AsyncGenerator<object> {
    for await (const pair of readPairs(reader, round)) {
      pairs++
      yield* trainer.rows(pair, objective)
    }
  }
  await writeJsonl(join(out, trainer.dataFile), rows())
  const files = Object.entries(trainer.files({ ...facts, pairs }))
  for (const [name, text] of files) await writeFileAtomic(join(out, name), text)
  return {
    files: [trainer.dataFile, ...files.map(([name]) => name)].map((name) => join(out, name)),
    summary: `${pairs} pairs; train with: cd ${out} && ${trainer.command}`,
  }
}

/**
 * What the other trainer starts from.
 * @throws {ConfigError} when that, or what it would measure against, is not one model's whole weights
 */
async function weightsToTrain({ model, training }: Config, start: RunRound['start']): Promise<string> {
  if (!('path' in start)) return start.name
  const { path, round } = start
  if (round === undefined) {
    if (model.backend !== 'embedded' || model.adapter === undefined) return path
    throw new ConfigError(
      'the round started from model.adapter on top of model.path: other trainers start from whole weights',
    )
  }
  if (training.reference === 'initial') {
    throw new ConfigError(
      'training.reference: other trainers measure against the weights that they start from; only round 1 can be exported with initial',
    )
  }
  if ((await stat(join(path, 'adapter_config.json')).catch(() => null)) === null) return resolve(path)
  throw new ConfigError(
    `the round started from the adapter of round ${round}, in ${path}: other trainers start from whole weights, export round 1, or train with pop train`,
  )
}

/** A trainer reads whatever lies in its folder: only a new one is sure to hold this round and nothing else. */
export async function checkEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new UsageError(`--out ${out} is no folder`)
  })
  if (names.length > 0) throw new UsageError(`--out ${out} is not empty; choose a new or empty folder`)
}
