import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Engine } from '../engine/index.ts'
import { pretrainLab } from './pretrain.ts'
import type { PretrainProgress } from './pretrain.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pop-pretrain-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Short steps; the exercises end at once, so that all stages are reached. */
const settings = {
  tokens: 900,
  furtherTokens: 500,
  tokensPerStep: 250,
  exerciseTokensPerStep: 250,
  exerciseTokens: 300,
  warmupSteps: 2,
}

describe('the pretraining', () => {
  it('stopped half-way and called again leaves the same weights as without a stop', async () => {
    const whole = await pretrainLab({ out: join(folder, 'whole'), settings, threads: 1 })
    const abort = new AbortController()
    const stages = new Set<string>()
    const stopAt4 = ({ step, stage }: PretrainProgress): void => {
      stages.add(stage)
      if (step === 4) abort.abort()
    }
    const out = join(folder, 'halves')
    const half = await pretrainLab({ out, settings, threads: 1, signal: abort.signal, onProgress: stopAt4 })
    expect([half.step, half.finished]).toEqual([4, false])
    const rest = await pretrainLab({ out, settings, threads: 1, onProgress: ({ stage }) => stages.add(stage) })
    expect([...stages]).toEqual(['base', 'further'])
    expect([rest.step, rest.tokens, rest.finished]).toEqual([whole.step, whole.tokens, true])
    const weights = (dir: string): Buffer => readFileSync(join(dir, 'model.safetensors'))
    expect(weights(rest.checkpoint).equals(weights(whole.checkpoint))).toBe(true)
    expect(readdirSync(out)).toEqual([`step-${String(rest.step).padStart(6, '0')}`])
  }, 180_000)

  it('leaves a model folder that opens, with the chat template and an end of turn', async () => {
    const { checkpoint } = await pretrainLab({
      out: folder,
      settings: { ...settings, tokens: 10, furtherTokens: 10 },
      threads: 1,
    })
    const engine = await Engine.open(checkpoint, { inThread: true, threads: 1 })
    const prompt = engine.tokenizer.encodeChat([{ role: 'user', content: 'x' }], { addGenerationPrompt: true })
    expect(engine.tokenizer.decode(prompt)).toContain('assistant')
    expect(engine.tokenizer.stopTokenIds.length).toBeGreaterThan(0)
    await engine.close()

    // The last stage alone, on weights that have the others behind them.
    const stages: string[] = []
    const out = join(folder, 'more')
    const onProgress = ({ stage }: PretrainProgress): void => void stages.push(stage)
    const more = await pretrainLab({ out, from: checkpoint, settings, threads: 1, onProgress })
    expect(more.finished).toBe(true)
    expect(new Set(stages)).toEqual(new Set(['further']))
    expect(readFileSync(join(more.checkpoint, 'tokenizer.json'))).toEqual(
      readFileSync(join(checkpoint, 'tokenizer.json')),
    )
  })

  it('refuses a model whose tokens have other ids', async () => {
    const other = fileURLToPath(new URL('../../test/goldens/tiny-models/llama', import.meta.url))
    await expect(pretrainLab({ out: folder, from: other, settings, threads: 1 })).rejects.toThrow(/has another id/)
  })
})
