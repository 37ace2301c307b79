/** What the calls of a journal add up to, by round and stage, by stage and model, and over the last minute. Grows call by call. */
import { z } from 'zod'
import { stageOrder, type CallFacts, type CallPlace } from '../views/calls.ts'
import type { StageUse } from '../views/costs.ts'
import type { StageCounts } from '../views/wire.ts'

const sumSchema = z.strictObject({
  round: z.int(),
  stage: z.string(),
  calls: z.int(),
  samples: z.int(),
  cut: z.int(),
  promptTokens: z.number(),
  completionTokens: z.number(),
  busyMs: z.number(),
  /** First start and last end, milliseconds since the epoch. */
  first: z.number(),
  last: z.number(),
})
type Sum = z.infer<typeof sumSchema>

const useSchema = z.strictObject({
  group: z.string(),
  model: z.string(),
  calls: z.int(),
  promptTokens: z.number(),
  completionTokens: z.number(),
})
type Use = z.infer<typeof useSchema>

export const stageSumsSchema = z.strictObject({ stages: z.array(sumSchema), models: z.array(useSchema) })

/** Calls that ended in one second, and the earliest start among them. */
interface Second {
  calls: number
  completionTokens: number
  first: number
}

const rememberedSeconds = 120

export class StageSums {
  private readonly stages = new Map<string, Sum>()
  private readonly models = new Map<string, Use>()
  private readonly seconds = new Map<number, Second>()

  add(call: CallFacts, { round, stage }: CallPlace): void {
    const name = `${round} ${stage}`
    let sum = this.stages.get(name)
    if (sum === undefined) this.stages.set(name, (sum = emptySum(round, stage)))
    sum.calls++
    sum.samples += call.samples
    sum.cut += call.cut
    sum.promptTokens += call.promptTokens
    sum.completionTokens += call.completionTokens
    sum.busyMs += call.ms
    sum.first = Math.min(sum.first, call.at - call.ms)
    sum.last = Math.max(sum.last, call.at)
    this.addUse({ ...call, group: stage, calls: 1 })
    this.addSecond(call)
  }

  addAll(other: StageSums): void {
    for (const [name, sum] of other.stages) {
      const own = this.stages.get(name)
      this.stages.set(name, own === undefined ? { ...sum } : joined(own, sum))
    }
    for (const use of other.models.values()) this.addUse(use)
    for (const [second, { calls, completionTokens, first }] of other.seconds) {
      const own = this.second(second)
      own.calls += calls
      own.completionTokens += completionTokens
      own.first = Math.min(own.first, first)
    }
  }

  clear(): void {
    this.stages.clear()
    this.models.clear()
    this.seconds.clear()
  }

  save(): z.infer<typeof stageSumsSchema> {
    return { stages: [...this.stages.values()], models: [...this.models.values()] }
  }

  load({ stages, models }: z.infer<typeof stageSumsSchema>): void {
    this.clear()
    for (const sum of stages) this.stages.set(`${sum.round} ${sum.stage}`, sum)
    for (const use of models) this.addUse(use)
  }

  /** By round, the stages in the order of the work. */
  byRound(): Map<number, StageCounts[]> {
    const rounds = new Map<number, StageCounts[]>()
    for (const { round, first, last, busyMs, ...counts } of this.stages.values()) {
      const stages = rounds.get(round) ?? []
      stages.push({ ...counts, busySeconds: busyMs / 1000, wallSeconds: (last - first) / 1000 })
      rounds.set(round, stages)
    }
    for (const stages of rounds.values()) {
      stages.sort((a, b) => stageOrder.indexOf(a.stage) - stageOrder.indexOf(b.stage))
    }
    return rounds
  }

  /** By stage and model. */
  uses(): StageUse[] {
    return [...this.models.values()].map((use) => ({ ...use }))
  }

  /** Calls and tokens per second over the last `windowMs` before `now`; null when nothing ended in them. */
  recent(now: number, windowMs: number): { callsPerSecond: number; tokensPerSecond: number } | null {
    let [calls, tokens, first] = [0, 0, now]
    for (const [second, one] of this.seconds) {
      if (second * 1000 <= now - windowMs) continue
      calls += one.calls
      tokens += one.completionTokens
      first = Math.min(first, one.first)
    }
    const seconds = Math.min(windowMs, now - first) / 1000
    return calls === 0 || seconds <= 0 ? null : { callsPerSecond: calls / seconds, tokensPerSecond: tokens / seconds }
  }

  private addUse({ group, model, calls, promptTokens, completionTokens }: Use): void {
    const name = `${group} ${model}`
    const use = this.models.get(name) ?? { group, model, calls: 0, promptTokens: 0, completionTokens: 0 }
    use.calls += calls
    use.promptTokens += promptTokens
    use.completionTokens += completionTokens
    this.models.set(name, use)
  }

  private addSecond({ at, ms, completionTokens }: CallFacts): void {
    const second = this.second(Math.floor(at / 1000))
    second.calls++
    second.completionTokens += completionTokens
    second.first = Math.min(second.first, at - ms)
  }

  private second(at: number): Second {
    const known = this.seconds.get(at)
    if (known !== undefined) return known
    const made = { calls: 0, completionTokens: 0, first: Infinity }
    this.seconds.set(at, made)
    // By time, not by when it was added: the files of a run come by name, round 10 before round 2.
    if (this.seconds.size > rememberedSeconds) this.seconds.delete(Math.min(...this.seconds.keys()))
    return made
  }
}

function emptySum(round: number, stage: string): Sum {
  const zeros = { calls: 0, samples: 0, cut: 0, promptTokens: 0, completionTokens: 0, busyMs: 0 }
  // Not Infinity: it would not survive JSON.
  return { round, stage, ...zeros, first: Number.MAX_VALUE, last: -Number.MAX_VALUE }
}

function joined(a: Sum, b: Sum): Sum {
  return {
    ...a,
    calls: a.calls + b.calls,
    samples: a.samples + b.samples,
    cut: a.cut + b.cut,
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    busyMs: a.busyMs + b.busyMs,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
  }
}
