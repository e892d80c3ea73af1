/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Descriptors, and what can be behind one: the console, or an end of a pipe. */
#include "kernel.h"

#define PIPES 32
#define PIPE_SIZE 512

struct pipe {
	int readers, writers; /* descriptors; both 0: not in use */
	uint32_t read, written; /* bytes since it was made */
	struct queue waiting;
	char bytes[PIPE_SIZE];
};

static struct pipe pipes[PIPES];

static int *users_of(struct file *file)
{
	return file->kind == FILE_PIPE_READ ? &file->pipe->readers : &file->pipe->writers;
}

void file_share(struct file *file)
{
	if (file->pipe)
		++*users_of(file);
}

void file_close(struct file *file)
{
	if (file->pipe) {
		--*users_of(file);
		wake_all(&file->pipe->waiting); /* who waits for the other end may wait in vain now */
	}
	file->kind = FILE_NONE;
	file->pipe = NULL;
}

int pipe_new(struct file *reader, struct file *writer)
{
	for (struct pipe *pipe = pipes; pipe < pipes + PIPES; pipe++) {
		if (pipe->readers || pipe->writers)
			continue;
		memset(pipe, 0, sizeof *pipe);
		pipe->readers = pipe->writers = 1;
		*reader = (struct file){ FILE_PIPE_READ, pipe };
		*writer = (struct file){ FILE_PIPE_WRITE, pipe };
		return 0;
	}
	return -E_MFILE;
}

/* How much can be moved in one piece, up to the end of the buffer. */
static uint32_t piece(uint32_t position, uint32_t available, uint32_t length)
{
	uint32_t part = PIPE_SIZE - position % PIPE_SIZE;

	if (part > available)
		part = available;
	return part < length ? part : length;
}

static int pipe_read(struct pipe *pipe, uint32_t buffer, uint32_t length)
{
	uint32_t done = 0;

	while (length && pipe->read == pipe->written) {
		if (!pipe->writers)
			return 0;
		if (wait_in(&pipe->waiting))
			return -E_INTR;
	}
	while (done < length && pipe->read != pipe->written) {
		uint32_t part = piece(pipe->read, pipe->written - pipe->read, length - done);

		if (copy_out(buffer + done, pipe->bytes + pipe->read % PIPE_SIZE, part))
			return -E_FAULT;
		pipe->read += part;
		done += part;
	}
	wake_all(&pipe->waiting);
	return done;
}

static int pipe_write(struct pipe *pipe, uint32_t buffer, uint32_t length)
{
	uint32_t done = 0;

	while (done < length) {
		uint32_t part = piece(pipe->written, PIPE_SIZE - (pipe->written - pipe->read), length - done);

		if (!pipe->readers)
			return -E_PIPE;
		if (!part) {
			if (wait_in(&pipe->waiting))
				return -E_INTR;
			continue;
		}
		if (copy_in(pipe->bytes + pipe->written % PIPE_SIZE, buffer + done, part))
			return -E_FAULT;
		pipe->written += part;
		done += part;
		wake_all(&pipe->waiting);
	}
	return done;
}

static int console_copy(uint32_t buffer, uint32_t length)
{
	char bytes[128];

	for (uint32_t done = 0; done < length; done += sizeof bytes) {
		uint32_t part = length - done < sizeof bytes ? length - done : sizeof bytes;

		if (copy_in(bytes, buffer + done, part))
			return -E_FAULT;
		console_write(bytes, part);
	}
	return length;
}

/* The console has nothing to read: it is at its end from the start. */
int file_read(struct file *file, uint32_t buffer, uint32_t length)
{
	if (file->kind == FILE_PIPE_READ)
		return pipe_read(file->pipe, buffer, length);
	return file->kind == FILE_CONSOLE ? 0 : -E_BADF;
}

int file_write(struct file *file, uint32_t buffer, uint32_t length)
{
	if (file->kind == FILE_PIPE_WRITE)
		return pipe_write(file->pipe, buffer, length);
	return file->kind == FILE_CONSOLE ? console_copy(buffer, length) : -E_BADF;
}
