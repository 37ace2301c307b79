/** Axolotl (keys read in 0.18): one YAML file for `axolotl train`, which wraps TRL. */
import { stringify } from 'yaml'
import type { PreferenceObjectiveConfig } from '../../records/index.ts'
import {
  pairObjective,
  planned,
  preferenceRow,
  refuse,
  unsupported,
  type ExportFacts,
  type TrainerExport,
} from './target.ts'

function settings(facts: ExportFacts): Record<string, unknown> {
  const { model, training, seed } = facts
  const { adam, lora } = training
  return {
    base_model: model,
    ...objectiveSettings(pairObjective(training)),
    datasets: [
      {
        path: 'train.jsonl',
        split: 'train',
        type: 'chat_template.default',
        field_messages: 'prompt',
        field_chosen: 'chosen',
        field_rejected: 'rejected',
      },
    ],
    output_dir: './out',
    sequence_len: training.maxLength,
    micro_batch_size: 1,
    gradient_accumulation_steps: training.batchSize,
    num_epochs: training.epochs,
    learning_rate: training.learningRate,
    lr_scheduler: training.schedule,
    // Its SimPO takes no share.
    warmup_steps: planned(facts).warmup,
    optimizer: 'adamw_torch',
    adam_beta1: adam.beta1,
    adam_beta2: adam.beta2,
    adam_epsilon: adam.eps,
    weight_decay: adam.weightDecay,
    max_grad_norm: training.maxGradNorm,
    bf16: true,
    gradient_checkpointing: true,
    ...(lora === false ? {} : { adapter: 'lora', lora_r: lora.rank, lora_alpha: lora.alpha, lora_target_linear: true }),
    seed,
    logging_steps: 1,
  }
}

function objectiveSettings(objective: PreferenceObjectiveConfig): Record<string, unknown> {
  if (objective.type === 'simpo') {
    return { rl: 'simpo', rl_beta: objective.beta, simpo_gamma: objective.gamma, cpo_alpha: objective.nll }
  }
  if (objective.type !== 'dpo') throw unsupported('the export to Axolotl', objective.type)
  const { beta, loss, nll, labelSmoothing, lengthNormalized, lengthPenalty } = objective
  refuse('Axolotl', {
    'length penalty': lengthPenalty !== 0,
    'label smoothing but in the robust loss': labelSmoothing > 0 && loss !== 'robust',
    'length-normalised form of this loss': lengthNormalized && loss !== 'sigmoid' && loss !== 'ipo',
  })
  const name = loss === 'sigmoid' && lengthNormalized ? 'sigmoid_norm' : loss
  return {
    rl: 'dpo',
    rl_beta: beta,
    dpo_loss_type: nll === 0 ? [name] : [name, 'sft'],
    ...(nll === 0 ? {} : { dpo_loss_weights: [1, nll] }),
    ...(labelSmoothing > 0 ? { dpo_label_smoothing: labelSmoothing } : {}),
    precompute_ref_log_probs: true,
  }
}

export const axolotl: TrainerExport = {
  name: 'axolotl',
  dataFile: 'train.jsonl',
  rows: (pair) => [preferenceRow(pair)],
  files: (facts) => ({ 'config.yaml': stringify(settings(facts)) }),
  command: 'axolotl train config.yaml',
}
