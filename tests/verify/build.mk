# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# monitor-verify.elf with a ROM that forgets to say what changed: it has to find that (tests/verify.sh).

FORGETS := SetPxE InvalPage FlushTLB
FORGETS_BUILD := $(BUILD)/i386/roms/forgets

$(FORGETS_BUILD)/rom.o: tests/verify/forget.S $(BUILD)/i386/roms/monitor/rom.o
	@mkdir -p $(@D)
	$(CC) $(ROM_CFLAGS) -c -o $(@D)/forget.o $<
	objcopy $(foreach name,$(FORGETS),--redefine-sym=vmi_$(name)=real_$(name)) $(BUILD)/i386/roms/monitor/rom.o $(@D)/real.o
	ld -m elf_i386 -r -z noexecstack -o $@ $(@D)/real.o $(@D)/forget.o

# Under the name that monitor/rom.S has.
$(FORGETS_BUILD)/monitor.rom: $(BUILD)/i386/roms/forgets.elf $(BUILD)/vrom
	$(BUILD)/vrom build $(ROM_OPTIONS) $(ROM_OPTIONS_monitor) --product "forgets ROM" -o $@ $<
$(FORGETS_BUILD)/monitor-rom.o: monitor/rom.S $(FORGETS_BUILD)/monitor.rom
	$(CC) $(MONITOR_CFLAGS) -Wa,-I$(@D) -c -o $@ $<

$(BUILD)/monitor-forgets.elf: $(FORGETS_BUILD)/monitor-rom.o monitor/monitor.ld \
		$(patsubst %,$(BUILD)/i386/monitor-verify/%,$(filter-out rom.S.o,$(MONITOR_PARTS))) $(BUILD)/i386/libvrom.a
	$(MONITOR_LINK) -Wl,-T,monitor/monitor.ld -o $@ $(filter %.o %.a,$^)

tests: $(BUILD)/monitor-verify.elf $(BUILD)/monitor-forgets.elf
