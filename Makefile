# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# One Makefile; each folder adds its part in a build.mk. Everything that is made lies under $(BUILD).
#
#	make              all of it
#	make check        the tests, a closing line "N passed, N failed"
#	make bench        the benchmarks, results in $(BUILD)/bench.json
#	make fuzz         the fuzzers, FUZZ_SECONDS each
#	make install      PREFIX, DESTDIR
#	make CC=clang BUILD=build/clang        with another compiler, beside the first
#	make SANITIZE=address,undefined BUILD=build/sanitize    host programs with sanitizers

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SANITIZE ?=

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
# What every object is compiled with; -MMD writes which headers it was made from.
COMMON := -std=gnu11 -Iinclude $(WARN) -MMD -MP -g

# Programs for the machine that builds.
HOST_CFLAGS := $(COMMON) -O2 $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
HOST_LDFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# Code that runs with nothing under it, 32-bit. A VMI caller keeps 4 bytes of stack alignment and no more;
# no vector registers, no red zone, no tables of jumps to relocate.
FREESTANDING := -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-mgeneral-regs-only -mno-red-zone
I386 := -m32 -march=i686
I386_CFLAGS := $(COMMON) $(FREESTANDING) $(I386) -Os
ifneq ($(findstring clang,$(CC)),)
I386_CFLAGS += -mstack-alignment=4
else
I386_CFLAGS += -mpreferred-stack-boundary=2
endif


.PHONY: all check bench fuzz install clean
all:
check:
bench:
fuzz:
install:

include $(wildcard */build.mk examples/*/build.mk)

clean:
	rm -rf $(BUILD)

# Dependencies that earlier compilations wrote.
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
