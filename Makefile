# make demo | test | peers | lint | docs: each sets up .venv by itself when it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
DOCS_STAMP := .venv/.stamp-docs
PEERS_STAMP := .venv/.stamp-peers

.PHONY: demo test peers lint docs
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -q --mpl --durations=5

# Tests that compare with packages which nothing else here needs.
peers: $(PEERS_STAMP)
	$(BIN)/python -m pytest -q -m peers

lint: $(STAMP)
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy --follow-imports=silent sklearn_mrtl/core
	$(BIN)/pip check

# Warnings are errors, examples run, and so does the code in the pages. One thread is enough for what they fit.
docs: export OMP_NUM_THREADS ?= 1
docs: export MRTL_DATA ?= $(abspath ../shared/data)
docs: $(DOCS_STAMP)
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html
	$(BIN)/python -m pytest -q --doctest-glob='*.rst' docs/*.rst docs/user_guide/*.rst
	@echo "The pages are in docs/_build/html/index.html"

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up .venv (about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
	@echo "... .venv is ready"

$(DOCS_STAMP): $(STAMP)
	@echo "Adding what the documentation needs to .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

$(PEERS_STAMP): $(STAMP)
	@echo "Adding the packages to compare with to .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test-peers]'
	@touch $@
