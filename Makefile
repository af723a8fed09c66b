# make run    retrain the sample tagger, from a fresh machine to the dashboard
# make test   run the fast tests
PYTHON  ?= python3
TAGGER  ?= sample
VENV    := .venv
BIN     := $(VENV)/bin

.PHONY: docs run test test-slow faults fuzz audit coverage lint up deploy down status registry bench wheel clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make run [TAGGER=sample]  retrain a tagger of deployments/taggers/ and leave the dashboard running"
	@echo "make test [T=tests/unit]  run the fast tests, or some   make test-slow   run browser, cron and serving tests"
	@echo "make faults               run the fault-injection tests: kills, damaged files, full disks, locks"
	@echo "make fuzz                 feed 150,000 mutated files to the readers"
	@echo "make up | down | status   start, stop or show the Prefect server, worker and other services"
	@echo "make deploy               apply deployments.yaml and taggers/*.toml to the server, and print the changes"
	@echo "make registry             serve the MLflow UI of the registry until Ctrl-C"
	@echo "make coverage             run the fast tests with branch coverage"
	@echo "make audit                check pinned dependencies for known vulnerabilities"
	@echo "make docs                 build these documents as a site into build/site"
	@echo "make lint                 run ruff and mypy          make wheel       build a wheel and check its contents"

# uv takes about a minute; pip takes several, and is used where uv has no wheel or does not find the packages
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing .[$(1)] into $(VENV)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv || echo "uv is not available"
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --compile-bytecode $(PINNED) '.[$(1)]' \
	  || { echo "installing with pip, which takes minutes"; $(BIN)/python -m pip install $(PINNED) '.[$(1)]'; }
endef
PINNED    := --constraint constraints.txt --editable
SOURCES   := pyproject.toml constraints.txt setup.py $(wildcard seqtag/neural/native/*.[ch])
FOR_RUNS  := flows,postgresql,baseline
FOR_TESTS := $(FOR_RUNS),dev
FOR_DOCS  := $(FOR_RUNS),docs
FOR_SLOW  := browser,dask,docs

$(VENV)/installed: $(SOURCES)
	$(call install,$(FOR_RUNS))
	@touch $@

$(VENV)/ready: $(SOURCES)
	$(call install,$(FOR_TESTS))
	@touch $@ $(VENV)/installed

run: $(VENV)/installed
	$(BIN)/python -m flows.retrain deployments/taggers/$(TAGGER).toml

test: $(VENV)/ready
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(T)

test-slow: $(VENV)/ready
	$(call install,$(FOR_SLOW))
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

up deploy down: $(VENV)/installed
	$(BIN)/python -m flows.stack $@

status: $(VENV)/installed # 1 says that a service is down, which is no error of make
	@$(BIN)/python -m flows.stack status || test $$? = 1

registry: $(VENV)/installed
	$(BIN)/seqtag registry

docs: $(VENV)/installed
	$(call install,$(FOR_DOCS))
	$(BIN)/python docs/reference/generate.py
	NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --strict

wheel: $(VENV)/ready
	rm -rf dist build
	$(BIN)/python -m build --wheel
	$(BIN)/python tests/architecture/check_wheel.py dist/*.whl

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
