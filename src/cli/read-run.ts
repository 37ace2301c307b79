/** A run folder and the configuration that it was played with. */
import { InputError } from '../core/errors.ts'
import type { Config } from '../records/index.ts'
import { RunReader } from '../store/index.ts'

/** @throws {InputError} when there is no run in `dir` */
export async function readRun(dir: string): Promise<{ reader: RunReader; config: Config }> {
  const reader = await RunReader.open(dir)
  const config = await reader.readConfig()
  if (config === null) throw new InputError(`${dir} has no config.json: it is no run that pop run began`)
  return { reader, config }
}
