"""Architectures that the fast engine does not know, through TransformerLens's Bridge.

The Bridge knows where the hook points are in about a hundred architectures. What has to be known
about it (4.3), and what is done about it here:

- It changes the model that it wraps, in place: it gets a copy of its own, which costs the memory of
  the weights once more. A model that someone lent stays as it was.
- A hook on `hook_resid_mid` misses the path around it; `hook_z`, `hook_mlp_out` and
  `hook_resid_post` do not, and nothing else is hooked. Inside a hook, `hook.name` is the canonical
  name (`blocks.0.attn.o.hook_in`); here hooks are closures that do not read it.
- A hook sees a view of z by head, which is put back only if the hook returns it. One that merely
  looks gets a tensor that nothing depends on, so all hooks return theirs.
- Strings get a BOS, tensors do not: it is fed tensors, BOS by the checkpoint's own policy.
- Padding on the left is silently wrong without a mask: here it is on the right, with a mask.

`pluralens.interp.bridge_scan` ablates with it; attribution and patching use it where there is no
fast engine.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pluralens.errors import InputError
from pluralens.interp.bias_metric import sequences_of
from pluralens.interp.checkpoint import Checkpoint, architecture
from pluralens.interp.interventions import (
    SITES,
    Site,
    Taken,
    hook_name,
)
from pluralens.interp.memory import Rows
from pluralens.interp.tokens import TokenItem

__all__ = ["BridgeRun", "bridge", "bridge_rows"]

# Logits of a batch, at every position: 256 MiB of float32.
_MOST_LOGITS = 2**26
_MOST_ROWS = 2048


def bridge(checkpoint: Checkpoint) -> Any:
    """Wrap a copy of a checkpoint's model.

    Args:
        checkpoint: The checkpoint; stays as it is.

    Returns:
        A `TransformerBridge`.

    Raises:
        InputError: TransformerLens is not installed, does not know the architecture, or there is
            no memory for the copy.
    """
    try:
        from transformer_lens.model_bridge.sources import build_bridge_from_module
    except ModuleNotFoundError:
        raise InputError(
            f"{checkpoint.name}: {architecture(checkpoint)} needs transformer-lens, which is not "
            'installed; run pip install "pluralens[interp]"'
        ) from None
    with checkpoint.lock:
        try:
            model = copy.deepcopy(checkpoint.model)
        except (torch.OutOfMemoryError, MemoryError):
            raise InputError(
                f"{checkpoint.name}: no memory for a second copy, which {architecture(checkpoint)} "
                "needs; give a smaller checkpoint or device=cpu"
            ) from None
    name = type(model).__name__
    try:
        made = build_bridge_from_module(model, name, hf_config=model.config)
    except (ValueError, KeyError, NotImplementedError) as error:
        raise InputError(
            f"{checkpoint.name}: TransformerLens cannot hook {name} ({_line(error)}); "
            "give a checkpoint of another architecture"
        ) from None
    missing = [
        hook_name(site, layer)
        for layer in range(made.cfg.n_layers)
        for site in SITES
        if hook_name(site, layer) not in made.hook_dict
    ]
    if missing:
        raise InputError(
            f"{checkpoint.name}: {name} has no hook point {missing[0]}; "
            "give a checkpoint of another architecture"
        )
    made.eval().requires_grad_(False)
    return made


def bridge_rows(checkpoint: Checkpoint, asked: Rows) -> int:
    """Decide how many tokens, padding included, go through a Bridge at once.

    Args:
        checkpoint: The checkpoint.
        asked: A number, or `auto`.

    Raises:
        InputError: The number is less than 1.
    """
    if asked != "auto":
        if asked < 1:
            raise InputError(f"rows: {asked} is too few; give at least 1, or auto")
        return asked
    vocabulary = len(checkpoint.model.get_input_embeddings().weight)
    return max(1, min(_MOST_ROWS, _MOST_LOGITS // vocabulary))


class BridgeRun:
    """A `Run` on a Bridge; see `pluralens.interp.interventions.Run` for its attributes.

    Every distinct sequence of an item is a row, padded on the right to the longest.
    """

    def __init__(self, bridge: Any, *sides: Sequence[TokenItem]) -> None:
        """Lay the sides into rows.

        Args:
            bridge: From `bridge`.
            *sides: The items, and after them their twins, if any.
        """
        self._bridge = bridge
        self.layers, self.heads = int(bridge.cfg.n_layers), int(bridge.cfg.n_heads)
        items, device = sides[0], next(bridge.parameters()).device
        self.size = n = len(items)
        rows = [sequences_of(item) for item in items]
        form = [[len(sequence) for sequence in some] for some in rows]
        self._longest = longest = max(map(max, form))
        self._tokens = []
        for side in sides:
            laid = [sequences_of(item) for item in side]
            if [[len(sequence) for sequence in some] for some in laid] != form:
                raise ValueError("the sides of a run must have the same form")
            flat = [[*s, *[0] * (longest - len(s))] for some in laid for s in some]
            self._tokens.append(torch.tensor(flat, device=device))
        owner: list[int] = []
        offset: list[int] = []
        mask: list[list[int]] = []
        prompts: list[tuple[int, ...]] = []
        for index, (item, some) in enumerate(zip(items, rows, strict=True)):
            first = len(owner)
            prompts.append(tuple(range(first, first + len(item.prefix))))
            for sequence in some:
                pad = longest - len(sequence)
                owner += [index] * len(sequence) + [n] * pad
                mask.append([1] * len(sequence) + [0] * pad)
                offset += [place - len(item.prefix) + 1 for place in range(longest)]
        self.prompts = tuple(prompts)
        self.owner = torch.tensor(owner, device=device)
        self.offset = torch.tensor(offset, device=device)
        self._mask = torch.tensor(mask, device=device)
        self._readout = _Readout(items, rows, device)
        self._kept: dict[int, Taken] = {}

    def take(self, side: int = 0) -> Taken:
        """Run one side."""
        if side not in self._kept:
            with torch.no_grad():
                self._kept[side] = self._run(side)
        return self._kept[side]

    def differentiate(self, side: int = 0) -> tuple[Taken, Taken]:
        """Run one side forwards and backwards."""
        with torch.enable_grad():
            found = self._run(side, graph=True)
            parts = [getattr(found, site) for site in SITES]
            # Rows belong to one item each, so the sum keeps the items' gradients apart.
            flat = torch.autograd.grad(found.metric.sum(), [t for part in parts for t in part])
        grads = [list(flat[i * self.layers : (i + 1) * self.layers]) for i in range(len(SITES))]
        metric = found.metric.detach()
        return self._taken(parts, metric), self._taken(grads, metric)

    def replaced(self, site: Site, layer: int, values: Tensor, side: int = 0) -> Tensor:
        """The metric with one activation replaced."""

        def put(activation: Tensor, hook: Any) -> Tensor:
            return values.reshape(activation.shape).to(activation.dtype)

        hooks = [(hook_name(site, layer), put)]
        return self._readout(self._forward(side, len(values), hooks))

    def _run(self, side: int, *, graph: bool = False) -> Taken:
        """Activations by cell; with `graph` as the hooks saw them, part of the graph."""
        kept: dict[tuple[Site, int], Tensor] = {}

        def keeper(site: Site, layer: int) -> Any:
            def keep(activation: Tensor, hook: Any) -> Tensor:
                kept[site, layer] = activation
                return activation

            return keep

        def begin(stream: Tensor, hook: Any) -> Tensor:
            return stream.detach().requires_grad_() if graph else stream

        hooks = [("blocks.0.hook_resid_pre", begin)]
        hooks += [
            (hook_name(site, layer), keeper(site, layer))
            for layer in range(self.layers)
            for site in SITES
        ]
        metric = self._readout(self._forward(side, 1, hooks))[0]
        parts = [[kept[site, layer] for layer in range(self.layers)] for site in SITES]
        return Taken(parts[0], parts[1], parts[2], metric) if graph else self._taken(parts, metric)

    def _taken(self, parts: Sequence[Sequence[Tensor]], metric: Tensor) -> Taken:
        """`[rows, longest, ...]` laid end to end; z by head, as not all architectures give it."""
        z, mlp_out, resid_post = ([t.detach().flatten(0, 1) for t in part] for part in parts)
        z = [t.flatten(1).unflatten(-1, (self.heads, -1)) for t in z]
        return Taken(z, mlp_out, resid_post, metric.detach())

    def _forward(self, side: int, variants: int, hooks: Sequence[tuple[str, Any]]) -> Tensor:
        """Logits `[variants, rows, longest, vocabulary]`."""
        tokens = self._tokens[side].repeat(variants, 1)
        mask = self._mask.repeat(variants, 1)
        logits = self._bridge.run_with_hooks(tokens, attention_mask=mask, fwd_hooks=list(hooks))
        by_variant: Tensor = logits.unflatten(0, (variants, -1))
        return by_variant


class _Readout:
    """Reads the bias metric from logits at every position."""

    def __init__(
        self,
        items: Sequence[TokenItem],
        rows: Sequence[Sequence[tuple[int, ...]]],
        device: torch.device,
    ) -> None:
        places: list[tuple[int, int, int, int]] = []  # row, position, token, target
        sides: tuple[list[list[int]], list[list[int]]] = ([], [])
        count = first = 0
        for item, some in zip(items, rows, strict=True):
            for side, targets in zip(sides, (item.a, item.b), strict=True):
                side.append(list(range(count, count + len(targets))))
                for target in targets:
                    row = first + some.index(item.prefix + target[:-1])
                    for step, token in enumerate(target):
                        places.append((row, len(item.prefix) - 1 + step, token, count))
                    count += 1
            first += len(some)
        self._row, self._place, self._token, self._target = torch.tensor(places, device=device).T
        self._targets = count
        # Filled up with one target more, whose probability is 0.
        most = [max(map(len, side)) for side in sides]
        self._a, self._b = (
            torch.tensor([[*s, *[count] * (width - len(s))] for s in side], device=device)
            for side, width in zip(sides, most, strict=True)
        )

    def __call__(self, logits: Tensor) -> Tensor:
        """`[variants, rows, longest, vocabulary]` to `[variants, n]`."""
        read = logits[:, self._row, self._place].float()
        picked = read[:, torch.arange(len(self._token)), self._token] - read.logsumexp(-1)
        scores = picked.new_zeros(len(picked), self._targets)
        scores = scores.index_add(1, self._target, picked)
        scores = torch.cat([scores, scores.new_full((len(scores), 1), float("-inf"))], dim=1)
        return scores[:, self._a].logsumexp(-1) - scores[:, self._b].logsumexp(-1)


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 120 else text[:117] + "..."
