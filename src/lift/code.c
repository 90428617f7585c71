// SPDX-License-Identifier: Apache-2.0
/* Machine code for what has been lifted. */
#include <stdio.h>
#include <stdlib.h>
#include "src/lift/internal.h"

bool lift_compile(struct lift *l, struct lift_blocks *x, struct error *err)
{
	struct region *r = calloc(1, sizeof *r);
	struct inspect *inspect = r ? inspect_begin(l->source->frontend->pinned_slots, err) : NULL;
	bool good = inspect || (!r && lift_no_memory(err)), any = false;
	for (unsigned i = 0; good && i < l->n_blocks; i++)
		good = blocks_translate(x, l->block[i], NULL, NULL, err);
	for (unsigned i = 0; good && i < l->n_regions; i++) {
		const struct lift_region *region = &l->region[i];
		/* with the blocks in the order that their rows have */
		if (!blocks_form(x, l->block[region->first_block], !l->options.region, r))
			continue;
		for (unsigned k = 0; k < region->n_blocks; k++)
			l->block[region->first_block + k]->compiled = true;
		inspect_add(inspect, r, region->name, region->row);
		any = true;
	}
	good = good && (!any || inspect_finish(inspect, l->options.passes, l->options.intel, &l->code, err));
	inspect_destroy(inspect);
	free(r);
	return good;
}

bool lift_copy(struct lift *l, struct lift_blocks *x, struct error *err)
{
	for (unsigned i = 0; i < l->n_blocks; i++) {
		struct lift_block *b = l->block[i];
		char label[40];
		uint64_t cold = 0;
		int n = snprintf(label, sizeof label, "block_%llx:", (unsigned long long)b->va);
		listing_add(&l->code.host, 0, false, label, (size_t)n);
		if (!blocks_translate(x, b, &l->code.host, &cold, err))
			return false;
		l->cold_bytes += cold;
		b->compiled = true;
	}
	return true;
}
