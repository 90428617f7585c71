/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer arithmetic behind ir/uops_int.inc, with the micro-ops' edge cases. All inline, free of branches where that is
 * cheap and of static data always, since stencils are made from it. Executors include this one header for all bodies.
 */
#pragma once
#include "runtime/fp.h"
#include "runtime/softfp.h"
#include "runtime/util.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/* Parts of the bodies' files, and which of them are wanted: all, unless an executor defines it anew. */
#define UOPS_ONE_SOURCE 1
#define UOPS_TWO_SOURCES 2
#define UOPS_LOADS 4
#define UOPS_STORES 8
#define UOPS_FP_ARITHMETIC 16
#define UOPS_FP_COMPARE 32
#define UOPS_FP_BITS 64
#define UOPS_FP_TO_INT 128
#define UOPS_FP_FROM_INT 256
#define UOPS_FP_TO_FP 512
#define UOPS_OTHERS 1024
#define UOP_PARTS ~0

#define SEXT32(v) ((uint64_t)(int64_t)(int32_t)(uint32_t)(v))

ALWAYS_INLINE uint64_t math_div(uint64_t a, uint64_t b)
{
	if (unlikely(b + 1 <= 1))	/* 0: -1; -1: negation, which overflows to INT64_MIN itself */
		return b ? -a : ~(uint64_t)0;
	return (uint64_t)((int64_t)a / (int64_t)b);
}

ALWAYS_INLINE uint64_t math_rem(uint64_t a, uint64_t b)
{
	if (unlikely(b + 1 <= 1))
		return b ? 0 : a;
	return (uint64_t)((int64_t)a % (int64_t)b);
}

ALWAYS_INLINE uint64_t math_divu(uint64_t a, uint64_t b)
{
	return likely(b) ? a / b : ~(uint64_t)0;
}

ALWAYS_INLINE uint64_t math_remu(uint64_t a, uint64_t b)
{
	return likely(b) ? a % b : a;
}

ALWAYS_INLINE uint32_t math_divuw(uint32_t a, uint32_t b)
{
	return likely(b) ? a / b : ~(uint32_t)0;
}

ALWAYS_INLINE uint32_t math_remuw(uint32_t a, uint32_t b)
{
	return likely(b) ? a % b : a;
}

ALWAYS_INLINE uint64_t math_rol(uint64_t v, uint64_t n)
{
	return v << (n & 63) | v >> (-n & 63);
}

ALWAYS_INLINE uint32_t math_rolw(uint32_t v, uint32_t n)
{
	return v << (n & 31) | v >> (-n & 31);
}

ALWAYS_INLINE uint64_t math_clz(uint64_t v)
{
	return v ? (uint64_t)__builtin_clzll(v) : 64;
}

ALWAYS_INLINE uint64_t math_ctz(uint64_t v)
{
	return v ? (uint64_t)__builtin_ctzll(v) : 64;
}

/* 0xff for each byte that is not 0 */
ALWAYS_INLINE uint64_t math_orcb(uint64_t v)
{
	const uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
	uint64_t top = (((v & low7) + low7) | v) & ~low7;

	return (top >> 7) * 0xff;
}

/* Keeps compilers from recognising what comes and doing it in vectors, with constants in static data. */
ALWAYS_INLINE uint64_t math_scalar(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

ALWAYS_INLINE uint64_t math_bitreverse(uint64_t v)
{
	v = math_scalar((v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1);
	v = math_scalar((v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2);
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(v);
}

/*
 * Carry-less product, low half: ordinary products of operands of which only every fourth bit is kept, so that the at most 16 ones that
 * add up in a place cannot carry into the next place that counts (at the top place they carry out of the word).
 */
ALWAYS_INLINE uint64_t math_clmul(uint64_t a, uint64_t b)
{
	const uint64_t m0 = 0x1111111111111111, m1 = m0 << 1, m2 = m0 << 2, m3 = m0 << 3;
	uint64_t a0 = math_scalar(a & m0), a1 = math_scalar(a & m1), a2 = math_scalar(a & m2), a3 = math_scalar(a & m3);
	uint64_t b0 = math_scalar(b & m0), b1 = math_scalar(b & m1), b2 = math_scalar(b & m2), b3 = math_scalar(b & m3);
	uint64_t r0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
	uint64_t r1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
	uint64_t r2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
	uint64_t r3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);

	r0 = math_scalar(r0 & m0) | math_scalar(r1 & m1);
	return r0 | math_scalar(r2 & m2) | math_scalar(r3 & m3);
}

/* Bits 126 to 63 of the carry-less product: reversing the operands reverses the product. */
ALWAYS_INLINE uint64_t math_clmulr(uint64_t a, uint64_t b)
{
	return math_bitreverse(math_clmul(math_bitreverse(a), math_bitreverse(b)));
}
