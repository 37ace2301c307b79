/** `pop lab corpus`: the laboratory's documents as JSONL, to read or to play on with `pop run`. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../core/errors.ts'
import { labCorpus } from '../../lab/index.ts'
import { writeFileAtomic } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'

const defaultDocuments = 512

export const labCorpusCommand: Command = {
  name: 'lab corpus',
  summary: "write the laboratory's documents as JSONL",
  usage: '--out DIR',
  examples: [
    ['pop lab corpus --out ./lab-corpus', `${defaultDocuments} documents in lab-corpus/documents.jsonl`],
    ['pop lab corpus --out ./lab-corpus --documents 64 --seed 7', 'fewer, and others'],
  ],
  options: {
    out: { value: 'DIR', help: 'the folder to write documents.jsonl into' },
    documents: { value: 'N', help: `how many documents (default ${defaultDocuments})` },
    seed: { value: 'N', help: 'of the documents (default 45)' },
    json: jsonOption,
  },
  positionals: { min: 0, max: 0 },
  run: runLabCorpus,
}

async function runLabCorpus(invocation: Invocation, { terminal }: Context): Promise<void> {
  const out = invocation.text('out')
  if (out === undefined) throw new UsageError('say where to: pop lab corpus --out DIR')
  const documents = invocation.number('documents', { integer: true, min: 1 }) ?? defaultDocuments
  const seed = invocation.number('seed', { integer: true, min: 0 }) ?? 45
  const rows = labCorpus({ seed, documents }).map(({ id, text, source }) => JSON.stringify({ id, text, source }))
  await mkdir(out, { recursive: true })
  const path = join(out, 'documents.jsonl')
  await writeFileAtomic(path, `${rows.join('\n')}\n`)
  await terminal.write(
    invocation.has('json') ? `${JSON.stringify({ path, documents })}\n` : `${documents} documents: ${path}\n`,
  )
}
