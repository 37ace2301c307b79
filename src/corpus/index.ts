/** Files on disk to a seeded sample of documents. */
export { sampleDocuments, type CorpusConfig, type CorpusSample } from './corpus.ts'
