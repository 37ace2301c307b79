/** Files on disk to a seeded sample of documents. */
export { openCorpus, type Corpus, type CorpusConfig, type CorpusSample, type CorpusStats } from './corpus.ts'
