# Each target makes what it needs: a fresh clone, Python 3.11 or newer and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo install test quick check soak bench docs site clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     run the main job: a made-up city, its page, counts that move"
	@echo "make test     run all tests"
	@echo "make quick    the tests that need neither engines nor a browser"
	@echo "make check    lint, format, types, direction of imports"
	@echo "make soak     the tests under other clocks, then random histories for MINUTES (10)"
	@echo "make bench    measure everything and print the ratios"
	@echo "make docs     the reference of the library, in build/api"
	@echo "make site     the documentation as a site, in build/site"
	@echo "make install  make .venv with the command .venv/bin/tallies and all extras"

# The stamp holds the install back until something that it depends on has changed.
.venv/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "tallies needs Python 3.11 or newer; say: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

.venv/.dev: .venv/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: .venv/.run

demo: .venv/.run
	$(BIN)/tallies demo

test: .venv/.dev
	-@$(BIN)/python -m tests.engines fetch # once; whatever is missing, the tests say so
	$(BIN)/python -m pytest -n 2 --dist loadfile

QUICK = tests/core tests/favorites tests/docs/test_links.py tests/docs/test_readme.py \
  tests/docs/test_project.py tests/sqlite/test_aggregation.py tests/sqlite/test_files.py \
  tests/sqlite/test_lag.py tests/sqlite/test_lines.py tests/sqlite/test_moved.py
quick: .venv/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -q $(QUICK)

# Ten days on, a year on, a leap day, the nights in which clocks are set on and back. The engines
# run by the same clock.
CLOCKS = +10d +365d 2028-02-29T23:59:00Z 2027-03-28T00:59:30Z 2027-10-31T00:59:30Z
MINUTES ?= 10
CLOCKED = tests/retention tests/http tests/conformance tests/sqlite tests/cli tests/favorites tests/runtimes
soak: .venv/.dev
	for clock in $(CLOCKS); do \
	  $(BIN)/python -m tests.clock "$$clock" $(BIN)/python -m pytest -q -n 2 --dist loadfile $(CLOCKED) || exit 1; \
	done
	$(BIN)/python -m tests.histories --seconds $$(( $(MINUTES) * 30 ))
	$(BIN)/python -m tests.operate.rebuild --seconds $$(( $(MINUTES) * 30 ))

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check 'bytewax>=0.21' 'redis>=5' 'psycopg[binary]>=3.2'
	$(BIN)/python -m benchmarks

# Each is named: pdoc does not look below a package that says which names are public.
MODULES = $(subst /,.,$(patsubst %/__init__,%,$(patsubst src/%.py,%,$(sort $(filter-out %/__main__.py, \
  $(shell find src/tallies -name '*.py'))))))
docs: .venv/.dev
	$(BIN)/pdoc --docformat google --output-directory build/api $(MODULES)

site: docs
	$(BIN)/python docs/gather.py
	$(BIN)/zensical build --strict --config-file build/zensical.toml

clean:
	rm -rf .venv .cache dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
