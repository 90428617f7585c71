// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/riscv.h"
#include "frontends/riscv/user/decode.h"
#include "tests/lockstep/model.h"
#include "tests/lockstep/program.h"
#include "tests/riscv/user/asm.h"

enum { SCRATCH = 26, MPP_S = 0x800 };

/* At MODEL_PROGRAMS, descriptors behind it; the runner knows both. */
struct header {
	uint64_t runs, whole;	/* number of the run whose state follows, plus one */
	uint64_t unused[2];
};
struct descriptor {
	uint64_t tables, end;	/* the program's two last page tables, text behind them */
	uint64_t mpp, unused;
};

static void *at(const struct model_image *image, uint64_t address) { return image->bytes + (address - MODEL_BASE); }
static struct header *header(const struct model_image *image) { return at(image, MODEL_PROGRAMS); }
static struct descriptor *descriptors(const struct model_image *image) { return (struct descriptor *)(header(image) + 1); }

/* ---- programs ---- */

void program_begin(struct program *p, bool user)
{
	p->user = user;
	p->at = 0;
}

void program_end(struct program *p)
{
	program_put(p, ASM_ECALL);
}

/* A breakpoint, whose record shows where two runs part; or an interrupt, which a loop waits for. Rarely where the program is most of its time. */
static void put_more(struct program *p)
{
	if (p->depth > 1 && rng_below(&p->rng, 8))
		return;
	if (rng_below(&p->rng, 2)) {
		program_put(p, 0x00100073);	/* ebreak */
		return;
	}
	program_li(p, SCRATCH, MODEL_VIRTUAL + MODEL_AT_SHARED * PAGE_SIZE);
	program_put(p, asm_sd(0, SCRATCH, 0));
	program_li(p, SCRATCH, MODEL_VIRTUAL + MODEL_AT_CLINT * PAGE_SIZE);	/* in no register afterwards */
	program_put(p, asm_addi(SCRATCH + 1, 0, 1));
	program_put(p, asm_s(0x23, 2, SCRATCH, SCRATCH + 1, 0));
	program_li(p, SCRATCH, MODEL_VIRTUAL + MODEL_AT_SHARED * PAGE_SIZE);
	program_put(p, asm_ld(SCRATCH + 1, SCRATCH, 0));
	program_put(p, asm_b(0, SCRATCH + 1, 0, -4));
}

/* ---- the image ---- */

/* Pages of text lie in reverse order: none goes on in the frame behind it. */
static bool add_program(struct model_image *image, struct program *p, uint64_t *end)
{
	uint64_t pages = (p->at + PAGE_SIZE - 1) / PAGE_SIZE, tables = *end, rights = PTE_LEAF | (p->user ? PTE_U : 0), *pte;
	if (tables + (2 + pages) * PAGE_SIZE > MODEL_END || pages > MODEL_TEXT_PAGES)
		return false;
	*end += (2 + pages) * PAGE_SIZE;
	program_map_data(p, at(image, tables), MODEL_FRAMES);
	pte = at(image, tables + PAGE_SIZE);
	pte[MODEL_AT_STACK] = MODEL_STACK >> 2 | rights;
	pte[MODEL_AT_STACK + 1] = (MODEL_STACK + PAGE_SIZE) >> 2 | rights;
	pte[MODEL_AT_SHARED] = MODEL_SHARED >> 2 | rights;
	pte[MODEL_AT_CLINT] = MODEL_CLINT >> 2 | rights;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t frame = *end - (1 + i) * PAGE_SIZE;
		pte[MODEL_AT_TEXT + i] = frame >> 2 | (rights & ~PTE_W);
		pte[MODEL_AT_TEXT + MODEL_TEXT_PAGES + i] = frame >> 2 | (rights & ~PTE_X);
		memcpy(at(image, frame), p->image + i * PAGE_SIZE, PAGE_SIZE);
	}
	descriptors(image)[image->programs++] = (struct descriptor){ .tables = tables, .end = *end, .mpp = p->user ? 0 : MPP_S };
	return true;
}

static bool add_runner(struct model_image *image, const char *path, struct error *err)
{
	FILE *f = path ? fopen(path, "rb") : NULL;
	size_t got = f ? fread(image->bytes, 1, MODEL_ROOT - MODEL_BASE, f) : 0;
	if (f)
		fclose(f);
	if (!got || got == MODEL_ROOT - MODEL_BASE)
		return error_set(err, ERROR_HOST, "runner %s (CALQUE_RUNNER): %s", path ? path : "(none)", got ? "too long" : strerror(errno));
	uint64_t *root = at(image, MODEL_ROOT);
	root[1] = root[511] = MODEL_DATA >> 2 | 1;
	root[2] = root[510] = MODEL_REST >> 2 | 1;
	return true;
}

bool model_image_make(struct model_image *image, const char *path, uint64_t seed, unsigned programs, struct error *err)
{
	struct program p = { .image = malloc(PROGRAM_SIZE), .more = put_more, .text_alias = MODEL_TEXT_PAGES * PAGE_SIZE };
	struct rng rng = { 1 };	/* the same data in every image, so that a program alone is what it is among others */
	*image = (struct model_image){ .bytes = calloc(1, MODEL_END - MODEL_BASE) };
	bool good = p.image && image->bytes ? add_runner(image, path, err) : error_set(err, ERROR_HOST, "out of memory");
	uint64_t end = MODEL_PROGRAMS + sizeof(struct header) + programs * sizeof(struct descriptor);
	if (good) {
		uint64_t *word = at(image, MODEL_INITIAL);
		for (unsigned i = 0; i < PROGRAM_PAGES * PAGE_SIZE / 8; i++)
			word[i] = rng_next(&rng) >> (rng_below(&rng, 2) ? 0 : rng_below(&rng, 64));
		end = (end + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
		for (unsigned k = 0; k < programs; k++) {
			memset(p.image, 0, PROGRAM_SIZE);
			program_generate(&p, seed + k);
			if (!add_program(image, &p, &end))
				break;
		}
		image->size = end - MODEL_BASE;
		model_image_select(image, 2 * image->programs, -1u);
	}
	free(p.image);
	if (!good)
		model_image_free(image);
	return good;
}

void model_image_free(struct model_image *image)
{
	free(image->bytes);
	*image = (struct model_image){ 0 };
}

void model_image_select(struct model_image *image, unsigned runs, unsigned whole)
{
	*header(image) = (struct header){ .runs = runs, .whole = whole + 1 };
}

void model_image_memory(const struct model_image *image, unsigned run, struct model_piece piece[MODEL_PIECES])
{
	const struct descriptor *d = &descriptors(image)[run / 2];
	piece[0] = (struct model_piece){ MODEL_FRAMES, MODEL_FRAMES_END - MODEL_FRAMES };
	piece[1] = (struct model_piece){ MODEL_SHARED, MODEL_VARS - MODEL_SHARED };
	piece[2] = (struct model_piece){ d->tables, d->end - d->tables };
}

void model_image_print(const struct model_image *image, uint64_t seed, FILE *f)
{
	struct program p = { .image = calloc(1, PROGRAM_SIZE), .more = put_more, .text_alias = MODEL_TEXT_PAGES * PAGE_SIZE };
	struct cpu_config all = { .ext = ~(uint64_t)0 };
	char text[100];
	if (!p.image)
		return;
	program_generate(&p, seed);
	for (uint32_t i = 0; i < p.at;) {
		static const uint8_t gap[4];
		if (!memcmp(p.image + i, gap, 2)) {
			i += 2;
			continue;
		}
		unsigned size = riscv_disassemble(&all, MODEL_TEXT + i, p.image + i, 4, text, sizeof text);
		fprintf(f, "%#10" PRIx64 "  %s\n", (uint64_t)MODEL_TEXT + i, text);
		i += size;
	}
	free(p.image);
}
