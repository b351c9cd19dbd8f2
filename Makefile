# The front door. CMake does the work; CMakePresets.json has the builds.
DESTDIR ?=
PREFIX ?= /usr/local
# Empty: wherever a runtime of this machine looks for plugins. With DESTDIR, which is another machine's: /opt/cni/bin.
PLUGIN_DIR ?= $(if $(DESTDIR),/opt/cni/bin)
JOBS ?= $(shell nproc)
SOURCES = $(shell git ls-files -co --exclude-standard '*.cpp' '*.h')

.DEFAULT_GOAL := build/patchcord
.PHONY: deb pictures build/patchcord build demo test test-netns test-vm test-e2e lint format format-check install clean help packages bench

build/patchcord:  ## build the plugin: one static, stripped binary (WERROR=OFF for a compiler that warns of more)
	@command -v cmake >/dev/null || { echo "cmake is missing: run 'sudo tests/install-packages build' first" >&2; exit 1; }
	cmake --preset release $(if $(WERROR),-DPATCHCORD_WERROR=$(WERROR)) $(if $(VERBOSE),,--log-level=NOTICE)
	@ln -sfn build/compile_commands.json compile_commands.json
	cmake --build --preset release -j $(JOBS) --target patchcord

build: build/patchcord

packages:
	tests/install-packages build test

demo:  ## install what is needed, build, and show both modes in throwaway namespaces (root)
	tests/install-packages build demo
	$(MAKE) --no-print-directory build/patchcord
	tests/demo build/patchcord

.PHONY: demo-cluster
demo-cluster: build-tests  ## nodes with blocks of an etcd, whose pods reach each other by BIRD, in throwaway namespaces (root)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/cluster/demo.py

test: packages  ## install what is needed, build, and run every suite (root); T=name: that test alone, or that file, class, tag or suite
ifeq ($(T),)
	@$(MAKE) --no-print-directory build-tests
	tests/run --build build
else
	@$(MAKE) --no-print-directory configure-tests
	@tests/run --build build --only "$$T"
endif

test-netns: build-tests  ## only the unit and namespace tests (root for the latter)
	tests/run --build build unit netns

.PHONY: test-cluster
test-cluster: build-tests  ## nodes that share pools by etcd, and route to each other by BIRD and FRR: all of it (root; long)
	PATCHCORD_CLUSTER_TESTS=all tests/run --build build cluster

test-vm: build-tests  ## all tests that belong on Debian's own kernel, in an emulated machine
	tests/vm/suite --build build

test-fault: build-tests  ## kill and refuse every system call of every operation, and count what is left (root; long)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/fault/crash_points.py

.PHONY: test-mutants
test-mutants: build-tests  ## make each of many important lines wrong, and see that a test finds it (root; MUTANTS="name name" for some)
	cmake --build --preset test -j $(JOBS) --target mutants
	tests/mutants/run --build build $(MUTANTS)

.PHONY: valgrind test-fault soak
valgrind:  ## ADD, CHECK, GC and DEL of every type and mode under valgrind, which must be installed (root)
	cmake --preset debug --log-level=NOTICE
	cmake --build --preset debug -j $(JOBS) --target patchcord
	PATCHCORD_BIN=$(CURDIR)/build-debug/patchcord /usr/bin/python3 tests/fault/valgrind.py

SOAK_SECONDS ?= 600
INTERLEAVINGS ?= 2000
soak: build-tests  ## random operations, kills and damage against a model, and late DELs (root; SOAK_SECONDS, INTERLEAVINGS)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/soak/soak.py $(SOAK_SECONDS)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/soak/interleavings.py $(INTERLEAVINGS)

HOSTILE_SECONDS ?= 600
.PHONY: test-hostile
test-hostile: build-tests  ## random deeds of pods with NET_ADMIN between random operations, and whether anybody else notices (root; HOSTILE_SECONDS, HOSTILE_SEED)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/attack/hostile_pod.py $(HOSTILE_SECONDS)

TRACE_PAIRS ?= 2000
.PHONY: test-trace
test-trace: build-tests  ## the verdicts of patchcord trace beside real packets, on random nodes (root; TRACE_PAIRS, TRACE_SEED)
	PATCHCORD_BIN=$(CURDIR)/build/patchcord /usr/bin/python3 tests/trace/compare.py $(TRACE_PAIRS) $(TRACE_SEED)

test-e2e: build/patchcord  ## only the tests with real runtimes (root)
	tests/run --build build e2e

.PHONY: build-tests configure-tests
# With a link for editors and their language servers, which look for it here.
configure-tests:
	cmake --preset test --log-level=NOTICE
	@ln -sfn build/compile_commands.json compile_commands.json

build-tests: configure-tests
	cmake --build --preset test -j $(JOBS)

bench: build/patchcord  ## measure ours, the reference plugins and the floor; writes docs/benchmarks.md (root; BENCH="--quick --case bridge")
	tests/bench/bench.py --patchcord build/patchcord --output docs $(BENCH)

lint: format-check  ## formatting, clang-tidy, and the rules of the house
	tests/lint

format:  ## reformat every source file
	@clang-format -i $(SOURCES)

format-check:
	@clang-format --dry-run --Werror $(SOURCES)

install: build/patchcord  ## install the plugin where this machine's runtimes look (or into DESTDIR/PLUGIN_DIR), its man page and completions below PREFIX; REPLACE=1 replaces others of its names
	build/patchcord install $(if $(PLUGIN_DIR),--dir $(DESTDIR)$(PLUGIN_DIR)) $(if $(REPLACE),--replace)
	install -D -m 0644 docs/patchcord.8 $(DESTDIR)$(PREFIX)/share/man/man8/patchcord.8
	install -D -m 0644 packaging/iproute2/patchcord.conf $(DESTDIR)/etc/iproute2/rt_protos.d/patchcord.conf
	@for to in bash:bash-completion/completions/patchcord zsh:zsh/site-functions/_patchcord fish:fish/vendor_completions.d/patchcord.fish; do \
	  place=$(DESTDIR)$(PREFIX)/share/$${to#*:} && install -d "$$(dirname "$$place")" && build/patchcord completion "$${to%%:*}" >"$$place" || exit 1; \
	done

pictures: build/patchcord  ## docs/images, of nodes with 3, 40 and 300 pods
	/usr/bin/python3 tests/pictures.py

deb: build/patchcord  ## build/patchcord_VERSION_ARCH.deb, by CPack
	cmake --build --preset release -j $(JOBS)
	cd build && cpack -G DEB

clean:  ## remove everything built
	rm -rf build build-debug build-sanitize build-lint compile_commands.json

help:  ## this list
	@awk -F ':.*## ' '/^[a-z\/-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile
