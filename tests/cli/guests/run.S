/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small kernels for `calque run`: they start in S-mode over the built-in firmware and print through the serial port. By macro:
 *	POWEROFF, REBOOT	ask the test device for that, after printing
 *	CODE=n			end with exit code n
 *	CRASH			jump to nowhere with a trap vector that is nowhere, too
 *	SLEEP			print, then wait for ever
 *	SPIN			print, then run for ever
 *	ECHO			print "ready", send back what is typed, power off at `q`
 *	DEBUG			for the debugger: calls `work` over and over, counting in the variable `counter`; ends with code 9 at 1000
 *	SWITCH			pass through the cases of a switch twice, power off
 */
#define UART	0x10000000
#define TEST	0x100000
#define FINISH(v)	li t0, TEST; li t1, v; sw t1, (t0); 1: j 1b

	.section .text.init, "ax"
	.global _start
_start:
	la	sp, stack_end
	la	a0, greeting
	call	print
#ifdef POWEROFF
	FINISH(0x5555)
#endif
#ifdef REBOOT
	FINISH(0x7777)
#endif
#ifdef CODE
	FINISH(CODE << 16 | 0x3333)
#endif
#ifdef CRASH
	li	t0, 0x10
	csrw	stvec, t0
	jr	t0
#endif
#ifdef SLEEP
1:	wfi
	j	1b
#endif
#ifdef SPIN
	.global spin
spin:	j	spin
#endif
#ifdef ECHO
echo:	li	t0, UART
1:	lbu	t1, 5(t0)	/* line status: bit 0, data ready */
	andi	t1, t1, 1
	beqz	t1, 1b
	lbu	a0, (t0)
	sb	a0, (t0)
	li	t1, 'q'
	bne	a0, t1, echo
	FINISH(0x5555)
#endif
#ifdef DEBUG
loop:	la	s0, counter
	ld	a0, (s0)
	call	work
	sd	a0, (s0)
	li	t1, 1000
	blt	a0, t1, loop
	FINISH(9 << 16 | 0x3333)
#endif
#ifdef SWITCH
	li	s0, 16
next:	andi	t0, s0, 7
	slli	t0, t0, 4
	la	t1, cases
	add	t0, t0, t1
	jr	t0
	.balign	16
cases:	.rept	8
	.balign	16
	addi	s0, s0, -1
	bnez	s0, next
	j	done
	.endr
done:	FINISH(0x5555)
#endif

	.global work
	.type	work, @function
work:
	addi	a0, a0, 1
	fcvt.d.l fa0, a0
after_one:
	ret
	.size	work, . - work

print:	li	t0, UART
1:	lbu	t1, (a0)
	beqz	t1, 2f
	sb	t1, (t0)
	addi	a0, a0, 1
	j	1b
2:	ret

	.section .data
	.balign	8
	.global counter
counter: .dword	0
#ifdef ECHO
greeting: .asciz "ready\r\n"
#else
greeting: .asciz "guest here\r\n"
#endif
	.balign	16
	.fill	1024
stack_end:
