/** What is answered to which address. Knows run views, not sockets. */
import type { Clock } from '../../core/clock.ts'
import { overview, runCard } from '../reading/overview.ts'
import { questionPage } from '../reading/question.ts'
import type { RunView } from '../reading/run-view.ts'
import { roundSide, trust } from '../reading/side.ts'
import { readQuery } from '../views/address.ts'

/** The value to send as JSON; undefined: there is no such thing. */
export type Answer = unknown

/** @param path after `/api/`, without the query */
export async function answer(
  path: string,
  parameters: ReadonlyMap<string, string>,
  runs: readonly RunView[],
  clock: Clock,
): Promise<Answer> {
  if (path === 'runs') return Promise.all(runs.map((run) => runCard(run)))
  const [first, id, what] = path.split('/')
  const run = runs.find((one) => one.id === id)
  if (first !== 'runs' || run === undefined) return undefined
  switch (what) {
    case 'overview':
      return overview(run, clock)
    case 'examples':
      return (await run.table()).query(readQuery(parameters))
    case 'side':
      return roundSide(run, Number(parameters.get('round')))
    case 'trust':
      return trust(run)
    case 'question':
      return (await questionPage(run, questionKey(parameters), runs)) ?? undefined
    case undefined:
    default:
      return undefined
  }
}

function questionKey(parameters: ReadonlyMap<string, string>): Parameters<typeof questionPage>[1] {
  return {
    round: Number(parameters.get('round')),
    documentId: parameters.get('document') ?? '',
    questionIndex: Number(parameters.get('question') ?? 0),
  }
}
