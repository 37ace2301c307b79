/**
 * Test program: one session of a synthesis in a run folder, against a server that somebody else runs.
 * Arguments: base URL, number of documents. Begins when told a run folder on stdin, so that it can be started ahead.
 * Exit: 0 complete, 7 complete but for failed calls.
 */
import { once } from 'node:events'
import { systemClock, type Clock } from '../../core/clock.ts'
import { OpenAiLanguageModel } from '../../llm/openai.ts'
import { builtinTasks } from '../../roles/index.ts'
import { RunFolder } from '../../store/index.ts'
import { synthesizeTo } from '../synthesize.ts'
import { makeDocuments, makeSettings, type RoleName } from './world.ts'

const [baseUrl = '', documents = '0'] = process.argv.slice(2)
const task = builtinTasks.get('general')
if (task === undefined) throw new Error('the general task is missing')

/** Waits for a server are cut to a thousandth, so that a test need not sit through them. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 1000, signal) }
const model = (role: RoleName): OpenAiLanguageModel => new OpenAiLanguageModel({ baseUrl, name: role, clock: hasty })

const [told] = (await once(process.stdin, 'data')) as [Buffer]
process.stdin.destroy()
const run = await RunFolder.open(told.toString('utf8').trim(), { create: true })
const writer = await run.openJsonl(run.round(1).examples)
const { failedCalls } = await synthesizeTo(
  {
    round: 1,
    documents: makeDocuments(Number(documents)),
    task,
    models: { proposer: model('proposer'), solver: model('solver'), rubric: model('rubric'), scorer: model('scorer') },
    settings: makeSettings(),
    journal: run.journal,
    seed: 45,
    concurrency: 6,
    clock: hasty,
  },
  (example) => writer.write(example),
)
await writer.commit()
await run.close()
process.exitCode = failedCalls > 0 ? 7 : 0
