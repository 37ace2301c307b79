/**
 * Writes a run folder of any size, as a run of as many calls would have left it: journal, examples, pairs, metrics, health and
 * evaluations of several rounds. The texts are made of a short list of words; everything follows from the seed.
 */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { rng, type Rng } from '../src/core/rng.ts'
import {
  configSchema,
  exampleSchema,
  journalEntrySchema,
  type Candidate,
  type Example,
  type JournalCall,
  type PreferencePair,
} from '../src/records/index.ts'
import { RunFolder } from '../src/store/index.ts'

const answers = 8
/** Propose, solve, rubric, and one judgement for each answer. */
export const callsPerQuestion = 3 + answers
const began = Date.UTC(2026, 0, 2, 3, 4, 5)

const vocabulary =
  'the a of and to in harbour stone light keeper whale oil tower winter burned built grey because which year lamp “storm” over sea'.split(
    ' ',
  )

function prose(words: number, random: Rng): string {
  return Array.from({ length: words }, () => vocabulary[random.below(vocabulary.length)]).join(' ')
}

/** Resolves to the bytes written. */
export async function writeBigRun(dir: string, calls: number, rounds = 3): Promise<number> {
  const questions = Math.ceil(calls / callsPerQuestion / rounds)
  const folder = await RunFolder.open(dir, { create: true })
  await folder.writeConfig(
    configSchema.parse({
      task: 'general',
      corpus: { source: './documents', documents: questions },
      model: { backend: 'openai', baseUrl: 'http://localhost:8000/v1', name: 'policy' },
    }),
  )
  await folder.writeManifest({
    version: 1,
    popVersion: '0.1.0',
    name: 'big',
    seed: 45,
    configHash: '0123456789abcdef',
    corpus: { fingerprint: 'f', documents: questions, skippedShort: 0, badRows: 0 },
    prompts: {},
    stages: Array.from({ length: rounds }, (_, i) => ({ round: i + 1, stage: 'evaluate', state: 'done' })),
    createdAt: began,
  })
  let bytes = 0
  for (let round = 1; round <= rounds; round++) bytes += await writeRound(folder, round, questions)
  await folder.close()
  return bytes
}

async function writeRound(folder: RunFolder, round: number, questions: number): Promise<number> {
  const paths = folder.round(round)
  await mkdir(paths.dir, { recursive: true })
  const journal = new LineWriter(join(folder.journalDir, `round-${round}.jsonl`))
  const examples = new LineWriter(paths.examples)
  const pairs = new LineWriter(paths.pairs)
  for (let i = 0; i < questions; i++) {
    const random = rng(45, 'big run', round, i)
    const example = makeExample(round, i, random)
    if (i === 0) exampleSchema.parse(example)
    for (const [n, call] of callsOf(example, (round * questions + i) * 400).entries()) {
      if (i === 0 && n < 4) journalEntrySchema.parse(call)
      await journal.write(call)
    }
    await examples.write(example)
    if (i % 4 !== 0) await pairs.write(pairOf(example))
  }
  const sizes = await Promise.all([journal.end(), examples.end(), pairs.end()])
  return sizes.reduce((sum, size) => sum + size, 0)
}

function makeExample(round: number, i: number, random: Rng): Example {
  const document = prose(320, random)
  const problem = `Question ${i}: ${prose(30, random)}?`
  const rubric = Array.from({ length: 4 }, (_, k) => ({
    name: `Criterion ${k} ${vocabulary[random.below(vocabulary.length)] ?? ''}`,
    gold: prose(8, random),
    description: prose(16, random),
    weight: 1 + random.below(5),
  }))
  const candidates = Array.from({ length: answers }, (_, index): Candidate => {
    const answer = prose(40 + random.below(120), random)
    const ratings = rubric.map(({ name }) => ({ name, thoughts: prose(12, random), rating: random.below(3) }))
    const total = rubric.reduce((sum, { weight }) => sum + weight, 0)
    const value = rubric.reduce((sum, { weight }, k) => sum + weight * (ratings[k]?.rating ?? 0), 0) / total
    return {
      index,
      answer,
      response: `<answer>${answer}</answer>`,
      completionTokens: 150,
      evaluation: ratings,
      evaluationResponse: `<evaluation>${JSON.stringify(ratings)}</evaluation>`,
      score: { status: 'scored', value },
    }
  })
  return {
    round,
    documentId: `document-${i}`,
    questionIndex: 0,
    task: 'general',
    document,
    status: 'complete',
    question: { problem, referenceAnswer: prose(40, random), conversation: [{ role: 'user', content: document }] },
    solverPrompt: [{ role: 'user', content: problem }],
    candidates,
    rubric,
    rubricConversation: [{ role: 'user', content: document }],
  }
}

function callsOf({ round, documentId, candidates, question, rubric }: Example, at: number): JournalCall[] {
  const base = `r${round}/${documentId}/q0`
  const call = (name: string, texts: readonly string[], after: number): JournalCall => ({
    v: 1,
    kind: 'call',
    key: `${base}/${name}`,
    inputs: '0123456789abcdef',
    at: began + at + after,
    ms: 2000 + (at % 1700),
    model: 'policy',
    generations: texts.map((text) => ({
      text,
      finishReason: 'stop',
      usage: { promptTokens: 700, completionTokens: Math.round(text.length / 5) },
    })),
  })
  const responses = candidates.map(({ response }) => response)
  return [
    call('propose/a0', [`<problem>${question?.problem ?? ''}</problem>`], 0),
    call('solve/a0', responses, 2000),
    call('rubric/a0', [JSON.stringify(rubric)], 4000),
    ...candidates.map(({ index, evaluationResponse }) => {
      return call(`score/c${index}`, [evaluationResponse ?? ''], 6000 + 20 * index)
    }),
  ]
}

function pairOf({ question, candidates }: Example): PreferencePair {
  const conversation = (index: number): PreferencePair['chosen'] => [
    { role: 'user', content: question?.problem ?? '' },
    { role: 'assistant', content: candidates[index]?.response ?? '' },
  ]
  return {
    role: 'solver',
    chosen: conversation(0),
    rejected: conversation(1),
    chosen_score: 1.5,
    rejected_score: 0.5,
    ref_answer: question?.referenceAnswer ?? '',
  }
}

/** Plain lines, faster than the journal's own writer, which makes each one durable. */
class LineWriter {
  private readonly stream: ReturnType<typeof createWriteStream>
  private bytes = 0

  constructor(path: string) {
    this.stream = createWriteStream(path, { highWaterMark: 1 << 22 })
  }

  async write(value: unknown): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(value)}\n`)
    this.bytes += line.length
    if (!this.stream.write(line)) await new Promise((resolve) => this.stream.once('drain', () => resolve(null)))
  }

  end(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.stream.once('error', reject)
      this.stream.end(() => resolve(this.bytes))
    })
  }
}
