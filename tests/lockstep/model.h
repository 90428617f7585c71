/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random programs of program.h against a model that is not ours, QEMU: many of them in one image, each run twice, on a bare machine that
 * both emulators have. What they do with time is left out: clocks trap, and interrupts are those that a program sends itself and waits for.
 */
#pragma once
#include "runtime/machine.h"
#include "tests/lockstep/model_layout.h"

struct model_record { uint64_t word[RECORD_WORDS]; };

struct model_result {
	uint64_t bytes;		/* of records */
	uint64_t records, memory;	/* digests */
	struct model_record last;
};

struct model_image {
	uint8_t *bytes;		/* MODEL_END - MODEL_BASE, from MODEL_BASE */
	uint64_t size;		/* of it in use */
	unsigned programs;	/* fewer than wanted if the image is full */
};

/* The runner from the file at `path`, and programs from `seed` on. False: err says why not. Free with model_image_free. */
MUST_CHECK bool model_image_make(struct model_image *image, const char *path, uint64_t seed, unsigned programs, struct error *err);
void model_image_free(struct model_image *image);
/* Runs are numbered from 0, two for each program. Runs `runs` of them; the records and memory of run `whole` follow its result (-1: of none). */
void model_image_select(struct model_image *image, unsigned runs, unsigned whole);
/* The pieces of memory that follow the records of a run. */
struct model_piece { uint64_t address, size; };
enum { MODEL_PIECES = 3 };
void model_image_memory(const struct model_image *image, unsigned run, struct model_piece piece[MODEL_PIECES]);
/* Prints the disassembly of a program. */
void model_image_print(const struct model_image *image, uint64_t seed, FILE *f);

/* What a run of an image gives: the bytes that it sent. Free out. */
struct model_output {
	uint8_t *bytes;
	size_t size;
	/* of Calque only: */
	struct guest_exit exit;	/* not EXIT_POWEROFF: what is sent is less than all */
	uint64_t insns;		/* of the programs and their handler */
	uint64_t regions;	/* compiled */
};
MUST_CHECK bool model_run_calque(const struct model_image *image, const struct exec_ops *engine, enum memory_mode memory, struct model_output *out,
				 struct error *err);
/* By way of tools/peer, whose path CALQUE_PEER holds. */
MUST_CHECK bool model_run_qemu(const struct model_image *image, struct model_output *out, struct error *err);
