/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_CHILD_H
#define TOOL_CHILD_H

enum child_end { CHILD_EXITED, CHILD_KILLED, CHILD_TIMED_OUT, CHILD_INTERRUPTED, CHILD_NOT_STARTED };

struct child {
	enum child_end end;
	int status;     /* exit status, signal, or errno of what could not be started */
	double seconds; /* how long it ran */
};

/*
 * Runs words[0] with words until it ends by itself, timeout seconds are over (0: never), or this process is
 * told to end. The child then is ended too; no other process is touched. It has this process's stdin if that is
 * a terminal that we own, or if use_stdin, and else an empty one. Always fills *child.
 */
void child_run(struct child *child, char **words, double timeout, int use_stdin);

#endif
