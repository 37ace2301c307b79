/** The report's section on training: curves over all rounds. */
import type { TrainingStep } from '../../records/index.ts'
import type { RoundData } from '../run-data.ts'
import { narrow } from '../charts/drawing.ts'
import { drawLines } from '../charts/lines.ts'
import { trainingLines } from '../charts/of-run.ts'
import { count, number } from '../views/format.ts'
import { figure } from './figure.ts'
import { html, type Html } from './html.ts'

export function trainingSection(rounds: readonly RoundData[]): Html {
  const trained = rounds.filter(({ steps }) => steps.length > 0)
  if (trained.length === 0)
    return html`<h2 id="training">Training</h2>
      <p class="soft">Nothing was trained.</p>`
  return html`<h2 id="training">Training</h2>
    <div class="grid">${trainingLines(trained).map((lines) => figure(drawLines(lines, narrow)))}</div>
    <div class="card scroll" tabindex="0">${table(trained)}</div>`
}

function table(rounds: readonly RoundData[]): Html {
  return html`<table>
    <caption>
      First and last step of each round
    </caption>
    <thead>
      <tr>
        <th scope="col">round</th>
        <th scope="col">steps</th>
        <th scope="col">loss</th>
        <th scope="col">margin</th>
        <th scope="col">accuracy</th>
        <th scope="col">gradient norm</th>
        <th scope="col">tokens</th>
        <th scope="col">tokens/s</th>
      </tr>
    </thead>
    <tbody>
      ${rounds.map(({ round, steps }) => {
        const tokens = steps.reduce((sum, step) => sum + step.tokens, 0)
        const seconds = steps.reduce((sum, step) => sum + step.seconds, 0)
        return html`<tr>
          <th scope="row">${round}</th>
          <td>${steps.length}</td>
          <td>${change(steps, (step) => step.loss)}</td>
          <td>${change(steps, (step) => step.margin)}</td>
          <td>${change(steps, (step) => step.accuracy)}</td>
          <td>${change(steps, (step) => step.gradNorm)}</td>
          <td>${count(tokens)}</td>
          <td>${seconds > 0 ? count(Math.round(tokens / seconds)) : '–'}</td>
        </tr>`
      })}
    </tbody>
  </table>`
}

function change(steps: readonly TrainingStep[], of: (step: TrainingStep) => number): string {
  const [first, last] = [steps[0], steps.at(-1)]
  return first === undefined || last === undefined ? '–' : `${number(of(first), 3)} → ${number(of(last), 3)}`
}
