// SPDX-License-Identifier: Apache-2.0
#include "src/profile/tree.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct node *child(struct node *parent, const char *name, uint8_t privilege)
{
	struct node **at = &parent->first;
	int order = 1;
	while (*at && (order = strcmp((*at)->name, name)) < 0)
		at = &(*at)->next;
	if (*at && !order)
		return *at;
	struct node *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	snprintf(n->name, sizeof n->name, "%s", name);
	n->privilege = privilege;
	n->parent = parent;
	n->depth = parent->depth + 1;
	n->next = *at;
	*at = n;
	return n;
}

static bool count(struct node *n, uint64_t weight)
{
	if (!n)
		return false;
	n->self += weight;
	for (; n; n = n->parent)
		n->total += weight;
	return true;
}

static bool add(struct node *root, const struct profile *p, const struct entry *e)
{
	struct call call[NAMES_MOST_CALLS];
	unsigned depth = names_stack(p->names, e, call, NAMES_MOST_CALLS);
	char mode[48];
	if (e->space)	/* programs apart */
		snprintf(mode, sizeof mode, "%s %" PRIx64, privilege_name(e->privilege), e->space);
	else
		snprintf(mode, sizeof mode, "%s", privilege_name(e->privilege));
	struct node *n = child(root, mode, e->privilege);
	for (unsigned i = depth; n && i-- > 0;)
		n = child(n, call[i].function.name, e->privilege);
	return count(n, profile_weight(p, e));
}

struct node *tree_make(const struct profile *p)
{
	struct node *root = calloc(1, sizeof *root);
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	bool good = root;
	if (root)
		snprintf(root->name, sizeof root->name, "all");
	for (const struct entry *e = entry; good && e < entry + n; e++)
		good = add(root, p, e);
	if (good && p->stats.idle)
		good = count(child(root, "idle", NODE_IDLE), p->stats.idle);
	if (good)
		return root;
	tree_free(root);
	return NULL;
}

void tree_free(struct node *n)
{
	if (!n)
		return;
	while (n->first) {
		struct node *first = n->first;
		n->first = first->next;
		tree_free(first);
	}
	free(n);
}
