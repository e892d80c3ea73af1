# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The tests. Each prints TAP; tests/run.sh counts.

UNIT := plan rom
UNIT_PROGRAMS := $(UNIT:%=$(BUILD)/tests/%)
-include tests/fuzz/build.mk

$(BUILD)/tests/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -c -o $@ $<

$(UNIT_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/kernel.o $(BUILD)/host/libvrom.a
	$(CC) $(HOST_LDFLAGS) -o $@ $^ -lcmocka -lelf -lpthread
