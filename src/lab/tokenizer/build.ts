/**
 * The laboratory's tokenizer: trained on the laboratory's own texts until every value and name is one token, with the
 * tags and JSON pieces of the method's formats as single added tokens. Writes Hugging Face's `tokenizer.json`.
 */
import { ATTRIBUTES, KINDS, allValues } from '../world/attributes.ts'
import type { World } from '../world/entities.ts'
import { pretrainingSample } from '../transcripts/mixture.ts'
import { countPieces, trainBytePairs } from './bpe.ts'
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

/** Trains the tokenizer on the first samples of the pretraining stream named by `seed`. */
export function buildLabTokenizer(world: World, seed: string | number): LabTokenizer {
  const counts = countPieces(trainingTexts(world, seed))
  const required = requiredWords(world, counts)
  for (const word of required) counts.set(word, Math.max(counts.get(word) ?? 0, 1))
  const { vocab, merges } = trainBytePairs(counts, required, MAX_MERGES)
  const added = [...SPECIAL, ...SKELETON].map((content, i) => ({
    id: vocab.size + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: SPECIAL.includes(content),
  }))
  const idOf = (content: string): number => added.find((token) => token.content === content)?.id ?? -1
  return {
    tokenizer: tokenizerJson(vocab, merges, added),
    config: tokenizerConfig(),
    vocabularySize: vocab.size + added.length,
    endOfTextId: idOf(END_OF_TEXT),
    endOfTurnId: idOf(END_OF_TURN),
    padId: idOf(PADDING),
  }
}

/** The texts without the added tokens, which never reach the byte pairs. */
function* trainingTexts(world: World, seed: string | number): Generator<string> {
  for (let i = 0; i < SAMPLES; i++) {
    const { prompt, completion } = pretrainingSample(world, seed, i)
    let pieces = [prompt + completion]
    for (const token of [...SPECIAL, ...SKELETON]) pieces = pieces.flatMap((piece) => piece.split(token))
    yield* pieces
  }
}

/** Values, names, attributes, kinds, and every word that is common in the texts. */
function requiredWords(world: World, counts: ReadonlyMap<string, number>): string[] {
  const names = [...world.train, ...world.heldOut].map((entity) => entity.name)
  const listed = [...allValues(), ...names, ...world.freeNames, ...ATTRIBUTES, ...KINDS].map((word) => ` ${word}`)
  const common = [...counts].filter(([piece, count]) => count >= 20 && piece.length > 1).map(([piece]) => piece)
  return [...new Set([...listed, ...common])]
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
