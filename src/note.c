/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a kernel needs that was patched from outside, and what those who patch it agree on. */
#include <vrom/note.h>

#include "lib.h"

/* FNV-1a. */
#define SUM_START 0x811c9dc5
#define SUM_PRIME 0x01000193

static uint32_t sum_bytes(uint32_t sum, const void *from, size_t size)
{
	for (const unsigned char *byte = from; size; size--, byte++)
		sum = (sum ^ *byte) * SUM_PRIME;
	return sum;
}

static uint32_t sum_word(uint32_t sum, uint32_t word)
{
	return sum_bytes(sum, &word, sizeof word);
}

uint32_t vrom_fingerprint(const struct vrom_host *host)
{
	uint32_t sum = sum_word(SUM_START, (uint32_t)host->rom);

	sum = sum_bytes(sum, host->templates, host->template_count * sizeof *host->templates);
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		struct vrom_answer answer;

		host->answer(host->context, call, &answer);
		sum = sum_word(sum_word(sum, (uint32_t)answer.target), answer.type);
	}
	return sum;
}

#if defined(__i386__)
enum vrom_status vrom_adopt(const struct vrom_note *note, const void *area, size_t size, struct vrom_rom *rom,
			    struct vrom_error *error)
{
	uint32_t offset = note->rom - (uint32_t)(uintptr_t)area;
	enum vrom_status reason = VROM_NO_ROM;
	struct vrom_host host;

	if (!note->patched)
		return vrom_fail(error, VROM_STATE, 0, VROM_NO_INDEX, VROM_NO_INDEX, 0);
	if (offset < size && offset % VMI_ROM_STEP == 0)
		reason = vrom_check_rom((const unsigned char *)area + offset, size - offset, rom, NULL);
	if (reason == VROM_OK) {
		vrom_rom_host(rom, &host);
		if (!host.answers_early || vrom_fingerprint(&host) != note->rom_sum)
			reason = VROM_OTHER_ROM;
	}
	if (reason != VROM_OK) {
		vrom_fail(error, reason, 0, VROM_NO_INDEX, VROM_NO_INDEX, note->rom);
		if (error)
			error->status = VROM_OTHER_ROM;
		return VROM_OTHER_ROM;
	}
	if (note->patched != VROM_BY_HOST && host.enter(host.context) != 0)
		return vrom_fail(error, VROM_REFUSED, 0, VROM_NO_INDEX, VROM_NO_INDEX, note->rom);
	return VROM_OK;
}
#endif
