# What a person types. `make` alone lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install serve dev test test-wire test-docs test-browser test-fuzz test-all coverage bench bench-quick bench-smoke check format admin-user key requirements clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.installed ## start the service (installs, makes the database and a first key as needed)
	@exec $(BIN)/python manage.py serve

dev: $(VENV)/.installed ## the same in debug mode, reloading when a file changes
	@exec $(BIN)/python manage.py serve --debug

admin-user: $(VENV)/.installed ## make a staff user for /admin/
	@$(BIN)/python manage.py init_db --verbosity 0
	@$(BIN)/python manage.py createsuperuser
	@echo "Log in at /admin/ of the service (make serve)."

key: $(VENV)/.installed ## make an API key: make key ARGS="--owner ann --name laptop --permission read"
	@$(BIN)/python manage.py create_key $(ARGS)

# To import schemathesis takes each process as long as a hundred tests.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
CORE := -p no:schemathesis --ignore tests/mcp_project/http/test_requests_from_openapi.py

test: $(VENV)/.installed-dev ## run the tests of the core, on the configured PostgreSQL or the embedded one (3 minutes)
	@$(PYTEST) $(CORE) -m "not (wire or docs or browser or fuzz)" $(ARGS)

test-wire: $(VENV)/.installed-dev ## real servers: slow clients, overload, outages, killed processes (7 minutes)
	@$(PYTEST) $(CORE) -m wire $(ARGS)

test-docs: $(VENV)/.installed-dev ## the commands of README and docs/, as they are printed (half a minute)
	@$(PYTEST) $(CORE) -m docs tests/docs $(ARGS)

test-browser: $(VENV)/.installed-dev ## the pages of the admin in chromium (a minute)
	@$(PYTEST) $(CORE) -m browser tests/mcp_project/staff $(ARGS)

test-fuzz: $(VENV)/.installed-dev ## made-up and hostile requests and values, in large numbers (2 minutes)
	@$(PYTEST) -m "fuzz or hypothesis" --hypothesis-profile=fuzz $(ARGS)

test-all: test-wire test-docs test-browser test-fuzz test ## all of these

coverage: $(VENV)/.installed-dev ## the lines and branches that the core's tests reach, also in the processes that they start
	@mkdir -p var/coverage
	@$(PYTEST) $(CORE) -m "not (wire or docs or browser or fuzz)" --cov --cov-report=term $(ARGS)

bench: $(VENV)/.installed ## measure the claims, in one table and bench/RESULTS.md (20 minutes)
	@$(BIN)/python -m bench

bench-quick: $(VENV)/.installed ## those of them that can be told in 2 to 5 minutes
	@$(BIN)/python -m bench --quick

bench-smoke: $(VENV)/.installed ## run every script of bench/ once, to see that it runs (a minute)
	@$(BIN)/python -m bench --smoke

check: $(VENV)/.installed-dev ## format, lint, types, imports, migrations, production settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	@# The database need not exist yet, which Django would warn of.
	$(BIN)/python -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy, under production settings"
	@env PRODUCTION=true DEBUG=false APP_DEBUG=false ALLOWED_HOSTS=mcp.example.com \
		SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
		DATABASE_URL="postgres://mcp:not-a-default-one@db.example.com/mcp" \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.installed-dev ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/.installed ## only install

requirements: $(VENV)/.installed-dev ## resolve pyproject.toml into requirements*.txt, pinned and hashed
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
		--no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
		--no-header pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

clean: ## remove what was installed and cached (not var/, which holds the embedded database)
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3"; exit 1; }
	@test ! -e $(VENV) || { echo "$(VENV) is there but has no usable Python: remove it, or run this as its owner."; exit 1; }
	@test -w . || { echo "This folder is not writable, so nothing can be installed in it."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
		|| { echo "This Python has no venv module (on Debian: apt install python3-venv)."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what requirements.txt pins (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing what requirements-dev.txt pins (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.txt
	@touch $(VENV)/.installed $@
