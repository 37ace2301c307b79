/**
 * The laboratory's tokenizer: trained on the laboratory's own texts until every value and name is one token, with the
 * tags and JSON pieces of the method's formats as single added tokens. Writes Hugging Face's `tokenizer.json`.
 */
import { ATTRIBUTES, KINDS, allValues } from '../world/attributes.ts'
import type { Text } from '../transcripts/sample.ts'
import type { World } from '../world/entities.ts'
import { furtherSample } from '../transcripts/further.ts'
import { pretrainingSample } from '../transcripts/mixture.ts'
import { countPieces, extendBytePairs, trainBytePairs } from './bpe.ts'
import { CHAT_TEMPLATE, END_OF_TEXT, END_OF_TURN, PADDING, START_OF_TURN } from './template.ts'

const SAMPLES = 3000
const MAX_MERGES = 3000
const SPECIAL = [END_OF_TEXT, START_OF_TURN, END_OF_TURN, PADDING]

/** Tags and JSON pieces that are one token each. */
const SKELETON = [
  ...['problem', 'answer', 'rubric', 'evaluation'].flatMap((tag) => [`<${tag}>`, `</${tag}>`]),
  '{"criterion_1":{"name":"',
  ...[2, 3, 4, 5].map((k) => `},"criterion_${k}":{"name":"`),
  '","gold":"',
  '","description":"',
  '","weight":',
  '","thoughts":"',
  '","rating":',
  '}}',
]

/** Tags of the comparing judges, which came later: their ids stand behind all others, so that older weights fit. */
const LATER_SKELETON = ['better_answer', 'rating_A', 'rating_B'].flatMap((tag) => [`<${tag}>`, `</${tag}>`])

/** The digits and letters that comparing judges write. */
const LATER_WORDS = [...Array.from({ length: 11 }, (_, i) => ` ${i}`), ' A', ' B']

export interface LabTokenizer {
  /** Content of `tokenizer.json`. */
  tokenizer: Record<string, unknown>
  /** Content of `tokenizer_config.json`. */
  config: Record<string, unknown>
  vocabularySize: number
  endOfTextId: number
  endOfTurnId: number
  padId: number
}

/**
 * Trains the tokenizer on the first samples of the pretraining stream named by `seed`, then adds the words and tags of the last
 * stage behind it: ids that were there before stay.
 */
export function buildLabTokenizer(world: World, seed: string | number): LabTokenizer {
  const base = (i: number): Text => pretrainingSample(world, seed, i)
  const counts = countPieces(trainingTexts(base, SKELETON))
  const required = requiredWords(world, counts)
  for (const word of required) counts.set(word, Math.max(counts.get(word) ?? 0, 1))
  const { vocab, merges } = trainBytePairs(counts, required, MAX_MERGES)
  const first = addTokens(vocab, [...SPECIAL, ...SKELETON])
  const further = (i: number): Text => furtherSample(world, seed, i)
  const later = commonWords(countPieces(trainingTexts(further, [...SKELETON, ...LATER_SKELETON])))
  extendBytePairs(vocab, merges, [...LATER_WORDS, ...later])
  const added = [...first, ...addTokens(vocab, LATER_SKELETON)]
  const idOf = (content: string): number => vocab.get(content) ?? -1
  return {
    tokenizer: tokenizerJson(vocab, merges, added),
    config: tokenizerConfig(),
    vocabularySize: vocab.size,
    endOfTextId: idOf(END_OF_TEXT),
    endOfTurnId: idOf(END_OF_TURN),
    padId: idOf(PADDING),
  }
}

/** Added tokens stand in the vocabulary too, which fixes their ids whatever comes behind them. */
function addTokens(vocab: Map<string, number>, contents: readonly string[]): Record<string, unknown>[] {
  return contents.map((content) => {
    const id = vocab.size
    vocab.set(content, id)
    const stripping = { single_word: false, lstrip: false, rstrip: false, normalized: false }
    return { id, content, ...stripping, special: SPECIAL.includes(content) }
  })
}

/** The texts without the added tokens, which never reach the byte pairs. */
function* trainingTexts(sample: (index: number) => Text, skeleton: readonly string[]): Generator<string> {
  for (let i = 0; i < SAMPLES; i++) {
    const { prompt, completion } = sample(i)
    let pieces = [prompt + completion]
    for (const token of [...SPECIAL, ...skeleton]) pieces = pieces.flatMap((piece) => piece.split(token))
    yield* pieces
  }
}

/** Values, names, attributes, kinds, and every word that is common in the texts. */
function requiredWords(world: World, counts: ReadonlyMap<string, number>): string[] {
  const names = [...world.train, ...world.heldOut].map((entity) => entity.name)
  const listed = [...allValues(), ...names, ...world.freeNames, ...ATTRIBUTES, ...KINDS].map((word) => ` ${word}`)
  return [...new Set([...listed, ...commonWords(counts)])]
}

function commonWords(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].filter(([piece, count]) => count >= 20 && piece.length > 1).map(([piece]) => piece)
}

function tokenizerJson(
  vocab: ReadonlyMap<string, number>,
  merges: [string, string][],
  added: Record<string, unknown>[],
): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  }
}

function tokenizerConfig(): Record<string, unknown> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    bos_token: null,
    eos_token: END_OF_TURN,
    pad_token: PADDING,
    unk_token: null,
    model_max_length: 1024,
    chat_template: CHAT_TEMPLATE,
  }
}
