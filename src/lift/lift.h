/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the translator makes of a piece of guest code, stage by stage. Everything that is made belongs to a *row*: an instruction of the guest, the
 * beginning of a block, or a region's ways in and out; row 0 is what several share. Nothing is executed, and there is no machine.
 */
#pragma once
#include "backend/llvm/inspect.h"
#include "src/lift/source.h"

enum lift_engine { LIFT_LLVM, LIFT_STENCIL, LIFT_NONE };
enum lift_stage { STAGE_GUEST, STAGE_UOP, STAGE_LLVM, STAGE_OPTIMISED, STAGE_HOST, N_STAGES };
extern const char *const lift_stage_names[N_STAGES];

struct lift_options {
	const struct frontend_mode *mode;
	const struct cpu_config *config;	/* the frontend's */
	enum lift_engine engine;
	bool windows;		/* accesses go through direct windows */
	bool region;		/* the region that begins at the address, not the code from there on block by block */
	bool intel;		/* syntax of the host's instructions */
	const char *passes;	/* NULL: those that regions are compiled with */
	unsigned max_insns;
};

struct lift_row {
	enum { ROW_SHARED, ROW_REGION, ROW_BLOCK, ROW_INSN } kind;
	unsigned index;		/* of the region, block or instruction */
	unsigned count[N_STAGES];	/* instructions of each stage; micro-ops */
	unsigned host_bytes;
};

struct lift_insn {
	uint64_t va;
	uint8_t size, code[15];
	char text[112];
	bool illegal;		/* no instruction of this processor: it is lifted to its exception */
	unsigned block, row;
	unsigned first_uop, n_uops;	/* in its block */
};

struct lift_block {
	uint64_t va;
	struct ir_block ir;	/* as executors get it */
	uint64_t lift_ns;
	unsigned region, row, first_insn;
	struct code_block *bound;	/* in the cache */
	/* direct exits: how many, where they lead, and which block of the same region that is; -1: another place */
	unsigned n_exits;
	uint64_t target[2];
	int inside[2];
	bool calls, returns, behind_call, landing;	/* of a region (backend/llvm/region.h) */
	bool compiled;		/* LLVM does not compile a block that crosses a page */
};

struct lift_region {
	char name[32];		/* of its function */
	unsigned first_block, n_blocks, row;
	bool loops;
};

struct lift {
	const struct lift_source *source;
	struct lift_options options;
	struct lift_range range;
	struct lift_row *row;
	struct lift_insn *insn;
	struct lift_block **block;	/* in the order of their rows */
	struct lift_region *region;
	unsigned n_rows, n_insns, n_blocks, n_regions;
	bool cut;		/* max_insns ended it */
	unsigned *first_line[N_STAGES], *next_line[N_STAGES];	/* by row, by line: 0 or the line's index + 1 */
	struct inspection code;	/* `host` is there for stencils too */
	uint64_t bytes, lift_ns, cold_bytes;
};

/* NULL: err. The source must outlive what is returned. */
struct lift *lift_create(const struct lift_source *s, const struct lift_range *range, const struct lift_options *o, struct error *err);
void lift_destroy(struct lift *l);
const struct listing *lift_listing(const struct lift *l, enum lift_stage stage);
/* The lines of a stage's listing that belong to a row, in order: NULL behind the last. From STAGE_LLVM on. */
const struct listing_line *lift_first_line(const struct lift *l, enum lift_stage stage, unsigned row);
const struct listing_line *lift_next_line(const struct lift *l, enum lift_stage stage, const struct listing_line *line);
/* The guest register or other member of struct vcpu that a line of IR or machine code names, or NULL. */
const char *lift_member(const struct lift *l, const struct listing_line *line);
/* Whether an engine has a stage. */
bool lift_has_stage(enum lift_engine engine, enum lift_stage stage);

/* ---- the ways to print it ---- `stages`: a bit per enum lift_stage */
/* Under each instruction of the guest what became of it, and what it cost. */
void lift_print_aligned(const struct lift *l, unsigned stages, bool colour, FILE *f);
/* One stage as it is: `uop` is read by ir_parse, `llvm` and `llvm-opt` by opt and llc. */
void lift_print_stage(const struct lift *l, enum lift_stage stage, bool colour, FILE *f);
/* One JSON object (docs/lift.md). */
void lift_print_json(const struct lift *l, unsigned stages, FILE *f);
/* A region's control flow for Graphviz. */
void lift_print_dot(const struct lift *l, FILE *f);
