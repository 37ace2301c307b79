/** Training on WebGPU: skipped, with the reason, where ONNX Runtime finds no adapter. A software Vulkan will do. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorMessage, ModelError } from '../../core/errors.ts'
import { Engine } from '../engine.ts'
import { Graph } from '../graph/graph.ts'
import { rmsNorm } from '../ops/norm.ts'
import { Executable } from '../runtime/executable.ts'
import { causalBlocks } from '../ops/attention.ts'
import { bucketLength } from './batching.ts'
import { computeOn, requireDevice, SEQUENCES, type Computed, type DeviceUse } from './device.ts'
import { MICRO_BATCH_TOKENS } from './memory.ts'
import { prefixGroups } from './prefix-groups.ts'

async function reasonAgainst(): Promise<string | undefined> {
  const graph = new Graph()
  const x = graph.input('x', [2, 2])
  graph.output('y', graph.op('Gemm', [x, x], { shape: [2, 2] }))
  try {
    await (await Executable.create(graph.build(), { device: 'webgpu' })).release()
    return undefined
  } catch (error) {
    return errorMessage(error).split('. ').at(-1)
  }
}

const goldens = join(import.meta.dirname, '../../../test/goldens/tiny-models')
const adam = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxGradNorm: 1 }
const sequences = [40, 17].map((length, k) => Array.from({ length }, (_, i) => 3 + ((i * i + (5 + k) * i) % 300)))
const weights = sequences.map((tokens) => tokens.slice(1).map((_, i) => (i % 3) - 0.5))
const reason = await reasonAgainst()

describe('training.device', () => {
  test('cpu needs no check', async () => {
    await requireDevice()
    await requireDevice('cpu')
  })

  const any = (): boolean => true
  test.each<[string, DeviceUse, (way: DeviceUse) => boolean, keyof Computed]>([
    ['from position 64 on', {}, any, 'log-probabilities'],
    ['of adapters', { lora: { rank: 4 } }, ({ lora }) => lora !== undefined, 'gradients'],
    ['of shared prompts', { sharePrefixes: true }, (way) => way.sharePrefixes === true, 'gradients'],
    ['of layers computed twice', {}, ({ recompute }) => recompute === true, 'gradients'],
    ['of layers that are kept', { recompute: false }, ({ recompute }) => recompute === false, 'gradients'],
  ])('a device that is right but for what it computes %s is refused', async (_where, use, isWrong, what) => {
    await requireDevice('webgpu', use, (_device, way) => computeOn('cpu', way))
    const wrong = requireDevice('webgpu', use, async (device, way) => {
      const computed = await computeOn('cpu', way)
      if (device === 'webgpu' && isWrong(way)) computed[what].fill(0, 64)
      return computed
    })
    await expect(wrong).rejects.toThrow(`webgpu computes other ${what} than the processor`)
  })

  test('what is computed leaves no adapter without a gradient, and takes blocks, padding and a shared beginning', async () => {
    const { gradients } = await computeOn('cpu', { lora: { rank: 4 }, recompute: false })
    expect(gradients.every((value) => value !== 0)).toBe(true)
    const [pair, single] = prefixGroups(SEQUENCES, MICRO_BATCH_TOKENS, true)
    expect([pair?.items, single?.items]).toEqual([[0, 1], [2]])
    const longest = Math.max(...SEQUENCES.map(({ length }) => length - 1))
    expect(bucketLength(longest)).toBeGreaterThan(longest)
    expect(causalBlocks(bucketLength(longest)).length).toBeGreaterThan(1)
  })

  test('a norm whose scale is computed apart has the scale that the kernel gives', async () => {
    const scales = []
    for (const normScaleApart of [false, true]) {
      const graph = new Graph({ normScaleApart })
      const [x, weight] = [graph.input('x', [3, 8]), graph.input('weight', [8])]
      rmsNorm(x, weight, 1e-6)
      const { inverse } = graph.tape.at(-1)?.saved ?? {}
      if (inverse !== undefined) graph.output('scale', inverse)
      const executable = await Executable.create(graph.build(), { threads: 1 })
      const scale = new Float32Array(3)
      await executable.run(
        { x: Float32Array.from({ length: 24 }, (_, i) => i - 9), weight: new Float32Array(8) },
        { scale },
      )
      await executable.release()
      scales.push([...scale])
    }
    const [given = [], apart] = scales
    expect(apart).toEqual(given.map((value) => expect.closeTo(value, 6) as number))
    // Of −1 … 6, row 1: √(8 / 92).
    expect(given[1]).toBeCloseTo(Math.sqrt(8 / 92), 5)
  })

  test.skipIf(reason === undefined)('webgpu is refused where there is no adapter, with the way out', async () => {
    await expect(requireDevice('webgpu')).rejects.toThrow(ModelError)
    await expect(requireDevice('webgpu')).rejects.toThrow(/training\.device: webgpu cannot be used here .*use cpu/s)
  })

  describe.skipIf(reason !== undefined)(`on WebGPU${reason === undefined ? '' : `: skipped, ${reason}`}`, () => {
    test(
      'adapters, shared prompts and layers computed twice come out as on the processor',
      () => requireDevice('webgpu', { lora: { rank: 4 }, sharePrefixes: true, recompute: true }),
      120_000,
    )

    test.each([
      ['llama', false],
      ['qwen2', false],
      ['qwen3', { rank: 4, alpha: 8 }],
    ] as const)(
      '%s trains as on the processor',
      async (family, lora) => {
        const results = []
        for (const device of ['cpu', 'webgpu'] as const) {
          const engine = await Engine.open(join(goldens, family), { threads: 1, device, lora })
          const before = await engine.accumulate(sequences, weights)
          const { gradNorm } = await engine.step(adam)
          results.push({ before, gradNorm, after: await engine.logprobs(sequences) })
          await engine.close()
        }
        const [cpu, webgpu] = results
        expect(webgpu?.gradNorm).toBeCloseTo(cpu?.gradNorm ?? NaN, 1)
        for (const when of ['before', 'after'] as const) {
          for (const [i, row] of (cpu?.[when] ?? []).entries()) {
            const found = webgpu?.[when][i] ?? []
            const apart = row.map((value, t) => Math.abs(value - (found[t] ?? NaN)))
            expect(Math.max(...apart)).toBeLessThan(when === 'before' ? 1e-4 : 1e-2)
          }
        }
      },
      120_000,
    )
  })
})
