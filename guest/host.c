/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The host: whatever published a ROM, or bare hardware. Here the kernel finds a ROM and rewrites its call sites to reach it,
 * or learns that somebody has done that before it ran, and at the end compares what a counting ROM saw with what the kernel knows it did.
 */
#include <vrom/note.h>

#include "kernel.h"

#define MASK_PAIRS 1000

/* Where whoever patches from outside finds the call sites. */
VROM_NOTE(text_start, text_end);

static const struct vrom_table sites = VROM_KERNEL_TABLE(text_start, text_end);
static struct vrom_rom rom; /* rom.header is NULL if there is none in use */
static struct {
	uint32_t sites, kept, called, jumped, erased, inlined;
} counts;
/* A plan and a note have them by the same names. */
#define TAKE_COUNTS(from) \
	(counts.sites = (from).sites, counts.kept = (from).kept, counts.called = (from).called, \
	 counts.jumped = (from).jumped, counts.erased = (from).erased, counts.inlined = (from).inlined)
bool host_adopted;

/* ---- A ROM that the kernel finds ---- */

static const char *rom_string(uint32_t offset)
{
	return offset ? (const char *)rom.header + offset : "?";
}

static void print_rom(void)
{
	printf("host: ROM at %08x, %u bytes, VMI %u.%u, licence \"%s\"\n", physical(rom.header), rom.size,
	       rom.header->api_major, rom.header->api_minor, rom.licence);
	if (rom.pnp)
		printf("host: \"%s\" by \"%s\"\n", rom_string(rom.pnp->product_offs),
		       rom_string(rom.pnp->manufacturer_offs));
	if (rom.pci)
		printf("host: PCI %04x:%04x, version %u.%u\n", rom.pci->vendor, rom.pci->device, rom.pci->rom_major,
		       rom.pci->rom_minor);
}

static bool claims_kernel(void)
{
	return rom.header->virtual_top && rom.header->virtual_top < KERNEL_BASE + MEMORY_MAX;
}

#ifndef GUEST_NO_PATCHER
#define MOST_SITES 2000

static unsigned char plan_memory[VROM_PLAN_MEMORY(MOST_SITES)];
static struct vrom_plan plan;

static void find_and_attach(void)
{
	struct vrom_error error;
	enum vrom_status status = VROM_NO_ROM;

	if (vrom_count(&sites))
		status = vrom_find(at_physical(VMI_ROM_AREA), VMI_ROM_AREA_SIZE, &rom, &error);
	if (status == VROM_OK) {
		print_rom();
		if (claims_kernel()) {
			printf("host: it claims memory from %08x on, where the kernel is: not used\n",
			       rom.header->virtual_top);
			rom.header = NULL;
		}
	} else if (status != VROM_NO_ROM) {
		printf("host: no ROM to use: %s\n", vrom_strstatus(status));
	}
	if (status == VROM_OK && rom.header) {
		status = vrom_attach(&plan, &rom, &sites, 1, plan_memory, sizeof plan_memory, &error);
		if (status != VROM_OK) {
			printf("host: not patched: %s", vrom_strstatus(error.reason));
			if (error.index != VROM_NO_INDEX)
				printf(" (site %u at %08x, call %u)", error.index, (uint32_t)error.address, error.call);
			printf("\n");
			rom.header = NULL;
		}
		if (status == VROM_STRANDED)
			panic(NULL, "the host was entered and cannot be used");
	}
	if (rom.header) {
		TAKE_COUNTS(plan);
	}
}

unsigned host_choice(uint32_t n)
{
	return rom.header ? vrom_choice(&plan, n) : VROM_KEEP;
}
#else
static void find_and_attach(void)
{
}

unsigned host_choice(uint32_t n)
{
	(void)n;
	return VROM_KEEP;
}
#endif

/* ---- A ROM for which somebody else has patched the kernel: vrom/note.h ---- */

/* Without a call site: these may be calls into nothing. */
__attribute__((noreturn, format(printf, 1, 2))) static void stop_early(const char *text, ...)
{
	void (*say)(const char *) = (void (*)(const char *))at_physical((uint32_t)early_stop);
	char line[200];
	va_list values;

	va_start(values, text);
	format(line, sizeof line, text, values);
	va_end(values);
	say(line);
	__builtin_unreachable();
}

void host_adopt(void)
{
	struct vrom_error error;
	enum vrom_status status = vrom_adopt(&vrom_note, at_physical(VMI_ROM_AREA), VMI_ROM_AREA_SIZE, &rom, &error);

	if (status == VROM_STATE)
		return;
	if (status != VROM_OK)
		stop_early("host: %08x: %s%s%s\n", vrom_note.rom, vrom_strstatus(status),
			   error.reason == status ? "" : ": there, ", error.reason == status ? "" : vrom_strstatus(error.reason));
	if (claims_kernel())
		stop_early("host: the ROM claims memory from %08x on, where the kernel is\n", rom.header->virtual_top);
	host_adopted = true;
	TAKE_COUNTS(vrom_note);
}

/* What became of the sites, for people, then for programs. */
static void print_result(void)
{
	uint32_t count = vrom_count(&sites);

	if (!rom.header)
		counts.sites = counts.kept = count;
	if (!count)
		printf("host: this kernel is built without call sites\n");
	else if (!rom.header)
		printf("host: native, all %u call sites stay as they were built\n", count);
	else
		printf("host: patched%s, of %u call sites %u stay native because the ROM wants them so\n",
		       !host_adopted ? "" : vrom_note.patched == VROM_BY_HOST ? " by the host" : " by a tool", count,
		       counts.kept);
	printf("vrom: sites=%u native=%u called=%u jumped=%u erased=%u inlined=%u\n", counts.sites, counts.kept,
	       counts.called, counts.jumped, counts.erased, counts.inlined);
}

void host_attach(void)
{
	if (host_adopted)
		print_rom();
	else
		find_and_attach();
	print_result();
	vmi_set_linear_mapping(0, (void *)KERNEL_BASE, MEMORY_MAX / PAGE_SIZE, 0);
}

/* FNV-1a of 64 bits: the same text has the same, whoever patched it. */
void host_print_text(void)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (const char *byte = text_start; byte < text_end; byte++)
		sum = (sum ^ (uint8_t)*byte) * 0x100000001b3;
	printf("vrom: text=%016llx\n", sum);
}

/* ---- The counters of a counting ROM ---- */

static const volatile uint32_t *find_counters(void)
{
	const struct vrom_extension *extension = rom.header ? rom.extension : NULL;

	if (!extension || !extension->counters || extension->counter_count < VMI_CALL_COUNT ||
	    extension->counters > MEMORY_MAX - VMI_CALL_COUNT * sizeof(uint32_t))
		return NULL;
	return at_physical(extension->counters);
}

static void check_count(const char *name, const volatile uint32_t *counted, uint32_t did_it)
{
	if (!counted)
		check_skip(name, "no ROM with counters");
	else
		check(*counted == did_it, name);
	if (counted && *counted != did_it)
		printf("# it counted %u, the kernel %u\n", *counted, did_it);
}

/*
 * The calls for interrupts are too short and too many to count each. So there is a stretch with a known
 * number of them, and no interrupt that could add any.
 */
static void check_mask_calls(const volatile uint32_t *counters)
{
	static const unsigned calls[] = { VMI_CALL_GetInterruptMask, VMI_CALL_SetInterruptMask,
					  VMI_CALL_EnableInterrupts, VMI_CALL_DisableInterrupts };
	uint32_t before[4] = { 0 };
	bool right = true;

	timer_mask(true);
	for (int i = 0; i < 4 && counters; i++)
		before[i] = counters[calls[i]];
	for (int i = 0; i < MASK_PAIRS; i++) {
		irq_restore(irq_save());
		vmi_enable_interrupts();
	}
	vmi_disable_interrupts();
	before[3]++; /* this last one */
	for (int i = 0; i < 4 && counters; i++)
		right &= counters[calls[i]] - before[i] == MASK_PAIRS;
	if (counters)
		check(right, "the ROM counted every interrupt mask call in a stretch of 4000");
	else
		check_skip("the ROM counted every interrupt mask call in a stretch of 4000", "no ROM with counters");
}

#define COUNTED(X) \
	X(IRET) X(Halt) X(SetCR3) X(UpdateKernelStack) X(SetPxE) X(AllocatePage) X(ReleasePage) X(InvalPage) \
	X(FlushTLB) X(SetLazyMode)

/* At the end, with interrupts off. */
void host_report(void)
{
	const volatile uint32_t *counters = find_counters();

	if (counters) {
#define VMI_X(number, name, args, r1, r2, r3, result, changes, kind) \
	if (counters[number]) \
		printf("count %s=%u\n", #name, counters[number]);
		VMI_CALLS(VMI_X)
#undef VMI_X
	}
#define X(name) \
	check_count("the ROM counted every " #name, counters ? &counters[VMI_CALL_##name] : NULL, did[VMI_CALL_##name]);
	COUNTED(X)
#undef X
	check_mask_calls(counters);
}
