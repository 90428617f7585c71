/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For watchpoints: rounds of a loop over the page that `target` lies in, long enough to be compiled, and behind each round one access of each
 * kind to `target`; label after_x stands behind access x. Hart 1, if there is one, counts in `second_count` for ever. Ends with code 9 after
 * ROUNDS rounds.
 */
#define TEST	0x100000
#define ROUNDS	400

	.section .text.init, "ax"
	.global _start
_start:
	bnez	a0, second
	la	sp, stack_end
	li	t0, 1 << 13		# FS: floating point is on
	csrs	sstatus, t0
	li	a0, 1			# HSM: start hart 1 here; an error where there is none
	la	a1, second
	li	a6, 0
	li	a7, 0x48534d
	ecall
	la	s0, target
	li	s1, 0
1:	addi	s1, s1, 1
	call	round
after_round:
	call	accesses
	li	t0, ROUNDS
	blt	s1, t0, 1b
	li	t0, TEST
	li	t1, 9 << 16 | 0x3333
	sw	t1, (t0)
2:	j	2b

	/* Reads and writes all around the target, which it leaves alone. */
	.global round
round:	li	t0, 3000
3:	ld	t1, 8(s0)
	addi	t1, t1, 1
	sd	t1, 8(s0)
	sd	t1, -8(s0)
	lw	t2, 64(s0)
	addi	t0, t0, -1
	bnez	t0, 3b
	ret

accesses:
	lb	t1, 3(s0)
after_lb:
	sd	s1, (s0)
after_sd:
	amoadd.w t1, s1, (s0)
after_amo:
4:	lr.d	t1, (s0)
after_lr:
	sc.d	t2, t1, (s0)
after_sc:
	bnez	t2, 4b
	fcvt.d.l fa0, s1
	fsd	fa0, (s0)
after_fsd:
	fld	fa1, (s0)
after_fld:
	la	t3, crossed
	sd	s1, (t3)
after_crossing:
	ret

	.global second
second:	la	t3, second_count
second_loop:
	ld	t1, (t3)
	addi	t1, t1, 1
after_second_load:
	sd	t1, (t3)
after_second_store:
	j	second_loop

	.section .data
	.balign	4096
	.fill	2048
	.global target
target:	.dword	0
	.fill	128
	.balign	4096
	.fill	4092
crossed: .dword	0		# half of it in the next page
	.balign	4096
second_count: .dword 0
	.fill	1024
	.balign	16
stack_end:
