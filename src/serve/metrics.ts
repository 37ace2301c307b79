/** What the server counts, as Prometheus text under the names that vLLM's dashboards read. Pure but for its counters. */
import type { EngineStats, Generation } from '../engine/index.ts'

/** Upper bounds in seconds. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const

export class ServerMetrics {
  private readonly finished = new Map<string, number>()
  private readonly buckets = BUCKETS.map(() => 0)
  private seconds = 0
  private requests = 0

  /** A request was answered in so many seconds. */
  answered(generations: readonly Generation[], seconds: number): void {
    for (const { finishReason } of generations) {
      this.finished.set(finishReason, (this.finished.get(finishReason) ?? 0) + 1)
    }
    BUCKETS.forEach((bound, i) => {
      if (seconds <= bound) this.buckets[i] = (this.buckets[i] ?? 0) + 1
    })
    this.seconds += seconds
    this.requests++
  }

  /** Prometheus' text format, version 0.0.4. */
  text(model: string, stats: EngineStats): string {
    const label = `model_name=${JSON.stringify(model)}`
    const line = (name: string, value: number, more = ''): string => `vllm:${name}{${label}${more}} ${value}`
    const family = (name: string, type: string, help: string, lines: readonly string[]): string[] => [
      `# HELP vllm:${name} ${help}`,
      `# TYPE vllm:${name} ${type}`,
      ...lines,
    ]
    const single = (name: string, type: string, help: string, value: number): string[] =>
      family(name, type, help, [line(name, value)])
    const latency = 'e2e_request_latency_seconds'
    return [
      ...single('num_requests_running', 'gauge', 'Answers in progress.', stats.runningSamples),
      ...single('num_requests_waiting', 'gauge', 'Requests or answers that wait for a place.', stats.waitingRequests),
      ...single('num_preemptions_total', 'counter', 'Answers that left the full cache for a while.', stats.preemptions),
      ...single('prompt_tokens_total', 'counter', 'Prompt tokens of requests served.', stats.promptTokens),
      ...single('generation_tokens_total', 'counter', 'Tokens sampled.', stats.sampledTokens),
      ...single('prefix_cache_hits_total', 'counter', 'Prompt tokens taken from a shared prefix.', stats.reusedTokens),
      ...single('prefix_cache_queries_total', 'counter', 'Prompt tokens looked up.', stats.promptTokens),
      ...family(
        'request_success_total',
        'counter',
        'Answers by finish reason.',
        [...this.finished].map(([reason, count]) =>
          line('request_success_total', count, `,finished_reason=${JSON.stringify(reason)}`),
        ),
      ),
      ...family(latency, 'histogram', 'Seconds from request to reply.', [
        ...BUCKETS.map((bound, i) => line(`${latency}_bucket`, this.buckets[i] ?? 0, `,le="${bound}"`)),
        line(`${latency}_bucket`, this.requests, ',le="+Inf"'),
        line(`${latency}_sum`, this.seconds),
        line(`${latency}_count`, this.requests),
      ]),
      '',
    ].join('\n')
  }
}
