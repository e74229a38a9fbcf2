import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.personas.drawing import keyed_hash, persona_ids, raw_numbers, uniforms


def test_streams_are_plain_pcg64_streams() -> None:
    key = ["de", "1", 7, "age"]
    stream = np.random.PCG64(int.from_bytes(keyed_hash("stream", 16, key), "big"))
    raw = stream.random_raw(50)
    assert np.array_equal(raw_numbers(key, 0, 50), raw)
    assert np.array_equal(raw_numbers(key, 20, 30), raw[20:])
    numbers = uniforms(key, 20, 30)
    assert np.array_equal(numbers, (raw[20:] >> 11) / 2**53)
    assert not np.array_equal(raw_numbers([*key, 0], 0, 50), raw)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(0, 2**62), st.integers(1, 500), st.integers())
def test_ids_differ_and_do_not_depend_on_where_drawing_starts(start: int, n: int, key: int) -> None:
    ids = persona_ids(["x", key], start, n).tolist()
    assert len(set(ids)) == n
    assert all(len(i) == 16 and set(i) <= set("0123456789abcdef") for i in ids)
    assert persona_ids(["x", key], start + n - 1, 1).tolist() == ids[-1:]
    assert not set(persona_ids(["y", key], start, n).tolist()) & set(ids)


def test_purposes_are_kept_apart() -> None:
    assert keyed_hash("stream", 8, ["a"]) != keyed_hash("persona", 8, ["a"])
    assert keyed_hash("stream", 8, ["a", "b"]) != keyed_hash("stream", 8, ["ab"])
