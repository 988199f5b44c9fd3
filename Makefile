# Gatepost: `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
#
# One non-recursive make. A folder under src/ is one archive; a unit test links the archives of the
# layers below it and nothing else, so a layer that leans on its neighbour does not link.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

VERSION := 0.1.0
CC      ?= gcc
CLANG   ?= clang
PYTHON  := /usr/bin/python3

# ---- builds: release (plain); for tests, with fault points: debug, asan, tsan, fault --------------
BUILD ?= release
# BUILD_ROOT keeps two makes of one checkout out of each other's way.
BUILD_ROOT ?= build
OUT    = $(BUILD_ROOT)$(if $(filter release,$(BUILD)),,/$(BUILD))
OBJ    = $(OUT)/obj

# One line a step; V=1 shows the commands, -s nothing.
Q  = $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-5s %s\n' $(1) $(2))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wswitch-enum -Werror
HARDENING := -fstack-protector-strong -fPIE -fcf-protection -fstack-clash-protection
# Hidden: else a function of ours takes the place of a library's of the same name, inside of that
# library too.
COMMON   := -std=gnu11 -g -pthread -fvisibility=hidden -D_GNU_SOURCE -DH2O_USE_LIBUV=0 \
            -DGATEPOST_VERSION='"$(VERSION)"' -Iinclude -MMD -MP $(WARNINGS)
AR_release := gcc-ar
# Two builds give the same bytes, wherever they are: no path of this tree, no random names.
CFLAGS_release  = -O2 -flto=auto -ffat-lto-objects -D_FORTIFY_SOURCE=3 $(HARDENING) $(SAME_BYTES)
SAME_BYTES      = -ffile-prefix-map=$(CURDIR)=. -frandom-seed=$(patsubst $(OUT)/%,%,$@)
# As fast as a release, with the fault points of gatepost/fault.h: what chaos and power cuts run.
CFLAGS_fault   := -O2 -D_FORTIFY_SOURCE=3 $(HARDENING) -DGATEPOST_FAULTS
LDFLAGS_fault  := -pie -Wl,-z,relro,-z,now,-z,noexecstack
CFLAGS_debug   := -O0 -D_FORTIFY_SOURCE=0 -DGATEPOST_FAULTS
CFLAGS_asan    := -O1 -DGATEPOST_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -DGATEPOST_FAULTS -fsanitize=thread -fno-omit-frame-pointer
LDFLAGS_release  = -flto=auto $(SAME_BYTES) -pie -Wl,-z,relro,-z,now,-z,noexecstack
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_tsan    := -fsanitize=thread
AR_BUILD = $(or $(AR_$(BUILD)),ar)

PKGS := libh2o-evloop yajl libcurl libidn2 inih
# Library headers are not ours to warn about: their -I becomes -isystem.
# What they include and their packages have not stands in src/worker/khash.
PKG_CFLAGS := -isystem src/worker/khash $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -ldb-5.3 -lunistring -lzxcvbn -largon2 -lcrypt -lseccomp -lssl -lcrypto -lm -lpthread

CFLAGS_ALL = $(COMMON) $(CFLAGS_$(BUILD)) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(LDFLAGS_$(BUILD)) -pthread $(LDFLAGS)

# ---- archives -----------------------------------------------------------------------------------
LIB_DIRS  := base log config json email username token letter dkim backup metrics limit proc sandbox password ring storeclient
ROLE_DIRS := master worker store mailer cli
DIRS      := $(addprefix lib/,$(LIB_DIRS)) $(ROLE_DIRS)
MAIN      := src/master/main.c
archive    = $(OBJ)/$(subst /,_,$(1)).a
sources    = $(filter-out $(MAIN),$(wildcard src/$(1)/*.c))
objects    = $(patsubst src/%.c,$(OBJ)/%.o,$(call sources,$(1)))

define ARCHIVE
$(call archive,$(1)): $(call objects,$(1))
	@rm -f $$@
	@$(AR_BUILD) rcs $$@ $$^
endef
$(foreach dir,$(DIRS),$(eval $(call ARCHIVE,$(dir))))
ARCHIVES = $(foreach dir,$(DIRS),$(call archive,$(dir)))

# Flags live here, so a change here is a change of every object.
$(OBJ)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c $< -o $@

# What the assembler takes in, no compiler tells of.
$(OBJ)/worker/openapi.o: docs/openapi.json
$(OBJ)/lib/letter/built_in.o: $(wildcard conf/mail/*.* conf/mail/*/*)

$(OUT)/gatepost: $(patsubst src/%.c,$(OBJ)/%.o,$(MAIN)) $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

.PHONY: build
build: $(OUT)/gatepost ## build the server (BUILD=release|debug|asan|tsan|fault)

-include $(shell find $(BUILD_ROOT) -path $(BUILD_ROOT)/tools -prune -o -type f -name '*.d' -print 2>/dev/null)

# ---- unit tests ---------------------------------------------------------------------------------
# tests/unit/<dir>/test_*.c is linked with src/lib/<dir> (or src/<dir>) and what NEEDS_<dir> names.
# cmocka's assertions do not tell the compiler that they do not return: it sees values unset.
NEEDS_log := base
NEEDS_config := base log
NEEDS_json := base
NEEDS_email := base
NEEDS_username := base
NEEDS_token := json base
NEEDS_password := log base
NEEDS_ring := log base
NEEDS_metrics := ring log base
NEEDS_limit := ring log base
NEEDS_proc := ring config log base
NEEDS_sandbox := proc ring config log base
NEEDS_letter := base
NEEDS_dkim := base
NEEDS_backup := base
NEEDS_storeclient := ring log base
NEEDS_store := backup storeclient metrics sandbox proc ring config log base
NEEDS_mailer := storeclient metrics sandbox proc ring letter dkim token json email config log base
NEEDS_worker := storeclient metrics limit sandbox proc ring letter token json email username password config log base
NEEDS_master := storeclient letter token json metrics limit proc ring config log base
NEEDS_cli := backup letter dkim token json email username metrics sandbox proc ring config log base

dir_path     = $(if $(filter $(1),$(LIB_DIRS)),lib/$(1),$(1))
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_NAMES   := $(patsubst tests/unit/%.c,%,$(UNIT_SOURCES))
UNIT_PROGRAMS = $(addprefix $(OUT)/unit/,$(UNIT_NAMES))
unit_dir      = $(patsubst %/,%,$(dir $(1)))
unit_archives = $(foreach need,$(1) $(NEEDS_$(1)),$(call archive,$(call dir_path,$(need))))

# The objects hold machine code beside what link-time optimisation reads: a hundred programs are
# linked from that in a third of the time. The server itself is tested as it is shipped.
UNIT_CFLAGS  = $(filter-out -flto=auto,$(CFLAGS_ALL))
UNIT_LDFLAGS = $(filter-out -flto=auto,$(LDFLAGS_ALL)) -fno-lto

define UNIT_PROGRAM
$(OUT)/unit/$(1): tests/unit/$(1).c $(call unit_archives,$(call unit_dir,$(1)))
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(UNIT_CFLAGS) -Wno-maybe-uninitialized -Isrc -o $$@ $$< $$(UNIT_LDFLAGS) -Wl,--start-group $(call unit_archives,$(call unit_dir,$(1))) -Wl,--end-group -lcmocka $$(LIBS)
endef
$(foreach name,$(UNIT_NAMES),$(eval $(call UNIT_PROGRAM,$(name))))

.PHONY: unit-programs
unit-programs: $(UNIT_PROGRAMS)

# ---- fuzz targets: tests/fuzz/<target>.c with the whole source under libFuzzer, ASan, UBSan -------
# make BUILD=fuzz CC=clang $(OUT)/fuzz/<target>
CFLAGS_fuzz := -O1 -w -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

$(OUT)/fuzz/%: tests/fuzz/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Isrc -o $@ $< $(LDFLAGS_ALL) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(LIBS)

.PHONY: fuzz-programs
fuzz-programs: $(addprefix $(OUT)/fuzz/,$(FUZZ_TARGETS))

# ---- bench programs: bench/*/NAME.c, or the sources of bench/*/NAME/; always from the release build ---
BENCH_NAMES    := $(basename $(notdir $(wildcard bench/*/*.c))) \
                  $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard bench/*/*/*.c)))))
BENCH_PROGRAMS := $(addprefix $(OUT)/bench/,$(BENCH_NAMES))
bench_sources   = $(wildcard bench/*/$(1).c bench/*/$(1)/*.c)
bench_headers   = $(wildcard bench/*/$(1)/*.h)

define BENCH_PROGRAM
$(OUT)/bench/$(1): $(call bench_sources,$(1)) $(call bench_headers,$(1)) $(ARCHIVES)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) -Isrc -o $$@ $(call bench_sources,$(1)) $$(LDFLAGS_ALL) -Wl,--start-group $$(ARCHIVES) -Wl,--end-group $$(LIBS) $$(BENCH_LIBS_$(1))
endef
BENCH_LIBS_token_bench := -ljwt
$(foreach name,$(BENCH_NAMES),$(eval $(call BENCH_PROGRAM,$(name))))

.PHONY: bench-programs bench bench-quick bench-deps bench-password
bench-programs: $(BENCH_PROGRAMS)

bench-deps: deps-test ## install what is measured beside Gatepost: its peers, and what draws
	@conf/deps $(DEB_BENCH)
	@bench/peers/install

bench: bench-deps ## measure everything beside peers and limits (WORKS=some, USERS=10000000: growth so far), 10 to 20 minutes: build/bench
bench-quick: bench-deps ## the same in small
bench bench-quick:
	@$(MAKE) --no-print-directory -j$$(nproc) build bench-programs
	@bench/run $(if $(filter bench-quick,$@),--quick) $(addprefix --only ,$(WORKS)) $(addprefix --users ,$(USERS))

RESULTS ?=
.PHONY: bench-readme
bench-readme: ## show a run in README and docs/measured (RESULTS=build/bench/results.json; else make them again of the one there)
	@bench/report/commit $(RESULTS)

.PHONY: bench-check
bench-check: deps-test ## count the instructions of a request, and fail where they grew by more than 3 % (UPDATE=1 commits to them)
	@$(MAKE) --no-print-directory -s -j$$(nproc) build
	@bench/check $(if $(UPDATE),--update)

WHAT ?= me
.PHONY: profile
profile: deps-test ## where the time goes under load: WHAT=me, signup or mailer; by perf, else by callgrind
	@$(MAKE) --no-print-directory -s -j$$(nproc) build
	@bench/profile $(WHAT)

bench-password: deps ## measure password hashing alone, on one core: OpenSSL and every kernel
	@$(MAKE) --no-print-directory -s -j$$(nproc) $(BUILD_ROOT)/bench/password_bench
	@$(BUILD_ROOT)/bench/password_bench

N ?= 1000000
.PHONY: bench-import
bench-import: deps ## measure moving in: N accounts from a Django dump, a login of one of them, all out again
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@bench/run --only moving-in --accounts $(N)

# ---- the two commands ------------------------------------------------------------------------------
.PHONY: run test asan tsan debug lint model chaos sabotage fuzz install
run: deps ## build and serve on 127.0.0.1:8000, letters as files in var/mail
	@$(MAKE) --no-print-directory -j$$(nproc) build
	@exec build/gatepost serve -c conf/dev.conf

test: deps deps-test ## every suite on every build; the last line counts all of it
	@tests/run

debug: ## build with debug information and no optimisation
asan: ## build with AddressSanitizer and UndefinedBehaviorSanitizer
tsan: ## build with ThreadSanitizer
debug asan tsan:
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=$@ build

lint: ## layers, headers, sizes, style
	@tests/lint/run

model: ## check the lane and wake-up model with larger bounds
	@tests/model/run --deep

KILLS   ?= 200
RELOADS ?= 200
UPGRADES ?= 50
GAPS    ?= 100
SEED    ?=
chaos: deps-test ## kill everything under load, KILLS times, and look whether the word was kept (SEED=n)
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=fault build
	@tests/chaos/run --ledger --kills $(KILLS) --reloads $(RELOADS) --upgrades $(UPGRADES) --gaps $(GAPS) $(if $(SEED),--seed $(SEED))

TIMES ?= 500
.PHONY: reloads
reloads: build deps-test ## TIMES reloads, some of them broken, under clients that count failures; again with UPGRADES upgrades among them
	@GATEPOST_RELOADS=$(TIMES) GATEPOST_BINARY=$(OUT)/gatepost tests/system/run -s test_4b_reloads.py \
	    -k test_many_reloads
	@GATEPOST_BINARY=$(OUT)/gatepost tests/chaos/run --ledger --kills 0 --gaps 0 --reloads $(TIMES) --upgrades $(UPGRADES)

sabotage: deps-test ## take defences out of a copy, one by one, and see which test notices
	@tests/chaos/sabotage

T ?= 10
fuzz: deps-test ## fuzz every decoder, or TARGETS, for T seconds, or RUNS executions, each
	@tests/run --only fuzz --fuzz-seconds $(T) $(if $(RUNS),--fuzz-runs $(RUNS)) \
	    $(addprefix --fuzz-target ,$(TARGETS)) --ledger

CUTS   ?= 100
WORLDS ?= 3000
.PHONY: powercut
powercut: deps deps-test ## cut the power CUTS times (as root), replay WORLDS cuts; appends to the ledger
	@$(MAKE) --no-print-directory -s -j$$(nproc) BUILD=fault build $(BUILD_ROOT)/fault/unit/store/test_power_cut
	@tests/powercut/run --cuts $(CUTS) --worlds $(WORLDS)

# ---- installing and packaging ----------------------------------------------------------------------
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
PAPERS      = $(OUT)/papers
# The time of what is made of the source: of the last commit.
EPOCH       = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Makefile)}

$(OUT)/papers/tables: packaging/tables.c $(wildcard include/gatepost/*.def) Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -Iinclude -o $@ $<

.PHONY: papers uninstall deb deb-check
papers: build $(OUT)/papers/tables ## manual pages and completions, of the tables and of the program's own words
	$(call say,PAGES,$(PAPERS))
	$(Q)SOURCE_DATE_EPOCH=$(EPOCH) $(PYTHON) packaging/manual.py $(OUT)/gatepost $(PAPERS)/tables $(PAPERS)/man
	$(Q)$(PYTHON) packaging/completions.py $(OUT)/gatepost $(PAPERS)/tables $(PAPERS)/completions

install: papers ## install all that belongs to it below DESTDIR: PREFIX, SYSCONFDIR, UNITDIR
uninstall: ## remove it again; the configuration and the state stay
install uninstall:
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR) UNITDIR=$(UNITDIR) \
	    UNINSTALL=$(filter uninstall,$@) packaging/install $(OUT)/gatepost $(PAPERS)

REVISION   ?= 1
MAINTAINER ?= Gatepost maintainers <maintainers@gatepost.example>
deb: deps-package ## build/deb/gatepost_VERSION-REVISION_ARCH.deb
	@$(MAKE) --no-print-directory -j$$(nproc) papers
	@rm -rf $(OUT)/deb/stage
	@$(MAKE) --no-print-directory -s install DESTDIR=$(OUT)/deb/stage PREFIX=/usr SYSCONFDIR=/etc \
	    UNITDIR=/lib/systemd/system
	@SOURCE_DATE_EPOCH=$(EPOCH) VERSION=$(VERSION) REVISION=$(REVISION) MAINTAINER='$(MAINTAINER)' \
	    packaging/deb $(OUT)/deb/stage $(OUT)/deb

deb-check: deps-package ## build the package twice, in two folders, and compare the bytes
	@packaging/reproducible

# ---- what must be on the machine -------------------------------------------------------------------
DEB_BUILD := gcc libc6-dev make pkg-config libh2o-evloop-dev libyajl-dev libssl-dev \
             libcurl4-openssl-dev libdb5.3-dev libinih-dev libidn2-dev libunistring-dev libzxcvbn-dev \
             libargon2-dev libcrypt-dev libseccomp-dev python3
# What the package is made with, and what it and the manual pages are tested with.
DEB_PACKAGE      := dpkg-dev binutils
DEB_PACKAGE_TEST := man-db zsh fish debootstrap zstd
DEB_TEST  := libcmocka-dev python3 python3-pytest python3-aiosmtpd python3-django \
             python3-djangorestframework python3-djangorestframework-simplejwt python3-jwt \
             python3-cryptography python3-dkim python3-nacl python3-argon2 python3-bcrypt \
             python3-jsonschema python3-yaml chromium fonts-noto-cjk db5.3-util xfsprogs e2fsprogs faketime spin \
             clang libclang-rt-14-dev clang-format-14 wrk gdb systemd python3-h2 curl \
             nginx-light haproxy caddy valgrind nghttp2-client gnuplot-nox libck-dev libjwt-dev

# The peers that are measured beside Gatepost. What the lane and the tokens are measured against,
# libck-dev and libjwt-dev, stands above: the bench's programs are built by its suite.
DEB_BENCH := gunicorn glewlwyd

.PHONY: deps deps-package deps-test
deps: ## install what builds (apt, as root or with sudo)
	@conf/deps $(DEB_BUILD)

deps-package: deps ## install what packages
	@conf/deps $(DEB_PACKAGE)

deps-test: deps ## install what tests and measures
	@conf/deps $(DEB_TEST) $(DEB_PACKAGE_TEST)
	@conf/smtp-sink build/tools
	@conf/jose build/tools

# ---- housekeeping -------------------------------------------------------------------------------
.PHONY: clean help fmt
clean: ## remove what was built
	rm -rf $(BUILD_ROOT)

fmt: ## format the C sources with clang-format 14
	clang-format-14 -i $$(git ls-files '*.c' '*.h')

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16
