/** The report's examples: one question read as a page, from document to pair. Everything in it was written by a model or a stranger. */
import type { Candidate, CriterionRating, Rubric, SkipReason } from '../../records/index.ts'
import type { PairOutcome, ReportExample, ReportRound } from './data.ts'
import { bestFirst, ratingsOf } from '../views/answers.ts'
import { number, words } from '../views/format.ts'
import { html, type Html } from './html.ts'

export function examplesSection(rounds: readonly ReportRound[]): Html {
  const shown = rounds.flatMap(({ shown: examples }) => examples)
  if (shown.length === 0) return html``
  return html`<h2 id="examples">Examples</h2>
    <p class="soft">
      A few questions of each round: some that became pairs, spread over the round, and one of each kind that did not.
    </p>
    ${shown.map((one, i) => exampleBlock(one, i === 0))}`
}

function exampleBlock({ example, outcome }: ReportExample, open: boolean): Html {
  const problem = example.question?.problem ?? 'no question'
  return html`<details class="example card" ${open ? html`open` : ''}>
    <summary>Round ${example.round}: ${excerpt(problem, 140)} ${outcomePill(outcome)}</summary>
    <div class="grid">
      <div>
        <h4>Document</h4>
        ${quoted(example.document)}
      </div>
      <div>
        <h4>Question</h4>
        ${example.question === null ? html`<p class="soft">None: ${words(example.status)}.</p>` : quoted(example.question.problem)}
        ${
          example.question !== null &&
          html`<h4>Reference answer</h4>
            ${quoted(example.question.referenceAnswer)}`
        }
        ${example.failure !== undefined && html`<p><b>${words(example.status)}</b>: ${example.failure}</p>`}
      </div>
    </div>
    ${example.rubric === null ? html`<p class="soft">No rubric.</p>` : rubricTable(example.rubric)}
    ${example.candidates.length > 0 && candidateTable(example.candidates, example.rubric ?? [], outcome)}
    <p>${outcomeText(outcome)}</p>
  </details>`
}

function quoted(text: string): Html {
  return html`<div class="text" dir="auto" tabindex="0">${text}</div>`
}

function rubricTable(rubric: Rubric): Html {
  return html`<h4>Rubric</h4>
    <div class="scroll" tabindex="0">
      <table class="rubric">
        <thead>
          <tr>
            <th scope="col">criterion</th>
            <th scope="col">weight</th>
            <th scope="col" class="words">gold answer</th>
            <th scope="col" class="words">what is looked for</th>
          </tr>
        </thead>
        <tbody>
          ${rubric.map(
            ({ name, weight, gold, description }) =>
              html`<tr>
                <th scope="row" dir="auto">${name}</th>
                <td>${weight}</td>
                <td dir="auto">${gold}</td>
                <td dir="auto">${description}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`
}

function candidateTable(candidates: readonly Candidate[], rubric: Rubric, outcome: PairOutcome): Html {
  return html`<h4>Answers</h4>
    <div class="scroll" tabindex="0">
      <table class="candidates">
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">score</th>
            ${rubric.map(({ name }) => html`<th scope="col" dir="auto">${excerpt(name, 28)}</th>`)}
            <th scope="col" class="words">answer</th>
          </tr>
        </thead>
        <tbody>
          ${bestFirst(candidates).map((candidate) => candidateRow(candidate, rubric, markOf(candidate, outcome)))}
        </tbody>
      </table>
    </div>`
}

function candidateRow(candidate: Candidate, rubric: Rubric, mark: 'chosen' | 'rejected' | undefined): Html {
  const { index, score, answer, response, evaluation } = candidate
  const ratings = rubric.map(({ name }) => ratingsOf(candidate, name).at(-1)?.rating)
  return html`<tr class="${mark ?? ''}">
    <th scope="row">${index}</th>
    <td>
      ${score.status === 'scored' ? number(score.value, 3) : html`<span class="pill none">${words(score.reason)}</span>`}
      ${mark !== undefined && html`<br /><span class="pill ${mark === 'chosen' ? 'good' : 'bad'}">${mark}</span>`}
    </td>
    ${ratings.map((rating) => html`<td>${ratingPill(rating)}</td>`)}
    <td class="words" dir="auto">
      ${answer === null ? html`<span class="soft">no answer${candidate.invalid === undefined ? '' : `: ${words(candidate.invalid)}`}</span>` : excerpt(answer, 240)}
      <details>
        <summary>whole response${evaluation !== null && ' and the reasons of the judge'}</summary>
        ${quoted(response)}${evaluation !== null && reasons(evaluation)}
      </details>
    </td>
  </tr>`
}

function ratingPill(rating: number | undefined): Html {
  if (rating === undefined) return html`<span class="pill none">not rated</span>`
  return html`<span class="pill ${rating >= 2 ? 'good' : rating <= 0 ? 'bad' : 'mid'}">${rating}</span>`
}

function reasons(evaluation: readonly CriterionRating[]): Html {
  return html`<ul class="reasons">
    ${evaluation.map(({ name, rating, thoughts }) => html`<li dir="auto"><b>${name}</b>: ${rating}. ${thoughts}</li>`)}
  </ul>`
}

function markOf({ index }: Candidate, outcome: PairOutcome): 'chosen' | 'rejected' | undefined {
  if (outcome.status !== 'paired') return undefined
  if (index === outcome.chosen) return 'chosen'
  return index === outcome.rejected ? 'rejected' : undefined
}

function outcomePill(outcome: PairOutcome): Html {
  if (outcome.status === 'paired') return html`<span class="pill good">a pair</span>`
  return html`<span class="pill none">no pair: ${words(outcome.reason)}</span>`
}

const skipTexts: Readonly<Record<SkipReason, string>> = {
  noQuestion: 'No pair: there is no question.',
  tooFewScored: 'No pair: fewer than two answers have a score.',
  nearTies: 'No pair: the first answers were all nearly equal, so the others were not sampled.',
  difficulty: 'No pair: the question is too easy or too hard for the answers to differ in a way worth learning.',
  rubricsDisagree: 'No pair: two rubrics written for this question rank its answers differently.',
  noSpread: 'No pair: all answers have the same score, so there is nothing to prefer.',
  orderConflict: 'No pair: the judge prefers one answer in one order and the other in the other.',
  smallMargin: 'No pair: the scores of the two answers differ too little.',
  lengthGap: 'No pair: the two answers differ too much in length.',
  sameResponse: 'No pair: the two sides would be the same text.',
  overCap: 'A pair, but left out: the round has as many as pairing.maxPairs allows.',
}

function outcomeText(outcome: PairOutcome): string {
  if (outcome.status === 'skipped') return skipTexts[outcome.reason]
  return `The pair: answer ${outcome.chosen} is preferred to answer ${outcome.rejected}.`
}

function excerpt(text: string, length: number): string {
  const oneLine = text.replaceAll(/\s+/g, ' ').trim()
  return oneLine.length <= length ? oneLine : `${oneLine.slice(0, length)}…`
}
