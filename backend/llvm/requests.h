/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that wait for a thread to make regions of them: a bounded queue, the hottest first. Any thread. */
#pragma once
#include <pthread.h>
#include "backend/cache/codecache.h"

#define REQUESTS_MAX 1024
/*
 * Where a vCPU was when it executed a block: the page's address, the keys of its virtual-PC cache, the segment that its registers lead to. cpu NULL: not
 * known.
 */
struct sighting { const struct vcpu *cpu; uint64_t page, key[2], home; };
struct request {
	struct code_block *block;
	struct sighting seen;
	uint64_t epoch, sample;		/* epoch: of the code cache */
	unsigned heat;
};
struct requests {
	pthread_mutex_t lock;	/* of what follows; taken inside the cache's lock */
	pthread_cond_t changed;
	unsigned room, n;	/* room: at most REQUESTS_MAX */
	bool end;
	struct request queue[REQUESTS_MAX];
};

void requests_init(struct requests *q, unsigned room);
void requests_destroy(struct requests *q);
/* In the place of an older request for the block, and if the queue is full, of a colder one; dropped if all are hotter. */
void requests_add(struct requests *q, struct request request);
/* Takes the hottest request. Sleeps while there is none; false: the end. */
MUST_CHECK bool requests_next(struct requests *q, struct request *request);
/* Whoever waits, and will, gets the end. */
void requests_end(struct requests *q);
