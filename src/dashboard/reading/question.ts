/** The Question page's facts: one example, its calls with their texts, and where else its document was asked about. */
import type { Config, Example, JournalCall } from '../../records/index.ts'
import { placeOf } from '../views/calls.ts'
import type { RowOutcome } from '../views/rows.ts'
import type { AnswerPair, CallText, QuestionPage, QuestionRef } from '../views/wire.ts'
import type { RunView } from './run-view.ts'

export type QuestionKey = Omit<QuestionRef, 'run'>

/** Number of the question's row in its round; undefined where there is none. */
function findRow(run: RunView, { round, documentId, questionIndex }: QuestionKey): number | undefined {
  const memory = run.examplesOf(round)
  return memory.ofDocument(documentId).find((row) => memory.rows[row]?.questionIndex === questionIndex)
}

/** Null when the run has no such question (yet). */
export async function questionPage(
  run: RunView,
  key: QuestionKey,
  others: readonly RunView[],
): Promise<QuestionPage | null> {
  const found = findRow(run, key)
  const row = found === undefined ? undefined : run.examplesOf(key.round).rows[found]
  if (found === undefined || row === undefined) return null
  const example = await run.readExampleAt(key.round, found)
  if (example === null) return null
  const config = await run.config().catch(() => null)
  const group = `r${key.round}/${key.documentId}/q${key.questionIndex}`
  const prefix = `${group}/`
  const calls = await run.readCalls(group)
  return {
    row,
    scale: await run.scale(),
    scoringMode: config?.scoring.mode ?? null,
    example,
    pairs: config === null ? [] : pairsOf(run.rules.outcomeOf?.(example, config)),
    calls: calls.map((call) => callText(call, promptOf(call, prefix, example, config, run))),
    elsewhere: others.flatMap((other) => sameDocument(other, run, key)),
  }
}

function pairsOf(told: RowOutcome | undefined): AnswerPair[] {
  if (told === undefined || told.chosen === null || told.rejected === null) return []
  return [{ chosen: told.chosen, rejected: told.rejected }, ...(told.others ?? [])]
}

function callText(call: JournalCall, prompt: CallText['prompt']): CallText {
  const sum = (pick: (generation: JournalCall['generations'][number]) => number): number =>
    call.generations.reduce((total, generation) => total + pick(generation), 0)
  return {
    row: {
      key: call.key,
      stage: placeOf(call.key).stage,
      at: call.at,
      ms: call.ms,
      model: call.model,
      samples: call.generations.length,
      promptTokens: sum(({ usage }) => usage.promptTokens),
      completionTokens: sum(({ usage }) => usage.completionTokens),
      cut: sum(({ finishReason }) => (finishReason === 'length' ? 1 : 0)),
    },
    prompt,
    replies: call.generations.map(({ text, finishReason }) => ({ text, finishReason })),
  }
}

/** The journal holds a hash of a prompt only; the example holds the conversations, the judge's is made again. */
function promptOf(
  call: JournalCall,
  prefix: string,
  example: Example,
  config: Config | null,
  run: RunView,
): CallText['prompt'] {
  const [stage, ...rest] = call.key.slice(prefix.length).split('/')
  switch (stage) {
    case 'propose':
      return example.question?.conversation.slice(0, -1) ?? null
    case 'solve':
      return example.solverPrompt
    case 'rubric':
      return example.rubricConversation?.slice(0, -1) ?? null
    case undefined:
    default:
      return config === null ? null : (run.rules.judgePrompt?.(example, rest.join('/'), config) ?? null)
  }
}

function sameDocument(other: RunView, run: RunView, key: QuestionKey): QuestionPage['elsewhere'][number][] {
  return other.exampleRounds().flatMap((round) =>
    other
      .examplesOf(round)
      .ofDocument(key.documentId)
      .flatMap((number) => {
        const row = other.examplesOf(round).rows[number]
        if (row === undefined) return []
        const { documentId, questionIndex, title } = row
        if (other === run && round === key.round && questionIndex === key.questionIndex) return []
        return [{ run: other.id, runName: other.name, round, documentId, questionIndex, title }]
      }),
  )
}
