/** The report's first section: what held-out suites say before and after each round. */
import type { Contamination, SuiteResult } from '../../records/index.ts'
import { narrow } from '../charts/drawing.ts'
import { drawIntervals } from '../charts/intervals.ts'
import { suiteIntervals } from '../charts/of-run.ts'
import { interval, number, percent, roundName } from '../views/format.ts'
import { figure } from './figure.ts'
import { html, type Html } from './html.ts'
import { judgesBlock, winRates } from './judges.ts'

/** @param results of all rounds, in order of rounds */
export function scoresSection(results: readonly SuiteResult[]): Html {
  const suites = [...new Set(results.map(({ suite }) => suite))]
  if (suites.length === 0)
    return html`<h2 id="scores">Scores</h2>
      <p class="soft">No suite was evaluated.</p>`
  return html`<h2 id="scores">Scores on held-out questions</h2>
    <p class="soft">
      Means with 95 % intervals over n questions. An invalid answer counts 0; an answer that the judge failed on is left
      out. Detectable: the smallest true difference that these questions show with 80 % power.
    </p>
    ${suites.map((suite) =>
      suiteBlock(
        suite,
        results.filter((result) => result.suite === suite),
      ),
    )}`
}

function suiteBlock(suite: string, results: readonly SuiteResult[]): Html {
  return html`${figure(drawIntervals(suiteIntervals(results), narrow), 'scores')}
    <div class="card scroll" tabindex="0">${scoreTable(suite, results)}</div>
    ${winRates(results)} ${judgesBlock(results)} ${protocolNotes(results)}`
}

/** How the benchmark is judged officially, in what these figures depart from it, and what was read. */
function protocolNotes(results: readonly SuiteResult[]): Html {
  const result = results.at(-1)
  if (result === undefined) return html``
  const { protocol, data = [], limit, failures = [], contamination } = result
  const lines = [
    ...(protocol === undefined ? [] : [`officially: ${protocol.official}`]),
    ...(protocol?.departures ?? []).map((departure) => `differs: ${departure}`),
    ...data.map(({ source, sha256, rows }) => `${source}: ${rows} rows, SHA-256 ${sha256.slice(0, 12)}…`),
    ...(limit === undefined ? [] : [`${limit} questions, chosen by the seed`]),
    ...seenInTraining(contamination),
    ...(failures.length === 0
      ? []
      : [`${failures.length} calls failed and are left out: ${failures[0]?.message ?? ''}`]),
  ]
  if (lines.length === 0) return html``
  return html`<details class="card">
    <summary>How ${result.suite} was measured</summary>
    <ul>
      ${lines.map((line) => html`<li>${line}</li>`)}
    </ul>
  </details>`
}

function seenInTraining(contamination: Contamination | undefined): string[] {
  if (contamination === undefined) return []
  const { overlapping, items, words, documents, tooShort } = contamination
  const short = tooShort === 0 ? '' : ` (${tooShort} are shorter and were not compared)`
  return [
    `seen in training: ${overlapping} of ${items} items share ${words} words in a row with one of ${documents} documents${short}`,
  ]
}

function scoreTable(suite: string, results: readonly SuiteResult[]): Html {
  const judged = results.some(({ judgeQuality }) => judgeQuality !== undefined)
  return html`<table>
    <caption>
      ${suite}, in numbers
    </caption>
    <thead>
      <tr>
        <th scope="col">policy</th>
        <th scope="col">sampled</th>
        <th scope="col">greedy</th>
        <th scope="col">valid</th>
        <th scope="col">words</th>
        <th scope="col">not judged</th>
        <th scope="col">n</th>
        <th scope="col">detectable</th>
        ${
          judged &&
          html`<th scope="col">judge: pairs right</th>
            <th scope="col">rank corr.</th>`
        }
      </tr>
    </thead>
    <tbody>
      ${results.map(
        (result) =>
          html`<tr>
            <th scope="row">${roundName(result.round)}</th>
            <td>${interval(result.sampled)}</td>
            <td>${interval(result.greedy)}</td>
            <td>${percent(result.validity)}</td>
            <td>${number(result.meanAnswerWords, 1)}</td>
            <td>${result.unscored}</td>
            <td>${(result.sampled ?? result.greedy)?.n ?? 0}</td>
            <td>${number(result.detectable, 3)}</td>
            ${
              judged &&
              html`<td>${number(result.judgeQuality?.pairAccuracy, 3)}</td>
                <td>${number(result.judgeQuality?.rankCorrelation, 3)}</td>`
            }
          </tr>`,
      )}
    </tbody>
  </table>`
}
