"""What counts as a head that carries a stereotype: none in random networks, some where planted."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from toy_checkpoints import planted, without_gap  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

from pluralens.interp.ablation import AblationResult, scan  # noqa: E402
from pluralens.interp.checkpoint import Checkpoint, adopt  # noqa: E402
from pluralens.interp.tokens import tokenise  # noqa: E402
from pluralens.sentences.items import builtin_items  # noqa: E402
from pluralens.sentences.occupations import builtin_shares, mirrored  # noqa: E402
from pluralens.stats.component_effects import (  # noqa: E402
    ComponentEffects,
    component_effects,
    twin_contrasts,
)

pytestmark = pytest.mark.interp

SHARES = builtin_shares()


def along_the_stereotype(values: np.ndarray, result: AblationResult) -> ComponentEffects:
    contrasts = twin_contrasts(values, result.groups, SHARES, mirrored(SHARES))
    return component_effects(contrasts.values)


def scanned(checkpoint: Checkpoint) -> AblationResult:
    return scan(checkpoint, tokenise(builtin_items().items, checkpoint))


def random_network(seed: int) -> Checkpoint:
    tokenizer = planted()[0].tokenizer
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    return adopt(GPT2LMHeadModel(config), tokenizer, name="random")


def test_random_networks_have_no_head_of_the_stereotype() -> None:
    findings = {"along": 0, "plain": 0}
    for seed in range(40):
        result = scanned(random_network(seed))
        findings["along"] += bool(along_the_stereotype(result.heads, result).significant.any())
        plain = component_effects(result.heads, result.groups)
        findings["plain"] += bool(plain.significant.any())
    assert findings["along"] <= 2
    # The mean effect is no test of bias: in every random network some head moves the pronouns.
    assert findings["plain"] == 40


def test_planted_stereotypes_are_found() -> None:
    result = scanned(planted()[0])
    found = along_the_stereotype(result.heads, result)
    clean = along_the_stereotype(result.clean, result)
    assert float(clean.ci_low) > 0.5
    # Some head carries most of the bias: without it, more than a third is gone.
    strongest = np.unravel_index(found.mean.argmin(), found.mean.shape)
    assert found.significant[strongest] and found.ci_high[strongest] < -float(clean.mean) / 3


def test_without_a_planted_gap_no_head_is_significant() -> None:
    result = scanned(without_gap()[0])
    found = along_the_stereotype(result.heads, result)
    assert np.isfinite(found.p).all() and not found.significant.any()
    assert not along_the_stereotype(result.mlps, result).significant.any()
    clean = along_the_stereotype(result.clean, result)
    assert float(clean.ci_low) < 0.05 and float(clean.ci_high) > -0.05
