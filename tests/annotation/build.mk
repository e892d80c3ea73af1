# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Annotations of 2006, and one kernel that is annotated in both ways, by either assembler.

ANNOTATION_FLAGS := -m32 -DVROM_LIBRARY $(COMMON) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -O1 -fno-pie -no-pie
ANNOTATION_PROGRAMS := $(BUILD)/tests/annotation-gcc $(BUILD)/tests/annotation-clang

$(ANNOTATION_PROGRAMS): $(BUILD)/tests/annotation-%: tests/annotation/run.c tests/annotation/sites.S $(LIB_SOURCES) \
		tests/sites/sites.ld $(wildcard include/*/*.h src/*.h)
	@mkdir -p $(@D)
	$* $(filter-out -MMD -MP,$(ANNOTATION_FLAGS)) $(if $(filter clang,$*),-fuse-ld=lld -Wno-unused-command-line-argument) -Linclude \
		-o $@ tests/annotation/run.c tests/annotation/sites.S $(LIB_SOURCES) -Wl,-T,tests/sites/sites.ld
