/* SPDX-License-Identifier: Apache-2.0 */
/* An interpreter of a small stack machine, running the sum of gcds: a switch an operation */
#include "bench.h"

enum { PUSH, LOAD, STORE, ADD, MOD, LESS, JUMP, JUMP_ZERO, HALT };

/*
 * for (i = 1; i < 400; i++) { for (a = 360, b = i; b;) { t = a % b; a = b; b = t; } sum += a; }
 * variables: 0 i, 1 a, 2 b, 3 sum; t stays on the stack
 */
static const int16_t code[] = {
	/*  0 */ PUSH, 1, STORE, 0,
	/*  4 */ LOAD, 0, PUSH, 400, LESS, JUMP_ZERO, 52,
	/* 11 */ PUSH, 360, STORE, 1, LOAD, 0, STORE, 2,
	/* 19 */ LOAD, 2, JUMP_ZERO, 36,
	/* 23 */ LOAD, 1, LOAD, 2, MOD, LOAD, 2, STORE, 1, STORE, 2, JUMP, 19,
	/* 36 */ LOAD, 3, LOAD, 1, ADD, STORE, 3,
	/* 43 */ LOAD, 0, PUSH, 1, ADD, STORE, 0, JUMP, 4,
	/* 52 */ HALT,
};

static int64_t run(int64_t *var)
{
	int64_t stack[16], *sp = stack;
	const int16_t *pc = code;

	for (;;) {
		switch (*pc++) {
		case PUSH:
			*sp++ = *pc++;
			break;
		case LOAD:
			*sp++ = var[*pc++];
			break;
		case STORE:
			var[*pc++] = *--sp;
			break;
		case ADD:
			sp--;
			sp[-1] += sp[0];
			break;
		case MOD:
			sp--;
			sp[-1] %= sp[0];
			break;
		case LESS:
			sp--;
			sp[-1] = sp[-1] < sp[0];
			break;
		case JUMP:
			pc = code + *pc;
			break;
		case JUMP_ZERO:
			if (*--sp)
				pc++;
			else
				pc = code + *pc;
			break;
		default:
			return var[3];
		}
	}
}

static uint64_t bench(unsigned rounds)
{
	uint64_t sum = 0;

	while (rounds--) {
		int64_t var[4] = { 0 };

		sum = bench_mix(sum, run(var));
	}
	return sum;
}

BENCH("vm", 4000)
