/** Where downloads are kept: `POP_CACHE`, else the platform's place for such. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The variables of the environment that this room reads: `HF_TOKEN`, `HF_ENDPOINT`, `POP_CACHE`, the platform's own. */
export type HubEnvironment = Readonly<Record<string, string | undefined>>

export function cacheDirOf(env: HubEnvironment): string {
  const named = env['POP_CACHE']?.trim()
  if (named !== undefined && named !== '') return named
  const base = process.platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_CACHE_HOME']
  return join(base ?? join(homedir(), '.cache'), 'pop-selfplay')
}
