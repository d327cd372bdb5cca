# Each target makes what it needs: a fresh clone, Python 3.11 or newer and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo install test quick check soak bench docs site clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     run the main job: a made-up city, its page, counts that move"
	@echo "make test     run the tests (TALLIES_FULL=1: every case, as CI does)"
	@echo "make quick    tests that need neither engines nor a browser, with few random examples"
	@echo "make check    lint, format, types, direction of imports"
	@echo "make soak     the tests under other clocks, then random histories for MINUTES (10)"
	@echo "make bench    measure everything and print the ratios (BENCH=--full: at the largest sizes)"
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

# Files in the order of their names, since those at its end are short: with the reordering of xdist,
# by their numbers of tests, one process waits at the end for another with the slowest.
SIDE_BY_SIDE = -n 2 --dist loadfile --no-loadscope-reorder
# Slow cases wait for CI: see tests/slow.py.
SELECTED = $(if $(CI)$(TALLIES_FULL),,--without-slow)
test: .venv/.dev
	-@$(BIN)/python -m tests.engines fetch # once; whatever is missing, the tests say so
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(SELECTED)

QUICK = tests/core tests/favorites tests/library tests/docs/test_links.py tests/docs/test_readme.py \
  tests/docs/test_project.py tests/sqlite/apply/test_aggregation.py \
  tests/sqlite/connection/test_files.py tests/sqlite/connection/test_moved.py \
  tests/sqlite/rows/test_lines.py tests/sqlite/source/test_lag.py
quick: .venv/.dev
	TALLIES_QUICK=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) -q $(QUICK) --ignore tests/favorites/test_city.py

# The whole suite a year on; what knows days and hours also ten days on, on a leap day, and in the
# nights in which clocks are set on and back. The engines run by the same clock.
CLOCKS = +10d 2028-02-29T23:59:00Z 2027-03-28T00:59:30Z 2027-10-31T00:59:30Z
MINUTES ?= 10
CLOCKED = tests/retention tests/http tests/conformance tests/sqlite tests/cli tests/favorites tests/runtimes
soak: .venv/.dev
	$(BIN)/python -m tests.clock +365d $(BIN)/python -m pytest $(SIDE_BY_SIDE) -q
	for clock in $(CLOCKS); do \
	  $(BIN)/python -m tests.clock "$$clock" $(BIN)/python -m pytest $(SIDE_BY_SIDE) -q $(CLOCKED) || exit 1; \
	done
	$(BIN)/python -m tests.histories --seconds $$(( $(MINUTES) * 30 ))
	$(BIN)/python -m tests.operate.rebuild --seconds $$(( $(MINUTES) * 30 ))

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# --full: the largest sizes; --quick: a look.
BENCH ?=
bench: .venv/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check 'bytewax>=0.21' 'redis>=5' 'psycopg[binary]>=3.2'
	$(BIN)/python -m benchmarks $(BENCH)

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
