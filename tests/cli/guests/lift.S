/* SPDX-License-Identifier: Apache-2.0 */
/* Code for `calque lift` to look at; nothing runs it. */
	.section .text.init, "ax"
	.option norvc
	.global _start
	.type _start, @function
_start:
	la	sp, stack_end
	call	add_up
	call	elsewhere
	j	_start
	.size _start, . - _start

/* a0: 64-bit numbers, a1: how many of them; their sum */
	.type add_up, @function
add_up:
	li	a5, 0
	beqz	a1, 2f
1:	ld	a4, 0(a0)
	add	a5, a5, a4
	addi	a0, a0, 8
	addi	a1, a1, -1
	bnez	a1, 1b
2:	mv	a0, a5
	ret
	.size add_up, . - add_up

/* one instruction of each kind that is lowered by a file of its own */
	.type mixed, @function
mixed:
	mul	a2, a0, a1
	xor	a3, a2, a1
	fadd.d	fa0, fa1, fa2
	fcvt.l.d a4, fa0
	amoadd.d a5, a4, (a0)
	csrr	t0, cycle
	ecall
	.size mixed, . - mixed

/* a loop that writes more registers than the host has, singles among them of which only the bits are known */
	.type crowded, @function
crowded:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13
	fmv.w.x	f\n, a0
	.endr
1:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13
	fsgnjn.s f\n, f\n, f28
	.endr
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9
	addi	s\n, s\n, \n
	.endr
	lw	a2, 0(a0)
	sw	a2, 4(a0)
	fadd.s	f28, f0, f1
	fadd.s	f29, f2, f3
	fadd.s	f30, f4, f5
	fadd.s	f31, f6, f7
	fadd.s	f27, f10, f11
	fadd.s	f26, f12, f13
	addi	a0, a0, 8
	bne	a0, a1, 1b
	ret
	.size crowded, . - crowded

/* no instruction stands here */
	.type broken, @function
broken:
	.4byte	0xffffffff
	ret
	.size broken, . - broken

/* a region with a call, and what stands behind it */
	.type caller, @function
caller:
	mv	s0, ra
1:	call	add_up
	addi	s1, s1, -1
	bnez	s1, 1b
	jr	s0
	.size caller, . - caller

/* a label without a size: up to the next one */
unsized:
	addi	a0, a0, 1
	addi	a0, a0, 2

	.balign 4096
	.fill	4092 / 4, 4, 0x13
	.option rvc
	c.nop
/* begins in one page and ends in the next */
	.type crossing, @function
crossing:
	.option norvc
	addi	a0, a0, 1
	ret
	.size crossing, . - crossing

	.type elsewhere, @function
elsewhere:
	ret
	.size elsewhere, . - elsewhere

	.bss
	.balign 16
	.space 64
stack_end:
