/** What the held-out suite says beyond a score: the second judge's curve beside the first's, and who wins against the start. */
import type { Parting, SuiteResult } from '../../records/index.ts'
import { interval, number, roundName } from '../views/format.ts'
import { narrow } from '../charts/drawing.ts'
import { drawIntervals } from '../charts/intervals.ts'
import { judgeIntervals } from '../charts/of-run.ts'
import { figure } from './figure.ts'
import { html, type Html } from './html.ts'

/** Empty where there is no second judge. @param results of one suite, in order of rounds */
export function judgesBlock(results: readonly SuiteResult[]): Html {
  const curves = judgeIntervals(results)
  if (curves === null) return html``
  const partings = results.map(({ round, secondJudgement }) => ({ round, parting: secondJudgement?.parting }))
  return html`${figure(drawIntervals(curves, narrow), 'scores')} ${partingLines(partings)}`
}

/** From the first round at which they part on; nothing is said of rounds on which they agree but that they do. */
function partingLines(rounds: readonly { round: number; parting: Parting | undefined }[]): Html {
  const compared = rounds.flatMap(({ round, parting }) => (parting === undefined ? [] : [{ round, parting }]))
  if (compared.length === 0) return html``
  const parted = compared.find(({ parting }) => parting.verdict === 'parted')
  const doubtful = compared.filter(({ parting }) => parting.verdict === 'unconfirmed')
  return html`${
    parted === undefined
      ? html`<p class="soft">The second judge saw no loss in any round that the training judge did not see too.</p>`
      : html`<p>
          <b class="bad">The judges part at ${roundName(parted.round)}.</b> ${changes(parted.parting)} The policy has
          learnt to please the training judge: go back to ${weightsOf(parted.parting.best)}.
        </p>`
  }
  ${doubtful.map(
    ({ round, parting }) => html`<p><b class="mid">Not confirmed at ${roundName(round)}.</b> ${changes(parting)}</p>`,
  )}`
}

function changes({ best, first, second }: Parting): string {
  return `Since ${weightsOf(best)} the training judge sees ${change(first)}, the second judge ${change(second)} (n ${second.n}).`
}

function change({ mean, low, high }: Parting['first']): string {
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}

/** Empty where no round was held against the start. */
export function winRates(results: readonly SuiteResult[]): Html {
  const rows = results.flatMap(({ round, judge, versusBase }) =>
    versusBase === undefined ? [] : [{ round, judge, ...versusBase }],
  )
  const [one] = rows
  if (one === undefined) return html``
  const how =
    one.by === 'orders'
      ? `${one.judge} compares both greedy answers in both orders; two orders that contradict each other are a tie.`
      : 'By the scores of both greedy answers, because the task has no prompt for comparing.'
  return html`<div class="card scroll" tabindex="0">
    <table>
      <caption>
        against ${one.base}: ${how} A tie is half a win.
      </caption>
      <thead>
        <tr>
          ${[
            'policy',
            'win rate',
            'at equal length',
            'p',
            'won',
            'tied',
            'lost',
            'orders flipped',
            'not judged',
            'n',
          ].map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row">${roundName(row.round)}</th>
              <td>${interval(row.winRate)}</td>
              <td>${interval(row.lengthControlled)}</td>
              <td>${number(row.p, 3)}</td>
              <td>${row.wins}</td>
              <td>${row.ties}</td>
              <td>${row.losses}</td>
              <td>${row.flips}</td>
              <td>${row.void}</td>
              <td>${row.winRate?.n ?? 0}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** In a sentence. */
function weightsOf(round: number): string {
  return round === 0 ? 'the start' : roundName(round)
}
