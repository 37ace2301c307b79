/** The report's section on what the run has spent. */
import type { CostLine, Costs } from '../views/costs.ts'
import { count, money } from '../views/format.ts'
import { html, type Html } from './html.ts'

export function costsSection(costs: Costs | undefined): Html {
  if (costs === undefined || costs.lines.length === 0) return html``
  return html`<h2 id="costs">Tokens and cost</h2>
    <p class="soft">
      Every finished call of every
      session${costs.total === null ? '' : '; prices are those of the configuration, per million tokens'}.
    </p>
    <div class="card scroll" tabindex="0">
      <table>
        <caption>
          Calls by stage and model
        </caption>
        <thead>
          <tr>
            <th scope="col">stage</th>
            <th scope="col" class="words">model</th>
            <th scope="col">calls</th>
            <th scope="col">prompt tokens</th>
            <th scope="col">completion tokens</th>
            <th scope="col">cost</th>
          </tr>
        </thead>
        <tbody>
          ${costs.lines.map(row)}
        </tbody>
      </table>
    </div>
    ${costs.total === null ? '' : html`<p>Cost in all: <b>${money(costs.total)}</b>${withoutPrice(costs)}.</p>`}`
}

function row({ stage, model, calls, promptTokens, completionTokens, cost }: CostLine): Html {
  return html`<tr>
    <th scope="row">${stage}</th>
    <td class="words">${model}</td>
    <td>${count(calls)}</td>
    <td>${count(promptTokens)}</td>
    <td>${count(completionTokens)}</td>
    <td>${money(cost)}</td>
  </tr>`
}

function withoutPrice({ unpriced }: Costs): string {
  return unpriced.length === 0 ? '' : `, without ${unpriced.join(', ')}, which has no price in the configuration`
}
