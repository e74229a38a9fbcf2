"""inspect's OpenAI-style providers start with what our own dependencies bring in."""

import re
from importlib.metadata import requires, version
from pathlib import Path

from inspect_ai import eval as inspect_eval
from inspect_ai.model import get_model
from openai_server import OpenAIServer

from pluralens.evals.likert import likert


def test_our_own_requirement_holds_openai_at_what_inspect_needs() -> None:
    # inspect checks its floor only when a provider starts. Without a line of our own, resolvers
    # pick openai 2.x beside litellm, and every OpenAI-style provider refuses to start.
    (line,) = [r for r in requires("pluralens") or [] if re.match(r"openai\b", r)]
    assert ";" not in line, "for everybody, not for an extra"
    floor = re.search(r">=\s*(\d+)\.(\d+)", line)
    ceiling = re.search(r"<\s*(\d+)", line)
    assert floor and ceiling
    installed = tuple(int(part) for part in version("openai").split(".")[:2])
    assert (3, 4) <= (int(floor[1]), int(floor[2])) <= installed < (int(ceiling[1]), 0)


def test_any_openai_style_service_rates_people(tmp_path: Path) -> None:
    with OpenAIServer(tmp_path) as server:
        model = get_model("openai-api/x/y", base_url=server.base_url, api_key="x")
        (log,) = inspect_eval(
            likert(n=2, items=["g1"]), model=model, log_dir=str(tmp_path), display="none"
        )
        requests = server.requests()
    assert log.status == "success" and log.samples, log.error
    assert str(model) == "openai-api/x/y"
    found = sorted(
        float(value[key])  # type: ignore[index]
        for sample in log.samples
        for value in [(sample.scores or {})["rating"].value]
        for key in ("g1", "g1_rev")
    )
    assert found == sorted(request["rating"] for request in requests)
