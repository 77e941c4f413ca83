# Everything runs in a virtual environment inside the checkout, made at first use. See `make help`.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
NEWEST := .venv-newest
# Parallel test processes: one more than a small machine has cores, since many tests wait for a process or a deadline.
TEST_JOBS ?= 3

# What of pip's lines is shown, so that nobody takes minutes of work for a hang: packages of 10 MB and more.
LARGE_PACKAGES := /(Downloading|Using cached) .*\([0-9][0-9]+(\.[0-9]+)? MB\)/ \
  { split($$2, part, "-"); if ($$1 == "Using") split($$3, part, "-"); print "  " part[1] " " part[2] " " $$(NF - 1) " " $$NF; fflush() } \
  /^Installing collected packages/ { print "  unpacking " NF - 3 " packages, which takes a minute or two"; fflush() }

# Read from the environment in the recipe: a goal may hold any character.
export GOAL

.DEFAULT_GOAL := help
.PHONY: help setup run test test-quick test-newest lint format lock clean

help: ## show this text
	@echo 'make run GOAL="make the half-cheetah run backwards" [ARGS="--iterations 2 --samples 4"]'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

setup: $(STAMP) ## create .venv with the pinned dependencies (run and test do it by themselves)

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: reward-synth needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)"; \
	  echo; \
	  echo "hint: name another one: make setup PYTHON=python3.12"; \
	  exit 2; } >&2
	@echo "setup 1/3: virtual environment in $(VENV)" >&2
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "setup 2/3: pip" >&2
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --upgrade --constraint requirements.lock pip
	@echo "setup 3/3: pinned dependencies, more than 3 GB on disk; the first time takes some minutes" >&2
	@rm -f $@.failed
	@{ $(VENV)/bin/python -m pip install --progress-bar off --disable-pip-version-check --constraint requirements.lock \
	  --editable '.[local,metaworld,maniskill,crafter,dmcontrol,ray,view,mcp,dev]' || touch $@.failed; } | awk '$(LARGE_PACKAGES)' >&2
	@test ! -e $@.failed
	@touch $@

run: ## search for a reward: make run GOAL="…" ARGS="…"
	@test -n "$$GOAL" || { \
	  echo 'error: no goal was given'; \
	  echo; \
	  echo 'hint: make run GOAL="make the half-cheetah run backwards"'; \
	  exit 2; } >&2
	@$(MAKE) --no-print-directory $(STAMP)
	@$(VENV)/bin/reward-synth run "$$GOAL" $(ARGS)

test: $(STAMP) ## run all tests
	@$(VENV)/bin/python -m pytest -n $(TEST_JOBS) --dist loadgroup $(ARGS)

test-quick: $(STAMP) ## run the tests that train no policy
	@$(VENV)/bin/python -m pytest -n $(TEST_JOBS) --dist loadgroup -m "not slow" $(ARGS)

# Without the extras that run on an older MuJoCo only: docs/reference/versions.md. torch stays the pinned one, as an index
# may offer newer ones as builds of several GB only. The environment is made anew, because pip cannot change MuJoCo in it.
$(NEWEST)/.installed: pyproject.toml
	@$(PYTHON) -m venv --clear $(NEWEST)
	@$(NEWEST)/bin/python -m pip install -qq --disable-pip-version-check --upgrade pip
	@$(NEWEST)/bin/python -m pip install -qq --disable-pip-version-check "$$(grep '^torch==' requirements.lock)" \
	  --editable '.[local,maniskill,crafter,ray,view,mcp,dev]'
	@touch $@

test-newest: $(NEWEST)/.installed ## the tests that train no policy, with the newest release of every package; all: ARGS='-m ""'
	@$(NEWEST)/bin/python -m pip freeze --exclude-editable | grep -iE '^(mujoco|gymnasium|stable|numpy|torch|litellm|openai)'
	@$(NEWEST)/bin/python -m pytest -n $(TEST_JOBS) --dist loadgroup -m "not slow" $(ARGS)

lint: $(STAMP) ## ruff, format check, mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy --strict reward_synth

format: $(STAMP) ## format the code and mend what ruff can mend
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: $(STAMP) ## write requirements.lock from what .venv holds
	@{ sed -n '/^#/p' requirements.lock; $(VENV)/bin/python -m pip freeze --all --exclude-editable \
	  | sed -e '/^setuptools==/d' -e 's/+[a-z0-9.]*$$//' | sort -f; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@touch $(STAMP)

clean: ## remove .venv, .venv-newest and what tools left behind; runs/ stays
	@rm -rf $(VENV) $(NEWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
