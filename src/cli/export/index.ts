/** The table of export targets. To add one: a file beside this one, and a line here. */
import { hub } from './hub.ts'
import { published } from './published.ts'
import type { ExportTarget } from './target.ts'
import { tensorboard } from './tensorboard.ts'
import { trainers } from './trainers.ts'

export const exportTargets: readonly ExportTarget[] = [published, ...trainers, hub, tensorboard]
