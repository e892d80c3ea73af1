# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The tests. Each prints TAP; tests/check.sh runs them and counts.

-include tests/fuzz/build.mk tests/proof/build.mk tests/annotation/build.mk tests/escape/build.mk tests/conform/build.mk tests/monitor/build.mk tests/stress/build.mk tests/verify/build.mk tests/templates/build.mk tests/outside/build.mk

# ---- The library, on this machine ----

UNIT := plan template constants usual refuse attach rom live fault annotation
UNIT_PROGRAMS := $(UNIT:%=$(BUILD)/tests/%)

$(BUILD)/tests/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -c -o $@ $<

$(UNIT_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(addprefix $(BUILD)/tests/unit/,kernel.o fixture.o elf.o) \
		$(BUILD)/host/libvrom.a
	$(CC) $(HOST_LDFLAGS) -o $@ $^ -lcmocka -lelf -lpthread

# ---- The site macros: one program, by two compilers, at every level of optimisation ----

SITES_FLAGS := -m32 -DVROM_LIBRARY $(COMMON) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
SITES_SOURCES := tests/sites/run.c $(LIB_SOURCES)
sites-O0 := -O0
sites-O1 := -O1
sites-O2 := -O2
sites-O3 := -O3
sites-Os := -Os
sites-lto := -O2 -flto
sites-static := -O2 -fno-pie -no-pie
sites-frame := -O0 -fno-omit-frame-pointer -fPIE -pie
sites-profile := -O2 -fno-pie -no-pie -DVROM_PROFILE
sites-profile0 := -O0 -fno-pie -no-pie -DVROM_PROFILE
SITES_VARIANTS := O0 O1 O2 O3 Os lto static frame profile profile0
SITES_PROGRAMS := $(foreach c,gcc clang,$(SITES_VARIANTS:%=$(BUILD)/tests/sites-$(c)-%))

$(BUILD)/tests/sites-gcc-%: $(SITES_SOURCES) tests/sites/sites.ld $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	gcc $(filter-out -MMD -MP,$(SITES_FLAGS)) $(sites-$*) -Linclude -o $@ $(SITES_SOURCES) -Wl,-T,tests/sites/sites.ld

$(BUILD)/tests/sites-clang-%: $(SITES_SOURCES) tests/sites/sites.ld $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	clang $(filter-out -MMD -MP,$(SITES_FLAGS)) $(sites-$*) -fuse-ld=lld -Linclude -o $@ $(SITES_SOURCES) \
		-Wl,-T,tests/sites/sites.ld

# What the macros record, in 32 bits and 64.
RECORDS_VARIANTS := 32-O0 32-O2 32-Os 64-O0 64-O2 64-Os
RECORDS_SOURCES := tests/sites/constants.c tests/sites/constants.S $(LIB_SOURCES)
RECORDS_FLAGS = -m$(firstword $(subst -, ,$*)) -$(lastword $(subst -, ,$*)) -DVROM_LIBRARY $(filter-out -MMD -MP,$(COMMON)) \
	-Linclude -o $@ $(RECORDS_SOURCES) -Wl,-T,tests/sites/sites.ld
RECORDS_PROGRAMS := $(foreach c,gcc clang,$(RECORDS_VARIANTS:%=$(BUILD)/tests/sites-records-$(c)-%))

$(BUILD)/tests/sites-records-gcc-%: $(RECORDS_SOURCES) tests/sites/sites.ld $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	gcc $(RECORDS_FLAGS)

$(BUILD)/tests/sites-records-clang-%: $(RECORDS_SOURCES) tests/sites/sites.ld $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	clang -fuse-ld=lld $(RECORDS_FLAGS)

# Every public header compiles alone.
HEADERS := $(wildcard include/*/*.h)
$(BUILD)/tests/headers: $(HEADERS)
	@mkdir -p $(@D)
	for header in $(HEADERS:include/%=%); do \
		for compiler in gcc clang; do \
			echo "#include <$$header>" | $$compiler -m32 $(filter-out -MMD -MP,$(COMMON)) -x c -c -o /dev/null - || exit 1; \
		done; \
	done
	@touch $@

TESTS := $(BUILD)/tests/proof.elf $(UNIT_PROGRAMS) $(SITES_PROGRAMS) $(RECORDS_PROGRAMS) $(ANNOTATION_PROGRAMS) $(BUILD)/tests/headers

.PHONY: tests
tests: $(TESTS)

# The host programs alone, for a build with sanitizers.
.PHONY: sanitized
sanitized: $(BUILD)/vrom $(addprefix $(BUILD)/tests/,plan template constants usual refuse attach rom fault annotation)

check: all tests
	tests/check.sh $(BUILD)
