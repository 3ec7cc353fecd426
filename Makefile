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

# Whoever needs an authority of their own for pip here needs it inside image builds, too.
ifdef PIP_CERT
export BITRUN_BUILD_CA_BUNDLE ?= $(PIP_CERT)
endif

.PHONY: help
help: ## Print the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run
run: install ## Serve on http://127.0.0.1:5000; HOST= and PORT= move the address
	@exec $(PYTHON) -m bitrun serve

.PHONY: install
install: engine ## Bring the images of the default packages up to date, or of PACKAGES="..."
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
	@$(PYTHON) -m pytest -q -m "not engine and not chaos" $(ARGS)

.PHONY: test
test: develop install ## Run every test against a real Docker engine; ARGS= goes to pytest
	@$(PYTHON) -m pytest $(ARGS)

.PHONY: chaos
chaos: develop install ## Run the tests that take long: they break engines, wait for limits, go through proxies
	@$(PYTHON) -m pytest -m chaos $(ARGS)

.PHONY: fuzz
fuzz: develop engine ## Fuzz the supervisor, for SECONDS=60; ARGS=--keep adds what is found to the corpus
	@$(PYTHON) -m tools.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

.PHONY: attacks
attacks: develop install ## Run every known attack and write docs/attacks.md
	@$(PYTHON) -m pytest -m attack --attacks docs/attacks.md $(ARGS)

.PHONY: test-languages
test-languages: develop engine ## Install, try and measure every language, or LANGS="..."; REMOVE=1 saves disk, AGAIN=1 tries all anew
	@$(PYTHON) -m tools.conformance $(if $(REMOVE),--remove) $(if $(AGAIN),--again) $(LANGS)

.PHONY: bench
bench: develop install ## Measure everything into docs/benchmark.md; ARGS="--against URL" measures another server
	@$(PYTHON) -m tools.bench $(ARGS)

.PHONY: soak
soak: develop install ## Keep a service at full load for an hour into docs/soak.md; ARGS="--minutes N"
	@$(PYTHON) -m tools.soak $(ARGS)

.PHONY: playground
playground: ## Build the playground from its sources; needs Node.js and npm
	@cd playground && npm ci --silent --no-audit --no-fund && npm run --silent build

.PHONY: pictures
pictures: develop install ## Take the documents' pictures of the playground
	@$(PYTHON) -m pytest tests/playground/test_pictures.py --pictures docs

.PHONY: docs
docs: develop ## Build the documents' site into build/docs, strictly
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs --quiet build --strict

.PHONY: lint
lint: develop ## Check style and types
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy

.PHONY: format
format: develop ## Write the code in its one style
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

.PHONY: lock
lock: develop ## Lock what setup.cfg requires; ARGS=--upgrade takes the newest of all
	@$(PYTHON) -m pip install --quiet uv
	@$(LOCK) -o requirements.txt --extra server
	@$(LOCK) -o requirements-dev.txt --extra dev --constraint requirements.txt

.PHONY: clean
clean: ## Remove .venv and the caches
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
