# Everything a person types. `make help` lists it; each command installs first what it needs.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
LOCAL := .venv/bin/python -m deploy.local
BIN := .venv/bin
# Tests wait for other programs much of the time, so there is one process more than a small machine has cores.
PROCESSES := --numprocesses 3 --no-loadscope-reorder

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  settings: PORT DATABASE_URL LITELLM_MASTER_KEY CONFIG STATE_DIR DETACH=1 PRISMA_ENGINE=auto|native|wasm"

.PHONY: setup
setup: ## install what `make up` needs (also done by it)
	@sh deploy/setup.sh runtime

.PHONY: setup-dev
setup-dev:
	@sh deploy/setup.sh dev

.PHONY: up
up: setup ## PostgreSQL, migrations and the stock LiteLLM proxy, in the foreground (DETACH=1: in the background)
	@exec $(LOCAL) up

.PHONY: down
down: ## stop what runs in STATE_DIR
	@if [ -x $(BIN)/python ]; then exec $(LOCAL) down; fi

.PHONY: db
db: setup ## start only the embedded PostgreSQL and print its URL
	@exec $(LOCAL) db

.PHONY: env
env: setup ## print the environment for running `litellm --config ...` by hand: eval "$$(make -s env)"
	@exec $(LOCAL) env

.PHONY: demo
demo: setup ## a narrated run that ends by itself
	@exec $(LOCAL) demo

.PHONY: test
test: setup-dev ## run all tests, in several processes (ARGS="tests/unit -k name" and the like: in one)
	@exec $(BIN)/python -m pytest $(or $(strip $(ARGS)),$(PROCESSES))

.PHONY: test-browser
test-browser: setup-dev ## run the tests that open pages in Chromium (SCREENSHOTS=folder: where pictures go)
	@$(BIN)/python -m tests.browser.chromium >/dev/null
	@exec $(BIN)/python -m pytest tests/browser $(ARGS)

.PHONY: screenshots
screenshots: setup-dev ## renew the pictures of docs/explanation/admin-tour.md
	@$(BIN)/python -m tests.browser.chromium >/dev/null
	@SCREENSHOTS=docs/images/admin exec $(BIN)/python -m pytest tests/browser/test_tour.py $(ARGS)

.PHONY: test-librechat
test-librechat: ## run LibreChat's LLM client library against the proxy (installs 565 MB of npm packages)
	@sh deploy/setup.sh librechat
	@exec $(BIN)/python -m pytest tests/librechat $(ARGS)

.PHONY: bench
bench: setup-dev ## measure the proxy with and without the plugin, and the ledger alone
	@exec $(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: chaos
chaos: setup-dev ## kill proxies, workers, databases and networks under load, for minutes (ARGS="--seed 7")
	@exec $(BIN)/python -m tests.chaos $(ARGS)

.PHONY: fairness
fairness: setup-dev ## simulate who would be refused wrongly, by our rule and by LiteLLM's
	@exec $(BIN)/python -m tests.fairness $(ARGS)

.PHONY: lint
lint: setup-dev ## formatting, types, layers, documentation and SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet solaris_hooks deploy
	$(BIN)/sqlfluff lint --disable-progress-bar solaris_hooks

.PHONY: format
format: setup-dev ## rewrite the files in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --disable-progress-bar solaris_hooks

.PHONY: lock
lock: ## resolve the dependencies anew into requirements/*.txt
	@sh requirements/lock.sh
