/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's floating-point status, and the pieces that the fp micro-ops (ir/uops_fp.inc) are made of.
 *
 * While generated code runs, the host's status register holds the guest's rounding mode and collects the guest's flags; a
 * vCPU's thread computes nothing else in floating point there. Loading and reading it is slow, so neither is done per operation.
 *
 * Compilers know nothing of this register: they fold, move and drop floating-point operations, whatever the options. FP_KEEP(v), an
 * empty asm that may have changed v, goes around every operation; volatile asms keep their order, so the operation
 * happens between them, and status is read and written by volatile asm too. Code that uses this is also compiled with
 * -frounding-math -ftrapping-math.
 *
 * On x86-64 the status register is MXCSR. Elsewhere, or with FP_PORTABLE defined, <fenv.h> and C arithmetic do.
 */
#pragma once
#include <fenv.h>
#include <math.h>
#include <string.h>
#include "runtime/util.h"

#if defined(__x86_64__) && defined(__FMA__) && defined(__F16C__) && !defined(FP_PORTABLE)
#define FP_X86 1
#define FP_KEEP(v) __asm__ volatile("" : "+x"(v))
#else
#define FP_X86 0
#define FP_KEEP(v) __asm__ volatile("" : "+m"(v))
#endif
#define FP_HOLD(v) __asm__ volatile("" : "+r"(v))	/* the same for an integer operand or result */
/* An integer that the compiler must not follow into the floating-point registers, where a constant would become static data
 * (stencils have none). */
#define FP_OPAQUE(v) __asm__("" : "+r"(v))

/* Exception flags as host bits (x86-64: those of MXCSR), and all of them */
enum {
	FP_NV = FE_INVALID, FP_DZ = FE_DIVBYZERO, FP_OF = FE_OVERFLOW, FP_UF = FE_UNDERFLOW, FP_NX = FE_INEXACT,
	FP_FLAGS = FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT,
};

/* ---- values ---- */

#define FP_NAN16 0x7e00u
#define FP_NAN32 0x7fc00000u
#define FP_NAN64 0x7ff8000000000000u
#define FP_BITS_2_32 0x41f0000000000000u	/* 2^32 as a double; non-negative doubles order as their bits do */
#define FP_BITS_2_63 0x43e0000000000000u
#define FP_BITS_2_64 0x43f0000000000000u
#define FP_BITS_MINUS_0 0x8000000000000000u

ALWAYS_INLINE uint64_t fp_box16(uint16_t v) { return v | 0xffffffffffff0000; }
ALWAYS_INLINE uint64_t fp_box32(uint32_t v) { return v | 0xffffffff00000000; }
/* A value that is not NaN-boxed reads as the canonical NaN (RISC-V ISA volume I, "NaN Boxing of Narrower Values"). */
ALWAYS_INLINE uint16_t fp_unbox16(uint64_t v) { return v >> 16 == 0xffffffffffff ? (uint16_t)v : FP_NAN16; }

ALWAYS_INLINE uint32_t fp_unbox32(uint64_t v)
{
	uint32_t r = v >> 32 == 0xffffffff ? (uint32_t)v : FP_NAN32;

	FP_OPAQUE(r);
	return r;
}

ALWAYS_INLINE bool fp_nan16(uint16_t v) { return (v & 0x7fff) > 0x7c00; }
ALWAYS_INLINE bool fp_nan32(uint32_t v) { return (v & 0x7fffffff) > 0x7f800000; }
ALWAYS_INLINE bool fp_nan64(uint64_t v) { return (v & 0x7fffffffffffffff) > 0x7ff0000000000000; }
ALWAYS_INLINE bool fp_snan16(uint16_t v) { return fp_nan16(v) && !(v & 0x0200); }
ALWAYS_INLINE bool fp_snan32(uint32_t v) { return fp_nan32(v) && !(v & 0x00400000); }
ALWAYS_INLINE bool fp_snan64(uint64_t v) { return fp_nan64(v) && !(v & 0x0008000000000000); }

ALWAYS_INLINE float fp_float(uint32_t v) { float f; memcpy(&f, &v, sizeof(f)); return f; }
ALWAYS_INLINE double fp_double(uint64_t v) { double f; memcpy(&f, &v, sizeof(f)); return f; }
ALWAYS_INLINE uint32_t fp_bits32(float f) { uint32_t v; memcpy(&v, &f, sizeof(v)); return v; }
ALWAYS_INLINE uint64_t fp_bits64(double f) { uint64_t v; memcpy(&v, &f, sizeof(v)); return v; }

/* ---- status ---- */

#if FP_X86
#define FP_CONTROL_DEFAULT 0x1f80u	/* all exceptions masked, to nearest */
#define FP_RC_SHIFT 13			/* MXCSR.RC */
#define FP_RC_MASK (3u << FP_RC_SHIFT)

ALWAYS_INLINE uint32_t fp_read_status(void)
{
	uint32_t csr;

	__asm__ volatile("vstmxcsr %0" : "=m"(csr));
	return csr;
}

ALWAYS_INLINE void fp_write_status(uint32_t csr)
{
	__asm__ volatile("vldmxcsr %0" : : "m"(csr));
}

/* The control word (vcpu->fp_control) for a RISC-V rounding mode 0 to 3. Packed, RC by mode: RNE 0, RTZ 3, RDN 1, RUP 2. */
ALWAYS_INLINE uint32_t fp_control_for(unsigned rm)
{
	return FP_CONTROL_DEFAULT | (0x9cu >> rm * 2 & 3) << FP_RC_SHIFT;
}

/* Loads a control word, with all flags clear. */
ALWAYS_INLINE void fp_load_control(uint32_t control)
{
	fp_write_status(control);
}

/* Changes the rounding mode to the control word's; flags stay. */
ALWAYS_INLINE void fp_load_rounding(uint32_t control)
{
	fp_write_status((fp_read_status() & ~FP_RC_MASK) | (control & FP_RC_MASK));
}

/* Flags that were raised since they were last cleared (host bits) … */
ALWAYS_INLINE uint32_t fp_raised(void)
{
	return fp_read_status() & FP_FLAGS;
}

/* … and clears them. */
ALWAYS_INLINE uint32_t fp_take_flags(void)
{
	uint32_t csr = fp_read_status();

	if (csr & 0x3f)
		fp_write_status(csr & ~0x3fu);
	return csr & FP_FLAGS;
}
#else
#define FP_CONTROL_DEFAULT ((uint32_t)FE_TONEAREST)

ALWAYS_INLINE uint32_t fp_control_for(unsigned rm)
{
	return rm == 1 ? FE_TOWARDZERO : rm == 2 ? FE_DOWNWARD : rm == 3 ? FE_UPWARD : FE_TONEAREST;
}

ALWAYS_INLINE void fp_load_control(uint32_t control)
{
	fesetround((int)control);
	feclearexcept(FE_ALL_EXCEPT);
}

ALWAYS_INLINE void fp_load_rounding(uint32_t control)
{
	fesetround((int)control);
}

ALWAYS_INLINE uint32_t fp_raised(void)
{
	return (uint32_t)fetestexcept(FP_FLAGS);
}

ALWAYS_INLINE uint32_t fp_take_flags(void)
{
	uint32_t flags = (uint32_t)fetestexcept(FP_FLAGS);

	feclearexcept(FE_ALL_EXCEPT);
	return flags;
}
#endif

/* Host bits as IEEE 754 orders them, NV 16, DZ 8, OF 4, UF 2, NX 1, and back */
ALWAYS_INLINE uint64_t fp_pack_flags(uint32_t host)
{
	return (host & FP_NV ? 16u : 0) | (host & FP_DZ ? 8u : 0) | (host & FP_OF ? 4u : 0) | (host & FP_UF ? 2u : 0) | (host & FP_NX ? 1u : 0);
}

ALWAYS_INLINE uint32_t fp_unpack_flags(uint64_t v)
{
	return (v & 16 ? FP_NV : 0) | (v & 8 ? FP_DZ : 0) | (v & 4 ? FP_OF : 0) | (v & 2 ? FP_UF : 0) | (v & 1 ? FP_NX : 0);
}

/* ---- operations that C has no exact word for; operands have passed FP_KEEP ---- */

/* Comparisons: eq quiet, lt and le signalling. Compilers differ in which instruction `<` is, hence by hand. */
ALWAYS_INLINE bool fp_eq32(float a, float b) { return a == b; }
ALWAYS_INLINE bool fp_eq64(double a, double b) { return a == b; }

#if FP_X86
#define FP_COMPARE(name, T, insn, cc) \
ALWAYS_INLINE bool name(T a, T b) \
{ \
	bool r; \
	__asm__ volatile(insn " %2, %1\n\tset" cc " %0" : "=q"(r) : "x"(b), "x"(a) : "cc"); \
	return r; \
}
FP_COMPARE(fp_lt32, float, "vcomiss", "a")	/* b above a; unordered sets the carry, so is neither above nor equal */
FP_COMPARE(fp_le32, float, "vcomiss", "ae")
FP_COMPARE(fp_lt64, double, "vcomisd", "a")
FP_COMPARE(fp_le64, double, "vcomisd", "ae")
#undef FP_COMPARE

ALWAYS_INLINE float fp_sqrt32(float a) { __asm__ volatile("vsqrtss %0, %0, %0" : "+x"(a)); return a; }
ALWAYS_INLINE double fp_sqrt64(double a) { __asm__ volatile("vsqrtsd %0, %0, %0" : "+x"(a)); return a; }
ALWAYS_INLINE float fp_fma32(float a, float b, float c) { __asm__ volatile("vfmadd213ss %2, %1, %0" : "+x"(a) : "x"(b), "x"(c)); return a; }
ALWAYS_INLINE double fp_fma64(double a, double b, double c) { __asm__ volatile("vfmadd213sd %2, %1, %0" : "+x"(a) : "x"(b), "x"(c)); return a; }

/* To an integral value: 12 = as MXCSR says, 11 = towards zero, both without NX. */
ALWAYS_INLINE double fp_rint_quiet(double a) { __asm__ volatile("vroundsd $12, %0, %0, %0" : "+x"(a)); return a; }
ALWAYS_INLINE double fp_trunc_quiet(double a) { __asm__ volatile("vroundsd $11, %0, %0, %0" : "+x"(a)); return a; }
/* To an integer, with NX; out of range gives INT64_MIN (INT32_MIN) with NV alone. */
ALWAYS_INLINE int64_t fp_to_l(double a) { int64_t r; __asm__ volatile("vcvtsd2si %1, %0" : "=r"(r) : "x"(a)); return r; }
ALWAYS_INLINE int64_t fp_to_l_z(double a) { int64_t r; __asm__ volatile("vcvttsd2si %1, %0" : "=r"(r) : "x"(a)); return r; }
ALWAYS_INLINE int32_t fp_to_w(double a) { int32_t r; __asm__ volatile("vcvtsd2si %1, %0" : "=r"(r) : "x"(a)); return r; }
ALWAYS_INLINE int32_t fp_to_w_z(double a) { int32_t r; __asm__ volatile("vcvttsd2si %1, %0" : "=r"(r) : "x"(a)); return r; }

ALWAYS_INLINE float fp_half_to_float(uint16_t h)
{
	float f;

	__asm__ volatile("vmovd %1, %0\n\tvcvtph2ps %0, %0" : "=x"(f) : "r"((uint32_t)h));
	return f;
}

ALWAYS_INLINE uint16_t fp_float_to_half(float f)
{
	uint32_t h;

	/* the other lanes may hold anything: cleared, they raise nothing (vinsertps mask) */
	__asm__ volatile("vinsertps $14, %1, %1, %1\n\tvcvtps2ph $4, %1, %1\n\tvmovd %1, %0" : "=r"(h), "+x"(f));
	return (uint16_t)h;
}
#endif
#if !FP_X86
#include "runtime/fp_portable.h"
#endif

/* NaN results are canonical. The quiet comparison of a result, never a signalling NaN, raises nothing. */
ALWAYS_INLINE uint64_t fp_out32(float r)
{
	uint32_t v = fp_bits32(r);

	FP_OPAQUE(v);
	return fp_box32(unlikely(__builtin_isunordered(r, r)) ? FP_NAN32 : v);
}

ALWAYS_INLINE uint64_t fp_out64(double r)
{
	if (unlikely(__builtin_isunordered(r, r))) {
		uint64_t nan = FP_NAN64;

		FP_OPAQUE(nan);
		r = fp_double(nan);
	}
	return fp_bits64(r);
}

/*
 * Minimum and maximum (IEEE 754-2019 minimumNumber, maximumNumber): a NaN loses against a number, -0 is less than +0. The
 * quiet comparisons raise NV for a signalling NaN, as wanted. Operands that compare equal differ in sign or not at all.
 */
#define FP_MINMAX(name, T, U, less, bits, nan, NAN, both) \
ALWAYS_INLINE U name(T a, T b) \
{ \
	U x = bits(a), y = bits(b); \
	if (less(a, b)) \
		return x; \
	if (less(b, a)) \
		return y; \
	if (unlikely(__builtin_isunordered(a, b))) \
		return !nan(x) ? x : !nan(y) ? y : (U)NAN; \
	return x both y; \
}
FP_MINMAX(fp_min32, float, uint32_t, __builtin_isless, fp_bits32, fp_nan32, FP_NAN32, |)
FP_MINMAX(fp_max32, float, uint32_t, __builtin_isgreater, fp_bits32, fp_nan32, FP_NAN32, &)
FP_MINMAX(fp_min64, double, uint64_t, __builtin_isless, fp_bits64, fp_nan64, FP_NAN64, |)
FP_MINMAX(fp_max64, double, uint64_t, __builtin_isgreater, fp_bits64, fp_nan64, FP_NAN64, &)
#undef FP_MINMAX

/* a * b + c: x86 and others raise nothing for infinity times 0 plus a quiet NaN; RISC-V wants NV (ISA volume I, "Single-
 * Precision Floating-Point Computational Instructions"). For this slow path only; no flag of the host's status is touched. */
ALWAYS_INLINE bool fp_inf_times_zero32(uint32_t a, uint32_t b)
{
	a <<= 1, b <<= 1;
	return (a == 0xff000000 && b == 0) || (b == 0xff000000 && a == 0);
}

ALWAYS_INLINE bool fp_inf_times_zero64(uint64_t a, uint64_t b)
{
	a <<= 1, b <<= 1;
	return (a == 0xffe0000000000000 && b == 0) || (b == 0xffe0000000000000 && a == 0);
}

/*
 * To integers, for both ways of rounding. All sources are doubles (a single widens exactly, and its signalling NaN raises the NV that
 * it will raise anyway). t is x rounded to an integral value; out of range saturates with NV and no NX, a NaN as +infinity
 * would (ISA volume I, table "Domains of float-to-integer conversions").
 */
/* The hardware's answer to everything out of range is the least integer, and right for what is too small. */
ALWAYS_INLINE uint64_t fp_saturate_w(int32_t r, uint64_t x, uint32_t *flags)
{
	if (unlikely(r == INT32_MIN) && (fp_nan64(x) || !(x >> 63))) {
		*flags |= FP_NV;
		return INT32_MAX;
	}
	return (uint64_t)(int64_t)r;
}

ALWAYS_INLINE uint64_t fp_saturate_l(int64_t r, uint64_t x, uint32_t *flags)
{
	if (unlikely(r == INT64_MIN) && (fp_nan64(x) || !(x >> 63))) {
		*flags |= FP_NV;
		return INT64_MAX;
	}
	return (uint64_t)r;
}

/* Unsigned results out of range. */
ALWAYS_INLINE uint64_t fp_saturate_u(uint64_t x, uint32_t *flags)
{
	*flags |= FP_NV;
	return x >> 63 && !fp_nan64(x) ? 0 : ~(uint64_t)0;
}

ALWAYS_INLINE bool fp_fits_wu(uint64_t t) { return t < FP_BITS_2_32 || t == FP_BITS_MINUS_0; }
ALWAYS_INLINE bool fp_fits_lu(uint64_t t) { return t < FP_BITS_2_63 || t == FP_BITS_MINUS_0; }

/* Half of an unsigned number with its lowest bit kept as a sticky one: converts as the whole does, then doubles exactly. */
ALWAYS_INLINE int64_t fp_half_sticky(uint64_t v) { return (int64_t)(v >> 1 | (v & 1)); }

/*
 * A double cut down to a single with round-to-odd, so that rounding that to a half rounds once. What lies outside the normal singles is far
 * outside the halves too: any value there of the same sign and kind rounds alike.
 */
ALWAYS_INLINE uint32_t fp_double_to_odd_single(uint64_t x)
{
	uint32_t sign = (uint32_t)(x >> 32) & 0x80000000;
	uint64_t magnitude = x & 0x7fffffffffffffff;

	if (magnitude >= 0x7ff0000000000000)
		return sign | (magnitude > 0x7ff0000000000000 ? FP_NAN32 : 0x7f800000);
	if (magnitude >= 0x47f0000000000000)	/* 2^128 */
		return sign | 0x7f7fffff;
	if (magnitude < 0x3810000000000000)	/* 2^-126 */
		return sign | (magnitude ? 0x00800001 : 0);
	magnitude -= (uint64_t)(1023 - 127) << 52;
	return sign | (uint32_t)(magnitude >> 29) | ((magnitude & 0x1fffffff) != 0);
}

/* RISC-V's ten-bit class mask, for a value split into its parts */
ALWAYS_INLINE uint64_t fp_class(bool sign, bool exp_max, bool exp_zero, bool frac_zero, bool quiet)
{
	if (exp_max && !frac_zero)
		return quiet ? 1 << 9 : 1 << 8;
	unsigned kind = exp_max ? 0 : !exp_zero ? 1 : !frac_zero ? 2 : 3;
	return (uint64_t)1 << (sign ? kind : 7 - kind);
}
