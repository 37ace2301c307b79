/**
 * What `pop lab study` compares: the method as it is, and one thing changed in each of the others. All play the same documents
 * with the same seeds; settings were chosen for time alone and not tuned for any variant. Knows no run.
 */
import { configSchema } from '../../records/index.ts'
import type { Config, SparseConfig } from '../../records/index.ts'
import { labConfig } from '../config.ts'
import type { LabTaskName } from '../task.ts'

export interface StudyVariant {
  /** What is done, for people. */
  readonly about: string
  readonly task?: LabTaskName
  /** What differs from the default. */
  readonly synthesis?: NonNullable<SparseConfig['synthesis']>
  readonly scoring?: NonNullable<SparseConfig['scoring']>
  readonly pairing?: NonNullable<SparseConfig['pairing']>
}

/** The first one is the default that the others are held against. */
export const STUDY_VARIANTS = {
  pointwise: { about: 'the default: pointwise scores under a rubric that saw the document, best against worst' },
  pairwise: { about: 'every two answers compared, in both orders', scoring: { mode: 'pairwise' } },
  anchored: { about: 'each answer rated beside the one of median length', scoring: { mode: 'anchored' } },
  'no-document': { about: 'no document for anybody', synthesis: { groundQuestion: false } },
  'ungrounded-rubric': { about: 'the rubric writer does not see the document', synthesis: { groundRubric: false } },
  'no-rubric': { about: 'one criterion for everything, without a gold answer', scoring: { rubric: 'none' } },
  'mu-2sigma': { about: 'rejected: nearest to mean − 2 standard deviations', pairing: { rejected: 'mu-2sigma' } },
  'length-rule': {
    about: 'no pair whose lengths differ by more than a quarter (the published rule of 100 words never bites here)',
    pairing: { maxLengthGapRatio: 0.25 },
  },
  random: { about: 'the control: both drawn at random', pairing: { chosen: 'random', rejected: 'random' } },
  tales: { about: 'the default on short tales', task: 'lab-tales' },
  form: { about: 'the default on answers in a form', task: 'lab-format' },
} as const satisfies Record<string, StudyVariant>

export type StudyVariantName = keyof typeof STUDY_VARIANTS

export const STUDY_VARIANT_NAMES = Object.keys(STUDY_VARIANTS) as StudyVariantName[]

export interface StudySettings {
  readonly rounds: number
  readonly documents: number
  readonly candidates: number
}

/** Short runs: the demo plays three rounds of 128 documents × 8. */
export const STUDY_SETTINGS: StudySettings = { rounds: 2, documents: 64, candidates: 6 }

/** The variant, with nothing left out. */
export function studyVariant(name: StudyVariantName): StudyVariant & { readonly task: LabTaskName } {
  return { task: 'lab', ...STUDY_VARIANTS[name] }
}

/** The resolved configuration of one run of the study. */
export function studyConfig(
  name: StudyVariantName,
  seed: number,
  settings: StudySettings,
  model: string | undefined,
): Config {
  const { task, synthesis = {}, scoring = {}, pairing = {} } = studyVariant(name)
  const { rounds, documents, candidates } = settings
  const base = labConfig({ task, seed, rounds, documents, ...(model === undefined ? {} : { model }) })
  return configSchema.parse({
    ...base,
    synthesis: { ...base.synthesis, candidates, ...synthesis },
    scoring: { ...base.scoring, ...scoring },
    pairing: { ...base.pairing, ...pairing },
  })
}
