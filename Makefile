# lintune: `make book` makes the environment, executes the notebooks and renders the book; `make help` lists the rest.
#
# The environment comes from the package registry that pip is configured for, and only archives whose hash a lock holds
# get in. On Linux the torch found there brings CUDA along (several GB). Who wants the CPU build says where pip finds it,
# once, with PIP_EXTRA_INDEX_URL (an index) or PIP_FIND_LINKS (a page or folder of wheels): a `2.13.0+cpu` there wins
# over the plain 2.13.0, if its hash is in requirements.cpu.lock (`make lock` puts there what pip finds).

PYTHON ?= python3
PROFILE ?=
ARGS ?=
BIN := .venv/bin
ENV := .venv/.installed
TOOLS := build/tools/bin
TOOLS_ENV := build/tools/.installed
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation
LOCKED := $(INSTALL) --require-hashes -r

export PROFILE
# What a program of the user's finds there must not shadow what is locked.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help book pdf notebook results plan sweep test benchmark lint env lock audit sbom clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'PROFILE=smoke|cpu|gpu chooses the parameters; without it, what fits this machine. PYTHON names the Python.'

book: $(ENV)  ## execute what has changed, render the book, print where it is
	@$(BIN)/python -m pipeline.build $(ARGS)

pdf: $(ENV)  ## print the book that `make book` made into one PDF (takes Chromium)
	@$(BIN)/python -m pipeline.print_book $(ARGS)

notebook: $(ENV)  ## execute one notebook: NAME=tangent_kernel ARGS="-p shots=4" (results in build/own/NAME)
	@test -n "$(NAME)" || { echo 'Which notebook? make notebook NAME=tangent_kernel ARGS="-p shots=4"' >&2; exit 2; }
	@$(BIN)/python -m pipeline.execute notebooks/$(NAME).md $(ARGS)

results: $(ENV)  ## run the reference grids that are missing (hours; resumes)
	@$(BIN)/python -m pipeline.results $(ARGS)

plan: $(ENV)  ## say what a sweep will cost before it starts: PROFILE=gpu ARGS="--jobs 8 --hours 100"
	@$(BIN)/python -m pipeline.plan --sweep $(or $(PROFILE),cpu) $(ARGS)

sweep: $(ENV)  ## run a sweep: PROFILE=smoke ARGS="-- --dry-run" (results in build/sweep)
	@$(BIN)/python -m pipeline.sweep $(or $(PROFILE),cpu) $(ARGS)

test: $(ENV)  ## run all tests
	$(BIN)/python -m pytest $(ARGS)

benchmark: $(ENV)  ## compare the kernel engine with its peers (half an hour; ARGS="--texts 16 --rounds 1" for less)
	@$(BIN)/python $(LOCKED) requirements.peers.lock --upgrade --target build/peers
	@PYTHONPATH=build/peers $(BIN)/python -m benchmarks.kernel $(ARGS)
	@$(BIN)/python -m benchmarks.dual
	@$(BIN)/python -m benchmarks.teacher
	@$(BIN)/python -m benchmarks.training

lint: $(ENV)  ## check style, types, layers and sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbqa "ruff check" notebooks --nbqa-files '\.md$$'
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pipeline.check_sources

env: $(ENV)  ## make the environment in .venv

# The stamp is written last and removed first: an environment without it was never finished, and is made anew.
$(ENV): requirements.build.lock requirements.cpu.lock requirements.lock requirements.cuda.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) not found: make book PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else \
	  "lintune needs Python 3.11 or newer and $(PYTHON) is %d.%d: make book PYTHON=/path/to/python3.11" % v[:2])'
	@test -e $(ENV) || $(PYTHON) -m venv --clear .venv || \
	  { echo 'No environment: on Debian and Ubuntu it takes the package python3-venv.' >&2; exit 1; }
	@rm -f $(ENV)
	@echo 'Installing the locked environment into .venv (minutes, the first time)'
	@$(BIN)/python $(LOCKED) requirements.build.lock
	@said=$$($(BIN)/python $(LOCKED) requirements.cpu.lock 2>&1) || case $$said in \
	  *'No matching distribution'*) ;; *) echo "$$said" >&2; exit 1 ;; esac
	@$(BIN)/python $(LOCKED) requirements.lock
	@case $$($(BIN)/python -c 'from importlib.metadata import version; print(version("torch"))') in \
	  *+cpu) ;; *) $(BIN)/python $(LOCKED) requirements.cuda.lock ;; esac
	@$(BIN)/python $(INSTALL) -e .
	@touch $(ENV)

$(TOOLS_ENV): requirements.tools.lock
	@$(PYTHON) -m venv --clear build/tools
	@$(TOOLS)/python $(LOCKED) requirements.tools.lock
	@touch $(TOOLS_ENV)

lock: $(TOOLS_ENV)  ## resolve the dependencies anew into requirements*.lock (ARGS="--upgrade-package numpy" or --upgrade)
	@$(TOOLS)/python -m pipeline.lock $(ARGS)
	@$(TOOLS)/python -m pipeline.licences

audit: sbom  ## look for known vulnerabilities of all that is locked (ARGS="-s osv" asks osv.dev, not the registry)
	@# The CPU build is the torch of requirements.lock, by a name that the service does not know.
	@$(TOOLS)/pip-audit --strict --disable-pip --require-hashes $(ARGS) \
	  $(foreach lock,$(filter-out requirements.cpu.lock,$(wildcard requirements*.lock)),-r $(lock))

sbom: $(ENV) $(TOOLS_ENV)  ## list what is installed in build/sbom.cdx.json (CycloneDX)
	@$(TOOLS)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o build/sbom.cdx.json $(BIN)/python

clean:  ## remove what was built, not the environment, sweeps, parts of reference grids nor the cache of weights and data
	find build -mindepth 1 -maxdepth 1 ! -name reference ! -name sweep -exec rm -rf {} + 2>/dev/null || true
	rm -rf _build notebooks/executed .snakemake .build.lock
