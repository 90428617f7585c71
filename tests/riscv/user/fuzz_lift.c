// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: lifts the input as code, under extensions and a mode that its first bytes choose. Every block must pass the
 * verifier, before and after the passes; the disassembler must give the same lengths.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frontends/riscv/priv/cpu.h"
#include "frontends/riscv/user/decode.h"
#include "ir/ir.h"

struct fuzz {
	struct vcpu cpu;
	struct riscv_cpu rv;
	struct ir_block b;
	uint8_t page[PAGE_SIZE], next[PAGE_SIZE];
	bool has_next;
};

static const uint8_t *next_page(void *opaque)
{
	struct fuzz *f = opaque;

	return f->has_next ? f->next : NULL;
}

static void check(const struct ir_block *b, const char *when)
{
	struct error err;

	if (ir_verify(b, riscv_helpers, HELPER_COUNT, &err))
		return;
	fprintf(stderr, "%s: %s\n", when, err.text);
	abort();
}

/* Lifts the page from `start` on, block after block, as an engine would. */
static void lift_page(struct fuzz *f, unsigned start, unsigned max_insns)
{
	for (unsigned at = start; at < PAGE_SIZE; at += f->b.bytes) {
		unsigned left = (unsigned)PAGE_SIZE - at;
		struct lift_request req = { &f->cpu, f->cpu.mode, 0x80000000 + at, f->page + at, left, next_page, f, max_insns };
		char text[80];

		if (!riscv_lift(&req, &f->b))
			return;
		check(&f->b, "lifted");
		for (unsigned i = 0; i < f->b.n_insns && !f->b.crosses_page; i++) {
			unsigned offset = f->b.insn[i].offset;

			if (riscv_disassemble(&f->rv.config, 0, f->page + at + offset, left - offset, text, sizeof(text)) !=
			    f->b.insn[i].size)
				abort();
		}
		ir_optimise(&f->b, riscv_helpers);
		check(&f->b, "after the passes");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct { uint32_t ext; uint8_t mode, max_insns; uint16_t start; } head;
	struct fuzz *f;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head);
	size -= sizeof(head);
	f = calloc(1, sizeof(*f));
	if (!f)
		return 0;
	f->cpu.arch = &f->rv;
	f->cpu.mode = head.mode;
	f->rv.config.ext = ~head.ext;	/* zeros: all of them */
	f->has_next = head.start & 1;
	memcpy(f->next, data, size < PAGE_SIZE ? size : PAGE_SIZE);
	/* the code ends with the page, so that its last instruction may cross */
	size = size < PAGE_SIZE ? size & ~(size_t)1 : PAGE_SIZE;
	memcpy(f->page + PAGE_SIZE - size, data, size);
	lift_page(f, (unsigned)(PAGE_SIZE - size), 1 + head.max_insns % BLOCK_MAX_INSNS);
	free(f);
	return 0;
}
