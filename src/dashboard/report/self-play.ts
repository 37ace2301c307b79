/** The report's section on self-play: what became of the questions, and how self-scores are distributed. */
import { narrow } from '../charts/drawing.ts'
import { drawHistogram } from '../charts/histogram.ts'
import type { ReportRound } from './data.ts'
import { count, counts } from '../views/format.ts'
import { figure } from './figure.ts'
import { html, type Html } from './html.ts'

export function selfPlaySection(rounds: readonly ReportRound[]): Html {
  const played = rounds.filter(({ examples }) => examples > 0)
  const [first] = played
  if (first === undefined)
    return html`<h2 id="self-play">Self-play</h2>
      <p class="soft">No questions were played.</p>`
  return html`<h2 id="self-play">Self-play</h2>
    <div class="card scroll" tabindex="0">
      <table>
        <caption>
          What became of the questions
        </caption>
        <thead>
          <tr>
            <th scope="col">round</th>
            <th scope="col">questions</th>
            <th scope="col" class="words">of these</th>
            <th scope="col">pairs</th>
            <th scope="col" class="words">no pair, because</th>
            <th scope="col">scored answers</th>
            <th scope="col" class="words">not scored, because</th>
          </tr>
        </thead>
        <tbody>
          ${played.map(
            (round) =>
              html`<tr>
                <th scope="row">${round.round}</th>
                <td>${count(round.examples)}</td>
                <td class="words">${counts(round.statuses)}</td>
                <td>${count(round.pairs)}</td>
                <td class="words">${counts(round.skipped)}</td>
                <td>${count(round.scored)}</td>
                <td class="words">${counts(round.unscored)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <h3>Self-scores of all answers</h3>
    <p class="soft">
      How the model's own judge rated the sampled answers, ${first.scale.min} to ${first.scale.max}. Rounds have
      questions and rubrics of their own: compare shapes, not means.
    </p>
    <div class="grid">${played.map(scoreFigure)}</div>`
}

function scoreFigure({ round, scored, scoreBins, scale }: ReportRound): Html {
  const scores = { from: scale.min, to: scale.max, bins: scoreBins }
  return figure(drawHistogram(`Round ${round}: self-scores of ${count(scored)} answers`, scores, narrow))
}
