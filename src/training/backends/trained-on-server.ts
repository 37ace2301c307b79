/**
 * A training that is complete on a Tinker server and whose adapter is not here yet: a note of where the server keeps it, with what the
 * training came to. Where fetching fails, or the process ends, the next one fetches it and trains nothing again. Whoever writes down elsewhere
 * what it came to removes the note.
 */
import { z } from 'zod'
import { EndpointError } from '../../core/errors.ts'
import { readJsonFile, writeFileAtomic } from '../../store/index.ts'
import { fetchTinkerTraining, type OpenTinkerOptions } from './open-tinker.ts'
import { tinkerSavedSchema, type TinkerTrainableModel } from './tinker.ts'

const noteSchema = z.strictObject({ owner: z.string(), saved: tinkerSavedSchema, result: z.unknown() })

export interface TrainedOnServerOptions {
  readonly place: Omit<OpenTinkerOptions, 'from' | 'seed'>
  /** Of the note. */
  readonly path: string
  /** A hash of everything that the training follows from: of another one the note says nothing. */
  readonly owner: string
  /** Where the adapter goes. */
  readonly dir: string
}

export class TrainedOnServer {
  private readonly options: TrainedOnServerOptions

  constructor(options: TrainedOnServerOptions) {
    this.options = options
  }

  /**
   * Fetches what an earlier process left on the server.
   * @returns what that training came to; undefined where there was none, or the server has it no more
   * @throws {EndpointError} {InputError} when it does not come this time either
   */
  async takeUp<T>(result: z.ZodType<T>): Promise<T | undefined> {
    const { place, path, owner, dir } = this.options
    const note = await readJsonFile(path, noteSchema)
    const came = result.safeParse(note?.result)
    if (note?.owner !== owner || !came.success) return undefined
    return (await fetchTinkerTraining(place, note.saved, dir)) ? came.data : undefined
  }

  /** Saves on the server and fetches. @throws {EndpointError} {InputError} with what the same command does next */
  async bringHome(model: TinkerTrainableModel, result: unknown): Promise<void> {
    const { path, owner, dir } = this.options
    const saved = await model.saveOnServer()
    await writeFileAtomic(path, `${JSON.stringify({ owner, saved, result })}\n`)
    await model.fetch(saved, dir).catch((error: unknown) => {
      if (!(error instanceof EndpointError)) throw error
      const { message, retryable, status } = error
      throw new EndpointError(
        `${message}; the training is complete on the server: run the same command again, which only fetches it`,
        { retryable, ...(status === undefined ? {} : { status }) },
        { cause: error },
      )
    })
  }
}
