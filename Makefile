# signalbox: `make run` and `make test` are all that is needed on a fresh Debian or Ubuntu with Swift 6.2 or later.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
# What a release is built with. --static-swift-stdlib makes a binary that runs without a toolchain.
RELEASE_FLAGS ?= -c release --static-swift-stdlib
# The folder `make run` starts on, and further arguments for it.
FOLDER ?= .
ARGS ?=
BINARY := .build/release/signalbox
SOURCES := Package.swift Sources Tests

.PHONY: help run test build install format lint bench figures demo clean setup toolchain

help: ## list the targets
	@echo "signalbox: the real-time back end of AI coding agents"
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: build ## install what is missing, build, and open the console on this folder (FOLDER=…, ARGS=…)
	@echo "==> Opening the console on $(FOLDER)"
	@exec $(BINARY) $(ARGS) $(FOLDER)

test: setup ## install what is missing, and run every test
	@.ci/python
	@.ci/step "Building the tests (the first time takes some minutes)" swift build --build-tests
	@.ci/step "Testing" .ci/test

build: setup ## build the release binary
	@.ci/step "Building the release (the first time takes some minutes)" \
	  swift build $(RELEASE_FLAGS) --product signalbox
	@.ci/step "Building the sandbox's launcher" swift build $(RELEASE_FLAGS) --product sandbox-launcher

install: ## install binary, themes and completions under PREFIX (/usr/local)
	@test -x $(BINARY) || $(MAKE) build
	install -Dm755 $(BINARY) "$(DESTDIR)$(PREFIX)/bin/signalbox"
	@if [[ -x .build/release/sandbox-launcher ]]; then \
	  install -Dm755 .build/release/sandbox-launcher "$(DESTDIR)$(PREFIX)/bin/sandbox-launcher"; fi
	@if [[ -d themes ]]; then \
	  install -d "$(DESTDIR)$(PREFIX)/share/signalbox/themes"; \
	  install -m644 themes/* "$(DESTDIR)$(PREFIX)/share/signalbox/themes/"; fi
	@share="$(DESTDIR)$(PREFIX)/share"; \
	install -d "$$share/bash-completion/completions" "$$share/zsh/site-functions" "$$share/fish/vendor_completions.d"; \
	$(BINARY) completions bash > "$$share/bash-completion/completions/signalbox"; \
	$(BINARY) completions zsh > "$$share/zsh/site-functions/_signalbox"; \
	$(BINARY) completions fish > "$$share/fish/vendor_completions.d/signalbox.fish"
	@echo "installed under $(DESTDIR)$(PREFIX)"

format: toolchain ## format the sources
	swift format -i -p -r $(SOURCES)

lint: toolchain ## check the format of the sources
	swift format lint --strict -p -r $(SOURCES)

bench: build ## measure a node of its own (ARGS=… are suites)
	@.ci/bench $(BINARY) $(ARGS)

figures: build ## put the figures of the last bench into README
	@.ci/figures $(BINARY)

demo: build ## open the console on a node that is in use by clients of its own (ARGS=--no-tui: lines instead)
	@exec $(BINARY) demo $(ARGS)

clean: ## remove what was built
	rm -rf .build

setup: toolchain
	@.ci/packages

toolchain:
	@.ci/toolchain
