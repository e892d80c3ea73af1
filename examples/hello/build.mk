# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
HELLO_BUILD := $(BUILD)/i386/examples/hello

$(HELLO_BUILD)/%.o: examples/hello/%.c
	@mkdir -p $(@D)
	$(CC) $(I386_CFLAGS) -c -o $@ $<
$(HELLO_BUILD)/%.o: examples/hello/%.S
	@mkdir -p $(@D)
	$(CC) $(I386_CFLAGS) -c -o $@ $<

$(BUILD)/hello.elf: $(HELLO_BUILD)/start.o $(HELLO_BUILD)/hello.o $(BUILD)/i386/libvrom.a examples/hello/hello.ld
	ld -m elf_i386 -nostdlib -z noexecstack -L include -T examples/hello/hello.ld -o $@ $(filter %.o %.a,$^)

all: $(BUILD)/hello.elf
