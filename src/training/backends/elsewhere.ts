/** What holds for every backend but the embedded engine. */
import { ConfigError } from '../../core/errors.ts'
import type { TrainingConfig } from '../../records/index.ts'

/** @throws {ConfigError} for settings of the embedded engine that another trainer would pass over */
export function refuseEngineSettings({
  backend,
  device = 'cpu',
  sharePrompts = false,
  recompute = 'auto',
}: TrainingConfig): void {
  const refuse = (name: string, why: string): never => {
    throw new ConfigError(`training.${name}: ${backend} ${why}; leave ${name} out, or take training.backend: embedded`)
  }
  if (device !== 'cpu') refuse('device', 'trains on what it finds where it runs')
  if (sharePrompts) refuse('sharePrompts', 'computes every answer with its own prompt')
  if (recompute !== 'auto') refuse('recompute', 'decides by itself what it keeps and what it computes again')
}
