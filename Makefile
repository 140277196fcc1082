# The two commands of the README, and their parts. Everything runs in .venv.

PYTHON ?= python3
BIN := .venv/bin
# Records of this project's own studies, in the order of reports/generated/findings.md.
PICTURED := probe_cue probe_lookup probe_local probe_fine landcover
UNPICTURED := landcover_start landcover_blocks
STUDIES := $(patsubst %,reports/records/%.parquet,$(PICTURED) landcover_lr $(UNPICTURED))

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-slurm results throughput check format lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*  ## /make \1	/p' Makefile | expand -t 18

demo: .venv/installed runs/demo/report/anatomy.md  ## which blocks carry a bit across an image (about seven minutes on two cores)
	@echo "Training 21 small networks, five blocks with three seeds and none with six: about seven" \
	  "minutes on two cores. Runs that have a record are not repeated."
	$(BIN)/ablate sweep sweeps/demo.yaml --jobs 2
	$(BIN)/ablate report runs/demo --sweep sweeps/demo.yaml

runs/demo/report/anatomy.md: .venv/installed $(shell find ablations reports -name '*.py' 2> /dev/null)
	@echo "Cost and anatomy of every block, without training: about 30 seconds."
	$(BIN)/ablate cost --out runs/demo/report
	$(BIN)/ablate anatomy --out runs/demo/report

test: .venv/installed check  ## format, lint, types and fast tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not slurm" -n auto --dist loadgroup

test-slow: .venv/installed  ## the tests that take longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

test-slurm: .venv/installed  ## a sweep through a real Slurm (apt-get install slurm-wlm munge)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm

results: .venv/installed  ## the pages of this project's own studies, from reports/records
	for study in $(PICTURED); do \
	  $(BIN)/ablate report reports/records/$$study.parquet --sweep sweeps/$$study.yaml --out reports/generated/$$study || exit; done
	for study in $(UNPICTURED); do \
	  $(BIN)/ablate report reports/records/$$study.parquet --sweep sweeps/$$study.yaml --pictures none --out reports/generated/$$study || exit; done
	$(BIN)/ablate report reports/records/landcover_lr.parquet --sweep sweeps/landcover_lr.yaml --best-per block --pictures none --out reports/generated/landcover_lr
	$(BIN)/ablate findings $(STUDIES) --times reports/generated/bench/bench-model-cpu.csv --out reports/generated

throughput: .venv/installed  ## steps per second against a plain loop, then cells per minute (30 minutes)
	$(BIN)/python -m tests.step_rate
	$(BIN)/python -m tests.throughput

check: .venv/installed  ## format check, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/installed  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "make: no $(PYTHON) here; Python 3.11, 3.12 or" \
	  "3.13 is needed, such as: make demo PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11, 3.12 or 3.13 is needed," \
	  "such as: make demo PYTHON=python3.12" >&2; exit 2; }
	@echo "Installing the locked versions into .venv, once: on Linux about 5.5 GB (PyTorch" \
	  "with CUDA, even if there is no GPU), most of it downloaded; this takes minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --editable .
	touch $@

lock:  ## resolve the tested versions again; torch and torchvision must match (uv is needed)
	printf 'torch==2.11.0\ntorchvision==0.26.0\n' > build-constraints.txt
	echo '# Tested versions, resolved for Python 3.11 to 3.13 (`make lock` writes this file).' > requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-annotate \
	  --constraint build-constraints.txt pyproject.toml >> requirements.lock
	rm build-constraints.txt

clean:  ## remove the environment
	rm -rf .venv build *.egg-info
