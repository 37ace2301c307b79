"""The openai package of Python against a server: every question's outcome as one JSON object on standard output.

    openai_client.py BASE_URL < {"prompt": "...", "prompt_ids": [...], "stop": "..."}
"""

import json
import sys
import threading

import openai

given = json.load(sys.stdin)
client = openai.OpenAI(base_url=sys.argv[1], api_key="secret", max_retries=0, timeout=120)
messages = [{"role": "user", "content": given["prompt"]}]
schema = {
    "type": "object",
    "properties": {"color": {"enum": ["red", "blue"]}, "sure": {"type": "boolean"}},
    "required": ["color", "sure"],
    "additionalProperties": False,
}


def chat(**more):
    return client.chat.completions.create(**{"model": "lab", "messages": messages, "max_tokens": 24, **more})


def texts(reply):
    return [choice.message.content for choice in reply.choices]


def streamed(**more):
    stream = chat(stream=True, stream_options={"include_usage": True}, **more)
    answers, reasons, usage, deltas = {}, {}, None, 0
    for chunk in stream:
        usage = chunk.usage.to_dict() if chunk.usage else usage
        for choice in chunk.choices:
            deltas += 1
            answers[choice.index] = answers.get(choice.index, "") + (choice.delta.content or "")
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
    order = sorted(answers)
    return {"texts": [answers[i] for i in order], "reasons": [reasons[i] for i in order], "usage": usage, "deltas": deltas}


def error_of(ask):
    try:
        ask()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "message": str(error.body.get("message"))}
    return None


def together():
    answers = [None] * 8

    def ask(seed):
        answers[seed] = texts(chat(seed=seed))[0]

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def logprobs():
    reply = chat(temperature=0, logprobs=True, top_logprobs=3)
    content = [token.to_dict() for token in reply.choices[0].logprobs.content]
    chunks = list(chat(temperature=0, logprobs=True, top_logprobs=3, stream=True))
    live = [token.to_dict() for chunk in chunks for choice in chunk.choices if choice.logprobs for token in choice.logprobs.content]
    return {"content": content, "streamed": live, "usage": reply.usage.to_dict()}


def structured():
    reply = chat(
        n=4,
        seed=3,
        max_tokens=60,
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}},
    )
    return {"texts": texts(reply), "reasons": [choice.finish_reason for choice in reply.choices]}


def parsed():
    """The helper that takes a class for the schema."""
    from enum import Enum
    from typing import Optional

    from pydantic import BaseModel

    class Color(str, Enum):
        red = "red"
        blue = "blue"

    class Answer(BaseModel):
        color: Color
        sure: bool
        note: Optional[bool]

    reply = client.chat.completions.parse(model="lab", messages=messages, response_format=Answer, seed=1, max_tokens=80)
    return reply.choices[0].message.parsed.model_dump(mode="json")


def completions():
    common = {"model": "lab", "max_tokens": 8, "temperature": 0, "logprobs": 2}
    text = client.completions.create(prompt=[given["prompt"], given["prompt"]], **common)
    ids = client.completions.create(prompt=given["prompt_ids"], extra_body={"return_token_ids": True}, **common)
    pieces = client.completions.create(prompt=given["prompt_ids"], stream=True, **common)
    live = list(pieces)
    first = ids.choices[0]
    return {
        "texts": [choice.text for choice in text.choices],
        "usage": text.usage.to_dict(),
        "by_ids": first.text,
        "token_ids": first.model_extra["token_ids"],
        "prompt_token_ids": first.model_extra["prompt_token_ids"],
        "logprobs": first.logprobs.to_dict(),
        "streamed": "".join(choice.text for chunk in live for choice in chunk.choices),
        "streamed_logprobs": {
            part: [value for chunk in live for choice in chunk.choices for value in getattr(choice.logprobs, part)]
            for part in ("tokens", "token_logprobs", "top_logprobs", "text_offset")
        },
    }


seeded = [chat(n=4, seed=7), chat(n=4, seed=7), chat(n=4, seed=8)]
stopped = chat(temperature=0, stop=given["stop"])
unbounded = chat(temperature=0, max_tokens=openai.NOT_GIVEN)
outcome = {
    "models": [model.id for model in client.models.list()],
    "greedy": {"texts": texts(chat(temperature=0)), "usage": chat(temperature=0).usage.to_dict()},
    "unbounded": {"texts": texts(unbounded), "reason": unbounded.choices[0].finish_reason},
    "seeded": [texts(reply) for reply in seeded],
    "stopped": {"text": texts(stopped)[0], "reason": stopped.choices[0].finish_reason},
    "stopped_stream": streamed(temperature=0, stop=[given["stop"], "never said"]),
    "whole": {"texts": texts(seeded[0]), "reasons": [c.finish_reason for c in seeded[0].choices], "usage": seeded[0].usage.to_dict()},
    "streamed": streamed(n=4, seed=7),
    "logprobs": logprobs(),
    "structured": structured(),
    "parsed": parsed(),
    "together": together(),
    "alone": texts(chat(seed=5))[0],
    "completions": completions(),
    "errors": {
        "key": error_of(lambda: client.with_options(api_key="wrong").models.list()),
        "model": error_of(lambda: chat(model="gpt-4")),
        "setting": error_of(lambda: chat(temperature=-1)),
        "penalty": error_of(lambda: chat(frequency_penalty=1)),
        "tools": error_of(lambda: chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])),
        "context": error_of(lambda: chat(messages=[{"role": "user", "content": "red " * 3000}])),
        "stream": error_of(lambda: chat(messages=[{"role": "user", "content": "red " * 3000}], stream=True)),
        "schema": error_of(
            lambda: chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"not": {}}}})
        ),
        "route": error_of(lambda: client.embeddings.create(model="lab", input="x")),
    },
}
json.dump(outcome, sys.stdout)
