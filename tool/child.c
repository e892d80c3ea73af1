/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One child process with a time limit. It may be killed at any moment, and the terminal is left as it was. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

/* How long a child that was asked to end may take before it is killed. */
#define GRACE_SECONDS 2.0

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* QEMU sets the terminal to raw mode and descriptors to non-blocking; if it is killed, nobody sets them back. */
struct terminal {
	struct termios modes;
	int is_one, flags[3];
};

static void save_terminal(struct terminal *terminal)
{
	terminal->is_one = tcgetattr(0, &terminal->modes) == 0 && tcgetpgrp(0) == getpgrp();
	for (int i = 0; i < 3; i++)
		terminal->flags[i] = fcntl(i, F_GETFL);
}

static void restore_terminal(const struct terminal *terminal)
{
	if (terminal->is_one)
		tcsetattr(0, TCSADRAIN, &terminal->modes);
	for (int i = 0; i < 3; i++)
		if (terminal->flags[i] >= 0)
			fcntl(i, F_SETFL, terminal->flags[i]);
}

/* In the child. report gets errno if nothing could be started. */
static void start(char **words, int keep_stdin, const sigset_t *mask, pid_t parent, int report)
{
	int error;

	/* Should we be killed, the child goes too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (!keep_stdin) {
		int empty = open("/dev/null", O_RDONLY);

		if (empty > 0) {
			dup2(empty, 0);
			close(empty);
		}
	}
	execvp(words[0], words);
	error = errno;
	while (write(report, &error, sizeof error) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* Waits for the child, for a signal to us, or for the time to be over (until 0: never). The signal, or 0. */
static int wait_for(const sigset_t *signals, double until)
{
	for (;;) {
		double left = until - now();
		struct timespec time;
		int caught;

		if (until != 0 && left <= 0)
			return 0;
		if (until == 0)
			left = 3600;
		time.tv_sec = (time_t)left;
		time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
		caught = sigtimedwait(signals, NULL, &time);
		if (caught > 0)
			return caught;
	}
}

/* Asks the child to end, and makes it end. */
static void stop(pid_t pid, const sigset_t *signals, int *status)
{
	double until = now() + GRACE_SECONDS;

	kill(pid, SIGTERM);
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (wait_for(signals, until) == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, status, 0);
			return;
		}
	}
}

void child_run(struct child *child, char **words, double timeout, int use_stdin)
{
	struct terminal terminal;
	sigset_t signals, mask;
	int report[2], error, caught, status = 0;
	double began = now();
	pid_t parent = getpid(), pid;

	*child = (struct child){ CHILD_EXITED, 0, 0 };
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	save_terminal(&terminal);
	if (pipe2(report, O_CLOEXEC) != 0) {
		*child = (struct child){ CHILD_NOT_STARTED, errno, 0 };
		goto out;
	}
	pid = fork();
	if (pid < 0) {
		*child = (struct child){ CHILD_NOT_STARTED, errno, 0 };
		close(report[0]);
		close(report[1]);
		goto out;
	}
	if (pid == 0)
		start(words, use_stdin || terminal.is_one, &mask, parent, report[1]);
	close(report[1]);
	if (read(report[0], &error, sizeof error) == sizeof error) {
		*child = (struct child){ CHILD_NOT_STARTED, error, 0 };
		waitpid(pid, &status, 0);
		close(report[0]);
		goto out;
	}
	close(report[0]);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		caught = wait_for(&signals, timeout != 0 ? began + timeout : 0);
		if (caught == SIGCHLD)
			continue;
		/* The child may have ended in the same moment: then that counts. */
		if (caught == 0 && waitpid(pid, &status, WNOHANG) != 0)
			break;
		child->end = caught ? CHILD_INTERRUPTED : CHILD_TIMED_OUT;
		stop(pid, &signals, &status);
		break;
	}
	child->seconds = now() - began;
	/* Ctrl-C at the terminal goes to both, and the child may have been quicker. */
	while ((caught = sigtimedwait(&signals, NULL, &(struct timespec){ 0, 0 })) > 0)
		if (caught != SIGCHLD && child->end == CHILD_EXITED)
			child->end = CHILD_INTERRUPTED;
	if (child->end == CHILD_EXITED) {
		if (WIFSIGNALED(status))
			child->end = CHILD_KILLED;
		child->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	}
out:
	restore_terminal(&terminal);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}
