/**
 * A run in pairwise scoring, played by the real scheduler with scripted models. The judge prefers the larger number, but where
 * two answers are close it takes the one shown first: those verdicts flip with the order.
 */
import type { Script } from '../src/llm/scripted.ts'
import { configSchema, type GenerateRequest } from '../src/records/index.ts'
import { builtinTasks } from '../src/roles/index.ts'
import { RunFolder } from '../src/store/index.ts'
import { synthesize } from '../src/synthesis/synthesize.ts'
import { makeDocuments, makeModels, makeSettings } from '../src/synthesis/testing/world.ts'

const close = 8

export async function writePairwiseRun(dir: string): Promise<void> {
  const task = builtinTasks.get('general')
  if (task === undefined) throw new Error('the general task is missing')
  const settings = makeSettings({ candidates: 6 }, { mode: 'pairwise' })
  const { scoring } = settings
  const config = configSchema.parse({
    corpus: { source: './documents', documents: 6 },
    model: { backend: 'openai', baseUrl: 'http://localhost:8000/v1', name: 'policy' },
    synthesis: { candidates: 6 },
    scoring,
  })
  const folder = await RunFolder.open(dir, { create: true })
  try {
    await folder.writeConfig(config)
    await folder.writeManifest({
      version: 1,
      popVersion: '0.1.0',
      name: 'pairwise',
      seed: 45,
      configHash: '0123456789abcdef',
      corpus: { fingerprint: 'f', documents: 6, skippedShort: 0, badRows: 0 },
      prompts: {},
      stages: [{ round: 1, stage: 'evaluate', state: 'done' }],
      createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    })
    const examples = await synthesize({
      round: 1,
      documents: makeDocuments(6),
      task,
      models: makeModels({ solver: { reply: guess }, scorer: { reply: verdict } }),
      settings,
      journal: folder.journal,
      seed: 45,
      concurrency: 8,
    })
    await folder.writeJsonl(folder.round(1).examples, examples)
  } finally {
    await folder.close()
  }
}

const guess: Script['reply'] = (_request, index, random) =>
  `<answer>About ${10 * index + random.below(10)} people.</answer>`

function verdict(request: GenerateRequest): string {
  const prompt = request.messages.map(({ content }) => content).join('\n')
  const numberIn = (name: string): number => Number(new RegExp(String.raw`<${name}>\D*(\d+)`).exec(prompt)?.[1])
  const [a, b] = [numberIn('answer_A'), numberIn('answer_B')]
  const isClose = Math.abs(a - b) < close
  return `Held against the rubric. <better_answer>${isClose || a > b ? 'A' : 'B'}</better_answer>`
}
