# make demo | make test | make lint: each sets up .venv by itself when it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp

.PHONY: demo test lint
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -q --durations=5

lint: $(STAMP)
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/pip check

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up .venv (about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
	@echo "... .venv is ready"
