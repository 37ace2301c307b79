"""Makes tiny-models/peft/: adapters by PEFT on the tiny models, and the log-probabilities of the adapted models.

Run: python peft_adapters.py            (torch 2.13, transformers 5, peft 0.21)
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

MODELS = Path(__file__).parent / "tiny-models"
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "peft"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "qwen2-all": ("qwen2", dict(r=4, lora_alpha=8, target_modules=ALL)),
    "qwen3-attention-rslora": ("qwen3", dict(r=2, lora_alpha=3, target_modules=["q_proj", "v_proj"], use_rslora=True)),
}
SEQUENCES = [[1, 87, 85, 262, 201, 57, 350, 12, 300], [5, 6, 7, 8]]


def logprobs(model, tokens):
    ids = torch.tensor([tokens])
    with torch.no_grad():
        logp = torch.log_softmax(model(ids).logits[0, :-1].double(), -1)
    return [round(x, 7) for x in logp[torch.arange(len(tokens) - 1), ids[0, 1:]].tolist()]


shutil.rmtree(OUT, ignore_errors=True)
OUT.mkdir(parents=True)
expected = dict(sequences=SEQUENCES, adapters={})
for seed, (name, (family, options)) in enumerate(CASES.items()):
    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(MODELS / family, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **options)).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "lora_" in parameter_name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    # What is saved must name no folder of the machine.
    model.peft_config["default"].base_model_name_or_path = family
    model.save_pretrained(OUT / name)
    (OUT / name / "README.md").unlink(missing_ok=True)
    expected["adapters"][name] = dict(family=family, logprobs=[logprobs(model, tokens) for tokens in SEQUENCES])
(OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
