/** Files on disk to a seeded sample of documents. */
export { sampleDocuments } from './corpus.ts'
