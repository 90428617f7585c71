/* SPDX-License-Identifier: Apache-2.0 */
/* Runs isa_test in M-mode. Its ecall ends the run with a0 as the status; any other trap ends it with 1000 + the cause. */
	.section .text.start
	.globl _start
_start:
	la	t0, trap
	csrw	mtvec, t0
	li	t0, 0x6000			# mstatus.FS: floating point on
	csrs	mstatus, t0
	j	isa_test

	.balign	4
trap:
	csrr	t0, mcause
	addi	t0, t0, -11
	beqz	t0, 1f
	addi	a0, t0, 1011
1:	slli	a0, a0, 1			# HTIF: (status << 1) | 1
	ori	a0, a0, 1
	la	t0, tohost
	sd	a0, (t0)
2:	wfi
	j	2b

	.section .tohost, "aw", @progbits
	.balign	64
	.globl	tohost
tohost:	.dword	0
	.size	tohost, 8
	.balign	64
	.globl	fromhost
fromhost: .dword 0
	.size	fromhost, 8
