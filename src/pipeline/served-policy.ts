/**
 * Trained weights behind an OpenAI-compatible server: brought there when first needed, by vLLM's route for adapters or by a command of the
 * user's. Each version of an adapter has a name of its own, so that nothing of an older one can answer.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ModelError } from '../core/errors.ts'
import { modelFingerprint } from '../engine/index.ts'
import { createLanguageModel, loadServedAdapter, type LanguageModelDeps } from '../llm/index.ts'
import { runProgram } from '../training/index.ts'
import type { CallHints, GenerateRequest, Generation, LanguageModel, ModelEndpoint } from '../records/index.ts'

type ServerEndpoint = Extract<ModelEndpoint, { backend: 'openai' }>

export class ServedPolicy implements LanguageModel {
  readonly name: string
  readonly endpoint: string
  private readonly served: ServerEndpoint
  private readonly dir: string
  private readonly deps: LanguageModelDeps
  private ready: Promise<LanguageModel> | undefined

  /** @throws {ModelError} when the folder holds no weights */
  constructor(served: ServerEndpoint, dir: string, label: string, deps: LanguageModelDeps) {
    const fingerprint = modelFingerprint(dir)
    if (fingerprint === undefined) throw new ModelError(`${dir} holds no weights for the server: train the round again`)
    this.served = served
    this.dir = resolve(dir)
    this.deps = deps
    this.endpoint = served.baseUrl
    this.name = `${label}@${fingerprint.slice(0, 8)}`
  }

  async generate(request: GenerateRequest, signal?: AbortSignal, hints?: CallHints): Promise<Generation[]> {
    this.ready ??= this.bring()
    const model = await this.ready.catch((error: unknown) => {
      this.ready = undefined
      throw error
    })
    return model.generate(request, signal, hints)
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  private async bring(): Promise<LanguageModel> {
    const { served, dir, deps } = this
    if (served.update !== undefined && 'command' in served.update) {
      await this.run(served.update.command)
      return createLanguageModel(served, deps)
    }
    const name = this.name.replaceAll(/[^\w-]+/g, '-')
    const beside = join(dir, 'adapter')
    await loadServedAdapter(served, { name, path: existsSync(beside) ? beside : dir }, deps)
    return createLanguageModel({ ...served, name }, deps)
  }

  private async run([command = '', ...args]: readonly string[]): Promise<void> {
    const env = { POP_CHECKPOINT: this.dir, POP_MODEL_NAME: this.served.name }
    const { code, tail } = await runProgram({ command, args, env })
    if (code === 0) return
    throw new ModelError(`model.update.command: ${command} ended with ${code ?? 'no exit status'}: ${tail.slice(-500)}`)
  }
}
