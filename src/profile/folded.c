// SPDX-License-Identifier: Apache-2.0
/* Folded stacks, as Brendan Gregg's flamegraph.pl and its kin read them: "mode;caller;function count". */
#include <inttypes.h>
#include "src/profile/tree.h"

/* The format knows no escapes. */
static void put_name(FILE *f, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' || (unsigned char)*name <= ' ' || *name == 127 ? '_' : *name, f);
}

static void put_stack(FILE *f, const struct node *n)
{
	if (n->depth > 1) {
		put_stack(f, n->parent);
		fputc(';', f);
	}
	put_name(f, n->name);
}

static void put(FILE *f, const struct node *n)
{
	if (n->self && n->depth) {
		put_stack(f, n);
		fprintf(f, " %" PRIu64 "\n", n->self);
	}
	for (const struct node *c = n->first; c; c = c->next)
		put(f, c);
}

void profile_folded(const struct profile *p, FILE *f)
{
	struct node *root = tree_make(p);
	if (root)
		put(f, root);
	tree_free(root);
}
