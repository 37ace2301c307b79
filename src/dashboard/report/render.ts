/**
 * The report: one HTML file that needs nothing else. No script and no outside resource, which its own policy also forbids,
 * so what a model wrote can be shown and can do nothing. Knows data, not where it comes from.
 */
import type { Config } from '../../records/index.ts'
import type { ReportData } from './data.ts'
import { judgeNames } from '../charts/of-run.ts'
import { costsSection } from './costs.ts'
import { examplesSection } from './examples.ts'
import { interval, roundName } from '../views/format.ts'
import { healthSection } from './health.ts'
import { Html, html } from './html.ts'
import { scoresSection } from './scores.ts'
import { selfPlaySection } from './self-play.ts'
import { style } from './style.ts'
import { trainingSection } from './training.ts'

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** The whole page. Equal data give equal bytes. */
export function renderReport(data: ReportData): string {
  const { run, rounds } = data
  const name = run.manifest?.name ?? 'run'
  const results = run.rounds.flatMap(({ evaluations }) => evaluations)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${name}: POP report</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <main>
          ${header(data, name)} ${scoresSection(results)} ${selfPlaySection(rounds)} ${healthSection(run.rounds)}
          ${trainingSection(run.rounds)} ${examplesSection(rounds)} ${costsSection(data.costs)}
          ${configurationSection(run.config)}
        </main>
      </body>
    </html> `
  return page.markup
}

function header({ run }: ReportData, name: string): Html {
  const { manifest, config } = run
  const facts: (readonly [string, string | number])[] = [
    ...(config === null ? [] : configFacts(config)),
    ...(manifest === null ? [] : manifestFacts(manifest)),
  ]
  return html`<h1>${name}</h1>
    <ul class="facts">
      ${facts.map(([label, value]) => html`<li>${label} <b>${value}</b></li>`)}
    </ul>
    ${headline(run.rounds.flatMap(({ evaluations }) => evaluations))}`
}

function configFacts({
  task,
  model,
  rounds,
  seed,
  training,
  synthesis,
}: Config): (readonly [string, string | number])[] {
  return [
    ['task', task],
    ['model', model.backend === 'embedded' ? model.path : model.name],
    ['rounds', rounds],
    ['answers per question', synthesis.candidates],
    ['objective', training.objective.type],
    ['learning rate', training.learningRate],
    ['seed', seed],
  ]
}

function manifestFacts({
  createdAt,
  popVersion,
  corpus,
}: NonNullable<ReportData['run']['manifest']>): (readonly [string, string | number])[] {
  return [
    ['begun', new Date(createdAt).toISOString().slice(0, 16).replace('T', ' ') + ' UTC'],
    ['pop', popVersion],
    ...(corpus === null ? [] : [['documents', corpus.documents] as const]),
  ]
}

/** The one sentence that a hurried reader takes away: first and last score of each suite. */
function headline(results: ReportData['run']['rounds'][number]['evaluations']): Html {
  const suites = [...new Set(results.map(({ suite }) => suite))]
  return html`${suites.map((suite) => {
    const own = results.filter((result) => result.suite === suite)
    const [first, last] = [own[0], own.at(-1)]
    if (first === undefined || last === undefined || first === last) return ''
    return html`<p>
      <b>${suite}</b>, sampled answers: ${interval(first.sampled)} ${roundName(first.round)} →
      <b>${interval(last.sampled)}</b> after
      ${roundName(last.round)}.${
        first.judge !== last.judge &&
        ` Judged by ${judgeNames([first, last])}: the two figures do not measure the same thing.`
      }
    </p>`
  })}`
}

function configurationSection(config: Config | null): Html {
  if (config === null) return html``
  return html`<h2 id="configuration">Configuration</h2>
    <details class="card">
      <summary>Everything that was set, defaults included</summary>
      <pre class="config" tabindex="0">${JSON.stringify(config, null, 2)}</pre>
    </details>`
}
