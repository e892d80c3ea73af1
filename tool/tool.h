/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_H
#define TOOL_H

/* What every part of the command shares: subcommands, complaints, files, memory. README.md has the map. */
#include <stddef.h>
#include <stdint.h>

#define VROM_TOOL_VERSION "0.1"

/* Exit statuses. */
#define EXIT_BAD 1   /* the input is bad, or fails the check */
#define EXIT_USAGE 2 /* the command line makes no sense */

/* Subcommands. argv[0] is the subcommand's name; the result is the exit status. */
int cmd_build(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_patch(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_sites(int argc, char **argv);

/*
 * Complains on stderr, "vrom: FILE: " and the text, which is "what is wrong: what to do" with no newline.
 * Returns EXIT_BAD, so that "return fail(...)" is a whole error path.
 */
int fail(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same about the command line of a subcommand, with a pointer to its help. Returns EXIT_USAGE. */
int misuse(const char *subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What getopt_long (with opterr 0 and ":" first in its short options) gave as c, '?' or ':'. */
int misuse_option(const char *subcommand, char **argv, int c);

/* malloc that does not come back empty-handed; the memory is zero. */
void *allocate(size_t count, size_t size);

/* A number from text, decimal or 0x..., at most limit. 0, or -1 if it is none. */
int parse_number(const char *text, uint64_t limit, uint64_t *number);

struct blob {
	unsigned char *bytes; /* allocated, aligned to 16, never NULL once read */
	size_t size;
};

/* Reads all of a file of at most limit bytes. 0, or EXIT_BAD after a complaint. */
int read_file(const char *path, size_t limit, struct blob *blob);

/* A copy of at most length bytes of text, up to a NUL, fit to be printed anywhere. Free it. */
char *printable(const char *text, size_t length);

#endif
