// SPDX-License-Identifier: Apache-2.0
/* Direct windows: which segments have one, the tables that lead to them, and faults. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "runtime/machine.h"
#include "runtime/process.h"
#include "runtime/tlb.h"

#define TABLE_BYTES (WINDOW_ENTRIES * sizeof(uint64_t))
#define RESERVATION (WINDOW_SIZE + 2 * WINDOW_GUARD)

/*
 * A four-level host has room for 204 windows. The vCPUs of a machine share half of that; one that wants to be of use needs a
 * few, for a program's data and stack and a kernel's linear mapping and its own memory.
 */
enum { WINDOWS_PER_MACHINE = 128, WINDOWS_MIN = 6, WINDOWS_MAX = 64 };

static unsigned max_windows(const struct vcpu *cpu)
{
	unsigned share = WINDOWS_PER_MACHINE / (cpu->machine->n_vcpus ? cpu->machine->n_vcpus : 1);
	return share < WINDOWS_MIN ? WINDOWS_MIN : share > WINDOWS_MAX ? WINDOWS_MAX : share;
}

/* ---- the machine's part ---- */

bool window_enable(struct machine *m, struct error *err)
{
	struct windows *ws = calloc(1, sizeof *ws);
	if (!ws)
		return error_set(err, ERROR_HOST, "direct windows: out of memory");
	ws->poison_fd = memfd_create("calque-windows", MFD_CLOEXEC);
	uint64_t *table = MAP_FAILED;
	if (ws->poison_fd >= 0 && !ftruncate(ws->poison_fd, TABLE_BYTES))
		table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ws->poison_fd, 0);
	if (table == MAP_FAILED) {
		error_set(err, ERROR_HOST, "direct windows: a table of %llu KiB: %s", (unsigned long long)TABLE_BYTES >> 10,
			  strerror(errno));
		if (ws->poison_fd >= 0)
			close(ws->poison_fd);
		free(ws);
		return false;
	}
	for (uint64_t i = 0; i < WINDOW_ENTRIES; i++)
		table[i] = WINDOW_POISON(i << WINDOW_BITS);
	mprotect(table, TABLE_BYTES, PROT_READ);
	ws->poison = table;
	m->windows = ws;
	for (unsigned i = 0; i < m->n_vcpus; i++)
		window_publish(m->vcpu[i]);
	return true;
}

void window_disable(struct machine *m)
{
	if (!m->windows)
		return;
	munmap((void *)m->windows->poison, TABLE_BYTES);
	close(m->windows->poison_fd);
	free(m->windows);
	m->windows = NULL;
}

/* ---- tables ---- */

static void enter(uint64_t *table, const struct window *w)
{
	table[WINDOW_INDEX(w->va)] = (uint64_t)(uintptr_t)w->host - w->va;
}

static void poison(uint64_t *table, const struct window *w)
{
	table[WINDOW_INDEX(w->va)] = WINDOW_POISON(w->va);
}

/* Enters or poisons the window in the tables of all contexts that use this half. */
static void in_each_table(struct mmu *mmu, const struct tlb_half *h, unsigned index, const struct window *w,
			  void (*fn)(uint64_t *table, const struct window *w))
{
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		struct tlb_context *c = &mmu->context[i];
		if (c->valid && c->window_table[index] && (h == &c->low || h == mmu_upper_half(mmu, c)))
			fn(c->window_table[index], w);
	}
}

static void in_table(struct tlb_half *h, unsigned index, uint64_t *table,
		     void (*fn)(uint64_t *table, const struct window *w))
{
	for (struct window *w = table ? h->windows[index].first : NULL; w; w = w->next)
		fn(table, w);
}

/* The current context's table for the MMU index, made where there is none. NULL: the host refused. */
static uint64_t *table_for(struct vcpu *cpu, unsigned index)
{
	struct mmu *mmu = cpu->mmu;
	uint64_t **table = &mmu->current->window_table[index];
	if (*table || !process_take_mappings(1))
		return *table;
	uint64_t *t = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, cpu->machine->windows->poison_fd, 0);
	if (t == MAP_FAILED) {
		process_give_mappings(1);
		return NULL;
	}
	*table = t;
	in_table(&mmu->current->low, index, t, enter);
	in_table(mmu_upper_half(mmu, mmu->current), index, t, enter);
	return t;
}

static void free_table(uint64_t **table)
{
	if (*table) {
		munmap(*table, TABLE_BYTES);
		process_give_mappings(1);
	}
	*table = NULL;
}

void window_publish(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	unsigned index = mmu->data_index;
	if (!cpu->machine->windows)
		return;
	struct tlb_half *low = &mmu->current->low, *upper = mmu_upper_half(mmu, mmu->current);
	if (low->windows[index].stale)
		window_revalidate(cpu, low, index);
	if (upper->windows[index].stale)
		window_revalidate(cpu, upper, index);
	const uint64_t *table = mmu->current->window_table[index];
	if (!table && upper->windows[index].first)	/* a new address space has the kernel's windows from the beginning */
		table = table_for(cpu, index);
	cpu->window_table = table ? table : cpu->machine->windows->poison;
}

/* ---- windows ---- */

static uint8_t *reserve(void)
{
	uint8_t *p = mmap(NULL, RESERVATION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p + WINDOW_GUARD;
}

/* Takes the window out of its set and out of the tables. */
static void detach(struct mmu *mmu, struct tlb_half *h, unsigned index, struct window *w)
{
	struct window **p = &h->windows[index].first;
	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (!h->windows[index].first)
		h->windows[index].stale = h->windows[index].cut = false;
	in_each_table(mmu, h, index, w, poison);
	mmu->stats.windows--;
}

/* Where a window is, or the one that has not been used for longest. */
struct search {
	const struct window *of;		/* NULL: the oldest */
	const struct mmu *mmu;
	const struct tlb_half *current[2];	/* whose windows for the current index come last */
	uint64_t oldest;
	struct window *w;
	struct tlb_half *h;
	unsigned index;
};

static void search_half(struct tlb_half *h, const void *arg)
{
	struct search *s = *(struct search *const *)arg;
	for (unsigned i = 0; i < MMU_INDICES; i++)
		for (struct window *w = h->windows[i].first; w; w = w->next) {
			bool current = i == s->mmu->data_index && (h == s->current[0] || h == s->current[1]);
			uint64_t used = w->used + (current ? (uint64_t)1 << 63 : 0);
			if (s->of ? w != s->of : s->w && used >= s->oldest)
				continue;
			s->w = w;
			s->h = h;
			s->index = i;
			s->oldest = used;
		}
}

static bool search(struct mmu *mmu, const struct window *of, struct search *s)
{
	*s = (struct search){ .of = of, .mmu = mmu, .current = { &mmu->current->low, mmu_upper_half(mmu, mmu->current) } };
	mmu_each_half(mmu, search_half, &s);
	return s->w != NULL;
}

static void unreserve(struct vcpu *cpu, struct window *w)
{
	munmap(w->host - WINDOW_GUARD, RESERVATION);
	process_give_mappings(1);
	extents_free(&w->extents);
	free(w);
	cpu->mmu->windows.reserved--;
}

void window_retire(struct vcpu *cpu, struct window *w)
{
	struct search s;
	if (search(cpu->mmu, w, &s))
		detach(cpu->mmu, s.h, s.index, w);
	process_give_mappings(w->extents.n);
	cpu->mmu->windows.extents -= w->extents.n;
	unreserve(cpu, w);
}

/* Empties the window and puts it aside. */
static void put_aside(struct vcpu *cpu, struct tlb_half *h, unsigned index, struct window *w)
{
	detach(cpu->mmu, h, index, w);
	if (!window_clear(cpu, w)) {
		window_retire(cpu, w);
		return;
	}
	w->next = cpu->mmu->windows.free;
	cpu->mmu->windows.free = w;
}

static struct window *new_window(struct vcpu *cpu)
{
	struct window_stock *stock = &cpu->mmu->windows;
	if (stock->free || stock->reserved >= max_windows(cpu) || !process_take_mappings(1))
		return NULL;
	struct window *w = calloc(1, sizeof *w);
	uint8_t *host = w ? reserve() : NULL;
	if (!host) {
		free(w);
		process_give_mappings(1);
		return NULL;
	}
	w->host = host;
	stock->reserved++;
	return w;
}

/* A window for va's segment: a new one, or the one that has not been used for longest. NULL: there is none to be had. */
static struct window *add_window(struct vcpu *cpu, struct tlb_half *h, unsigned index, uint64_t va)
{
	struct mmu *mmu = cpu->mmu;
	struct window *w = new_window(cpu);
	struct search s;
	if (!w && !mmu->windows.free && search(mmu, NULL, &s)) {
		mmu->stats.window_evictions++;
		put_aside(cpu, s.h, s.index, s.w);
	}
	if (!w && (w = mmu->windows.free))
		mmu->windows.free = w->next;
	if (!w)
		return NULL;
	w->va = va & ~(WINDOW_SIZE - 1);
	w->next = h->windows[index].first;
	h->windows[index].first = w;
	in_each_table(mmu, h, index, w, enter);
	mmu->stats.windows++;
	return w;
}

static struct window *find_window(const struct tlb_half *h, unsigned index, uint64_t va)
{
	for (struct window *w = h->windows[index].first; w; w = w->next)
		if (w->va == (va & ~(WINDOW_SIZE - 1)))
			return w;
	return NULL;
}

/* ---- contexts ---- */

static void drop_half(struct vcpu *cpu, struct tlb_half *h)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		while (h->windows[i].first)
			put_aside(cpu, h, i, h->windows[i].first);
}

/* What the context's tables say is what its halves' windows are, so that they need not be cleared as a whole, which would make the host's other
 * processors flush their TLBs. */
void window_forget(struct vcpu *cpu, struct tlb_context *c)
{
	if (!cpu->machine->windows || !c->valid)
		return;
	drop_half(cpu, &c->low);
	if (c->own_upper)
		drop_half(cpu, &c->upper);
	else
		window_leave_shared(cpu, c);
}

void window_adopt(struct vcpu *cpu, struct tlb_context *c)
{
	for (unsigned i = 0; cpu->machine->windows && i < MMU_INDICES; i++)
		in_table(mmu_upper_half(cpu->mmu, c), i, c->window_table[i], enter);
}

void window_leave_shared(struct vcpu *cpu, struct tlb_context *c)
{
	for (unsigned i = 0; cpu->machine->windows && i < MMU_INDICES; i++)
		in_table(mmu_upper_half(cpu->mmu, c), i, c->window_table[i], poison);
}

static void destroy_half(struct tlb_half *h, const void *arg)
{
	drop_half(*(struct vcpu *const *)arg, h);
}

void window_destroy(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	mmu_each_half(mmu, destroy_half, &cpu);
	while (mmu->windows.free) {
		struct window *w = mmu->windows.free;
		mmu->windows.free = w->next;
		unreserve(cpu, w);
	}
	for (unsigned c = 0; c < TLB_CONTEXTS; c++)
		for (unsigned i = 0; i < MMU_INDICES; i++)
			free_table(&mmu->context[c].window_table[i]);
	cpu->window_table = NULL;
}

/* ---- faults ---- */

/*
 * The walk and everything that speaks against a mapping. A fault of the guest is not raised here: the instruction is done
 * again, outside of generated code, with all its other effects in order.
 */
static enum window_answer fill(struct vcpu *cpu, uint64_t va, bool write, bool again)
{
	struct mmu *mmu = cpu->mmu;
	unsigned index = mmu->data_index;
	struct mmu_leaf leaf;
	struct exception before = cpu->exception;
	/* Bits 57 to 63 do not select an entry: they must say the same as bit 56. */
	if (!cpu->machine->windows || (uint64_t)sign_extend(va, 57) != va)
		return WINDOW_LEAVE;
	if (!cpu->machine->arch->translate(cpu, va, write ? MMU_WRITE : MMU_READ, index, false, &leaf)) {
		cpu->exception = before;
		return WINDOW_LEAVE;
	}
	const struct phys_range *r = window_range(cpu, va, &leaf, write);
	if (!r)
		return WINDOW_LEAVE;
	if (va >> 63 && !leaf.global && !mmu->current->own_upper) {
		mmu_own_upper(cpu);
		if (again)	/* what faulted was a window of the shared tables */
			return WINDOW_LEAVE;
	}
	struct tlb_half *h = mmu_half(mmu, va);
	struct window *w = find_window(h, index, va);
	if (!table_for(cpu, index) || (!w && !(w = add_window(cpu, h, index, va)))) {
		mmu->stats.window_refused++;
		return WINDOW_LEAVE;
	}
	w->used = ++mmu->clock;
	if (!window_map(cpu, &h->windows[index], w, va, &leaf, r, write, again))
		return WINDOW_LEAVE;
	bool there = window_look_ahead(cpu, h, index, w, va, write);
	window_publish(cpu);
	return there ? WINDOW_RETRY : WINDOW_LEAVE;
}

static enum window_answer counted(struct vcpu *cpu, enum window_answer answer)
{
	if (answer == WINDOW_LEAVE)
		cpu->mmu->stats.window_leaves++;
	return answer;
}

enum window_answer window_fault(struct vcpu *cpu, uint64_t host_address, bool write)
{
	struct mmu *mmu = cpu->mmu;
	struct tlb_half *half[2] = { &mmu->current->low, mmu_upper_half(mmu, mmu->current) };
	for (unsigned i = 0; i < 2; i++)
		for (struct window *w = half[i]->windows[mmu->data_index].first; w; w = w->next) {
			uint64_t offset = host_address - (uint64_t)(uintptr_t)w->host;
			if (offset < WINDOW_SIZE)
				return counted(cpu, fill(cpu, w->va + offset, write, true));
		}
	return counted(cpu, WINDOW_LEAVE);
}

enum window_answer window_fault_at(struct vcpu *cpu, uint64_t va, bool write)
{
	return counted(cpu, fill(cpu, va, write, false));
}

uint64_t window_home(const struct vcpu *cpu)
{
	enum { SMALL = 1 << 16 };	/* no address that a system gives its programs */
	uint64_t home = 0;
	unsigned most = 0;
	for (unsigned i = 1; cpu->window_table && i < SLOT_TEMP; i++) {
		uint64_t segment = cpu->reg[i] >> WINDOW_BITS;
		unsigned n = 0;
		if (cpu->reg[i] < SMALL || cpu->window_table[WINDOW_INDEX(cpu->reg[i])] == WINDOW_POISON(cpu->reg[i]))
			continue;
		for (unsigned k = 1; k < SLOT_TEMP; k++)
			n += cpu->reg[k] >> WINDOW_BITS == segment;
		if (n > most) {
			most = n;
			home = segment;
		}
	}
	return home;
}
