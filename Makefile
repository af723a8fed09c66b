# make run    a retraining of the sample tagger, from a fresh machine to the dashboard
# make test   the fast test suite
PYTHON  ?= python3
TAGGER  ?= sample
SEQTAG_HOME ?= $(CURDIR)/.seqtag
VENV    := .venv
BIN     := $(VENV)/bin
export SEQTAG_HOME

.PHONY: run test test-slow faults fuzz audit coverage lint up deploy down status registry bench wheel clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make run [TAGGER=sample]  retrain a tagger of deployments/taggers/ and leave the dashboard up"
	@echo "make test                 the fast test suite        make test-slow   browsers, cron, real serving"
	@echo "make faults               kill, damage, fill and lock everything, and see that nothing is lost"
	@echo "make fuzz                 feed 100,000 mutated files to the readers"
	@echo "make up | down | status   Prefect server, worker and scheduled deployments"
	@echo "make deploy               put prefect.yaml and taggers/*.toml on the server, and say what differs"
	@echo "make registry             MLflow's page on the registry, until Ctrl-C"
	@echo "make coverage             the fast suite with branch coverage"
	@echo "make lint                 ruff and mypy              make wheel       build, and check what is in it"

$(VENV)/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[flows,postgresql,baseline,dev]'
	touch $@

run: $(VENV)/ready
	$(BIN)/python -m flows.retrain deployments/taggers/$(TAGGER).toml

test: $(VENV)/ready
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	$(BIN)/python -m pytest -m slow

faults: $(VENV)/ready
	$(BIN)/python -m pytest -m faults -v

fuzz: $(VENV)/ready
	$(BIN)/python -m pytest -m fuzz

audit: $(VENV)/ready
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

coverage: $(VENV)/ready
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

up deploy down status: $(VENV)/ready
	$(BIN)/python -m flows.stack $@

registry: $(VENV)/ready
	$(BIN)/seqtag registry

wheel: $(VENV)/ready
	rm -rf dist build
	$(BIN)/python -m build --wheel
	$(BIN)/python tests/architecture/check_wheel.py dist/*.whl

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
