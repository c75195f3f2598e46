# Two commands do everything on a fresh machine: `make report` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= $(shell nproc)
SITE ?= site
DIST ?= dist
PORT ?= 8000
# Of a version that will be published: its name, the address of all versions, its DOI, and the numbers
# of the version before (make previous), if there is one.
VERSION ?=
SITE_URL ?=
DOI ?=
PREVIOUS ?= work/previous.json
VERSION_OPTIONS = $(and $(VERSION),--version-label "$(VERSION)") $(and $(SITE_URL),--site-url "$(SITE_URL)") $(and $(DOI),--doi "$(DOI)") $(and $(VERSION),$(wildcard $(PREVIOUS)),--previous "$(PREVIOUS)")
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
VENDOR := site_src/assets/vendor/.done

.PHONY: report test campaign-nights campaign-report archive previous publish publish-demo archive-demo reduction-demo serve clean distclean lint lock accept-numbers docs-figures mutations status bench validation help

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

report: $(VENV)/.run $(VENDOR)  ## build the default report into site/
	$(BIN)/python build_report.py --jobs $(JOBS) --site $(SITE) $(VERSION_OPTIONS) $(ARGS)
	@echo "Read it: $(SITE)/index.html (or: make serve)"

ALL ?=
test: $(VENV)/.test $(VENDOR)  ## run the tests that this machine can run; ALL=1: also those that take long
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(if $(ALL),-m "not nightly")

publish-demo: $(VENV)/.run $(VENDOR)  ## publish two small versions into a repository of their own, and serve them
	$(BIN)/python -m pipeline versions demo --port $(PORT) $(ARGS)

archive-demo: $(VENV)/.run  ## from overview to report against a test archive on this machine
	$(BIN)/python -m tests.archive.demo $(ARGS)

serve:  ## serve the built site on 127.0.0.1
	@test -f $(SITE)/index.html || { echo "no site yet: make report"; exit 1; }
	@echo "http://127.0.0.1:$(PORT)/"
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

REMOTE ?= origin
previous: $(VENV)/.run  ## write the numbers of the version before VERSION, for the report to compare with
	$(BIN)/python -m pipeline versions previous --remote $(REMOTE) --before "$(VERSION)" $(PREVIOUS)

LIMIT_MB ?=
publish: $(VENV)/.run  ## publish the built site as a version in the branch gh-pages, and push it
	$(BIN)/python -m pipeline versions check $(if $(LIMIT_MB),--limit-mb $(LIMIT_MB)) $(SITE)
	$(BIN)/python -m pipeline versions deploy $(if $(LIMIT_MB),--limit-mb $(LIMIT_MB)) --remote $(REMOTE) $(ARGS) $(SITE)
	git push $(REMOTE) gh-pages

archive: $(VENV)/.run  ## pack the built site, and its data, into archives in dist/
	$(BIN)/python -m pipeline pack --site $(SITE) --output $(DIST)

# Installs nothing: says which apt-get line is missing.
DEMO ?= work/reduction-demo
reduction-demo: $(VENV)/.run $(VENDOR)  ## raw frames to report with the recipes of the MUSE pipeline, simulated
	$(BIN)/python -m pipeline reduce --check
	$(BIN)/python -m pipeline simulate $(DEMO)/raw --config examples/reduction-demo.toml
	$(BIN)/python build_report.py --config examples/reduction-demo.toml --source archive --raw $(DEMO)/raw --work $(DEMO)/work --site $(DEMO)/site --jobs $(JOBS)
	@echo "Read it: $(DEMO)/site/index.html"

# A campaign from the archive, in a folder that is kept; each step does only what is new.
CAMPAIGN := $(or $(CAMPAIGN),work/campaign)
CONFIG ?= report.toml
campaign-nights: $(VENV)/.run  ## ask the archive for the nights of a campaign, fetch what is new
	$(BIN)/python -m pipeline overview --config $(CONFIG) --work $(CAMPAIGN)
	$(BIN)/python -m pipeline retrieve --config $(CONFIG) --work $(CAMPAIGN)

campaign-report: $(VENV)/.run $(VENDOR)  ## the report of the record, and of the campaign: reduced where that is not done
	$(BIN)/python build_report.py --config $(CONFIG) --source published --source archive --work $(CAMPAIGN) --site $(SITE) --jobs $(JOBS) $(VERSION_OPTIONS) $(ARGS)

status: $(VENV)/.run  ## list what is done, stale and failed, and why
	$(BIN)/python -m pipeline status

MUTATIONS ?= work/mutations
mutations: $(VENV)/.test  ## change code by a seeded draw in a copy, and see whether the tests notice
	mkdir -p $(MUTATIONS)
	test -d $(MUTATIONS)/tree || git worktree add --detach $(MUTATIONS)/tree
	cp kdmatch/_kdmatch.so* $(MUTATIONS)/tree/kdmatch/
	cd $(MUTATIONS)/tree && export PYTHONPATH="$$PWD" && PYTHON="$(CURDIR)/$(BIN)/python" && \
	{ test -f ../calls.jsonl || CALLS=../calls.jsonl "$$PYTHON" -m pytest -q -p tests.mutation.calls -m "not nightly and not browser and not recipes and not slurm"; } && \
	"$$PYTHON" -m tests.mutation --calls ../calls.jsonl --log ../outcomes.jsonl $(ARGS)

docs-figures: $(VENV)/.run  ## make the figures of README and docs anew
	$(BIN)/python docs/figures.py

accept-numbers: $(VENV)/.run  ## accept the numbers of the built report; says what CHANGELOG.md needs
	$(BIN)/python -m tests.gate.numbers --accept $(SITE)/data/report.json

lint: $(VENV)/.test  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench  ## benchmarks; see benchmarks/README.md
	@echo "see benchmarks/README.md for the commands"

VALIDATION_ARGS ?= --rounds 154
validation: $(VENV)/.test  ## hold the statistics against simulated campaigns; resumable, keeps its figures
	$(BIN)/python -m benchmarks.validation --jobs $(JOBS) $(VALIDATION_ARGS)

clean:  ## remove what a run leaves behind
	rm -rf $(SITE) $(DIST) work build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean  ## remove the virtual environment, too
	rm -rf $(VENV) site_src/assets/vendor kdmatch/_kdmatch.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: created once, made anew when the lock or the C sources change.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is older"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python lacks venv: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml setup.py $(wildcard kdmatch/*.c kdmatch/*.h) | $(VENV)/bin/python
	$(PIP_INSTALL) -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m kdmatch.build
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.run
	$(PIP_INSTALL) -r requirements/test.txt
	@touch $@

# The optional python-cpl: built here against CPL's headers (apt-get install libcpl-dev gcc python3-dev).
$(VENV)/.reduction: requirements/reduction.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-binary :all: --require-hashes -r requirements/reduction.txt
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.test
	$(PIP_INSTALL) -r requirements/bench.txt
	@touch $@

$(VENV)/.lightkurve: requirements/lightkurve.txt | $(VENV)/bin/python
	$(PYTHON) -m venv .venv-lightkurve
	.venv-lightkurve/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lightkurve.txt
	@touch $@

$(VENDOR): package-lock.json $(VENV)/.run
	$(BIN)/python -m pipeline vendor
	@touch $@

# The locks hold hashes and no address. `uv` is needed only here: pip install uv.
LOCK := uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --quiet --extra build
lock:  ## renew the locks from pyproject.toml
	$(LOCK) --output-file requirements/run.txt
	$(LOCK) --extra test --output-file requirements/test.txt
	$(LOCK) --extra test --extra bench --output-file requirements/bench.txt
	echo lightkurve | $(subst pyproject.toml,-,$(subst --extra build,,$(LOCK))) --output-file requirements/lightkurve.txt
