# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Sites for ROMs with faults: run.py plants them.

$(BUILD)/tests/proof.elf: tests/proof/kernel.S tests/proof/kernel.ld include/vrom/sites.ld $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	$(CC) $(I386_CFLAGS) -c -o $(BUILD)/tests/proof.o tests/proof/kernel.S
	ld -m elf_i386 -nostdlib -z noexecstack -L include -T tests/proof/kernel.ld -o $@ $(BUILD)/tests/proof.o
