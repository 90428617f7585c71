/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that every module uses; nothing here has state. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define MUST_CHECK __attribute__((warn_unused_result))
#define COLD __attribute__((noinline, cold))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define PAGE_BITS 12
#define PAGE_SIZE ((uint64_t)1 << PAGE_BITS)
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* v's low `bits` bits (1 to 64) as a signed number */
ALWAYS_INLINE int64_t sign_extend(uint64_t v, unsigned bits)
{
	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* `bits` bits of v from bit `lo` on */
ALWAYS_INLINE uint64_t extract(uint64_t v, unsigned lo, unsigned bits)
{
	return (v >> lo) & (bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1);
}

/* In a loop that waits for another thread's store */
ALWAYS_INLINE void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}
