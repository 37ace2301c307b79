import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** Short steps; the exercises end at once, so that the mixture is reached. */
const settings = { tokens: 1500, tokensPerStep: 250, exerciseTokensPerStep: 250, exerciseTokens: 300, warmupSteps: 2 }

describe('the pretraining', () => {
  it('stopped half-way and called again leaves the same weights as without a stop', async () => {
    const whole = await pretrainLab({ out: join(folder, 'whole'), settings, threads: 1 })
    const abort = new AbortController()
    const stopAt4 = ({ step }: PretrainProgress): void => {
      if (step === 4) abort.abort()
    }
    const out = join(folder, 'halves')
    const half = await pretrainLab({ out, settings, threads: 1, signal: abort.signal, onProgress: stopAt4 })
    expect([half.step, half.finished]).toEqual([4, false])
    const rest = await pretrainLab({ out, settings, threads: 1 })
    expect([rest.step, rest.tokens, rest.finished]).toEqual([whole.step, whole.tokens, true])
    const weights = (dir: string): Buffer => readFileSync(join(dir, 'model.safetensors'))
    expect(weights(rest.checkpoint).equals(weights(whole.checkpoint))).toBe(true)
    expect(readdirSync(out)).toEqual([`step-${String(rest.step).padStart(6, '0')}`])
  })

  it('leaves a model folder that opens, with the chat template and an end of turn', async () => {
    const { checkpoint } = await pretrainLab({ out: folder, settings: { ...settings, tokens: 10 }, threads: 1 })
    const engine = await Engine.open(checkpoint, { inThread: true, threads: 1 })
    const prompt = engine.tokenizer.encodeChat([{ role: 'user', content: 'x' }], { addGenerationPrompt: true })
    expect(engine.tokenizer.decode(prompt)).toContain('assistant')
    expect(engine.tokenizer.stopTokenIds.length).toBeGreaterThan(0)
    await engine.close()
  })
})
