// SPDX-License-Identifier: Apache-2.0
/* The soft MMU's contexts: which tables are current, and what a flush drops. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/log.h"
#include "runtime/tlb.h"

/* What executors see where a table has not been allocated: nothing hits, nobody writes. */
static struct tlb_entry no_entries = { .tag = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG } };

/* ---- contexts ---- */

struct tlb_half *mmu_upper_half(struct mmu *mmu, struct tlb_context *c)
{
	return c->own_upper ? &c->upper : &mmu->mode[c->key >> 60]->upper;
}

struct tlb_half *mmu_half(struct mmu *mmu, uint64_t va)
{
	return va >> 63 ? mmu_upper_half(mmu, mmu->current) : &mmu->current->low;
}

void mmu_publish(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	struct tlb_half *half[2] = { &mmu->current->low, mmu_upper_half(mmu, mmu->current) };
	for (unsigned i = 0; i < 2; i++) {
		struct tlb_table *t = &half[i]->tlb[mmu->data_index].t;
		cpu->tlb[i] = t->entries ? *t : (struct tlb_table){ (char *)&no_entries, 0 };
		cpu->code_id[i] = half[i]->code_id;
	}
	window_publish(cpu);
}

static void new_code_id(struct mmu *mmu, struct tlb_half *h)
{
	h->code_id = ++mmu->next_code_id;
	memset(h->code_filter, 0, sizeof h->code_filter);
	h->large_code_first = UINT64_MAX;
	h->large_code_last = 0;
}

static void flush_half(struct mmu *mmu, struct tlb_half *h)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		if (h->live >> i & 1)
			tlb_flush(&h->tlb[i]);
	h->live = 0;
	new_code_id(mmu, h);
}

void mmu_own_upper(struct vcpu *cpu)
{
	struct tlb_context *c = cpu->mmu->current;
	window_leave_shared(cpu, c);
	c->own_upper = true;
	flush_half(cpu->mmu, &c->upper);
	mmu_publish(cpu);
	vcpu_trip(cpu);		/* the virtual-PC cache's key for this half is another now */
}

void mmu_each_half(struct mmu *mmu, void (*fn)(struct tlb_half *h, const void *arg), const void *arg)
{
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		if (!mmu->context[i].valid)
			continue;
		fn(&mmu->context[i].low, arg);
		if (mmu->context[i].own_upper)
			fn(&mmu->context[i].upper, arg);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->mode); i++)
		if (mmu->mode[i])
			fn(&mmu->mode[i]->upper, arg);
}

static void free_half(struct tlb_half *h)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		tlb_free(&h->tlb[i]);
}

static struct tlb_context *find_context(struct vcpu *cpu, uint64_t key)
{
	struct mmu *mmu = cpu->mmu;
	struct tlb_context *oldest = &mmu->context[0];
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		struct tlb_context *c = &mmu->context[i];
		if (c->valid && c->key == key)
			return c;
		if (!c->valid || (oldest->valid && c->used < oldest->used))
			oldest = c;
	}
	flush_half(mmu, &oldest->low);
	if (oldest->own_upper)
		flush_half(mmu, &oldest->upper);
	window_forget(cpu, oldest);
	oldest->own_upper = false;
	oldest->valid = true;
	oldest->key = key;
	window_adopt(cpu, oldest);
	mmu->stats.contexts++;
	return oldest;
}

uint64_t mmu_context(const struct vcpu *cpu)
{
	const struct tlb_context *c = cpu->mmu->current;
	return c ? c->key : 0;
}

void mmu_set_context(struct vcpu *cpu, uint64_t key, unsigned data_index, unsigned fetch_index)
{
	struct mmu *mmu = cpu->mmu;
	if (!mmu->current || mmu->current->key != key) {
		mmu->stats.switches++;
		if (!mmu->mode[key >> 60]) {
			struct tlb_mode *m = calloc(1, sizeof *m);
			if (!m)
				abort();	/* a guest mode without tables cannot go on, and 16 small ones are all there can be */
			new_code_id(mmu, &m->upper);
			mmu->mode[key >> 60] = m;
		}
		mmu->current = find_context(cpu, key);
		mmu->current->used = ++mmu->clock;
	} else if (mmu->data_index == data_index) {
		mmu->fetch_index = fetch_index;
		return;
	}
	mmu->data_index = data_index;
	mmu->fetch_index = fetch_index;
	mmu_publish(cpu);
}

bool mmu_vcpu_init(struct vcpu *cpu, struct error *err)
{
	cpu->mmu = calloc(1, sizeof *cpu->mmu);
	if (!cpu->mmu)
		return error_set(err, ERROR_HOST, "soft MMU of vCPU %u: out of memory", cpu->index);
	mmu_set_context(cpu, 0, 0, 0);
	return true;
}

void mmu_vcpu_destroy(struct vcpu *cpu)
{
	struct mmu *mmu = cpu->mmu;
	if (!mmu)
		return;
	window_destroy(cpu);
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		free_half(&mmu->context[i].low);
		free_half(&mmu->context[i].upper);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->mode); i++) {
		if (mmu->mode[i])
			free_half(&mmu->mode[i]->upper);
		free(mmu->mode[i]);
	}
	free(mmu);
	cpu->mmu = NULL;
}

/* ---- code ids ---- */

static unsigned filter_bit(uint64_t va)
{
	return (unsigned)((va >> PAGE_BITS) * 0x9e3779b97f4a7c15u >> 55);
}

void mmu_note_code(struct vcpu *cpu, uint64_t va, unsigned leaf_bits)
{
	struct tlb_half *h = mmu_half(cpu->mmu, va);
	unsigned bit = filter_bit(va);
	h->code_filter[bit / 64] |= (uint64_t)1 << bit % 64;
	if (leaf_bits > PAGE_BITS) {
		uint64_t first = va & ~(((uint64_t)1 << leaf_bits) - 1), last = va | (((uint64_t)1 << leaf_bits) - 1);
		if (first < h->large_code_first)
			h->large_code_first = first;
		if (last > h->large_code_last)
			h->large_code_last = last;
	}
}

/* ---- flush ---- */

static void flush_page(struct mmu *mmu, struct tlb_half *h, uint64_t va)
{
	for (unsigned i = 0; i < MMU_INDICES; i++)
		if (h->live >> i & 1)
			tlb_flush_page(&h->tlb[i], va);
	unsigned bit = filter_bit(va);
	if (h->code_filter[bit / 64] >> bit % 64 & 1 || (va >= h->large_code_first && va <= h->large_code_last))
		new_code_id(mmu, h);
}

static void flush_either(struct vcpu *cpu, struct tlb_half *h, const struct mmu_flush *f)
{
	if (f->all_addresses)
		flush_half(cpu->mmu, h);
	else
		flush_page(cpu->mmu, h, f->va);
	window_flush(cpu, h, f->all_addresses ? NULL : &f->va);
}

static void log_flush(const struct vcpu *cpu, const struct mmu_flush *f)
{
	const char *whose = f->all_contexts ? "all address spaces" : "some address spaces";
	if (f->all_addresses && log_covers(cpu->machine, 0, UINT64_MAX))
		log_line(cpu->machine, cpu, "flush of all pages, %s", whose);
	else if (!f->all_addresses && log_covers(cpu->machine, f->va & PAGE_MASK, PAGE_SIZE))
		log_line(cpu->machine, cpu, "flush of page 0x%" PRIx64 ", %s", f->va & PAGE_MASK, whose);
}

void mmu_flush(struct vcpu *cpu, const struct mmu_flush *f)
{
	struct mmu *mmu = cpu->mmu;
	if (f->all_addresses)
		mmu->stats.flushes++;
	else
		mmu->stats.page_flushes++;
	bool low = f->all_addresses || !(f->va >> 63), upper = f->all_addresses || f->va >> 63;
	if (log_wants(cpu->machine, LOG_MMU))
		log_flush(cpu, f);
	for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
		struct tlb_context *c = &mmu->context[i];
		if (!c->valid || !(f->all_contexts || f->match(c->key, f->arg)))
			continue;
		/* Global entries of a context's own tables go with the others: dropping too much is always right. */
		if (low)
			flush_either(cpu, &c->low, f);
		if (upper && c->own_upper)
			flush_either(cpu, &c->upper, f);
	}
	for (unsigned i = 0; upper && f->all_contexts && i < ARRAY_SIZE(mmu->mode); i++)
		if (mmu->mode[i])
			flush_either(cpu, &mmu->mode[i]->upper, f);
	mmu_publish(cpu);
}

void mmu_get_stats(const struct vcpu *cpu, struct mmu_stats *stats)
{
	*stats = cpu->mmu->stats;
	stats->window_extents = cpu->mmu->windows.extents;
}
