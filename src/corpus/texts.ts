/** All texts of a corpus, one after another: memory holds one. Draws no sample. */
import { readRows } from './readers.ts'
import { Screen, type CorpusConfig } from './screen.ts'
import { openSource, type CorpusDeps } from './source.ts'

/** @throws {InputError} when there are no files, they cannot be had, or no row of them has a text */
export async function* corpusTexts(config: CorpusConfig, deps: CorpusDeps): AsyncGenerator<string> {
  const { files } = await openSource(config, deps)
  const screen = new Screen(config)
  for (const file of files) {
    for await (const row of readRows(file, config.field)) {
      const usable = screen.take(row)
      if (usable !== null) yield usable.make().text
    }
  }
  screen.requireSome()
}
