/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom run: starts a kernel in QEMU. child.c has the process; here is what it is started with. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <vrom/patch.h>

#include "child.h"
#include "image.h"
#include "romfile.h"

#define KERNEL_LIMIT ((size_t)512 << 20)

/* What the guest writes to port f4h. QEMU's isa-debug-exit makes an exit status 2 * n + 1 of it. */
#define GUEST_PASSED 0x10
#define GUEST_FAILED 0x11

#define EXIT_TIMEOUT 124
#define EXIT_INTERRUPTED 130

struct options {
	const char *kernel, *rom, *append, *initrd, *cpu, *accel, *qemu, *json_file;
	uint64_t memory;
	double timeout;
	int icount, json, use_stdin, force, dry_run;
};

/* The command line for QEMU. */
struct command {
	char **words;
	size_t count, room;
};

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

/* A file name where QEMU takes a comma for the end of it, unless there are two. */
static void add_name(struct command *command, const char *option, const char *name)
{
	char *doubled = allocate(2 * strlen(name) + 1, 1), *to = doubled;

	for (; *name; name++) {
		if (*name == ',')
			*to++ = ',';
		*to++ = *name;
	}
	add_pair(command, option, doubled);
	free(doubled);
}

static void free_command(struct command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->words[i]);
	free(command->words);
}

static void make_command(struct command *command, const struct options *options, enum image_kind kind, char **more)
{
	char memory[24];

	snprintf(memory, sizeof memory, "%llu", (unsigned long long)options->memory);
	add(command, options->qemu);
	/* No default devices: a network card's ROM would take room where ours is to lie, and a disk drive's
	 * absence would cost time. */
	add(command, "-nodefaults");
	add(command, "-no-reboot");
	add_pair(command, "-accel", options->accel);
	add_pair(command, "-m", memory);
	if (options->cpu)
		add_pair(command, "-cpu", options->cpu);
	if (options->icount)
		add_pair(command, "-icount", "shift=0");
	add_pair(command, "-display", "none");
	/* A text screen is part of every PC that a guest may expect, a Linux kernel among them. */
	add_pair(command, "-vga", "std");
	add_pair(command, "-serial", "stdio");
	add_pair(command, "-device", "isa-debug-exit,iobase=0xf4,iosize=4");
	if (options->rom)
		add_name(command, "-option-rom", options->rom);
	add_pair(command, "-kernel", options->kernel);
	if (options->initrd) {
		/* With multiboot it is a list of modules. */
		if (kind == IMAGE_MULTIBOOT)
			add_name(command, "-initrd", options->initrd);
		else
			add_pair(command, "-initrd", options->initrd);
	}
	if (kind == IMAGE_LINUX && !(options->append && strstr(options->append, "console="))) {
		const char *given = options->append ? options->append : "";
		size_t size = strlen(given) + sizeof " console=ttyS0";
		char *append = allocate(size, 1);

		snprintf(append, size, "%s%sconsole=ttyS0", given, *given ? " " : "");
		add_pair(command, "-append", append);
		free(append);
	} else if (options->append) {
		add_pair(command, "-append", options->append);
	}
	for (; *more; more++)
		add(command, *more);
	command->words[command->count] = NULL;
}

static void print_command(const struct command *command)
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

/* Whether the ROM is one that this kernel would use. 0, or EXIT_BAD after a complaint. */
static int check_rom(const struct options *options, enum image_kind kind)
{
	static struct verdicts verdicts;
	struct romfile rom;
	int status = romfile_open(&rom, options->rom, DEFAULT_ROM_AT);

	if (status == 0 && rom.status != VROM_OK) {
		status = fail(options->rom, "%s: see \"vrom show\"%s", vrom_strstatus(rom.status),
			      options->force ? "" : ", or use --force to try it all the same");
		if (options->force)
			status = 0;
	} else if (status == 0 && kind == IMAGE_LINUX) {
		/* Not our business to refuse: it boots natively then, and somebody may want to see it. */
		linux_judge(&rom, &verdicts);
		for (unsigned i = 0; i < verdicts.count; i++)
			if (verdicts.list[i].level == VERDICT_REFUSES)
				fail(options->rom, "Linux will not use it, and boot natively: %s", verdicts.list[i].text);
	}
	romfile_close(&rom);
	return status;
}

/* Before QEMU is started: are the files what they should be? */
static int check_files(const struct options *options, enum image_kind *kind)
{
	struct blob blob;
	int status = 0;

	if (read_file(options->kernel, KERNEL_LIMIT, &blob) != 0)
		return EXIT_BAD;
	if (image_recognise(options->kernel, &blob, kind) != 0 && !options->force)
		status = EXIT_BAD;
	free(blob.bytes);
	if (status == 0 && options->rom)
		status = check_rom(options, *kind);
	if (status == 0 && options->initrd && *kind == IMAGE_LINUX) {
		status = read_file(options->initrd, KERNEL_LIMIT, &blob);
		if (status == 0)
			free(blob.bytes);
	}
	/* Rather now than when the guest has run. */
	if (status == 0 && options->json_file) {
		FILE *file = fopen(options->json_file, "a");

		if (!file || fclose(file) != 0)
			status = fail(options->json_file, "cannot be written: check the name");
	}
	return status;
}

/* What the end of QEMU means: a word for it, a sentence on stderr unless all is well, and the exit status. */
static int judge(const struct options *options, enum image_kind kind, const struct child *child, const char **word)
{
	unsigned guest = (unsigned)child->status >> 1;

	*word = "error";
	switch (child->end) {
	case CHILD_NOT_STARTED:
		if (child->status == ENOENT)
			return fail(options->qemu, "it is not installed: apt install qemu-system-x86");
		return fail(options->qemu, "it cannot be started (%s): check --qemu", strerror(child->status));
	case CHILD_TIMED_OUT:
		*word = "timeout";
		fail(options->kernel, "timed out after %g seconds and was ended: does it hang? --timeout gives it more",
		     options->timeout);
		return EXIT_TIMEOUT;
	case CHILD_INTERRUPTED:
		*word = "interrupted";
		fail(options->kernel, "interrupted");
		return EXIT_INTERRUPTED;
	case CHILD_KILLED:
		return fail(options->qemu, "it was ended by signal %d: is it short of memory?", child->status);
	case CHILD_EXITED:
		break;
	}
	if (child->status == 0) {
		*word = "ended";
		if (kind == IMAGE_LINUX) {
			fail(options->kernel, "the guest reset or powered off, which is how Linux ends: read its console "
			     "for how it went");
			return 0;
		}
		return fail(options->kernel, "the guest reset or powered off and did not say how it went: a fault with no "
			    "handler does that, or it does not write to port f4h");
	}
	if (child->status == 2 * GUEST_PASSED + 1) {
		*word = "passed";
		return 0;
	}
	*word = "failed";
	if (child->status == 2 * GUEST_FAILED + 1)
		return fail(options->kernel, "the guest says that it failed: read its console");
	if (child->status % 2 && child->status != 1)
		return fail(options->kernel, "the guest ended with the unknown value 0x%x: 0x10 is passed, 0x11 failed", guest);
	*word = "error";
	return fail(options->kernel, "QEMU ended with status %d: its message is above", child->status);
}

static int write_json(const struct options *options, const struct child *child, const char *word, int status)
{
	json_t *object = json_pack("{s:s*, s:s*, s:s, s:s, s:i, s:f}", "kernel", options->kernel, "rom", options->rom,
				   "accel", options->accel, "result", word, "status", status, "seconds", child->seconds);

	if (!object)
		return fail("--json", "a file name is not UTF-8: rename it");
	if (child->end == CHILD_EXITED)
		json_object_set_new(object, "qemu_status", json_integer(child->status));
	if (child->end == CHILD_EXITED && child->status % 2)
		json_object_set_new(object, "guest_value", json_integer(child->status >> 1));
	if (options->json) {
		/* The guest's last line may have no end. */
		putchar('\n');
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
	}
	if (options->json_file && json_dump_file(object, options->json_file, JSON_COMPACT) != 0)
		status = fail(options->json_file, "cannot be written: check the name");
	json_decref(object);
	return status;
}

enum { OPTION_ROM = 256, OPTION_ICOUNT, OPTION_ACCEL, OPTION_MEMORY, OPTION_TIMEOUT, OPTION_APPEND, OPTION_INITRD,
       OPTION_CPU, OPTION_QEMU, OPTION_JSON, OPTION_JSON_FILE, OPTION_STDIN, OPTION_FORCE, OPTION_DRY_RUN };

static const struct option long_options[] = {
	{ "rom", required_argument, NULL, OPTION_ROM },
	{ "icount", no_argument, NULL, OPTION_ICOUNT },
	{ "accel", required_argument, NULL, OPTION_ACCEL },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "append", required_argument, NULL, OPTION_APPEND },
	{ "initrd", required_argument, NULL, OPTION_INITRD },
	{ "cpu", required_argument, NULL, OPTION_CPU },
	{ "qemu", required_argument, NULL, OPTION_QEMU },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "json-file", required_argument, NULL, OPTION_JSON_FILE },
	{ "stdin", no_argument, NULL, OPTION_STDIN },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ NULL, 0, NULL, 0 },
};

/* A number of seconds. 0, or -1. */
static int parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end == text || *end || !(*seconds >= 0) || *seconds > 1e6 ? -1 : 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (c) {
		case OPTION_ROM: options->rom = optarg; break;
		case OPTION_ICOUNT: options->icount = 1; break;
		case OPTION_ACCEL: options->accel = optarg; break;
		case OPTION_MEMORY:
			if (parse_number(optarg, 4096, &options->memory) != 0 || options->memory == 0)
				return misuse("run", "--memory is a number of megabytes from 1 to 4096");
			break;
		case OPTION_TIMEOUT:
			if (parse_seconds(optarg, &options->timeout) != 0)
				return misuse("run", "--timeout is a number of seconds up to 1000000, or 0 for no limit");
			break;
		case OPTION_APPEND: options->append = optarg; break;
		case OPTION_INITRD: options->initrd = optarg; break;
		case OPTION_CPU: options->cpu = optarg; break;
		case OPTION_QEMU: options->qemu = optarg; break;
		case OPTION_JSON: options->json = 1; break;
		case OPTION_JSON_FILE: options->json_file = optarg; break;
		case OPTION_STDIN: options->use_stdin = 1; break;
		case OPTION_FORCE: options->force = 1; break;
		case OPTION_DRY_RUN: options->dry_run = 1; break;
		default: return misuse_option("run", argv, c);
		}
	if (argc - optind != 1)
		return misuse("run", argc == optind ? "name a kernel" : "one kernel, and QEMU's own options after --");
	options->kernel = argv[optind];
	return 0;
}

int cmd_run(int argc, char **argv)
{
	struct options options = { .accel = "tcg", .qemu = "qemu-system-i386", .memory = 128, .timeout = 60 };
	struct command command = { NULL, 0, 0 };
	enum image_kind kind;
	const char *word;
	struct child child;
	int ours, status;

	/* What follows -- is QEMU's. */
	for (ours = 1; ours < argc && strcmp(argv[ours], "--") != 0; ours++)
		;
	status = parse(ours, argv, &options);
	if (status == 0)
		status = check_files(&options, &kind);
	if (status != 0)
		return status;
	make_command(&command, &options, kind, ours < argc ? argv + ours + 1 : argv + argc);
	if (options.dry_run) {
		print_command(&command);
	} else {
		fflush(stdout);
		child_run(&child, command.words, options.timeout, options.use_stdin);
		status = judge(&options, kind, &child, &word);
		if (options.json || options.json_file)
			status = write_json(&options, &child, word, status);
	}
	free_command(&command);
	return status;
}
