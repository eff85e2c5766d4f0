# make demo | test | coverage | fuzz | kills | checks | peers | lint | docs | paper | dist: each sets up .venv by itself when it is
# missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
DOCS_STAMP := .venv/.stamp-docs
PEERS_STAMP := .venv/.stamp-peers

.PHONY: demo test coverage fuzz kills checks peers lint docs paper test-oldest test-newest dist
.DELETE_ON_ERROR:

demo: $(STAMP)
	$(BIN)/python examples/demo.py

test: $(STAMP)
	$(BIN)/python -m pytest -q --mpl --durations=5 -n auto --dist worksteal

# Lines and branches that no test runs; fails under 95 % (pyproject.toml says what does not count).
coverage: $(STAMP)
	$(BIN)/python -m pytest -q --cov

# Tests that compare with packages which nothing else here needs.
peers: $(PEERS_STAMP)
	$(BIN)/python -m pytest -q -m peers

lint: $(STAMP)
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy sklearn_mrtl
	$(BIN)/pip check

# Warnings are errors, examples run, and so does the code in the pages. One thread is enough for what they fit.
docs: export OMP_NUM_THREADS ?= 1
docs: export MRTL_DATA ?= $(abspath ../shared/data)
docs: $(DOCS_STAMP)
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html
	$(BIN)/python -m pytest -q --doctest-glob='*.rst' docs/*.rst docs/user_guide/*.rst
	@echo "The pages are in docs/_build/html/index.html"

# The paper's tables and figures, docs/paper. Finished trials are kept in build/paper_trials and not run again;
# RENEW=1 runs those again whose training code has changed. QUICK=1: few trials on few rows, into build/paper, to see that
# all of it works.
paper: export OMP_NUM_THREADS := 1
paper: export MRTL_DATA ?= $(abspath ../shared/data)
paper: $(STAMP)
	$(BIN)/python benchmarks/paper

# Random data and parameters: how many cases, MRTL_FUZZ_CASES says.
fuzz: export MRTL_FUZZ_CASES ?= 5000
fuzz: $(STAMP)
	$(BIN)/python -m pytest -q tests/estimators/test_fuzz.py --hypothesis-show-statistics

# Fits that are killed at random moments, of each solver: how many kills, MRTL_KILLS says.
kills: export MRTL_KILLS ?= 50
kills: $(STAMP)
	$(BIN)/python -m pytest -q tests/estimators/test_checkpoints.py -k killed

# scikit-learn's checks of all settings, the slow ones too.
checks: export MRTL_CHECKS = all
checks: $(STAMP)
	$(BIN)/python -m pytest -q tests/estimators/test_checks.py

# The oldest versions that pyproject.toml allows, and the newest, pre-releases included: each in an environment of its
# own, made anew. TORCH says which torch: TORCH=torch==2.4.0+cpu is the floor, where a CPU build of it is at hand.
TORCH ?= torch==2.13.0
test-oldest: VENV ?= .venv-oldest
test-oldest:
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet -c constraints-oldest.txt '$(TORCH)' -e '.[test]'
	$(VENV)/bin/python -m pytest -q -rs

test-newest: VENV ?= .venv-newest
test-newest:
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --pre --upgrade '$(TORCH)' -e '.[test]'
	$(VENV)/bin/python -m pytest -q -rs

# Build sdist and wheel, check them, install the wheel into an empty environment and run the README's code from it.
dist: VENV ?= .venv-dist
dist:
	rm -rf build dist
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet build twine check-wheel-contents
	$(VENV)/bin/python -m build
	$(VENV)/bin/twine check --strict dist/*
	$(VENV)/bin/check-wheel-contents --toplevel sklearn_mrtl dist/*.whl
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet -c constraints.txt "$$(ls dist/*.whl)[xarray]" pytest
	cd dist && $(abspath $(VENV))/bin/python -c "import sklearn_mrtl; assert '$(notdir $(VENV))' in sklearn_mrtl.__file__"
	$(VENV)/bin/pytest -q -rs tests/test_readme.py

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
