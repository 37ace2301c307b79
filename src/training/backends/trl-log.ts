/** What transformers' Trainer prints after a step, a Python dict on a line of its own. Pure. */
import type { TrainingStep } from '../../records/index.ts'

type Logged = Omit<TrainingStep, 'step' | 'tokens' | 'seconds' | 'tokensPerSecond'>

/**
 * A step's figures; null for any other line. Values come as numbers or, from newer versions, as strings. Loss and norm are as they are, NaN
 * and infinity included; another figure that is no number counts as not given.
 */
export function readLogLine(line: string): Logged | null {
  if (!/^\{'.*\}$/.test(line.trim())) return null
  const values = new Map<string, number>()
  for (const [, name = '', text = ''] of line.matchAll(/'([\w/]+)': '?([-+\w.]+)'?/g)) values.set(name, numberOf(text))
  const loss = values.get('loss')
  if (loss === undefined) return null
  const of = (name: string): number => {
    const value = values.get(name) ?? 0
    return Number.isFinite(value) ? value : 0
  }
  return {
    loss,
    gradNorm: values.get('grad_norm') ?? 0,
    learningRate: of('learning_rate'),
    epoch: of('epoch'),
    chosenLogprob: of('logps/chosen'),
    rejectedLogprob: of('logps/rejected'),
    margin: of('rewards/margins'),
    accuracy: of('rewards/accuracies'),
  }
}

/** As Python writes it. */
function numberOf(text: string): number {
  const infinite = /^([-+]?)inf(inity)?$/i.exec(text)
  if (infinite === null) return Number(text)
  return infinite[1] === '-' ? -Infinity : Infinity
}
