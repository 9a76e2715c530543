# Everything a newcomer needs: `make demo`, `make test`. Each target makes its own environment first.

PYTHON ?= python3
VENV   ?= .venv
# The tested version. A bare "torch" from PyPI brings CUDA on Linux; for a CPU-sized install say
#   make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH  ?= torch==2.13.0
# Test processes. Each keeps to one BLAS/torch thread, so that N processes use about N cores.
N      ?= 2

# Of `make demo` and `make bench`
DATA  ?=
COLOR ?=
OUT   ?= demo

# Of `make fuzz`, each reader
CASES ?= 100000

bin := $(VENV)/bin
python := $(bin)/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-lowest bench lint audit fuzz docs tutorials clean

help:
	@echo "make demo [DATA=my.h5ad] [COLOR=cancer_type] [OUT=demo]   embed a cohort, cluster it, draw its UMAP"
	@echo "make test                                                 run the tests"
	@echo "make bench [DATA=folder] [OUT=folder]                     representations x axes on the real cohorts, one table"
	@echo "make lint                                                 ruff, mypy and the layers contract"
	@echo "make audit                                                bandit, and known vulnerabilities of what is installed"
	@echo "make fuzz [CASES=100000]                                  spoiled files for every reader (hours on one core)"
	@echo "make docs                                                 build the documentation, warnings are errors"
	@echo "make tutorials                                            run the notebooks again, outputs in place"
	@echo "make test-lowest                                          run the tests with the oldest dependencies"
	@echo "make clean                                                remove environments and build products"

demo: $(VENV)/.installed-demo
	$(python) -m specformer.demo $(if $(DATA),"$(DATA)") $(if $(COLOR),--color "$(COLOR)") --out "$(OUT)"

test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(python) -m pytest -n $(N)

bench: $(VENV)/.installed-demo
	$(python) -m specformer.bench --data "$(or $(DATA),../shared/data)" --out "$(OUT)"

lint: $(VENV)/.installed-lint
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/bandit -q -c pyproject.toml -r src scripts

audit: $(VENV)/.installed-audit
	$(bin)/bandit -q -c pyproject.toml -r src scripts
	$(bin)/pip-audit --skip-editable --desc off

fuzz: $(VENV)/.installed-fuzz
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(python) fuzz/run.py $(CASES)

docs: $(VENV)/.installed-docs
	PYTHONWARNINGS=ignore $(python) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Wrote docs/_build/html/index.html"

tutorials: $(VENV)/.installed-docs
	$(bin)/jupyter-execute --inplace --timeout=300 tutorials/*.ipynb

# The oldest dependencies get an environment of their own. torch is held like everywhere else (TORCH=torch==2.4.1 to go
# down all the way where that wheel exists).
test-lowest:
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS="-c lowest.txt"

clean:
	rm -rf .venv .venv-lowest build dist docs/_build docs/generated docs/tutorials/*.ipynb

# An environment is made once and refreshed when pyproject.toml is newer than its stamp.
$(python):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("specformer needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say `make PYTHON=python3.12 ...`.")'
	$(PYTHON) -m venv $(VENV)
	$(python) -m pip install --quiet --upgrade "pip>=25.1"
	$(python) -m pip install --quiet $(TORCH)

$(VENV)/.installed-lint: pyproject.toml | $(python)
	$(python) -m pip install --quiet $(CONSTRAINTS) -e . --group lint
	@touch $@

$(VENV)/.installed-audit: pyproject.toml | $(python)
	$(python) -m pip install --quiet $(CONSTRAINTS) -e . --group audit
	@touch $@

$(VENV)/.installed-%: pyproject.toml | $(python)
	$(python) -m pip install --quiet $(CONSTRAINTS) -e ".[$*]"
	@touch $@
