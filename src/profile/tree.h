/* SPDX-License-Identifier: Apache-2.0 */
/* Call stacks put together from the root: mode, then functions, callers first. */
#pragma once
#include "src/profile/profile.h"

struct node {
	char name[160];		/* as it is; output formats escape it */
	uint64_t self, total;
	struct node *parent, *first, *next;	/* children by name */
	unsigned depth;		/* of the root: 0 */
	uint8_t privilege;	/* of functions and modes; 3: idle */
};
#define NODE_IDLE 3

/* The root is named "all". NULL: no memory. */
struct node *tree_make(const struct profile *p);
void tree_free(struct node *n);
