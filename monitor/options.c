/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The monitor's command line: words with spaces between. A word that it does not know stops it: it may have been meant to
 * keep a guest from something. */
#include "monitor.h"

#define KNOWN "mode=trap, mode=call, mode=inline, restart, restart=N, stats, trust=devices, memory=MIB"
#define NUMBER_MOST 1000000000
#define MEMORY_LEAST 2    /* MiB: one above the first */
#define MEMORY_MOST 4095

struct options options = { .mode = MODE_INLINE };

static bool is(const char *word, const char *name)
{
	return !strncmp(word, name, strlen(name) + 1);
}

static bool number(const char *text, uint32_t least, uint32_t most, uint32_t *value)
{
	uint32_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || n > NUMBER_MOST / 10)
			return false;
		n = n * 10 + (uint32_t)(*text - '0');
	}
	*value = n;
	return n >= least && n <= most;
}

static bool option(const char *word)
{
	if (!strncmp(word, "restart=", 8))
		return number(word + 8, 0, NUMBER_MOST, &options.restart);
	if (!strncmp(word, "memory=", 7))
		return number(word + 7, MEMORY_LEAST, MEMORY_MOST, &options.memory);
	if (is(word, "mode=trap"))
		options.mode = MODE_TRAP;
	else if (is(word, "mode=call"))
		options.mode = MODE_CALL;
	else if (is(word, "mode=inline"))
		options.mode = MODE_INLINE;
	else if (is(word, "restart"))
		options.restart = 1;
	else if (is(word, "stats"))
		options.stats = true;
	else if (is(word, "trust=devices"))
		options.trust = true;
	else
		return false;
	return true;
}

bool options_parse(const char *line, char *complaint, size_t size)
{
	while (*line) {
		char word[64];
		size_t length = 0;

		for (; *line && *line != ' '; line++)
			if (length < sizeof word - 1)
				word[length++] = *line;
		for (; *line == ' '; line++)
			;
		word[length] = 0;
		if (length && !option(word)) {
			format(complaint, size, "the option '%s' is not known, or has a wrong value: there are %s", word,
			       KNOWN);
			return false;
		}
	}
	return true;
}
