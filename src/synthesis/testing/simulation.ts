/**
 * A synthesis against a simulated server, in virtual time: the same questions, with the same lengths, under one schedule
 * or another. For the bench. Knows nothing of files.
 */
import { VirtualClock } from '../../core/testing/virtual-clock.ts'
import { hashValue } from '../../core/hash.ts'
import { rng, type Rng } from '../../core/rng.ts'
import { OpenAiLanguageModel } from '../../llm/openai.ts'
import { SimulatedServer, typicalServer, type ServerShape } from '../../llm/testing/simulated-server.ts'
import type { Document, Example, SparseConfig } from '../../records/index.ts'
import { builtinTasks } from '../../roles/index.ts'
import type { SynthesisSettings } from '../context.ts'
import { playOf, type Schedule } from './schedules.ts'
import { makeSettings } from './world.ts'

export interface SimulationOptions {
  readonly documents: number
  readonly candidates: number
  readonly server?: Partial<ServerShape>
  readonly settings?: Partial<SynthesisSettings['synthesis']>
  readonly curation?: SparseConfig['curation']
  /** Share of questions whose answers all get the same score, and so never make a pair. */
  readonly hopeless?: number
  /** Share of answers that are word for word the question's first one. */
  readonly repeats?: number
  readonly seed?: number
}

export interface SimulationResult {
  /** Of the server's time, from the first request to the last reply. */
  readonly seconds: number
  readonly examples: readonly Example[]
  readonly server: SimulatedServer['spent']
  readonly mostInSystem: number
}

const seed = 45

/** Plays all documents under `schedule`, from a cold start. */
export async function simulate(schedule: Schedule, options: SimulationOptions): Promise<SimulationResult> {
  const clock = new VirtualClock()
  const server = new SimulatedServer(clock, { ...typicalServer, ...options.server }, sampler(options))
  const model = new OpenAiLanguageModel({ baseUrl: 'http://server/v1', name: 'm', fetch: server.fetch, clock })
  const models = { proposer: model, solver: model, rubric: model, scorer: model }
  const settings = makeSettings({ candidates: options.candidates, ...options.settings }, {}, options.curation)
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  const play = playOf({ documents: documentsOf(options.documents), task, models, settings, seed, clock })
  const examples = await clock.run(schedule(play))
  return { seconds: clock.monotonic() / 1000, examples, server: server.spent, mostInSystem: server.mostInSystem }
}

function documentsOf(count: number): Document[] {
  return Array.from({ length: count }, (_, index) => {
    const text = filler(rng(index, 'document'), 500)
    return { id: hashValue(text), text, source: `simulation:${index}` }
  })
}

/** Mean completion tokens of each role; log-normal with sigma 0.5, cut at four times the mean. */
const meanTokens = { propose: 350, solve: 400, rubric: 500, score: 350 }
type Stage = keyof typeof meanTokens

/** The server's language: what a request gets follows from its text and seed alone, in every schedule alike. */
function sampler(options: SimulationOptions): ConstructorParameters<typeof SimulatedServer>[2] {
  const { hopeless = 0, repeats = 0, seed: world = 1 } = options
  return (prompt, body, index) => {
    const stage = stageOf(body)
    const greedy = body['temperature'] === 0
    const random = rng(world, stage, greedy ? prompt : Number(body['seed']), greedy ? 0 : index)
    const tokens = lengthOf(stage, random)
    return {
      tokens,
      text: replies[stage](prompt, tokens, {
        random,
        index,
        hopeless,
        repeats,
      }),
    }
  }
}

function stageOf(body: { [key: string]: unknown }): Stage {
  // The token limits of the published settings tell the roles apart.
  if (body['max_tokens'] === 8192) return 'rubric'
  if (body['max_tokens'] === 4096) return 'score'
  return Number(body['n'] ?? 1) > 1 ? 'solve' : 'propose'
}

function lengthOf(stage: Stage, random: Rng): number {
  const sigma = 0.5
  const mean = meanTokens[stage]
  const drawn = mean * Math.exp(sigma * random.normal() - (sigma * sigma) / 2)
  return Math.max(8, Math.min(4 * mean, Math.round(drawn)))
}

interface World {
  readonly random: Rng
  readonly index: number
  readonly hopeless: number
  readonly repeats: number
}

const replies: Record<Stage, (prompt: string, tokens: number, world: World) => string> = {
  propose: (_prompt, tokens, { random, hopeless }) => {
    const kind = random.uniform() < hopeless ? 'settled' : 'open'
    return `<problem>Question ${random.uint32()} (${kind}): ${filler(random, tokens / 4)}</problem><answer>37</answer>`
  },
  solve: (prompt, tokens, { random, index, repeats }) => {
    const same = index > 0 && random.uniform() < repeats
    const words =
      same || index === 0 ? `First ${hashValue(prompt)}` : `${random.uint32()} ${filler(random, tokens / 4)}`
    return `${filler(random, tokens / 2)}\n<answer>${words}</answer>`
  },
  rubric: (_prompt, tokens, { random }) => {
    const criterion = { name: 'Count', gold: '37', description: filler(random, tokens / 4), weight: 2 }
    const json = JSON.stringify({ criterion_1: criterion })
    return `<rubric>${json}</rubric>`
  },
  score: (prompt, tokens, { random }) => {
    const rating = prompt.includes('(settled)') ? 2 : random.below(3)
    const thoughts = filler(random, tokens / 2)
    return `<evaluation>${JSON.stringify({ criterion_1: { name: 'Count', thoughts, rating } })}</evaluation>`
  },
}

/** Words of about so many tokens, that do not repeat from text to text. */
function filler(random: Rng, tokens: number): string {
  const words = Array.from({ length: Math.max(1, Math.ceil(tokens / 2)) }, () => random.below(36 ** 6).toString(36))
  return words.join(' ')
}
