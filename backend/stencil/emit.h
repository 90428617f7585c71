/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies stencils into an arena of machine code and patches their holes. Code addresses are those of its executable mapping. What is rarely run, the way out to C of every access and exit, has its own part.
 *
 * Threads: one caller at a time (the code cache's lock), except stencil_site. Executing goes on meanwhile: new code is complete
 * before anything leads to it, and links are single aligned stores.
 */
#pragma once
#include "backend/cache/code_memory.h"
#include "backend/cache/codecache.h"
#include "backend/stencil/abi.h"

/* A place where generated code calls stencil_calls.service, by number from 1 on. */
enum stencil_site_kind {
	SITE_CHECK,	/* a block's beginning: icount has reached the deadline */
	SITE_EXIT,	/* exit `exit`, which has not been linked */
	SITE_MISS,	/* micro-op `uop` is to be executed in C; generated code goes on at `resume` */
	SITE_FAULT,	/* micro-op `uop` left cpu->exception pending */
};
struct stencil_site {
	struct code_block *block;
	uint32_t resume;	/* offset in the arena */
	uint32_t uop : 12, kind : 3, exit : 1;
	uint32_t acc : 8, facc : 8;	/* SITE_MISS: the slots that they repeat where code goes on, 0: none */
};

struct stencil_arena;
struct stencil_stats { uint64_t blocks, insns, loops, hot_bytes, cold_bytes; };

/* memory stays the caller's. */
struct stencil_arena *stencil_arena_create(const uint8_t pins[STENCIL_PINS], const struct code_handlers *handlers,
					   const struct code_memory *memory, struct error *err);
void stencil_arena_destroy(struct stencil_arena *s);
void stencil_arena_reset(struct stencil_arena *s);
void stencil_arena_stats(const struct stencil_arena *s, struct stencil_stats *stats);

/* Translates a block of bound micro-ops and sets its code. False: no room. */
bool stencil_translate(struct stencil_arena *s, struct code_block *b);
/* The same for who looks at the code: mark[i] is the distance from the block's code to micro-op i's, mark[n_uops] that to its end. */
bool stencil_translate_marked(struct stencil_arena *s, struct code_block *b, uint32_t *mark);
/* Whether this address is in blocks' code, not in what they share. In signal handlers too. */
bool stencil_holds(const struct stencil_arena *s, uint64_t address);
/* What stands at an address of the arena that a block's code jumps to: "service", "lookup", "leave", or "cold" for its own way out to C. NULL: neither. */
const char *stencil_place(const struct stencil_arena *s, const void *code);
/* Makes an exit of translated code jump to another block's code, or back to C. */
void stencil_link(struct stencil_arena *s, const struct code_exit *exit, const struct code_block *to);
void stencil_unlink(struct stencil_arena *s, const struct code_exit *exit);
/* Makes an exit go by way of the virtual-PC cache from now on. False: no room. */
bool stencil_link_far(struct stencil_arena *s, const struct code_exit *exit);

/* Makes whatever jumps to the block's code go on at `code` instead, or, with NULL, at the block's own again. What the code began with is
 * kept in *original. */
void stencil_redirect(struct stencil_arena *s, struct code_block *b, const void *code, uint64_t *original);

const struct stencil_site *stencil_site(const struct stencil_arena *s, uint64_t number);
/* The op of a micro-op whose handler has been bound. */
enum uop_op stencil_op_of(const struct stencil_arena *s, const struct uop *u);
/* Where the code of a site's micro-op goes on; acc and facc are set to what it expects there. */
const void *stencil_resume(const struct stencil_arena *s, const struct stencil_site *site, struct vcpu *cpu);
/* A block's code behind its check of the deadline. */
const void *stencil_past_check(const void *code);
/* What service returns to have generated code left. */
const void *stencil_leave(const struct stencil_arena *s);
/* What regions find in stencil_calls. */
void stencil_routines(const struct stencil_arena *s, struct stencil_calls *calls);
/* Runs generated code until it leaves. */
void stencil_enter(const struct stencil_arena *s, struct vcpu *cpu, const void *code);
