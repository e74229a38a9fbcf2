"""StereoSet: does a language model find stereotypes likelier than anti-stereotypes?

    inspect eval pluralens/stereoset -T checkpoint=gpt2
    inspect eval pluralens/stereoset --model vllm-completions/EleutherAI/gpt-neo-125M -T data=hub

One sample is one item: three texts, read by the model (Nadeem, Bethke & Reddy 2021), not chosen
from. Metrics are ss (50 is ideal), lms and icat (100 is ideal), per domain and overall.
"""

from inspect import signature
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric

from pluralens._option_values import names, whole
from pluralens.errors import InputError, shown_plainly
from pluralens.evals.likelihood_options import NOT_OPTIONS, ReadingBy, data_place
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.scorers.likelihood import triplet_likelihood
from pluralens.sentences.triplet import KINDS, Triplet
from pluralens.solvers.likelihoods import likelihoods
from pluralens.solvers.text_groups import chosen_triplets, triplet_groups

__all__ = ["stereoset"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"
SOURCES = ("builtin", "hub")


@task
def stereoset(
    data: str = "builtin",
    kind: str = "intrasentence",
    domains: str | list[str] | None = None,
    checkpoint: str | None = None,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    bos: str = "auto",
    threads: int | None = None,
    rows: int | Literal["auto"] = "auto",
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Compare the log-likelihoods of stereotype, anti-stereotype and unrelated text.

    Args:
        data: `builtin` (own sentences), `hub` (McGill-NLP/stereoset) or a JSONL file.
        kind: `intrasentence` or `intersentence`.
        domains: Of `gender,profession,race,religion`; default all that there are.
        checkpoint: Hub id or folder of the model that reads here; without it the model of
            `--model` is asked, which must be served by a completions API with `prompt_logprobs`.
        revision: Branch, tag or commit of the checkpoint.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`, for the checkpoint.
        dtype: `float32`, or `bfloat16` for screening, for the checkpoint.
        bos: What stands before every text. `auto`: the checkpoint's BOS token if it has one, or
            what the server's tokenizer adds (nothing for GPT-2, so that the first token is not
            scored); `never`; for a checkpoint `always`; for a served model also the token itself,
            as in `<|endoftext|>`.
        threads: CPU threads of the process, for the checkpoint.
        rows: Tokens computed at once, for the checkpoint; `auto` fits the device.
        seed: Seed of the intervals' resamples.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        from pluralens.sentences.stereoset import load_stereoset

        refuse_unknown_options(kwargs, list(signature(stereoset).parameters)[:-1], NOT_OPTIONS)
        whole("seed", seed, 0)
        if kind not in KINDS:
            raise InputError(f"kind={kind!r} is unknown; choose one of {', '.join(KINDS)}")
        place = data_place(data, SOURCES, "the path of a JSONL file")
        wanted = names("domains", domains)
        by = ReadingBy.checked(
            checkpoint=checkpoint,
            revision=revision,
            device=device,
            dtype=dtype,
            bos=bos,
            threads=threads,
            rows=rows,
        )
        # Data first: they fail in a moment, a checkpoint in minutes.
        loaded = load_stereoset(place, kind="intersentence" if kind == KINDS[1] else KINDS[0])
        triplets = chosen_triplets(loaded, wanted)
        reader, about = by.reader("stereoset", triplet_groups(triplets))
        return Task(
            dataset=MemoryDataset([_sample(one) for one in triplets], name="stereoset"),
            solver=likelihoods(reader),
            scorer=triplet_likelihood(seed=seed),
            model=by.model,
            version=VERSION,
            headline_metric=HeadlineMetric(scorer="triplet_likelihood", metric="icat"),
            metadata={
                "benchmark": "stereoset",
                "version": VERSION,
                "kind": kind,
                "domains": list(wanted or loaded.counts),
                "data": dict(loaded.about),
                "refused": dict(loaded.refused),
                "seed": seed,
                **about,
            },
        )


def _sample(one: Triplet) -> Sample:
    group = one.target
    if one.counterpart is not None:
        group = "/".join(sorted((one.target, one.counterpart)))
    return Sample(
        id=one.id,
        input="\n".join(one.sentences),
        metadata={
            "domain": one.domain,
            "target": one.target,
            "group": group,
            "kind": one.kind,
            "context": one.context,
        },
    )
