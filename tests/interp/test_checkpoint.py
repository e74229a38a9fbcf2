"""Checkpoints load as they are, and what cannot be loaded is one line that says what to do."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tiny_language_models import (  # noqa: E402
    saved,
    tiny_gpt2,
    tiny_gpt_neo,
    tiny_qwen2,
    tiny_tokenizer,
)

from pluralens.errors import InputError  # noqa: E402
from pluralens.interp import checkpoint as module  # noqa: E402
from pluralens.interp.checkpoint import adopt, architecture, load_checkpoint  # noqa: E402

pytestmark = pytest.mark.interp


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("checkpoint")
    saved(tiny_gpt2(), tiny_tokenizer(), where)
    return where


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def refused(name: str, **options: object) -> str:
    with pytest.raises(InputError) as error:
        load_checkpoint(name, **options)
    line = str(error.value)
    assert "\n" not in line and len(line) < 400
    # It ends in what to do.
    assert ";" in line or "give" in line or "run pip" in line
    return line


def test_a_folder_loads_unchanged(folder: Path) -> None:
    threads = torch.get_num_threads()
    loaded = load_checkpoint(str(folder), device="cpu", threads=1)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(threads)
    original = tiny_gpt2()
    for (name, ours), (_, theirs) in zip(
        loaded.model.named_parameters(), original.named_parameters(), strict=True
    ):
        assert torch.equal(ours, theirs), name
        assert not ours.requires_grad
    assert not loaded.model.training
    assert (loaded.device, loaded.dtype, loaded.context) == ("cpu", "float32", 64)
    assert (loaded.name, loaded.revision, architecture(loaded)) == (str(folder), None, "gpt2")
    assert (loaded.bos, loaded.bos_policy) == (0, "<|endoftext|> (0) in front of every text")
    assert loaded.about["parameters_sha256"] == loaded.digest
    json.dumps(loaded.about)


def test_loading_says_nothing_and_changes_no_settings(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    before = logging.get_verbosity(), hub.get_verbosity(), logging.is_progress_bar_enabled()
    load_checkpoint(str(folder))
    refused(str(folder), device="nowhere")
    assert capfd.readouterr() == ("", "")
    after = logging.get_verbosity(), hub.get_verbosity(), logging.is_progress_bar_enabled()
    assert after == before


def test_the_digest_is_of_the_parameters(folder: Path) -> None:
    digest = load_checkpoint(str(folder)).digest
    assert len(digest) == 64 and digest == load_checkpoint(str(folder)).digest
    model = tiny_gpt2()
    assert adopt(model, tiny_tokenizer(), name="t").digest == digest
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.bias[3] += 1e-6
    assert adopt(model, tiny_tokenizer(), name="t").digest != digest
    assert load_checkpoint(str(folder), dtype="bfloat16").digest != digest


def test_bfloat16_is_asked_for(folder: Path) -> None:
    loaded = load_checkpoint(str(folder), dtype="bfloat16")
    assert loaded.dtype == "bfloat16" == loaded.about["dtype"]
    assert loaded.model.lm_head.weight.dtype == torch.bfloat16


def test_bos_policies(tmp_path: Path, folder: Path) -> None:
    assert load_checkpoint(str(folder), bos="never").bos is None
    bare = saved(tiny_qwen2(), tiny_tokenizer(bos=False), tmp_path)
    loaded = load_checkpoint(bare)
    assert loaded.bos is None and "no BOS token" in loaded.bos_policy
    assert "no BOS token; give bos=auto" in refused(bare, bos="always")


@pytest.mark.parametrize("make", [tiny_gpt_neo, tiny_qwen2])
def test_other_architectures_load(make: Callable[[], object], tmp_path: Path) -> None:
    assert load_checkpoint(saved(make(), tiny_tokenizer(), tmp_path)).context == 64


def test_one_lock_per_model() -> None:
    model = tiny_gpt2()
    first, second = (adopt(model, tiny_tokenizer(), name="t") for _ in range(2))
    assert first.lock is second.lock
    assert adopt(tiny_gpt2(), tiny_tokenizer(), name="t").lock is not first.lock
    with first.lock, second.lock:  # re-entrant: an analysis may call another
        taken: list[bool] = []
        other = threading.Thread(target=lambda: taken.append(second.lock.acquire(blocking=False)))
        other.start()
        other.join()
    assert taken == [False]


def test_wrong_options(folder: Path) -> None:
    for options, words in (
        ({"dtype": "float16"}, "dtype: no 'float16'"),
        ({"bos": "maybe"}, "bos: no 'maybe'"),
        ({"threads": 0}, "threads: 0"),
        ({"device": "gpu"}, "device: no 'gpu'"),
        ({"device": "meta"}, "device: no 'meta'"),
        ({"revision": "main"}, "a folder has no revision 'main'"),
    ):
        assert words in refused(str(folder), **options)
    with pytest.raises(InputError, match="loaded as float64"):
        adopt(tiny_gpt2().double(), tiny_tokenizer(), name="t")


def test_a_gpu_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "sees no GPU here; give device=cpu" in refused(str(folder), device="cuda")
    assert "give device=cpu" in refused(str(folder), device="mps")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "there are 2 GPUs" in refused(str(folder), device="cuda:5")


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_a_missing_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else find(name))
    line = refused("gpt2")
    assert line.startswith(missing) and 'pip install "pluralens[interp]"' in line


def test_places_without_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    assert "no config.json" in refused(str(tmp_path))
    assert "no such folder" in refused(str(tmp_path / "nowhere"))
    assert "no such folder" in refused("./nowhere")
    assert "a file; give the folder" in refused(str(folder / "config.json"))
    assert "no name" in refused(" ")


def test_models_that_do_not_predict_the_next_token(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM, T5Config, T5ForConditionalGeneration

    small = dict(vocab_size=300, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    bert = saved(BertForMaskedLM(BertConfig(hidden_size=8, **small)), tiny_tokenizer(), tmp_path)
    assert "bert is no causal language model" in refused(bert)
    t5 = T5Config(vocab_size=300, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    folder = saved(T5ForConditionalGeneration(t5), tiny_tokenizer(), tmp_path / "t5")
    assert "t5 is no causal language model" in refused(folder)


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])


def _other(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"nothing of that kind")


def _without(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut weights": (_cut, "damaged weights"),
    "zeros": (lambda f: (f / "model.safetensors").write_bytes(bytes(100)), "damaged weights"),
    "not a pickle": (_pickled, "damaged weights"),
    "no weights": (lambda f: _without(f, "*.safetensors"), "no usable weights"),
    "more layers": (lambda f: _other(f, n_layer=4), "12 parameters missing"),
    "wider": (lambda f: _other(f, n_embd=64), "of another shape"),
    "config cut": (lambda f: (f / "config.json").write_text("{"), "no usable configuration"),
    "config empty": (lambda f: (f / "config.json").write_text("{}"), "no usable configuration"),
    "unknown type": (lambda f: _other(f, model_type="zork"), "no usable configuration"),
    "no tokenizer": (lambda f: _without(f, "tokenizer*"), "no usable tokenizer"),
    "tokenizer cut": (lambda f: (f / "tokenizer.json").write_text("{"), "no usable tokenizer"),
    "tokenizer empty": (lambda f: (f / "tokenizer.json").write_text("{}"), "no usable tokenizer"),
    "tokenizer of another kind": (
        lambda f: (f / "tokenizer.json").write_text('{"added_tokens": [], "model": {"type": "z"}}'),
        "no usable tokenizer",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_folders(name: str, copy: Path) -> None:
    damage, words = DAMAGE[name]
    load_checkpoint(str(copy))
    damage(copy)
    line = refused(str(copy))
    assert line.startswith(str(copy)) and words in line


def test_a_tokenizer_of_another_model(copy: Path) -> None:
    saved(tiny_gpt2(vocab_size=100), tiny_tokenizer(), copy)
    assert "embeddings for 100" in refused(str(copy))


def test_a_model_larger_than_memory(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM

    for error, words in (
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "does not fit into memory"),
        (MemoryError(), "does not fit into memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "give device=cpu or a smaller one"),
    ):

        def fails(*args: object, error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", fails)
        assert words in refused(str(copy))


REFUSALS = {
    "gone/model": (404, "RepoNotFound", "no such checkpoint on the hub"),
    "private/model": (401, "RepoNotFound", "no such checkpoint on the hub"),
    "old/model": (404, "RevisionNotFound", "no revision 'v9' on the hub"),
    "gated/model": (403, "GatedRepo", "gated on the hub; accept its terms"),
}


@pytest.fixture
def hub() -> Iterator[str]:
    """A hub that refuses everything, in the hub's own form."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = next((name for name in REFUSALS if name in self.path), "gone/model")
            status, code, _ = REFUSALS[name]
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", f"a message about {code}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


LOAD = """
import sys, time
time.sleep = lambda seconds: None  # between attempts to reach the hub
from pluralens.errors import InputError
from pluralens.interp.checkpoint import load_checkpoint
for name in sys.argv[1:]:
    try:
        load_checkpoint(name, revision="v9")
    except InputError as error:
        print(error)
"""


def lines_of(names: list[str], cache: Path, **environment: str) -> list[str]:
    """What loading says, in a process of its own: the variables are read on import."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *names],
        env={**kept, "HF_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert not done.stderr, "one line each, and nothing beside it"
    return done.stdout.splitlines()


def test_what_the_hub_refuses(hub: str, tmp_path: Path) -> None:
    lines = lines_of(list(REFUSALS), tmp_path, HF_ENDPOINT=hub)
    assert len(lines) == len(REFUSALS)
    for line, (name, (_, _, words)) in zip(lines, REFUSALS.items(), strict=True):
        assert line.startswith(f"{name}: ") and words in line


@pytest.mark.parametrize(
    "variable, value, words",
    [
        ("HF_HUB_OFFLINE", "1", "HF_HUB_OFFLINE forbids to fetch it"),
        ("HF_ENDPOINT", "http://127.0.0.1:9", "the hub cannot be reached; check the network"),
    ],
    ids=["offline", "unreachable"],
)
def test_no_network(variable: str, value: str, words: str, tmp_path: Path) -> None:
    (line,) = lines_of(["someone/something"], tmp_path, **{variable: value})
    assert line.startswith("someone/something: not in the local cache") and words in line


def test_names_that_no_hub_has() -> None:
    assert "no such checkpoint on the hub" in refused("a name with spaces!")
