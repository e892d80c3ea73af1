/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The command line for QEMU. On bare hardware the kernel is what QEMU starts. On the monitor that is the monitor, the
 * kernel is its first module, and an initial RAM disk its second.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* What the monitor has room for: a module's name and its arguments. */
#define MODULE_LINE 254

static void add(struct command *command, const char *word)
{
	if (command->count + 1 >= command->room) {
		size_t room = command->room * 2 + 32;
		char **words = allocate(room, sizeof *words);

		if (command->count)
			memcpy(words, command->words, command->count * sizeof *words);
		free(command->words);
		command->words = words;
		command->room = room;
	}
	command->words[command->count] = strdup(word);
	if (!command->words[command->count++])
		exit(fail("memory", "there is none left: close something else"));
}

static void add_pair(struct command *command, const char *option, const char *value)
{
	add(command, option);
	add(command, value);
}

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		exit(fail("memory", "there is none left: close something else"));
	va_end(arguments);
	return text;
}

/* A text where QEMU takes a comma for the end of it, unless there are two. */
static char *doubled(const char *text)
{
	char *result = allocate(2 * strlen(text) + 1, 1), *to = result;

	for (; *text; text++) {
		if (*text == ',')
			*to++ = ',';
		*to++ = *text;
	}
	return result;
}

static void add_doubled(struct command *command, const char *option, const char *text)
{
	char *value = doubled(text);

	add_pair(command, option, value);
	free(value);
}

/* The guest's command line, or NULL. A Linux guest is to be heard. */
static char *guest_line(const struct run *run, enum image_kind kind)
{
	if (kind == IMAGE_LINUX && !(run->append && strstr(run->append, "console=")))
		return text_of("%s%sconsole=ttyS0", run->append ? run->append : "", run->append && *run->append ? " " : "");
	return run->append ? text_of("%s", run->append) : NULL;
}

static void add_kernel(struct command *command, const struct run *run, enum image_kind kind, const char *line)
{
	add_pair(command, "-kernel", run->kernel);
	if (run->initrd) {
		/* With multiboot it is a list of modules. */
		if (kind == IMAGE_MULTIBOOT)
			add_doubled(command, "-initrd", run->initrd);
		else
			add_pair(command, "-initrd", run->initrd);
	}
	if (line)
		add_pair(command, "-append", line);
}

/* Names that QEMU and the monitor would take for something else. Arguments may follow the name of a multiboot kernel's
 * module. */
static int check_names(const struct run *run, enum image_kind kind, const char *module)
{
	const char *names[] = { run->monitor, run->kernel, kind == IMAGE_LINUX ? run->initrd : NULL };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i] && strchr(names[i], ' '))
			return fail(names[i], "a file name ends at a space where the monitor is told it: make a symbolic link "
				    "without one");
	if (strlen(module) > MODULE_LINE || (run->initrd && strlen(run->initrd) > MODULE_LINE))
		return fail(run->kernel, "a file name and its arguments are longer than the %d characters that the monitor has "
			    "room for: shorten --append", MODULE_LINE);
	return 0;
}

static int add_monitor(struct command *command, const struct run *run, enum image_kind kind, const char *line)
{
	char *module = text_of("%s%s%s", run->kernel, line && *line ? " " : "", line ? line : "");
	int status = check_names(run, kind, module);
	char *modules = doubled(module), *initrd = run->initrd ? doubled(run->initrd) : NULL;
	char *all = text_of("%s%s%s", modules, initrd ? "," : "", initrd ? initrd : "");
	char *options = text_of("mode=%s%s%s%s%s%s%s", run->mode, run->patch ? " patch=" : "",
				run->patch ? run->patch : "", run->restart ? " restart=" : "",
				run->restart ? run->restart : "", run->stats ? " stats" : "",
				run->trust ? " trust=devices" : "");

	add_pair(command, "-kernel", run->monitor);
	add_pair(command, "-append", options);
	add_pair(command, "-initrd", all);
	free(module);
	free(modules);
	free(initrd);
	free(all);
	free(options);
	return status;
}

int command_make(struct command *command, const struct run *run, enum image_kind kind, char **more)
{
	char *memory = text_of("%llu", (unsigned long long)run->memory), *line = guest_line(run, kind);
	int status = 0;

	add(command, run->qemu);
	/* No default devices: a network card's ROM would take room where ours is to lie, and a disk drive's
	 * absence would cost time. */
	add(command, "-nodefaults");
	add(command, "-no-reboot");
	add_pair(command, "-accel", run->accel);
	add_pair(command, "-m", memory);
	if (run->cpu)
		add_pair(command, "-cpu", run->cpu);
	if (run->icount)
		add_pair(command, "-icount", "shift=0");
	add_pair(command, "-display", "none");
	/* A text screen is part of every PC that a guest may expect, a Linux kernel among them. */
	add_pair(command, "-vga", "std");
	add_pair(command, "-serial", "stdio");
	add_pair(command, "-device", "isa-debug-exit,iobase=0xf4,iosize=4");
	if (run->rom)
		add_doubled(command, "-option-rom", run->rom);
	if (run->monitor)
		status = add_monitor(command, run, kind, line);
	else
		add_kernel(command, run, kind, line);
	for (; *more; more++)
		add(command, *more);
	command->words[command->count] = NULL;
	free(memory);
	free(line);
	return status;
}

void command_print(const struct command *command)
{
	for (size_t i = 0; i < command->count; i++) {
		const char *word = command->words[i];

		if (i)
			putchar(' ');
		if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,+:%@") ==
				     strlen(word)) {
			fputs(word, stdout);
			continue;
		}
		putchar('\'');
		for (; *word; word++)
			fputs(*word == '\'' ? "'\\''" : (char[]){ *word, 0 }, stdout);
		putchar('\'');
	}
	putchar('\n');
}

void command_free(struct command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->words[i]);
	free(command->words);
}
