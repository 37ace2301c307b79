/** The report's section on the health of each round's signal. */
import type { HealthCheck, HealthReport } from '../../records/index.ts'
import type { RoundData } from '../run-data.ts'
import { count, counts, number, percent, words } from '../views/format.ts'
import { html, type Html } from './html.ts'

export function healthSection(rounds: readonly RoundData[]): Html {
  const reports = rounds.flatMap(({ health }) => health ?? [])
  if (reports.length === 0) return html``
  return html`<h2 id="health">Health of the signal</h2>
    <p class="soft">Each figure stands with the limit from which it calls for a look.</p>
    ${reports.map((report, i) => reportBlock(report, i === reports.length - 1))}`
}

function reportBlock(report: HealthReport, open: boolean): Html {
  const passed = report.checks.filter(({ advice }) => advice !== null)
  return html`<details class="card" ${open ? html`open` : ''}>
    <summary>
      Round ${report.round}, ${count(report.questions)} questions:
      ${passed.length === 0 ? 'nothing past a limit' : `${passed.length} past a limit`}
    </summary>
    ${
      passed.length > 0 &&
      html`<ul class="reasons">
        ${passed.map(({ label, advice }) => html`<li><b>${label}</b>: ${advice}</li>`)}
      </ul>`
    }
    <div class="scroll" tabindex="0">
      <table>
        <thead>
          <tr>
            <th scope="col">measure</th>
            <th scope="col">value</th>
            <th scope="col">measured on</th>
            <th scope="col">limit</th>
            <th scope="col">stops at</th>
            <th scope="col"></th>
          </tr>
        </thead>
        <tbody>
          ${report.checks.map(checkRow)}
        </tbody>
      </table>
    </div>
    ${survivorsLine(report)} ${rolesLine(report)} ${duplicatesBlock(report)}
  </details>`
}

function checkRow(check: HealthCheck): Html {
  const limit = (bound: number | false): string => (bound === false ? '–' : `${check.limit} ${shown(check, bound)}`)
  return html`<tr>
    <th scope="row">${check.label}</th>
    <td>${shown(check, check.value)}</td>
    <td>${count(check.of)}</td>
    <td>${limit(check.warn)}</td>
    <td>${limit(check.stop)}</td>
    <td>${pill(check)}</td>
  </tr>`
}

function pill({ state }: HealthCheck): Html {
  if (state === 'stop') return html`<span class="pill bad">stop</span>`
  if (state === 'warning') return html`<span class="pill mid">look</span>`
  return state === 'good'
    ? html`<span class="pill good">good</span>`
    : html`<span class="pill none">not measured</span>`
}

function shown({ unit }: HealthCheck, value: number | null): string {
  return unit === 'number' ? number(value, 3) : percent(value)
}

function survivorsLine({ questions, survivors, pairs }: HealthReport): Html {
  const steps = survivors.filter(({ questions: left }, i) => left < (survivors[i - 1]?.questions ?? questions))
  return html`<p>
    Questions left by the pairing rules: ${count(questions)} asked
    ${steps.map(({ rule, questions: left }) => html`→ ${count(left)} <span class="soft">(${words(rule)})</span> `)}→
    ${count(pairs)} pairs.
  </p>`
}

function rolesLine({ roles }: HealthReport): Html {
  const failing = roles.filter(({ asked, valid }) => valid < asked)
  if (failing.length === 0) return html``
  return html`<p>
    Replies that could not be used:
    ${failing.map(({ role, asked, valid, reasons }, i) => html`${i > 0 ? '; ' : ''}${role} ${count(asked - valid)} of ${count(asked)} (${counts(reasons)})`)}.
  </p>`
}

/** What a person has to see to believe: some near-copies and some flat criteria, as they stand. */
function duplicatesBlock({ duplicates, criteria, overlaps }: HealthReport): Html {
  const pairs = [...duplicates.questions, ...duplicates.documents]
  const overlapping = overlaps.flatMap(({ name, examples }) => examples.map((text) => ({ name, text })))
  if (pairs.length + criteria.examples.length + overlapping.length === 0) return html``
  return html`<details>
    <summary>Examples of near-duplicates, overlap and criteria that rate all alike</summary>
    ${pairs.map(
      ({ first, second, similarity }) =>
        html`<h4>${percent(similarity)} alike</h4>
          ${quoted(first)} ${quoted(second)}`,
    )}
    ${overlapping.map(
      ({ name, text }) =>
        html`<h4>An item of ${name} that shares a run of words with a document</h4>
          ${quoted(text)}`,
    )}
    ${
      criteria.examples.length > 0 &&
      html`<h4>Criteria with one rating for all answers, and their question</h4>
        ${criteria.examples.map(quoted)}`
    }
  </details>`
}

function quoted(text: string): Html {
  return html`<div class="text" dir="auto" tabindex="0">${text}</div>`
}
