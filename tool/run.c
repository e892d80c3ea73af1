/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom run: starts a kernel in QEMU. qemu.c has the command line for that, child.c the process. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <vrom/patch.h>

#include "child.h"
#include "romfile.h"
#include "run.h"

#define KERNEL_LIMIT ((size_t)512 << 20)

/* What the guest writes to port f4h. QEMU's isa-debug-exit makes an exit status 2 * n + 1 of it. */
#define GUEST_PASSED 0x10
#define GUEST_FAILED 0x11
#define MONITOR_STOPPED 0x12 /* the monitor's own words there */
#define MONITOR_FAILED 0x13

#define EXIT_TIMEOUT 124
#define EXIT_INTERRUPTED 130

/* Whether the ROM is one that this kernel would use. 0, or EXIT_BAD after a complaint. */
static int check_rom(const struct run *run, enum image_kind kind)
{
	static struct verdicts verdicts;
	struct romfile rom;
	int status = romfile_open(&rom, run->rom, DEFAULT_ROM_AT);

	if (status == 0 && rom.status != VROM_OK) {
		status = fail(run->rom, "%s: see \"vrom show\"%s", vrom_strstatus(rom.status),
			      run->force ? "" : ", or use --force to try it all the same");
		if (run->force)
			status = 0;
	} else if (status == 0 && kind == IMAGE_LINUX) {
		/* Not our business to refuse: it boots natively then, and somebody may want to see it. */
		linux_judge(&rom, &verdicts);
		for (unsigned i = 0; i < verdicts.count; i++)
			if (verdicts.list[i].level == VERDICT_REFUSES)
				fail(run->rom, "Linux will not use it, and boot natively: %s", verdicts.list[i].text);
	}
	romfile_close(&rom);
	return status;
}

/* Whether QEMU can start it, and what it is. */
static int check_kernel(const struct run *run, const char *path, enum image_kind *kind)
{
	struct blob blob;
	int status = 0;

	if (read_file(path, KERNEL_LIMIT, &blob) != 0)
		return EXIT_BAD;
	if (image_recognise(path, &blob, kind) != 0 && !run->force)
		status = EXIT_BAD;
	free(blob.bytes);
	return status;
}

static int check_monitor(const struct run *run)
{
	enum image_kind kind;
	int status = check_kernel(run, run->monitor, &kind);

	if (status == 0 && kind != IMAGE_MULTIBOOT && !run->force)
		status = fail(run->monitor, "a Linux kernel and no monitor: name the monitor.elf that make builds");
	return status;
}

/* Before QEMU is started: are the files what they should be? */
static int check_files(const struct run *run, enum image_kind *kind)
{
	struct blob blob;
	int status = check_kernel(run, run->kernel, kind);

	if (status == 0 && run->monitor)
		status = check_monitor(run);
	if (status == 0 && run->rom)
		status = check_rom(run, *kind);
	if (status == 0 && run->initrd && *kind == IMAGE_LINUX) {
		status = read_file(run->initrd, KERNEL_LIMIT, &blob);
		if (status == 0)
			free(blob.bytes);
	}
	/* Rather now than when the guest has run. */
	if (status == 0 && run->json_file) {
		FILE *file = fopen(run->json_file, "a");

		if (!file || fclose(file) != 0)
			status = fail(run->json_file, "cannot be written: check the name");
	}
	return status;
}

/* What the end of QEMU means: a word for it, a sentence on stderr unless all is well, and the exit status. */
static int judge(const struct run *run, enum image_kind kind, const struct child *child, const char **word)
{
	unsigned guest = (unsigned)child->status >> 1;

	*word = "error";
	switch (child->end) {
	case CHILD_NOT_STARTED:
		if (child->status == ENOENT)
			return fail(run->qemu, "it is not installed: apt install qemu-system-x86");
		return fail(run->qemu, "it cannot be started (%s): check --qemu", strerror(child->status));
	case CHILD_TIMED_OUT:
		*word = "timeout";
		fail(run->kernel, "timed out after %g seconds and was ended: does it hang? --timeout gives it more",
		     run->timeout);
		return EXIT_TIMEOUT;
	case CHILD_INTERRUPTED:
		*word = "interrupted";
		fail(run->kernel, "interrupted");
		return EXIT_INTERRUPTED;
	case CHILD_KILLED:
		return fail(run->qemu, "it was ended by signal %d: is it short of memory?", child->status);
	case CHILD_EXITED:
		break;
	}
	if (child->status == 0) {
		*word = "ended";
		if (kind == IMAGE_LINUX) {
			fail(run->kernel, "the guest reset or powered off, which is how Linux ends: read its console "
			     "for how it went");
			return 0;
		}
		return fail(run->kernel, "the guest reset or powered off and did not say how it went: a fault with no "
			    "handler does that, or it does not write to port f4h");
	}
	if (child->status == 2 * GUEST_PASSED + 1) {
		*word = "passed";
		return 0;
	}
	if (run->monitor && child->status == 2 * MONITOR_STOPPED + 1) {
		*word = "stopped";
		return fail(run->kernel, "the monitor stopped the guest: it broke a rule, which the report on its console names");
	}
	if (run->monitor && child->status == 2 * MONITOR_FAILED + 1)
		return fail(run->kernel, "the monitor could not run the guest: read its last line on the console");
	*word = "failed";
	if (child->status == 2 * GUEST_FAILED + 1)
		return fail(run->kernel, "the guest says that it failed: read its console");
	if (child->status % 2 && child->status != 1)
		return fail(run->kernel, "the guest ended with the unknown value 0x%x: 0x10 is passed, 0x11 failed", guest);
	*word = "error";
	return fail(run->kernel, "QEMU ended with status %d: its message is above", child->status);
}

static int write_json(const struct run *run, const struct child *child, const char *word, int status)
{
	json_t *object = json_pack("{s:s*, s:s*, s:s, s:s?, s:s, s:s, s:i, s:f}", "kernel", run->kernel, "rom", run->rom,
				   "host", run->monitor ? "monitor" : "bare", "mode", run->mode, "accel", run->accel,
				   "result", word, "status", status, "seconds", child->seconds);

	if (!object)
		return fail("--json", "a file name is not UTF-8: rename it");
	if (child->end == CHILD_EXITED)
		json_object_set_new(object, "qemu_status", json_integer(child->status));
	if (child->end == CHILD_EXITED && child->status % 2)
		json_object_set_new(object, "guest_value", json_integer(child->status >> 1));
	if (run->json) {
		/* The guest's last line may have no end. */
		putchar('\n');
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
	}
	if (run->json_file && json_dump_file(object, run->json_file, JSON_COMPACT) != 0)
		status = fail(run->json_file, "cannot be written: check the name");
	json_decref(object);
	return status;
}

/* The monitor of the same build or installation as this command. NULL, after a complaint: it is not there. Free it. */
static char *find_monitor(void)
{
	static const char *const places[] = { "", "../share/vrom/" };
	char own[4096], *path;
	ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);

	if (length <= 0)
		length = 0;
	while (length > 0 && own[length - 1] != '/')
		length--;
	own[length] = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		path = allocate(strlen(own) + 40, 1);
		sprintf(path, "%s%smonitor.elf", own, places[i]);
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	fail("monitor.elf", "it is neither in %s nor in %s../share/vrom: build it with make, or name it with --monitor", own, own);
	return NULL;
}

enum { OPTION_ROM = 256, OPTION_ICOUNT, OPTION_ACCEL, OPTION_MEMORY, OPTION_TIMEOUT, OPTION_APPEND, OPTION_INITRD,
       OPTION_CPU, OPTION_QEMU, OPTION_JSON, OPTION_JSON_FILE, OPTION_STDIN, OPTION_FORCE, OPTION_DRY_RUN, OPTION_HOST,
       /* With --host monitor only. */
       OPTION_MONITOR, OPTION_MODE, OPTION_PATCH, OPTION_STATS, OPTION_RESTART, OPTION_TRUST };

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
	{ "host", required_argument, NULL, OPTION_HOST },
	{ "monitor", required_argument, NULL, OPTION_MONITOR },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "patch", required_argument, NULL, OPTION_PATCH },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "restart", optional_argument, NULL, OPTION_RESTART },
	{ "trust-devices", no_argument, NULL, OPTION_TRUST },
	{ NULL, 0, NULL, 0 },
};

/* A number of seconds. 0, or -1. */
static int parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end == text || *end || !(*seconds >= 0) || *seconds > 1e6 ? -1 : 0;
}

static int is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(text, *words) != 0)
		words++;
	return *words != NULL;
}

/* What of the options goes together. */
static int check_host(const struct run *run, const char *host, int monitor_option)
{
	static const char *const hosts[] = { "bare", "monitor", NULL }, *const modes[] = { "trap", "call", "four", "inline", NULL };
	static const char *const patchers[] = { "guest", "host", NULL };
	uint64_t count;

	if (!is_one_of(host, hosts))
		return misuse("run", "--host is bare or monitor");
	if (strcmp(host, "bare") == 0) {
		for (const struct option *option = long_options; option->name; option++)
			if (option->val == monitor_option)
				return misuse("run", "--%s is for --host monitor", option->name);
		return 0;
	}
	if (run->rom)
		return misuse("run", "--rom is not for --host monitor, which publishes a ROM of its own");
	if (run->mode && !is_one_of(run->mode, modes))
		return misuse("run", "--mode is trap, call, four or inline");
	if (run->patch && !is_one_of(run->patch, patchers))
		return misuse("run", "--patch is guest or host");
	if (run->restart && (parse_number(run->restart, 1000000000, &count) != 0 || run->restart[strspn(run->restart, "0123456789")]))
		return misuse("run", "--restart is how many more times to boot, up to 1000000000");
	return 0;
}

static int parse(int argc, char **argv, struct run *run, const char **host)
{
	int c, monitor_option = 0;

	*host = "bare";
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (c >= OPTION_MONITOR)
			monitor_option = c;
		switch (c) {
		case OPTION_ROM: run->rom = optarg; break;
		case OPTION_ICOUNT: run->icount = 1; break;
		case OPTION_ACCEL: run->accel = optarg; break;
		case OPTION_MEMORY:
			if (parse_number(optarg, 4096, &run->memory) != 0 || run->memory == 0)
				return misuse("run", "--memory is a number of megabytes from 1 to 4096");
			break;
		case OPTION_TIMEOUT:
			if (parse_seconds(optarg, &run->timeout) != 0)
				return misuse("run", "--timeout is a number of seconds up to 1000000, or 0 for no limit");
			break;
		case OPTION_APPEND: run->append = optarg; break;
		case OPTION_INITRD: run->initrd = optarg; break;
		case OPTION_CPU: run->cpu = optarg; break;
		case OPTION_QEMU: run->qemu = optarg; break;
		case OPTION_JSON: run->json = 1; break;
		case OPTION_JSON_FILE: run->json_file = optarg; break;
		case OPTION_STDIN: run->use_stdin = 1; break;
		case OPTION_FORCE: run->force = 1; break;
		case OPTION_DRY_RUN: run->dry_run = 1; break;
		case OPTION_HOST: *host = optarg; break;
		case OPTION_MONITOR: run->monitor = optarg; break;
		case OPTION_MODE: run->mode = optarg; break;
		case OPTION_PATCH: run->patch = optarg; break;
		case OPTION_STATS: run->stats = 1; break;
		case OPTION_RESTART: run->restart = optarg ? optarg : "1"; break;
		case OPTION_TRUST: run->trust = 1; break;
		default: return misuse_option("run", argv, c);
		}
	}
	if (argc - optind != 1)
		return misuse("run", argc == optind ? "name a kernel" : "one kernel, and QEMU's own options after --");
	run->kernel = argv[optind];
	return check_host(run, *host, monitor_option);
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .accel = "tcg", .qemu = "qemu-system-i386", .memory = 128, .timeout = 60 };
	struct command command = { NULL, 0, 0 };
	const char *host, *word;
	enum image_kind kind;
	struct child child;
	char *found = NULL;
	int ours, status;

	/* What follows -- is QEMU's. */
	for (ours = 1; ours < argc && strcmp(argv[ours], "--") != 0; ours++)
		;
	status = parse(ours, argv, &run, &host);
	if (status == 0 && strcmp(host, "monitor") == 0) {
		if (!run.mode)
			run.mode = "inline";
		if (!run.monitor)
			run.monitor = found = find_monitor();
		if (!run.monitor)
			status = EXIT_BAD;
	}
	if (status == 0)
		status = check_files(&run, &kind);
	if (status == 0)
		status = command_make(&command, &run, kind, ours < argc ? argv + ours + 1 : argv + argc);
	if (status == 0 && run.dry_run) {
		command_print(&command);
	} else if (status == 0) {
		fflush(stdout);
		child_run(&child, command.words, run.timeout, run.use_stdin);
		status = judge(&run, kind, &child, &word);
		if (run.json || run.json_file)
			status = write_json(&run, &child, word, status);
	}
	command_free(&command);
	free(found);
	return status;
}
