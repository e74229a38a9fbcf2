# pluralens: `make demo` and `make test` set up their own environment in .venv and say what they do.
# PYTHON=python3.12 chooses another interpreter; it needs 3.11 or newer.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The CPU build is enough for the tests. On Linux without a GPU, plain PyPI wheels of torch bring
# several GB of CUDA: point TORCH_ARGS at PyTorch's own CPU index (--index-url ...) to avoid that.
TORCH ?= torch==2.13.0
TORCH_ARGS ?=
TEST_PYTHONS ?= 3.11 3.12 3.13
CORE := not hf and not interp and not providers and not packaging and not roster
# A process per core, at most 8: each that needs one starts a PostgreSQL server of its own.
PARALLEL ?= -n auto --maxprocesses 8 --dist worksteal

.PHONY: demo demo-interp readme-figures test lint types imports tests test-hf test-interp test-providers test-roster test-wheel test-pythons bench bench-interp clean

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "pluralens needs Python 3.11 or newer; none was found. Install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; }
	@echo "== creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	@echo "== installing pluralens and what it needs into $(VENV) (about 230 MB the first time)"
	@$(PIP) install -q -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.core
	@echo "== installing the development tools into $(VENV)"
	@$(PIP) install -q -e '.[dev]'
	@touch $@

$(VENV)/.hf: pyproject.toml | $(VENV)/.dev
	@echo "== installing $(TORCH) and transformers into $(VENV)"
	@$(PIP) install -q $(TORCH_ARGS) '$(TORCH)'
	@$(PIP) install -q -e '.[dev,hf]'
	@touch $@

$(VENV)/.interp: pyproject.toml | $(VENV)/.dev
	@echo "== installing $(TORCH), transformers and transformer-lens into $(VENV)"
	@$(PIP) install -q $(TORCH_ARGS) '$(TORCH)'
	@$(PIP) install -q -e '.[dev,interp]'
	@touch $@

$(VENV)/.providers: pyproject.toml | $(VENV)/.dev
	@echo "== installing the libraries of inspect's providers and litellm into $(VENV)"
	@$(PIP) install -q -e '.[dev,providers]'
	@touch $@

demo: $(VENV)/.core
	@$(BIN)/python -m pluralens.demo

# Every analysis inside a network, on a small one whose bias is planted and which is trained on the spot.
demo-interp: $(VENV)/.interp
	@$(BIN)/python -m pluralens.demo_interp

# The pictures of the README: of the demonstrations, a balanced set, simulated tellers and personalisers.
readme-figures: demo demo-interp
	@mkdir -p docs/figures
	@cp out/demo/planted_and_recovered.png out/demo/counterfactual_effects.png docs/figures/
	@rm -f out/readme.db
	@DB_URL=sqlite:///out/readme.db $(BIN)/pluralens personas balanced --population de --n 2000 --seed 1 --name balanced-b
	@DB_URL=sqlite:///out/readme.db $(BIN)/pluralens personas check balanced-b --out out/balanced-b
	@cp out/balanced-b/association.png docs/figures/balanced_association.png
	@rm -rf out/readme-logs
	@$(BIN)/inspect eval pluralens/triplets --model pluralens_sim/sycophant -M strength=0.4 --model-role grader=pluralens_sim/grader --log-dir out/readme-logs --display plain
	@$(BIN)/python viz/triplets.py --log out/readme-logs --out out/triplets --format png
	@cp out/triplets/slope.png docs/figures/triplets_slope.png
	@$(BIN)/inspect eval pluralens/persona_loo --model pluralens_sim/personaliser --model-role grader=pluralens_sim/critic --log-dir out/readme-logs --display plain
	@$(BIN)/python viz/visualization_loo.py --log out/readme-logs --out out/persona --format png
	@cp out/persona/importance.png docs/figures/persona_importance.png
	@cp out/demo-interp/ablation-builtin-gender.png docs/figures/interp_heads.png

test: $(VENV)/.dev lint types imports tests

lint: $(VENV)/.dev
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@echo "== types"
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@echo "== import contracts"
	@$(BIN)/lint-imports --no-logo

tests: $(VENV)/.dev
	@echo "== tests"
	@$(BIN)/python -m pytest -q $(PARALLEL) -m "$(CORE)"

# Trains a tiny chat model on the spot and runs it through inspect's own hf provider.
test-hf: $(VENV)/.hf
	@$(BIN)/python -m pytest -q -m hf

# The analyses inside networks: toys trained on the spot, brute-force twins, TransformerLens as oracle.
test-interp: $(VENV)/.interp
	@$(BIN)/python -m pytest -q -m interp $(PARALLEL)

# Runs Google, Groq, Hugging Face, Cerebras, Mistral, Cohere, OpenRouter and LiteLLM as inspect reaches
# them, against a local server that fails on purpose.
test-providers: $(VENV)/.providers
	@$(BIN)/python -m pytest -q -m providers

# Ten models x 108 prompts in one roster run against a local server, killed and continued.
test-roster: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -m roster

# Builds the wheel, installs it into an empty environment and runs the task outside the checkout.
test-wheel: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -m packaging

# The core tests on every supported Python that is there: on the path, or installed by pyenv or uv.
test-pythons:
	@set -e; ran=0; for v in $(TEST_PYTHONS); do p=""; \
	  for c in python$$v $$(ls -d $$(pyenv root 2>/dev/null)/versions/$$v.*/bin/python 2>/dev/null) \
	      $$(uv python find $$v 2>/dev/null); do \
	    if "$$c" -c "import sys, ssl, venv; assert sys.version.startswith('$$v.')" 2>/dev/null; then p="$$c"; break; fi; \
	  done; \
	  if [ -z "$$p" ]; then echo "== Python $$v: not here, skipped"; continue; fi; \
	  echo "== Python $$v"; \
	  [ -x .venvs/$$v/bin/python ] || "$$p" -m venv .venvs/$$v; \
	  .venvs/$$v/bin/python -m pip --disable-pip-version-check install -q -e '.[dev]'; \
	  .venvs/$$v/bin/python -m pytest -q $(PARALLEL) -m "$(CORE)"; ran=$$((ran + 1)); \
	done; test $$ran -gt 0 || { echo "none of $(TEST_PYTHONS) is here"; exit 2; }

bench: $(VENV)/.dev
	@for b in sampling balance store startup throughput; do echo "== benchmarks/$$b.py"; $(BIN)/python benchmarks/$$b.py; done

# The scripts about networks, with TransformerLens as one of the references.
bench-interp: $(VENV)/.interp
	@for b in interp_scan interp_attribution interp_activations; do echo "== benchmarks/$$b.py"; $(BIN)/python benchmarks/$$b.py; done

clean:
	rm -rf $(VENV) .venvs build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis lib/*.egg-info
