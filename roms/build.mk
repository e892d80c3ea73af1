# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The ROMs: roms/NAME/rom.S and what of roms/common it uses, put together by vrom build.

ROMS := $(patsubst roms/%/rom.S,%,$(wildcard roms/*/rom.S))
ROM_COMMON := $(wildcard roms/common/*.S roms/common/*.c)
# Arguments in registers, as VMI has it. Tables of jumps would hold addresses.
ROM_CFLAGS := $(I386_CFLAGS) -mregparm=3 -fno-jump-tables -ffunction-sections -Iroms/common
ROM_LDFLAGS := -m32 -static -no-pie -nostdlib -Wl,--build-id=none,--emit-relocs,--gc-sections,-z,noexecstack,-Troms/rom.ld
# Where the monitor's hole begins: roms/monitor/shared.h.
ROM_OPTIONS_monitor := --virtual-top 0xffc00000
ROM_OPTIONS := --license "GPL v2" --pci 15AD:0801 --rom-version 1.0 --manufacturer vrom

ROM_OBJECTS := $(patsubst roms/common/%,$(BUILD)/i386/roms/%.o,$(ROM_COMMON))

$(BUILD)/i386/roms/%.S.o: roms/common/%.S
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) -c -o $@ $<

$(BUILD)/i386/roms/%.c.o: roms/common/%.c
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) -c -o $@ $<

$(BUILD)/i386/roms/%/rom.o: roms/%/rom.S
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) -c -o $@ $<

$(BUILD)/i386/roms/%.elf: $(BUILD)/i386/roms/%/rom.o $(ROM_OBJECTS) roms/rom.ld
	$(CC) $(ROM_LDFLAGS) -o $@ $< $(ROM_OBJECTS)

$(ROMS:%=$(BUILD)/%.rom): $(BUILD)/%.rom: $(BUILD)/i386/roms/%.elf $(BUILD)/vrom
	$(BUILD)/vrom build $(ROM_OPTIONS) $(ROM_OPTIONS_$*) --product "$* ROM" -o $@ $<

# With code in line for the four calls of the interrupt mask only, and with none: to measure what it brings.
$(BUILD)/native-four.rom $(BUILD)/native-none.rom: $(BUILD)/native-%.rom: $(BUILD)/i386/roms/native.elf $(BUILD)/vrom
	$(BUILD)/vrom build $(ROM_OPTIONS) --templates $* --product "native ROM, $*" -o $@ $<

.SECONDARY: $(ROM_OBJECTS) $(ROMS:%=$(BUILD)/i386/roms/%/rom.o) $(ROMS:%=$(BUILD)/i386/roms/%.elf)
all: $(ROMS:%=$(BUILD)/%.rom) $(BUILD)/native-four.rom $(BUILD)/native-none.rom

install: install-roms
.PHONY: install-roms
install-roms: $(ROMS:%=$(BUILD)/%.rom)
	install -d $(DESTDIR)$(PREFIX)/share/vrom
	install -m 644 $^ $(DESTDIR)$(PREFIX)/share/vrom
