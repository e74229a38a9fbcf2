"""Packs hold what was packed, each beginning once."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from pluralens.interp.packing import groups, pack  # noqa: E402

pytestmark = pytest.mark.interp

SEQUENCES = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), min_size=1, max_size=12
)


@settings(max_examples=100, deadline=None)
@given(SEQUENCES)
def test_paths_read_back_and_beginnings_are_distinct(sequences) -> None:
    packed = pack(sequences)
    for sequence, path in zip(sequences, packed.paths, strict=True):
        assert tuple(packed.tokens[list(path)].tolist()) == sequence
        assert packed.positions[list(path)].tolist() == list(range(len(sequence)))
    beginnings = {s[: k + 1] for s in sequences for k in range(len(s))}
    assert packed.size == len(beginnings)
    assert packed.scored.tolist() == list(dict.fromkeys(path[-1] for path in packed.paths))


@settings(max_examples=100, deadline=None)
@given(SEQUENCES)
def test_every_node_is_computed_behind_its_own_past(sequences) -> None:
    packed = pack(sequences)
    past = {path[k]: path[: k + 1] for path in packed.paths for k in range(len(path))}
    cells = [row.tolist() for block in packed.blocks for row in block.nodes]
    flat = [(row, place) for row in cells for place in range(len(row))]
    for node, cell in enumerate(packed.cell.tolist()):
        row, place = flat[cell]
        assert tuple(row[: place + 1]) == past[node]
    asked = [
        (row, scored, place)
        for block in packed.blocks
        for row, some, places in zip(
            block.nodes.tolist(),
            block.scored.tolist(),
            block.scored_positions.tolist(),
            strict=True,
        )
        for scored, place in zip(some, places, strict=True)
    ]
    for index, cell in enumerate(packed.scored_cell.tolist()):
        row, scored, place = asked[cell]
        assert scored == index
        assert tuple(row[: place + 1]) == past[int(packed.scored[index])]


@settings(max_examples=100, deadline=None)
@given(SEQUENCES, st.integers(1, 40))
def test_groups_hold_every_item_once_and_are_no_larger_than_asked(sequences, most) -> None:
    items = [[sequence, sequence[:1]] for sequence in sequences]
    found = groups(items, most)
    assert sorted(i for group in found for i in group) == list(range(len(items)))
    for group in found:
        assert len(group) == 1 or pack([s for i in group for s in items[i]]).size <= most


def test_sequences_with_different_keys_share_nothing() -> None:
    same = [(1, 2, 3), (1, 2, 3), (1, 2, 4)]
    assert pack(same).size == 4
    assert pack(same, apart=[0, 1, 1]).size == 7


def test_a_long_shared_beginning_does_not_blow_up_attention() -> None:
    trunk = tuple(range(100))
    items = [[(*trunk, 1000 + k)] for k in range(60)]
    found = groups(items, 512)
    assert len(found) > 1
    assert all(pack([items[i][0] for i in group]).cells <= 6 * 512 for group in found)


def test_wildly_unequal_lengths_are_not_padded_to_the_longest() -> None:
    sequences = [tuple(range(400)), *((1000 + k, 1, 2, 3, 4) for k in range(50))]
    packed = pack(sequences)
    assert packed.cells < 1.3 * packed.size


def test_nothing_to_pack_is_refused() -> None:
    for wrong in ([], [()], [(1,), ()]):
        with pytest.raises(ValueError, match="sequence"):
            pack(wrong)
