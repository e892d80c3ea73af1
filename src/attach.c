/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The whole way: plan, enter, commit. */
#include "lib.h"

enum vrom_status vrom_attach_host(struct vrom_plan *plan, const struct vrom_host *host,
				  const struct vrom_table *tables, uint32_t table_count, void *memory, size_t size,
				  struct vrom_error *error)
{
	int early = host->answers_early || !host->enter;
	enum vrom_status status = vrom_plan(plan, early ? host : NULL, tables, table_count, memory, size, error);

	if (status != VROM_OK)
		return status;
	if (host->enter && host->enter(host->context) != 0) {
		plan->state = VROM_EMPTY;
		return vrom_fail(error, VROM_REFUSED, 0, VROM_NO_INDEX, VROM_NO_INDEX, host->rom);
	}
	if (!early) {
		status = vrom_plan(plan, host, tables, table_count, memory, size, error);
		if (status != VROM_OK) {
			if (error)
				error->status = VROM_STRANDED;
			return VROM_STRANDED;
		}
	}
	return vrom_commit(plan);
}

#if defined(__i386__)
enum vrom_status vrom_attach(struct vrom_plan *plan, const struct vrom_rom *rom, const struct vrom_table *tables,
			     uint32_t table_count, void *memory, size_t size, struct vrom_error *error)
{
	struct vrom_host host;

	vrom_rom_host(rom, &host);
	return vrom_attach_host(plan, &host, tables, table_count, memory, size, error);
}
#endif
