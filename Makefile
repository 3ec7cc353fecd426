PYTHON := .venv/bin/python
LOCK = $(PYTHON) -m uv pip compile setup.cfg --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(ARGS)

.NOTPARALLEL:

ifdef HOST
export BITRUN_HOST := $(HOST)
endif
ifdef PORT
export BITRUN_PORT := $(PORT)
endif

# Where pip needs another certificate authority, the builds of images need it, too.
ifdef PIP_CERT
export BITRUN_BUILD_CA_BUNDLE ?= $(PIP_CERT)
endif

.PHONY: help
help: ## Print the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: install ## Serve on http://127.0.0.1:5000; HOST= and PORT= change the address
	@exec $(PYTHON) -m bitrun serve

.PHONY: install
install: engine ## Install or update the default packages, or PACKAGES="..."
	@$(PYTHON) -m bitrun install $(PACKAGES)

.PHONY: engine
engine: setup
	@$(PYTHON) -m tools.install_engine

.PHONY: setup
setup:
	@scripts/setup

.PHONY: develop
develop:
	@scripts/setup dev

.PHONY: unit
unit: develop ## Run the tests that need no Docker, in seconds; ARGS= goes to pytest
	@PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest -q --shards 8 -m "not engine and not chaos and not builds" $(ARGS)

.PHONY: test
test: develop install ## Run all tests but the slow ones, with a real Docker engine; ARGS= goes to pytest
	@$(PYTHON) -m pytest --shards 8 $(ARGS)

.PHONY: test-vm
test-vm: develop install ## Test the engine of a virtual machine, or with LOCAL=1 this machine's, for docs/engines.md
	@$(PYTHON) -m tools.vm $(if $(LOCAL),--local)

.PHONY: test-cluster
test-cluster: develop install ## Test a Swarm of three machines, all on this one, and write docs/cluster.md
	@$(PYTHON) -m tools.cluster $(ARGS)

.PHONY: chaos
chaos: develop install ## Run the slow tests: broken engines, time limits, proxies
	@$(PYTHON) -m pytest -m chaos $(ARGS)

.PHONY: fuzz
fuzz: develop engine ## Fuzz the supervisor for SECONDS=60; ARGS=--keep adds new inputs to the corpus
	@$(PYTHON) -m tools.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

.PHONY: attacks
attacks: develop install ## Run every known attack and write docs/attacks.md
	@$(PYTHON) -m pytest -m attack --attacks docs/attacks.md $(ARGS)

.PHONY: test-languages
test-languages: develop engine ## Install, test and measure every language, or LANGS="..."; REMOVE=1 saves disk, AGAIN=1 repeats all
	@$(PYTHON) -m tools.conformance $(if $(REMOVE),--remove) $(if $(AGAIN),--again) $(LANGS)

.PHONY: bench
bench: develop install ## Run the benchmarks, write docs/benchmark.md; ARGS="--against URL" measures another server
	@$(PYTHON) -m tools.bench $(ARGS)

.PHONY: soak
soak: develop install ## Run a service at full load for an hour, write docs/soak.md; ARGS="--minutes N"
	@$(PYTHON) -m tools.soak $(ARGS)

.PHONY: playground
playground: ## Build the playground; needs Node.js and npm
	@cd playground && npm ci --silent --no-audit --no-fund && npm run --silent build

.PHONY: pictures
pictures: develop install ## Take the screenshots of the playground in the documentation
	@$(PYTHON) -m pytest tests/playground/test_pictures.py --pictures docs -m engine

.PHONY: docs
docs: develop ## Build the documentation site in build/docs; SERVICE=URL of a codapi dialect makes its programs run
	@$(if $(SERVICE),cd tools/docs_site && npm ci --silent --no-audit --no-fund)
	@DOCS_SERVICE="$(SERVICE)" NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs --quiet build --strict

.PHONY: lint
lint: develop ## Check style and types
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy

.PHONY: format
format: develop ## Format the code
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

.PHONY: lock
lock: develop ## Update the lock files for setup.cfg; ARGS=--upgrade updates all versions
	@$(PYTHON) -m pip install --quiet uv
	@$(LOCK) -o requirements.txt --extra server
	@$(LOCK) -o requirements-dev.txt --extra dev --constraint requirements.txt

.PHONY: clean
clean: ## Remove .venv and the caches
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
