import { describe, expect, it } from 'vitest'
import { ModelError } from '../../core/errors.ts'
import { PUBLISHED } from '../testing/published-shapes.ts'
import { parseModelConfig } from './config.ts'
import { describeMemory, memoryNeed, requireMemory } from './memory.ts'

const GIB = 2 ** 30
const config = parseModelConfig(PUBLISHED['Qwen/Qwen2.5-7B-Instruct']?.config)

describe('memoryNeed', () => {
  it('counts float32 weights, and more for every answer, copy and what training keeps', () => {
    const alone = memoryNeed(config)
    const part = (name: string, of = alone): number => of.parts.find(([key]) => key === name)?.[1] ?? 0
    expect(part('weights')).toBe(4 * 7_615_616_512)
    expect(alone.total).toBeGreaterThan(part('weights') + 0.2 * GIB)
    expect(part('sampling', memoryNeed(config, { slots: 64 }))).toBeGreaterThan(2 * part('sampling'))
    expect(part('weights', memoryNeed(config, { replicas: 2 }))).toBe(2 * part('weights'))
    const [full, adapters] = (['weights', { rank: 32 }] as const).map((training) => memoryNeed(config, { training }))
    expect(part('training', full)).toBeGreaterThan(3 * part('weights'))
    expect(part('training', adapters)).toBeLessThan(part('training', full) / 4)
  })
})

describe('requireMemory', () => {
  it('lets pass what fits and refuses the rest with the numbers', () => {
    const need = memoryNeed(config)
    requireMemory(need, need.total, 'm')
    const refuse = (): void => requireMemory(need, 20 * GIB, 'models/large')
    expect(refuse).toThrow(ModelError)
    expect(refuse).toThrow(/models\/large needs about 29\.\d GiB .*weights 28\.4 GiB.*20\.0 GiB are free/)
    expect(describeMemory(need)).toMatch(/^weights 28\.4 GiB, /)
  })
})
