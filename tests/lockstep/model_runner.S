# SPDX-License-Identifier: Apache-2.0
# Runs programs one after the other, each twice from the same data: what it is compiled to in the first run serves the second from
# its beginning. Traps leave records with all registers; what they and memory come to is sent through the UART.
#include "tests/lockstep/model_layout.h"
#define X(n) 8 * (RECORD_X + n)
#define F(n) 8 * (RECORD_F + n)

# Variables, from MODEL_VARS
#define RUN 0
#define LEAF 8		/* the program's two tables; its text follows */
#define END 16
#define FAULTS 24
#define RESULT 64

.option norelax
.globl _start
_start:
	la t0, handler
	csrw mtvec, t0
	li t0, -1
	csrw pmpaddr0, t0
	li t0, 0x1f
	csrw pmpcfg0, t0
	li t0, 1 << 61 | 0xf0		# ADUE, cache blocks
	csrw 0x30a, t0			# menvcfg
	li t0, 0xf0
	csrw 0x10a, t0			# senvcfg
	csrw mcounteren, x0		# clocks trap
	csrw medeleg, x0
	csrw mideleg, x0
	li t0, 8			# software interrupts
	csrw mie, t0
	li t0, 8 << 60 | MODEL_ROOT >> 12
	csrw satp, t0

next:
	li s0, MODEL_VARS
	li s1, MODEL_PROGRAMS
	ld s2, RUN(s0)
	ld t0, 0(s1)
	beq s2, t0, off
	srli t0, s2, 1
	slli t0, t0, 5
	add s1, s1, t0
	ld s3, 32(s1)			# descriptor: tables, end, mstatus.MPP
	ld t0, 40(s1)
	ld s4, 48(s1)
	sd s3, LEAF(s0)
	sd t0, END(s0)
	sd x0, FAULTS(s0)
	srli s3, s3, 2
	ori s3, s3, 1
	li t0, MODEL_DATA
	sd s3, 0(t0)
	addi s3, s3, 4096 >> 2
	li t0, MODEL_REST
	sd s3, 0(t0)
	li t0, MODEL_INITIAL
	li t1, MODEL_FRAMES
	li t2, MODEL_FRAMES_END
1:	ld t3, 0(t0)
	sd t3, 0(t1)
	addi t0, t0, 8
	addi t1, t1, 8
	bne t1, t2, 1b
	li t0, MODEL_SHARED
	li t1, MODEL_VARS
1:	sd x0, 0(t0)
	addi t0, t0, 8
	bne t0, t1, 1b
	sfence.vma
	fence.i
	li t0, 0x7e79aa
	csrc mstatus, t0
	li t0, 0x206000			# TW: wfi is illegal; FS
	or t0, t0, s4
	csrs mstatus, t0
	csrw fcsr, x0
	li t0, MODEL_INITIAL
.irp n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
	fld f\n, 8 * \n(t0)
.endr
.irp n, 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31
	flw f\n, 8 * \n(t0)
.endr
	li t0, MODEL_TEST
	li t1, MODEL_TEST_BEGIN
	sw t1, 0(t0)
	li t0, MODEL_LOG
	csrw mscratch, t0
	li t0, MODEL_TEXT
	csrw mepc, t0
	li sp, MODEL_SP
.irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li x\n, 0
.endr
	mret

# mscratch holds where the next record goes.
.balign 4
handler:
	csrrw sp, mscratch, sp
	sc.w x0, x0, (sp)		# whether a trap ends a reservation is free
.irp n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd x\n, X(\n)(sp)
.endr
.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd f\n, F(\n)(sp)
.endr
	csrr t0, mscratch
	sd t0, X(2)(sp)
	csrr t0, mtval
	sd t0, 8 * RECORD_TVAL(sp)
	csrr t0, mstatus
	sd t0, 8 * RECORD_STATUS(sp)
	csrr t0, fcsr
	sd t0, 8 * RECORD_FCSR(sp)
	csrr t0, mcause
	sd t0, 8 * RECORD_CAUSE(sp)
	bltz t0, interrupt
	csrr t1, mepc
	sd t1, 8 * RECORD_EPC(sp)
	addi t0, t0, -8			# environment calls of U- and S-mode
	sltiu t0, t0, 2
	bnez t0, ended
	# skips the instruction, of two or four bytes
	li t2, 0x20000			# MPRV
	csrs mstatus, t2
	lhu t3, 0(t1)
	csrc mstatus, t2
	# cbo: the address is that in rs1 (CMO 1.0.1, section 2.5.2); QEMU's is the block's
	li t0, 0x707f
	and t0, t0, t3
	li t2, 0x200f
	bne t0, t2, 1f
	ld t0, 8 * RECORD_TVAL(sp)
	andi t0, t0, -64
	sd t0, 8 * RECORD_TVAL(sp)
	# sc to -1, which is QEMU's mark of no reservation: it finds one there, and what faults is the load that it compares with
1:	ld t0, 8 * RECORD_CAUSE(sp)
	li t2, 4
	bne t0, t2, 1f
	ld t0, 8 * RECORD_TVAL(sp)
	addi t0, t0, 1
	bnez t0, 1f
	li t0, 6
	sd t0, 8 * RECORD_CAUSE(sp)
1:	andi t3, t3, 3
	addi t3, t3, -3
	sltiu t3, t3, 1
	slli t3, t3, 1
	add t3, t3, t1
	addi t3, t3, 2
	csrw mepc, t3
	# every eighth time one bit of a page's entry turns over, and the next time back
	li t0, MODEL_VARS
	ld t1, FAULTS(t0)
	addi t1, t1, 1
	sd t1, FAULTS(t0)
	andi t2, t1, 7
	bnez t2, resume
	ld t0, LEAF(t0)
	addi t1, t1, -8
	srli t1, t1, 4
	slli t2, t1, 2
	add t2, t2, t1			# neighbours are not enough
	andi t2, t2, 31
	slli t2, t2, 3
	add t0, t0, t2
	slli t1, t1, 3
	li t2, 0x80400401		# D, A, W, V
	srlw t2, t2, t1			# by its low five bits
	andi t2, t2, 0xff
	ld t1, 0(t0)
	xor t1, t1, t2
	sd t1, 0(t0)
	sfence.vma
	j resume
interrupt:
	sd x0, 8 * RECORD_EPC(sp)
	sd x0, X(26)(sp)
	sd x0, X(27)(sp)
	li t0, MODEL_CLINT
	sw x0, 0(t0)
	li t0, MODEL_SHARED
	li t1, 1
	sd t1, 0(t0)
resume:
	addi t0, sp, RECORD_SIZE
	li t1, MODEL_LOG_END - RECORD_SIZE
	bgtu t0, t1, ended
	csrw mscratch, t0
	ld t0, X(5)(sp)
	ld t1, X(6)(sp)
	ld t2, X(7)(sp)
	ld t3, X(28)(sp)
	ld sp, X(2)(sp)
	mret

ended:
	li t0, MODEL_TEST
	li t1, MODEL_TEST_END
	sw t1, 0(t0)
	# an access that is not performed may set A or not; D is exact
	li t0, MODEL_VARS
	ld t0, LEAF(t0)
	li t1, 4096
	add t1, t1, t0
1:	ld t2, 0(t0)
	ori t2, t2, 0x40
	sd t2, 0(t0)
	addi t0, t0, 8
	bne t0, t1, 1b
	mv s6, sp			# the last record
	addi s5, sp, RECORD_SIZE
	li s0, MODEL_VARS
	li a0, MODEL_LOG
	sub t0, s5, a0
	sd t0, RESULT(s0)
	mv a1, s5
	li a2, 0
	call digest
	sd a2, RESULT + 8(s0)
	li a2, 0
	li a0, MODEL_FRAMES
	li a1, MODEL_FRAMES_END
	call digest
	li a0, MODEL_SHARED
	li a1, MODEL_VARS
	call digest
	ld a0, LEAF(s0)
	ld a1, END(s0)
	call digest
	sd a2, RESULT + 16(s0)
	addi a0, s0, RESULT
	addi a1, a0, 24
	call send
	mv a0, s6
	mv a1, s5
	call send
	ld s2, RUN(s0)
	addi s2, s2, 1
	sd s2, RUN(s0)
	li t0, MODEL_PROGRAMS
	ld t0, 8(t0)			# the run whose state is wanted whole
	bne s2, t0, next
	li a0, MODEL_LOG
	mv a1, s5
	call send
	li a0, MODEL_FRAMES
	li a1, MODEL_FRAMES_END
	call send
	li a0, MODEL_SHARED
	li a1, MODEL_VARS
	call send
	ld a0, LEAF(s0)
	ld a1, END(s0)
	call send
	j next

off:
	li t0, MODEL_UART
1:	lbu t1, 5(t0)
	andi t1, t1, 0x40
	beqz t1, 1b
	li t0, MODEL_TEST
	li t1, 0x5555
	sw t1, 0(t0)
	j .

# a2 = digest of [a0, a1), from a2 on
digest:
1:	ld t0, 0(a0)
	slli t1, a2, 5
	srli a2, a2, 59
	or a2, a2, t1
	add a2, a2, t0
	addi a0, a0, 8
	bne a0, a1, 1b
	ret

# sends [a0, a1)
send:
	li t0, MODEL_UART
1:	lbu t1, 5(t0)
	andi t1, t1, 0x20
	beqz t1, 1b
	lbu t1, 0(a0)
	sb t1, 0(t0)
	addi a0, a0, 1
	bne a0, a1, 1b
	ret
