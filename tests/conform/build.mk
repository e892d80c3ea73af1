# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# ROMs with planted defects, each of which the conformance guest has to find: make conform-plants.

.PHONY: conform-plants
conform-plants: $(BUILD)/vrom $(BUILD)/conform.elf $(ROM_OBJECTS) $(BUILD)/native.rom $(BUILD)/count.rom
	@PLANT_CC='$(CC) $(filter-out -MMD -MP -g,$(ROM_CFLAGS))' PLANT_LD='$(CC) $(ROM_LDFLAGS)' PLANT_OBJECTS='$(ROM_OBJECTS)' \
		PLANT_ROM='$(ROM_OPTIONS)' python3 tests/conform/plant.py $(BUILD) $(ONLY)

# Every host, then the plants: TAP.
.PHONY: check-roms
check-roms: $(CONFORM_HOSTS:%=conform-%) $(BUILD)/native.rom $(BUILD)/count.rom
	@for host in $(CONFORM_HOSTS); do sed "s/^\(ok\|not ok\) \([0-9]*\) - /&$$host: /" $(BUILD)/conform-$$host.tap; done
	@$(MAKE) -s BUILD=$(BUILD) conform-plants
