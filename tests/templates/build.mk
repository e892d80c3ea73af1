# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# A kernel with a site for every template of every ROM, and a ROM with templates of every kind.

TEMPLATES_BUILD := $(BUILD)/i386/roms/templates

$(BUILD)/tests/templates.elf: tests/templates/kernel.S tests/templates/kernel.ld $(wildcard tests/templates/*.h) \
		$(wildcard include/*/*.h)
	@mkdir -p $(@D) $(BUILD)/i386
	$(CC) $(I386_CFLAGS) -c -o $(BUILD)/i386/templates.o $<
	ld -m elf_i386 -z noexecstack -L include -T tests/templates/kernel.ld -o $@ $(BUILD)/i386/templates.o

$(TEMPLATES_BUILD)/rom.o: tests/templates/rom.S
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) -c -o $@ $<

$(BUILD)/tests/templates.rom: $(BUILD)/i386/roms/templates.elf $(BUILD)/vrom
	@mkdir -p $(@D)
	$(BUILD)/vrom build $(ROM_OPTIONS) --product "templates ROM" -o $@ $<

$(BUILD)/tests/templates: tests/templates/test.c tests/unit/elf.c tests/unit/elf.h $(wildcard tests/templates/*.h) \
		$(BUILD)/host/libvrom.a
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(HOST_CFLAGS)) $(HOST_LDFLAGS) -o $@ $(filter %.c %.a,$^) -lcmocka -lelf

tests: $(BUILD)/tests/templates $(BUILD)/tests/templates.elf $(BUILD)/tests/templates.rom
