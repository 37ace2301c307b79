/**
 * The configuration, with every default in it: `configSchema.parse` turns a sparse `pop.yaml` into the resolved form.
 * Key names are a contract. Unknown keys are errors.
 */
import { z } from 'zod'
import { healthConfigSchema } from './health.ts'
import { curationConfigSchema, scoringConfigSchema } from './scoring-config.ts'

const positive = z.number().positive()
const count = z.int().positive()
const share = z.number().min(0).max(1)

/** What a million tokens cost, in a currency that the user keeps in mind. */
const priceSchema = z.strictObject({ input: z.number().min(0), output: z.number().min(0) })
export type Price = z.infer<typeof priceSchema>

const openaiModelSchema = z.strictObject({
  backend: z.literal('openai'),
  baseUrl: z.url(),
  name: z.string().min(1),
  /** Name of the environment variable that holds the key; the key itself is never written anywhere. */
  apiKeyEnv: z.string().min(1).optional(),
  /** Of prompt and of completion tokens. Without one its tokens are counted and its cost is not known. */
  price: priceSchema.optional(),
  /** Further servers with the same model: each call goes where there is most room. */
  replicas: z.array(z.url()).optional(),
  /** Seconds before a request is given up. Default: 120 and a quarter for each token asked for. */
  timeoutSeconds: positive.optional(),
  /** Ask for replies token by token: for gateways that cut a silent connection. */
  stream: z.boolean().optional(),
  /**
   * How a round's weights reach the server. `lora`: vLLM's route for adapters, under a name for each version. `command`: a program that puts
   * the folder POP_CHECKPOINT behind the server and ends when it serves it; run without a shell.
   */
  update: z
    .union([z.strictObject({ lora: z.literal(true) }), z.strictObject({ command: z.array(z.string().min(1)).min(1) })])
    .optional(),
  /** What each server allows in a minute. Tokens: prompt and completion together. */
  requestsPerMinute: positive.optional(),
  tokensPerMinute: positive.optional(),
})

const embeddedModelSchema = z.strictObject({
  backend: z.literal('embedded'),
  /** A model folder in Hugging Face layout. */
  path: z.string().min(1),
  /** A LoRA adapter (PEFT layout) on top of it: added to the weights, or trained on where `training.lora` has its rank and alpha. */
  adapter: z.string().min(1).optional(),
  threads: count.optional(),
  /** Sequences decoded at once. */
  maxSlots: count.optional(),
  /** `int8`: play from weights rounded to eight bits, several times as fast; training and its log-probabilities stay float32. The same seed then gives other answers in another batch, unless `batchInvariant`. */
  sampling: z.enum(['float32', 'int8']).optional(),
  /** Answers do not depend on what else is in the batch, not even in their last bits. Slower. */
  batchInvariant: z.boolean().optional(),
})

const tinkerModelSchema = z.strictObject({
  backend: z.literal('tinker'),
  /** Of a server that speaks the Tinker protocol, without `/api/v1`. */
  baseUrl: z.url(),
  /** The base model, as the server names it. */
  name: z.string().min(1),
  apiKeyEnv: z.string().min(1).optional(),
  /** A model folder with its tokenizer; the weights are not read. */
  path: z.string().min(1),
})
export type TinkerModelConfig = z.infer<typeof tinkerModelSchema>

/** Where a model answers. */
export const modelConfigSchema = z.discriminatedUnion('backend', [
  openaiModelSchema,
  embeddedModelSchema,
  tinkerModelSchema,
])
export type ModelEndpoint = z.infer<typeof modelConfigSchema>

/** The documents. */
export const corpusConfigSchema = z.strictObject({
  /** `none`: no documents. A file, a folder or a glob (.jsonl, .txt, .md, also .gz and .zst; .parquet), an https:// address, hf://datasets/… */
  source: z.string().min(1),
  /** The field of a JSONL row, or column of a Parquet file, that holds the text. */
  field: z.string().min(1).default('text'),
  /** Of a Hugging Face dataset: its configuration and split. Default: the default one, and `train`. */
  subset: z.string().min(1).optional(),
  split: z.string().min(1).optional(),
  documents: count.default(4096),
  minWords: z.int().min(0).default(50),
  maxWords: count.default(1024),
  /** Equal texts are drawn once; `near`: texts as similar as `similarity` too. */
  dedupe: z.enum(['exact', 'near']).default('exact'),
  /** Jaccard similarity of five-word shingles from which texts count as near-duplicates. */
  similarity: share.min(0.3).default(0.8),
})

const rolesConfigSchema = z.strictObject({
  proposer: modelConfigSchema.optional(),
  solver: modelConfigSchema.optional(),
  rubric: modelConfigSchema.optional(),
  scorer: modelConfigSchema.optional(),
})

const synthesisConfigSchema = z.strictObject({
  candidates: z.int().min(2).default(32),
  questionsPerDocument: count.default(1),
  groundRubric: z.boolean().default(true),
  groundQuestion: z.boolean().default(true),
  /** Samples in flight at most, over all models. `auto`: each server's knee is found and held. */
  concurrency: z.union([count, z.literal('auto')]).default('auto'),
  /** Overrides of the task's token limits, for small contexts. */
  maxTokens: z.strictObject({ propose: count, solve: count, rubric: count, score: count }).partial().default({}),
})

/** Questions, answers or rubrics of an earlier run in place of new ones. */
const reuseConfigSchema = z.strictObject({
  /** A run folder, an `examples.jsonl`, or raw samples of the published system. */
  from: z.string().min(1),
  /** What is taken over. Answers and rubrics bring their questions along. */
  stages: z.array(z.enum(['propose', 'solve', 'rubric'])).min(1),
})
export type ReuseConfig = z.infer<typeof reuseConfigSchema>

/** A limit, or `false` for none. */
const gap = (unit: z.ZodNumber): z.ZodUnion<[z.ZodNumber, z.ZodLiteral<false>]> => z.union([unit, z.literal(false)])

export const pairingConfigSchema = z.strictObject({
  chosen: z.enum(['max', 'random']).default('max'),
  /** `mu-2sigma`: the answer whose score is nearest to mean − 2 standard deviations (arXiv 2502.16825). */
  rejected: z.enum(['min', 'mu-2sigma', 'quantile', 'random']).default('min'),
  /** With `rejected: quantile`: 0 is the lowest score, 0.5 the median. */
  quantile: share.default(0.1),
  bestOf: z.int().min(2).default(32),
  minStd: z.number().min(0).default(0.001),
  /** Least difference between the two scores; 0 = any above 0. */
  minMargin: z.number().min(0).default(0),
  maxLengthGapWords: gap(z.int().min(0)).default(100),
  /** Length difference as a share of the longer answer. */
  maxLengthGapRatio: gap(share).default(false),
  /** When the pair breaks a rule: `skip` the question, or look on for a partner that keeps them all (`match`). */
  lengthRule: z.enum(['skip', 'match']).default('skip'),
  /** Pairwise and anchored scoring: the judge has to prefer the chosen answer in both orders. */
  orderConsistent: z.boolean().default(false),
  /** Disjoint: the best against the worst, then the second best against the second worst. */
  pairsPerQuestion: count.default(1),
  /** At most so many pairs a round, after the seeded shuffle. */
  maxPairs: count.optional(),
})
export type PairingConfig = z.infer<typeof pairingConfigSchema>

const nll = z.number().min(0).default(0)
const dpoObjectiveSchema = z.strictObject({
  type: z.literal('dpo'),
  beta: positive.default(0.01),
  /** Weight of an extra −log p(chosen) term per chosen token (RPO; 0 = plain DPO). */
  nll,
  loss: z.enum(['sigmoid', 'robust', 'hinge', 'ipo']).default('sigmoid'),
  /** Share of pairs believed to be the wrong way round, for `sigmoid` and `robust`. */
  labelSmoothing: z.number().min(0).lt(0.5).default(0),
  /** Scores per token instead of per answer. */
  lengthNormalized: z.boolean().default(false),
  /** R-DPO's α: what a token of length counts in the reward. */
  lengthPenalty: z.number().default(0),
})
const simpoObjectiveSchema = z.strictObject({
  type: z.literal('simpo'),
  beta: positive.default(2),
  /** The margin to reach, in the scale of beta × (mean log-prob). */
  gamma: z.number().min(0).default(1),
  nll,
})
const orpoObjectiveSchema = z.strictObject({ type: z.literal('orpo'), lambda: positive.default(0.1) })
const ktoObjectiveSchema = z.strictObject({
  type: z.literal('kto'),
  beta: positive.default(0.1),
  desirable: z.number().min(0).default(1),
  undesirable: z.number().min(0).default(1),
})
const sftObjectiveSchema = z.strictObject({ type: z.literal('sft') })

/** KL divergence to the reference policy; 0 needs no reference. */
const klSchema = (as: 'loss' | 'reward') =>
  z.strictObject({ coefficient: z.number().min(0).default(0), as: z.enum(['loss', 'reward']).default(as) }).prefault({})
const clip = (value: number): z.ZodDefault<z.ZodNumber> => z.number().min(0).default(value)
const scaleRewards = z.boolean().default(true)
const groupObjectiveSchemas = [
  z.strictObject({ type: z.literal('reinforce'), kl: klSchema('reward') }),
  z.strictObject({ type: z.literal('rloo'), clipLow: clip(0.2), clipHigh: clip(0.2), kl: klSchema('reward') }),
  z.strictObject({
    type: z.literal('grpo'),
    clipLow: clip(0.2),
    clipHigh: clip(0.2),
    scaleRewards,
    kl: klSchema('loss'),
  }),
  z.strictObject({
    type: z.literal('dr-grpo'),
    clipLow: clip(0.2),
    clipHigh: clip(0.2),
    /** Tokens by which every answer's sum is divided. */
    constantLength: count.default(1024),
    kl: klSchema('loss'),
  }),
  z.strictObject({
    type: z.literal('dapo'),
    clipLow: clip(0.2),
    clipHigh: clip(0.28),
    scaleRewards,
    kl: klSchema('loss'),
  }),
  z.strictObject({
    type: z.literal('gspo'),
    clipLow: clip(3e-4),
    clipHigh: clip(4e-4),
    scaleRewards,
    kl: klSchema('loss'),
  }),
  /** The importance ratio is at most 1 + clipHigh. */
  z.strictObject({ type: z.literal('cispo'), clipHigh: clip(4), scaleRewards, kl: klSchema('loss') }),
] as const
export const objectiveConfigSchema = z.discriminatedUnion('type', [
  dpoObjectiveSchema,
  simpoObjectiveSchema,
  orpoObjectiveSchema,
  ktoObjectiveSchema,
  sftObjectiveSchema,
  ...groupObjectiveSchemas,
])
export type ObjectiveConfig = z.infer<typeof objectiveConfigSchema>
/** Objectives over groups of rewarded answers: online self-play. */
export type GroupObjectiveConfig = Extract<ObjectiveConfig, { kl: object }>
/** Objectives over preference pairs. */
export type PreferenceObjectiveConfig = Exclude<ObjectiveConfig, { kl: object }>

export const adamConfigSchema = z.strictObject({
  beta1: share.default(0.9),
  beta2: share.default(0.999),
  eps: positive.default(1e-8),
  weightDecay: z.number().min(0).default(0),
})

const loraConfigSchema = z.strictObject({ rank: count.default(32), alpha: positive.default(32) })

export const trainingConfigSchema = z.strictObject({
  /** `tinker`: a server of the Tinker protocol trains; the adapter comes home. `trl`: TRL trains, run as another program. */
  backend: z.enum(['embedded', 'tinker', 'trl']).default('embedded'),
  /** Of `trl`: the Python that has it (default: POP_PYTHON, then python3), and further words for `accelerate launch`. */
  python: z.string().min(1).optional(),
  launch: z.array(z.string()).optional(),
  /** Of the Tinker server: its address, the model as it names it, and the variable that holds the key. */
  baseUrl: z.url().optional(),
  name: z.string().min(1).optional(),
  apiKeyEnv: z.string().min(1).optional(),
  /** Weights to train, when the policy answers from a server: the same model as a local folder. `tinker` reads its tokenizer only. */
  path: z.string().min(1).optional(),
  objective: objectiveConfigSchema.prefault({ type: 'dpo' }),
  learningRate: z.number().min(0).default(1e-6),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine'),
  warmupRatio: share.default(0.1),
  epochs: positive.default(1),
  /** Pairs per optimizer step. */
  batchSize: count.default(16),
  shuffle: z.boolean().default(true),
  adam: adamConfigSchema.prefault({}),
  /** Global gradient-norm clip; 0 = off. */
  maxGradNorm: z.number().min(0).default(1),
  /** `false` = full fine-tuning. */
  lora: z.union([z.literal(false), loraConfigSchema]).prefault({}),
  /** Longest sequence trained on, in tokens; longer pairs are left out and counted. */
  maxLength: count.default(6144),
  reference: z.enum(['roundStart', 'initial']).default('roundStart'),
  /** Of the embedded engine: compute the common prompt of a pair or a group once; results differ by rounding. Default: where a micro-batch has room for all of them; true: also of longer ones, which takes more memory. */
  sharePrompts: z.boolean().optional(),
  /** Of the embedded engine: compute the layers twice instead of keeping what they computed. Default `auto`: where that is over 4 GiB. */
  recompute: z.union([z.boolean(), z.literal('auto')]).optional(),
  /** Of the embedded engine: what log-probabilities and gradients are computed on. Default `cpu`; not measured on a GPU. */
  device: z.enum(['cpu', 'webgpu']).optional(),
  /** Group objectives: batches sampled ahead of the weights that are trained. 0: every answer is from the newest weights. */
  staleness: z.int().min(0).max(8).default(0),
  threads: count.optional(),
})
export type TrainingConfig = z.infer<typeof trainingConfigSchema>

/** Suites that can be asked for by name. */
export const suiteNameSchema = z.enum([
  'heldout',
  'oracle',
  'ifeval',
  'healthbench',
  'healthbench-hard',
  'healthbench-consensus',
  'arena-hard',
  'arena-hard-creative',
  'alpaca-eval',
  'creative-writing',
  'gsm8k',
  'math-500',
  'mmlu-pro',
])
export type SuiteName = z.infer<typeof suiteNameSchema>

const evaluationConfigSchema = z.strictObject({
  suites: z.array(suiteNameSchema).default(['heldout']),
  /** Held-out documents, taken before the training sample. */
  documents: count.default(64),
  /** Sampled answers per question of the held-out suite. */
  samples: count.default(4),
  /** Who judges; default: the starting model. */
  judge: modelConfigSchema.optional(),
  /** Judges the held-out suite beside it, by rubrics of its own that it writes with the document. */
  secondJudge: modelConfigSchema.optional(),
  /** Files of suites by name (`ifeval`) or by name and part (`mmlu-pro.validation`): a path. */
  data: z.record(z.string(), z.string().min(1)).default({}),
  /** Questions per benchmark: the first of a seeded shuffle. */
  limit: count.optional(),
  /** Largest loss of score from round 0 to the last round that is no failure; a larger one ends the run with exit code 3. */
  maxRegression: share.optional(),
})

/** Tokens and money of the whole run, money by the models' prices; hours of one command. */
const budgetConfigSchema = z.strictObject({
  tokens: count.optional(),
  money: positive.optional(),
  hours: positive.max(500).optional(),
})

/** Tasks are data: a built-in name or a path to a task file. */
const taskNameSchema = z.string().min(1)

export const configSchema = z.strictObject({
  task: taskNameSchema.default('general'),
  corpus: corpusConfigSchema,
  model: modelConfigSchema,
  roles: rolesConfigSchema.prefault({}),
  synthesis: synthesisConfigSchema.prefault({}),
  reuse: reuseConfigSchema.optional(),
  scoring: scoringConfigSchema.prefault({}),
  curation: curationConfigSchema.prefault({}),
  pairing: pairingConfigSchema.prefault({}),
  health: healthConfigSchema.prefault({}),
  training: trainingConfigSchema.prefault({}),
  evaluation: evaluationConfigSchema.prefault({}),
  rounds: count.default(1),
  seed: z.int().min(0).default(45),
  budget: budgetConfigSchema.prefault({}),
})
/** The resolved configuration. */
export type Config = z.infer<typeof configSchema>
/** What a person writes. */
export type SparseConfig = z.input<typeof configSchema>

/** `pop train PAIRS.jsonl --config FILE` needs the model and the training part only; the rest of a full file is accepted. */
export const trainConfigSchema = z.strictObject({
  ...configSchema.shape,
  corpus: corpusConfigSchema.optional(),
})
export type TrainConfig = z.infer<typeof trainConfigSchema>
