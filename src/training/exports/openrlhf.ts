/** OpenRLHF (flags read in 0.11): a shell script for `openrlhf.cli.train_dpo` under DeepSpeed. */
import { ConfigError } from '../../core/errors.ts'
import type { PreferenceObjectiveConfig } from '../../records/index.ts'
import { pairObjective, preferenceRow, refuse, unsupported, type ExportFacts, type TrainerExport } from './target.ts'

type Flags = Readonly<Record<string, string | number | true>>

function flags({ model, training, pairs, seed }: ExportFacts): Flags {
  const { adam, lora, epochs } = training
  if (!Number.isInteger(epochs)) {
    throw new ConfigError(
      `training.epochs: OpenRLHF takes whole epochs, not ${epochs}; change it, or train with pop train`,
    )
  }
  return {
    '--model.model_name_or_path': model,
    '--ref.model_name_or_path': model,
    '--data.dataset': 'train.jsonl',
    '--data.prompt_key': 'prompt',
    '--data.chosen_key': 'chosen',
    '--data.rejected_key': 'rejected',
    '--data.apply_chat_template': true,
    '--data.max_len': training.maxLength,
    ...objectiveFlags(pairObjective(training)),
    // It leaves out what does not fill a batch, and refuses data that is less than one.
    '--train.batch_size': Math.max(1, Math.min(training.batchSize, pairs)),
    '--train.micro_batch_size': 1,
    '--train.max_epochs': epochs,
    '--train.seed': seed,
    '--adam.lr': training.learningRate,
    '--adam.betas': `${adam.beta1} ${adam.beta2}`,
    '--adam.eps': adam.eps,
    '--adam.weight_decay': adam.weightDecay,
    '--max_norm': training.maxGradNorm,
    '--lr_scheduler': training.schedule,
    '--lr_warmup_ratio': training.schedule === 'constant' ? 0 : training.warmupRatio,
    '--ds.param_dtype': 'bf16',
    '--ds.zero_stage': 3,
    '--model.gradient_checkpointing_enable': true,
    ...(lora === false ? {} : { '--ds.lora.rank': lora.rank, '--ds.lora.alpha': lora.alpha }),
    '--ckpt.output_dir': './out',
  }
}

function objectiveFlags(objective: PreferenceObjectiveConfig): Flags {
  if (objective.type !== 'dpo') throw unsupported('OpenRLHF’s DPO trainer', objective.type)
  const { beta, loss, nll, labelSmoothing, lengthNormalized, lengthPenalty } = objective
  refuse('OpenRLHF', {
    'length penalty': lengthPenalty !== 0,
    // Its IPO is on sums of log-probs, ours and TRL's on means.
    [`${loss} loss as pop has it`]: loss !== 'sigmoid',
    'length-normalised loss': lengthNormalized,
  })
  return { '--model.beta': beta, '--model.label_smoothing': labelSmoothing, '--model.nll_loss_coef': nll }
}

/** A word for a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

export const openrlhf: TrainerExport = {
  name: 'openrlhf',
  dataFile: 'train.jsonl',
  rows: (pair) => [preferenceRow(pair)],
  files: (facts) => {
    const words = Object.entries(flags(facts)).map(([flag, value]) => {
      if (value === true) return flag
      return `${flag} ${flag === '--adam.betas' ? String(value) : quoted(String(value))}`
    })
    const script = ['exec deepspeed --module openrlhf.cli.train_dpo', ...words, '"$@"'].join(' \\\n  ')
    return { 'train.sh': `#!/bin/sh\n${script}\n` }
  },
  command: 'sh train.sh',
}
