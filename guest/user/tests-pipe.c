/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests.h"

#define LONG 5000 /* several times what a pipe holds */

static void fill(char *bytes, int length)
{
	for (int i = 0; i < length; i++)
		bytes[i] = i * 7 + i / 256;
}

/* Reads until there is no more. */
static int read_all(int from, char *bytes, int size)
{
	int done = 0, got;

	while (done < size && (got = read(from, bytes + done, size - done)) > 0)
		done += got;
	return done;
}

static int passes_much(void)
{
	static char sent[LONG], got[LONG + 1];
	int ends[2], length, pid;

	fill(sent, LONG);
	pipe(ends);
	pid = fork();
	if (!pid)
		exit(write(ends[1], sent, LONG) != LONG);
	close(ends[1]);
	length = read_all(ends[0], got, sizeof got);
	return length == LONG && !memcmp(sent, got, LONG);
}

static int reader_waits(void)
{
	int ends[2];
	uint32_t start = uptime();
	char byte = 0;

	pipe(ends);
	if (!fork()) {
		sleep(20);
		exit(write(ends[1], "x", 1) != 1);
	}
	return read(ends[0], &byte, 1) == 1 && byte == 'x' && uptime() - start >= 20;
}

static int sees_the_end(void)
{
	int ends[2];
	char bytes[8];

	pipe(ends);
	if (!fork()) {
		close(ends[0]);
		write(ends[1], "abc", 3);
		sleep(8);
		exit(0); /* closes it */
	}
	close(ends[1]);
	return read_all(ends[0], bytes, sizeof bytes) == 3 && read(ends[0], bytes, 1) == 0;
}

static int nobody_reads(void)
{
	int ends[2];

	pipe(ends);
	close(ends[0]);
	return write(ends[1], "x", 1) == -E_PIPE;
}

static int uses_bad_descriptors(void)
{
	int ends[2], good = 0;
	char byte;

	pipe(ends);
	good += read(ends[1], &byte, 1) == -E_BADF;
	good += write(ends[0], "x", 1) == -E_BADF;
	close(ends[0]);
	good += read(ends[0], &byte, 1) == -E_BADF;
	good += close(ends[0]) == -E_BADF;
	good += write(-1, "x", 1) == -E_BADF;
	good += read(1000, &byte, 1) == -E_BADF;
	good += read(0, &byte, 1) == 0; /* the console is at its end */
	return good;
}

static int opens_too_many(void)
{
	int ends[2], more[2], pipes = 0, last = 0;

	while ((last = pipe(ends)) == 0)
		pipes++;
	if (last != -E_MFILE || pipes < 5)
		return 0;
	close(3);
	close(4);
	return pipe(more) == 0 && write(more[1], "x", 1) == 1;
}

/* Three processes in a row, each adds one to what it gets. */
static int pipeline(void)
{
	int from[2], to[2], first;
	unsigned char byte = 5;

	pipe(from);
	first = from[1];
	for (int i = 0; i < 3; i++) {
		pipe(to);
		if (!fork()) {
			read(from[0], &byte, 1);
			byte++;
			exit(write(to[1], &byte, 1) != 1);
		}
		close(from[0]);
		close(to[1]);
		from[0] = to[0];
	}
	write(first, &byte, 1);
	return read(from[0], &byte, 1) == 1 && byte == 8;
}

void tests_pipe(void)
{
	check(run(passes_much) == 1, "5000 bytes go through a pipe in order, the writer waits for room");
	check(run(reader_waits) == 1, "the reader of an empty pipe waits");
	check(run(sees_the_end) == 1, "the reader sees the end when the last writer is gone");
	check(run(nobody_reads) == 1, "writing to a pipe that nobody reads is refused");
	check(run(uses_bad_descriptors) == 7, "descriptors that are closed, wrong way round or none are refused");
	check(run(opens_too_many) == 1, "too many descriptors are refused; closed ones are used again");
	check(run(pipeline) == 1, "a pipeline of three processes");
}
