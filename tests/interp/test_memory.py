"""How much is computed at once follows the memory there is."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import tiny_gpt2, tiny_tokenizer  # noqa: E402

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp.architectures import network  # noqa: E402
from pluralens.interp.checkpoint import adopt  # noqa: E402
from pluralens.interp.memory import fits_in_memory, rows_at_once  # noqa: E402

pytestmark = pytest.mark.interp


def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = network(adopt(tiny_gpt2(), tiny_tokenizer(), name="t"))
    assert (rows_at_once(on_cpu, "auto"), rows_at_once(on_cpu, 5)) == (768, 5)
    with pytest.raises(InputError, match="rows: -1 is too few; give at least 1, or auto"):
        rows_at_once(on_cpu, -1)
    on_gpu = replace(on_cpu, device=torch.device("cuda"))
    found = {}
    for free in (1, 10**7, 10**8, 10**11):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
        found[free] = rows_at_once(on_gpu, "auto")
    assert found[1] == 256 and found[10**11] == 65_536
    assert found[10**8] == pytest.approx(10 * found[10**7], rel=0.01)
    # What a row takes at the very least: the MLP's hidden layer, twice.
    assert found[10**7] * 2 * 4 * 32 * 4 < 10**7 / 2


def test_one_row_too_many_has_no_smaller_number_to_try() -> None:
    with pytest.raises(InputError, match="a smaller checkpoint"), fits_in_memory(1):
        raise MemoryError
    with pytest.raises(InputError, match="rows=3; try rows=1"), fits_in_memory(3):
        raise torch.OutOfMemoryError("CUDA out of memory")
