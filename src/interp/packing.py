"""Token sequences as a trie: no padding, and what several share is computed once.

In a causal model what happens at a token depends on the tokens before it and nothing else, so two
sequences that begin alike have the same activations there. A `Pack` has one node per distinct
beginning. Everything but attention works on the nodes as one long batch; attention gathers keys and
values along the path from the root to each leaf.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Pack", "PathBlock", "groups", "pack"]

Tokens = tuple[int, ...]

# How far paths of one block may differ in length: the shorter ones are filled up.
_LENGTH_RATIO, _LENGTH_SLACK = 1.25, 4

# A group's paths may hold this many times its nodes: a long beginning shared by many leaves is
# gathered once per leaf, which costs memory.
_PATHS_OVER_NODES = 6


@dataclass(frozen=True)
class PathBlock:
    """Paths from the root to leaves, of about the same length.

    Attributes:
        nodes: `[paths, longest]`; what lies beyond the end of a path is never read.
        scored: `[paths, most]`, places in `Pack.scored` of the nodes each path answers for.
        scored_positions: Their positions, `[paths, most]`; filled up with 0.
    """

    nodes: Tensor
    scored: Tensor
    scored_positions: Tensor


@dataclass(frozen=True)
class Pack:
    """Sequences packed as a trie of n nodes.

    Attributes:
        tokens: `[n]`.
        positions: `[n]`, place of each node in its sequences, from 0.
        paths: For every sequence its nodes, first to last.
        scored: `[u]`, nodes whose next-token prediction is wanted; distinct.
        scored_index: Place in `scored` by node.
        blocks: The paths attention runs over.
        cell: `[n]`, where in the blocks' cells, laid end to end, each node is computed.
        scored_cell: `[u]`, likewise among the blocks' scored cells.
        cells: Number of cells: `n` plus what attention repeats.
        prefixes: The paths that are items' prompts, where the pack was made of items.
    """

    tokens: Tensor
    positions: Tensor
    paths: tuple[tuple[int, ...], ...]
    scored: Tensor
    scored_index: dict[int, int]
    blocks: tuple[PathBlock, ...]
    cell: Tensor
    scored_cell: Tensor
    cells: int
    prefixes: tuple[tuple[int, ...], ...] = ()

    @property
    def size(self) -> int:
        """Number n of nodes."""
        return len(self.tokens)


def pack(
    sequences: Sequence[Tokens],
    *,
    scored: Sequence[Sequence[int]] | None = None,
    apart: Sequence[Hashable] | None = None,
    device: torch.device | str = "cpu",
) -> Pack:
    """Pack sequences into a trie.

    Args:
        sequences: Token ids; none may be empty.
        scored: Positions in each sequence after which the prediction is wanted; by default the
            last one of each.
        apart: A key per sequence: those with different keys share no node. By default all may.
        device: Where the tensors go.

    Returns:
        The pack.

    Raises:
        ValueError: A sequence is empty, or there are none.
    """
    if not sequences or not all(sequences):
        raise ValueError("at least one sequence, and none of them empty")
    keys: Sequence[Hashable] = apart if apart is not None else [None] * len(sequences)
    tokens: list[int] = []
    positions: list[int] = []
    parents: list[int] = []
    children: dict[tuple[Hashable, int], int] = {}
    paths: list[tuple[int, ...]] = []
    for sequence, key in zip(sequences, keys, strict=True):
        path: list[int] = []
        for place, token in enumerate(sequence):
            edge = (path[-1] if path else (key,), token)
            node = children.get(edge)
            if node is None:
                node = children[edge] = len(tokens)
                tokens.append(token)
                positions.append(place)
                parents.append(path[-1] if path else -1)
            path.append(node)
        paths.append(tuple(path))
    wanted = scored if scored is not None else [(len(s) - 1,) for s in sequences]
    nodes = dict.fromkeys(
        path[place] for path, places in zip(paths, wanted, strict=True) for place in places
    )
    scored_index = {node: index for index, node in enumerate(nodes)}
    blocks, cell, scored_cell = _blocks(_leaf_paths(parents), scored_index, device)
    return Pack(
        tokens=torch.tensor(tokens, device=device),
        positions=torch.tensor(positions, device=device),
        paths=tuple(paths),
        scored=torch.tensor(list(scored_index), dtype=torch.long, device=device),
        scored_index=scored_index,
        blocks=blocks,
        cell=torch.tensor([cell[node] for node in range(len(tokens))], device=device),
        scored_cell=torch.tensor(
            [scored_cell[node] for node in scored_index], dtype=torch.long, device=device
        ),
        cells=sum(block.nodes.numel() for block in blocks),
    )


def _leaf_paths(parents: Sequence[int]) -> list[tuple[int, ...]]:
    """The path to every node without children, shortest first."""
    inner = set(parents)
    paths = []
    for leaf in range(len(parents)):
        if leaf in inner:
            continue
        path, node = [], leaf
        while node >= 0:
            path.append(node)
            node = parents[node]
        paths.append(tuple(reversed(path)))
    return sorted(paths, key=len)


def _blocks(
    paths: Sequence[tuple[int, ...]], scored: dict[int, int], device: torch.device | str
) -> tuple[tuple[PathBlock, ...], dict[int, int], dict[int, int]]:
    """Lay paths into blocks and decide which path computes which node."""
    blocks: list[PathBlock] = []
    cell: dict[int, int] = {}
    scored_cell: dict[int, int] = {}
    cells = scored_cells = 0
    for together in _alike(paths):
        longest = len(together[-1])
        answers = []
        for row, path in enumerate(together):
            answers.append([node for node in path if node in scored and node not in scored_cell])
            scored_cell.update(dict.fromkeys(answers[-1], row))
            for place, node in enumerate(path):
                cell.setdefault(node, cells + row * longest + place)
        most = max(map(len, answers))
        for row, nodes in enumerate(answers):
            for place, node in enumerate(nodes):
                scored_cell[node] = scored_cells + row * most + place
        cells += len(together) * longest
        scored_cells += len(together) * most
        at = [{node: place for place, node in enumerate(path)} for path in together]
        blocks.append(
            PathBlock(
                nodes=_filled(together, longest, device),
                scored=_filled([[scored[node] for node in a] for a in answers], most, device),
                scored_positions=_filled(
                    [[at[row][node] for node in nodes] for row, nodes in enumerate(answers)],
                    most,
                    device,
                ),
            )
        )
    return tuple(blocks), cell, scored_cell


def _alike(paths: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """Cut paths, sorted by length, into runs of about the same length."""
    run: list[tuple[int, ...]] = []
    for path in paths:
        if run and len(path) > _LENGTH_RATIO * len(run[0]) + _LENGTH_SLACK:
            yield run
            run = []
        run.append(path)
    yield run


def _filled(rows: Sequence[Sequence[int]], width: int, device: torch.device | str) -> Tensor:
    return torch.tensor(
        [[*row, *[0] * (width - len(row))] for row in rows], dtype=torch.long, device=device
    )


def groups(items: Sequence[Sequence[Tokens]], most_nodes: int) -> list[list[int]]:
    """Cut items into packs: those that begin alike together, each pack at most so large.

    Args:
        items: The sequences of each item; an item is never split.
        most_nodes: Nodes per pack; an item that has more by itself makes a pack of its own.

    Returns:
        Indices of items per pack, every item once.
    """
    found: list[list[int]] = []
    trie: dict[int, dict] = {}  # type: ignore[type-arg]
    nodes = cells = 0
    for index in sorted(range(len(items)), key=lambda i: min(items[i])):
        here = sum(map(len, set(items[index])))
        added = _insert(trie, items[index])
        too_large = nodes + len(added) > most_nodes or cells + here > (
            _PATHS_OVER_NODES * most_nodes
        )
        if not found or (nodes and too_large):
            found.append([])
            trie, nodes, cells = {}, 0, 0
            added = _insert(trie, items[index])
        found[-1].append(index)
        nodes += len(added)
        cells += here
    return found


def _insert(trie: dict[int, dict], sequences: Sequence[Tokens]) -> list[int]:  # type: ignore[type-arg]
    """Add sequences to nested dictionaries; the tokens that made new nodes."""
    added = []
    for sequence in sequences:
        below = trie
        for token in sequence:
            if token not in below:
                below[token] = {}
                added.append(token)
            below = below[token]
    return added
