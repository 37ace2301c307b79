/** `pop pair`: preference pairs from scored candidates, of a run or of a file of samples. */
import { stat } from 'node:fs/promises'
import { InputError, UsageError } from '../../core/errors.ts'
import { isJsonObject, parseJson } from '../../core/json.ts'
import { readExamples } from '../../dashboard/index.ts'
import { buildPairs, pairingSeed, type PairingResult } from '../../pairing/index.ts'
import { exampleSchema, type Example } from '../../records/index.ts'
import { readPublishedSamples } from '../../roles/index.ts'
import { RunReader, readJsonl, writeJsonl } from '../../store/index.ts'
import { jsonOption, type Command, type Context, type Invocation } from '../command.ts'
import { loadPairingConfig } from '../config.ts'
import { grouped } from '../format.ts'
import { textLines } from '../text-lines.ts'

export const pair: Command = {
  name: 'pair',
  summary: 'build preference pairs from scored candidates',
  usage: 'RUN|SAMPLES.jsonl --out FILE',
  examples: [
    ['pop pair runs/my-run --out pairs.jsonl', "the last round's pairs, by the run's own configuration"],
    [
      'pop pair samples.jsonl --config pop.yaml --out pairs.jsonl',
      'from raw samples of the published system, or examples.jsonl',
    ],
    ['pop pair runs/my-run --round 1 --out pairs.jsonl --json', 'counts of pairs and of skipped questions by reason'],
  ],
  options: {
    out: { value: 'FILE', short: 'o', help: 'where the pairs go, one JSON object per line' },
    config: { value: 'FILE', help: 'its pairing section and seed instead of the run’s own (or the defaults)' },
    round: { value: 'N', help: 'of the run (default: the last one with examples)' },
    json: { ...jsonOption, help: 'print { pairs, skipped: { reason: count }, badLines }' },
  },
  positionals: { min: 1, max: 1 },
  run: runPair,
}

interface Source {
  readonly examples: Example[]
  readonly badLines: readonly { readonly line: number; readonly reason: string }[]
  /** A run brings its own settings, and pairs each round with a seed of its own. */
  readonly run?: { readonly configPath: string; readonly round: number }
}

async function runPair(invocation: Invocation, { terminal }: Context): Promise<void> {
  const [input = ''] = invocation.positionals
  const out = invocation.text('out')
  if (out === undefined) throw new UsageError('where should the pairs go? Add --out FILE')
  const source = await readSource(input, invocation)
  const { run } = source
  const { pairing, seed } = await loadPairingConfig(invocation.text('config') ?? run?.configPath)
  const result = buildPairs(source.examples, pairing, run === undefined ? seed : pairingSeed(seed, run.round))
  await writeJsonl(out, result.pairs)
  const [bad] = source.badLines
  if (bad !== undefined) {
    terminal.say(`${source.badLines.length} lines left out (first: ${input} line ${bad.line}: ${bad.reason})`)
  }
  await terminal.write(invocation.has('json') ? asJson(result, source) : asText(result, out))
}

async function readSource(input: string, invocation: Invocation): Promise<Source> {
  const found = await stat(input).catch(() => undefined)
  if (found === undefined) throw new InputError(`${input} does not exist; name a run folder or a file of samples`)
  const round = invocation.number('round', { integer: true, min: 1 })
  if (found.isDirectory()) return readRun(await RunReader.open(input), round)
  if (round !== undefined) throw new UsageError('--round is for run folders')
  return readFileOfSamples(input)
}

async function readRun(reader: RunReader, wanted: number | undefined): Promise<Source> {
  const rounds = wanted === undefined ? (await reader.rounds()).reverse() : [wanted]
  for (const round of rounds) {
    const examples: Example[] = []
    for await (const example of readExamples(reader, round)) examples.push(example)
    if (examples.length > 0) return { examples, badLines: [], run: { configPath: reader.configPath, round } }
  }
  const which = wanted === undefined ? 'any round' : `round ${wanted}`
  throw new InputError(`${reader.dir} has no examples of ${which}; run its synthesis first`)
}

/** Our own `examples.jsonl`, or raw samples of the published system: the first line tells. */
async function readFileOfSamples(path: string): Promise<Source> {
  if (isOwnFormat(path)) {
    const examples: Example[] = []
    for await (const example of readJsonl(path, exampleSchema)) examples.push(example)
    return { examples, badLines: [] }
  }
  const samples = readPublishedSamples(textLines(path))
  const [bad] = samples.badLines
  if (samples.examples.length > 0) return samples
  throw new InputError(
    bad === undefined ? `${path} holds no samples` : `${path} holds no samples; line ${bad.line}: ${bad.reason}`,
  )
}

function isOwnFormat(path: string): boolean {
  for (const line of textLines(path)) {
    if (line.trim() === '') continue
    const json = parseJson(line)
    return json.ok && isJsonObject(json.value) && 'documentId' in json.value
  }
  return false
}

function asJson(result: PairingResult, source: Source): string {
  return `${JSON.stringify({ pairs: result.pairs.length, skipped: result.skipped, badLines: source.badLines.length })}\n`
}

function asText(result: PairingResult, out: string): string {
  const skipped = Object.entries(result.skipped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${grouped(count)}`)
  const left = skipped.length === 0 ? '' : `; skipped: ${skipped.join(', ')}`
  return `${grouped(result.pairs.length)} pairs in ${out}${left}\n`
}
