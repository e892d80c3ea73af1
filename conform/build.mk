# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The conformance guest, and the hosts that it runs on: make conform.

CONFORM_SOURCES := boot.S early.c entry.S natives.S main.c options.c console.c tap.c rom.c segments.c trap.c paging.c \
	user.c clock.c apic.c
# The cases, in the order in which they run.
CONFORM_SOURCES += relocation.c processor.c control.c mask.c ports.c tables.c ldt.c stacks.c iret.c fault.c pages.c rights.c \
	spaces.c lazy.c time.c alarms.c sites.c site.S
# Loops stay loops, since early.c can call no library; and cases stay in the order of the source.
CONFORM_CFLAGS := $(I386_CFLAGS) $(if $(findstring clang,$(CC)),-fno-builtin,-fno-tree-loop-distribute-patterns -fno-toplevel-reorder)
CONFORM_OBJECTS := $(CONFORM_SOURCES:%=$(BUILD)/i386/conform/%.o)

$(BUILD)/i386/conform/%.c.o: conform/%.c
	@mkdir -p $(@D)
	$(CC) $(CONFORM_CFLAGS) -c -o $@ $<
$(BUILD)/i386/conform/%.S.o: conform/%.S
	@mkdir -p $(@D)
	$(CC) $(CONFORM_CFLAGS) -c -o $@ $<

$(BUILD)/conform.elf: $(CONFORM_OBJECTS) conform/conform.ld $(BUILD)/i386/libvrom.a include/vrom/sites.ld
	ld -m elf_i386 -nostdlib -z noexecstack --no-warn-rwx-segments -L include -T conform/conform.ld -o $@ \
		$(CONFORM_OBJECTS) $(BUILD)/i386/libvrom.a

all: $(BUILD)/conform.elf

# ---- On every host: $(BUILD)/conform-HOST.tap ----

CONFORM_HOSTS := native count $(if $(or $(wildcard monitor/build.mk),$(wildcard $(BUILD)/monitor.elf)),monitor)

.PHONY: conform $(CONFORM_HOSTS:%=conform-%)
conform: $(CONFORM_HOSTS:%=conform-%)
	@grep -h '^not ok' $(CONFORM_HOSTS:%=$(BUILD)/conform-%.tap) || true
	@for host in $(CONFORM_HOSTS); do \
		printf '%s: %s passed, %s failed, %s skipped\n' $$host \
			"$$(grep '^ok' $(BUILD)/conform-$$host.tap | grep -vc '# SKIP')" \
			"$$(grep -c '^not ok' $(BUILD)/conform-$$host.tap)" "$$(grep -c '^ok.*# SKIP' $(BUILD)/conform-$$host.tap)"; \
	done
	@! grep -q '^not ok' $(CONFORM_HOSTS:%=$(BUILD)/conform-%.tap)

conform-native: $(BUILD)/native.rom
conform-count: $(BUILD)/count.rom
conform-monitor: $(BUILD)/monitor.elf
# A host that fails leaves its results all the same.
$(CONFORM_HOSTS:%=conform-%): conform-%: $(BUILD)/vrom $(BUILD)/conform.elf
	@conform/run.sh $(BUILD) $* >$(BUILD)/conform-$*.tap || [ -s $(BUILD)/conform-$*.tap ]
