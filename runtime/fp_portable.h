/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of runtime/fp.h in C and <fenv.h>, for hosts without their own. Included by it alone. */
#pragma once
#include "runtime/softfp.h"

/* The current rounding mode as RISC-V numbers it. */
ALWAYS_INLINE enum softfp_rm fp_current_rm(void)
{
	int mode = fegetround();

	return mode == FE_TOWARDZERO ? SOFTFP_RTZ : mode == FE_DOWNWARD ? SOFTFP_RDN : mode == FE_UPWARD ? SOFTFP_RUP : SOFTFP_RNE;
}

#define FP_COMPARE(name, T, quiet) \
ALWAYS_INLINE bool name(T a, T b) \
{ \
	if (__builtin_isunordered(a, b)) \
		feraiseexcept(FE_INVALID); \
	return quiet(a, b); \
}
FP_COMPARE(fp_lt32, float, __builtin_isless)
FP_COMPARE(fp_le32, float, __builtin_islessequal)
FP_COMPARE(fp_lt64, double, __builtin_isless)
FP_COMPARE(fp_le64, double, __builtin_islessequal)
#undef FP_COMPARE

ALWAYS_INLINE float fp_sqrt32(float a) { return sqrtf(a); }
ALWAYS_INLINE double fp_sqrt64(double a) { return sqrt(a); }
ALWAYS_INLINE float fp_fma32(float a, float b, float c) { return fmaf(a, b, c); }
ALWAYS_INLINE double fp_fma64(double a, double b, double c) { return fma(a, b, c); }

ALWAYS_INLINE double fp_rint_quiet(double a) { return nearbyint(a); }

ALWAYS_INLINE double fp_trunc_quiet(double a)
{
	uint64_t v = fp_bits64(a);
	unsigned exp = v >> 52 & 0x7ff;

	if (exp < 1023)
		return fp_double(v & FP_BITS_MINUS_0);
	return exp < 1075 ? fp_double(v & ~(uint64_t)0 << (1075 - exp)) : a;
}

/* t, integral, in [-limit, limit) becomes an integer; NX where it is not x; else the least integer with NV. */
ALWAYS_INLINE int64_t fp_to_integer(double x, double t, double limit)
{
	if (!(__builtin_isgreaterequal(t, -limit) && __builtin_isless(t, limit))) {
		feraiseexcept(FE_INVALID);
		return (int64_t)-limit;
	}
	if (t != x)
		feraiseexcept(FE_INEXACT);
	return (int64_t)t;
}

ALWAYS_INLINE int64_t fp_to_l(double a) { return fp_to_integer(a, fp_rint_quiet(a), 0x1p63); }
ALWAYS_INLINE int64_t fp_to_l_z(double a) { return fp_to_integer(a, fp_trunc_quiet(a), 0x1p63); }
ALWAYS_INLINE int32_t fp_to_w(double a) { return (int32_t)fp_to_integer(a, fp_rint_quiet(a), 0x1p31); }
ALWAYS_INLINE int32_t fp_to_w_z(double a) { return (int32_t)fp_to_integer(a, fp_trunc_quiet(a), 0x1p31); }

ALWAYS_INLINE float fp_half_to_float(uint16_t h)
{
	uint32_t flags = 0;
	uint64_t r = softfp_eval(FSOFT(FSOFT_CVT_S_H, SOFTFP_RNE, 0), fp_box16(h), 0, 0, &flags);

	feraiseexcept((int)flags);
	return fp_float((uint32_t)r);
}

ALWAYS_INLINE uint16_t fp_float_to_half(float f)
{
	uint32_t flags = 0;
	uint64_t r = softfp_eval(FSOFT(FSOFT_CVT_H_S, fp_current_rm(), 0), fp_box32(fp_bits32(f)), 0, 0, &flags);

	feraiseexcept((int)flags);
	return (uint16_t)r;
}
