/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <vrom/ops.h>
#include <vrom/patch.h>

int main(void);

extern char text_start[], text_end[];

static unsigned char memory[VROM_PLAN_MEMORY(500)];
static struct vrom_table sites = VROM_KERNEL_TABLE(text_start, text_end);
static struct vrom_plan plan;
static struct vrom_rom rom;

static void say(const char *text)
{
	for (; *text; text++) {
		while (!(vmi_inb(0x3fd) & 0x20))
			;
		vmi_outb(*text, 0x3f8);
	}
}

static void say_number(uint32_t n)
{
	if (n > 9)
		say_number(n / 10);
	say((const char[]){ '0' + n % 10, 0 });
}

__attribute__((noreturn)) static void stop(int good)
{
	vmi_outb(good ? 0x10 : 0x11, 0xf4); /* QEMU's isa-debug-exit */
	vmi_shutdown();
}

/* 1: the sites are patched. 0: they are native, and that is as good. */
static int attach(void)
{
	struct vrom_error error;
	enum vrom_status status = vrom_find((void *)VMI_ROM_AREA, VMI_ROM_AREA_SIZE, &rom, &error);

	if (status == VROM_OK)
		status = vrom_attach(&plan, &rom, &sites, 1, memory, sizeof memory, &error);
	if (status != VROM_OK) {
		say("hello: native: ");
		say(vrom_strstatus(error.reason));
		say("\n");
	}
	if (status == VROM_STRANDED)
		stop(0);
	return status == VROM_OK;
}

/* A call of each kind, and whether it did what it should. */
static int works(void)
{
	uint32_t entry = 0;
	unsigned long on, off;

	vmi_outb(0xff, 0x21); /* no interrupt may come: there is no table for it */
	vmi_outb(0xff, 0xa1);
	vmi_enable_interrupts();
	on = vmi_get_interrupt_mask();
	vmi_disable_interrupts();
	off = vmi_get_interrupt_mask();
	vmi_set_interrupt_mask(on);
	on &= vmi_get_interrupt_mask();
	vmi_disable_interrupts();
	vmi_set_pxe(0x1003, &entry, VMI_PAGE_PT);
	return (on & VMI_MASK_ENABLED) && !(off & VMI_MASK_ENABLED) && entry == 0x1003;
}

int main(void)
{
	int good;

	if (attach()) {
		say("hello: ");
		say_number(plan.sites);
		say(" sites, ROM \"");
		say(rom.pnp && rom.pnp->product_offs ? (const char *)rom.header + rom.pnp->product_offs : "?");
		say("\", called ");
		say_number(plan.called + plan.jumped);
		say(", in line ");
		say_number(plan.inlined + plan.erased);
		say(", native ");
		say_number(plan.kept);
		say("\n");
	}
	good = works();
	say(good ? "hello: the calls work\n" : "hello: the calls do not work\n");
	stop(good);
}
