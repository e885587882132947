# Everything goes through the virtual environment in .venv. `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:

# The Python that makes .venv (3.11, 3.12 or 3.13), the torch to install, and further arguments for pip,
# such as an --index-url for a torch without CUDA.
PYTHON ?=
TORCH ?= torch==2.13.0
PIP_ARGS ?=
# What `make notebooks` reads: a results.parquet, or its folder; the recorded results by default.
RESULTS ?=
# Processes that share the tests, with one thread and about 1 GB each; 0 runs them in one process.
WORKERS ?= logical
# The folder of `make demo`.
DEMO ?= out/demo

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --prefer-binary

.PHONY: help
help: ## list the targets
	@echo 'make TARGET, with one of:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1	\2/p' Makefile | while IFS='	' read -r name text; do \
	  printf '  %-16s %s\n' "$$name" "$$text"; done
	@echo 'settings: PYTHON=python3.12  TORCH="torch==2.13.0"  PIP_ARGS="..."  DEMO=out/demo  RESULTS=runs/NAME/TIME  WORKERS=2'

.PHONY: setup
setup: $(VENV)/installed ## make .venv and install latentman with everything it needs
	@echo 'ready: make demo, or . $(VENV)/bin/activate and latentman run --help'

.PHONY: demo
demo: $(VENV)/installed ## make the baseline and LatentMan of one prompt, and a page that compares them, in out/demo
	@$(PY) -m latentman demo --out '$(DEMO)'

.PHONY: test
test: $(VENV)/installed-dev ## run the test suite, without the slow and browser tests, in WORKERS processes
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile

.PHONY: test-nightly
test-nightly: $(VENV)/installed-dev ## run the tests that take minutes, and those for SDXL
	@$(PY) -m pytest -m nightly

.PHONY: fuzz
fuzz: $(VENV)/installed-dev ## damaged files and command lines, 300 inputs a reader; FUZZ=10000 for the long mode
	@FUZZ='$(or $(FUZZ),300)' $(PY) -m pytest tests/fuzz -m fuzz -n $(WORKERS) --maxprocesses 8 --dist load


.PHONY: test-faults
test-faults: $(VENV)/installed-dev ## kill and fail runs at every call that writes (hours; FAULT_SECONDS=600: a sample)
	@$(PY) -m tests.faults.campaign --workers $(if $(filter logical,$(WORKERS)),2,$(WORKERS)) \
	  $(if $(FAULT_SECONDS),--seconds '$(FAULT_SECONDS)')

.PHONY: test-slurm
test-slurm: $(VENV)/installed-slurm ## run the tests that need SLURM, on their own cluster (root; SLOW=1 includes the slow ones)
	@scripts/slurm_local/test.sh -m $(if $(SLOW),slurm,'slurm and not slow')

.PHONY: slurm-local
slurm-local: $(VENV)/installed-slurm ## start a SLURM cluster on this machine, for hydra/launcher=slurm_local (root)
	@scripts/slurm_local/up.sh

.PHONY: slurm-local-down
slurm-local-down: ## stop that cluster and its jobs, and remove its folder
	@scripts/slurm_local/down.sh

.PHONY: lint
lint: $(VENV)/installed-dev ## check style and formatting, without changes
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

.PHONY: format
format: $(VENV)/installed-dev ## fix style and formatting where that is automatic
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: types
types: $(VENV)/installed-dev ## check the types
	@$(PY) -m mypy

.PHONY: ci
ci: ## run everything that must pass before a change is accepted
	@./.ci/run

.PHONY: record
record: $(VENV)/installed ## make the short recorded results of experiments/ again (minutes)
	@$(PY) experiments/record.py

.PHONY: tables
tables: $(VENV)/installed ## write the tables of experiments/ and the README from the recorded results
	@$(PY) experiments/record.py --tables

.PHONY: wandb-sync
wandb-sync: $(VENV)/installed ## upload the W&B runs below DIR that were kept offline: make wandb-sync DIR=runs/NAME
	@$(if $(DIR),,echo 'which runs? make wandb-sync DIR=runs/NAME' >&2; exit 2;) \
	$(PY) -m latentman.tracking wandb-sync '$(DIR)'

.PHONY: notebooks
notebooks: $(VENV)/installed-analysis ## run the notebooks of analysis/ into out/notebooks, on RESULTS or the recorded results
	@$(PY) analysis/execute.py $(if $(RESULTS),--results '$(RESULTS)')

.PHONY: docs
docs: $(VENV)/installed-docs ## build the documentation site in out/site, with every link checked
	@$(PY) docs/build_site.py out/site-src
	@$(PY) -m mkdocs build --strict --quiet
	@echo 'open out/site/index.html'

.PHONY: build
build: $(VENV)/installed-dev ## build the wheel and the source archive, in dist/
	@$(PY) -m hatchling build

.PHONY: clean
clean: ## remove caches and builds; keeps .venv, runs and out
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find latentman tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@found=''; \
	for python in $(if $(PYTHON),'$(PYTHON)',python3.11 python3.12 python3.13 python3 python); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
	    found="$$python"; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo 'error: latentman needs Python 3.11, 3.12 or 3.13, and none was found$(if $(PYTHON), under the name $(PYTHON),)' >&2; \
	  echo 'install one, or name it: make setup PYTHON=/path/to/python3.11' >&2; exit 2; fi; \
	echo "making $(VENV) with $$found"; \
	"$$found" -m venv $(VENV) || { \
	  echo "error: $$found cannot make a virtual environment; on Debian and Ubuntu install python3-venv" >&2; \
	  rm -rf $(VENV); exit 2; }

# The sources of the compiled solver: when they change, the package is installed again.
NATIVE := hatch_build.py $(wildcard latentman/assignment/native/*.?pp)

# torch is installed first and alone, so that TORCH and PIP_ARGS choose its build and later packages keep it.
$(VENV)/installed-torch: | $(PY)
	@echo 'installing $(TORCH)'
	@$(PIP) $(PIP_ARGS) '$(TORCH)'
	@touch $@

# The command of the ziglang compiler, as a path to its file, since pip hides the environment's packages from a build.
define ZIG
import pathlib, shlex, ziglang
print(shlex.quote(str(pathlib.Path(ziglang.__file__).with_name("zig"))), "c++")
endef
export ZIG

# The solver needs a C++ compiler. If the system has none, one from the package index is used. Without a compiler, the
# installation continues.
$(VENV)/installed: pyproject.toml $(NATIVE) $(VENV)/installed-torch
	@echo 'installing latentman'
	@if [ -z "$$CXX" ] && ! command -v c++ >/dev/null && ! command -v g++ >/dev/null && ! command -v clang++ >/dev/null && \
	  $(PIP) --quiet ziglang; then export CXX="$$($(PY) -c "$$ZIG")"; fi; \
	$(PIP) --quiet --editable .
	@$(PY) -c 'import sys; from latentman.assignment.certified import is_compiled; sys.exit(not is_compiled())' || \
	  echo 'solver=certified was not compiled: solver=auto uses scipy, which is slow on large pictures'
	@$(PIP) --quiet --only-binary lapjv 'lapjv>=1.3.24' 2>/dev/null || \
	  echo 'lapjv has no wheel for this Python: solver=lapjv is not available, every other solver is'
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed
	@echo 'installing what the tests and checks need'
	@$(PIP) --quiet --editable '.[dev]'
	@touch $@

$(VENV)/installed-slurm: pyproject.toml $(VENV)/installed-dev
	@echo 'installing the launchers for SLURM and for parallel processes'
	@$(PIP) --quiet --editable '.[slurm,sweep]'
	@touch $@

$(VENV)/installed-docs: pyproject.toml $(VENV)/installed
	@echo 'installing what the documentation site needs'
	@$(PIP) --quiet --editable '.[docs]'
	@touch $@

$(VENV)/installed-analysis: pyproject.toml $(VENV)/installed
	@echo 'installing what the notebooks need'
	@$(PIP) --quiet --editable '.[analysis]'
	@touch $@
