// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/recall.h"
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backend/llvm/compile.h"
#include "ir/ir.h"

#define INPUT_MAX ((size_t)128 << 10)	/* more than any region's */

struct side {
	struct record_name name;
	struct stored stored;
	char input[INPUT_MAX];
};
struct recall {
	struct recall_config config;
	struct store *store;
	char version[256];
	struct side reading;		/* the region that has been read last … */
	void *record;			/* … as a record */
	struct ir_block lifted;
};
struct recall_writer {
	struct recall *recall;
	struct side side;		/* the region that has been noted last … */
	uint8_t guest[2 * PAGE_SIZE];	/* … with its code */
};

/* ---- versions ---- */

struct build { const void *code; char id[41]; };

/* The build id of the program or library that holds `code`. */
static int find_build(struct dl_phdr_info *info, size_t size, void *opaque)
{
	struct build *b = opaque;
	bool mine = false;
	uintptr_t offset = (uintptr_t)b->code - info->dlpi_addr;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		mine |= info->dlpi_phdr[i].p_type == PT_LOAD && offset - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_memsz;
	for (unsigned i = 0; mine && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)(info->dlpi_addr + p->p_vaddr), *end = at + p->p_memsz;
		while (p->p_type == PT_NOTE && end - at >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const void *)at;
			const unsigned char *id = (const unsigned char *)at + sizeof *note + ((note->n_namesz + 3) & ~3u);
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz <= 20)
				for (unsigned k = 0; k < note->n_descsz; k++)
					snprintf(b->id + 2 * k, 3, "%02x", id[k]);
			at = (const char *)id + ((note->n_descsz + 3) & ~3u);
		}
	}
	return mine;
}

static bool describe_version(struct recall *x, struct error *err)
{
	struct build build = { .code = (const void *)find_build };
	char compiler[160];
	dl_iterate_phdr(find_build, &build);
	if (!compiler_describe(compiler, sizeof compiler, err))
		return false;
	snprintf(x->version, sizeof x->version, "%s %s%s%s", build.id, compiler, x->config.poll_all ? " poll_all" : "", x->config.at_once ? " at_once" : "");
	return build.id[0] || error_set(err, ERROR_HOST, "this program has been linked without --build-id");
}

/* ---- life ---- */

struct recall *recall_open(const char *directory, uint64_t limit, const struct recall_config *config, struct error *err)
{
	struct recall *x = calloc(1, sizeof *x);
	if (!x) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	x->config = *config;
	x->store = describe_version(x, err) ? store_open(directory, x->version, limit, err) : NULL;
	if (x->store)
		return x;
	free(x);
	return NULL;
}

void recall_close(struct recall *x)
{
	if (!x)
		return;
	store_close(x->store);
	free(x->record);
	free(x);
}

void recall_get_stats(struct recall *x, struct store_stats *s)
{
	store_get_stats(x->store, s);
}

/* ---- names ---- A record's id is a hash of its input, but for the last bit: whether it goes through windows. */

/* A store of the guest's that is on its way may still change the bytes: they are compared when they are used. */
static void copy_code(const struct recall *x, uint64_t pa, void *to, unsigned size)
{
	(void)!phys_read(&x->config.machine->phys, GPA(pa), to, size);
}

static uint64_t key_of(const struct recall *x, const struct code_block *b)
{
	uint8_t bytes[PAGE_SIZE];
	const uint32_t words[] = { b->mode, b->pa & (PAGE_SIZE - 1), b->bytes };
	copy_code(x, b->pa, bytes, b->bytes);
	return record_hash(record_hash(0, words, sizeof words), bytes, b->bytes);
}

bool recall_knows(struct recall *x, const struct code_block *head)
{
	uint64_t id;
	return head->second_pa == CODE_NO_PAGE && store_find(x->store, key_of(x, head), &id, 1);
}

/* Without windows first: such a region is there if the one with them faulted too much. */
unsigned recall_find(struct recall *x, const struct code_block *head, struct record_name name[RECALL_CHOICES])
{
	uint64_t id[2 * RECALL_CHOICES], key = key_of(x, head);
	unsigned n = head->second_pa == CODE_NO_PAGE ? store_find(x->store, key, id, ARRAY_SIZE(id)) : 0, chosen = 0;
	bool windows = x->config.windows && !head->no_windows;
	for (unsigned w = x->config.only; w <= windows; w++)
		for (unsigned i = 0; i < n && chosen < RECALL_CHOICES; i++)
			if ((id[i] & 1) == w)
				name[chosen++] = (struct record_name){ key, id[i] };
	return chosen;
}

/* ---- reading ---- */

bool recall_read(struct recall *x, struct record_name name)
{
	size_t size;
	x->reading.name = name;
	free(x->record);
	x->record = store_read(x->store, name, &size);
	return x->record && stored_parse(&x->reading.stored, x->version, x->record, size);
}

static const uint8_t *no_next_page(void *opaque)
{
	return NULL;
}

/* A live block's page is marked as code, and what is written to it waits for the lock. */
static struct code_block *make_block(void *opaque, const struct code_block *in, unsigned offset)
{
	struct recall *x = opaque;
	struct machine *m = x->config.machine;
	struct phys_page *page;
	const uint8_t *bytes = codecache_page(x->config.cache, in, &page);
	const struct lift_request req = {
		.cpu = m->vcpu[0], .mode = in->mode, .va = offset, .code = bytes + offset, .size = (unsigned)PAGE_SIZE - offset,
		.next_page = no_next_page, .max_insns = BLOCK_MAX_INSNS,
	};
	if (in->dead || !m->frontend->lift(&req, &x->lifted) || x->lifted.crosses_page)
		return NULL;
	ir_optimise(&x->lifted, m->frontend->helpers);
	return codecache_add(x->config.cache, &x->lifted, (in->va & PAGE_MASK) + offset, (in->pa & PAGE_MASK) + offset, CODE_NO_PAGE, in->mode,
			     (struct phys_page *const[2]){ page, NULL });
}

static void make_code(void *opaque, struct code_block *b)
{
	const struct recall_config *c = &((struct recall *)opaque)->config;
	/* what prepares a block where all become regions would call this */
	for (unsigned i = 0; i <= c->tuning->uses_before_code && !b->code && !c->at_once; i++)
		if (!codecache_prepare(c->cache, b))
			break;
}

bool recall_form(struct recall *x, struct region *r, struct code_block *head, const struct region_far *far, struct image *image)
{
	const struct recall_config *c = &x->config;
	struct side *side = &x->reading;
	const struct stored *s = &side->stored;
	const struct region_former former = {
		.cache = c->cache, .tuning = c->tuning, .frontend = c->machine->frontend, .poll_all = c->poll_all, .op_of = c->op_of,
		.arena = c->arena, .far = *far, .shape = &s->shape, .make_block = make_block, .make_code = make_code, .opaque = x,
	};
	uint8_t page[PAGE_SIZE];
	copy_code(x, head->pa & PAGE_MASK, page, PAGE_SIZE);
	if (head->dead || !stored_matches(s, page) || !region_form(r, &former, head))
		return false;
	r->windows = side->name.id & 1;
	*image = s->image;
	return stored_describe(r, side->input, sizeof side->input) == s->input_size && s->input_size <= sizeof side->input &&
	       !memcmp(side->input, s->input, s->input_size) && stored_image_holds(image, r);
}

/* ---- writing ---- */

struct recall_writer *recall_writer_create(struct recall *x)
{
	struct recall_writer *w = calloc(1, sizeof *w);
	if (w)
		w->recall = x;
	return w;
}

void recall_note(struct recall_writer *w, const struct region *r)
{
	struct side *side = &w->side;
	struct stored *s = &side->stored;
	*s = (struct stored){ .guest = w->guest, .input = side->input };
	region_get_shape(r, &s->shape);
	for (unsigned i = 0; i < r->n_blocks && s->guest_size + r->block[i].block->bytes <= sizeof w->guest; i++) {
		s->length[i] = r->block[i].block->bytes;
		copy_code(w->recall, r->block[i].block->pa, w->guest + s->guest_size, s->length[i]);
		s->guest_size += s->length[i];
	}
	side->name.key = key_of(w->recall, r->block[0].block);
}

void recall_keep(struct recall_writer *w, const struct region *r, const struct image *image)
{
	struct side *side = &w->side;
	struct stored *s = &side->stored;
	size_t size;
	s->input_size = stored_describe(r, side->input, sizeof side->input);
	s->image = *image;
	side->name.id = (record_hash(0, side->input, s->input_size) & ~(uint64_t)1) | r->windows;
	void *record = s->input_size <= sizeof side->input ? stored_print(s, w->recall->version, &size) : NULL;
	if (record)
		store_write(w->recall->store, side->name, record, size);
	free(record);
}
