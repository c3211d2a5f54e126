# Each target makes what it needs by itself: the first run creates .venv and installs into it, later
# runs go straight to work and need no network.
#
#   make demo    the main job on the bundled models, with the device's packages only
#   make test    the tests
#   make check   lint, types, import layers, doctests, docs that are up to date
#
# PYTHON=/path/to/python3.12 picks the interpreter (3.11 or newer) that .venv is made from.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help demo test test-long check bench docs clean device full

# The first interpreter that is new enough; `python3` before the numbered ones, since it is the one
# that the person at this machine uses.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Stamps are named by the content of the two files, so that a checkout with new times installs
# nothing and a changed pin installs at once.
PINS := $(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
DEVICE := $(VENV)/.device-$(PINS)
FULL := $(VENV)/.full-$(PINS)
OPENCV := $(shell sed -n 's/^opencv-python==//p' constraints.txt)

# Real data for training and tests, where it lies beside the checkout.
ifndef EDGECNN_DATA
ifneq ($(wildcard ../shared/data),)
export EDGECNN_DATA := $(abspath ../shared/data)
endif
endif

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))
	@echo 'also: make test-long, bench, docs, clean'

demo: device
	@$(BIN)/edgecnn demo

# Two at a time, file by file: what a file's tests share is made once. JOBS=0 runs them in turn.
JOBS ?= 2

test: full
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

# Minutes of training and soaking, left out of `make test`.
test-long: full
	$(BIN)/python -m pytest -m long $(ARGS) || [ $$? -eq 5 ]  # 5: there are none

check: full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate_cli.py --check
	$(BIN)/python -m pytest -q --doctest-modules edgecnn
	$(BIN)/mkdocs build --quiet --strict

bench: full
	$(BIN)/python -m benchmarks.run_all

docs: full
	$(BIN)/python docs/generate_cli.py
	$(BIN)/mkdocs build --strict
	@echo 'the site is in site/index.html'

clean:
	rm -rf $(VENV) site build dist edgecnn.egg-info .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache
	find edgecnn tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# What a device installs: no torch. A full environment serves as well.
device: $(VENV)/pyvenv.cfg
	@[ -e $(DEVICE) ] || [ -e $(FULL) ] || $(call install,$(DEVICE),cpu$(comma)web)

full: $(VENV)/pyvenv.cfg
	@[ -e $(FULL) ] || $(call install,$(FULL),train$(comma)search$(comma)ecg$(comma)web$(comma)screen$(comma)serial$(comma)cluster$(comma)cpu$(comma)dev)

comma := ,

# $(call install,STAMP,EXTRAS)
define install
{ echo 'installing edgecnn[$(2)] into $(VENV) (once; takes some minutes)' \
	&& $(PIP) install --quiet -e '.[$(2)]' -c constraints.txt \
	&& $(fit_opencv) \
	&& rm -f $(VENV)/.device-* $(VENV)/.full-* && touch $(1); }
endef

# opencv-python needs libGL and GLib of the system. Where they are missing, the headless wheel of
# the same version does everything but windows. Both unpack into cv2/, so both go first.
define fit_opencv
{ $(BIN)/python -c 'import cv2' 2>$(VENV)/cv2.log \
	|| { grep -q 'lib\(GL\|gthread\|glib\|SM\|Xext\|xcb\).*\.so' $(VENV)/cv2.log \
		|| { cat $(VENV)/cv2.log >&2; false; } \
	&& $(PIP) uninstall --quiet --yes opencv-python opencv-python-headless \
	&& $(PIP) install --quiet opencv-python-headless==$(OPENCV) -c constraints.txt \
	&& $(BIN)/python -c 'import cv2' \
	&& echo 'no libGL here: $(VENV) has opencv-python-headless instead (all but windows; for those: apt install libgl1 libglib2.0-0)'; }; }
endef

# Debian's Python may come without ensurepip (package python3-venv); its pip can stand in.
$(VENV)/pyvenv.cfg:
	@[ -n '$(PYTHON)' ] || { echo 'no Python 3.11 or newer found; name one: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo '$(PYTHON) is older than 3.11' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) \
			&& $(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python install --quiet pip; } \
		|| { rm -rf $(VENV); echo 'cannot make $(VENV): apt install python3-venv, then again' >&2; exit 1; }
