# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The stress guest, and the same with more room for the interrupt mask (guest/build.mk, wide).

define STRESS_VARIANT
$(BUILD)/i386/$(1)/%.o: tests/stress/%
	@mkdir -p $$(@D)
	$$(CC) $$(I386_CFLAGS) $(3) -c -o $$@ $$<
$(BUILD)/$(1).elf: $(patsubst tests/stress/%,$(BUILD)/i386/$(1)/%.o,$(wildcard tests/stress/*.S tests/stress/*.c)) \
		$(addprefix $(GUEST_BUILD)/$(2)/,console.o format.o string.o) $(BUILD)/i386/libvrom.a tests/stress/stress.ld
	$$(GUEST_LINK) -T tests/stress/stress.ld -o $$@ $$(filter %.o %.a,$$^)
endef
$(eval $(call STRESS_VARIANT,stress,sites,))
$(eval $(call STRESS_VARIANT,stress-wide,wide,-DVROM_MASK_ROOM=10))

tests: $(BUILD)/stress.elf $(BUILD)/stress-wide.elf $(BUILD)/monitor-sign.elf

# Defects in a monitor and a ROM, each of which this guest has to find. Takes some minutes; no part of check.
.PHONY: stress-plants
stress-plants: $(BUILD)/vrom $(BUILD)/monitor.elf $(BUILD)/monitor-sign.elf $(BUILD)/count.rom $(BUILD)/stress.elf
	python3 tests/stress/plants.py $(BUILD) $(ONLY)
