/* SPDX-License-Identifier: Apache-2.0 */
/* A code cache over a fake machine, for tests that execute no micro-op: each has a handler of its own that tells which it is. */
#pragma once
#include "backend/cache/codecache.h"
#include "tests/check_main.h"
#include "tests/runtime/fake.h"

#define ARENA (256u << 10)

static struct fake f;
static struct codecache *cc;
static const char ops[UOP_COUNT], near, far;
static const void *table[UOP_COUNT];
static const struct code_handlers handlers = { table, &near, &far };

static void setup(void)
{
	struct error err;
	for (unsigned i = 0; i < UOP_COUNT; i++)
		table[i] = &ops[i];
	fake_init(&f, 1);
	cc = codecache_create(&f.m, &handlers, NULL, ARENA, &err);
	ck_assert_ptr_nonnull(cc);
}

static void teardown(void)
{
	codecache_destroy(cc);
	fake_destroy(&f);
}

static struct phys_page *page(uint64_t pa)
{
	return phys_page(&f.m.phys, phys_find(&f.m.phys, GPA(pa)), GPA(pa));
}
