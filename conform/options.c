/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line: "pae" (which early.c reads), "trace", "only=Call,Call", "end=Reboot" or "end=Shutdown". */
#include "conform.h"

struct options options = { false, "", "" };
static char line[512];

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
	rest = value(word, "end=");
	if (rest)
		options.end = rest;
}

void read_options(const struct multiboot *boot)
{
	const char *from;
	unsigned used = 0;

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
