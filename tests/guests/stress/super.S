/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between M-mode, where start.S begins, and S-mode, where the stress guests live. M-mode keeps only what cannot be
 * delegated: a software interrupt (CLINT) is passed on as sip.SSIP, and an ecall ends S-mode.
 */
#define CLINT	0x2000000
#define FRAME	272			/* struct frame: pc and x1 to x31, and room to keep sp aligned */

/* long supervisor(long (*fn)(uint64_t hart), uint64_t hart, uint64_t satp): fn's result */
	.text
	.globl	supervisor
supervisor:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, 8 + 8 * \n(sp)
	.endr
	mv	s0, a0
	mv	s1, a1
	la	t0, machine_trap
	csrw	mtvec, t0
	csrw	mscratch, sp
	addi	sp, sp, -16			# below: machine_trap's
	li	t0, -1				# PMP: everything open
	csrw	pmpaddr0, t0
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	li	t0, 0xb1ff			# all exceptions but ecall from S
	csrw	medeleg, t0
	li	t0, 0x222
	csrw	mideleg, t0
	li	t0, 7				# cycle, time, instret for S and U
	csrw	mcounteren, t0
	csrw	scounteren, t0
	li	t0, 0x80000000000000f0		# stimecmp, cache-block instructions
	csrw	0x30a, t0			# menvcfg
	li	t0, 0xf0
	csrw	0x10a, t0			# senvcfg
	csrwi	mie, 8				# MSIE
	la	t0, supervisor_trap
	csrw	stvec, t0
	la	t0, trap_stacks
	addi	t1, a1, 1
	slli	t1, t1, 12
	add	t0, t0, t1
	csrw	sscratch, t0
	csrw	satp, a2
	sfence.vma
	li	t0, 0x1800
	csrc	mstatus, t0
	li	t0, 0x6800			# MPP = S, FS on
	csrs	mstatus, t0
	la	t0, 1f
	csrw	mepc, t0
	mret
1:	mv	a0, s1
	jalr	s0
	ecall

	.balign	4
machine_trap:
	csrrw	sp, mscratch, sp
	sd	t0, -8(sp)
	csrr	t0, mcause
	bgez	t0, 1f
	sd	t1, -16(sp)
	csrr	t0, mhartid
	slli	t0, t0, 2
	li	t1, CLINT
	add	t0, t0, t1
	sw	zero, (t0)
	csrsi	mip, 2				# SSIP
	ld	t1, -16(sp)
	ld	t0, -8(sp)
	csrrw	sp, mscratch, sp
	mret
1:	addi	t0, t0, -9
	bnez	t0, machine_unexpected
	csrwi	mie, 0
	csrw	satp, zero
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, 8 + 8 * \n(sp)
	.endr
	addi	sp, sp, 128
	ret
machine_unexpected:				# its cause plus 200
	addi	a0, t0, 209
	j	finish

/* Calls trap(struct frame *), on a stack of the hart's own. */
	.balign	4
supervisor_trap:
	csrrw	sp, sscratch, sp
	addi	sp, sp, -FRAME
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, 8 * \n(sp)
	.endr
	csrr	t0, sscratch
	sd	t0, 16(sp)
	csrr	t0, sepc
	sd	t0, 0(sp)
	mv	a0, sp
	call	trap
	ld	t0, 0(sp)
	csrw	sepc, t0
	addi	t0, sp, FRAME
	csrw	sscratch, t0
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, 8 * \n(sp)
	.endr
	ld	sp, 16(sp)
	sret

	.globl	finish
finish:						# ends the whole run, from any mode and hart: a0 is the status
	slli	a0, a0, 1
	ori	a0, a0, 1
	la	t0, tohost
	sd	a0, (t0)
1:	j	1b

	.bss
	.balign	16
trap_stacks:
	.space	8 << 12
