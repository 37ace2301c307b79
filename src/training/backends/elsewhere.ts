/** What holds for every backend but the embedded engine. */
import { ConfigError } from '../../core/errors.ts'
import type { TrainingConfig } from '../../records/index.ts'

/** @throws {ConfigError} for a device that another trainer would pass over */
export function refuseDevice({ backend, device = 'cpu' }: TrainingConfig): void {
  if (device === 'cpu') return
  throw new ConfigError(
    `training.device: ${backend} trains on what it finds where it runs; leave ${device} out, or take training.backend: embedded`,
  )
}
