/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct windows: guest pages mapped into reserved host address space, so that an access of optimised code is one host
 * instruction and the host's MMU does the checks. A page is mapped when it is first touched: the host faults, and window_fault
 * walks the guest's tables.
 *
 * The address form. The guest's virtual address space is cut into segments of 2^39 bytes. Generated code computes
 *
 *	host = va + cpu->window_table[va >> 39 & 0x3ffff]
 *
 * and accesses it. A segment that is in use has a window, 2^39 bytes of host address space with a guard of 64 GiB on each side,
 * which are not accessible at first; its entry is the distance from guest to host. All others hold POISON. One entry may serve
 * a base register and any displacement of up to WINDOW_GUARD bytes, the access included, an array's index of 32 bits among them. No va whatsoever reaches memory that
 * is not the guest's:
 *
 * - The index holds bits 39 to 56. An address that shares the index with a window's segment and differs in bits 57 to 63 is
 *   k * 2^57 away from the window, 1 <= k <= 127 modulo 2^64. A window lies below 2^56, whatever number of levels the host's
 *   tables have; so that is between 2^57 and 2^64 - 2^57 + 2^56, where no host address is: a program's end at 2^56 at most, and
 *   the kernel's begin at 2^64 - 2^56 at least.
 * - A poisoned entry is 2^56 + 2^40 - (index << 39): all addresses of its index land on k * 2^57 + 2^56 + 2^40 + (0 to 2^39),
 *   for 0 <= k <= 127. Up to k = 126 that is between the user's half and the kernel's, however many levels there are. With
 *   k = 127 it is near the beginning of the kernel's half with five levels, which a program cannot access; with four there is
 *   nothing either.
 * - The guards belong to the window's reservation, and 2^40 is more than one: displacements change nothing.
 *
 * This holds where a host checks all bits of an address (x86-64 without linear address masking).
 *
 * What a window shows. A vCPU's windows mirror its soft TLB: they exist per context and MMU index, those of the upper half
 * shared by the contexts of a translation mode as the TLB's tables are. A flush leaves mapped what a new walk of the guest's
 * tables confirms, with its rights, and takes the rest away; so what is mapped is what a TLB could hold. A page is writable
 * only if this vCPU is registered as a writer, like with write entries. All is done on the vCPU's own thread, or while it is
 * parked; there are no locks.
 *
 * Table entries may be kept in registers over accesses and their slow paths (mmu_load, mmu_store, mmu_host, window_fault with
 * WINDOW_RETRY), but not over anything that flushes, may wait for other vCPUs, changes the context or the MMU index, or calls
 * window_fault_at. A slow path that gives the context upper tables of its own trips the deadline, as it must for code that looks
 * the TLB up.
 */
#pragma once
#include "runtime/mmu.h"

#define WINDOW_BITS	39
#define WINDOW_SIZE	((uint64_t)1 << WINDOW_BITS)
#define WINDOW_GUARD	((uint64_t)1 << 36)
#define WINDOW_ENTRIES	((uint64_t)1 << 18)
#define WINDOW_INDEX(va) ((va) >> WINDOW_BITS & (WINDOW_ENTRIES - 1))
#define WINDOW_POISON(va) (((uint64_t)1 << 56) + ((uint64_t)1 << 40) - (WINDOW_INDEX(va) << WINDOW_BITS))

enum window_answer {
	WINDOW_RETRY,	/* mapped: do the access again */
	WINDOW_LEAVE,	/* not for a window: leave the generated code and do the instruction through the soft MMU */
};

/*
 * Makes windows possible for the machine's vCPUs: from now on each has a window_table. Before they run; needs arch->probe. An
 * engine that does not use windows does not call it, and they cost nothing.
 */
MUST_CHECK bool window_enable(struct machine *m, struct error *err);
/* With the vCPUs gone. */
void window_disable(struct machine *m);

/*
 * Generated code of this vCPU has faulted at the host address. On its thread; no exception is left pending. WINDOW_LEAVE for
 * everything that needs the soft MMU (guest faults, devices, stores to watched RAM or beside code, PMP finer than a page) and
 * for addresses outside of the current windows: guards, poison, segments that have no window yet.
 */
enum window_answer window_fault(struct vcpu *cpu, uint64_t host_address, bool write);
/* The segment (va >> WINDOW_BITS) into which most of the vCPU's registers point, of those with a window; any, if there is none. On its thread. */
uint64_t window_home(const struct vcpu *cpu);
/*
 * The same where the guest address is known: gives its segment a window if it has none, which may take one from another
 * segment, and maps the page if it is not. After WINDOW_RETRY the table must be looked at again.
 */
enum window_answer window_fault_at(struct vcpu *cpu, uint64_t va, bool write);
