/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdarg.h>

#include "user.h"

int format(char *to, size_t size, const char *text, va_list values);

/* One write, so that the lines of several processes do not mix. */
void printf(const char *text, ...)
{
	char line[160];
	va_list values;

	va_start(values, text);
	write(1, line, format(line, sizeof line, text, values));
	va_end(values);
}

/* Runs body in a process of its own. Returns what wait says of it, or an error. */
int run(int (*body)(void))
{
	int status, pid = fork();

	if (pid < 0)
		return pid;
	if (!pid)
		exit(body());
	return wait(&status) == pid ? status : -E_CHILD;
}

int number(const char *digits)
{
	int value = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		value = value * 10 + *digits - '0';
	return value;
}

void exit(int status)
{
	for (;;)
		system_call(SYS_exit, P(status), 0, 0);
}
