# The one vocabulary for people, hooks and CI. `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

HOST ?= 127.0.0.1
PORT ?= 8000
STORE ?= model
IMAGE ?= fasttrack-mlops:local
# The one place of the version is pyproject.toml; a release has the tag v$(VERSION).
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml 2>/dev/null)
TAG ?= $(or $(filter v%,$(GITHUB_REF_NAME)),$(shell git describe --tags --exact-match 2>/dev/null))
DIST ?= dist
# The image as a file: what is tested is what is published.
IMAGE_ARCHIVE ?= $(DIST)/image.tar
PLATFORMS ?= linux/amd64,linux/arm64
# Where `make publish` puts the image.
REPOSITORY ?= ghcr.io/$(shell tr A-Z a-z <<< '$(GITHUB_REPOSITORY)')
# What the system tests need beyond Python, on Debian 12.
PACKAGES ?= buildah docker.io docker-registry git iproute2 iptables mmdebstrap netavark podman prometheus python3 \
	python3-venv runc skopeo wrk
# The Python that makes .venv, 3.11 or newer; without it the first of these that will do. Once .venv is there, it counts.
PYTHON ?=
PYTHONS := python3 python3.13 python3.12 python3.11

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
AZURITE := $(VENV)/.azurite
LOCKS := requirements.txt requirements-dev.txt $(addprefix deploy/requirements-,serve.txt sklearn.txt build.txt)

# uv and Node bring their own list of certificate authorities; behind a proxy only the system's knows the right one.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
export NODE_EXTRA_CA_CERTS ?= /etc/ssl/certs/ca-certificates.crt
endif

# Without bytecode each process compiles all that it imports anew, which takes three times as long as the import.
unexport PYTHONDONTWRITEBYTECODE

## Use it

.PHONY: serve
serve: $(RUNTIME) ## serve the model on PORT (8000); trains the default one first if the folder STORE (model/) is empty
	@[[ '$(STORE)' == *://* ]] || compgen -G '$(STORE)/*/champion.json' >/dev/null \
		|| FASTTRACK_STORE='$(STORE)' $(BIN)/python src/train.py
	@exec $(BIN)/fasttrack serve --store '$(STORE)' --host '$(HOST)' --port '$(PORT)'

.PHONY: train
train: $(RUNTIME) ## train the default model, examples/linear, into STORE
	@FASTTRACK_STORE='$(STORE)' $(BIN)/python src/train.py

.PHONY: inference
inference: $(RUNTIME) ## check what the default model in STORE answers
	@answer=$$($(BIN)/python src/predict.py --store '$(STORE)' 10); echo "x = 10: $$answer"; [ "$$answer" = 21.0 ]

## Work on it

.PHONY: test
# One process more than cores, because tests wait for servers.
test: $(DEV) ## run every test that needs nothing but Python
	$(BIN)/python -m pytest -m 'not system' --numprocesses $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)') --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: check
check: $(DEV) types ## style, types and the fastest tests; ends within a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -m 'not system' --numprocesses auto --quiet tests/contract tests/config \
		tests/test_architecture.py tests/test_evaluation.py tests/test_schemes.py tests/test_settings.py tests/test_urls.py

.PHONY: coverage
coverage: ## as test, and print what no test reaches; takes twice as long
	@$(MAKE) test ARGS='--cov --cov-report=term $(ARGS)'

.PHONY: test-system
test-system: $(DEV) $(AZURITE) ## run the tests with real containers and a real Prometheus (Debian packages, root)
	$(BIN)/python -m pytest -m system $(ARGS)

.PHONY: docs
docs: $(DEV) ## build the documentation site into docs/_build; warnings are errors
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html docs docs/_build

.PHONY: bench
bench: $(DEV) ## measure the server beside plain FastAPI and the limit; needs wrk (Debian package) and half an hour
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: system-packages
system-packages: ## install the Debian packages that the system tests need (root)
	apt-get update -qq -o Acquire::Retries=3
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Acquire::Retries=3 \
		--no-install-recommends --no-upgrade $(PACKAGES)

.PHONY: lint
lint: $(DEV) types locked ## check style, types, locks, shell, workflow, container and monitoring files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck .ci/run
	$(BIN)/actionlint -shellcheck $(BIN)/shellcheck
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --schemafile tests/schemas/grafana/dashboard.json monitoring/grafana-dashboard.json

.PHONY: types
types: $(DEV) ## check types
	$(BIN)/mypy --explicit-package-bases api src tests benchmarks

.PHONY: format
format: $(DEV) ## rewrite the source in the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: ci
ci: ## everything that decides on a change, from a bare machine: installs Debian packages, so run it as root
	.ci/run

## Lock and ship it

compile = $(UV) pip compile --quiet --universal --python-version 3.11 --custom-compile-command 'make lock' \
	$(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(UV) ## lock what pyproject.toml asks for; UPGRADE=1 moves every pin to the newest version
	$(compile) requirements.in --annotation-style line --output-file requirements.txt
	$(compile) requirements.txt --group dev --annotation-style line --output-file requirements-dev.txt
	$(compile) pyproject.toml --extra postgres --extra objects --constraints <(grep '==' requirements.txt) --generate-hashes \
		--no-annotate --output-file deploy/requirements-serve.txt
	$(compile) pyproject.toml --extra postgres --extra objects --group sklearn --constraints <(grep '==' requirements.txt) --generate-hashes \
		--no-annotate --output-file deploy/requirements-sklearn.txt
	$(compile) --group build --generate-hashes --no-annotate --output-file deploy/requirements-build.txt

.PHONY: locked
locked: $(UV) # fails when a lock is not what `make lock` would write
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	cp --parents pyproject.toml README.md LICENSE requirements.in $(LOCKS) "$$fresh"; \
	$(MAKE) --silent --directory="$$fresh" --file='$(CURDIR)/Makefile' UV='$(CURDIR)/$(UV)' UPGRADE= lock; \
	for lock in $(LOCKS); do \
		diff --unified $$lock "$$fresh/$$lock" || { echo "$$lock is stale: run make lock" >&2; exit 1; }; \
	done

.PHONY: monitoring
monitoring: $(RUNTIME) ## write monitoring/ anew: rules, alerts, runbooks and dashboard of the default model
	@store=$$(mktemp -d); trap 'rm -rf "$$store"' EXIT; \
	FASTTRACK_STORE="$$store" $(BIN)/python src/train.py >/dev/null && \
	$(BIN)/fasttrack monitor build --store "$$store" --target api:8000

# Docker before 23 builds with BuildKit only where it is told to.
image image-archive: export DOCKER_BUILDKIT = 1

build_arguments = --build-arg VERSION='$(VERSION)' $(IMAGE_OPTIONS) \
	--label org.opencontainers.image.revision="$$(git rev-parse HEAD)" \
	$(if $(GITHUB_REPOSITORY),--label org.opencontainers.image.source=https://github.com/$(GITHUB_REPOSITORY))

.PHONY: image
image: ## build the container image for this machine, tagged IMAGE
	docker build --tag '$(IMAGE)' $(build_arguments) .

.PHONY: image-archive
image-archive: ## build the image into IMAGE_ARCHIVE: with buildx for all PLATFORMS, with SBOM and provenance
	@mkdir -p '$(dir $(IMAGE_ARCHIVE))'
	if docker buildx version >/dev/null 2>&1; then \
		docker buildx build --platform '$(PLATFORMS)' --sbom=true --provenance=mode=max \
			--output 'type=oci,dest=$(IMAGE_ARCHIVE)' $(CACHE) $(build_arguments) .; \
	else \
		docker build --tag '$(IMAGE)' $(build_arguments) . && docker save --output '$(IMAGE_ARCHIVE)' '$(IMAGE)'; \
	fi

# buildx writes an OCI archive, `docker save` one of its own format.
archive = "$$(tar --list --file '$(IMAGE_ARCHIVE)' oci-layout >/dev/null 2>&1 \
	&& echo oci-archive || echo docker-archive):$(IMAGE_ARCHIVE)"

.PHONY: image-load
image-load: ## load the image for this machine from IMAGE_ARCHIVE, as IMAGE
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	skopeo --insecure-policy copy --quiet $(archive) docker-archive:"$$folder/image.tar":'$(IMAGE)' && \
	docker load --input "$$folder/image.tar"

.PHONY: image-test
image-test: $(DEV) ## run IMAGE and test it by HTTP
	CONTAINER_IMAGE='$(IMAGE)' $(BIN)/python -m pytest tests/integration/test_container.py $(ARGS)

.PHONY: publish
publish: ## copy IMAGE_ARCHIVE as it is to REPOSITORY, tagged as 1.2.3, 1.2, 1 and latest
	@[ -z "$${REGISTRY_TOKEN:-}" ] || skopeo login --username "$$GITHUB_ACTOR" --password-stdin \
		'$(firstword $(subst /, ,$(REPOSITORY)))' <<< "$$REGISTRY_TOKEN"
	@tags='$(VERSION)'; \
	if [[ '$(VERSION)' =~ ^([0-9]+)\.[0-9]+\.[0-9]+$$ ]]; then \
		tags="$$tags $${tags%.*} latest"; \
		[ "$${BASH_REMATCH[1]}" = 0 ] || tags="$$tags $${BASH_REMATCH[1]}"; \
	fi; \
	for tag in $$tags; do \
		echo "$(REPOSITORY):$$tag"; \
		skopeo --insecure-policy copy --quiet --all --preserve-digests $(PUBLISH_OPTIONS) \
			$(archive) docker://'$(REPOSITORY)':"$$tag"; \
	done

.PHONY: package
package: $(UV) ## build wheel and sdist into DIST (dist/)
	$(UV) build --quiet --out-dir '$(DIST)'

.PHONY: release-check
release-check: ## fail unless the tag is v$(VERSION) and CHANGELOG.md has an entry for it
	@$(if $(filter v$(VERSION),$(TAG)),:,echo 'no tag v$(VERSION) here, which is the version in pyproject.toml;' \
		'tag this commit so, or change the version' >&2; exit 1)
	@[ -n "$$($(MAKE) release-notes)" ] || { echo 'CHANGELOG.md has no entry [$(VERSION)]; write one' >&2; exit 1; }

.PHONY: release-notes
release-notes: ## print the entry of CHANGELOG.md for the version
	@awk '/^## /{inside = index($$0, "## [$(VERSION)]") == 1; next} /^\[.*\]: /{next} inside' CHANGELOG.md

.PHONY: github-release
github-release: ## publish the tag on GitHub with its entry of CHANGELOG.md, wheel and sdist; needs gh and GH_TOKEN
	@$(MAKE) release-notes | gh release create 'v$(VERSION)' --verify-tag --title '$(VERSION)' --notes-file - \
		'$(DIST)'/*.whl '$(DIST)'/*.tar.gz

.PHONY: release
release: release-check package image-archive ## check tag and CHANGELOG, then build wheel, sdist and image into DIST

.PHONY: compose-check
compose-check: $(DEV) ## resolve deploy/compose.yaml as Compose itself would
	GRAFANA_ADMIN_PASSWORD=unused $$($(BIN)/python -c 'import compose; print(compose.__path__[0])')/docker-compose \
		--file deploy/compose.yaml config --quiet

## Housekeeping

.PHONY: clean
clean: ## remove the environment and all caches; models stay
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: # the targets that say what they are for
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

$(UV):
	@for python in $(or $(PYTHON),$(PYTHONS)); do \
		[ ! -x $(BIN)/pip ] || break; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null && "$$python" -m venv $(VENV); \
	done; \
	[ -x $(BIN)/pip ] || { echo 'no Python 3.11 or newer that can make a virtual environment;' \
		'on Debian: apt-get install python3-venv' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(RUNTIME): requirements.txt pyproject.toml | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --requirements requirements.txt
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --requirements requirements-dev.txt
	@touch $@ $(RUNTIME)

# The emulator of Azure's storage, by the npm of the locked environment.
$(AZURITE): tests/servers/azurite/package-lock.json tests/servers/azurite/package.json | $(DEV)
	rm -rf $(VENV)/azurite
	mkdir $(VENV)/azurite
	cp $^ $(VENV)/azurite
	$(BIN)/npm ci --prefix $(VENV)/azurite --ignore-scripts --omit=dev --no-audit --no-fund --silent
	@touch $@
