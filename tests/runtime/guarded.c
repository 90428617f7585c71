// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/guarded.h"

/*
 * One function for each kind of access: (address, pointer to the value); 1, or 0 from guarded_fault on (x86-64). Sanitizers do
 * not see them.
 */
/* Loads of 8 bytes have the address in xmm5, too. */
int guarded_load_1(uint64_t, uint64_t *), guarded_load_8(uint64_t, uint64_t *);
int guarded_store_1(uint64_t, uint64_t *), guarded_store_8(uint64_t, uint64_t *);
extern const char guarded_fault[];
__asm__(".text\n"
	".globl guarded_begin, guarded_end\n"
	"guarded_begin:\n"
	"guarded_load_1: movzbl (%rdi), %eax\n	jmp 1f\n"
	"guarded_load_8: movq %rdi, %xmm5\n	movq (%rdi), %rax\n"
	"1:	movq %rax, (%rsi)\n	movl $1, %eax\n	ret\n"
	"guarded_store_1: movq (%rsi), %rax\n	movb %al, (%rdi)\n	movl $1, %eax\n	ret\n"
	"guarded_store_8: movq (%rsi), %rax\n	movq %rax, (%rdi)\n	movl $1, %eax\n	ret\n"
	"guarded_fault:	xorl %eax, %eax\n	ret\n"
	"guarded_end:\n");

bool guarded_load(uint64_t host, unsigned size, uint64_t *value)
{
	return size == 1 ? guarded_load_1(host, value) : guarded_load_8(host, value);
}

bool guarded_store(uint64_t host, unsigned size, uint64_t value)
{
	return size == 1 ? guarded_store_1(host, &value) : guarded_store_8(host, &value);
}

void guarded_leave(struct process_fault *f)
{
	*f->pc = (uint64_t)(uintptr_t)guarded_fault;
}
