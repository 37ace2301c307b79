"""The other side of bench/engine-peers.ts and bench/sampling-peers.ts: PyTorch, transformers and TRL, timed on request.

Reads one JSON command a line from stdin and answers each with one line of JSON on stdout:
  {"op": "setup", "folder": DIR, "threads": n, "sequences": [[id]]}   the model and the data of `step`
  {"op": "step", "kind": "eager"|"compiled", "dtype": "fp32"|"bf16", "batch": n}
        forward and backward over all sequences in micro-batches of n, clipping, one fused AdamW step
  {"op": "dpo", "folder": DIR, "pairs": [{prompt, chosen, rejected}], "dtype": ..., "batch": n, "microBatch": n}
        one epoch of TRL's DPOTrainer, reference log-probabilities computed beforehand
  {"op": "generate", "prompts": [[id]], "tokens": n, "dtype": ..., "threads": n, "greedy": bool}
        answers of exactly n tokens to prompts of one length, by `generate`
Answers: {"seconds": s, "loss": x} or {"seconds": s, "processorSeconds": s, "answers": [[id]]} or {"error": text}.
"""
import contextlib
import json
import os
import sys
import tempfile
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the libraries print is no answer

import torch  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

state = {}


def setup(command):
    torch.set_num_threads(command["threads"])
    state["data"] = torch.tensor(command["sequences"])
    state["folder"] = command["folder"]
    state["models"] = {}
    return {}


def model_for(kind, dtype, batch):
    """fp32 weights in all cases; bf16 is autocast, as mixed precision is trained. One model for each way, so that all start alike."""
    way = (kind, dtype, batch)
    if way not in state["models"]:
        model = AutoModelForCausalLM.from_pretrained(state["folder"], dtype=torch.float32).train()
        model.config.use_cache = False
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

        def loss_of(ids):
            inner = torch.autocast("cpu", torch.bfloat16) if dtype == "bf16" else contextlib.nullcontext()
            with inner:
                logits = model(input_ids=ids[:, :-1]).logits
            return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")

        state["models"][way] = (model, optimizer, torch.compile(loss_of) if kind == "compiled" else loss_of)
    return state["models"][way]


def step(command):
    model, optimizer, loss_of = model_for(command["kind"], command["dtype"], command["batch"])
    data = state["data"]
    tokens = data.shape[0] * (data.shape[1] - 1)
    start = time.perf_counter()
    total = 0.0
    for begin in range(0, data.shape[0], command["batch"]):
        loss = loss_of(data[begin : begin + command["batch"]]) / tokens
        loss.backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return dict(seconds=time.perf_counter() - start, loss=total)


def generate(command):
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[command["dtype"]]
    way = ("generate", command["dtype"])
    if way not in state["models"]:
        state["models"][way] = AutoModelForCausalLM.from_pretrained(state["folder"], dtype=dtype).eval()
    torch.set_num_threads(command["threads"])
    prompts = torch.tensor(command["prompts"])
    how = dict(do_sample=False) if command.get("greedy") else dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)
    # No token ends an answer, so that all have the same length.
    how.update(max_new_tokens=command["tokens"], eos_token_id=None, pad_token_id=0)
    start, processor = time.perf_counter(), time.process_time()
    out = state["models"][way].generate(prompts, attention_mask=torch.ones_like(prompts), **how)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    answers = out[:, prompts.shape[1] :]
    assert answers.shape[1] == command["tokens"], "an answer ended early"
    return dict(seconds=seconds, processorSeconds=processor, answers=answers.tolist())


def product(command):
    """Seconds of y = x Wᵀ in fp32, best of many."""
    torch.set_num_threads(command["threads"])
    x, weight = torch.randn(command["rows"], command["inputs"]), torch.randn(command["outputs"], command["inputs"])
    best = float("inf")
    for _ in range(40):
        start = time.perf_counter()
        torch.nn.functional.linear(x, weight)
        best = min(best, time.perf_counter() - start)
    return dict(seconds=best)


def dpo(command):
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    torch.set_num_threads(command["threads"])
    model = AutoModelForCausalLM.from_pretrained(command["folder"], dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(command["folder"])
    with tempfile.TemporaryDirectory() as out:
        args = DPOConfig(
            output_dir=out,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            bf16=command["dtype"] == "bf16",
            gradient_checkpointing=False,
            per_device_train_batch_size=command["microBatch"],
            gradient_accumulation_steps=command["batch"] // command["microBatch"],
            num_train_epochs=1,
            learning_rate=command["learningRate"],
            lr_scheduler_type="constant",
            beta=command["beta"],
            max_length=None,
            precompute_ref_log_probs=True,
            precompute_ref_batch_size=2 * command["microBatch"],
        )
        start = time.perf_counter()
        data = Dataset.from_list(command["pairs"])
        trainer = DPOTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer)
        result = trainer.train()
        seconds = time.perf_counter() - start
    return dict(seconds=seconds, loss=result.training_loss, steps=result.global_step)


OPERATIONS = dict(setup=setup, step=step, generate=generate, product=product, dpo=dpo)
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = OPERATIONS[command["op"]](command)
    except Exception as error:  # the bench shows it and goes on
        answer = dict(error=f"{type(error).__name__}: {error}"[:500])
    print(json.dumps(answer), file=answers, flush=True)
