# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The monitor's models of devices, in a program for this machine.

DEVICES_SOURCES := tests/monitor/devices.c $(addprefix monitor/,pic.c pit.c alarm.c apic.c time.c ports.c)
DEVICES_OBJECTS := $(DEVICES_SOURCES:%.c=$(BUILD)/tests/devices.o/%.o)
# Addresses are of 32 bits there.
DEVICES_CFLAGS := $(HOST_CFLAGS) -Imonitor -Iroms/monitor -include tests/monitor/host.h -Wno-int-to-pointer-cast \
	-Wno-pointer-to-int-cast

$(DEVICES_OBJECTS): $(BUILD)/tests/devices.o/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(DEVICES_CFLAGS) -c -o $@ $<

$(BUILD)/tests/devices: $(DEVICES_OBJECTS)
	$(CC) $(HOST_LDFLAGS) -o $@ $^ -lcmocka

tests sanitized: $(BUILD)/tests/devices
