/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Complaints, files and memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

int fail(const char *file, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "vrom: %s: ", file);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return EXIT_BAD;
}

int misuse(const char *subcommand, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "vrom: %s: ", subcommand);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": see \"vrom help %s\"\n", subcommand);
	return EXIT_USAGE;
}

int misuse_option(const char *subcommand, char **argv, int c)
{
	char *text = printable(argv[optind - 1], 60);
	int status = misuse(subcommand, c == ':' ? "%s needs a value" : "%s: no such option, or a value it does not take",
			    text);

	free(text);
	return status;
}

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory) {
		fail("memory", "there is none left for %zu times %zu bytes: close something else", count, size);
		exit(EXIT_BAD);
	}
	return memory;
}

int parse_number(const char *text, uint64_t limit, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*number = strtoull(text, &end, text[1] == 'x' || text[1] == 'X' ? 16 : 10);
	return errno || *end || *number > limit ? -1 : 0;
}

int read_file(const char *path, size_t limit, struct blob *blob)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 1 << 16;
	struct stat about;

	if (file < 0)
		return fail(path, "cannot be opened (%s): check the name", strerror(errno));
	if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 && (uint64_t)about.st_size < limit)
		room = (size_t)about.st_size + 1;
	blob->bytes = allocate(room, 1);
	blob->size = 0;
	for (;;) {
		ssize_t got = read(file, blob->bytes + blob->size, room - blob->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			fail(path, "cannot be read (%s): is it a file?", strerror(errno));
			break;
		}
		if (got == 0) {
			close(file);
			return 0;
		}
		blob->size += (size_t)got;
		if (blob->size > limit) {
			fail(path, "it has more than %zu bytes: this is not what is wanted here", limit);
			break;
		}
		if (blob->size == room) {
			unsigned char *more = allocate(room * 2, 1);

			memcpy(more, blob->bytes, room);
			free(blob->bytes);
			blob->bytes = more;
			room *= 2;
		}
	}
	close(file);
	free(blob->bytes);
	blob->bytes = NULL;
	return EXIT_BAD;
}

char *printable(const char *text, size_t length)
{
	size_t end = strnlen(text, length);
	char *copy = allocate(end + 1, 1);

	for (size_t i = 0; i < end; i++)
		copy[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	return copy;
}
