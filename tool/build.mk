# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The vrom command.

TOOL_SOURCES := $(wildcard tool/*.c)
TOOL_OBJECTS := $(TOOL_SOURCES:tool/%.c=$(BUILD)/host/tool/%.o)
TOOL_LIBS := -lelf -lZydis -lunicorn -ljansson

$(BUILD)/host/tool/%.o: tool/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -c -o $@ $<

$(BUILD)/vrom: $(TOOL_OBJECTS) $(BUILD)/host/libvrom.a
	$(CC) $(HOST_LDFLAGS) -o $@ $^ $(TOOL_LIBS)

all: $(BUILD)/vrom

install: install-tool
.PHONY: install-tool
install-tool: $(BUILD)/vrom
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD)/vrom $(DESTDIR)$(PREFIX)/bin/vrom
	install -m 644 tool/vrom.1 $(DESTDIR)$(PREFIX)/share/man/man1/vrom.1
