"""Where in a network bias comes from: companion analyses of one checkpoint, without a served model.

    inspect eval pluralens/ablation -T checkpoint=gpt2
    inspect eval pluralens/attribution -T checkpoint=EleutherAI/gpt-neo-125M -T data=winogender
    inspect eval pluralens/probe -T checkpoint=path/to/model -T data=stereoset:my.jsonl \
        -T domains=gender,race

One sample is one data set and domain (`builtin/gender`, `stereoset/race`, `winogender/all`). The
bias of an item is log P(stereotype or male) - log P(anti-stereotype or female), nats. Effects per
prompt lie in a file beside the log, the picture in the sample's transcript. Figures:
`python viz/interp.py`. All six need the extra: pip install "pluralens[interp]".

Every task also takes `revision` (of the checkpoint on the hub), `device` (auto, cpu, cuda, cuda:1,
mps), `dtype` (float32; bfloat16 to screen), `bos` (auto, always, never), `threads` (of the CPU),
`rows` (tokens computed at once), `cache` (false computes everything again), `export` (folder for
result files in the form of older research code) and `sidecar` (another folder for the effects per
prompt).
"""

from collections.abc import Mapping
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample

from pluralens.errors import shown_plainly
from pluralens.evals.mechanistic_options import checked_settings
from pluralens.scorers.analysis import analysis as analysis_scorer
from pluralens.solvers.analyse import analyse
from pluralens.solvers.analysis_plan import PreparedUnit, plan_for
from pluralens.solvers.analysis_settings import Analysis

__all__ = ["ablation", "attribution", "faithfulness", "lens", "patching", "probe"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"
TITLES: dict[Analysis, str] = {
    "ablation": "every head and MLP ablated, one at a time",
    "patching": "activations exchanged between counterfactual twins",
    "attribution": "gradients in place of ablations, held against exact ones",
    "probe": "what can be read from the residual stream",
    "lens": "what each layer and component writes towards either side",
    "faithfulness": "the largest heads ablated together, and what that costs",
}


@task
def ablation(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    mode: str = "mean",
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Ablate every head and every MLP, one at a time, exactly.

    Args:
        checkpoint: Hugging Face id or folder of a causal language model. Required.
        data: `builtin` (pronouns after our sentences about occupations), `winogender` (ours in its
            form) or `winogender:DIR`, `stereoset` (ours in its form), `stereoset:hub` or
            `stereoset:FILE`; several separated by commas.
        domains: Of StereoSet, such as `gender,race`; default all.
        mode: What replaces an output: its `mean` over the prompts, `zero`, or (`resample`) its
            value in another prompt.
        n: Most items per sample, drawn with the seed; default all.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("ablation", locals())


@task
def patching(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Put the activations of a counterfactual twin into each component, in both directions.

    Args:
        checkpoint: As in `ablation`.
        data: As in `ablation`; items without a twin are counted and left out.
        domains: As in `ablation`.
        n: As in `ablation`.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("patching", locals())


@task
def attribution(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    baseline: str = "auto",
    ig_steps: int = 8,
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Attribute the bias to components by gradients, and compare with exact ablation.

    Args:
        checkpoint: As in `ablation`.
        data: As in `ablation`.
        domains: As in `ablation`.
        baseline: What activations are compared with: those of the `twin` (another occupation),
            their `mean` over the prompts, or `zero`; `auto` takes the twins where at least half
            of the items have one.
        ig_steps: Points on the path of integrated gradients.
        n: As in `ablation`.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("attribution", locals())


@task
def probe(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    position: str | list[str] = "last",
    folds: int = 5,
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Train linear probes on the residual stream of every layer, with controls.

    Args:
        checkpoint: As in `ablation`.
        data: As in `ablation`.
        domains: As in `ablation`.
        position: Where to read: `last`, `mean`, `target` or `all`.
        folds: Of the cross-validation; whole groups (occupations, target terms) are held out.
        n: As in `ablation`.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("probe", locals())


@task
def lens(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Read the bias off every layer (logit lens) and every component's direct contribution.

    Args:
        checkpoint: As in `ablation`.
        data: As in `ablation`.
        domains: As in `ablation`.
        n: As in `ablation`.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("lens", locals())


@task
def faithfulness(
    checkpoint: str | None = None,
    data: str | list[str] = "builtin",
    domains: str | list[str] | None = None,
    mode: str = "mean",
    k: int | list[int] | None = None,
    n: int | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Ablate the largest k heads together: bias left against what it costs, beside random heads.

    Args:
        checkpoint: As in `ablation`.
        data: As in `ablation`.
        domains: As in `ablation`.
        mode: What replaces an output, as in `ablation`.
        k: Numbers of heads, such as `1,2,5,10`; default a grid up to half of all heads.
        n: As in `ablation`.
        seed: Of everything random.
        **kwargs: Options that all analyses share, see above.
    """
    return _task("faithfulness", locals())


def _task(analysis: Analysis, options: Mapping[str, Any]) -> Task:
    with shown_plainly():
        own = {name: value for name, value in options.items() if name != "kwargs"}
        settings = checked_settings(analysis, own, options["kwargs"])
        plan = plan_for(settings)
        return Task(
            dataset=MemoryDataset(
                [_sample(one) for one in plan.units],
                name="-".join(one.unit.id.replace("/", "_") for one in plan.units),
            ),
            solver=analyse(settings.to_json()),
            scorer=analysis_scorer(),
            # Whatever --model says: what is analysed is the checkpoint.
            model="none",
            version=VERSION,
            metadata={
                "benchmark": "mechanistic",
                "analysis": analysis,
                "title": TITLES[analysis],
                "version": VERSION,
                **plan.checkpoint.about,
                "settings": settings.to_json(),
                "data": {one.unit.id: dict(one.unit.about) for one in plan.units},
                **({"planted": dict(plan.planted)} if plan.planted else {}),
            },
        )


def _sample(prepared: PreparedUnit) -> Sample:
    unit, counts = prepared.unit, prepared.counts
    return Sample(
        id=unit.id,
        input=f"{unit.id}: {counts['used']} of {counts['source']} items",
        metadata={
            "dataset": unit.dataset,
            "domain": unit.domain,
            "source": unit.source,
            **{name.replace(" ", "_"): count for name, count in counts.items()},
        },
    )
