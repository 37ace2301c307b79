/** `hf://OWNER/NAME` wherever a model folder may stand: it is downloaded once and is a folder from then on. */
import { fetchModel, isHubAddress } from '../hub/index.ts'
import type { Config, ModelEndpoint, TrainConfig } from '../records/index.ts'
import type { Context } from './command.ts'
import { bytes } from './format.ts'

type SourceContext = Pick<Context, 'terminal' | 'clock' | 'environment' | 'signal'>

/** Milliseconds between redraws, and between plain lines where nothing can be redrawn. */
const REDRAW_MS = 200
const PLAIN_MS = 10_000

/** The folder of a model: `source` itself, or where the hub's model was put. @throws {InputError} */
export async function localModel(source: string, context: SourceContext): Promise<string> {
  if (!isHubAddress(source)) return source
  const { terminal, clock, environment, signal } = context
  let shown = Number.NEGATIVE_INFINITY
  let drawn = false
  const onProgress = (done: number, total: number): void => {
    const now = clock.monotonic()
    if (now - shown < (terminal.live ? REDRAW_MS : PLAIN_MS)) return
    shown = now
    const line = `${source}: ${bytes(done)} of ${bytes(total)}`
    drawn = terminal.live
    if (terminal.live) terminal.control(`\r\u001B[2K${line}`)
    else terminal.say(line)
  }
  try {
    const onNotice = (text: string): void => terminal.say(text)
    return await fetchModel(source, { env: environment, clock, signal, onProgress, onNotice })
  } finally {
    if (drawn) terminal.control('\r\u001B[2K')
  }
}

/** An endpoint whose weights, if it needs any, are on this disk. @throws {InputError} */
export async function localEndpoint(endpoint: ModelEndpoint, context: SourceContext): Promise<ModelEndpoint> {
  return endpoint.backend === 'embedded' ? { ...endpoint, path: await localModel(endpoint.path, context) } : endpoint
}

/** The configuration with every model of the hub replaced by its folder. @throws {InputError} */
export async function withLocalModels<C extends Config | TrainConfig>(config: C, context: SourceContext): Promise<C> {
  const local = (endpoint: ModelEndpoint): Promise<ModelEndpoint> => localEndpoint(endpoint, context)
  const roles: Record<string, ModelEndpoint> = {}
  for (const [role, endpoint] of Object.entries(config.roles)) {
    if (endpoint !== undefined) roles[role] = await local(endpoint)
  }
  const { judge, secondJudge } = config.evaluation
  const { path } = config.training
  return {
    ...config,
    roles,
    model: await local(config.model),
    evaluation: {
      ...config.evaluation,
      ...(judge === undefined ? {} : { judge: await local(judge) }),
      ...(secondJudge === undefined ? {} : { secondJudge: await local(secondJudge) }),
    },
    training: { ...config.training, ...(path === undefined ? {} : { path: await localModel(path, context) }) },
  }
}
