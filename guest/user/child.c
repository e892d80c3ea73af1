/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* For the tests of exec: "child status N" ends with status N, "child say FD TEXT" writes TEXT to FD. */
#include "user.h"

int main(int count, char **arguments)
{
	if (count == 2 && !strcmp(arguments[0], "status") && !arguments[2])
		return number(arguments[1]);
	if (count == 3 && !strcmp(arguments[0], "say"))
		return write(number(arguments[1]), arguments[2], strlen(arguments[2])) < 0;
	return 99;
}
