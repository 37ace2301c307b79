/**
 * Trained weights behind an OpenAI-compatible server: brought there when first needed, by vLLM's route for adapters or by a command of the
 * user's. Each version of an adapter has a name of its own, so that nothing of an older one can answer; a command leaves one name to all, so
 * that the first weights are brought back by it too.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Capacity } from '../core/concurrency.ts'
import { ModelError } from '../core/errors.ts'
import { modelFingerprint } from '../engine/index.ts'
import { createLanguageModel, loadServedAdapter, type LanguageModelDeps } from '../llm/index.ts'
import { runProgram } from '../training/index.ts'
import type {
  CallHints,
  GenerateRequest,
  Generation,
  LanguageModel,
  ModelAbilities,
  ModelEndpoint,
} from '../records/index.ts'

export type ServerEndpoint = Extract<ModelEndpoint, { backend: 'openai' }>

/** Which weights `model.update.command` has put behind the server, shared by all who play there. Empty: nobody here knows. */
export interface ServerSlot {
  held?: { readonly dir: string; readonly brought: Promise<void> }
}

export interface ServedPolicyOptions {
  readonly served: ServerEndpoint
  /** The weights: a model folder. */
  readonly dir: string
  /** What the records call these weights. */
  readonly name: string
  readonly deps: LanguageModelDeps
  readonly slot: ServerSlot
}

export class ServedPolicy implements LanguageModel {
  readonly name: string
  readonly endpoint: string
  readonly abilities?: ModelAbilities
  readonly capacity?: Capacity
  private readonly served: ServerEndpoint
  private readonly dir: string
  private readonly deps: LanguageModelDeps
  private readonly slot: ServerSlot
  private readonly model: LanguageModel
  private ready: Promise<void> | undefined

  constructor({ served, dir, name, deps, slot }: ServedPolicyOptions) {
    this.served = served
    this.dir = resolve(dir)
    this.deps = deps
    this.slot = slot
    this.endpoint = served.baseUrl
    this.name = name
    this.model = createLanguageModel({ ...served, name: this.servedName }, deps)
    const { abilities, capacity } = this.model
    if (abilities !== undefined) this.abilities = abilities
    if (capacity !== undefined) this.capacity = capacity
  }

  async generate(request: GenerateRequest, signal?: AbortSignal, hints?: CallHints): Promise<Generation[]> {
    await this.bring()
    return this.model.generate(request, signal, hints)
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  private get command(): readonly string[] | undefined {
    const { update } = this.served
    return update !== undefined && 'command' in update ? update.command : undefined
  }

  private get servedName(): string {
    return this.command === undefined ? this.name.replaceAll(/[^\w-]+/g, '-') : this.served.name
  }

  private async bring(): Promise<void> {
    const { command } = this
    if (command !== undefined) return this.hold(command)
    this.ready ??= this.loadAdapter()
    await this.ready.catch((error: unknown) => {
      this.ready = undefined
      throw error
    })
  }

  private async loadAdapter(): Promise<void> {
    const beside = join(this.dir, 'adapter')
    const path = existsSync(beside) ? beside : this.dir
    await loadServedAdapter(this.served, { name: this.servedName, path }, this.deps)
  }

  /** The server has one place for weights: whoever answers last put his own there, one after the other. */
  private async hold(command: readonly string[]): Promise<void> {
    const { slot, dir } = this
    if (slot.held?.dir !== dir) {
      const before = slot.held?.brought.catch(() => undefined) ?? Promise.resolve()
      slot.held = { dir, brought: before.then(() => this.run(command)) }
    }
    const { held } = slot
    await held.brought.catch((error: unknown) => {
      if (slot.held === held) delete slot.held
      throw error
    })
  }

  private async run([command = '', ...args]: readonly string[]): Promise<void> {
    const env = { POP_CHECKPOINT: this.dir, POP_MODEL_NAME: this.served.name }
    const { code, tail } = await runProgram({ command, args, env })
    if (code === 0) return
    throw new ModelError(`model.update.command: ${command} ended with ${code ?? 'no exit status'}: ${tail.slice(-500)}`)
  }
}

/** What the records call trained weights. @throws {ModelError} when the folder holds none */
export function servedName(dir: string, label: string): string {
  const fingerprint = modelFingerprint(dir)
  if (fingerprint === undefined) throw new ModelError(`${dir} holds no weights for the server: train the round again`)
  return `${label}@${fingerprint.slice(0, 8)}`
}
