"""inspect model provider `litellm/...`: every service that LiteLLM reaches, called in this process.

`--model litellm/<service>/<model>`, with the service's name as LiteLLM has it:
`litellm/gemini/...`, `litellm/groq/...`, `litellm/cohere/...`. Keys are read from the service's
usual variables.

Nothing that was asked for is dropped silently. LiteLLM refuses what it knows a service cannot take
(a seed, log-probabilities, several choices), and so does this provider; who can do without it names
it (`-M additional_drop_params=seed`), and the log shows it. There is no retry loop in here: what
may be retried is raised, and inspect waits, limits its connections and tries again.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelCall,
    ModelOutput,
    ModelUsage,
    RetryDecision,
    messages_to_openai,
    model_output_from_openai,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolFunction, ToolInfo

from pluralens.errors import InputError, shown_plainly
from pluralens.models.litellm_faults import refusal_of, retry_decision, seconds_to_wait, status_of

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion
    from tenacity import RetryCallState

__all__ = ["KEY_VARIABLES", "LiteLLMAPI", "litellm"]

# Settings of inspect under the name that LiteLLM has for them.
SENT_AS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "stop_seqs": "stop",
    "seed": "seed",
    "num_choices": "n",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "reasoning_effort": "reasoning_effort",
    "verbosity": "verbosity",
    "extra_headers": "extra_headers",
    "extra_body": "extra_body",
}
# Settings that change answers and that LiteLLM has no parameter for.
NOT_SENT = (
    "best_of",
    "effort",
    "fallback_models",
    "modalities",
    "prompt_logprobs",
    "reasoning_mode",
    "reasoning_tokens",
)
# Where the key of a well-known service is looked for; of others LiteLLM knows it, and a missing
# key is the service's own error.
KEY_VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "xai": ("XAI_API_KEY",),
}
OPTIONS = ("api_base", "api_version", "additional_drop_params", "allowed_openai_params")


@modelapi(name="litellm")
def litellm() -> type[ModelAPI]:
    """Provider of every service that LiteLLM reaches."""
    return LiteLLMAPI


class LiteLLMAPI(ModelAPI):
    """A service reached through LiteLLM.

    Args:
        model_name: `<service>/<model>`.
        base_url: Where the service is; default its public address.
        api_key: Default from the service's usual variable.
        config: Generate configuration.
        api_base: The same as `base_url`, by LiteLLM's name.
        api_version: Version of the interface, for services that have several.
        additional_drop_params: Names of parameters that are not sent, although they were asked
            for, to a service that does not take them.
        allowed_openai_params: Names of parameters that are sent although LiteLLM believes that the
            service does not take them.
        **unknown: Refused.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - inspect's own signature
        api_base: str | None = None,
        api_version: str | float | None = None,
        additional_drop_params: str | Sequence[str] = (),
        allowed_openai_params: str | Sequence[str] = (),
        **unknown: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        with shown_plainly():
            if unknown:
                raise InputError(
                    f"-M {next(iter(unknown))} is no option of litellm/{model_name}; it has "
                    + ", ".join(OPTIONS)
                )
            if base_url and api_base:
                raise InputError("api_base and the model base URL are the same; give one of them")
            self.base_url = base_url or api_base
            self.service = _service(model_name)
            if not (self.api_key or self.base_url):
                _require_key(model_name, self.service)
            self.api_version = None if api_version is None else str(api_version)
            self.dropped = _names("additional_drop_params", additional_drop_params)
            self.allowed = _names("allowed_openai_params", allowed_openai_params)
            _check_service(_library(), model_name)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> tuple[ModelOutput, ModelCall]:
        """Ask the service once.

        Raises:
            InputError: The service, or LiteLLM, does not take what was asked for.
            RuntimeError: The service's reply holds no answer, or fewer than were asked for.
        """
        library = _library()
        request = {
            "model": self.model_name,
            "messages": await messages_to_openai(input),
            **_tool_parameters(tools, tool_choice, config),
            **_parameters(config),
        }
        # Taken before the call: LiteLLM changes messages in place for some services.
        call = ModelCall.create(request, None)
        try:
            response = await library.acompletion(
                **request,
                api_key=self.api_key,
                api_base=self.base_url,
                api_version=self.api_version,
                **self._once(library),
            )
        except library.UnsupportedParamsError as error:
            raise InputError(_unsupported(self.model_name, error)) from None
        except library.BadRequestError as error:
            reason = refusal_of(error)
            if reason is None:
                raise
            # A prompt that the service would not read: too long, or against its rules.
            return ModelOutput.from_content(self.model_name, str(error), reason), call
        data = response.model_dump()
        call.set_response(data)
        output = await model_output_from_openai(
            _completion(data, self.model_name, config.num_choices or 1)
        )
        output.usage = _usage(output, getattr(response, "_hidden_params", {}))
        return output, call

    def _once(self, library: Any) -> dict[str, Any]:
        """Parameters that make LiteLLM ask once, whatever comes back."""
        allowed, once = list(self.allowed), {"max_retries": 0}
        if self.service in library.openai_compatible_providers or self.service.startswith("azure"):
            # Else it reaches some of them with a client that tries three times.
            allowed.append("max_retries")
        elif self.service == "huggingface":
            # Asked once anyway, and LiteLLM would send the parameter on to the service.
            once = {}
        named = {"additional_drop_params": self.dropped, "allowed_openai_params": allowed}
        return {**once, **{name: value for name, value in named.items() if value}}

    def should_retry(self, ex: Exception) -> RetryDecision:
        """Whether asking again may help, by what happened on the way to the service."""
        return retry_decision(ex)

    def retry_wait(self) -> "Callable[[RetryCallState], float]":
        """Wait as long as the service says, else as long as inspect does."""
        from tenacity import wait_exponential_jitter

        backoff = wait_exponential_jitter(initial=3, max=30 * 60, jitter=3)

        def wait(state: "RetryCallState") -> float:
            error = state.outcome.exception() if state.outcome else None
            seconds = seconds_to_wait(error) if error else None
            return backoff(state) if seconds is None else seconds

        return wait

    def is_auth_failure(self, ex: Exception) -> bool:
        """Whether the service did not take the key."""
        return status_of(ex) == 401

    def connection_key(self) -> str:
        """Connections are limited per address, key and model."""
        return f"{self.base_url}:{self.initial_api_key}:{self.model_name}"


def _service(model_name: str) -> str:
    service, _, model = model_name.partition("/")
    if not service.strip() or not model.strip("/ "):
        raise InputError(
            f"litellm/{model_name} names no service and model; write "
            "litellm/<service>/<model>, for example litellm/groq/llama-3.1-8b-instant"
        )
    return service


def _require_key(model_name: str, service: str) -> None:
    variables = KEY_VARIABLES.get(service, ())
    if variables and not any(os.environ.get(variable) for variable in variables):
        raise InputError(
            f"litellm/{model_name} needs a key; set {' or '.join(variables)} in the environment"
        )


def _names(option: str, value: str | Sequence[str]) -> list[str]:
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, bool | int | float) or not all(isinstance(n, str) and n for n in names):
        raise InputError(f"{option}={value!r} must be names of parameters; write {option}=seed,n")
    return [name.strip() for name in names]


def _library() -> Any:
    """LiteLLM, imported when it is needed: it takes seconds, and is an extra."""
    # Else it fetches a list of prices from the network while it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm as library
    except ModuleNotFoundError as missing:
        if missing.name != "litellm":
            raise
        raise InputError(
            'litellm is not installed; install it with pip install "pluralens[litellm]"'
        ) from None
    # A variable of the environment can switch on that parameters vanish: never here.
    library.drop_params = False
    library.suppress_debug_info = True
    return library


def _check_service(library: Any, model_name: str) -> None:
    try:
        library.get_llm_provider(model_name)
    except library.BadRequestError:
        raise InputError(
            f"litellm/{model_name}: LiteLLM knows no service {_service(model_name)!r}; its list is "
            "at https://docs.litellm.ai/docs/providers"
        ) from None


def _parameters(config: GenerateConfig) -> dict[str, Any]:
    for name in NOT_SENT:
        if getattr(config, name) is not None:
            raise InputError(f"{name} cannot be sent through LiteLLM; run without it")
    sent = {ours: getattr(config, name) for name, ours in SENT_AS.items()}
    if config.response_schema is not None:
        form = config.response_schema
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                **form.model_dump(include={"name", "description", "strict"}, exclude_none=True),
                "schema": form.json_schema.model_dump(exclude_none=True),
            },
        }
    return {name: value for name, value in sent.items() if value is not None}


def _tool_parameters(
    tools: list[ToolInfo], choice: ToolChoice, config: GenerateConfig
) -> dict[str, Any]:
    if not tools:
        return {}
    parameters: dict[str, Any] = {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters.model_dump(exclude_none=True),
                },
            }
            for tool in tools
        ]
    }
    if isinstance(choice, ToolFunction):
        parameters["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        parameters["tool_choice"] = "required" if choice == "any" else choice
    if config.parallel_tool_calls is not None:
        parameters["parallel_tool_calls"] = config.parallel_tool_calls
    return parameters


def _unsupported(model_name: str, error: Exception) -> str:
    """LiteLLM's refusal of a parameter as one line, with the options of this provider."""
    said = " ".join(str(error).split("To drop")[0].split()).removeprefix(
        "litellm.UnsupportedParamsError: "
    )
    return (
        f"litellm/{model_name}: {said.rstrip(' .,')}; run without them, or name them in "
        "-M additional_drop_params=... (not sent) or -M allowed_openai_params=... (sent anyway)"
    )


def _completion(data: dict[str, Any], model_name: str, asked: int) -> "ChatCompletion":
    """The reply in OpenAI's form.

    Raises:
        RuntimeError: It has no answers, or fewer than were asked for.
    """
    from openai.types.chat import ChatCompletion

    choices = data.get("choices") or []
    if len(choices) < asked:
        raise RuntimeError(
            f"litellm/{model_name} returned {len(choices)} of {asked} answers; "
            + ("use epochs for several answers" if choices else "run inspect eval-retry")
        )
    for choice in choices:
        message = choice["message"]
        # LiteLLM moves what it does not know; inspect reads a refusal's words from here.
        message["refusal"] = (message.get("provider_specific_fields") or {}).get("refusal")
        said = ("content", "refusal", "tool_calls", "function_call", "reasoning_content")
        # An answer of no words is an empty text. LiteLLM writes `stop` where nothing was said.
        if choice.get("finish_reason") == "stop" and all(message.get(k) is None for k in said):
            raise RuntimeError(
                f"litellm/{model_name} returned a reply without a message; run inspect eval-retry"
            )
    # Not validated: services have reasons of their own for the end of an answer.
    return ChatCompletion.construct(**data)


def _usage(output: ModelOutput, hidden: Mapping[str, Any]) -> ModelUsage | None:
    """Token counts, with the cost by LiteLLM's own list of prices in US dollars."""
    usage = output.usage
    if usage is None or not usage.total_tokens:
        return None
    cost = hidden.get("response_cost")
    # LiteLLM says 0 for models that its list does not have.
    return usage.model_copy(update={"total_cost": cost}) if cost else usage
