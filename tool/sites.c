/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom sites: a kernel's call sites, one by one and in sum. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <vrom/site.h>

#include "calls.h"
#include "decode.h"
#include "table.h"

struct sums {
	uint64_t per_call[256], padding, native;
	uint64_t constants, with_constants; /* sites that have some */
	uint64_t call_padding;              /* what padding would be with room for nothing but a call, and no constants */
};

static unsigned padding_of(const struct site *site)
{
	return site->size > site->native_size ? site->size - site->native_size : 0;
}

/* What a site would have if it were no larger than a call of its arguments in registers. */
static unsigned padding_for_call(const struct site *site)
{
	unsigned room = site->call < VMI_CALL_COUNT ? VROM_CALL_ROOM(calls[site->call].arguments) : 5;

	return room > site->native_size ? room - site->native_size : 0;
}

static void sum_up(const struct table *table, struct sums *sums)
{
	memset(sums, 0, sizeof *sums);
	for (size_t i = 0; i < table->count; i++) {
		const struct site *site = &table->sites[i];

		sums->per_call[site->call]++;
		sums->padding += padding_of(site);
		sums->call_padding += padding_for_call(site);
		for (unsigned place = 0; place < 5; place++)
			sums->constants += site_is_constant(site, place);
		sums->with_constants += (site->operands & VROM_CONSTANTS) != 0;
		sums->native += site->native_size;
	}
}

static char *native_text(const struct decoder *decoder, const struct site *site)
{
	return disassemble(decoder, site->native, site->native ? site->native_size : 0, site->address);
}

static void print_sites(const struct elf *elf, const struct table *table, const struct decoder *decoder)
{
	printf("%5s  %-8s  %-34s %-30s %5s %4s %4s  %-20s %s\n", "site", "address", "symbol", "call", "bytes", "code", "pad",
	       "may change", "native instructions");
	for (size_t i = 0; i < table->count; i++) {
		const struct site *site = &table->sites[i];
		char place[PLACE_SIZE], arguments[OPERANDS_SIZE], changes[OPERANDS_SIZE], call[64 + OPERANDS_SIZE];
		char *native = native_text(decoder, site);

		site_arguments(site, arguments);
		snprintf(call, sizeof call, "%s%s%s%s", call_name(site->call), arguments[0] ? "(" : "", arguments,
			 arguments[0] ? ")" : "");
		printf("%5u  %08llx  %-34s %-30s %5u %4u %4u  %-20s %s\n", site->index, (unsigned long long)site->address,
		       elf_place(elf, site->address, place), call, site->size, site->native_size, padding_of(site),
		       site_changes(site, changes), native);
		free(native);
	}
}

static void print_summary(const struct table *table, const struct sums *sums)
{
	if (table->annotations_size)
		printf("annotated as in 2006: annotations %llu bytes, translations %llu bytes; as a site table of ours they are\n",
		       (unsigned long long)table->annotations_size, (unsigned long long)table->translations_size);
	printf("%zu sites; records %llu bytes, seal %llu bytes; native instructions %llu bytes, padding %llu bytes\n",
	       table->count, (unsigned long long)table->records_size, (unsigned long long)table->native_size,
	       (unsigned long long)sums->native, (unsigned long long)sums->padding);
	printf("  %llu records of 8 bytes, %llu with constants, of which there are %llu: %.1f bytes of metadata a site\n",
	       (unsigned long long)(table->count - sums->with_constants), (unsigned long long)sums->with_constants,
	       (unsigned long long)sums->constants,
	       table->count ? (double)(table->records_size + table->native_size) / (double)table->count : 0);
	printf("  without constants, and with room for calls only: records %llu bytes, padding %llu bytes\n",
	       (unsigned long long)table->count * RECORD_SIZE, (unsigned long long)sums->call_padding);
	for (unsigned call = 0; call < 256; call++)
		if (sums->per_call[call])
			printf("%7llu %s\n", (unsigned long long)sums->per_call[call], call_name(call));
}

static json_t *site_json(const struct elf *elf, const struct site *site, const struct decoder *decoder)
{
	char place[PLACE_SIZE], arguments[OPERANDS_SIZE], changes[OPERANDS_SIZE], hex[2 * 255 + 1] = "";
	char *native = native_text(decoder, site);
	json_t *object;

	for (unsigned i = 0; site->native && i < site->native_size; i++)
		sprintf(hex + 2 * i, "%02x", site->native[i]);
	object = json_pack("{s:i, s:I, s:s, s:s, s:i, s:s, s:s, s:i, s:i, s:i, s:s, s:s}", "index", (int)site->index,
			   "address", (json_int_t)site->address, "symbol", elf_place(elf, site->address, place), "call",
			   call_name(site->call), "number", site->call, "arguments", site_arguments(site, arguments),
			   "may_change", site_changes(site, changes), "size", site->size, "native_size",
			   site->native_size, "padding", padding_of(site), "native", native, "native_bytes", hex);
	free(native);
	return object;
}

static void print_json(const struct elf *elf, const struct table *table, const struct sums *sums,
		       const struct decoder *decoder, int summary)
{
	json_t *counts = json_object(), *list = json_array(), *object;

	for (unsigned call = 0; call < 256; call++)
		if (sums->per_call[call])
			json_object_set_new(counts, call_name(call), json_integer((json_int_t)sums->per_call[call]));
	for (size_t i = 0; !summary && i < table->count; i++)
		json_array_append_new(list, site_json(elf, &table->sites[i], decoder));
	object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s*}", "sites", (json_int_t)table->count, "record_bytes",
			   (json_int_t)table->records_size, "seal_bytes", (json_int_t)table->native_size, "native_bytes",
			   (json_int_t)sums->native, "padding_bytes", (json_int_t)sums->padding, "constants",
			   (json_int_t)sums->constants, "sites_with_constants", (json_int_t)sums->with_constants,
			   "padding_bytes_for_calls", (json_int_t)sums->call_padding, "calls", counts, "problem",
			   table->problem[0] ? table->problem : NULL);
	if (!summary)
		json_object_set(object, "list", list);
	json_dumpf(object, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(list);
	json_decref(object);
}

static int list(const char *path, int summary, int json)
{
	struct elf elf;
	struct table table;
	struct decoder decoder;
	struct sums sums;
	int status = elf_open(&elf, path);

	if (status == 0) {
		enum table_state state = table_read(&table, &elf);

		switch (state == TABLE_NONE ? annotations_read(&table, &elf) : state) {
		case TABLE_NONE:
			status = fail(path, "it has no site table: annotate it with vrom/site.h, and put vrom/sites.ld in its "
				      "linker script");
			break;
		case TABLE_BAD:
			status = fail(path, "%s", table.problem);
			break;
		case TABLE_FOUND:
			decoder_init(&decoder, elf.is_64);
			sum_up(&table, &sums);
			if (json) {
				print_json(&elf, &table, &sums, &decoder, summary);
			} else {
				if (!summary)
					print_sites(&elf, &table, &decoder);
				print_summary(&table, &sums);
			}
			if (table.problem[0])
				status = fail(path, "%s", table.problem);
		}
		table_free(&table);
	}
	elf_close(&elf);
	return status;
}

int cmd_sites(int argc, char **argv)
{
	static const struct option options[] = {
		{ "summary", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int c, summary = 0, json = 0;

	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1)
		switch (c) {
		case 's': summary = 1; break;
		case 'j': json = 1; break;
		default: return misuse_option("sites", argv, c);
		}
	if (argc - optind != 1)
		return misuse("sites", "name one kernel");
	return list(argv[optind], summary, json);
}
