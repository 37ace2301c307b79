/**
 * Imported first, has a bench run as `pop` runs: with its memory in huge pages, where Linux gives them on request. What
 * the bench starts itself finds the environment as it was; `hugePagesFor` is for peers that are to have them too.
 */
import {
  environmentForHugePages,
  followFirst,
  isStartedAnew,
  startAnew,
  surroundings,
} from '../../src/cli/huge-pages.ts'

const environment = environmentForHugePages(surroundings())
if (environment !== undefined) {
  await startAnew(environment)
  process.exit()
}
if (isStartedAnew(process.env)) followFirst(process.env, () => process.exit(130))

/** The environment of a peer that is to have them too. */
export function hugePagesFor(peer: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...peer, ...environmentForHugePages(surroundings()) }
}
