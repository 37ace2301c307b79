/** The Question page: everything that one question became, from the document to the pair. */
import type { VNode } from 'preact'
import { useLayoutEffect } from 'preact/hooks'
import { wide } from '../../charts/drawing.ts'
import { drawScatter } from '../../charts/scatter.ts'
import { number, words } from '../../views/format.ts'
import { rubricTable } from '../../views/tables.ts'
import type { Candidate } from '../../../records/index.ts'
import { sideOf } from '../../views/answers.ts'
import { countWords } from '../../views/rows.ts'
import type { ExamplePage, ExampleQuery, ExampleRow, QuestionPage } from '../../views/wire.ts'
import { Chart } from '../charts/chart.tsx'
import { useData } from '../data.ts'
import { Card, Fact, Pill, Scroll, Show } from '../parts.tsx'
import { examplesAddress, listOf, questionLink } from '../list.ts'
import { link, type Route } from '../route.ts'
import { Block, Inline } from '../text.tsx'
import { CallsCard } from './calls.tsx'
import { FlipsCard } from './flips.tsx'
import { HeatMap } from './heat-map.tsx'

export function QuestionScreen({ route }: { route: Route }): VNode {
  const { parameters, run } = route
  const key = ['round', 'document', 'question'].map((name) => [name, parameters.get(name) ?? '0'])
  const loaded = useData<QuestionPage>(
    `runs/${encodeURIComponent(run)}/question?${new URLSearchParams(key).toString()}`,
  )
  return (
    <>
      <Steps route={route} />
      <Show loaded={loaded}>{(page) => <Question page={page} run={run} />}</Show>
    </>
  )
}

function Steps({ route }: { route: Route }): VNode {
  const list = listOf(route)
  const { before, after, total } = useNeighbours(route, list)
  const go = (row: ExampleRow | undefined, at: number): string | null =>
    row === undefined ? null : questionLink(route, list.query, row, at)
  const [previous, next] = [go(before, list.at - 1), go(after, list.at + 1)]
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.target instanceof HTMLInputElement || event.metaKey || event.ctrlKey || event.altKey) return
      const target = new Map([
        ['j', next],
        ['k', previous],
        ['Escape', list.address],
      ]).get(event.key)
      if (target != null) location.hash = target
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [next, previous, list.address])
  return (
    <nav class="steps" aria-label="Questions of the list">
      <a href={list.address}>← All questions</a>
      {previous !== null && <a href={previous}>Previous (k)</a>}
      {next !== null && <a href={next}>Next (j)</a>}
      {total !== null && (
        <span class="soft">
          {list.at + 1} of {total}
        </span>
      )}
    </nav>
  )
}

interface Neighbours {
  readonly before: ExampleRow | undefined
  readonly after: ExampleRow | undefined
  readonly total: number | null
}

function useNeighbours(route: Route, { query, at }: { query: ExampleQuery; at: number }): Neighbours {
  const from = Math.max(0, at - 1)
  const loaded = useData<ExamplePage>(at < 0 ? null : `${examplesAddress(route.run, query)}&offset=${from}&limit=3`)
  if (loaded.state !== 'ready' || loaded.stale) return { before: undefined, after: undefined, total: null }
  const { rows, total } = loaded.value
  return { before: at > 0 ? rows[0] : undefined, after: rows[at - from + 1], total }
}

function Question({ page, run }: { page: QuestionPage; run: string }): VNode {
  const { example, row, pairs, calls } = page
  return (
    <>
      <h1 class="title">
        <Inline text={example.question?.problem ?? 'No question was made of this document'} length={600} />
      </h1>
      <Facts page={page} />
      {example.failure !== undefined && (
        <p class="banner bad">
          <Inline text={example.failure} length={2000} />
        </p>
      )}
      <div class="columns">
        <Card title="Document">
          <Block text={example.document} label="document" />
        </Card>
        <QuestionCard page={page} />
        <PairCard page={page} />
        <RubricCard page={page} />
        <div class="wide">
          <Card title={row.compared > 0 ? 'Answers' : 'Answers by criterion'}>
            <HeatMap example={example} pairs={pairs} />
          </Card>
        </div>
        <FlipsCard page={page} />
        {row.scored > 0 && <LengthCard page={page} />}
        <ElsewhereCard page={page} run={run} />
        <div class="wide">
          <CallsCard calls={calls} />
        </div>
      </div>
    </>
  )
}

function Facts({ page: { row, scale } }: { page: QuestionPage }): VNode {
  return (
    <dl class="facts tiles">
      <Fact name="Round" value={String(row.round)} />
      <Fact name="Status" value={words(row.status)} />
      <Fact name="Pair" value={words(row.outcome)} />
      <Fact name="Mean score" value={number(row.mean, 2)} note={`on ${scale.min} to ${scale.max}`} />
      <Fact name="Margin" value={number(row.margin, 2)} />
      <Fact name="Scored" value={`${row.scored} of ${row.candidates}`} note="answers" />
      {row.compared > 0 && <Fact name="Order flips" value={`${row.flips} of ${row.compared}`} />}
      <Fact name="Document" value={row.documentId.slice(0, 40)} />
    </dl>
  )
}

function QuestionCard({ page: { example } }: { page: QuestionPage }): VNode {
  return (
    <Card title="Question and reference answer">
      {example.question === null ? (
        <p class="soft">There is none: {words(example.status)}.</p>
      ) : (
        <>
          <h3>Question</h3>
          <Block text={example.question.problem} label="question" />
          <h3>Reference answer</h3>
          <Block text={example.question.referenceAnswer} label="reference answer" />
        </>
      )}
    </Card>
  )
}

function LengthCard({ page: { example, pairs, scale } }: { page: QuestionPage }): VNode {
  const { candidates } = example
  const marks = { chosen: 'good', rejected: 'bad' } as const
  const markOf = (index: number): 'good' | 'bad' | '' => {
    const side = sideOf(index, pairs)
    return side === undefined ? '' : marks[side]
  }
  const points = {
    title: 'Score against length',
    x: { name: 'words', values: candidates.map(({ answer }) => (answer === null ? null : countWords(answer))) },
    y: { name: 'score', values: candidates.map(scoreOf), max: scale.max },
    names: candidates.map(({ index }) => `answer ${index}`),
    marks: candidates.map(({ index }) => markOf(index)),
  }
  return (
    <Card title="Length and score">
      <Chart drawing={drawScatter(points, wide)} />
    </Card>
  )
}

function ElsewhereCard({ page: { elsewhere }, run }: { page: QuestionPage; run: string }): VNode {
  return (
    <Card title="The same document elsewhere">
      {elsewhere.length === 0 && <p class="soft">In no other round or run that is open here.</p>}
      <ul>
        {elsewhere.map(({ run: other, runName, round, documentId, questionIndex, title }) => (
          <li key={`${other} ${round} ${questionIndex}`}>
            <a href={link(other, 'question', { round, document: documentId, question: questionIndex })}>
              {other === run ? '' : `${runName}, `}round {round}
            </a>{' '}
            <Inline text={title} length={120} />
          </li>
        ))}
      </ul>
    </Card>
  )
}

function PairCard({ page: { example, row, pairs } }: { page: QuestionPage }): VNode {
  const side = (name: string, index: number): VNode | null => {
    const candidate = example.candidates.find((one) => one.index === index)
    if (candidate === undefined) return null
    return (
      <div class={`side ${name}`}>
        <h3>
          {words(name)}: answer {candidate.index}, score {number(scoreOf(candidate), 2)}
        </h3>
        <Block text={candidate.answer ?? candidate.response} label={`${name} answer`} />
      </div>
    )
  }
  return (
    <Card title={pairs.length > 1 ? `The ${pairs.length} pairs` : 'The pair'}>
      {row.outcome === 'paired' ? (
        pairs.map(({ chosen, rejected }) => (
          <div key={chosen}>
            {side('chosen', chosen)}
            {side('rejected', rejected)}
          </div>
        ))
      ) : (
        <p>
          No pair: <Pill name={row.outcome} /> {reasons[row.outcome] ?? ''}
        </p>
      )}
    </Card>
  )
}

const reasons: Readonly<Record<string, string>> = {
  unknown: 'The pairing rules are not known here.',
  noQuestion: 'There is no question.',
  nearTies: 'Curation: the first answers were all nearly equal, so the others were not sampled.',
  difficulty: 'Curation: the question is too easy or too hard.',
  rubricsDisagree: 'Curation: a second rubric ranks the answers otherwise.',
  smallMargin: 'The best and the worst answer are closer than pairing.minMargin.',
  orderConflict: 'The judge contradicts itself about the two answers when they change places.',
  tooFewScored: 'Fewer than two answers have a score.',
  noSpread: 'All scored answers have nearly the same score: there is nothing to prefer.',
  lengthGap: 'The best and the worst answer differ too much in length.',
  sameResponse: 'The answers to choose from are the same text.',
  overCap: 'The round had more pairs than pairing.maxPairs.',
}

function RubricCard({ page: { example } }: { page: QuestionPage }): VNode {
  return (
    <Card title="Rubric">
      {example.rubric === null ? (
        <p class="soft">There is none.</p>
      ) : (
        <Scroll label="Rubric" table={rubricTable(example.rubric)}>
          <table>
            <thead>
              <tr>
                <th scope="col">criterion</th>
                <th scope="col">weight</th>
                <th scope="col" class="words">
                  gold
                </th>
                <th scope="col" class="words">
                  description
                </th>
              </tr>
            </thead>
            <tbody>
              {example.rubric.map(({ name, weight, gold, description }, i) => (
                <tr key={i}>
                  <th scope="row">
                    <Inline text={name} />
                  </th>
                  <td>{weight}</td>
                  <td class="words">
                    <Inline text={gold} length={2000} />
                  </td>
                  <td class="words">
                    <Inline text={description} length={2000} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  )
}

function scoreOf({ score }: Candidate): number | null {
  return score.status === 'scored' ? score.value : null
}
