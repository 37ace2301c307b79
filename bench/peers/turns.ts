/** Ways to do the same work, measured in turns, so that other load of the machine meets all of them. */

export interface Seconds {
  readonly wall: number
  /** Of all threads together: what other programs take of the machine is not in it, what threads wait for by spinning is. */
  readonly processor: number
}

export interface Way {
  /** Ways of one group are settings of the same thing: the fastest one speaks for it. */
  readonly group: string
  readonly name: string
  /** Does the work once. */
  readonly run: () => Promise<Seconds>
}

export interface Timing {
  readonly best: number
  readonly median: number
  /** Least processor time. */
  readonly processor: number
}

/** One round that is not counted, then `rounds` rounds; seconds of each way. */
export async function takeTurns(ways: readonly Way[], rounds: number): Promise<Map<Way, Timing>> {
  const measured = new Map<Way, Seconds[]>(ways.map((way) => [way, []]))
  for (const way of ways) await way.run()
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) measured.get(way)?.push(await way.run())
  }
  return new Map([...measured].map(([way, all]) => [way, timingOf(all)]))
}

function timingOf(all: readonly Seconds[]): Timing {
  const sorted = all.map(({ wall }) => wall).toSorted((a, b) => a - b)
  const processor = Math.min(...all.map((seconds) => seconds.processor))
  return { best: sorted[0] ?? NaN, median: sorted[sorted.length >> 1] ?? NaN, processor }
}

const COLUMNS = ['best', 'median', 'processor'] as const

/** A line for each way: `tokens` per second at best, in the median, and per second of processor time. */
export function printRates(timings: ReadonlyMap<Way, Timing>, tokens: number): void {
  console.log(`${'tokens/s'.padEnd(34)}     best   median  per processor second`)
  for (const [{ group, name }, timing] of timings) {
    const rates = COLUMNS.map((column) => (tokens / timing[column]).toFixed(tokens / timing[column] < 100 ? 1 : 0))
    console.log(`${`${group}, ${name}`.padEnd(34)} ${rates.map((rate) => rate.padStart(8)).join(' ')}`)
  }
}

/** How many times faster group `ours` is than group `theirs`, each by its fastest way; nothing where one was left out. */
export function printRatio(timings: ReadonlyMap<Way, Timing>, ours: string, theirs: string): void {
  const groups = new Set([...timings.keys()].map(({ group }) => group))
  if (!groups.has(ours) || !groups.has(theirs)) return
  const fastest = (group: string, by: keyof Timing): number =>
    Math.min(...[...timings].filter(([way]) => way.group === group).map(([, timing]) => timing[by]))
  const ratios = COLUMNS.map((by) => `${(fastest(theirs, by) / fastest(ours, by)).toFixed(2)} (${by})`)
  console.log(`${ours} ÷ ${theirs}: ${ratios.join(', ')}`)
}

/** Seconds of wall and of this process that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<Seconds> {
  const [start, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wall: (performance.now() - start) / 1000, processor: (user + system) / 1e6 }
}
