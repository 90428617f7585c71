/* SPDX-License-Identifier: Apache-2.0 */
/* A profile: where a guest has spent its time, or how often it has executed what, and the forms in which that is told. */
#pragma once
#include <stdio.h>
#include "src/profile/names.h"

struct profile {
	struct tally *tally;
	struct names *names;
	bool exact;			/* blocks counted, not samples taken */
	unsigned rate;			/* samples a second that were asked for */
	uint64_t period_ns;		/* that one sample stands for: the time of all vCPUs by their looks */
	struct sampler_stats stats;
	uint64_t samples;		/* in the tally */
	uint64_t host_ns, insns;	/* while it was taken; all vCPUs */
	uint64_t vcpu_ns, other_ns;	/* host processor time of the vCPUs' threads, and of all others */
	unsigned vcpus;
	const char *arch;		/* the frontend's */
	struct vm *vm;			/* for disassembly and memory, paused */
};

/* What an entry weighs: samples, or executed instructions. */
uint64_t profile_weight(const struct profile *p, const struct entry *e);

/* A function or a block of one mode, and for user programs of one address space. */
struct row {
	uint64_t start, end;		/* of the function or the block */
	uint64_t space;
	uint8_t privilege;
	struct function function;	/* that it is, or lies in */
	uint64_t self;			/* weight of what is in it */
	uint64_t total;			/* functions: and of what it has called */
	uint64_t executions;		/* exact: of blocks; of the block that a function begins with */
	uint64_t tier[N_TIERS];		/* self by tier */
	uint16_t n_insns, bytes;	/* blocks; 0: not known */
	uint32_t host_bytes;
};
struct rows { struct row *row; size_t n; };	/* heaviest first; malloc'd */
/* n 0: nothing there, or no memory. by_total: ordered by what they weigh with all that they have called. */
struct rows profile_functions(const struct profile *p, bool by_total);
struct rows profile_blocks(const struct profile *p);
/* The tier that most of a row's weight is in. */
enum vcpu_tier row_tier(const struct row *r);

/* Each writes to f, whose errors the caller looks at. `top`: rows in each table, 0: all. */
void profile_print(const struct profile *p, FILE *f, unsigned top, bool by_total);
void profile_json(const struct profile *p, FILE *f, unsigned top);
void profile_folded(const struct profile *p, FILE *f);
void profile_pprof(const struct profile *p, FILE *f);
void profile_flamegraph(const struct profile *p, FILE *f);
/* The function or block at a symbol or address, instruction by instruction. False: err says what is not known. */
MUST_CHECK bool profile_annotate(const struct profile *p, const char *place, FILE *f, struct error *err);

/* What is told of a profile, and how. */
enum profile_out {
	PROFILE_HUMAN, PROFILE_JSON, PROFILE_FOLDED, PROFILE_PPROF,
	PROFILE_PERF_MAP	/* nothing is told of a profile: names of generated code are written while the guest runs (perf.h) */
};
/* Why a guest that runs already has no perf map. */
#define PROFILE_NO_PERF_MAP "names code from the guest's start on; start it with \"calque run --perf map\""
#define PROFILE_TOP_USUAL UINT32_MAX	/* 20 for people, all for programs */
struct profile_form {
	enum profile_out out;
	unsigned top;		/* rows in each table, 0: all */
	bool by_total;
	const char *place;	/* annotate this one instead; or NULL */
};
#define PROFILE_RATE 199	/* samples a second, unless somebody wants more or less: no multiple of what a guest does at a rate of its own */
#define PROFILE_RATE_MOST 10000
/* "human", "json", …; the error does not name the option. */
MUST_CHECK bool profile_out_parse(const char *name, enum profile_out *out, struct error *err);
MUST_CHECK bool profile_write(const struct profile *p, const struct profile_form *form, FILE *f, struct error *err);
