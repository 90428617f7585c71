/* SPDX-License-Identifier: Apache-2.0 */
/*
 * void resume(struct context *): all registers from there, to the mode that sstatus.SPP says; comes back with all registers
 * at the next trap. From reading instret on the way out to reading it on the way in 65 instructions retire besides the
 * others: csrr, sd, 31 loads, sret; csrrw, 30 stores.
 */
#define F	256
#define FCSR	512
#define BEFORE	520
#define AFTER	528
#define CAUSE	536
#define VALUE	544
#define SP	552
#define VECTOR	560

	.text
	.option	norvc
	.globl	resume
resume:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	sd	gp, 104(sp)
	sd	tp, 112(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, 8 + 8 * \n(sp)
	.endr
	csrw	sscratch, a0
	sd	sp, SP(a0)
	la	t0, 1f
	csrrw	t0, stvec, t0
	sd	t0, VECTOR(a0)
	ld	t0, 0(a0)
	csrw	sepc, t0
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld	f\n, F + 8 * \n(a0)
	.endr
	ld	t0, FCSR(a0)
	csrw	fcsr, t0
	csrr	t0, instret
	sd	t0, BEFORE(a0)
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 10
	ld	x\n, 8 * \n(a0)
	.endr
	sret

	.balign	4
1:	csrrw	a0, sscratch, a0
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, 8 * \n(a0)
	.endr
	csrr	t0, instret
	sd	t0, AFTER(a0)
	csrr	t0, sscratch
	sd	t0, 80(a0)
	csrr	t0, sepc
	sd	t0, 0(a0)
	csrr	t0, scause
	sd	t0, CAUSE(a0)
	csrr	t0, stval
	sd	t0, VALUE(a0)
	csrr	t0, fcsr
	sd	t0, FCSR(a0)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd	f\n, F + 8 * \n(a0)
	.endr
	ld	t0, VECTOR(a0)
	csrw	stvec, t0
	ld	sp, SP(a0)
	ld	ra, 0(sp)
	ld	gp, 104(sp)
	ld	tp, 112(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, 8 + 8 * \n(sp)
	.endr
	addi	sp, sp, 128
	ret
