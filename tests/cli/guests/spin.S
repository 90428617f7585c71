/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels for `calque run` that spin between `spin` and `spin_end`, in one of several forms; `spin_second` is an
 * instruction in the loop that is not its first, where it has one. By macro: SELF, TWO, INDIRECT, PAGES.
 */
	.option	norvc
	.section .text.init, "ax"
	.global _start, spin, spin_second, spin_end
_start:
	li	a0, 0
	li	a1, 0
	la	a2, spin
	la	a3, spin_second
#ifdef PAGES
	j	spin
	.balign	4096
	.skip	4092
#endif
spin:
#ifdef SELF
spin_second:
	j	spin
#endif
#ifdef TWO
	addi	a0, a0, 1
	j	spin_second
	.word	0
spin_second:
	addi	a1, a1, 1
	j	spin
#endif
#ifdef INDIRECT
	addi	a0, a0, 1
	jr	a3
spin_second:
	addi	a1, a1, 1
	jr	a2
#endif
#ifdef PAGES
	addi	a0, a0, 1
spin_second:
	addi	a1, a1, 1
	j	spin
#endif
spin_end:
	nop
