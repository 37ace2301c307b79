/**
 * A model folder that plays: its engine is opened when it is first needed and put away when the memory is wanted.
 * The weights never change; training works on a copy of its own.
 */
import { basename, resolve } from 'node:path'
import type { Capacity } from '../core/concurrency.ts'
import { ModelError } from '../core/errors.ts'
import { Engine, modelFingerprint, type EngineOptions, type Tokenizer } from '../engine/index.ts'
import { EmbeddedLanguageModel } from '../llm/index.ts'
import type { GenerateRequest, Generation, LanguageModel } from '../records/index.ts'
import type { Scorer } from '../training/index.ts'

/** Of the engine, where nothing else is said. */
const defaultSlots = 64

export class FolderModel implements LanguageModel, Scorer {
  readonly dir: string
  readonly name: string
  readonly abilities = { responseFormat: true, numberLogprobs: true }
  /** Twice the slots: the next answers are there when a slot is free. */
  readonly capacity: Capacity
  private readonly options: EngineOptions
  private opened: Promise<Engine> | undefined

  /**
   * @param label what people call it; the name adds which weights they are
   * @throws {ModelError} when the folder holds no weights
   */
  constructor(dir: string, options: EngineOptions, label: string = basename(resolve(dir))) {
    const fingerprint = modelFingerprint(dir, options.adapter)
    if (fingerprint === undefined) {
      throw new ModelError(`${dir} is no model folder: it has no model.safetensors (Hugging Face layout is needed)`)
    }
    this.dir = dir
    this.name = `${label}@${fingerprint.slice(0, 8)}`
    this.options = options
    this.capacity = { limit: 2 * (options.maxSlots ?? defaultSlots), onChange: () => () => undefined }
  }

  async generate(request: GenerateRequest, signal?: AbortSignal): Promise<Generation[]> {
    return new EmbeddedLanguageModel(await this.engine(), this.name).generate(request, signal)
  }

  async logprobs(sequences: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    return (await this.engine()).logprobs(sequences)
  }

  async tokenizer(): Promise<Tokenizer> {
    return (await this.engine()).tokenizer
  }

  /** Frees the engine; the next use opens it again. */
  async release(): Promise<void> {
    const engine = await this.opened?.catch(() => undefined)
    this.opened = undefined
    await engine?.close()
  }

  private engine(): Promise<Engine> {
    this.opened ??= Engine.open(this.dir, this.options)
    return this.opened
  }
}
