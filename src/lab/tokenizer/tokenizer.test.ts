import { describe, expect, it } from 'vitest'
import { Tokenizer } from '../../engine/index.ts'
import { labModelFiles } from '../model-files.ts'
import { allValues } from '../world/attributes.ts'
import { createWorld } from '../world/entities.ts'
import { pretrainingSample } from '../transcripts/mixture.ts'
import { countPieces, trainBytePairs } from './bpe.ts'
import { renderPrompt } from './template.ts'

const world = createWorld()
const { config, files } = labModelFiles()
const tokenizer = new Tokenizer({ ...files, config })
const encode = (text: string): number[] => tokenizer.encode(text)

describe('the trainer of byte pairs', () => {
  it('merges the most frequent pair first', () => {
    // Sennrich et al. 2016, section 3.2: low 5, lower 2, newest 6, widest 3; "es" (9), then "est" (9).
    const counts = new Map([
      ['low', 5],
      ['lower', 2],
      ['newest', 6],
      ['widest', 3],
    ])
    const { merges } = trainBytePairs(counts, ['est'], 10)
    expect(merges).toEqual([
      ['e', 's'],
      ['es', 't'],
    ])
  })
  it('refuses when the merges do not reach', () => {
    expect(() => trainBytePairs(countPieces(['abcdef']), ['abcdef'], 2)).toThrow(/still split/)
  })
})

describe("the laboratory's tokenizer", () => {
  it('has one token for each value and name, with its leading space', () => {
    const names = [...world.train, ...world.heldOut].map((entity) => entity.name)
    for (const word of [...allValues(), ...names, ...world.freeNames]) expect(encode(` ${word}`), word).toHaveLength(1)
  })
  it('gives a value the same token in prose, in JSON and in an answer', () => {
    const [red] = encode(' red')
    for (const text of ['Its color is red.', '","gold":" red","description":"', '<answer> red</answer>']) {
      expect(encode(text)).toContain(red)
    }
  })
  it('is lossless on its own texts and on anything else', () => {
    const texts = Array.from({ length: 200 }, (_, i) => pretrainingSample(world, 3, i)).map(
      ({ prompt, completion }) => prompt + completion,
    )
    for (const text of [...texts, 'Ünïcödé 你好 🦊\n\n  tabs\t', 'x = {"a": [1, 2.5]}']) {
      expect(tokenizer.decode(encode(text), { skipSpecialTokens: false })).toBe(text)
    }
  })
  it('tokenises prompt and completion apart as it does together', () => {
    for (let i = 0; i < 200; i++) {
      const { prompt, completion } = pretrainingSample(world, 4, i)
      expect([...encode(prompt), ...encode(completion)]).toEqual(encode(prompt + completion))
    }
  })
  it('renders prompts as the chat template does', () => {
    const messages = [{ role: 'user' as const, content: 'Answer the question.' }]
    expect(renderPrompt(messages)).toBe(tokenizer.renderChat(messages, { addGenerationPrompt: true }))
  })
  it('stays below 2,000 tokens, all of them in the model', () => {
    expect(tokenizer.vocabSize).toBeLessThan(2000)
    expect(config['vocab_size']).toBe(tokenizer.vocabSize)
  })
})
