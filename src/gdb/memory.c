// SPDX-License-Identifier: Apache-2.0
/* Memory by virtual address, as the chosen vCPU sees it, or by physical address. */
#include <string.h>
#include "src/gdb/internal.h"

static bool read_guest(struct gdb *g, uint64_t address, uint8_t *to, uint64_t n)
{
	return g->physical ? vm_phys_read(&g->vm->machine, address, to, n)
			   : vm_debug_read(g->vm->machine.vcpu[g->general], address, to, n);
}

static bool write_guest(struct gdb *g, uint64_t address, const uint8_t *from, uint64_t n)
{
	return g->physical ? vm_phys_write(&g->vm->machine, address, from, n)
			   : vm_debug_write(g->vm->machine.vcpu[g->general], address, from, n);
}

/* ADDRESS,LENGTH */
void gdb_read_memory(struct gdb *g, const char *p, bool binary)
{
	uint64_t address, n;
	uint8_t bytes[GDB_PACKET / 2];
	if (!gdb_number(&p, &address) || !gdb_expect(&p, ',') || !gdb_number(&p, &n) || *p) {
		gdb_error(g);
		return;
	}
	if (n > sizeof bytes)
		n = sizeof bytes;
	/* up to where memory ends is better than nothing */
	uint64_t have = 0;
	while (have < n) {
		uint64_t part = PAGE_SIZE - ((address + have) & ~PAGE_MASK);
		if (part > n - have)
			part = n - have;
		if (!read_guest(g, address + have, bytes + have, part))
			break;
		have += part;
	}
	if (!have && n) {
		gdb_error(g);
	} else if (binary) {
		gdb_put(&g->link, "b");
		gdb_put_binary(&g->link, bytes, (unsigned)have);
	} else {
		gdb_put_hex(&g->link, bytes, (unsigned)have);
	}
}

/* ADDRESS,LENGTH:BYTES */
void gdb_write_memory(struct gdb *g, const char *p, bool binary)
{
	uint64_t address, n;
	uint8_t bytes[GDB_PACKET];
	if (!gdb_number(&p, &address) || !gdb_expect(&p, ',') || !gdb_number(&p, &n) || !gdb_expect(&p, ':') ||
	    n > sizeof bytes) {
		gdb_error(g);
		return;
	}
	unsigned have = binary ? g->link.packet_n - (unsigned)(p - g->link.packet) : gdb_unhex(p, bytes, sizeof bytes);
	if (binary)
		memcpy(bytes, p, have);
	if (have == n && (!n || write_guest(g, address, bytes, n)))
		gdb_ok(g);
	else
		gdb_error(g);
}
