"""`litellm/...` against servers on this machine: what is sent, what comes back, what is retried."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ResponseSchema,
    get_model,
)
from inspect_ai.tool import ToolCall, ToolFunction, ToolInfo, ToolParams
from inspect_ai.util import JSONSchema
from openai_server import OpenAIServer
from scripted_server import Reply, ScriptedServer, completion

from pluralens.errors import InputError

pytest.importorskip("litellm", reason='needs pip install "pluralens[providers]"')
pytestmark = pytest.mark.providers

ONCE = GenerateConfig(max_retries=0)
SERVICES = {
    "openai/gpt-4o": "/v1",
    "cerebras/llama3.1-8b": "/v1",
    "groq/openai/gpt-oss-20b": "/openai/v1",
    "huggingface/together/org/model": "/hf/v1/chat/completions",
    "mistral/mistral-small-latest": "/v1",
    "openrouter/openai/gpt-4o-mini": "/v1",
    "gemini/gemini-2.5-flash": "/v1beta",
    "cohere/command-a-03-2025": "/v2/chat",
}
FAULTS = ("p429", "p500", "pdrop", "pbadbody")
TOOL = ToolInfo(
    name="add",
    description="Add numbers.",
    parameters=ToolParams(properties={"a": JSONSchema(type="integer")}, required=["a"]),
)


def model_at(url: str, name: str = "openai/gpt-4o", **options: Any) -> Model:
    address = url + SERVICES.get(name, "/v1")
    return get_model(f"litellm/{name}", api_key="k", api_base=address, memoize=False, **options)


def ask(
    server: ScriptedServer | OpenAIServer, name: str = "openai/gpt-4o", **options: Any
) -> ModelOutput:
    of_call = {k: options.pop(k) for k in ("tools", "tool_choice", "input") if k in options}
    config = options.pop("config", ONCE)
    prompt = of_call.pop("input", "Rate this person.")
    return asyncio.run(
        model_at(server.url, name, **options).generate(prompt, config=config, **of_call)
    )


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_answers(name: str, tmp_path: Path) -> None:
    with OpenAIServer(tmp_path) as server:
        output = ask(server, name)
        (request,) = server.requests()
    assert json.loads(output.completion) == {"rating": request["rating"]}
    assert output.stop_reason == "stop"
    assert output.usage and output.usage.input_tokens and output.usage.output_tokens


@pytest.mark.parametrize("name", SERVICES)
def test_each_fault_is_asked_once_and_never_an_answer(name: str, tmp_path: Path) -> None:
    with OpenAIServer(tmp_path, retry_after=0.01) as server:
        model = model_at(server.url, name)
        for fault in FAULTS:
            server.configure(**{**dict.fromkeys(FAULTS, 0.0), fault: 1.0})
            server.reset()
            with pytest.raises(Exception) as error:
                asyncio.run(model.generate("Rate this person.", config=ONCE))
            # inspect's own retry is off: a second request would be a loop within.
            assert server.stats()["requests"] == 1, fault
            decision = model.api.should_retry(error.value.__cause__ or error.value)
            assert bool(decision) == (fault != "pbadbody"), (fault, repr(error.value))
            if fault == "p429":
                assert (decision.kind, decision.retry_after) == ("rate_limit", 0.01)


@pytest.mark.parametrize("name", ["openai/gpt-4o", "cerebras/llama3.1-8b", "cohere/command-r7b"])
def test_inspect_waits_as_long_as_the_service_says(name: str, tmp_path: Path) -> None:
    limited = Reply({"message": "slow down"}, 429, {"Retry-After": "0.3"})
    answer = completion({"role": "assistant", "content": "4"})
    if name.startswith("cohere"):
        text = [{"type": "text", "text": "4"}]
        answer = {"id": "1", "finish_reason": "COMPLETE", "message": {"content": text}, "usage": {}}
    with ScriptedServer(limited, limited, answer) as server:
        began = time.monotonic()
        output = ask(server, name, config=GenerateConfig(max_retries=5))
        took = time.monotonic() - began
    assert output.completion == "4" and len(server.sent) == 3
    # inspect's own waits begin at three seconds each.
    assert 0.6 <= took < 6


def test_without_retry_after_inspect_waits_by_itself() -> None:
    with ScriptedServer(
        Reply({}, 503), completion({"role": "assistant", "content": "4"})
    ) as server:
        began = time.monotonic()
        assert ask(server, config=GenerateConfig(max_retries=1)).completion == "4"
    assert time.monotonic() - began >= 3 and len(server.sent) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_another_attempt_cannot_help_is_not_retried(status: int) -> None:
    with ScriptedServer(Reply({"error": {"message": "no"}}, status)) as server:
        with pytest.raises(Exception) as error:
            ask(server, config=GenerateConfig(max_retries=3))
    assert len(server.sent) == 1 and not isinstance(error.value, AssertionError)


EMPTY = {
    "no choices": completion(),
    "choices of null": {**completion(), "choices": None},
    "no such field": {"id": "c", "object": "chat.completion", "created": 0, "model": "m"},
    "no content": completion({"role": "assistant", "content": None}),
    "no message": completion({"role": "assistant"}),
    "an error": {"error": {"message": "overloaded", "code": 502}},
    "nothing": {},
    "a web page": Reply(b"<html>busy</html>"),
    "an empty body": Reply(b""),
}


@pytest.mark.parametrize("name", [n for n in SERVICES if not n.startswith(("gemini", "cohere"))])
@pytest.mark.parametrize("what", EMPTY)
def test_a_reply_without_an_answer_is_an_error(name: str, what: str) -> None:
    with ScriptedServer(EMPTY[what]) as server:  # type: ignore[arg-type]
        with pytest.raises(Exception) as error:
            ask(server, name, config=GenerateConfig(max_retries=2))
    assert len(server.sent) == 1 and not isinstance(error.value, AssertionError)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gemini/gemini-2.5-flash", {}),
        ("gemini/gemini-2.5-flash", {"candidates": []}),
        ("gemini/gemini-2.5-flash", {"candidates": [{"index": 0, "finishReason": "STOP"}]}),
        ("cohere/command-a-03-2025", {}),
        ("cohere/command-a-03-2025", {"finish_reason": "COMPLETE", "message": {}}),
        ("cohere/command-a-03-2025", {"finish_reason": "ERROR", "message": {"content": []}}),
    ],
)
def test_so_it_is_in_other_dialects(name: str, body: dict[str, Any]) -> None:
    with ScriptedServer(body) as server, pytest.raises(Exception) as error:
        ask(server, name)
    assert len(server.sent) == 1 and not isinstance(error.value, AssertionError)


def test_an_answer_of_no_words_is_an_answer() -> None:
    with ScriptedServer(completion({"role": "assistant", "content": ""})) as server:
        output = ask(server)
    assert (output.completion, output.stop_reason) == ("", "stop")


def test_refused_filtered_and_cut_off_answers_keep_what_they_are() -> None:
    def output(choice: dict[str, Any], **fields: Any) -> ModelOutput:
        with ScriptedServer(completion(choice)) as server:
            return ask(server)

    refused = output({"role": "assistant", "content": None, "refusal": "I cannot."})
    assert refused.completion == "I cannot."
    filtered = output({"message": {"content": None}, "finish_reason": "content_filter"})
    assert (filtered.completion, filtered.stop_reason) == ("", "content_filter")
    cut = output({"message": {"content": "Beca"}, "finish_reason": "length"})
    assert (cut.completion, cut.stop_reason) == ("Beca", "max_tokens")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            {"code": "context_length_exceeded", "message": "maximum context length is 10 tokens"},
            "model_length",
        ),
        (
            {"code": "content_policy_violation", "message": "content_policy_violation: no"},
            "content_filter",
        ),
    ],
)
def test_prompts_that_the_service_will_not_read(error: dict[str, str], reason: str) -> None:
    with ScriptedServer(
        Reply({"error": {**error, "type": "invalid_request_error"}}, 400)
    ) as server:
        assert ask(server).stop_reason == reason
    assert len(server.sent) == 1


def test_tools_go_there_and_calls_come_back() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    earlier = ToolCall(id="t0", function="add", arguments={"a": 1})
    history = [
        ChatMessageUser(content="Add."),
        ChatMessageAssistant(content="", tool_calls=[earlier]),
        ChatMessageTool(content="1", tool_call_id="t0", function="add"),
    ]
    with ScriptedServer(completion(choice)) as server:
        output = ask(server, input=history, tools=[TOOL], tool_choice=ToolFunction(name="add"))
        ask(server, tools=[TOOL], tool_choice="any")
    (found,) = output.message.tool_calls or []
    assert (found.id, found.function, found.arguments) == ("t1", "add", {"a": 2})
    assert output.stop_reason == "tool_calls"
    first, second = server.sent
    (tool,) = first["tools"]
    assert tool["function"]["name"] == "add"
    assert tool["function"]["parameters"]["required"] == ["a"]
    assert first["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert second["tool_choice"] == "required"
    assert [m["role"] for m in first["messages"]] == ["user", "assistant", "tool"]
    assert first["messages"][1]["tool_calls"][0]["id"] == first["messages"][2]["tool_call_id"]


FORM = ResponseSchema(
    name="odd_form",
    json_schema=JSONSchema(type="object", properties={"odd_field": JSONSchema(type="number")}),
)
SETTINGS: dict[str, tuple[Any, str]] = {
    "temperature": (0.123, "0.123"),
    "top_p": (0.456, "0.456"),
    "top_k": (57, "57"),
    "max_tokens": (777, "777"),
    "stop_seqs": (["ZSTOP"], "ZSTOP"),
    "seed": (987654, "987654"),
    "num_choices": (3, "3"),
    "logprobs": (True, "ogprobs"),
    "top_logprobs": (13, "13"),
    "frequency_penalty": (0.77, "0.77"),
    "presence_penalty": (0.66, "0.66"),
    "logit_bias": ({5678: -7.5}, "5678"),
    "response_schema": (FORM, "odd_field"),
    "extra_body": ({"odd_option": 1}, "odd_option"),
}


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_is_sent_or_refused(name: str) -> None:
    refused, vanished = [], []

    async def send_each(server: ScriptedServer) -> None:
        model = model_at(server.url, name)
        for setting, (value, trace) in SETTINGS.items():
            settings = {"logprobs": True} if setting == "top_logprobs" else {}
            config = GenerateConfig(max_retries=0, **{**settings, setting: value})
            server.sent.clear()
            with pytest.raises(Exception) as error:
                await model.generate("Rate this person.", config=config)
            if server.sent:
                if trace not in json.dumps(server.sent[0]):
                    vanished.append(setting)
            else:
                refused.append(setting)
                assert isinstance(error.value, InputError), (setting, error.value)
                assert "additional_drop_params" in str(error.value)
                assert "\n" not in str(error.value)

    with ScriptedServer(Reply({"error": {"message": "enough"}}, 400)) as server:
        asyncio.run(send_each(server))
    assert not vanished and len(refused) < 7


def test_settings_without_a_name_in_litellm_are_refused() -> None:
    with ScriptedServer(completion({"role": "assistant", "content": "4"})) as server:
        with pytest.raises(InputError, match="best_of"):
            ask(server, config=GenerateConfig(best_of=3))
    assert not server.sent


def test_who_names_a_parameter_may_do_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    name, config = "anthropic/claude-x", GenerateConfig(seed=1, max_retries=0)
    with ScriptedServer(Reply({}, 400)) as server:
        # Not even a variable of the environment lets it vanish for everybody.
        monkeypatch.setattr("litellm.drop_params", True)
        with pytest.raises(InputError, match="seed"):
            ask(server, name, config=config)
        assert not server.sent
        with pytest.raises(Exception, match="400|BadRequest"):
            ask(server, name, config=config, additional_drop_params="seed")
        assert "seed" not in server.sent[0]


def test_who_names_a_parameter_may_send_it_anyway() -> None:
    config = GenerateConfig(response_schema=FORM, max_retries=0)
    with ScriptedServer(Reply({}, 400)) as server:
        with pytest.raises(InputError, match="response_format"):
            ask(server, "cohere/command-a-03-2025", config=config)
        with pytest.raises(Exception, match="400|BadRequest|Cohere"):
            ask(
                server,
                "cohere/command-a-03-2025",
                config=config,
                allowed_openai_params=["response_format"],
            )
        assert "odd_field" in json.dumps(server.sent[0]["response_format"])


def test_several_choices_are_all_there_or_it_is_an_error() -> None:
    three = GenerateConfig(num_choices=3, max_retries=0)
    texts = [{"role": "assistant", "content": text} for text in "abc"]
    with ScriptedServer(completion(*texts)) as server:
        assert [c.message.text for c in ask(server, config=three).choices] == ["a", "b", "c"]
        assert server.sent[0]["n"] == 3
    with ScriptedServer(completion(*texts[:1])) as server:
        with pytest.raises(RuntimeError, match="1 of 3"):
            ask(server, config=three)


def test_logprobs_come_back(tmp_path: Path) -> None:
    config = GenerateConfig(logprobs=True, top_logprobs=20)
    with OpenAIServer(tmp_path) as server:
        through = ask(server, config=config)
        direct = asyncio.run(
            get_model("openai-api/x/gpt-4o", base_url=server.base_url, api_key="k").generate(
                "Rate this person.", config=config
            )
        )
    assert direct.choices[0].logprobs and through.choices[0].logprobs
    assert through.choices[0].logprobs == direct.choices[0].logprobs


def test_cost_is_tokens_times_the_list_price() -> None:
    import litellm

    price = litellm.model_cost["gpt-4o"]
    expected = 100 * price["input_cost_per_token"] + 20 * price["output_cost_per_token"]
    answer = {"role": "assistant", "content": "4"}
    with ScriptedServer(completion(answer, model="gpt-4o")) as server:
        usage = ask(server).usage
    with ScriptedServer(completion(answer, model="nobody-knows-me")) as server:
        unknown = ask(server, "openai/nobody-knows-me").usage
    assert usage and (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (100, 20, 120)
    assert usage.total_cost == pytest.approx(expected) and expected > 0
    assert unknown and unknown.total_tokens == 120 and unknown.total_cost is None


def test_keys_come_from_the_usual_variable_and_stay_out_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "secret-key")
    with ScriptedServer(completion({"role": "assistant", "content": "4"})) as server:
        model = get_model("litellm/openrouter/a/b", base_url=server.url, memoize=False)
        output, call = asyncio.run(
            model.api.generate([ChatMessageUser(content="?")], [], "none", GenerateConfig())
        )  # type: ignore[misc]
    assert isinstance(output, ModelOutput) and output.completion == "4"
    assert server.headers[0]["authorization"] == "Bearer secret-key"
    assert "secret-key" not in call.model_dump_json()
    assert call.request["messages"] and call.response


def test_unknown_services_are_one_line() -> None:
    with pytest.raises(Exception) as error:
        get_model("litellm/nosuchservice/x", api_key="k", memoize=False)
    assert getattr(error.value, "exit_code", None) == 2
    assert "'nosuchservice'" in str(error.value) and "\n" not in str(error.value)
