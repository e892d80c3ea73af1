/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VMI_ROM_H
#define VMI_ROM_H

/*
 * The image of a VMI 3.0 ROM: an option ROM of the PC, found on a 2 KiB boundary in C0000h-DFFFFh.
 * Little endian. The offsets are spelt out for assembly and asserted for C.
 */
#define VMI_ROM_AREA 0xC0000     /* physical */
#define VMI_ROM_AREA_SIZE 0x20000
#define VMI_ROM_STEP 0x800
#define VMI_ROM_UNIT 512         /* rom_length counts these */
#define VMI_ROM_BOOT_SIGNATURE 0xAA55
#define VMI_ROM_SIGNATURE 0x696D5663 /* "cVmi" */
#define VMI_PCI_SIGNATURE 0x52494350 /* "PCIR" */
#define VMI_PNP_SIGNATURE 0x506e5024 /* "$PnP" */
#define VMI_API_MAJOR 3          /* another major is another interface */
#define VMI_API_MINOR 0          /* a higher minor adds calls */
#define VMI_PCI_VENDOR 0x15AD    /* VMware's; with another pair Linux only warns */
#define VMI_PCI_DEVICE 0x0801

#define VMI_OFF_ROM_LENGTH 0x02
#define VMI_OFF_ROM_ENTRY 0x03
#define VMI_OFF_SIGNATURE 0x08
#define VMI_OFF_API_MINOR 0x0C
#define VMI_OFF_API_MAJOR 0x0D
#define VMI_OFF_VIRTUAL_TOP 0x10
#define VMI_OFF_LICENSE 0x16
#define VMI_OFF_PCI 0x18
#define VMI_OFF_PNP 0x1A
#define VMI_OFF_RESERVED 0x20
#define VMI_OFF_INIT 0x80
#define VMI_OFF_GET_RELOC 0x88
#define VMI_ROM_HEADER_SIZE 0x90

/* Answers of GetRelocation: EAX is the address, DL one of these. */
#define VMI_RELOCATION_NONE 0     /* not provided: keep the native instructions */
#define VMI_RELOCATION_CALL_REL 1 /* call that address */
#define VMI_RELOCATION_JUMP_REL 2 /* jump to that address */
#define VMI_RELOCATION_NOP 3      /* nothing needs to be done here */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct vmi_rom_header {
	uint16_t boot_signature;
	uint8_t rom_length;       /* of the whole image, in units of 512 bytes; the sum of its bytes is 0 mod 256 */
	uint8_t rom_entry[4];     /* the BIOS calls this in 16-bit mode once; it returns far */
	uint8_t pad0;
	uint32_t signature;
	uint8_t api_minor;
	uint8_t api_major;
	uint8_t jump_slots;       /* no guest is known to read it */
	uint8_t reserved1;
	uint32_t virtual_top;     /* lowest linear address that is the hypervisor's; 0: it needs none */
	uint16_t reserved2;
	uint16_t license_offs;    /* NUL-terminated; Linux demands exactly "GPL" or "GPL v2" */
	uint16_t pci_header_offs; /* Linux refuses a ROM without one */
	uint16_t pnp_header_offs; /* 0: none */
	uint32_t pad3;
	uint8_t reserved[96];     /* vrom's extension header, if there is one, starts here: vrom/template.h */
	uint8_t init[8];          /* code: the entry points are called, not read */
	uint8_t get_reloc[8];
};

#define VMI__AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field " has moved")
VMI__AT(vmi_rom_header, boot_signature, 0x00);
VMI__AT(vmi_rom_header, rom_length, VMI_OFF_ROM_LENGTH);
VMI__AT(vmi_rom_header, rom_entry, VMI_OFF_ROM_ENTRY);
VMI__AT(vmi_rom_header, pad0, 0x07);
VMI__AT(vmi_rom_header, signature, VMI_OFF_SIGNATURE);
VMI__AT(vmi_rom_header, api_minor, VMI_OFF_API_MINOR);
VMI__AT(vmi_rom_header, api_major, VMI_OFF_API_MAJOR);
VMI__AT(vmi_rom_header, jump_slots, 0x0E);
VMI__AT(vmi_rom_header, reserved1, 0x0F);
VMI__AT(vmi_rom_header, virtual_top, VMI_OFF_VIRTUAL_TOP);
VMI__AT(vmi_rom_header, reserved2, 0x14);
VMI__AT(vmi_rom_header, license_offs, VMI_OFF_LICENSE);
VMI__AT(vmi_rom_header, pci_header_offs, VMI_OFF_PCI);
VMI__AT(vmi_rom_header, pnp_header_offs, VMI_OFF_PNP);
VMI__AT(vmi_rom_header, pad3, 0x1C);
VMI__AT(vmi_rom_header, reserved, VMI_OFF_RESERVED);
VMI__AT(vmi_rom_header, init, VMI_OFF_INIT);
VMI__AT(vmi_rom_header, get_reloc, VMI_OFF_GET_RELOC);
_Static_assert(sizeof(struct vmi_rom_header) == VMI_ROM_HEADER_SIZE, "vmi_rom_header has a wrong size");

/* The PCI data structure of an option ROM (PCI Firmware Specification). */
struct vmi_pci_header {
	char signature[4];        /* "PCIR" */
	uint16_t vendor, device;
	uint16_t vpd;
	uint16_t length;          /* of this structure */
	uint8_t revision;
	uint8_t class_code[3];    /* programming interface, subclass, class */
	uint16_t image_length;    /* units of 512 bytes */
	uint8_t rom_minor, rom_major; /* the ROM's own version, printed by Linux */
	uint8_t code_type;        /* 0: PC-AT */
	uint8_t indicator;        /* bit 7: last image */
	uint16_t reserved;
};
VMI__AT(vmi_pci_header, signature, 0x00);
VMI__AT(vmi_pci_header, vendor, 0x04);
VMI__AT(vmi_pci_header, device, 0x06);
VMI__AT(vmi_pci_header, vpd, 0x08);
VMI__AT(vmi_pci_header, length, 0x0A);
VMI__AT(vmi_pci_header, revision, 0x0C);
VMI__AT(vmi_pci_header, class_code, 0x0D);
VMI__AT(vmi_pci_header, image_length, 0x10);
VMI__AT(vmi_pci_header, rom_minor, 0x12);
VMI__AT(vmi_pci_header, rom_major, 0x13);
VMI__AT(vmi_pci_header, code_type, 0x14);
VMI__AT(vmi_pci_header, indicator, 0x15);
VMI__AT(vmi_pci_header, reserved, 0x16);
_Static_assert(sizeof(struct vmi_pci_header) == 0x18, "vmi_pci_header has a wrong size");

/* The PnP expansion header (Plug and Play BIOS Specification). Offsets count from the ROM's start. */
struct vmi_pnp_header {
	char signature[4];        /* "$PnP" */
	uint8_t revision;
	uint8_t length;           /* in units of 16 bytes */
	uint16_t next;
	uint8_t reserved;
	uint8_t checksum;         /* the sum of length * 16 bytes is 0 mod 256 */
	uint16_t device_id[2];     /* not aligned, so two halves */
	uint16_t manufacturer_offs; /* NUL-terminated; 0: none */
	uint16_t product_offs;
};
VMI__AT(vmi_pnp_header, signature, 0x00);
VMI__AT(vmi_pnp_header, revision, 0x04);
VMI__AT(vmi_pnp_header, length, 0x05);
VMI__AT(vmi_pnp_header, next, 0x06);
VMI__AT(vmi_pnp_header, reserved, 0x08);
VMI__AT(vmi_pnp_header, checksum, 0x09);
VMI__AT(vmi_pnp_header, device_id, 0x0A);
VMI__AT(vmi_pnp_header, manufacturer_offs, 0x0E);
VMI__AT(vmi_pnp_header, product_offs, 0x10);
#endif
#endif
