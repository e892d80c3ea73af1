/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_PATCH_H
#define VROM_PATCH_H

/*
 * Finding a ROM, and rewriting a kernel's call sites to reach it.
 *
 * A kernel needs one call of this file, vrom_attach, early, on one processor, with interrupts off:
 *
 *	static unsigned char memory[VROM_PLAN_MEMORY(2000)];    at most 2000 sites
 *	static struct vrom_table sites = VROM_KERNEL_TABLE(text_start, text_end);
 *	static struct vrom_plan plan;
 *	struct vrom_rom rom;
 *	struct vrom_error error;
 *
 *	if (vrom_find(area, VMI_ROM_AREA_SIZE, &rom, &error) == VROM_OK)
 *		switch (vrom_attach(&plan, &rom, &sites, 1, memory, sizeof memory, &error)) {
 *		case VROM_OK:                  every site is patched
 *		case VROM_STRANDED:            the kernel must stop: it is neither native nor patched
 *		default:                       nothing was changed: go on natively
 *		}
 *
 * vrom_attach is made of the steps that follow it here, which others use one by one: a tool that wants to
 * know what would happen, a test, a loader of modules. In their order:
 *
 *	vrom_plan      checks every site and asks the host about every call. Writes nothing but the plan.
 *	host.enter     Init: the ROM takes over. The point of no return.
 *	vrom_commit    writes the sites. It has no way to fail.
 *	vrom_revert    writes the native instructions back.
 *
 * All-or-nothing: a status other than VROM_OK means that not one byte of text was changed, with
 * VROM_STRANDED as the one that says more. No function here allocates, prints, keeps state of its own, or
 * runs a call site. None may be called for the same text by two processors at once.
 */
#include <stddef.h>
#include <stdint.h>

#include <vmi/calls.h>
#include <vmi/rom.h>
#include <vrom/template.h>

/*
 * Arguments on the stack, also in a kernel that is compiled with -mregparm=3, as the library is not. Functions of yours
 * that the library calls are declared with it, too.
 */
#if defined(__i386__) && !defined(VROM_LIBRARY)
#define VROM_ABI __attribute__((regparm(0)))
#else
#define VROM_ABI
#endif

/* ---- Errors ------------------------------------------------------------------------------------------ */

/* X(name, sentence) */
#define VROM_STATUSES(X) \
	X(OK, "all is well") \
	/* About a ROM: vrom_check_rom, vrom_find. */ \
	X(NO_ROM, "there is no VMI ROM") \
	X(FOREIGN, "it is an option ROM, but not a VMI ROM") \
	X(ROM_LENGTH, "the ROM's length is zero or reaches beyond the memory that holds it") \
	X(ROM_VERSION, "the ROM speaks another major version of VMI than 3") \
	X(ROM_CHECKSUM, "the bytes of the ROM do not sum to zero") \
	X(ROM_OFFSET, "an offset in the ROM's header points outside the ROM or at something else than it should") \
	X(ROM_EXTENSION, "the ROM's extension header is of an unknown version or damaged") \
	/* About a site: vrom_plan. */ \
	X(TABLE, "the site table or its seal ends in the middle of a record") \
	X(MEMORY, "the memory for the plan is too small for that many sites") \
	X(OUTSIDE, "the site lies outside the text") \
	X(OVERLAP, "the site overlaps another") \
	X(CALL, "the site is for a call that does not exist") \
	X(SIZE, "the site is too small for its call") \
	X(OPERANDS, "the record's operands make no sense for its call") \
	X(TRANSLATION, "the translation of an annotation holds something else than pushes, a call and what removes them") \
	X(NATIVE, "the site does not hold what the build put there") \
	X(ANSWER, "the host's answer is of an unknown type, or of one that makes no sense for its call") \
	X(REQUIRED, "the host does not provide a call that has no native form under a host") \
	X(REACH, "the address that the host gives cannot be reached from the site") \
	X(RETURNS, "the host wants a jump for a call that must come back") \
	X(CHANGES, "the host's code changes registers that are in use at the site") \
	X(TEMPLATE, "a template for this call is damaged") \
	/* About the order of things. */ \
	X(REFUSED, "the host's Init refused") \
	X(STATE, "the plan is not in the state that this step needs") \
	X(STRANDED, "the host was entered, and then a site turned out to be unfit: the guest must stop") \
	/* About a kernel that was patched from outside: vrom/note.h. */ \
	X(OTHER_ROM, "the text was patched for another ROM, or for one at another address: the guest must stop")

enum vrom_status {
#define VROM_X(name, sentence) VROM_##name,
	VROM_STATUSES(VROM_X)
#undef VROM_X
	VROM_STATUS_COUNT
};

/* The sentence for a status, for a person to read. Never NULL. */
const char *vrom_strstatus(enum vrom_status status) VROM_ABI;

#define VROM_NO_INDEX 0xffffffffu

struct vrom_error {
	enum vrom_status status;
	enum vrom_status reason; /* the same, or after VROM_STRANDED what was wrong */
	uint32_t table;          /* which site table, from 0 */
	uint32_t index;          /* which site of it, from 0; VROM_NO_INDEX if it is not about a site */
	uint32_t other;          /* VROM_OVERLAP: the site before it in the tables that it overlaps, counted likewise */
	uint32_t call;           /* which VMI call, or VROM_NO_INDEX */
	uintptr_t address;       /* of the site or of the ROM, as the guest sees it */
};

/* ---- Finding a ROM ----------------------------------------------------------------------------------- */

struct vrom_rom {
	const struct vmi_rom_header *header; /* where the caller can read it */
	uint32_t size;                       /* bytes */
	const char *licence;                 /* NUL-terminated, "" if the ROM names none */
	const struct vmi_pci_header *pci;    /* NULL if there is none */
	const struct vmi_pnp_header *pnp;    /* NULL if there is none */
	const struct vrom_extension *extension;   /* NULL if there is none */
	const struct vrom_template *templates;
	uint32_t template_count;
};

/*
 * Checks the image at image, of which available bytes can be read: signatures, length, version, checksum,
 * that each offset of the header points at what it should and inside the image, and that the templates lie
 * inside the image. image is aligned to 4. Fills rom only if it returns VROM_OK. error may be NULL.
 */
enum vrom_status vrom_check_rom(const void *image, size_t available, struct vrom_rom *rom,
				struct vrom_error *error) VROM_ABI;

/*
 * Looks at every 2 KiB of area (on a PC: size VMI_ROM_AREA_SIZE at physical VMI_ROM_AREA, wherever the
 * kernel sees that) and takes the first ROM that vrom_check_rom accepts. What is no ROM, foreign or bad
 * is passed over by one step only, so it cannot hide what lies behind. If there is none, the result is
 * VROM_NO_ROM (every PC has foreign ROMs), or if there was a bad VMI ROM the reason why the best of them is bad: the one
 * that got furthest through the checks.
 */
enum vrom_status vrom_find(const void *area, size_t size, struct vrom_rom *rom, struct vrom_error *error) VROM_ABI;

/* ---- The host: who answers --------------------------------------------------------------------------- */

struct vrom_answer {
	uintptr_t target; /* as the guest sees it */
	uint8_t type;     /* VMI_RELOCATION_... */
};

/*
 * What the patcher knows of a host. For a ROM, vrom_rom_host fills it in; a tool or a test may say
 * anything here, which is why every answer is checked.
 */
struct vrom_host {
	/* What is to stand at the sites of a call. Asked at most once for each call in a plan. */
	void(VROM_ABI *answer)(void *context, unsigned call, struct vrom_answer *answer);
	void *context;
	const struct vrom_template *templates; /* template_count of them */
	uint32_t template_count;
	uintptr_t rom;                         /* for VROM_HOLE_ROM */
	/* Where targets may be: in low <= target < high, or if top is not 0, at or above top. */
	uintptr_t low, high, top;
	/* Init: the host takes over, the point of no return. 0: done; else it refused and nothing has changed.
	 * NULL if there is nothing to enter. */
	int(VROM_ABI *enter)(void *context);
	int answers_early;                     /* what it answers before enter holds after it */
	int wide;                              /* a 64-bit guest: a call reaches 2 GiB, not everything */
};

#if defined(__i386__)
/* A ROM as a host. It must be where the guest can execute it: calls go there. rom must outlive the host. */
void vrom_rom_host(const struct vrom_rom *rom, struct vrom_host *host) VROM_ABI;
#endif

/* ---- Site tables ------------------------------------------------------------------------------------- */

/*
 * A kernel has one; each module that has sites has one of its own.
 *
 * The addresses here are the caller's. moved is what to add to get the guest's: 0 for a kernel that patches
 * itself, something else for a tool that has the kernel in a buffer. alias is what to add to a text
 * address to get a place where the same byte can be written: 0 if the text itself is writable.
 */
struct vrom_table {
	const unsigned char *records, *records_end; /* section .vrom.sites, aligned to 4; records are of 8 bytes or more */
	const unsigned char *native, *native_end;   /* section .vrom.native */
	unsigned char *text, *text_end;             /* sites must lie in here */
	ptrdiff_t moved, alias;
};

/* The table of a kernel that is linked with vrom/sites.ld. */
extern const unsigned char vrom_sites[], vrom_sites_end[], vrom_native[], vrom_native_end[];
#define VROM_KERNEL_TABLE(start, end) \
	{ vrom_sites, vrom_sites_end, vrom_native, vrom_native_end, (unsigned char *)(start), \
	  (unsigned char *)(end), 0, 0 }

/* ---- The plan ---------------------------------------------------------------------------------------- */

/* How many sites table has: as many as its length allows, whatever they say. */
uint32_t vrom_count(const struct vrom_table *table) VROM_ABI;

/* Bytes of memory that a plan of n sites needs. Any alignment will do. */
#define VROM_PLAN_MEMORY(n) ((size_t)(n) * 10 + 7)

/* What stands, or will stand, at a site: what the host answered, or from VROM_INLINE on the template's index plus
 * VROM_INLINE. */
enum vrom_choice {
	VROM_KEEP = VMI_RELOCATION_NONE,
	VROM_CALLED = VMI_RELOCATION_CALL_REL,
	VROM_JUMPED = VMI_RELOCATION_JUMP_REL,
	VROM_ERASED = VMI_RELOCATION_NOP,
	VROM_INLINE
};

/* What the sites of one call become. Not for callers. */
struct vrom_becomes {
	uintptr_t target;
	uint16_t changes;    /* VROM_EAX ... that it would change */
	uint8_t choice;
	uint8_t asked;
	uint8_t first, last; /* templates; none if first == last */
};

/* The first of the sites that are the same but for their place. Not for callers. */
#define VROM_ALIKE 128
#define VROM_ALIKE_NONE 255
struct vrom_alike {
	uint32_t record;                /* all of it but the place; 0: this is not used */
	uint8_t choice, native, length; /* native: how many bytes; length: of the record */
	uint8_t from;                   /* where the distance to something outside is, */
	uint32_t distance;              /* if these bits are set */
	uint32_t count;                 /* of sites but the first */
	uint8_t place, second;          /* place: of this, in the plan; second: where the last of eight bytes are */
	uint64_t constants;             /* the first and the last */
	uint64_t site_bits, native_bits; /* of eight bytes, those that count */
	const unsigned char *all;       /* of the constants */
	const unsigned char *text;
	const unsigned char *written;   /* the same, where it is written */
	uintptr_t address;              /* and as the guest sees it */
};

/* Plain data. The caller keeps it, and the memory it was given, for as long as it may want to revert. */
struct vrom_plan {
	/* For callers to read: how many sites there are, and how many stay native, become a call, a jump, nops,
	 * or code in line. */
	uint32_t sites, kept, called, jumped, erased, inlined;
	/* Not for callers. */
	uint32_t state;
	uint32_t table_count;
	const struct vrom_table *tables;
	unsigned char *choices; /* one byte a site, through all tables */
	unsigned char *hints;   /* one byte a site, from the end: which of alike it is like, or VROM_ALIKE_NONE */
	const struct vrom_template *templates;
	uintptr_t rom;
	struct vrom_becomes becomes[VMI_CALL_COUNT];
	struct vrom_alike alike[VROM_ALIKE];
};

/*
 * Plans for all sites of all tables. Reads text, tables and templates, asks host, and writes only *plan and
 * memory (size bytes, VROM_PLAN_MEMORY(sites) of them at least). tables must outlive the plan. error may
 * be NULL.
 *
 * Checked for every site: it lies in its table's text, overlaps no other, holds what the build put there; its
 * call exists and its size and operands suit the call; the answer is of a known type, can be reached, fits,
 * and changes nothing that is in use at the site; IRET and SYSEXIT are answered.
 *
 * host may be NULL: everything that needs no answer is checked, and the plan is then good for nothing else.
 */
enum vrom_status vrom_plan(struct vrom_plan *plan, const struct vrom_host *host, const struct vrom_table *tables,
			   uint32_t table_count, void *memory, size_t size, struct vrom_error *error) VROM_ABI;

/* What a plan chose for its site number n, counted through all tables. n < plan->sites. */
static inline unsigned vrom_choice(const struct vrom_plan *plan, uint32_t n)
{
	return plan->choices[n];
}

/*
 * The bytes that site number index of plan's table will hold once committed, without writing them there:
 * into bytes, of which 255 must be there. Returns how many. For tools and tests.
 */
unsigned vrom_preview(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned char *bytes) VROM_ABI;

/* Why a template was taken at a site, or was not. X(name, sentence) */
#define VROM_WHYS(X) \
	X(TAKEN, "it is what stands there") \
	X(EARLIER, "it fits, and one before it was taken") \
	X(CALL, "it is for another call") \
	X(OPERAND, "an argument is a constant where it wants a register, or the other way round") \
	X(GUARD, "an argument has another value than it is for") \
	X(RANGE, "an argument is too large for the place that it has for it") \
	X(SIZE, "it is longer than the site") \
	X(CHANGES, "it changes registers or flags that are in use at the site")

enum vrom_why {
#define VROM_X(name, sentence) VROM_WHY_##name,
	VROM_WHYS(VROM_X)
#undef VROM_X
	VROM_WHY_COUNT
};

/* The sentence for a reason, for a person to read. Never NULL. */
const char *vrom_strwhy(enum vrom_why why) VROM_ABI;

/* About template number template of the host's, at site number index of plan's table. The plan is accepted. For tools
 * and tests. */
enum vrom_why vrom_why(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned template) VROM_ABI;

/*
 * For a host: whether a guest with its instruction pointer at text is inside template, so that no interrupt may be
 * delivered now. before bytes before text and behind bytes from text on can be read. 0 for a template with
 * VROM_INTERRUPTS_ANYWHERE.
 */
int vrom_template_inside(const struct vrom_template *template, const unsigned char *text, size_t before,
			 size_t behind) VROM_ABI;

/*
 * Writes the sites of an accepted plan. The caller has interrupts off, no other processor runs, the text is
 * writable, nothing has changed text or tables since vrom_plan. VROM_STATE if the plan was not accepted or
 * is committed already: then nothing was written. There is no other failure.
 */
enum vrom_status vrom_commit(struct vrom_plan *plan) VROM_ABI;

/* Writes the native instructions back. The same conditions; VROM_STATE if the plan is not committed. */
enum vrom_status vrom_revert(struct vrom_plan *plan) VROM_ABI;

/*
 * plan, enter and commit in one. If the host does not answer before it is entered, what needs no answer is
 * checked first, and the rest after: if that fails the result is VROM_STRANDED and the guest must stop.
 * VROM_REFUSED: Init said no, and nothing was changed.
 */
enum vrom_status vrom_attach_host(struct vrom_plan *plan, const struct vrom_host *host,
				  const struct vrom_table *tables, uint32_t table_count, void *memory, size_t size,
				  struct vrom_error *error) VROM_ABI;

#if defined(__i386__)
/* The same with a ROM that vrom_find found. */
enum vrom_status vrom_attach(struct vrom_plan *plan, const struct vrom_rom *rom, const struct vrom_table *tables,
			     uint32_t table_count, void *memory, size_t size, struct vrom_error *error) VROM_ABI;
#endif

/* ---- While other processors run the text ------------------------------------------------------------- */

/*
 * As vrom_commit and vrom_revert, while other processors may be running sites. Three synchronisations, for
 * any number of sites: an int3 on every first byte, the rest of each site, the first bytes.
 *
 * sync returns when every other processor has executed a serialising instruction since it was called, and
 * none is inside a site, that is at an instruction of it other than the first, running or interrupted
 * (vrom_inside tells). It must run no site itself.
 *
 * Meanwhile the guest's breakpoint handler sees int3 at sites. Where vrom_trapped says so it returns to the
 * address that is one before the one it was given, so that the processor tries again.
 *
 * vrom_revert_live: a thread that is in the host's code, called from a site, comes back to the site's end,
 * which is an instruction boundary either way. That is not so for sites of calls with arguments on the
 * stack, nor for templates with a VROM_HOLE_REL, which may call: with such sites in the plan it returns VROM_STATE
 * and writes nothing.
 */
enum vrom_status vrom_commit_live(struct vrom_plan *plan, void(VROM_ABI *sync)(void *context), void *context) VROM_ABI;
enum vrom_status vrom_revert_live(struct vrom_plan *plan, void(VROM_ABI *sync)(void *context), void *context) VROM_ABI;

/* Whether a breakpoint trap that reports address came from the int3 of a live commit of plan. */
int vrom_trapped(const struct vrom_plan *plan, uintptr_t address) VROM_ABI;

/* Whether address is inside a site of plan, not at its start. */
int vrom_inside(const struct vrom_plan *plan, uintptr_t address) VROM_ABI;

#endif
