"""Which machinery runs a checkpoint: the fast engine where it knows it, a Bridge where not."""

from collections.abc import Callable
from dataclasses import dataclass

from pluralens.interp.architectures import has_fast_engine, network
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.interventions import EngineRun, Run
from pluralens.interp.memory import Rows, rows_at_once

__all__ = ["RunFactory", "run_factory"]

_FEWEST_ROWS = 256


@dataclass(frozen=True)
class RunFactory:
    """Makes runs of batches.

    Attributes:
        make: `(items[, twins]) -> run`.
        rows: Cells to compute at once.
        engine: What to record: `fast` or `TransformerBridge`.
        layers: Of the network.
        heads: Per layer.
    """

    make: Callable[..., Run]
    rows: int
    engine: str
    layers: int
    heads: int


def run_factory(checkpoint: Checkpoint, rows: Rows, fast: bool | None = None) -> RunFactory:
    """Choose the machinery.

    Args:
        checkpoint: The checkpoint; hold its lock.
        rows: Cells to compute at once.
        fast: Whether to use the fast engine; None where there is one.

    Returns:
        A factory of runs.

    Raises:
        InputError: `rows` is less than 1, or nothing knows the architecture.
    """
    if has_fast_engine(checkpoint) if fast is None else fast:
        net = network(checkpoint)
        at_once = rows_at_once(net, rows)
        if rows == "auto" and net.device.type == "cuda":
            # That many fit through one block; here the activations of all blocks are kept.
            at_once = max(_FEWEST_ROWS, at_once // net.layers)
        return RunFactory(
            lambda *sides: EngineRun(net, *sides), at_once, "fast", net.layers, net.heads
        )
    # Imported here: TransformerLens's own import takes seconds.
    from pluralens.interp.bridge import BridgeRun, bridge, bridge_rows

    at_once, wrapped = bridge_rows(checkpoint, rows), bridge(checkpoint)
    return RunFactory(
        lambda *sides: BridgeRun(wrapped, *sides),
        at_once,
        "TransformerBridge",
        int(wrapped.cfg.n_layers),
        int(wrapped.cfg.n_heads),
    )
