/** What transformers' Trainer prints after a step, a Python dict on a line of its own. Pure. */
import type { TrainingStep } from '../../records/index.ts'

type Logged = Omit<TrainingStep, 'step' | 'tokens' | 'seconds' | 'tokensPerSecond'>

/** A step's figures; null for any other line. Values come as numbers or, from newer versions, as strings. */
export function readLogLine(line: string): Logged | null {
  if (!/^\{'.*\}$/.test(line.trim())) return null
  const values = new Map<string, number>()
  for (const [, name = '', text = ''] of line.matchAll(/'([\w/]+)': '?([-+\w.]+)'?/g)) values.set(name, Number(text))
  const loss = values.get('loss')
  if (loss === undefined || Number.isNaN(loss)) return null
  const of = (name: string): number => values.get(name) ?? 0
  return {
    loss,
    gradNorm: of('grad_norm'),
    learningRate: of('learning_rate'),
    epoch: of('epoch'),
    chosenLogprob: of('logps/chosen'),
    rejectedLogprob: of('logps/rejected'),
    margin: of('rewards/margins'),
    accuracy: of('rewards/accuracies'),
  }
}
