"""What personalising asks of a model, and what it keeps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from inspect_ai import Epochs, Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState

from pluralens.errors import InputError
from pluralens.scorers.graders import NO_GRADER, graders
from pluralens.scorers.personalized_answers import Answer, PersonalizedAnswers, answer_of
from pluralens.scorers.personalized_parsing import MODE_KEYS, MODES, ParsedAnswer, Reason
from pluralens.solvers.personalize import personalize
from pluralens.solvers.personalize_wording import personalize_wording

QUESTION = "Should people be free to sell their votes?"
SHOWN = "Age: 44\nReligion: Quaker\nDefining quirks: hums sea shanties"
OTHER = "Age: 71\nReligion: Shinto\nDefining quirks: folds paper cranes"
SECRETS = ("44", "Quaker", "shanties", "71", "Shinto", "cranes")

Request = tuple[list[ChatMessage], GenerateConfig]
Reply = Callable[[int, GenerateConfig], ModelOutput | str]


class Recorder:
    """A model that keeps what it was asked; its n-th reply is `reply(n, config)`."""

    def __init__(self, reply: Reply) -> None:
        self.requests: list[Request] = []
        self._reply = reply

    def __call__(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        self.requests.append((list(input), config))
        said = self._reply(len(self.requests) - 1, config)
        output = ModelOutput.from_content("mock", said) if isinstance(said, str) else said
        # Without usage inspect would count tokens with a vocabulary that it downloads.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    def prompts(self) -> list[str]:
        return ["\n".join(m.text for m in messages) for messages, _ in self.requests]


def fitting(number: int, config: GenerateConfig) -> str:
    """A reply in the form that the schema of the request demands, unlike any other reply."""
    assert config.response_schema is not None
    keys = config.response_schema.json_schema.properties or {}
    return json.dumps({key: f"my {key} number {number:03}" for key in keys})


def run(
    folder: Path,
    recorder: Recorder,
    metadata: dict[str, Any] | None = None,
    *,
    epochs: int = 1,
    temperature: float | None = 0.0,
    scorer: Scorer | None = None,
    n: int = 1,
    **options: Any,
) -> EvalLog:
    samples = [
        Sample(id=f"s{k}", input=QUESTION, metadata=metadata or {"shown": SHOWN}) for k in range(n)
    ]
    task = Task(
        dataset=samples, solver=personalize(**options), scorer=scorer, epochs=Epochs(epochs)
    )
    config = GenerateConfig(temperature=temperature)
    model = get_model("mockllm/model", config=config, custom_outputs=recorder, memoize=False)
    (log,) = inspect_eval(task, model=model, log_dir=str(folder), display="none")
    return log


def answers(log: EvalLog) -> list[PersonalizedAnswers]:
    assert log.status == "success", log.error
    return [s.store_as(PersonalizedAnswers) for s in log.samples or []]


def one(log: EvalLog) -> Answer:
    (stored,) = answers(log)
    (answer,) = stored.answers
    return answer


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_asks_once_with_its_own_schema(mode: str, tmp_path: Path) -> None:
    recorder = Recorder(fitting)
    log = run(tmp_path, recorder, mode=mode)
    ((messages, config),) = recorder.requests
    assert [m.role for m in messages] == ["system", "user"]
    assert config.response_schema is not None
    form = config.response_schema.json_schema
    assert tuple(form.properties or {}) == MODE_KEYS[mode]  # type: ignore[index]
    assert form.required == list(MODE_KEYS[mode])  # type: ignore[index]
    assert form.additionalProperties is False
    answer = one(log)
    assert (answer.key, answer.outcome, answer.reason) == ("answer", "answer", None)
    assert answer.text == "my answer number 000"
    kept = {"chain_of_thought": "my reasoning number 000",
            "demographic_summary": "my relevant_parts number 000"}.get(mode, "")  # fmt: skip
    assert answer.notes == kept
    assert len(answer.replies) == 1 and list(answer.stops) == ["stop"]


@pytest.mark.parametrize("mode", MODES)
def test_only_the_baseline_sees_no_persona(mode: str, tmp_path: Path) -> None:
    recorder = Recorder(fitting)
    run(tmp_path, recorder, mode=mode)
    (prompt,) = recorder.prompts()
    assert prompt.count(QUESTION) == 1
    seen = [secret for secret in SECRETS if secret in prompt]
    if mode == "baseline":
        assert not seen
        assert "person" not in prompt.lower() and "suit" not in prompt
    else:
        assert SHOWN in prompt
        assert "subtle" in prompt and "quote nothing" in prompt
    assert "helpful" in prompt and "harmless" in prompt


def test_nothing_shown_is_said_to_be_nothing(tmp_path: Path) -> None:
    recorder = Recorder(fitting)
    run(tmp_path, recorder, {"shown": ""})
    assert "Nothing is known about this person." in recorder.prompts()[0]


def test_attempts_never_see_each_other(tmp_path: Path) -> None:
    """Every epoch begins anew: one prompt, the same in all, without a word of any answer."""
    recorder = Recorder(fitting)
    log = run(tmp_path, recorder, epochs=8, temperature=1.0)
    assert len(recorder.requests) == 8
    assert len(set(recorder.prompts())) == 1
    texts = [stored.answers[0].text for stored in answers(log)]
    assert len(set(texts)) == 8
    assert not any(text in prompt for text in texts for prompt in recorder.prompts())
    seeds = [config.seed for _, config in recorder.requests]
    assert None not in seeds and len(set(seeds)) == 8


def test_attempts_never_see_each_other_when_asked_again(tmp_path: Path) -> None:
    def reply(number: int, config: GenerateConfig) -> str:
        asked_again = len(recorder.requests[-1][0]) > 2
        return fitting(number, config) if asked_again else f"broken {number:03}"

    recorder = Recorder(reply)
    run(tmp_path, recorder, epochs=4, temperature=1.0)
    for messages, _ in recorder.requests:
        text = "\n".join(m.text for m in messages)
        assert "my answer" not in text
        assert text.count("broken") == (1 if len(messages) > 2 else 0)
    assert len({config.seed for _, config in recorder.requests}) == 8


def test_the_answers_of_a_comparison_never_see_each_other(tmp_path: Path) -> None:
    recorder = Recorder(fitting)
    log = run(
        tmp_path, recorder, {"shown": SHOWN, "shown_second": OTHER}, epochs=2, temperature=0.7
    )
    for stored in answers(log):
        assert [a.key for a in stored.answers] == ["first", "second"]
        assert answer_of(stored) is None and answer_of(stored, "second") == stored.answers[1]
    by_person = {text: [p for p in recorder.prompts() if text in p] for text in (SHOWN, OTHER)}
    assert [len(found) for found in by_person.values()] == [2, 2]
    assert not set(by_person[SHOWN]) & set(by_person[OTHER])
    assert not any("my answer" in prompt for prompt in recorder.prompts())
    assert len({config.seed for _, config in recorder.requests}) == 4


def test_a_comparison_keeps_whose_answer_it_is(tmp_path: Path) -> None:
    def reply(number: int, config: GenerateConfig) -> str:
        prompt = recorder.prompts()[-1]
        return json.dumps({"answer": "for the Quaker" if "Quaker" in prompt else "for the other"})

    recorder = Recorder(reply)
    (stored,) = answers(run(tmp_path, recorder, {"shown": SHOWN, "shown_second": OTHER}))
    assert [a.text for a in stored.answers] == ["for the Quaker", "for the other"]


def test_the_baseline_beside_the_answer_sees_neither_person_nor_answer(tmp_path: Path) -> None:
    recorder = Recorder(fitting)
    log = run(tmp_path, recorder, mode="chain_of_thought", also_baseline=True)
    (stored,) = answers(log)
    assert [a.key for a in stored.answers] == ["answer", "baseline"]
    baseline = [p for p in recorder.prompts() if SHOWN not in p]
    assert len(baseline) == 1 and not any(secret in baseline[0] for secret in SECRETS)
    assert answer_of(stored, "baseline").notes == ""  # type: ignore[union-attr]


def test_greedy_requests_carry_no_seed(tmp_path: Path) -> None:
    for temperature in (0.0, None):
        recorder = Recorder(fitting)
        run(tmp_path, recorder, temperature=temperature)
        assert [config.seed for _, config in recorder.requests] == [None]


def test_a_task_can_say_that_it_samples(tmp_path: Path) -> None:
    """inspect does not show a solver the temperature that a task sets."""
    recorder = Recorder(fitting)
    run(tmp_path, recorder, temperature=None, epochs=3, sampled=True)
    assert len({config.seed for _, config in recorder.requests} - {None}) == 3
    recorder = Recorder(fitting)
    run(tmp_path, recorder, temperature=1.0, epochs=3, sampled=False)
    assert {config.seed for _, config in recorder.requests} == {None}


def test_seeds_differ_by_sample_and_study_seed_and_are_the_same_again(tmp_path: Path) -> None:
    def seeds(**options: Any) -> set[int | None]:
        recorder = Recorder(fitting)
        run(tmp_path, recorder, temperature=1.0, n=3, **options)
        return {config.seed for _, config in recorder.requests}

    assert len(seeds()) == 3
    assert seeds() == seeds()
    assert not seeds() & seeds(seed=1)


def test_a_broken_reply_is_asked_again_with_what_is_wrong(tmp_path: Path) -> None:
    recorder = Recorder(lambda n, c: fitting(n, c) if n else '{"answer": "half of i')
    answer = one(run(tmp_path, recorder))
    again = recorder.requests[1][0]
    assert [m.role for m in again] == ["system", "user", "assistant", "user"]
    assert again[2].text == '{"answer": "half of i'
    assert "cut off" in again[3].text and '{"answer": "<the answer>"}' in again[3].text
    assert answer.outcome == "answer" and len(answer.replies) == 2


def test_two_broken_replies_are_invalid_with_the_reason(tmp_path: Path) -> None:
    recorder = Recorder(lambda n, c: '{"answr": "typo"}')
    answer = one(run(tmp_path, recorder))
    assert (answer.outcome, answer.reason, answer.text) == ("invalid", "missing key", "")
    assert len(recorder.requests) == len(answer.replies) == 2


def test_an_empty_reply_is_asked_again_and_then_empty(tmp_path: Path) -> None:
    recorder = Recorder(lambda n, c: "")
    answer = one(run(tmp_path, recorder))
    assert (answer.outcome, answer.reason) == ("empty", "empty")
    assert len(recorder.requests) == 2


def test_what_a_filter_stopped_is_not_asked_again(tmp_path: Path) -> None:
    stopped = ModelOutput.from_content("mock", '{"answer": "no"}', stop_reason="content_filter")
    recorder = Recorder(lambda n, c: stopped)
    answer = one(run(tmp_path, recorder))
    assert (answer.outcome, answer.text, answer.refused) == ("refused_by_filter", "", True)
    assert len(recorder.requests) == 1


def test_a_refusal_in_the_required_form_stays_an_answer(tmp_path: Path) -> None:
    recorder = Recorder(lambda n, c: '{"answer": "I\'m sorry, but I can\'t help with that."}')
    answer = one(run(tmp_path, recorder))
    assert (answer.outcome, answer.refused) == ("answer", True)


def test_the_log_shows_the_conversation_of_the_first_answer(tmp_path: Path) -> None:
    log = run(tmp_path, Recorder(fitting), {"shown": SHOWN, "shown_second": OTHER})
    (sample,) = log.samples or []
    assert [m.role for m in sample.messages] == ["system", "user", "assistant"]
    assert SHOWN in sample.messages[1].text and OTHER not in sample.messages[1].text


def test_a_missing_grader_is_said_before_the_first_call(tmp_path: Path) -> None:
    @scorer(metrics=[mean()])
    def judged() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            graders()
            return Score(value=1)

        return score

    recorder = Recorder(fitting)
    log = run(tmp_path, recorder, scorer=judged())
    assert log.status == "error" and log.error and NO_GRADER in log.error.message
    assert not recorder.requests


def test_an_unknown_mode_is_one_line() -> None:
    for mode in ("chain", None, ["baseline"]):
        with pytest.raises(InputError, match="is unknown; choose one of baseline, output_only"):
            personalize(mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_every_reason_has_its_words(mode: str) -> None:
    wording = personalize_wording(mode)
    for reason in get_args(Reason):
        parsed = ParsedAnswer("invalid", reason=reason, key="answer")
        if reason == "filtered":
            with pytest.raises(ValueError, match="not asked again"):
                wording.reask(parsed)
        else:
            said = wording.reask(parsed)
            assert "{key}" not in said and wording.instruction in said
    with pytest.raises(ValueError, match="not asked again"):
        wording.reask(ParsedAnswer("answer", "text"))
