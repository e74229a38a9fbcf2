"""What every request carries: limits, temperature, seeds."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import GenerateConfig, get_model

from pluralens.models.simulated import SimulatedAPI


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[GenerateConfig]:
    """The settings that reach the provider."""
    configs: list[GenerateConfig] = []
    answer = SimulatedAPI.generate

    async def generate(self: Any, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:
        configs.append(config)
        return await answer(self, input, tools, tool_choice, config)

    monkeypatch.setattr(SimulatedAPI, "generate", generate)
    return configs


def run(folder: Path, model: Any = "pluralens_sim/likert", **options: Any) -> None:
    task = {"n": 2, "items": "g1", **options.pop("task", {})}
    (log,) = inspect_eval(
        "pluralens/likert", task_args=task, model=model, log_dir=str(folder), display="none",
        **options,
    )  # fmt: skip
    assert log.status == "success"


def test_greedy_with_room_and_without_seeds(sent: list[GenerateConfig], tmp_path: Path) -> None:
    run(tmp_path)
    assert {c.temperature for c in sent} == {0.0}
    assert {c.max_tokens for c in sent} == {2048}
    assert {c.seed for c in sent} == {None}
    assert all(c.response_schema is not None for c in sent)


def test_the_run_is_stronger_than_the_task(sent: list[GenerateConfig], tmp_path: Path) -> None:
    run(tmp_path, temperature=0.7, max_tokens=7)
    assert {c.temperature for c in sent} == {0.7}
    assert {c.max_tokens for c in sent} == {7}
    seeds = [c.seed for c in sent]
    assert None not in seeds and len(set(seeds)) == len(seeds)


def test_the_models_own_settings_are_kept(sent: list[GenerateConfig], tmp_path: Path) -> None:
    config = GenerateConfig(temperature=0.4, max_tokens=9)
    run(tmp_path, model=get_model("pluralens_sim/likert", config=config, memoize=False))
    assert {(c.temperature, c.max_tokens) for c in sent} == {(0.4, 9)}


def test_seeds_follow_the_runs_seed(sent: list[GenerateConfig], tmp_path: Path) -> None:
    found = []
    for seed in (None, 5, 5, 6):
        sent.clear()
        run(tmp_path, temperature=1.0, **({} if seed is None else {"seed": seed}))
        found.append(sorted(c.seed or 0 for c in sent))
    assert found[1] == found[2] and len({tuple(f) for f in found}) == 3


def test_one_token_where_log_probabilities_are_read(
    sent: list[GenerateConfig], tmp_path: Path
) -> None:
    run(tmp_path, task={"elicit": "logprobs"}, max_tokens=500)
    assert {(c.max_tokens, c.logprobs, c.top_logprobs) for c in sent} == {(1, True, 20)}
