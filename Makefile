# For a newcomer: `make run` serves the site, `make test` proves it. Both install what they need.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
# With their extras: pip takes "coverage[toml]", which pytest-cov wants, for another thing than "coverage".
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-strip-extras --universal \
	--python-version 3.11 --no-header

.PHONY: run test coverage quick soak bench venv lint services lock texts screenshots detector faces bundle deploy settings destroy

run: venv
	$(BIN)/python db_setup.py
	@echo "Open http://127.0.0.1:$(PORT) and give it a picture. Stop with Ctrl+C."
	@$(if $(EMULATOR),DUCK_EMULATOR=$(EMULATOR)) PORT=$(PORT) exec $(BIN)/python serve.py

# Each worker begins with half of the list, so that what a module shares is started once. Coverage is
# measured where it costs little, by sys.monitoring of Python 3.14: tracing takes a third of the CPU
# time. `make coverage` measures it with any Python.
PYTEST := $(BIN)/pytest -n 2 --dist worksteal
COVERAGE := --cov --cov-report=term:skip-covered --cov-fail-under=95
test: .venv/.tested-with lint services .venv-clients/.installed
	$(PYTEST) $$($(BIN)/python -c 'import sys; print("$(COVERAGE)" if sys.version_info >= (3, 14) else "")')

coverage: .venv/.tested-with services .venv-clients/.installed
	$(PYTEST) $(COVERAGE)

# About a minute: lint, types and the tests that need neither a server, a database server nor a browser.
# tests/conftest.py marks those that do. Not here, as they take longer: tests/web, tests/db, tests/imaging.
QUICK := rubberduck docs tests/test_layers.py tests/test_docs.py tests/core tests/pages tests/api/test_routes.py \
	tests/api/test_openapi.py tests/evaluation

quick: .venv/.tested-with lint
	$(BIN)/pytest -n 2 -m "not soak and not service" $(QUICK)

# What takes minutes: kills, restarts, leaks, thousands of broken pictures; docs/reliability.md.
soak: .venv/.tested-with services .venv-clients/.installed
	$(BIN)/pytest -m soak -s

# What the site costs, beside the least possible and beside others; half an hour of a quiet machine.
bench: .venv/.tested-with .venv-bench/.measured-with services
	$(BIN)/python -m bench --write

.venv-bench/.measured-with: bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $< || \
		echo "The peers cannot be installed here; their part is skipped."
	@touch $@

# The AWS CLI and the SDK for JavaScript, with which the emulator is tried.
CLIENTS := tests/emulator/clients
.venv-clients/.installed: $(CLIENTS)/requirements.txt $(CLIENTS)/package-lock.json
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $< && \
		npm ci --silent --prefix $(CLIENTS) || \
		echo "The AWS CLI or the SDK for JavaScript cannot be installed here; their tests are skipped."
	@touch $@

venv: .venv/.runs-with

.venv/.runs-with: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed. If you have one: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@echo "Installing what the site needs into .venv; this takes a minute or two."
	$(PYTHON) -m venv .venv
	$(INSTALL) -r requirements.txt
	@touch $@

.venv/.tested-with: .venv/.runs-with requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	@touch $@

lint: .venv/.tested-with
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# A real PostgreSQL, Redis, nginx, Chromium and Firefox, from Debian's packages where that is possible.
services: .venv/.tested-with
	tests/support/install_services.sh

# After a change of requirements.in or requirements-dev.in.
lock: venv
	$(BIN)/pip install --quiet uv
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) bench/requirements.in -o bench/requirements.txt
	$(LOCK) $(CLIENTS)/requirements.in -o $(CLIENTS)/requirements.txt

# After a change of words: the catalogues in translations/.
texts: .venv/.tested-with
	$(BIN)/python -m translations.collect

# The README's pictures, in docs/.
screenshots: .venv/.tested-with services
	$(BIN)/python -m docs.screenshots

# Makes rubberduck/detectors/duck_detector.onnx again, from nothing, and its figures; see training/README.md.
# MESHES=folder: with models of real rubber ducks.
detector: venv
	$(PYTHON) -m venv .venv-training
	.venv-training/bin/pip install --quiet --disable-pip-version-check -r training/requirements.txt
	.venv-training/bin/python -m training.make $(if $(MESHES),--meshes $(MESHES))
	.venv-training/bin/python -m training.evaluation.validation_set $(if $(MESHES),--meshes $(MESHES)) .cache/training/validation
	$(BIN)/flask evaluate --boxes .cache/training/validation/boxes.json --plot training/card/calibration.png .cache/training/validation
	$(BIN)/python -m training.evaluation.model_card

# The networks in rubberduck/faces/, from the npm packages named in LICENCES.md there.
faces: venv
	$(BIN)/python -m training.faces.convert

# Builds build/bundle.zip for Elastic Beanstalk; with VARIANT=single, for one machine.
bundle: venv
	@$(BIN)/python -m deploy.bundle $(VARIANT)

# Deploys to AWS, and deletes again: `make deploy NAME=duck EMAIL=…`; options in docs/deploy.md.
deploy: venv
	@$(BIN)/python -m deploy.deploy deploy $(MAKEOVERRIDES)

settings: venv
	@$(BIN)/python -m deploy.deploy settings $(MAKEOVERRIDES)

destroy: venv
	@$(BIN)/python -m deploy.destroy $(MAKEOVERRIDES)
