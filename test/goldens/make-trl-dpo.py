"""Makes the preference-training goldens: what TRL's DPOTrainer does, step by step, on small random models.

    python test/goldens/make-trl-dpo.py OUT_DIR [--only llama,qwen2,qwen3]

Writes `pairs.jsonl` and, for each family, a model folder (f32 weights, tokenizer.json, chat template) and
`runs.json`: for each run its settings and, for each optimizer step, the loss, the norm of the gradient before
clipping, and the mean log-prob sums, margin and accuracy. Full fine-tuning in fp32 on the CPU with torch's AdamW,
pairs in file order. Needs torch, transformers, trl, datasets, tokenizers; made with transformers 5.18 and trl 1.13.
"""

import argparse
import copy
import json
import tempfile
from pathlib import Path

import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    TrainerCallback,
)
from trl import DPOConfig, DPOTrainer

VOCAB = 300
SHAPE = dict(
    vocab_size=VOCAB,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    rms_norm_eps=1e-6,
)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A template that opens with a BOS token and trims, as Llama 3's does.
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n\n{{ m['content'] | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n\n{% endif %}"
)
# A template that puts an empty thought before the last answer, as Qwen3's does: it belongs to the completion.
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# A pad token in the configuration is torch's `padding_idx`: as an input it gets no gradient. Here it is the BOS token
# (untied), the end of every turn (tied), and none.
FAMILIES = {
    "llama": (LlamaForCausalLM, LlamaConfig, dict(pad_token_id=0, tie_word_embeddings=False, rope_theta=1e4), HEADERS),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, dict(pad_token_id=2, tie_word_embeddings=True, rope_theta=1e6), CHATML),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, dict(tie_word_embeddings=True, head_dim=16, rope_theta=1e6), THINKING),
}

SYSTEM = "Answer in one short sentence."
# (question, better, worse): lengths differ on purpose; the last two have several turns and a system message.
FACTS = [
    ("What melts at zero degrees?", "Ice melts at zero degrees.", "Iron does."),
    ("Who keeps bees?", "A beekeeper.", "Nobody keeps any bees, as far as anyone can tell from here."),
    ("Name a colour of the sky.", "Blue", "Seven"),
    ("How many legs has a spider?", "A spider has eight legs: four on each side.", "Six."),
    ("What is two plus two?", "Four.", "Two plus two is five, or twenty two if written side by side."),
    ("Where do trouts live?", "In rivers & cold lakes.", "On the moon\nand under it."),
    ("What does a rubric hold?", "Criteria, weights and gold answers.", "???"),
    ("Is the earth flat?", "No.", "Yes."),
    ("Translate 'cat' to French.", "chat", "chien"),
    ("What is caf\u00e9?", "Coffee, or the place that serves it \u2014 caf\u00e9.", "A kind of stone."),
    ("Which month follows May?", "June follows May.", "July follows May."),
    ("When does water boil?", "At a hundred degrees at sea level.", "Never"),
    ("Which is heavier?", "Lead is heavier than cork, for the same volume.", "Cork."),
    ("And after that?", "Then it stops.", "Then it goes on and on and on and on and on."),
]


def pairs():
    rows = []
    for i, (question, better, worse) in enumerate(FACTS):
        prompt = [{"role": "user", "content": question}]
        if i >= len(FACTS) - 2:
            earlier = [{"role": "user", "content": "Ready?"}, {"role": "assistant", "content": "Yes."}]
            prompt = [{"role": "system", "content": SYSTEM}, *earlier, *prompt]
        say = lambda text: [*prompt, {"role": "assistant", "content": text}]
        rows.append(
            dict(role="solver", chosen=say(better), rejected=say(worse), chosen_score=1.0, rejected_score=0.0, ref_answer=better)
        )
    return rows


def make_tokenizer(template):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(fact) for fact in FACTS], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = template
    return fast


def make_model(family, seed):
    cls, config_class, extra, _ = FAMILIES[family]
    torch.manual_seed(seed)
    model = cls(config_class(**SHAPE, **extra, bos_token_id=0, eos_token_id=2)).float()
    with torch.no_grad():
        for name, p in model.named_parameters():
            # Biases and norms get values of their own too, so that a mistake in them shows.
            centre = 1.0 if "norm" in name else 0.0
            p.copy_(centre + torch.randn_like(p) * (0.2 if p.dim() == 1 else 0.15))
    return model.eval()


RUNS = {
    "clip": dict(),
    "noclip": dict(max_grad_norm=0.0, beta=0.3),
    "warm": dict(
        lr_scheduler_type="cosine",
        warmup_steps=0.25,
        weight_decay=0.1,
        adam_beta2=0.99,
        loss_type=["sigmoid", "sft"],
        loss_weights=[1.0, 0.5],
        other_reference=True,
    ),
}


class Recorder(DPOTrainer):
    """TRL's trainer, with the loss of every step kept unrounded."""

    def compute_loss(self, model, inputs, *args, **kwargs):
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        self.losses.append((loss[0] if isinstance(loss, tuple) else loss).item())
        return loss


class StepLog(TrainerCallback):
    def __init__(self):
        self.rows = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "grad_norm" in logs:
            self.rows.append(dict(logs))


def train(family, model_dir, reference, rows, run):
    settings = dict(learning_rate=2e-3, beta=0.1, max_grad_norm=1.0, lr_scheduler_type="constant", warmup_steps=0, loss_type=["sigmoid"])
    settings.update(run)
    other_reference = settings.pop("other_reference", False)
    model = FAMILIES[family][0].from_pretrained(model_dir, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model_dir)
    log = StepLog()
    with tempfile.TemporaryDirectory() as out:
        args = DPOConfig(
            output_dir=out,
            per_device_train_batch_size=4,
            num_train_epochs=2,
            max_length=None,
            logging_steps=1,
            train_sampling_strategy="sequential",
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=1,
            **settings,
        )
        ref_model = copy.deepcopy(reference) if other_reference else copy.deepcopy(model)
        Recorder.losses = []
        trainer = Recorder(
            model=model,
            ref_model=ref_model,
            args=args,
            processing_class=tokenizer,
            train_dataset=Dataset.from_list([{k: row[k] for k in ("chosen", "rejected")} for row in rows]),
            callbacks=[log],
        )
        tokens = [{k: trainer.train_dataset[i][k] for k in ("prompt_ids", "chosen_ids", "rejected_ids")} for i in range(len(rows))]
        trainer.train()
    steps = [
        dict(
            learningRate=row["learning_rate"],
            loss=loss,
            gradNorm=float(row["grad_norm"]),
            chosenLogprob=row["logps/chosen"],
            rejectedLogprob=row["logps/rejected"],
            margin=row["rewards/margins"],
            accuracy=row["rewards/accuracies"],
        )
        for loss, row in zip(Recorder.losses, log.rows, strict=True)
    ]
    weights = settings.get("loss_weights", [1.0, 0.0])
    config = dict(
        objective=dict(type="dpo", beta=settings["beta"], nll=weights[1]),
        learningRate=settings["learning_rate"],
        schedule=settings["lr_scheduler_type"],
        warmupRatio=settings["warmup_steps"],
        adam=dict(beta1=0.9, beta2=settings.get("adam_beta2", 0.999), eps=1e-8, weightDecay=settings.get("weight_decay", 0.0)),
        maxGradNorm=settings["max_grad_norm"],
        epochs=2,
        batchSize=4,
        shuffle=False,
        lora=False,
    )
    return tokens, dict(config=config, reference="other" if other_reference else "start", steps=steps)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(FAMILIES))
    parser.add_argument("--seed", type=int, default=0, help="other seeds make other models, for a live comparison")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = pairs()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "pairs.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    for number, family in enumerate(args.only.split(",")):
        folder = args.out / family
        make_model(family, args.seed + 10 + number).save_pretrained(folder)
        make_tokenizer(FAMILIES[family][3]).save_pretrained(folder)
        # The other reference shares the family and differs by a small step in every weight.
        reference = FAMILIES[family][0].from_pretrained(folder, dtype=torch.float32)
        with torch.no_grad():
            for p in reference.parameters():
                p.add_(0.01)
        runs = {}
        for name, run in RUNS.items():
            tokens, runs[name] = train(family, folder, reference, rows, run)
        made_with = dict(torch=torch.__version__, transformers=transformers.__version__, trl=trl.__version__)
        golden = dict(madeWith=made_with, otherReference="every weight + 0.01", tokens=tokens, runs=runs)
        (folder / "runs.json").write_text(json.dumps(golden) + "\n")
        last = runs["clip"]["steps"][-1]
        print(f"{family}: {len(runs['clip']['steps'])} steps, last loss {last['loss']:.6f}, gradient norm {last['gradNorm']:.4f}")


if __name__ == "__main__":
    main()
