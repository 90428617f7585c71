// SPDX-License-Identifier: Apache-2.0
/* The way out of a region whose poll has found that the deadline has come. It comes from registers that only the side table knows. */
#include "backend/llvm/tripped.h"
#include "backend/stencil/abi.h"
#include "runtime/machine.h"

/* Where to go on, with which stack pointer: in rax and rdx. */
struct way_out { const void *code; uint64_t sp; };
struct way_out trip_out(const struct host_registers *r, const char *at);

struct way_out trip_out(const struct host_registers *r, const char *at)
{
	struct vcpu *cpu = vcpu_current();
	const struct stencil_calls *calls = cpu->exec;
	return (struct way_out){ calls->tripped(cpu, r, at), calls->entry_sp };
}

/* What is below the region's stack pointer, its red zone included, is of no more use. rsp is no place of a guest register. */
_Static_assert(sizeof(struct host_registers) == 256, "");
__asm__(".text\n"
	".globl region_trip\n"
	".hidden region_trip\n"
	".type region_trip, @function\n"
	"region_trip:\n"
	".cfi_startproc\n"
	"	leaq -256(%rsp), %rsp\n"
	".cfi_adjust_cfa_offset 256\n"
	"	movq %rax, (%rsp)\n"
	"	movq %rcx, 8(%rsp)\n"
	"	movq %rdx, 16(%rsp)\n"
	"	movq %rbx, 24(%rsp)\n"
	"	movq %rbp, 40(%rsp)\n"
	"	movq %rsi, 48(%rsp)\n"
	"	movq %rdi, 56(%rsp)\n"
	".irp n, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movq %r\\n, 8 * \\n(%rsp)\n"
	".endr\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movq %xmm\\n, 128 + 8 * \\n(%rsp)\n"
	".endr\n"
	"	movq %rsp, %rdi\n"
	"	movq 256(%rsp), %rsi\n"
	"	andq $-16, %rsp\n"
	"	call trip_out\n"
	"	movq %rdx, %rsp\n"
	"	jmp *%rax\n"
	".cfi_endproc\n"
	".size region_trip, . - region_trip\n");
