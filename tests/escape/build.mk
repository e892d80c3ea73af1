# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The escape suite: a guest that attacks the monitor, one attack a boot.

ESCAPE_BUILD := $(BUILD)/i386/escape
ESCAPE_OBJECTS := $(patsubst tests/escape/%,$(ESCAPE_BUILD)/%.o,$(wildcard tests/escape/*.c tests/escape/*.S))

$(ESCAPE_BUILD)/%.o: tests/escape/%
	@mkdir -p $(@D)
	$(CC) $(I386_CFLAGS) -Imonitor -Iroms/monitor -Itests/escape -c -o $@ $<

$(BUILD)/escape.elf: $(ESCAPE_OBJECTS) tests/escape/escape.ld
	ld -m elf_i386 -nostdlib -z noexecstack -T tests/escape/escape.ld -o $@ $(filter %.o,$^)

.PHONY: escape
escape: $(BUILD)/escape.elf $(BUILD)/monitor.elf $(BUILD)/guest.elf
	python3 tests/escape/run.py $(BUILD) > $(BUILD)/escape.tap; status=$$?; \
		grep -v '^ok' $(BUILD)/escape.tap; exit $$status

tests: $(BUILD)/escape.elf
