# `make demo` and `make test` set up everything they need on a machine with Python 3.11+, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Every daemon under test would be compiled anew, and every test with each run.
unexport PYTHONDONTWRITEBYTECODE
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input --require-hashes

.PHONY: demo test test-fresh test-packages test-container test-real test-faults test-nodes bench lint format clean requirements wheel wheels deb packages

demo: $(VENV)/.runtime
	@$(BIN)/sms-notify demo $(ARGS)

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n auto --dist worksteal -m 'not real and not faults and not nodes' $(ARGS)

# The documents alone, as `make test` checks them: links, phrases, examples, and that everything is documented.
.PHONY: docs-check
docs-check: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS) tests/test_docs_*.py tests/test_gateway_table.py tests/test_security_checklist.py

# The README's two commands on a bare Debian, in a clone of the commit: commit first. Needs root; AS=root runs them as root.
# Where no such system can be made the script exits with 77 and says why; make itself then says "Error 77" and exits with 2.
test-fresh:
	tests/fresh/machine.sh

# Makes the packages on a bare Debian, installs them there as a user would, and sends a text through each. Commit first.
test-packages:
	AS=root tests/fresh/machine.sh "make packages" tests/fresh/packages.py

# Builds the container image there, by Debian's buildah, and sends a text through its daemon.
test-container:
	AS=root tests/fresh/machine.sh tests/fresh/container.py

# Installs the real monitoring systems from Debian's packages where they are missing, and starts them on loopback.
test-real: $(VENV)/.dev
	$(BIN)/python tests/real/install.py
	$(BIN)/python -m pytest -m real -s $(ARGS) tests/real

# What decides, keeps and sends, over a PostgreSQL server that the tests start. Each file that opens a store has its part in it.
.PHONY: test-postgres
test-postgres: $(VENV)/.dev
	SMS_NOTIFY_STORE=postgres $(BIN)/python -m pytest -n auto --dist worksteal -m 'not real and not faults and not sqlite' $(ARGS) \
	  $$(grep -lE 'import .*(a_store|url_of|armed_site)|bench: Bench' tests/test_*.py)

# Takes the pictures of the documents anew, of a fixed scene in a real Chromium. Look at them before you commit them.
.PHONY: screenshots
screenshots: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python tests/real/screenshots.py

# Breaks the disk, the clock, the network and the process under a running daemon, and prints what came of each. Wants a C compiler.
test-faults: $(VENV)/.dev
	$(BIN)/python tests/real/install.py compiler
	$(BIN)/python -m pytest -m faults -n 6 --dist worksteal --ignore tests/faults/test_attackers.py $(ARGS) tests/faults
	$(BIN)/python -m pytest -m faults $(ARGS) tests/faults/test_attackers.py

# Kills nodes on one PostgreSQL, and PostgreSQL, under 20,000 alerts, twice ten minutes. `make test-nodes CUT=1` plays both at once, in two minutes.
test-nodes: export SMS_NOTIFY_STORM_CUT = $(CUT)
test-nodes: $(VENV)/.dev
	$(BIN)/python -m pytest -m nodes $(if $(CUT),-n 2) $(ARGS) tests/nodes

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py $(ARGS)

# What packaging/README.md tells of. A package bears the time of its commit, so that the same commit makes the same bytes.
packages wheel wheels deb: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
packages: deb

wheel: $(VENV)/.runtime
	$(BIN)/python -m hatchling build -t wheel -d dist

# Everything that the wheel needs, with the extras `ical`, `apprise` and `postgres`, for machines without a way to the internet.
wheels: $(VENV)/.runtime
	@rm -rf dist/wheels
	$(BIN)/python -m pip --disable-pip-version-check download --quiet --no-input --require-hashes --only-binary=:all: -r requirements/packaged.txt -d dist/wheels

deb: wheel wheels
	packaging/deb.sh $(BIN)/python

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

# Pins again from pyproject.toml; wants `uv`. The files name no address, only versions and hashes.
requirements:
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 -q pyproject.toml -o requirements/runtime.txt
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 -q pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	uv pip compile --universal --generate-hashes --no-header --python-version 3.11 -q pyproject.toml --extra ical --extra apprise --extra postgres -c requirements/dev.txt -o requirements/packaged.txt
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -q requirements/build.in -c requirements/dev.txt -o requirements/build.txt

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(MAKE) --no-print-directory $(VENV)/bin/python
	@echo "installing what sms-notify needs into $(VENV) …"
	@$(PIP) -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "installing the tools for tests into $(VENV) …"
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sms-notify needs Python 3.11 or newer; this is $$($(PYTHON) --version). Say: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory python3-venv
	@$(PYTHON) -m venv $(VENV)

# Debian keeps the two modules in a package of their own.
.PHONY: python3-venv
python3-venv:
	@command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || { echo "Python lacks its venv module. Install it first: sudo apt-get install python3-venv"; exit 1; }
	@echo "installing python3-venv …"
	@apt-get install -y -qq --no-install-recommends python3-venv >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; }
