# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Annotations of 2006, and one kernel that is annotated in both ways, by either compiler and its assembler.

ANNOTATION_FLAGS := -m32 -DVROM_LIBRARY $(COMMON) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -fno-pie -no-pie
ANNOTATION_SOURCES := $(addprefix tests/annotation/,run.c sites.S kernel.c) $(LIB_SOURCES)
ANNOTATION_PROGRAMS := $(foreach c,gcc clang,$(foreach level,O0 O2 Os,$(BUILD)/tests/annotation-$(c)-$(level)))
ANNOTATION_INPUTS := $(ANNOTATION_SOURCES) tests/annotation/both.h tests/sites/sites.ld $(wildcard include/*/*.h src/*.h)

$(BUILD)/tests/annotation-gcc-%: $(ANNOTATION_INPUTS)
	@mkdir -p $(@D)
	gcc $(filter-out -MMD -MP,$(ANNOTATION_FLAGS)) -$* -Linclude -o $@ $(ANNOTATION_SOURCES) \
		-Wl,-T,tests/sites/sites.ld,--no-warn-rwx-segments

$(BUILD)/tests/annotation-clang-%: $(ANNOTATION_INPUTS)
	@mkdir -p $(@D)
	clang $(filter-out -MMD -MP,$(ANNOTATION_FLAGS)) -$* -fuse-ld=lld -Wno-unused-command-line-argument -Linclude -o $@ \
		$(ANNOTATION_SOURCES) -Wl,-T,tests/sites/sites.ld
