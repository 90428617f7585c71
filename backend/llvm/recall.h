/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions of earlier runs, from the cache on disk. They are found by the guest's code at their beginning, and have the shape that was hot then: blocks
 * that have not been executed yet are lifted. One thread finds, reads and forms; others note and keep, each with a writer of its own.
 */
#pragma once
#include "backend/cache/store.h"
#include "backend/llvm/stored.h"

struct recall;
struct recall_writer;
struct recall_config {
	struct machine *machine;
	struct codecache *cache;
	const struct tuning *tuning;
	region_op_of *op_of;
	const void *arena;	/* op_of's */
	bool poll_all;		/* as struct region_former */
	bool at_once;		/* every block becomes a region, so that others are worth having than where only the hot do */
	bool windows, only;	/* regions may go through direct windows; must */
};

/* Opens the cache in a directory; NULL: err says why there is none. */
struct recall *recall_open(const char *directory, uint64_t limit, const struct recall_config *config, struct error *err);
void recall_close(struct recall *x);
/* For one thread; free() it. NULL: out of memory. */
struct recall_writer *recall_writer_create(struct recall *x);

/* With the code cache's lock, any thread: */
/* Whether there may be a region that begins at this block, which has code; looks at no file. */
bool recall_knows(struct recall *x, const struct code_block *head);
/* The names of records for it, at most RECALL_CHOICES, the best first; returns how many. */
#define RECALL_CHOICES 4
unsigned recall_find(struct recall *x, const struct code_block *head, struct record_name name[RECALL_CHOICES]);
/* Notes of a region that has been formed what recall_keep needs of the guest. */
void recall_note(struct recall_writer *w, const struct region *r);
/* Forms the region that was read last. False: the guest's code is other, or what is made of it. */
MUST_CHECK bool recall_form(struct recall *x, struct region *r, struct code_block *head, const struct region_far *far, struct image *image);

/* Without the code cache's lock: */
/* Reads a record. False: there is none. */
MUST_CHECK bool recall_read(struct recall *x, struct record_name name);
/* Writes the region that was noted last, which was compiled to an image. */
void recall_keep(struct recall_writer *w, const struct region *r, const struct image *image);
/* Any thread. */
void recall_get_stats(struct recall *x, struct store_stats *s);
