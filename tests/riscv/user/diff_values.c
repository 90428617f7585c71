// SPDX-License-Identifier: Apache-2.0
/* Random register values, most of them near an edge: of integers, of floating-point formats, of NaN boxing, of each other. */
#include "tests/riscv/user/diff.h"
#include <string.h>

static uint64_t power_of_two(struct rng *r)
{
	uint64_t v = (uint64_t)1 << rng_below(r, 64);

	switch (rng_below(r, 4)) {
	case 0: return v - 1;
	case 1: return v + 1;
	case 2: return -v;
	}
	return v;
}

static uint64_t integer(struct rng *r)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff,
		0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x100000000, (uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1,
		(uint64_t)INT64_MAX + 2, UINT64_MAX, UINT64_MAX - 1, 0xffffffff80000000, 0xffffffff7fffffff, 0x5555555555555555,
		0xaaaaaaaaaaaaaaaa, 0x00ff00ff00ff00ff, 0x0102030405060708, 0x8080808080808080,
	};
	uint64_t v = rng_next(r);

	switch (rng_below(r, 6)) {
	case 0: return edges[rng_below(r, ARRAY_SIZE(edges))];
	case 1: return power_of_two(r);
	case 2: return (uint64_t)(int64_t)(int32_t)v;
	case 3: return (uint32_t)v;
	case 4: return v >> rng_below(r, 64);
	}
	return v;
}

/*
 * A float of any format: sign, an exponent from an edge or near the bias (so that sums, products and conversions to
 * integers meet), a fraction with few or many bits.
 */
static uint64_t number(struct rng *r, unsigned exp_bits, unsigned frac_bits)
{
	uint64_t max = ((uint64_t)1 << exp_bits) - 1, bias = max >> 1, all = ((uint64_t)1 << frac_bits) - 1;
	uint64_t exponent, fraction;

	switch (rng_below(r, 8)) {
	case 0: exponent = 0; break;
	case 1: exponent = max; break;
	case 2: exponent = rng_below(r, 3); break;
	case 3: exponent = max - rng_below(r, 3); break;
	case 4: exponent = rng_next(r) & max; break;
	default: exponent = (bias - 4 + rng_below(r, 72)) & max; break;
	}
	switch (rng_below(r, 8)) {
	case 0: fraction = 0; break;
	case 1: fraction = all; break;
	case 2: fraction = (uint64_t)1 << rng_below(r, frac_bits); break;
	case 3: fraction = all & ~(uint64_t)rng_below(r, 8); break;
	case 4: fraction = rng_below(r, 8); break;
	case 5: fraction = all << rng_below(r, frac_bits) & all; break;
	default: fraction = rng_next(r) & all; break;
	}
	return (rng_next(r) & 1) << (exp_bits + frac_bits) | exponent << frac_bits | fraction;
}

static uint64_t floating(struct rng *r)
{
	switch (rng_below(r, 16)) {
	case 0: return rng_next(r);				/* mostly doubles, badly boxed singles */
	case 1: return number(r, 8, 23) | rng_next(r) << 32;	/* boxed badly by chance */
	case 2: return number(r, 8, 23) | 0xfffffffe00000000;
	case 3: case 4: return number(r, 5, 10) | 0xffffffffffff0000;
	case 5: return number(r, 5, 10) | 0xfffffffffffe0000;
	case 6: case 7: case 8: case 9: return number(r, 11, 52);
	}
	return number(r, 8, 23) | 0xffffffff00000000;
}

/* Another value, or its neighbour, negation or low half: what equality, cancellation and ties need. */
static uint64_t relative(struct rng *r, uint64_t v, uint64_t sign)
{
	switch (rng_below(r, 8)) {
	case 0: return v ^ sign;
	case 1: return v + 1;
	case 2: return v - 1;
	case 3: return (v ^ sign) + rng_below(r, 4);
	}
	return v;
}

/* The product, quotient or sum of two earlier values, at times a unit off: fused operations cancel, divisions come out even. */
static uint64_t computed(struct rng *r, uint64_t v, uint64_t w)
{
	unsigned op = rng_below(r, 4);
	uint64_t off = rng_below(r, 2) ? 0 : (uint64_t)rng_below(r, 3) - 1, sign = rng_next(r) & 1;

	if (v >> 32 == 0xffffffff && w >> 32 == 0xffffffff) {
		uint32_t vb = (uint32_t)v, wb = (uint32_t)w;
		float a, b, c;

		memcpy(&a, &vb, sizeof(a));
		memcpy(&b, &wb, sizeof(b));
		c = op < 2 ? a * b : op == 2 ? a / b : a + b;
		memcpy(&vb, &c, sizeof(c));
		return (((vb + off) & 0xffffffff) ^ sign << 31) | 0xffffffff00000000;
	}
	double a, b, c;

	memcpy(&a, &v, sizeof(a));
	memcpy(&b, &w, sizeof(b));
	c = op < 2 ? a * b : op == 2 ? a / b : a + b;
	memcpy(&v, &c, sizeof(c));
	return (v + off) ^ sign << 63;
}

/* Every other state has few unrelated values, so that two operands are often equal or nearly so. */
void diff_random_state(struct rng *r, struct diff_state *s)
{
	bool few = rng_below(r, 2);
	uint64_t x[3], f[3];

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < ARRAY_SIZE(x); i++)
		x[i] = integer(r);
	for (unsigned i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = floating(r);
	for (unsigned i = 1; i < 32; i++) {
		uint64_t sign = (uint64_t)1 << (rng_below(r, 2) ? 63 : 31);

		s->x[i] = few ? relative(r, x[rng_below(r, ARRAY_SIZE(x))], sign) : integer(r);
	}
	for (unsigned i = 0; i < 32; i++) {
		uint64_t v = f[rng_below(r, ARRAY_SIZE(f))];

		if (few)
			s->f[i] = relative(r, v, (uint64_t)1 << (v >> 32 == 0xffffffff ? 31 : 63));
		else
			s->f[i] = floating(r);
		if (i > 1 && !rng_below(r, 4))
			s->f[i] = computed(r, s->f[rng_below(r, i)], s->f[rng_below(r, i)]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(s->memory); i++)
		s->memory[i] = rng_below(r, 2) ? floating(r) : integer(r);
}
