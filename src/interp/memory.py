"""How much to compute at once, and what to say when it was too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from pluralens.errors import InputError
from pluralens.interp.architectures import Network

__all__ = ["Rows", "fits_in_memory", "rows_at_once"]

Rows = int | Literal["auto"]
"""Tokens computed at once, over all variants of a batch."""

# Enough rows for matrix products at full speed; more cost memory and gain nothing on a CPU.
_CPU_ROWS = 768
_FEWEST, _MOST = 256, 65_536


def rows_at_once(network: Network, asked: Rows) -> int:
    """Decide how many tokens to compute at once.

    Args:
        network: What computes them.
        asked: A number, or `auto`: 768 on a CPU, on a GPU what half of its free memory holds.

    Returns:
        The number.

    Raises:
        InputError: The number is less than 1.
    """
    if asked != "auto":
        if asked < 1:
            raise InputError(f"rows: {asked} is too few; give at least 1, or auto")
        return asked
    if network.device.type != "cuda":
        return _CPU_ROWS
    free, _ = torch.cuda.mem_get_info(network.device)
    # Residual stream, heads, their gathered copies, and the MLP's hidden layer before and after
    # its activation.
    hidden = network.mlp_weights // (2 * network.width)
    numbers = 24 * network.width + 3 * hidden
    return max(_FEWEST, min(_MOST, int(free) // 2 // (numbers * int(network.dtype.itemsize))))


@contextmanager
def fits_in_memory(rows: int) -> Iterator[None]:
    """Report a lack of memory inside as one line with the number of rows to try.

    Args:
        rows: Tokens computed at once.

    Yields:
        Nothing.

    Raises:
        InputError: Memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_much(rows) from error
    except RuntimeError as error:
        # The CPU allocator has no exception class of its own.
        if "can't allocate memory" not in str(error):
            raise
        raise _too_much(rows) from error


def _too_much(rows: int) -> InputError:
    if rows == 1:
        return InputError("out of memory with rows=1; give a smaller checkpoint or more memory")
    return InputError(f"out of memory with rows={rows}; try rows={max(1, rows // 4)}")
