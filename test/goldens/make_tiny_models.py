"""Makes tiny-models/: one small random model folder per family, and what transformers and TRL say about them.

Run: python make_tiny_models.py            (torch 2.13, transformers 5, trl 1.13, tokenizers, safetensors)
Output is committed; tests compare our engine with it, so they need no Python.
"""
import copy
import json
import sys
from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)
from trl import DPOConfig, DPOTrainer

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "tiny-models")
CORPUS = [
    "The ferry crosses the harbour at noon and returns before dusk.",
    "A question about the ferry: when does it cross the harbour? The ferry crosses at noon.",
    "Answers are rated from zero to ten against the rubric, and the rubric is written from the document.",
    "The harbour is old; the lighthouse by the harbour is older. The keeper of the lighthouse reads documents.",
]
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHATML = (
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n"
)
# The generation prompt opens an empty thought that the finished conversation does not have: the prompt is no prefix.
NO_PREFIX = CHATML.replace("assistant\\n' }}", "assistant\\n<think>\\n\\n</think>\\n\\n' }}")


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(["<think>", "</think>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
    )


def configs(tokenizer: PreTrainedTokenizerFast) -> dict:
    common = dict(
        vocab_size=368,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )
    llama3 = dict(
        rope_type="llama3",
        rope_theta=10000.0,
        factor=4.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=64,
    )
    return {
        "llama": LlamaConfig(
            num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False, rope_parameters=llama3, **common
        ),
        "qwen2": Qwen2Config(num_attention_heads=2, num_key_value_heads=2, tie_word_embeddings=True, **common),
        "qwen3": Qwen3Config(
            num_attention_heads=4, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True, **common
        ),
    }


def randomise(model: torch.nn.Module) -> None:
    """Biases and norms would start at 0 and 1, where mistakes hide."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            elif name.endswith("bias"):
                parameter.copy_(0.2 * torch.randn_like(parameter))


PROMPTS = ["The ferry", "The keeper of the lighthouse reads", "A question about the harbour: when", "x"]


def expectations(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> list:
    result = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**ids, do_sample=False, max_new_tokens=24)
        tokens = out[0].tolist()
        with torch.no_grad():
            logp = torch.log_softmax(model(out).logits[0, :-1].double(), -1)
        picked = logp[torch.arange(len(tokens) - 1), torch.tensor(tokens[1:])]
        start = ids["input_ids"].shape[1]
        result.append(
            dict(
                prompt=prompt,
                promptTokens=tokens[:start],
                greedy=tokens[start:],
                text=tokenizer.decode(tokens[start:], skip_special_tokens=True),
                logprobs=[round(x, 7) for x in picked.tolist()],
            )
        )
    return result


CHATS = {
    "plain": [{"role": "user", "content": "When does the ferry cross?"}, {"role": "assistant", "content": "At noon."}],
    "system": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Où est le phare ? 灯台は?\n\n\tIt's   old; isn't it? 2024 🛳️ "},
        {"role": "assistant", "content": "By the harbour,\nsince 1815."},
    ],
}


def preference(model, tokenizer, template: str) -> list:
    tokenizer.chat_template = template
    rows = [
        dict(prompt=c[:-1], chosen=c[-1:], rejected=[{"role": "assistant", "content": "I do not know"}])
        for c in CHATS.values()
    ]
    args = DPOConfig(output_dir="/tmp/tiny-dpo", report_to=[], use_cpu=True, bf16=False, max_length=None)
    trainer = DPOTrainer(
        model=model, ref_model=copy.deepcopy(model), args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    result = []
    for row, tokenised in zip(rows, trainer.train_dataset):
        keys = dict(promptIds="prompt_ids", chosenIds="chosen_ids", rejectedIds="rejected_ids")
        result.append({**row, **{ours: tokenised[theirs] for ours, theirs in keys.items()}})
    return result


def half_types() -> None:
    """One file with the three dtypes, and their values as float32."""
    values = torch.tensor([0.0, -0.0, 1.0, -2.5, 3.1415927, 65504.0, 6e-8, 6.1e-5, -1e-3, 0.33333334])
    tensors = {
        "f32": values.clone(),
        "bf16": values.to(torch.bfloat16),
        "f16": values.reshape(2, 5).to(torch.float16).contiguous(),
        "ids": torch.tensor([1, 2, 3]),
    }
    save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})
    expected = {k: v.float().flatten().tolist() for k, v in tensors.items() if k != "ids"}
    (OUT / "dtypes.json").write_text(json.dumps(expected, indent=1) + "\n")


def sentencepiece_like() -> None:
    """A tokenizer in the manner of Llama 2 and Mistral: spaces as U+2581, bytes as a fall-back, `<s>` in front."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    spec = json.loads(tokenizer.to_str())
    # The byte tokens are ordinary vocabulary, not special tokens.
    spec["added_tokens"] = [t for t in spec["added_tokens"] if not t["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(OUT / "sentencepiece")
    texts = [m["content"] for c in CHATS.values() for m in c] + ["", " ", "a  b", "x</s>y", "line\nbreak\ttab"]
    rows = []
    for text in texts:
        ids = fast(text, add_special_tokens=False)["input_ids"]
        rows.append(dict(text=text, ids=ids, idsWithSpecial=fast(text)["input_ids"], decoded=fast.decode(ids)))
    path = OUT / "sentencepiece" / "expected.json"
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    sentencepiece_like()
    tokenizer = make_tokenizer()
    expected: dict = {"models": {}}
    for seed, (family, config) in enumerate(configs(tokenizer).items()):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        randomise(model)
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        model.save_pretrained(OUT / family)
        tokenizer.save_pretrained(OUT / family)
        expected["models"][family] = expectations(model, tokenizer)
    texts = [m["content"] for c in CHATS.values() for m in c] + ["", " ", "<|im_start|>user", "a<think>b</think>"]
    expected["texts"] = [dict(text=t, ids=tokenizer(t)["input_ids"]) for t in texts]
    expected["chats"] = [
        dict(
            messages=c,
            addGenerationPrompt=g,
            text=tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=g),
            ids=tokenizer.apply_chat_template(c, add_generation_prompt=g)["input_ids"],
        )
        for c in CHATS.values()
        for g in (False, True)
    ]
    expected["preference"] = [
        dict(template=t, rows=preference(model, tokenizer, t)) for t in (CHATML, NO_PREFIX)
    ]
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
    half_types()


if __name__ == "__main__":
    main()
