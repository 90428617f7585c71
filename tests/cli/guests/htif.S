/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare test programs in the manner of riscv-tests: gp holds the number of the running check, `fail` and `pass` tell through
 * tohost. What differs between the programs is chosen by a macro:
 *	(none)		passes
 *	FAIL=n		check n fails
 *	SPIN		never ends
 *	SIGNATURE	passes and leaves a signature of 20 bytes
 *	NOSIG		passes and has no symbols of a signature
 *	ILLEGAL		runs into an illegal instruction without a trap handler
 *	HELLO		prints through tohost, then passes
 */
#ifndef FAIL
#define FAIL 0
#endif
#define CHECK(n)	.global test_##n; test_##n: li gp, n; li a0, 1; li a1, n; li a2, FAIL; beq a1, a2, fail; add a0, a0, a1

	.section .text.init, "ax"
	.global _start
_start:
	CHECK(2)
	CHECK(3)
	CHECK(4)
#ifdef SPIN
spin:	j	spin
#endif
#ifdef SIGNATURE
	la	t0, begin_signature
	li	t1, 0x1122334455667788
	sd	t1, 0(t0)
	not	t1, t1
	sd	t1, 8(t0)
	li	t1, 0xcafe
	sw	t1, 16(t0)
#endif
#ifdef ILLEGAL
	la	t0, _start
	csrw	mtvec, zero
	.word	0
#endif
#ifdef HELLO
	la	t0, text
1:	lbu	t1, (t0)
	beqz	t1, pass
	li	t2, 0x0101000000000000	/* device 1 (console), command 1 (write) */
	or	t1, t1, t2
	la	t2, tohost
	sd	t1, (t2)
	addi	t0, t0, 1
	j	1b
text:	.asciz	"hello from the guest\n"
	.balign	4
#endif
	j	pass

	.global fail
fail:
	slli	gp, gp, 1
	ori	gp, gp, 1
	j	done
	.global pass
pass:	li	gp, 1
done:	la	t0, tohost
1:	sd	gp, (t0)
	j	1b

	.section .tohost, "aw", @progbits
	.balign	64
	.global tohost
tohost:	.dword	0
	.size	tohost, 8
	.balign	64
	.global fromhost
fromhost: .dword 0
	.size	fromhost, 8

	.section .data
	.balign	16
#ifndef NOSIG
	.global begin_signature, end_signature
begin_signature:
	.fill	5, 4, 0xdeadbeef
end_signature:
#endif
