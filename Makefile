# The two commands of the README, and their parts. Everything runs in .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow test-slurm throughput check format lock clean

demo: .venv/installed  ## train the demo study on this machine and write its report
	$(BIN)/ablate sweep sweeps/demo.yaml --jobs 2
	$(BIN)/ablate report runs/demo --sweep sweeps/demo.yaml

test: .venv/installed check  ## format, lint, types and fast tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not slurm" -n auto --dist loadgroup

test-slow: .venv/installed  ## the tests that take longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

test-slurm: .venv/installed  ## a sweep through a real Slurm (apt-get install slurm-wlm munge)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm

throughput: .venv/installed  ## cells per minute, embedded and with wandb's agent (20 minutes)
	$(BIN)/python -m tests.throughput

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

lock:  ## resolve the tested versions anew; torch and torchvision must match (uv is needed)
	printf 'torch==2.11.0\ntorchvision==0.26.0\n' > build-constraints.txt
	echo '# Tested versions, resolved for Python 3.11 to 3.13 (`make lock` writes this file).' > requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-annotate \
	  --constraint build-constraints.txt pyproject.toml >> requirements.lock
	rm build-constraints.txt

clean:
	rm -rf .venv build *.egg-info
