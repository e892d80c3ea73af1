/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line: "pae" (which early.c reads), "trace", "only=Call,Call", "from=N", "end=Reboot" or
 * "end=Shutdown". */
#include "conform.h"

struct options options = { false, "", "", 0 };
static char line[512];
static uint32_t lower_memory;

/* The rest of word if it starts with key. */
static const char *value(const char *word, const char *key)
{
	while (*key)
		if (*word++ != *key++)
			return NULL;
	return word;
}

static void read_word(const char *word)
{
	const char *rest;

	if (same_text(word, "trace"))
		options.trace = true;
	rest = value(word, "only=");
	if (rest)
		options.only = rest;
	rest = value(word, "from=");
	for (; rest && *rest >= '0' && *rest <= '9'; rest++)
		options.from = options.from * 10 + (unsigned)(*rest - '0');
	rest = value(word, "end=");
	if (rest)
		options.end = rest;
}

/* Where usable memory below 640 KiB ends, by what the boot loader says. */
uint32_t conventional_end(void)
{
	return lower_memory;
}

void read_options(const struct multiboot *boot)
{
	const char *from;
	unsigned used = 0;

	if (boot->flags & MULTIBOOT_HAS_MEMORY)
		lower_memory = boot->lower * 1024;
	for (uint32_t at = boot->map; boot->flags & MULTIBOOT_HAS_MAP && at < boot->map + boot->map_size;) {
		const struct multiboot_range *range = at_physical(at);

		if (range->type == MULTIBOOT_USABLE && range->base < lower_memory &&
		    range->base + range->length > lower_memory)
			lower_memory = (uint32_t)(range->base + range->length);
		at += range->size + sizeof range->size;
	}
	if (!(boot->flags & MULTIBOOT_HAS_COMMAND_LINE) || boot->command_line >= MEMORY_MAX)
		return;
	from = at_physical(boot->command_line);
	for (; used < sizeof line - 1 && from[used]; used++)
		line[used] = from[used];
	for (char *word = line; *word;) {
		char *end = word;

		while (*end && *end != ' ')
			end++;
		if (*end)
			*end++ = 0;
		read_word(word);
		word = end;
	}
}
