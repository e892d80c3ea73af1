/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Runs a target on files, in place of libFuzzer, for compilers that do not have it:
 *
 *	replay FILE...            runs them; one line for each input, as TAP
 *	replay -o FOLDER FILE...  writes the inputs as binary files to FOLDER, for libFuzzer to start from
 *
 * A file whose name ends in .hex is an input as text: bytes of two hexadecimal digits, "@N" for zeros up to offset N
 * (decimal), and "#" for the rest of a line to be a remark. One that ends in .lines holds many, each a line.
 * keep.sh makes these of what libFuzzer found.
 */
#include <ctype.h>
#include <string.h>

#include "fuzz.h"

#define LIMIT (1 << 20)

static unsigned char bytes[LIMIT];
static char text[LIMIT];

static void die(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

static size_t read_all(const char *path, void *to)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file)
		die(path, "cannot be opened");
	size = fread(to, 1, LIMIT, file);
	if (fclose(file) != 0 || size == LIMIT)
		die(path, "is too long");
	return size;
}

/* The bytes that hexadecimal text stands for. */
static size_t parse(const char *path, char *at)
{
	size_t count = 0;

	while (*at) {
		char *end;

		if (*at == '#') {
			at += strcspn(at, "\n");
		} else if (isspace((unsigned char)*at)) {
			at++;
		} else if (*at == '@') {
			unsigned long to = strtoul(at + 1, &end, 10);

			if (to < count || to >= LIMIT || end == at + 1)
				die(path, "has an offset that makes no sense");
			memset(bytes + count, 0, to - count);
			count = to;
			at = end;
		} else {
			char digits[3] = { at[0], at[1], 0 };

			bytes[count++] = (unsigned char)strtoul(digits, &end, 16);
			if (end != digits + 2 || count == LIMIT)
				die(path, "is not hexadecimal");
			at += 2;
		}
	}
	return count;
}

/* What is done with an input: run it, or write it to folder. */
static void handle(const char *folder, const char *path, size_t number, size_t size)
{
	static unsigned ran;
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	unsigned char *exact;
	char to[4096];
	FILE *file;

	if (folder) {
		snprintf(to, sizeof to, "%s/%s-%zu", folder, name, number);
		file = fopen(to, "wb");
		if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
			die(to, "cannot be written");
		return;
	}
	/* In memory that ends where the input does. */
	exact = malloc(size ? size : 1);
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	printf("ok %u - %s %zu: %s\n", ++ran, path, number, fuzz_outcome ? fuzz_outcome : "nothing");
}

static int ends_in(const char *path, const char *end)
{
	return strlen(path) >= strlen(end) && strcmp(path + strlen(path) - strlen(end), end) == 0;
}

static void handle_file(const char *folder, const char *path)
{
	size_t size, number = 1;

	if (!ends_in(path, ".hex") && !ends_in(path, ".lines")) {
		handle(folder, path, number, read_all(path, bytes));
		return;
	}
	size = read_all(path, text);
	text[size] = 0;
	if (ends_in(path, ".hex")) {
		handle(folder, path, number, parse(path, text));
		return;
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (*line != '#')
			handle(folder, path, number++, parse(path, line));
}

int main(int argc, char **argv)
{
	int writes = argc > 2 && strcmp(argv[1], "-o") == 0;

	if (argc < (writes ? 4 : 2)) {
		fprintf(stderr, "usage: replay [-o FOLDER] FILE...\n");
		return 2;
	}
	for (int i = writes ? 3 : 1; i < argc; i++)
		handle_file(writes ? argv[2] : NULL, argv[i]);
	return 0;
}
