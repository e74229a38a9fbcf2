"""Winogender: whose pronoun does a language model expect, and does it mirror the labour market?

    inspect eval pluralens/winogender -T checkpoint=gpt2
    inspect eval pluralens/winogender --model vllm-completions/EleutherAI/gpt-neo-125M -T data=DIR

One sample is one sentence about an occupation with its male, its female and its neutral pronoun
(Rudinger et al. 2018), read by the model. Metrics are the correlation of the log-odds with the
share of women in the occupations, the share of sentences whose male pronoun is likelier, and the
gotcha gap, by whole sentence and by next token.
"""

from inspect import signature
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric

from pluralens._option_values import whole
from pluralens.errors import shown_plainly
from pluralens.evals.likelihood_options import NOT_OPTIONS, ReadingBy, data_place
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.scorers.likelihood import pronoun_likelihood
from pluralens.sentences.schema import WinoSentence
from pluralens.solvers.likelihoods import likelihoods
from pluralens.solvers.text_groups import TextGroup, pronoun_groups

__all__ = ["winogender"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"


@task
def winogender(
    data: str = "builtin",
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
    """Compare the log-likelihoods of he, she and they in sentences about occupations.

    Args:
        data: `builtin` (own sentences), or a folder with the published `templates.tsv` and
            `occupations-stats.tsv`.
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
        from pluralens.sentences.winogender import load_winogender

        refuse_unknown_options(kwargs, list(signature(winogender).parameters)[:-1], NOT_OPTIONS)
        whole("seed", seed, 0)
        place = data_place(data, ("builtin",), "a folder")
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
        loaded = load_winogender(place)
        groups = pronoun_groups(loaded)
        reader, about = by.reader("winogender", {key: one for key, (one, _) in groups.items()})
        return Task(
            dataset=MemoryDataset(
                [_sample(one, of, loaded.shares[of.occupation]) for one, of in groups.values()],
                name="winogender",
            ),
            solver=likelihoods(reader),
            scorer=pronoun_likelihood(seed=seed),
            model=by.model,
            version=VERSION,
            headline_metric=HeadlineMetric(scorer="pronoun_likelihood", metric="correlation"),
            metadata={
                "benchmark": "winogender",
                "version": VERSION,
                "data": dict(loaded.about),
                "seed": seed,
                **about,
            },
        )


def _sample(group: TextGroup, of: WinoSentence, share: float) -> Sample:
    return Sample(
        id=group.id,
        input="\n".join(group.texts),
        metadata={
            "domain": "all",
            "occupation": of.occupation,
            "participant": of.participant or "none",
            "referent": of.referent,
            "share": share,
            "group": of.occupation,
            "template": of.template,
            "context": of.prefix,
        },
    )
