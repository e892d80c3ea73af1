/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The vrom command: which subcommand it is, and the help. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *what, *options;
} subcommands[] = {
	{ "build", cmd_build, "[OPTIONS] -o ROM ELF", "make a ROM of a linked ELF file", NULL },
	{ "show", cmd_show, "ROM [--json]", "explain a ROM, and what a guest would say to it",
	  "  --json          the same for a program\n"
	  "  --rom-at ADDR   where the guest sees the ROM (default 0xC00D0000)\n"
	  "Exit status: 0 if the vrom library accepts the ROM, else 1.\n" },
	{ "sites", cmd_sites, "KERNEL [--summary] [--json]", "list a kernel's call sites",
	  "  --summary       only the totals\n"
	  "  --json          the same for a program\n" },
	{ "check", cmd_check, "KERNEL [ROM] [OPTIONS]", "find what would go wrong under a hypervisor",
	  "  --exempt NAME   a section or a function that runs on bare hardware only; may be repeated\n"
	  "                  (.text.early always is)\n"
	  "  --notes         list what is worth a look as well, not only what must be changed\n"
	  "  --summary       only the totals\n"
	  "  --rom-at ADDR   where the guest sees the ROM (default 0xC00D0000)\n"
	  "  --json          the same for a program\n"
	  "Exit status: 0 only if all is well.\n" },
	{ "patch", cmd_patch, "KERNEL ROM -o OUT [OPTIONS]", "patch a kernel's file for a ROM, before it ever runs",
	  "  -o, --output FILE    the patched kernel\n"
	  "  --rom-at ADDR        where the kernel will see the ROM (default 0xC00D0000)\n"
	  "  --bios-memory KIB    the memory at 0 that the BIOS has to give when it calls the ROM (default 639);\n"
	  "                       0: no BIOS calls it\n"
	  "The kernel stops where that ROM is not at that address. It must have a note: vrom/note.h.\n" },
	{ "run", cmd_run, "KERNEL [OPTIONS] [-- QEMU-OPTIONS]", "start a kernel in QEMU: bare, with a ROM, on the monitor",
	  "  --rom FILE      publish this ROM          --force          though it is bad\n"
	  "  --append TEXT   the command line          --initrd FILE    the initial RAM disk\n"
	  "  --memory MB     default 128               --cpu MODEL      default: QEMU's\n"
	  "  --accel NAME    default tcg               --icount         count instructions\n"
	  "  --timeout S     default 60, 0: none       --stdin          to the console, if no terminal\n"
	  "  --qemu PATH     default qemu-system-i386  --dry-run        print the command, do not run it\n"
	  "  --host HOST     bare, the default, or monitor: on our hypervisor, with\n"
	  "    --mode MODE     trap: publish no ROM; call: a ROM to call; inline: with code in line (default)\n"
	  "    --patch WHO     guest: it patches itself (default); host: the monitor does, before it starts\n"
	  "    --stats         at the end, what the monitor was entered for, and for how long\n"
	  "    --restart[=N]   boot the guest again when it has ended, N more times (default 1)\n"
	  "    --trust-devices give the guest all devices, DMA included\n"
	  "    --monitor FILE  default: monitor.elf beside this command, or in ../share/vrom\n"
	  "  --json          after the run, a JSON object as the last line of stdout, after the guest's\n"
	  "  --json-file F   the same into a file\n"
	  "Exit status: 0 passed, 1 failed, 124 out of time, 130 interrupted. A guest ends with a byte to port\n"
	  "f4h: 10h passed, 11h failed. The monitor does too: 12h it stopped the guest, 13h it could not run it.\n"
	  "A Linux guest that resets or powers off has passed.\n" },
};
#define SUBCOMMANDS (sizeof subcommands / sizeof subcommands[0])

static const struct subcommand *find(const char *name)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static void help(FILE *out)
{
	fputs("usage: vrom COMMAND ...\n\n", out);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(out, "  vrom %-6s %-36s %s\n", subcommands[i].name, subcommands[i].arguments, subcommands[i].what);
	fputs("  vrom help [COMMAND]\n  vrom --version\n", out);
}

static int cmd_help(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2) {
		help(stdout);
		return 0;
	}
	subcommand = find(argv[1]);
	if (!subcommand) {
		fail("help", "there is no such command: see \"vrom help\"");
		return EXIT_USAGE;
	}
	/* It has a help of its own. */
	if (!subcommand->options)
		return subcommand->run(2, (char *[]){ argv[1], (char[]){ "--help" }, NULL });
	printf("usage: vrom %s %s\n%s.\n\n%s", subcommand->name, subcommand->arguments, subcommand->what,
	       subcommand->options);
	return 0;
}

/* A full disk or a closed pipe must not look like success. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fail("standard output", "not everything could be written: is the disk full?");
	return status ? status : EXIT_BAD;
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("vrom " VROM_TOOL_VERSION);
		return finish(0);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return finish(cmd_help(argc - 1, argv + 1));
	subcommand = find(argv[1]);
	if (!subcommand) {
		fprintf(stderr, "vrom: there is no such command: see \"vrom help\"\n");
		return EXIT_USAGE;
	}
	if (argc > 2 && strcmp(argv[2], "--help") == 0)
		return finish(cmd_help(2, argv));
	return finish(subcommand->run(argc - 1, argv + 1));
}
