/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BENCH_SLEDS_H
#define BENCH_SLEDS_H

/* Of XRay's interface what sleds.c needs. Its own header is C++. */
#include <stdint.h>

struct sled {
	int64_t sled, function; /* each counted from where it stands */
	uint8_t kind, always, version, padding[13];
};
extern const struct sled __start_xray_instr_map[], __stop_xray_instr_map[];

#define XRAY_SUCCESS 1
int __xray_patch(void);
int __xray_unpatch(void);
#endif
