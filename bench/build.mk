# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# make bench: patching beside memcpy and LLVM's XRay, and what one call site costs. make bench-monitor: variants of the monitor.

BENCH_OBJECTS := $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(filter-out bench/sleds.c,$(wildcard bench/*.c)))
BENCH_SLEDS := 1000 10000 100000 1000000
# XRay is part of clang, whichever compiler makes the rest.
XRAY_CLANG ?= $(firstword $(shell command -v clang clang-14 2>/dev/null) clang)

$(BENCH_OBJECTS): $(BUILD)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -c -o $@ $<

$(BUILD)/bench/bench: $(BENCH_OBJECTS) $(BUILD)/host/libvrom.a
	$(CC) $(HOST_LDFLAGS) -o $@ $^

# A clang without the runtime of XRay is no reason to fail: the program is left out, and bench says so.
$(BUILD)/bench/xray-%: bench/sleds.c bench/sleds.S bench/sleds.h
	@mkdir -p $(@D)
	if $(XRAY_CLANG) -fxray-instrument -x c /dev/null -S -o /dev/null && \
	   test -e "$$($(XRAY_CLANG) -print-file-name=libclang_rt.xray-x86_64.a)" -o \
		-e "$$($(XRAY_CLANG) -print-runtime-dir)/libclang_rt.xray-x86_64.a"; then \
		$(CC) -DSLEDS=$* -c -o $@.o bench/sleds.S && \
		$(XRAY_CLANG) $(filter-out -MMD -MP,$(COMMON)) -O2 -DSLEDS=$* -c -o $@.c.o bench/sleds.c && \
		$(XRAY_CLANG) -fxray-instrument -o $@ $@.c.o $@.o; \
	fi

.PHONY: run-bench
bench: run-bench
run-bench: $(BUILD)/bench/bench $(BENCH_SLEDS:%=$(BUILD)/bench/xray-%)
	$(BUILD)/bench/bench $(BUILD)/bench
	if command -v gnuplot >/dev/null; then \
		gnuplot -e "data='$(BUILD)/bench.dat'; picture='$(BUILD)/bench.svg'" bench/plot.gp; \
	else echo "no picture: install gnuplot-nox"; fi

.PHONY: bench-monitor
bench-monitor: $(BUILD)/vrom $(BUILD)/guest.elf $(BUILD)/guest-wide.elf $(addprefix $(BUILD)/,monitor.elf monitor-sign.elf monitor-open.elf)
	python3 bench/monitor.py $(BUILD)
