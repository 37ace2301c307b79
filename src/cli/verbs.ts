/** The table of verbs. Each is loaded when it is called, so that `pop -h` never waits for the engine. */
import type { VerbEntry } from './command.ts'

export const verbs: readonly VerbEntry[] = [
  {
    name: 'init',
    summary: 'write a commented configuration to start from',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'plan',
    summary: 'say what a configuration will ask for: calls, tokens, money, hours, disk, memory',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'doctor',
    summary: 'check that a configuration can be run: corpus, servers, context, templates, disk',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'run',
    summary: 'play all rounds of a configuration: self-play, pairs, training, evaluation',
    computes: true,
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'synth',
    summary: 'play the first round only as far as scored candidates',
    computes: true,
    load: async () => (await import('./commands/synth.ts')).synth,
  },
  {
    name: 'merge',
    summary: 'join the run folders of shards into one run',
    load: async () => (await import('./commands/merge.ts')).merge,
  },
  {
    name: 'lab run',
    summary: 'play the built-in laboratory: a real model gets better in minutes, and a program checks it',
    computes: true,
    load: async () => (await import('./commands/lab-run.ts')).labRun,
  },
  {
    name: 'lab study',
    summary: 'measure in the laboratory what the choices of the method do to the signal and to the outcome',
    computes: true,
    load: async () => (await import('./commands/lab-study.ts')).labStudy,
  },
  {
    name: 'lab corpus',
    summary: "write the laboratory's documents as JSONL",
    load: async () => (await import('./commands/lab-corpus.ts')).labCorpusCommand,
  },
  {
    name: 'lab pretrain',
    summary: "pretrain the laboratory's model from scratch with the embedded engine",
    computes: true,
    load: async () => (await import('./commands/lab-pretrain.ts')).labPretrain,
  },
  {
    name: 'status',
    summary: 'show where a run stands',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'view',
    summary: 'look at runs in a browser, live: scores, curves, every question and answer',
    load: async () => (await import('./commands/view.ts')).view,
  },
  {
    name: 'score',
    summary: 'judge the stored answers of a run again, without sampling',
    computes: true,
    load: async () => (await import('./commands/score.ts')).score,
  },
  {
    name: 'pair',
    summary: 'build preference pairs from scored candidates',
    load: async () => (await import('./commands/pair.ts')).pair,
  },
  {
    name: 'export',
    summary: 'write a run in the files of other tools',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'train',
    summary: "train a model on a run's preference pairs, or on a file of them",
    computes: true,
    load: async () => (await import('./commands/train.ts')).train,
  },
  {
    name: 'eval',
    summary: 'measure a run, a model folder or an endpoint on benchmarks',
    computes: true,
    load: async () => (await import('./commands/eval.ts')).evalCommand,
  },
  {
    name: 'eval compare',
    summary: 'hold two results, or the runs of two recipes, against each other',
    load: async () => (await import('./commands/eval-compare.ts')).evalCompare,
  },
  {
    name: 'generate',
    summary: 'let a model folder answer a chat',
    computes: true,
    load: async () => (await import('./commands/generate.ts')).generate,
  },
  {
    name: 'serve',
    summary: 'serve a model folder to OpenAI-compatible clients',
    computes: true,
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    name: 'logprobs',
    summary: 'log-probabilities of given tokens under a model folder',
    computes: true,
    load: async () => (await import('./commands/logprobs.ts')).logprobs,
  },
]
