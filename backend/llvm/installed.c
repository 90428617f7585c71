// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/installed.h"
#include <stdlib.h>

struct installed *installed_at(const struct code_block *head)
{
	for (struct region_use *use = head->regions; use; use = use->next)
		if (use->region->live && use->region->head == head)
			return use->region;
	return NULL;
}

void installed_sample(const struct code_block *b)
{
	for (struct region_use *use = b->regions; use; use = use->next)
		use->region->samples += use->region->live;
}

bool installed_since(const struct code_block *b, uint64_t sample)
{
	for (struct region_use *use = b->regions; use; use = use->next)
		if (use->region->live && use->region->since >= sample)
			return true;
	return false;
}

struct installed *installed_with(const struct installed_list *l, const char *pc)
{
	struct installed *region = l->first;
	while (region && !(pc >= region->code.begin && pc < region->code.end))
		region = region->next;
	return region;
}

bool installed_line(const struct installed *region, unsigned line, const struct code_block **b, unsigned *insn)
{
	unsigned first = REGION_LINE + 1;	/* of the block's beginning */
	for (unsigned i = 0; i < region->n_blocks && line >= first; i++) {
		*b = region->use[i].block;
		*insn = line - first;		/* counted from 1 */
		if (*insn <= (*b)->n_insns)
			return true;
		first += (*b)->n_insns + 1u;
	}
	return false;
}

bool installed_find_line(const struct installed *region, const char *pc, const struct code_block **b, unsigned *uop)
{
	const struct line_row *row = line_table_at(&region->code.lines, (uint64_t)(pc - region->code.begin));
	while (row && row->line <= REGION_LINE)
		row = row > region->code.lines.row ? row - 1 : NULL;
	unsigned insn;
	if (!row || !installed_line(region, row->line, b, &insn))
		return false;
	*uop = insn ? (*b)->insn[insn - 1].first_uop : 0;
	return true;
}

void installed_retire(struct installed_list *l, struct installed *region)
{
	if (!region->live)
		return;
	region->live = false;
	stencil_redirect(l->arena, region->head, NULL, &region->original);
	l->dropped++;
}

struct installed *installed_add(struct installed_list *l, const struct region *formed, struct compiled *code, const struct sighting *seen,
				uint64_t sample)
{
	struct code_block *head = formed->block[0].block;
	struct installed *region, *old = installed_at(head);	/* `llvm`: of the block alone */
	region = calloc(1, sizeof *region + formed->n_blocks * sizeof *region->use);
	if (!region) {
		compiled_free(code);
		return NULL;
	}
	if (old)
		installed_retire(l, old);
	region->head = head;
	region->code = *code;
	region->n_blocks = formed->n_blocks;
	region->live = true;
	region->since = sample;
	region->seen = *seen;
	for (unsigned i = 0; i < formed->n_blocks; i++) {
		region->use[i] = (struct region_use){ formed->block[i].block->regions, region, formed->block[i].block };
		formed->block[i].block->regions = &region->use[i];
	}
	region->next = l->first;
	l->first = region;
	stencil_redirect(l->arena, head, code->entry, &region->original);
	return region;
}

void installed_drop(struct installed_list *l, struct code_block *b)
{
	for (struct region_use *use = b->regions; use; use = use->next)
		installed_retire(l, use->region);
}

void installed_flush(struct installed_list *l)
{
	while (l->first) {
		struct installed *region = l->first;
		l->first = region->next;
		compiled_free(&region->code);
		free(region);
	}
}
