/* SPDX-License-Identifier: Apache-2.0 */
/* The way from M-mode to paged.c in S-mode, and between it and isa_test in U-mode. */
	.section .text.start
	.globl _start
_start:
	la	t0, unexpected
	csrw	mtvec, t0
	li	t0, -1				# PMP: everything open
	csrw	pmpaddr0, t0
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	li	t0, 0xb1ff			# exceptions that the kernel gets
	csrw	medeleg, t0
	li	t0, 7				# counters, and cache-block instructions, down to U-mode
	csrw	mcounteren, t0
	csrw	scounteren, t0
	li	t0, 0xf0
	csrw	0x30a, t0			# menvcfg
	csrw	0x10a, t0			# senvcfg
	li	t0, 0x1800
	csrc	mstatus, t0
	li	t0, 0x6800			# FS on, MPP = S
	csrs	mstatus, t0
	la	t0, 1f
	csrw	mepc, t0
	mret
1:	la	sp, stack
	la	t0, trap
	csrw	stvec, t0
	csrw	sscratch, sp
	call	kernel				# page tables; returns the satp
	sfence.vma
	csrw	satp, a0
	sfence.vma
	li	t0, 0x100			# SPP = U
	csrc	sstatus, t0
	li	t0, 0x400000			# where paged.c maps isa_test
	csrw	sepc, t0
	sret

/* From U-mode alone. The frame is the registers x1 to x31; floating point is the user's throughout. */
	.balign	4
trap:
	csrrw	sp, sscratch, sp
	addi	sp, sp, -256
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, 8 * \n(sp)
	.endr
	ld	a0, 80(sp)
	csrr	a1, scause
	csrr	a2, stval
	call	user_trap
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, 8 * \n(sp)
	.endr
	addi	sp, sp, 256
	csrrw	sp, sscratch, sp
	sret

	.balign	4
unexpected:					# a trap that came to M-mode
	csrr	a0, mcause
	addi	a0, a0, 2000
	slli	a0, a0, 1
	ori	a0, a0, 1
	la	t0, tohost
	sd	a0, (t0)
1:	wfi
	j	1b

	.section .tohost, "aw", @progbits
	.balign	64
	.globl	tohost
tohost:	.dword	0
	.size	tohost, 8
	.balign	64
	.globl	fromhost
fromhost: .dword 0
	.size	fromhost, 8

	.bss
	.balign	16
	.space	8192
stack:
