/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calling a ROM's two entry points. They take and give EAX (and EDX), and may change ECX and the flags. */
#include "lib.h"

#if defined(__i386__)

static int enter(void *context)
{
	const struct vrom_rom *rom = context;
	uint32_t a = 0, c, d;

	__asm__ __volatile__("call *%[init]"
			     : "+a"(a), "=c"(c), "=d"(d)
			     : [init] "S"(rom->header->init)
			     : "cc", "memory");
	return (int)a;
}

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	const struct vrom_rom *rom = context;
	uint32_t a = call, c, d;

	__asm__ __volatile__("call *%[get_reloc]"
			     : "+a"(a), "=c"(c), "=d"(d)
			     : [get_reloc] "S"(rom->header->get_reloc)
			     : "cc", "memory");
	result->target = a;
	result->type = (uint8_t)d;
}

void vrom_rom_host(const struct vrom_rom *rom, struct vrom_host *host)
{
	uintptr_t base = (uintptr_t)rom->header;

	*host = (struct vrom_host){
		.answer = answer,
		.context = (void *)(uintptr_t)rom,
		.templates = rom->templates,
		.template_count = rom->template_count,
		.rom = base,
		.low = base,
		.high = base + rom->size,
		.top = rom->header->virtual_top,
		.enter = enter,
		.answers_early = rom->extension && rom->extension->flags & VROM_PROMISES_RELOC,
	};
}
#endif
