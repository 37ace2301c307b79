/** Files wherever they lie to a seeded sample of documents. */
export { sampleDocuments, sampleKey, type CorpusSample, type SampleWanted } from './corpus.ts'
export type { CorpusDeps } from './source.ts'
export { readTableAt, type Table } from './table.ts'
export { corpusTexts } from './texts.ts'
export { peekCorpus, type CorpusPeek } from './peek.ts'
