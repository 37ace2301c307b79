/**
 * `pop export --to tensorboard`: the whole run's metrics as event files, in three runs of TensorBoard's, because they are
 * counted in different things: training by optimizer step over all rounds, evaluation and health by round.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readRunData, type RoundData } from '../../dashboard/index.ts'
import type { SuiteResult, TrainingStep } from '../../records/index.ts'
import type { RunReader } from '../../store/index.ts'
import { eventFile, type Scalar } from './event-file.ts'
import type { ExportResult, ExportSource, ExportTarget } from './target.ts'
import { checkEmpty } from './trainers.ts'

export const tensorboard: ExportTarget = {
  name: 'tensorboard',
  what: "all rounds' training curves, held-out scores and health as TensorBoard event files",
  run: exportForTensorBoard,
}

async function exportForTensorBoard({ reader, out }: ExportSource): Promise<ExportResult> {
  await checkEmpty(out)
  const { manifest, rounds } = await readRunData(reader)
  const began = (manifest?.createdAt ?? 0) / 1000
  const groups = {
    training: await trainingScalars(reader, rounds),
    evaluation: await roundScalars(reader, rounds, 'evaluation', ({ evaluations }) => evaluations.flatMap(ofSuite)),
    health: await roundScalars(reader, rounds, 'health', ofHealth),
  }
  const files: string[] = []
  let count = 0
  for (const [name, scalars] of Object.entries(groups)) {
    const finite = scalars.filter(({ value }) => Number.isFinite(value))
    if (finite.length === 0) continue
    const path = join(out, name, `events.out.tfevents.${Math.floor(began).toString().padStart(10, '0')}.pop`)
    await mkdir(join(out, name), { recursive: true })
    await writeFile(path, eventFile(began, finite))
    files.push(path)
    count += finite.length
  }
  return {
    files,
    summary: `${count} values of ${rounds.length} rounds; look at them with: tensorboard --logdir ${out}`,
  }
}

/** A step is written down with how long it took, not when: the last one ended when the file was written. */
async function trainingScalars(reader: RunReader, rounds: readonly RoundData[]): Promise<Scalar[]> {
  const scalars: Scalar[] = []
  let before = 0
  for (const { round, steps } of rounds) {
    let wallTime = (await writtenAt(reader.round(round).metrics)) - steps.reduce((sum, step) => sum + step.seconds, 0)
    for (const step of steps) {
      before++
      wallTime += step.seconds
      for (const [tag, value] of ofStep(step)) scalars.push({ wallTime, step: before, tag, value })
      scalars.push({ wallTime, step: before, tag: 'train/round', value: round })
    }
  }
  return scalars
}

function ofStep(step: TrainingStep): [string, number][] {
  const measures = Object.entries(step).filter(([name]) => name !== 'step')
  return measures.map(([name, value]) => [`train/${name}`, value ?? NaN])
}

async function roundScalars(
  reader: RunReader,
  rounds: readonly RoundData[],
  file: 'evaluation' | 'health',
  values: (round: RoundData) => readonly (readonly [string, number])[],
): Promise<Scalar[]> {
  const scalars: Scalar[] = []
  for (const data of rounds) {
    const wallTime = await writtenAt(reader.round(data.round)[file])
    for (const [tag, value] of values(data)) scalars.push({ wallTime, step: data.round, tag, value })
  }
  return scalars
}

function ofSuite({ suite, sampled, greedy, validity, meanAnswerWords }: SuiteResult): [string, number][] {
  const estimate = (name: string, of: SuiteResult['sampled']): [string, number][] =>
    of === null
      ? []
      : [
          [name, of.mean],
          [`${name}_low`, of.low],
          [`${name}_high`, of.high],
        ]
  return [
    ...estimate(`${suite}/sampled`, sampled),
    ...estimate(`${suite}/greedy`, greedy),
    [`${suite}/validity`, validity ?? NaN],
    [`${suite}/words`, meanAnswerWords ?? NaN],
  ]
}

function ofHealth({ health }: RoundData): [string, number][] {
  return (health?.checks ?? []).map(({ name, value }) => [`health/${name}`, value ?? NaN])
}

/** Seconds since the epoch; 0 for a file that is not there. */
async function writtenAt(path: string): Promise<number> {
  return ((await stat(path).catch(() => null))?.mtimeMs ?? 0) / 1000
}
