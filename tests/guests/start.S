/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the bare-metal C guests: every hart gets a stack and calls main(hart); hart 0's result becomes the exit status. */
	.section .text.start
	.globl _start
_start:
	csrr	a0, mhartid
	la	sp, stacks
	addi	t0, a0, 1
	slli	t0, t0, 13
	add	sp, sp, t0
	li	t0, 0x6000			# mstatus.FS: floating point on
	csrs	mstatus, t0
	la	t0, unexpected
	csrw	mtvec, t0
	csrr	s0, mhartid
	call	main
	bnez	s0, 2f
exit:						# HTIF: (status << 1) | 1
	slli	a0, a0, 1
	ori	a0, a0, 1
	la	t0, tohost
	sd	a0, (t0)
2:	wfi
	j	2b

	.balign	4
unexpected:					# any trap: its cause plus 100
	csrr	a0, mcause
	addi	a0, a0, 100
	j	exit

	.section .tohost, "aw", @progbits
	.balign	64
	.globl	tohost
tohost:	.dword	0
	.balign	64
	.globl	fromhost
fromhost: .dword 0

	.bss
	.balign	16
stacks:	.space	8 << 13
