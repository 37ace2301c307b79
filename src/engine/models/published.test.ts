import { describe, expect, it } from 'vitest'
import { PUBLISHED } from '../testing/published-shapes.ts'
import { parseModelConfig } from './config.ts'
import { inferenceGraph } from './inference-graph.ts'
import { countParameters } from './parameters.ts'

describe.each(Object.entries(PUBLISHED))('%s', (_name, { config, parameters }) => {
  it('has as many weights as the hub states', () => {
    expect(countParameters(parseModelConfig(config))).toBe(parameters)
  })

  it('can be sampled from', () => {
    expect(inferenceGraph(parseModelConfig(config)).nodes.length).toBeGreaterThan(100)
  })
})
