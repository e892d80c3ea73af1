# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The demonstration kernel: with its call sites (guest.elf), and the same with the annotations compiled out
# (guest-plain.elf), which shows what they cost. GUEST_OPT: how both are optimised.

GUEST_OPT ?= -O2
GUEST_CFLAGS = $(I386_CFLAGS) $(GUEST_OPT)
GUEST_LINK = ld -m elf_i386 -nostdlib -z noexecstack -L include

GUEST_KERNEL := boot entry main host console format string segments trap memory paging exec process schedule pipe \
	timer syscall bench profile stop programs
GUEST_PROGRAMS := init tests bench child
GUEST_LIBRARY := start library string format
# What a program consists of, if not of the one file of its name.
GUEST_PARTS_tests := tests tests-process tests-schedule tests-memory tests-pipe tests-fault

GUEST_BUILD := $(BUILD)/i386/guest
GUEST_IMAGES := $(GUEST_PROGRAMS:%=$(GUEST_BUILD)/user/%.elf)

# Programs. They are no kernel and have nothing of vrom in them.
$(GUEST_BUILD)/user/%.o: guest/user/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -Iguest -c -o $@ $<
$(GUEST_BUILD)/user/%.o: guest/user/%.S
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -Iguest -c -o $@ $<
$(GUEST_BUILD)/user/string.o $(GUEST_BUILD)/user/format.o: $(GUEST_BUILD)/user/%.o: guest/%.c
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -c -o $@ $<

define GUEST_PROGRAM
$(GUEST_BUILD)/user/$(1).elf: $(patsubst %,$(GUEST_BUILD)/user/%.o,$(GUEST_LIBRARY) $(or $(GUEST_PARTS_$(1)),$(1))) \
		guest/user/user.ld
	$(GUEST_LINK) -s -T guest/user/user.ld -o $$@ $$(filter %.o,$$^)
endef
$(foreach program,$(GUEST_PROGRAMS),$(eval $(call GUEST_PROGRAM,$(program))))

# The kernel, twice: in sites/ and in plain/.
define GUEST_VARIANT
$(GUEST_BUILD)/$(1)/%.o: guest/%.c
	@mkdir -p $$(@D)
	$$(CC) $$(GUEST_CFLAGS) $(2) -c -o $$@ $$<
$(GUEST_BUILD)/$(1)/%.o: guest/%.S
	@mkdir -p $$(@D)
	$$(CC) $$(GUEST_CFLAGS) $(2) -Wa,-I$(GUEST_BUILD)/user -c -o $$@ $$<
$(GUEST_BUILD)/$(1)/programs.o: $(GUEST_IMAGES)
$(3): $(GUEST_KERNEL:%=$(GUEST_BUILD)/$(1)/%.o) guest/kernel.ld $(BUILD)/i386/libvrom.a include/vrom/sites.ld
	$(GUEST_LINK) -T guest/kernel.ld -o $$@ $$(filter %.o,$$^) $(BUILD)/i386/libvrom.a
endef
$(eval $(call GUEST_VARIANT,sites,,$(BUILD)/guest.elf))
$(eval $(call GUEST_VARIANT,plain,-DVROM_NO_SITES,$(BUILD)/guest-plain.elf))
# With more room for the interrupt mask, for what monitor-sign puts there.
$(eval $(call GUEST_VARIANT,wide,-DVROM_MASK_ROOM=10,$(BUILD)/guest-wide.elf))

# Without the library's patcher: it stays native, or is patched from outside.
$(eval $(call GUEST_VARIANT,nopatch,-DGUEST_NO_PATCHER,$(BUILD)/guest-nopatch.elf))
# With a counter at each site.
$(eval $(call GUEST_VARIANT,profile,-DVROM_PROFILE,$(BUILD)/guest-profile.elf))

all: $(BUILD)/guest.elf $(BUILD)/guest-plain.elf $(BUILD)/guest-nopatch.elf $(BUILD)/guest-profile.elf
