/**
 * Weights on a Tinker server that play: the base model, or what an earlier training left there. They are loaded when first needed, given
 * back when their place is wanted, and loaded again when the server lost them.
 *
 * Only one set of trained weights is loaded at a time and it is never trained while it plays: on some servers sampling and training share
 * one copy, and sampling older weights would overwrite the newer ones.
 */
import type { Capacity } from '../core/concurrency.ts'
import { ModelError } from '../core/errors.ts'
import { modelFingerprint } from '../engine/index.ts'
import type { CallHints, GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import { isLost } from '../tinker/index.ts'
import {
  openTinkerBase,
  openTinkerCheckpoint,
  type Scorer,
  type TinkerPlace,
  type TinkerTrainableModel,
} from '../training/index.ts'

/** Samples that the server may hold at once: it queues them itself. */
const IN_FLIGHT = 256

interface Live {
  readonly policy: LanguageModel & Scorer
  readonly model: TinkerTrainableModel | undefined
}

export class TinkerPolicy implements LanguageModel, Scorer {
  readonly name: string
  readonly endpoint: string
  readonly capacity: Capacity = { limit: IN_FLIGHT, onChange: () => () => undefined }
  private readonly place: TinkerPlace
  private readonly dir: string | undefined
  private live: Promise<Live> | undefined

  /**
   * @param dir the checkpoint folder of a training there; absent: the base model
   * @throws {ModelError} when the folder holds no adapter
   */
  constructor(place: TinkerPlace, dir?: string, label = place.name) {
    this.place = place
    this.dir = dir
    this.endpoint = place.baseUrl
    const fingerprint = dir === undefined ? undefined : modelFingerprint(dir)
    if (dir !== undefined && fingerprint === undefined) {
      throw new ModelError(`${dir} holds no adapter of a Tinker server: train the round again`)
    }
    this.name = fingerprint === undefined ? label : `${label}@${fingerprint.slice(0, 8)}`
  }

  generate(request: GenerateRequest, signal?: AbortSignal, hints?: CallHints): Promise<Generation[]> {
    return this.using(({ policy }) => policy.generate(request, signal, hints))
  }

  logprobs(sequences: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    return this.using(({ policy }) => policy.logprobs(sequences))
  }

  /** Gives the place on the server back; the next use loads the weights again. */
  async release(): Promise<void> {
    const live = await this.live?.catch(() => undefined)
    this.live = undefined
    await live?.model?.close()
  }

  /** A server that was restarted has the weights on its disk: they are loaded once more before a call fails. */
  private async using<T>(work: (live: Live) => Promise<T>): Promise<T> {
    const live = (this.live ??= this.load())
    try {
      return await work(await live)
    } catch (error) {
      if (isLost(error) || !(await settled(live))) await this.drop(live)
      if (!isLost(error) || this.dir === undefined) throw error
      return work(await (this.live ??= this.load()))
    }
  }

  /** Forgets weights that are lost, unless somebody did before: an open model keeps a session, and the process, alive. */
  private async drop(live: Promise<Live>): Promise<void> {
    if (this.live !== live) return
    this.live = undefined
    await (await live.catch(() => undefined))?.model?.close()
  }

  private async load(): Promise<Live> {
    if (this.dir === undefined) return { policy: await openTinkerBase(this.place), model: undefined }
    const model = await openTinkerCheckpoint(this.place, this.dir)
    try {
      return { policy: await model.publish(), model }
    } catch (error) {
      await model.close()
      throw error
    }
  }
}

/** Whether it came to be. */
function settled(live: Promise<Live>): Promise<boolean> {
  return live.then(
    () => true,
    () => false,
  )
}
