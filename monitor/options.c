/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The monitor's command line: words with spaces between. A word that it does not know stops it: it may have been meant to
 * keep a guest from something. */
#include "monitor.h"

#define KNOWN "mode=trap, mode=call, mode=four, mode=inline, patch=guest, patch=host, restart, restart=N, stats, trust=devices, memory=MIB"
#define MOST 1000000000u

struct options options = { .mode = MODE_INLINE };

/* Each word sets a value, or is followed by one of least to most. */
static const struct option {
	const char *word;
	uint32_t *value, set, least, most;
} known[] = {
	{ "mode=trap", &options.mode, MODE_TRAP, 0, 0 },
	{ "mode=call", &options.mode, MODE_CALL, 0, 0 },
	{ "mode=four", &options.mode, MODE_FOUR, 0, 0 },
	{ "mode=inline", &options.mode, MODE_INLINE, 0, 0 },
	{ "patch=guest", &options.patch, PATCH_GUEST, 0, 0 },
	{ "patch=host", &options.patch, PATCH_HOST, 0, 0 },
	{ "restart", &options.restart, 1, 0, 0 },
	{ "restart=", &options.restart, 0, 0, MOST },
	{ "stats", &options.stats, 1, 0, 0 },
	{ "trust=devices", &options.trust, 1, 0, 0 },
	{ "memory=", &options.memory, 0, 2, 4095 },    /* MiB: one above the first */
};

static bool take(const struct option *option, const char *word)
{
	size_t length = strlen(option->word);
	uint32_t n = 0;

	if (memcmp(word, option->word, length))
		return false;
	word += length;
	if (!option->most) {
		*option->value = option->set;
		return !*word;
	}
	if (!*word)
		return false;
	for (; *word >= '0' && *word <= '9' && n <= MOST / 10; word++)
		n = n * 10 + (uint32_t)(*word - '0');
	*option->value = n;
	return !*word && n >= option->least && n <= option->most;
}

void options_parse(const char *line)
{
	while (*line) {
		char word[64] = "";
		bool taken = false;
		size_t length = 0;

		for (; *line && *line != ' '; line++)
			if (length < sizeof word - 1)
				word[length++] = *line;
		for (; *line == ' '; line++)
			;
		for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
			taken |= take(&known[i], word);
		if (length && !taken)
			monitor_fail("the option '%s' is not known, or has a wrong value: there are %s", word, KNOWN);
	}
}
