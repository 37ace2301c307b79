"""Asks transformers about a model folder: python ask_transformers.py FOLDER [ADAPTER] < QUESTIONS.json > ANSWERS.json

Questions: {"sequences": [[id]], "prompts": [[id]], "maxTokens": n, "chats": [[{role, content}]]}.
Answers: log-probabilities of tokens 2..n of each sequence, greedy continuations of the prompts, ids of the chats with a
generation prompt, the dtype of the weights, and the parameters that the folder lacked or had too many.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    questions = json.load(sys.stdin)
    folder = sys.argv[1]
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    dtype = str(next(model.parameters()).dtype)
    model = model.float().eval()
    if len(sys.argv) > 2:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, sys.argv[2]).eval()
    logprobs, greedy = [], []
    with torch.no_grad():
        for tokens in questions["sequences"]:
            ids = torch.tensor([tokens])
            logp = torch.log_softmax(model(ids).logits[0, :-1].double(), -1)
            logprobs.append(logp[torch.arange(len(tokens) - 1), ids[0, 1:]].tolist())
        for tokens in questions["prompts"]:
            ids = torch.tensor([tokens])
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=questions["maxTokens"]
            )
            greedy.append(out[0, len(tokens) :].tolist())
    chats = [tokenizer.apply_chat_template(c, add_generation_prompt=True)["input_ids"] for c in questions["chats"]]
    keys = {kind: sorted(str(key) for key in info[kind]) for kind in ("missing_keys", "unexpected_keys")}
    json.dump(dict(logprobs=logprobs, greedy=greedy, chats=chats, dtype=dtype, **keys), sys.stdout)


if __name__ == "__main__":
    main()
