/**
 * Schedules of a synthesis of the laboratory's task on a real model: as published (16 workers, a document each, stages and
 * scoring calls one after another, a barrier every 64 documents) and ours, from a cold start.
 *
 *     npx tsx bench/servers.ts [--documents 64] [--candidates 8]                     the embedded engine on assets/lab
 *     npx tsx bench/servers.ts --url http://127.0.0.1:8080/v1 --name NAME            any server, which may have those weights
 *
 * Both play the same documents with the same seeds, twice, in turn; the times are those of the quicker try. A warm-up call first.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/clock.ts'
import { labConfig, labCorpus, labTask } from '../src/lab/index.ts'
import { ModelHouse } from '../src/pipeline/models.ts'
import { configSchema, type Example } from '../src/records/index.ts'
import {
  ourSchedule,
  playOf,
  publishedSchedule,
  type Schedule,
  type Stage,
} from '../src/synthesis/testing/schedules.ts'

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '64' },
    candidates: { type: 'string', default: '8' },
    url: { type: 'string' },
    name: { type: 'string', default: 'lab' },
    concurrency: { type: 'string', default: 'auto' },
  },
})
const lab = labConfig({ documents: Number(values.documents) })
const model = values.url === undefined ? lab.model : { backend: 'openai', baseUrl: values.url, name: values.name }
const config = configSchema.parse({
  ...lab,
  model,
  rounds: 1,
  synthesis: { ...lab.synthesis, candidates: Number(values.candidates) },
})
const house = new ModelHouse(config, { env: {} })
const stage: Stage = {
  documents: labCorpus({ seed: config.seed, documents: Number(values.documents) }),
  task: labTask,
  models: house.roles(house.initialPolicy),
  settings: { synthesis: config.synthesis, scoring: config.scoring, curation: config.curation },
  seed: config.seed,
  clock: systemClock,
}

interface Try {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly examples: readonly Example[]
}

async function play(schedule: Schedule): Promise<Try> {
  const start = systemClock.monotonic()
  const used = process.cpuUsage()
  const examples = await schedule(playOf(stage))
  const { user, system } = process.cpuUsage(used)
  return { seconds: (systemClock.monotonic() - start) / 1000, cpuSeconds: (user + system) / 1e6, examples }
}

const concurrency = values.concurrency === 'auto' ? 'auto' : Number(values.concurrency)
const schedules = { '(a) as published': publishedSchedule, '(b) ours': ourSchedule(concurrency) }
const tries = new Map<string, Try[]>()
await house.initialPolicy.generate({
  messages: labTask.solver.messages({ problem: 'Where?' }),
  n: 1,
  temperature: 1,
  topP: 1,
  maxTokens: 4,
  seed: 1,
})
for (let turn = 0; turn < 2; turn++) {
  for (const [name, schedule] of Object.entries(schedules)) {
    tries.set(name, [...(tries.get(name) ?? []), await play(schedule)])
  }
}
await house.release()

const quickest = (name: string): Try | undefined => tries.get(name)?.toSorted((a, b) => a.seconds - b.seconds)[0]
const published = quickest('(a) as published')
for (const name of tries.keys()) {
  const best = quickest(name)
  if (best === undefined || published === undefined) continue
  const tokens = best.examples.flatMap(({ candidates }) => candidates.map((one) => one.completionTokens ?? 0))
  const complete = best.examples.filter(({ status }) => status === 'complete').length
  console.log(
    `${name.padEnd(18)} ${best.seconds.toFixed(1)} s (${tries
      .get(name)
      ?.map(({ seconds }) => seconds.toFixed(1))
      .join(', ')}), ` +
      `${best.cpuSeconds.toFixed(1)} s of CPU here: ${(published.seconds / best.seconds).toFixed(2)} x (a); ` +
      `${complete} of ${best.examples.length} complete, ${tokens.reduce((sum, count) => sum + count, 0)} answer tokens`,
  )
}
