# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The monitor, and variants of it for tests and measurements: MONITORS are those that make all makes.

MONITORS := monitor
MONITOR_VARIANTS := monitor monitor-verify monitor-sign monitor-open
MONITOR_FLAGS_monitor-verify := -DMONITOR_VERIFY
MONITOR_FLAGS_monitor-sign := -DMONITOR_SIGN
MONITOR_FLAGS_monitor-open := -DMONITOR_OPEN
MONITOR_ROM_monitor-sign := $(BUILD)/monitor-sign.rom
MONITOR_ROM_monitor-open := $(BUILD)/monitor-open.rom

# ROMs for variants: the same source. Without isolation the monitor needs more of the linear addresses.
ROM_OPTIONS_monitor-sign = $(ROM_OPTIONS_monitor)
ROM_OPTIONS_monitor-open := --virtual-top 0xf0000000
$(BUILD)/i386/roms/monitor-%/rom.o: roms/monitor/rom.S
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) $(MONITOR_FLAGS_monitor-$*) -c -o $@ $<
$(BUILD)/monitor-sign.rom $(BUILD)/monitor-open.rom: $(BUILD)/%.rom: $(BUILD)/i386/roms/%.elf $(BUILD)/vrom
	$(BUILD)/vrom build $(ROM_OPTIONS) $(ROM_OPTIONS_$*) --product "$* ROM" -o $@ $<

# Arguments in registers, which the assembly counts on.
MONITOR_CFLAGS := $(I386_CFLAGS) -O2 -mregparm=3 -Imonitor -Iroms/monitor
# What is called most is to be one piece of code (trap.c), across files: gcc's link-time optimisation does that.
MONITOR_LTO := $(if $(findstring clang,$(CC)),,-flto)
MONITOR_LINK := $(CC) $(MONITOR_CFLAGS) $(MONITOR_LTO) -nostdlib -static -Wl,-z,noexecstack,--build-id=none,--no-warn-rwx-segments
MONITOR_PARTS := $(patsubst monitor/%,%.o,$(wildcard monitor/*.c monitor/*.S))

define MONITOR_VARIANT
$(BUILD)/i386/$(1)/%.c.o: monitor/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(MONITOR_CFLAGS) $$(if $$(filter boot string stub,$$*),,$$(MONITOR_LTO)) $(MONITOR_FLAGS_$(1)) -c -o $$@ $$<
$(BUILD)/i386/$(1)/%.S.o: monitor/%.S
	@mkdir -p $$(@D)
	$$(CC) $$(MONITOR_CFLAGS) $(MONITOR_FLAGS_$(1)) -Wa,-I$(BUILD) -c -o $$@ $$<
$(BUILD)/i386/$(1)/rom.S.o: $(or $(MONITOR_ROM_$(1)),$(BUILD)/monitor.rom)
$(BUILD)/$(1).elf: $(MONITOR_PARTS:%=$(BUILD)/i386/$(1)/%) $(BUILD)/i386/libvrom.a monitor/monitor.ld
	$$(MONITOR_LINK) -Wl,-T,monitor/monitor.ld -o $$@ $$(filter %.o %.a,$$^)
endef
$(foreach variant,$(MONITOR_VARIANTS),$(eval $(call MONITOR_VARIANT,$(variant))))

all: $(MONITORS:%=$(BUILD)/%.elf)

install: install-monitor
.PHONY: install-monitor
install-monitor: $(BUILD)/monitor.elf
	install -d $(DESTDIR)$(PREFIX)/share/vrom
	install -m 644 $< $(DESTDIR)$(PREFIX)/share/vrom
