// SPDX-License-Identifier: Apache-2.0
/* Regions as records: what is not whole, of another version, or does not hold for the region is refused. */
#include "backend/llvm/stored.h"
#include <string.h>
#include "backend/llvm/sites.h"
#include "tests/check_main.h"

#define VERSION "build 1"

static struct region r;
static char input[4096];
static uint8_t page[PAGE_SIZE], bytes[512];
/* An access of the second block's second micro-op; slot 5, whose bits are in a register. */
static const uint8_t sites[24] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 << (SITE_UOP_BITS - 8), 0, 0, 7, 0, 5, FORM_BITS, '%', 'r', 'a', 'x', 0 };

/* A loop of two blocks, at 0x10 and 0xff0 of their page. */
static void make(struct stored *s)
{
	memset(&r, 0xaa, sizeof r);	/* pointers and padding must not be read */
	r.mode = 3;
	r.windows = true;
	r.n_blocks = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct region_block *rb = &r.block[i];
		rb->uop = &r.uops[2 * i];
		rb->n_uops = 2;
		rb->n_insns = 1;
		rb->position = i ? 0xff0 : 0x10;
		rb->calls = rb->returns = rb->behind_call = rb->arrives = false;
		rb->landing = i == 1;
		rb->reached = rb->polls = true;
		rb->exit[0] = (struct region_exit){ .way = WAY_INSIDE, .to = !i, .target = i ? 0x10 : 0xff0 };
		rb->exit[1] = (struct region_exit){ .way = WAY_CODE, .target = 0x100 + (int)i };
		rb->uop[0] = (struct uop){ .op = UOP_add_i, .d = 5, .a = 6, .imm = -1 };
		rb->uop[1] = (struct uop){ .op = UOP_beq, .a = 5, .b = 6 };
	}
	for (unsigned i = 0; i < sizeof page; i++)
		page[i] = (uint8_t)(i * 7);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	memcpy(bytes + 128, sites, sizeof sites);
	*s = (struct stored){
		.length = { 6, 16 }, .guest_size = 22, .input = input, .input_size = stored_describe(&r, input, sizeof input),
		.image = { bytes, sizeof bytes, 4, 0, 100, 128, sizeof sites, 256 },
	};
	region_get_shape(&r, &s->shape);
	static uint8_t guest[22];
	memcpy(guest, page + 0x10, 6);
	memcpy(guest + 6, page + 0xff0, 16);
	s->guest = guest;
}

START_TEST(what_is_printed_reads_back)
{
	struct stored s, back;
	size_t size;
	make(&s);
	char *record = stored_print(&s, VERSION, &size);
	ck_assert(stored_parse(&back, VERSION, record, size));
	ck_assert(back.shape.n_blocks == 2 && back.shape.block[0] == 0x10 && back.shape.block[1] == 0xff0);
	ck_assert(back.shape.n_landings == 1 && back.shape.landing[0] == 0xff0);
	ck_assert(back.shape.n_ways == 2 && back.shape.way[0] == 0x100 && back.shape.way[1] == 0x101);
	ck_assert(back.input_size == s.input_size && !memcmp(back.input, input, s.input_size));
	ck_assert(back.image.size == sizeof bytes && !memcmp(back.image.bytes, bytes, 256));
	ck_assert_uint_eq(back.image.bytes[256 + 2 * sizeof(struct region_links)], (uint8_t)(256 + 2 * sizeof(struct region_links)));
	for (unsigned i = 0; i < 2 * sizeof(struct region_links); i++)
		ck_assert_uint_eq(back.image.bytes[256 + i], 0);
	ck_assert(stored_image_holds(&back.image, &r));
	ck_assert(stored_matches(&back, page));
	free(record);
}
END_TEST

START_TEST(other_guest_code_does_not_match)
{
	struct stored s;
	make(&s);
	for (unsigned i = 0; i < PAGE_SIZE; i++) {
		bool inside = (i >= 0x10 && i < 0x16) || i >= 0xff0;
		page[i] ^= 1;
		ck_assert_msg(stored_matches(&s, page) == !inside, "byte %u", i);
		page[i] ^= 1;
	}
}
END_TEST

/* Everything that lowering reads is told apart. */
START_TEST(other_input_is_another)
{
	struct stored s;
	char other[sizeof input];
	make(&s);
#define DIFFERS(change) do { \
		make(&s); \
		change; \
		ck_assert_msg(stored_describe(&r, other, sizeof other) != s.input_size || memcmp(other, input, s.input_size), #change); \
	} while (0)
	DIFFERS(r.mode++);
	DIFFERS(r.windows = false);
	DIFFERS(r.n_blocks--);
	DIFFERS(r.block[1].position += 2);
	DIFFERS(r.block[1].n_insns++);
	DIFFERS(r.block[1].n_uops--);
	DIFFERS(r.block[1].calls = true);
	DIFFERS(r.block[1].returns = true);
	DIFFERS(r.block[1].behind_call = true);
	DIFFERS(r.block[1].landing = false);
	DIFFERS(r.block[1].reached = false);
	DIFFERS(r.block[1].polls = false);
	DIFFERS(r.block[1].exit[1].way = WAY_LOOKUP);
	DIFFERS(r.block[1].exit[0].to = 1);
	DIFFERS(r.block[0].exit[1].target += 2);
	DIFFERS(r.uops[3].op++);
	DIFFERS(r.uops[2].d++);
	DIFFERS(r.uops[2].a++);
	DIFFERS(r.uops[3].b++);
	DIFFERS(r.uops[3].c++);
	DIFFERS(r.uops[2].imm++);
	make(&s);
	r.block[0].code = r.block[0].bound = (const void *)&r;	/* where things lie is no input */
	ck_assert_uint_eq(stored_describe(&r, other, sizeof other), s.input_size);
	ck_assert_mem_eq(other, input, s.input_size);
}
END_TEST

START_TEST(what_is_not_whole_is_refused)
{
	struct stored s, back;
	size_t size;
	make(&s);
	char *record = stored_print(&s, VERSION, &size);
	for (size_t n = 0; n < size; n++)
		ck_assert(!stored_parse(&back, VERSION, record, n));
	ck_assert(!stored_parse(&back, "build 2", record, size));
	ck_assert(!stored_parse(&back, "build 10", record, size));
	for (size_t i = 0; i < size; i++) {	/* whatever is accepted lies within */
		record[i] ^= (char)0x81;
		if (stored_parse(&back, VERSION, record, size)) {
			stored_matches(&back, page);
			stored_image_holds(&back.image, &r);
		}
		record[i] ^= (char)0x81;
	}
	free(record);
}
END_TEST

START_TEST(images_lie_within)
{
	struct stored s;
#define REFUSED(change) do { \
		make(&s); \
		ck_assert(stored_image_holds(&s.image, &r)); \
		change; \
		ck_assert_msg(!stored_image_holds(&s.image, &r), #change); \
	} while (0)
	REFUSED(s.image.entry = 100);
	REFUSED(s.image.begin = 5);
	REFUSED(s.image.end = 513);
	REFUSED(s.image.links = 252);
	REFUSED(s.image.links = 512 - 40);
	REFUSED(s.image.links = UINT32_MAX - 7);
	REFUSED(s.image.sites = 130);
	REFUSED(s.image.sites = 508);
	REFUSED(s.image.sites_size = UINT32_MAX);
	REFUSED(s.image.sites_size--);
	REFUSED(bytes[128 + 8] = 2);	/* the second block has two micro-ops … */
	REFUSED(bytes[128 + 9] = 2 << (SITE_UOP_BITS - 8));	/* … and there are two blocks */
	REFUSED(bytes[128 + 12] = 8);	/* the places begin one more, which is not whole */
	REFUSED(bytes[128 + 12] = 6);	/* … and their last has no end */
	REFUSED(bytes[128 + 13] = 1);
	REFUSED(bytes[128 + 15] = FORM_UNKNOWN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stored");
	TCase *c = tcase_create("records");
	tcase_add_test(c, what_is_printed_reads_back);
	tcase_add_test(c, other_guest_code_does_not_match);
	tcase_add_test(c, other_input_is_another);
	tcase_add_test(c, what_is_not_whole_is_refused);
	tcase_add_test(c, images_lie_within);
	suite_add_tcase(s, c);
	return run_suites("backend/stored", 1, &s);
}
