# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What a kernel that was patched from outside asks the library, in a program that executes a ROM as a kernel does.

$(BUILD)/tests/adopt: tests/outside/adopt.c $(LIB_SOURCES) $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	$(CC) -m32 -O2 $(filter-out -MMD -MP,$(COMMON)) -DVROM_LIBRARY -o $@ $< $(LIB_SOURCES)

tests: $(BUILD)/tests/adopt
