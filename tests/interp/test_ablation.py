"""The exact scan against hooks on the Hugging Face model, one component at a time."""

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import brute_force_ablation as slow  # noqa: E402
from tiny_language_models import tiny_gpt2, tiny_gpt_neo, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.ablation import scan  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.replacement import resample_partners  # noqa: E402
from pluralens.interp.tokens import TokenItem  # noqa: E402

pytestmark = pytest.mark.interp

MODELS = {
    "gpt2": lambda: tiny_gpt2(),
    "gpt2-untied": lambda: tiny_gpt2(layers=2, tie_word_embeddings=False),
    "gpt2-scaled": lambda: tiny_gpt2(
        layers=2, scale_attn_by_inverse_layer_idx=True, activation_function="relu"
    ),
    "gpt-neo": lambda: tiny_gpt_neo(),
    "one-layer": lambda: tiny_gpt2(layers=1),
}


def items(*, single: bool, seed: int = 0) -> list[TokenItem]:
    """Unequal lengths, shared beginnings, one prompt a beginning of another, equal prompts."""
    rng = np.random.default_rng(seed)

    def some(n: int) -> tuple[int, ...]:
        return tuple(int(t) for t in rng.integers(1, 400, n))

    trunk, limb = (0, *some(4)), some(3)
    prefixes = [
        (*trunk, *some(2)),
        (*trunk, *limb),
        (*trunk, *limb, *some(4)),
        trunk,
        (*trunk, *limb),
        (0, *some(11)),
        (0, *some(1)),
    ]
    if single:
        sides = [((7,), (8,), (9,)), ((17,), (18,))]
        return [TokenItem(f"i{k}", "g", p, *sides) for k, p in enumerate(prefixes)]
    found = []
    for k, prefix in enumerate(prefixes):
        a = ((7,), (*some(1), 5), (7, 11, *some(1)))[: 1 + k % 3]
        b = ((8, *some(2)), (8, 12))[: 1 + k % 2]
        found.append(TokenItem(f"i{k}", "g", prefix, a, b))
    return found


def plain(used: list[TokenItem]) -> list[slow.Item]:
    return [(item.prefix, item.a, item.b) for item in used]


@pytest.mark.parametrize("single", [True, False], ids=["single", "several"])
@pytest.mark.parametrize("name", MODELS)
def test_zero_ablation_equals_hooks(name: str, single: bool) -> None:
    model = MODELS[name]()
    used = items(single=single)
    result = scan(adopt(model, tiny_tokenizer(), name="t"), used, mode="zero", rows=64)
    clean, heads, mlps = slow.brute_force(model, plain(used), slow.zeros(model, plain(used)))
    assert np.abs(result.clean - clean.numpy()).max() < 1e-5
    assert np.abs(result.heads - heads.numpy()).max() < 1e-5
    assert np.abs(result.mlps - mlps.numpy()).max() < 1e-5
    # There is something to find, and nothing was left out.
    assert np.abs(heads.numpy()).max() > 0.05 and np.isfinite(result.heads).all()


@pytest.mark.parametrize("mode", ["mean", "resample"])
@pytest.mark.parametrize("single", [True, False], ids=["single", "several"])
@pytest.mark.parametrize("name", ["gpt2", "gpt-neo"])
def test_other_replacements_equal_hooks(name: str, mode: str, single: bool) -> None:
    model = MODELS[name]()
    used = items(single=single)
    result = scan(adopt(model, tiny_tokenizer(), name="t"), used, mode=mode, seed=3, rows=32)
    if mode == "mean":
        values = slow.means(model, plain(used))
    else:
        partners = resample_partners([item.prefix for item in used], 3)
        values = slow.others(model, plain(used), partners)
    clean, heads, mlps = slow.brute_force(model, plain(used), values)
    assert np.abs(result.heads - heads.numpy()).max() < 1e-5
    assert np.abs(result.mlps - mlps.numpy()).max() < 1e-5
    assert np.abs(heads.numpy()).max() > 0.05


@pytest.mark.parametrize("mode", ["zero", "mean", "resample"])
def test_the_number_of_rows_changes_nothing(mode: str) -> None:
    checkpoint = adopt(tiny_gpt_neo(), tiny_tokenizer(), name="t")
    used = items(single=False)
    whole = scan(checkpoint, used, mode=mode, rows=4000)
    for rows in (1, 40):
        parts = scan(checkpoint, used, mode=mode, rows=rows)
        assert np.abs(parts.clean - whole.clean).max() < 1e-5
        assert np.abs(parts.heads - whole.heads).max() < 1e-5
        assert np.abs(parts.mlps - whole.mlps).max() < 1e-5


def test_order_of_items_changes_nothing() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    used = items(single=False)
    forwards = scan(checkpoint, used, mode="resample")
    backwards = scan(checkpoint, used[::-1], mode="resample")
    assert backwards.ids == forwards.ids[::-1]
    assert np.abs(backwards.heads[:, :, ::-1] - forwards.heads).max() < 1e-5


def test_shared_beginnings_are_computed_once() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    about = scan(checkpoint, items(single=True), mode="zero").about
    # Trunk 5, limb 3, and 2 + 4 + 11 + 1 tokens of one prompt alone; BOS is in the trunk.
    assert about["nodes"] == 5 + 3 + 2 + 4 + 11 + 1
    assert about["tokens"] == 7 + 8 + 12 + 5 + 8 + 12 + 2


def test_mean_leaves_equal_prompts_alone_at_the_first_position() -> None:
    """Prompts of BOS alone: the mean is their own output, so no component has an effect."""
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    used = [TokenItem(f"i{k}", "g", (0,), ((7 + k,),), ((8 + k,),)) for k in range(3)]
    result = scan(checkpoint, used, mode="mean")
    assert np.abs(result.heads).max() < 1e-5 and np.abs(result.mlps).max() < 1e-5
    assert np.abs(scan(checkpoint, used, mode="zero").heads).max() > 0.01


def test_resampling_takes_from_another_prompt_each_once() -> None:
    prefixes = [item.prefix for item in items(single=True)]
    partners = resample_partners(prefixes, 0)
    assert set(partners) == set(prefixes) == set(partners.values())
    assert all(taken != taker for taker, taken in partners.items())
    assert resample_partners(prefixes[::-1], 0) == partners
    assert any(resample_partners(prefixes, seed) != partners for seed in range(1, 6))


def test_progress_ends_at_the_total() -> None:
    seen: list[tuple[int, int]] = []
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    result = scan(
        checkpoint,
        items(single=False),
        rows=20,
        progress=lambda done, total: seen.append((done, total)),
    )
    done = [one for one, _ in seen]
    assert done == sorted(done) and len(done) > 4
    assert seen[-1][0] == seen[-1][1] == result.about["operations"]


def test_bfloat16_is_close_and_says_so() -> None:
    checkpoint = adopt(tiny_gpt2(width=64), tiny_tokenizer(), name="t")
    exact = scan(checkpoint, items(single=True), mode="zero")
    rough = scan(checkpoint, items(single=True), mode="zero", dtype="bfloat16")
    assert rough.about["dtype"] == "bfloat16" and exact.about["dtype"] == "float32"
    assert np.corrcoef(exact.heads.ravel(), rough.heads.ravel())[0, 1] > 0.95


def test_the_model_is_left_as_it_was() -> None:
    model = tiny_gpt2()
    checkpoint = adopt(model, tiny_tokenizer(), name="t")
    tokens = torch.tensor([[0, 5, 6, 7]])
    before = model(tokens).logits
    scan(checkpoint, items(single=False), mode="mean")
    assert torch.equal(model(tokens).logits, before)
    assert adopt(model, tiny_tokenizer(), name="t").digest == checkpoint.digest


def test_two_scans_of_one_model_at_once_wait_for_each_other() -> None:
    """The lock is held while the model runs, by every checkpoint made of it."""
    model = tiny_gpt2()
    checkpoints = [adopt(model, tiny_tokenizer(), name="t") for _ in range(2)]
    used = items(single=False)
    expected = [scan(checkpoints[0], used, mode=mode).heads for mode in ("zero", "mean")]
    found: dict[str, np.ndarray] = {}
    running: list[int] = []

    def run(checkpoint, mode: str) -> None:
        def entered(done: int, total: int) -> None:
            running.append(1)
            assert len(running) == 1
            time.sleep(0.002)
            running.pop()

        found[mode] = scan(checkpoint, used, mode=mode, progress=entered).heads

    threads = [
        threading.Thread(target=run, args=pair)
        for pair in zip(checkpoints, ("zero", "mean"), strict=True)
    ]
    with checkpoints[0].lock:
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        assert not found
    for thread in threads:
        thread.join()
    assert np.array_equal(found["zero"], expected[0])
    assert np.array_equal(found["mean"], expected[1])


def test_wrong_input_is_one_line() -> None:
    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    some = items(single=True)
    for call, words in (
        (lambda: scan(checkpoint, []), "no usable items"),
        (lambda: scan(checkpoint, some, mode="median"), "mode: no 'median'"),
        (lambda: scan(checkpoint, some[:1], mode="resample"), "at least two different prompts"),
        (lambda: scan(checkpoint, some, rows=0), "rows: 0 is too few"),
        (lambda: scan(checkpoint, some, dtype="float16"), "dtype: no 'float16'"),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")],
)
def test_out_of_memory_names_the_rows_to_try(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **options: object) -> None:
        raise error

    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    monkeypatch.setattr("pluralens.interp.ablation.resume", fails)
    with pytest.raises(InputError, match="out of memory with rows=400; try rows=100"):
        scan(checkpoint, items(single=True), rows=400)


def test_other_faults_are_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **options: object) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    checkpoint = adopt(tiny_gpt2(), tiny_tokenizer(), name="t")
    monkeypatch.setattr("pluralens.interp.ablation.resume", fails)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        scan(checkpoint, items(single=True))
