/**
 * Compiled training graphs, one per shape, kept for reuse up to a limit. Knows graphs and executables, not gradients'
 * meaning.
 */
import type { ModelConfig } from '../models/config.ts'
import type { DecoderProgram } from '../models/decoder.ts'
import { buildDecoder } from '../models/decoder.ts'
import type { ExecutableOptions } from '../runtime/executable.ts'
import { Executable } from '../runtime/executable.ts'
import type { RowSize } from './batching.ts'
import { rowPositions } from './batching.ts'

/** A graph ready to run, with the buffers of its own that every run fills anew. */
export interface CompiledDecoder {
  readonly program: DecoderProgram
  readonly executable: Executable
  readonly ids: Int32Array
  readonly targets: Int32Array
  readonly seeds: Float32Array
  readonly logprobs: Float32Array
  readonly rows: Readonly<Record<string, Float32Array>>
  /** Of rows with a common beginning only. */
  readonly padding: Float32Array | undefined
}

/** Rows of one size, with or without gradients. */
export interface ProgramShape extends RowSize {
  readonly rows: number
  readonly gradients: boolean
}

export interface ProgramSettings {
  readonly config: ModelConfig
  /** Shapes of all parameters, adapters included. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly trainable: readonly string[]
  readonly lora: { readonly scale: number } | undefined
  /** Whether a shape's gradient recomputes the layers. */
  readonly recompute: (shape: ProgramShape) => boolean
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
    const key = [shape.rows, shape.prefix, shape.branches, shape.length, shape.gradients].join()
    const compiled = this.compiled.get(key) ?? (await this.compile(shape))
    this.compiled.delete(key)
    this.compiled.set(key, compiled)
    await this.evict()
    return compiled
  }

  async release(): Promise<void> {
    const all = [...this.compiled.values()]
    this.compiled.clear()
    await Promise.all(all.map(({ executable }) => executable.release()))
  }

  private async compile(shape: ProgramShape): Promise<CompiledDecoder> {
    const { config, shapes, trainable, lora, recompute, maxLogits, execution } = this.settings
    const program = buildDecoder(config, {
      batch: shape.rows,
      length: shape.length,
      prefix: shape.prefix,
      branches: shape.branches,
      shapes,
      trainable: shape.gradients ? trainable : [],
      lora,
      recompute: recompute(shape),
      maxLogits,
      // ONNX Runtime 1.30's kernel for WebGPU does not write it.
      limits: { normScaleApart: execution.device === 'webgpu' },
    })
    const positions = shape.rows * rowPositions(shape)
    return {
      program,
      executable: await Executable.create(program.model, execution),
      ids: new Int32Array(positions),
      targets: new Int32Array(positions),
      seeds: new Float32Array(positions),
      logprobs: new Float32Array(positions),
      padding: shape.prefix === 0 ? undefined : new Float32Array(shape.rows * shape.prefix),
      rows: Object.fromEntries(
        program.rowGradients.map(({ output, width }) => [output, new Float32Array(positions * width)]),
      ),
    }
  }

  private async evict(): Promise<void> {
    for (const [key, { executable }] of this.compiled) {
      if (this.compiled.size <= this.settings.limit) return
      this.compiled.delete(key)
      await executable.release()
    }
  }
}
