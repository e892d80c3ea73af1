# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# make fuzz: libFuzzer on everything that reads what others wrote, FUZZ_SECONDS each. libFuzzer is clang's
# (libclang-rt-14-dev). make fuzz-replay runs the kept inputs through the same targets with $(CC) alone, and with
# its sanitizers.

FUZZ_CLANG ?= clang
FUZZ_TARGETS := rom sites annotation elf
fuzz-rom := tests/fuzz/rom.c $(LIB_SOURCES)
fuzz-sites := tests/fuzz/sites.c tests/fuzz/kernel.c tests/fuzz/verdict.c tests/fuzz/code.c $(LIB_SOURCES)
fuzz-annotation := tests/fuzz/annotation.c $(LIB_SOURCES)
fuzz-elf := tests/fuzz/elf.c tool/elffile.c tool/elffind.c tool/table.c tool/calls.c
FUZZ_INPUTS := $(foreach target,$(FUZZ_TARGETS),$(fuzz-$(target))) \
	$(wildcard tests/fuzz/*.h src/*.h tool/*.h include/*/*.h)
FUZZ_FLAGS := $(filter-out -MMD -MP,$(COMMON)) -D_GNU_SOURCE -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all

$(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz-%): $(BUILD)/fuzz/fuzz-%: $(FUZZ_INPUTS)
	@mkdir -p $(@D)
	$(FUZZ_CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $(fuzz-$*)

$(FUZZ_TARGETS:%=$(BUILD)/fuzz/replay-%): $(BUILD)/fuzz/replay-%: tests/fuzz/replay.c $(FUZZ_INPUTS)
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -fsanitize=address,undefined -o $@ tests/fuzz/replay.c $(fuzz-$*)

# The kept inputs are text; libFuzzer wants bytes. The ELF reader starts from a kernel.
$(BUILD)/fuzz/tiny.elf: tests/fuzz/tiny.S tests/fuzz/tiny.ld $(wildcard include/*/*)
	@mkdir -p $(@D)
	gcc $(filter-out -MMD -MP,$(COMMON)) -m32 -no-pie -nostdlib -static -Linclude -Wl,-T,tests/fuzz/tiny.ld \
		-Wl,--build-id=none -Wl,-n -g0 -o $@ tests/fuzz/tiny.S

FUZZ_KEPT_rom := $(wildcard tests/fuzz/corpus-rom/*)
FUZZ_KEPT_sites := $(wildcard tests/fuzz/corpus-sites/*)
FUZZ_KEPT_annotation := $(wildcard tests/fuzz/corpus-annotation/*)
FUZZ_KEPT_elf := $(BUILD)/fuzz/tiny.elf $(wildcard tests/fuzz/corpus-elf/*)
$(FUZZ_TARGETS:%=$(BUILD)/fuzz/seeds-%): $(BUILD)/fuzz/seeds-%: $(BUILD)/fuzz/replay-% \
		$(foreach target,$(FUZZ_TARGETS),$(FUZZ_KEPT_$(target)))
	rm -rf $@
	mkdir -p $@
	$(BUILD)/fuzz/replay-$* -o $@ $(FUZZ_KEPT_$*)

.PHONY: run-fuzz fuzz-replay
fuzz: run-fuzz
run-fuzz: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz-%) $(FUZZ_TARGETS:%=$(BUILD)/fuzz/seeds-%)
	tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-replay: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/replay-%) $(BUILD)/fuzz/tiny.elf
	$(foreach target,$(FUZZ_TARGETS),$(BUILD)/fuzz/replay-$(target) $(FUZZ_KEPT_$(target)) &&) true
