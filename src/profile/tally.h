/* SPDX-License-Identifier: Apache-2.0 */
/* What has been observed, before anybody asks what it is called: equal samples are counted together; so are executions of equal blocks. */
#pragma once
#include "frontends/frontend.h"
#include "runtime/sampler.h"

/* One kind of sample, or one block. */
struct entry {
	uint64_t count;		/* samples; executions */
	uint64_t pc;		/* instruction; a block's first one. 0: not known */
	uint64_t space;		/* address space; 0 but for user programs, for all others are mapped everywhere */
	uint64_t block;		/* address of the block's first instruction; pc's page if not known */
	uint16_t n_insns, bytes;/* of the block; 0: not known */
	uint32_t host_bytes;
	uint8_t tier, privilege;	/* enum vcpu_tier, enum privilege */
	uint16_t n_frames;
	uint64_t caller;	/* struct sample */
	const uint64_t *frame;	/* return addresses, innermost first */
};

struct tally;
/* NULL: out of memory. */
struct tally *tally_new(void);
void tally_free(struct tally *s);
/* One thread at a time. */
void tally_sample(struct tally *s, const struct sample *sample, enum privilege privilege);
void tally_block(struct tally *s, uint64_t pc, uint64_t space, enum privilege privilege, enum vcpu_tier tier, unsigned n_insns,
		 unsigned bytes);
/* Adds what is in `from`. */
void tally_merge(struct tally *s, const struct tally *from);
/* Not counted for lack of memory, or because there are more than 2^22 kinds. */
uint64_t tally_dropped(const struct tally *s);
/* All entries, in no order, until the tally changes. */
const struct entry *tally_entries(const struct tally *s, size_t *n);
