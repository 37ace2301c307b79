"""Truth for the engine's tests, from PyTorch and transformers.

    python test/goldens/engine.py > test/goldens/engine.json

Small random models of each family are trained for three steps of AdamW with clipping on weighted log-likelihoods, in
float32 on one thread. Weights come from a linear congruential generator that the tests repeat, so none are stored.
The optimizer and the schedules are recorded apart from any model.
"""

import json
import math
import sys

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, get_scheduler

torch.set_num_threads(1)

SMALL = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=48,
    vocab_size=61,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
)
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
FAMILIES = {
    "llama": dict(model_type="llama", **SMALL),
    "llama-llama3-rope": dict(model_type="llama", **SMALL, head_dim=16, rope_parameters=LLAMA3),
    "llama-biases-tied": dict(
        model_type="llama", **SMALL, attention_bias=True, mlp_bias=True, tie_word_embeddings=True
    ),
    "qwen2-tied": dict(
        model_type="qwen2",
        **SMALL,
        tie_word_embeddings=True,
        rope_parameters=dict(rope_type="default", rope_theta=1e6),
    ),
    "qwen3": dict(
        model_type="qwen3", **SMALL, head_dim=16, rope_parameters=dict(rope_type="default", rope_theta=1e6)
    ),
}
ARCHITECTURES = dict(llama="LlamaForCausalLM", qwen2="Qwen2ForCausalLM", qwen3="Qwen3ForCausalLM")
ADAM = dict(learningRate=2e-3, beta1=0.9, beta2=0.95, eps=1e-8, weightDecay=0.1, maxGradNorm=1.0)


class Lcg:
    """Numerical Recipes' generator: x' = 1664525 x + 1013904223 mod 2^32."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return self.state / 2**32

    def below(self, n):
        return int(self.next() * n)


def fill(model):
    """Tensor number i, in order of name, has the stream of seed i + 1: ±0.3, norms 1 ± 0.3."""
    for i, (name, tensor) in enumerate(sorted(model.named_parameters())):
        random = Lcg(i + 1)
        values = torch.tensor([(2 * random.next() - 1) * 0.3 for _ in range(tensor.numel())], dtype=torch.float64)
        if "norm" in name:
            values += 1
        with torch.no_grad():
            tensor.copy_(values.reshape(tensor.shape).float())


def batch(vocabulary):
    random = Lcg(1000)
    sequences = [[random.below(vocabulary) for _ in range(length)] for length in (23, 9, 33, 2)]
    weights = [[2 * random.next() - 0.5 for _ in range(len(tokens) - 1)] for tokens in sequences]
    return sequences, weights


def logprobs(model, tokens):
    ids = torch.tensor([tokens])
    logits = model(input_ids=ids).logits[0, :-1].double()
    return torch.log_softmax(logits, -1).gather(1, ids[0, 1:, None])[:, 0]


def optimizer_groups(model):
    decay = [p for n, p in model.named_parameters() if "norm" not in n and not n.endswith("bias")]
    rest = [p for n, p in model.named_parameters() if "norm" in n or n.endswith("bias")]
    return [dict(params=decay, weight_decay=ADAM["weightDecay"]), dict(params=rest, weight_decay=0.0)]


def family(options):
    options = dict(options)
    config = AutoConfig.for_model(options.pop("model_type"), **options)
    config.architectures = [ARCHITECTURES[config.model_type]]
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").train()
    fill(model)
    sequences, weights = batch(config.vocab_size)
    optimizer = torch.optim.AdamW(
        optimizer_groups(model), lr=ADAM["learningRate"], betas=(ADAM["beta1"], ADAM["beta2"]), eps=ADAM["eps"]
    )
    steps = []
    for _ in range(3):
        values = [logprobs(model, tokens) for tokens in sequences]
        loss = -sum((v * torch.tensor(w)).sum() for v, w in zip(values, weights))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), ADAM["maxGradNorm"])
        optimizer.step()
        steps.append(dict(logprobs=[v.tolist() for v in values], gradNorm=norm.item()))
    with torch.no_grad():
        final = [logprobs(model, tokens).tolist() for tokens in sequences]
    written = {k: v for k, v in config.to_dict().items() if v is not None and k not in ("id2label", "label2id")}
    return dict(config=written, sequences=sequences, weights=weights, steps=steps, final=final)


def adamw():
    """A vector through five updates with decay and clipping; the fourth gradient is small enough not to be clipped."""
    random = Lcg(7)
    start = [2 * random.next() - 1 for _ in range(24)]
    gradients = [[(2 * random.next() - 1) * (1e-3 if i == 3 else 1.0) for _ in range(24)] for i in range(5)]
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.AdamW([parameter], lr=0.01, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1)
    steps = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        norm = torch.nn.utils.clip_grad_norm_([parameter], 0.5)
        optimizer.step()
        steps.append(dict(gradNorm=norm.item(), parameters=parameter.tolist()))
    settings = dict(learningRate=0.01, beta1=0.9, beta2=0.99, eps=1e-6, weightDecay=0.1, maxGradNorm=0.5)
    return dict(settings=settings, start=start, gradients=gradients, steps=steps)


def schedules():
    cases = []
    for kind in ("constant", "linear", "cosine"):
        for warmup, total in ((0, 7), (3, 10)):
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
            name = "constant_with_warmup" if kind == "constant" else kind
            scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total)
            rates = []
            for _ in range(total):
                rates.append(scheduler.get_last_lr()[0])
                optimizer.step()
                scheduler.step()
            cases.append(dict(type=kind, learningRate=0.5, warmupSteps=warmup, totalSteps=total, rates=rates))
    return cases


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


golden = dict(
    versions=dict(torch=torch.__version__, transformers=transformers.__version__),
    adam=ADAM,
    families={name: family(options) for name, options in FAMILIES.items()},
    adamw=adamw(),
    schedules=schedules(),
)
assert all(math.isfinite(step["gradNorm"]) for f in golden["families"].values() for step in f["steps"])
json.dump(rounded(golden), sys.stdout)
print()
