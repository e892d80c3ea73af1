# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The library, twice: for i386 kernels, and for programs on this machine (the tool, the tests).

LIB_SOURCES := $(wildcard src/*.c)
# A library without libc may not call memcpy, which the compiler otherwise makes out of loops.
LIB_CFLAGS := -DVROM_LIBRARY -ffreestanding -fno-tree-loop-distribute-patterns
LIB_I386 := $(LIB_SOURCES:src/%.c=$(BUILD)/i386/src/%.o)
LIB_HOST := $(LIB_SOURCES:src/%.c=$(BUILD)/host/src/%.o)
ifneq ($(findstring clang,$(CC)),)
LIB_CFLAGS := -DVROM_LIBRARY -ffreestanding -fno-builtin
endif

$(BUILD)/i386/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(I386_CFLAGS) $(LIB_CFLAGS) -c -o $@ $<

$(BUILD)/host/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) $(LIB_CFLAGS) -c -o $@ $<

$(BUILD)/i386/libvrom.a: $(LIB_I386)
$(BUILD)/host/libvrom.a: $(LIB_HOST)
$(BUILD)/i386/libvrom.a $(BUILD)/host/libvrom.a:
	rm -f $@
	ar rcs $@ $^

all: $(BUILD)/i386/libvrom.a $(BUILD)/host/libvrom.a

install: install-library
.PHONY: install-library
install-library: $(BUILD)/i386/libvrom.a $(BUILD)/host/libvrom.a
	install -d $(DESTDIR)$(PREFIX)/include/vmi $(DESTDIR)$(PREFIX)/include/vrom $(DESTDIR)$(PREFIX)/lib/vrom
	install -m 644 include/vmi/*.h $(DESTDIR)$(PREFIX)/include/vmi
	install -m 644 include/vrom/*.h include/vrom/*.ld $(DESTDIR)$(PREFIX)/include/vrom
	install -m 644 $(BUILD)/i386/libvrom.a $(DESTDIR)$(PREFIX)/lib/vrom/libvrom-i386.a
