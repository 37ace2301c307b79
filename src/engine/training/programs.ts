/**
 * Compiled training graphs, one per shape, kept for reuse up to a limit. Knows graphs and executables, not gradients'
 * meaning.
 */
import type { ModelConfig } from '../models/config.ts'
import type { DecoderProgram } from '../models/decoder.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { Executable } from '../runtime/executable.ts'

/** A graph ready to run. */
export interface CompiledDecoder {
  readonly program: DecoderProgram
  readonly executable: Executable
  /** Of a graph in two parts. */
  readonly second: Executable | undefined
}

/** What is compiled apart. */
export interface ProgramShape {
  /** Positions of a row. */
  readonly length: number
  /** Rows in which a token stands, at most. */
  readonly copies: number
  /** The number of tokens, where the graph must know it. */
  readonly tokens: number | undefined
  readonly gradients: boolean
  readonly recompute: boolean
  /** In two parts, log-probabilities and gradients. */
  readonly split: boolean
}

export interface ProgramSettings {
  readonly config: ModelConfig
  /** Shapes of all parameters, adapters included. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly trainable: readonly string[]
  readonly lora: { readonly scale: number } | undefined
  readonly maxLogits: number | undefined
  readonly execution: ExecutableOptions
  /** Programs kept at most; the one unused for longest goes first. */
  readonly limit: number
}

export class ProgramCache {
  private readonly settings: ProgramSettings
  private readonly compiled = new Map<string, CompiledDecoder>()

  constructor(settings: ProgramSettings) {
    this.settings = settings
  }

  async get(shape: ProgramShape): Promise<CompiledDecoder> {
    const key = Object.values(shape).join()
    const compiled = this.compiled.get(key) ?? (await this.compile(shape))
    this.compiled.delete(key)
    this.compiled.set(key, compiled)
    await this.evict()
    return compiled
  }

  async release(): Promise<void> {
    const all = [...this.compiled.values()]
    this.compiled.clear()
    await Promise.all(all.map(releaseAll))
  }

  private async compile({ gradients, ...shape }: ProgramShape): Promise<CompiledDecoder> {
    const { config, shapes, trainable, lora, maxLogits, execution } = this.settings
    const program = buildDecoder(config, {
      ...shape,
      shapes,
      trainable: gradients ? trainable : [],
      lora,
      maxLogits,
      // ONNX Runtime 1.30's kernel for WebGPU does not write it.
      limits: { normScaleApart: execution.device === 'webgpu' },
    })
    const executable = await Executable.create(program.model, execution)
    const second = program.second && (await Executable.create(program.second.model, execution))
    return { program, executable, second }
  }

  private async evict(): Promise<void> {
    for (const [key, compiled] of this.compiled) {
      if (this.compiled.size <= this.settings.limit) return
      this.compiled.delete(key)
      await releaseAll(compiled)
    }
  }
}

async function releaseAll({ executable, second }: CompiledDecoder): Promise<void> {
  await Promise.all([executable.release(), second?.release()])
}
