/** A made-up run with every kind of outcome in it, and with texts that try to break out of the page. For tests. */
import { rng, type Rng } from '../../core/rng.ts'
import {
  configSchema,
  type Candidate,
  type Example,
  type HealthReport,
  type SuiteResult,
  type TrainingStep,
} from '../../records/index.ts'
import { summariseRound, type PairOutcome, type ReportData } from '../report/data.ts'

/** Texts as a hostile or a broken model writes them. */
export const hostile = [
  '</script><script>document.title = "owned"</script>',
  '<img src=x onerror="document.title=\'owned\'">',
  '" onmouseover="document.title=1" x="',
  "' autofocus onfocus='document.title=1",
  '<!-- --><style>main{display:none}</style></details></main>',
  '&lt;b&gt; &amp; already escaped',
  'javascript:document.title=1 \u202Eright to left\u0000\u0007 \uD800 lone',
] as const

export function sampleData(rounds = 3): ReportData {
  const random = rng(7, 'sample run')
  const numbers = Array.from({ length: rounds }, (_, i) => i + 1)
  const roundData = [0, ...numbers].map((round) => ({
    round,
    evaluations: [evaluation(round, random)],
    steps: round === 0 ? [] : Array.from({ length: 24 }, (_, i) => trainingStep(i + 1, round, random)),
    pairs: round === 0 ? null : 6,
    examples: round === 0 ? null : 9,
    health: round === 0 ? null : health(round),
  }))
  const config = configSchema.parse({
    task: 'general',
    corpus: { source: './documents' },
    model: { backend: 'embedded', path: `./model ${hostile[0]}` },
    rounds,
  })
  const manifest = {
    version: 1 as const,
    popVersion: '0.1.0',
    name: `sample ${hostile[1]}`,
    seed: 45,
    configHash: '0123456789abcdef',
    corpus: { fingerprint: 'f', documents: 128, skippedShort: 3, badRows: 1 },
    prompts: {},
    stages: [],
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  }
  return {
    run: { manifest, config, rounds: roundData },
    rounds: numbers.map((round) => {
      return summariseRound(round, sampleExamples(round), outcomeOf, config.scoring.mode)
    }),
  }
}

/** Limits of every kind, and excerpts of what models wrote. */
function health(round: number): HealthReport {
  const text = hostile[round % hostile.length] ?? ''
  const check = { of: 9, limit: 'most' as const, warn: 0.5, stop: 0.95, advice: null }
  return {
    version: 1,
    round,
    questions: 9,
    checks: [
      { ...check, name: 'tiedQuestions', label: 'questions that tie', unit: 'share', value: 0.125, state: 'good' },
      {
        ...check,
        name: 'judgeNoise',
        label: 'judge noise',
        unit: 'number',
        value: null,
        stop: false,
        state: 'unknown',
      },
      {
        ...check,
        name: 'flatCriteria',
        label: 'flat',
        unit: 'share',
        value: 0.7,
        state: 'warning',
        advice: `mend ${text}`,
      },
    ],
    roles: [{ role: 'scorer', asked: 64, valid: 60, reasons: { badJson: 4 } }],
    survivors: [{ rule: 'noSpread', questions: 6 }],
    pairs: 6,
    criteria: { count: 16, flat: 11, flatAt: { 2: 11 }, examples: [`Year ${text}`] },
    lengthCorrelation: 0.1,
    order: { compared: 0, flipped: 0, firstShown: null },
    duplicates: { questions: [{ first: `a ${text}`, second: `b ${text}`, similarity: 0.9 }], documents: [] },
    overlaps: [{ name: `set ${text}`, items: 3, overlapping: 1, tooShort: 0, examples: [text] }],
  }
}

function outcomeOf(example: Example): PairOutcome {
  if (example.status !== 'complete') return { status: 'skipped', reason: 'noQuestion' }
  const scored = example.candidates.filter(({ score }) => score.status === 'scored')
  const value = ({ score }: Candidate): number => (score.status === 'scored' ? score.value : 0)
  const sorted = [...scored].sort((a, b) => value(b) - value(a))
  const [best, worst] = [sorted[0], sorted.at(-1)]
  if (best === undefined || worst === undefined || value(best) === value(worst))
    return { status: 'skipped', reason: 'noSpread' }
  return { status: 'paired', chosen: best.index, rejected: worst.index }
}

/** Nine questions: seven with answers of different scores, one with equal scores, one that was never asked. */
export function sampleExamples(round: number): Example[] {
  const random = rng(7, 'sample examples', round)
  return Array.from({ length: 9 }, (_, i) => example(round, i, random))
}

function example(round: number, i: number, random: Rng): Example {
  const text = hostile[(i + round - 1) % hostile.length] ?? ''
  const base: Example = {
    round,
    documentId: `document-${round}-${i}`,
    questionIndex: 0,
    task: 'general',
    document: `The lighthouse of Marra was built in 1871 from grey stone and burns whale oil. ${text}\n`.repeat(12),
    status: 'complete',
    question: {
      problem: `Which oil does the lighthouse of Marra burn, and when was it built? ${text}`,
      referenceAnswer: `Whale oil; 1871. ${text}`,
      conversation: [],
    },
    solverPrompt: [{ role: 'user', content: 'question' }],
    candidates: Array.from({ length: 8 }, (_, index) => candidate(index, text, random, i === 7)),
    rubric: [
      { name: `Fuel ${text}`, gold: `whale oil ${text}`, description: `names the fuel ${text}`, weight: 3 },
      { name: 'Year', gold: 'Not applicable', description: 'gives the year of building', weight: 1.5 },
    ],
    rubricConversation: null,
  }
  if (i !== 8) return base
  const failure = `the proposer gave no question in 5 attempts: ${text}`
  return { ...base, status: 'proposalFailed', failure, question: null, rubric: null, candidates: [] }
}

function candidate(index: number, text: string, random: Rng, even: boolean): Candidate {
  const ratings: [number, number] = even ? [1, 1] : [random.below(3), random.below(3)]
  const answer = `It burns whale oil and was built in 187${index}. ${text}`
  const base = { index, answer, response: `Let me think.\n<answer>${answer}</answer>`, completionTokens: 40 + index }
  if (index === 5) {
    return {
      ...base,
      answer: null,
      invalid: 'noTag',
      evaluation: null,
      evaluationResponse: null,
      score: { status: 'unscored', reason: 'invalidAnswer' },
    }
  }
  if (index === 6) {
    return {
      ...base,
      evaluation: null,
      evaluationResponse: 'garbage',
      score: { status: 'unscored', reason: 'badJson' },
    }
  }
  const evaluation = [
    { name: `fuel ${text} `, thoughts: `It says whale oil, the gold says whale oil. ${text}`, rating: ratings[0] },
    { name: 'Year', thoughts: 'The year is close.', rating: ratings[1] },
  ]
  const value = (3 * ratings[0] + 1.5 * ratings[1]) / 9
  return { ...base, evaluation, evaluationResponse: '{}', score: { status: 'scored', value } }
}

function evaluation(round: number, random: Rng): SuiteResult {
  const mean = 0.38 + 0.17 * round
  const spread = 0.02 + 0.01 * random.uniform()
  return {
    suite: 'oracle',
    round,
    policy: `round-${round}`,
    judge: 'oracle',
    sampled: { mean, low: mean - spread, high: mean + spread, n: 80 },
    greedy: { mean: mean + 0.1, low: mean + 0.07, high: Math.min(1, mean + 0.13), n: 80 },
    validity: 0.99,
    meanAnswerWords: 21 - round / 2,
    unscored: 0,
    perQuestion: [],
    ...(round > 0 && { judgeQuality: { pairAccuracy: 0.94, rankCorrelation: 0.9, n: 200 } }),
  }
}

function trainingStep(step: number, round: number, random: Rng): TrainingStep {
  const done = step / 24
  return {
    step,
    epoch: done,
    learningRate: 2e-4 * (1 - done),
    loss: 0.69 - 0.4 * done + 0.05 * random.normal(),
    gradNorm: 3 + random.uniform(),
    chosenLogprob: -14 + 3 * done + round,
    rejectedLogprob: -15 - 8 * done,
    margin: 1.6 * done + 0.1 * random.normal(),
    accuracy: Math.min(1, 0.5 + 0.5 * done),
    tokens: 4096,
    seconds: 1.2,
    tokensPerSecond: 3413,
  }
}
