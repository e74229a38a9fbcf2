"""How services that do not speak OpenAI's dialect ask for an answer and give it.

A dialect reads a service's request as OpenAI's, so that the same prompt is answered the same way
in all of them, and writes the answer, or the failure, in the service's own form.

| path | service |
|---|---|
| /v1/models/MODEL:generateContent, /v1beta/... | Google AI Studio |
| /openai/v1/chat/completions | Groq |
| /v1/conversations | Mistral, conversations (inspect's default) |
| /v2/chat | Cohere |
| /hf/v1/chat/completions | Hugging Face router: OpenAI's dialect, as a stream when asked for |
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

Body = dict[str, Any]


class Dialect(NamedTuple):
    """What differs from OpenAI: `write` gives the bytes of an answer and their content type."""

    read: Callable[[Body], Body]
    write: Callable[[Body, Body], tuple[bytes, str]]
    failure: Callable[[int, str], Body]


def openai_failure(status: int, message: str) -> Body:
    error = {"message": message, "type": "injected", "param": None, "code": str(status)}
    return {"error": error}


def as_json(value: Body) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"


def plain_text(content: str | list[Body] | None) -> str:
    """The text of a message, which some services take in pieces."""
    if isinstance(content, str | None):
        return content or ""
    return "".join(piece["text"] for piece in content)


def tokens(envelope: Body) -> tuple[int, int]:
    usage = envelope["usage"]
    return usage["prompt_tokens"], usage["completion_tokens"]


def read_google(body: Body) -> Body:
    # Google takes both spellings of a field: systemInstruction and system_instruction.
    body = camel_case(body)
    config = camel_case(body.get("generationConfig") or {})
    instruction = body.get("systemInstruction")
    system = [] if instruction is None else [("system", instruction["parts"])]
    roles = {"user": "user", "model": "assistant"}
    said = [(roles[turn["role"]], turn["parts"]) for turn in body["contents"]]
    return {
        "messages": [{"role": role, "content": plain_text(parts)} for role, parts in system + said],
        "n": config.get("candidateCount"),
        "seed": config.get("seed"),
        "max_tokens": config.get("maxOutputTokens"),
        "logprobs": config.get("responseLogprobs"),
        "top_logprobs": config.get("logprobs"),
    }


def write_google(envelope: Body, _: Body) -> tuple[bytes, str]:
    asked, said = tokens(envelope)
    candidates = []
    for choice in envelope["choices"]:
        candidate: Body = {
            "index": choice["index"],
            "content": {"role": "model", "parts": [{"text": choice["message"]["content"]}]},
            "finishReason": {"stop": "STOP", "length": "MAX_TOKENS"}[choice["finish_reason"]],
        }
        if choice["logprobs"]:
            places = choice["logprobs"]["content"]
            candidate["logprobsResult"] = {
                "chosenCandidates": [google_token(place) for place in places],
                "topCandidates": [
                    {"candidates": [google_token(top) for top in place["top_logprobs"]]}
                    for place in places
                ],
            }
        candidates.append(candidate)
    usage = {"promptTokenCount": asked, "candidatesTokenCount": said}
    return as_json(
        {
            "candidates": candidates,
            "usageMetadata": {**usage, "totalTokenCount": asked + said},
            "responseId": envelope["id"],
        }
    )


def camel_case(body: Body) -> Body:
    return {re.sub("_([a-z])", lambda m: m[1].upper(), key): body[key] for key in body}


def google_token(token: Body) -> Body:
    return {"token": token["token"], "logProbability": token["logprob"]}


def google_failure(status: int, message: str) -> Body:
    word = {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}.get(status, "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": word}}


def read_mistral(body: Body) -> Body:
    args = body.get("completion_args") or {}
    system = [{"role": "system", "content": body["instructions"]}] * bool(body.get("instructions"))
    roles = {"message.input": "user", "message.output": "assistant"}
    said = [
        {"role": roles[entry["type"]], "content": plain_text(entry["content"])}
        for entry in body["inputs"]
    ]
    return {
        "messages": system + said,
        "model": body.get("model"),
        "seed": args.get("random_seed"),
        "max_tokens": args.get("max_tokens"),
    }


def write_mistral(envelope: Body, body: Body) -> tuple[bytes, str]:
    message = {
        "object": "entry",
        "type": "message.output",
        "id": f"msg-{envelope['id']}",
        "created_at": "2026-01-01T00:00:00Z",
        "role": "assistant",
        "model": body.get("model"),
        "content": envelope["choices"][0]["message"]["content"],
    }
    return as_json(
        {
            "object": "conversation.response",
            "conversation_id": f"conv-{envelope['id']}",
            "outputs": [message],
            "usage": envelope["usage"],
        }
    )


def mistral_failure(status: int, message: str) -> Body:
    return {"object": "error", "message": message, "type": "injected", "code": str(status)}


def read_openai(body: Body) -> Body:
    said = [{**turn, "content": plain_text(turn["content"])} for turn in body["messages"]]
    return {**body, "messages": said}


def write_openai(envelope: Body, _: Body) -> tuple[bytes, str]:
    return as_json(envelope)


def write_groq(envelope: Body, _: Body) -> tuple[bytes, str]:
    times = {"queue_time": 0.0, "prompt_time": 0.0, "completion_time": 0.0, "total_time": 0.0}
    return as_json(
        {
            **envelope,
            "usage": {**envelope["usage"], **times},
            "service_tier": "on_demand",
            "x_groq": {"id": f"req-{envelope['id']}"},
        }
    )


def write_cohere(envelope: Body, _: Body) -> tuple[bytes, str]:
    asked, said = tokens(envelope)
    choice = envelope["choices"][0]
    counts = {"input_tokens": asked, "output_tokens": said}
    text = {"type": "text", "text": choice["message"]["content"]}
    return as_json(
        {
            "id": envelope["id"],
            "finish_reason": {"stop": "COMPLETE", "length": "MAX_TOKENS"}[choice["finish_reason"]],
            "message": {"role": "assistant", "content": [text]},
            "usage": {"billed_units": counts, "tokens": counts},
        }
    )


def cohere_failure(status: int, message: str) -> Body:
    return {"id": f"injected-{status}", "message": message}


def write_huggingface(envelope: Body, body: Body) -> tuple[bytes, str]:
    """As one reply, or as a stream of one event per half of each text, the end and the usage."""
    if not body.get("stream"):
        return as_json(envelope)
    head = {k: envelope[k] for k in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    events = []
    for choice in envelope["choices"]:
        index, text = choice["index"], choice["message"]["content"]
        half = len(text) // 2
        for delta, end in (
            ({"role": "assistant", "content": text[:half]}, None),
            ({"content": text[half:]}, None),
            ({}, choice["finish_reason"]),
        ):
            piece: Body = {"index": index, "delta": delta, "finish_reason": end}
            if end:
                piece["logprobs"] = choice["logprobs"]
            events.append({**head, "choices": [piece]})
    events.append({**head, "choices": [], "usage": envelope["usage"]})
    lines = [json.dumps(event) for event in events] + ["[DONE]"]
    return "".join(f"data: {line}\n\n" for line in lines).encode(), "text/event-stream"


OPENAI = Dialect(read_openai, write_openai, openai_failure)
GOOGLE = Dialect(read_google, write_google, google_failure)
OTHERS = {
    "/v1/models/{model}:generateContent": GOOGLE,
    "/v1beta/models/{model}:generateContent": GOOGLE,
    "/openai/v1/chat/completions": Dialect(read_openai, write_groq, openai_failure),
    "/v1/conversations": Dialect(read_mistral, write_mistral, mistral_failure),
    "/v2/chat": Dialect(read_openai, write_cohere, cohere_failure),
    "/hf/v1/chat/completions": Dialect(read_openai, write_huggingface, openai_failure),
}
