// SPDX-License-Identifier: Apache-2.0
/* libFuzzer target: a file of any contents, or bytes in hex, up to micro-ops that the verifier accepts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ir/ir.h"
#include "src/lift/lift.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_error(const struct error *err)
{
	if (!err->code || !err->text[0] || strchr(err->text, '\n'))
		abort();	/* a refusal without its line */
}

static void lift_place(const struct lift_source *s, const struct cpu_config *config, const char *at)
{
	struct lift_options o = { .mode = s->frontend->modes, .config = config, .engine = LIFT_NONE, .max_insns = 200 };
	struct lift_range range;
	struct error err = { 0 };
	struct lift *l = s->find(s, at, &range, &err) ? lift_create(s, &range, &o, &err) : NULL;
	if (!l)
		check_error(&err);
	for (unsigned i = 0; l && i < l->n_blocks; i++)
		if (!ir_verify(&l->block[i]->ir, s->frontend->helpers, s->frontend->n_helpers, &err))
			abort();
	lift_destroy(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const places[] = { NULL, "main", ".text", "0x80000000" };
	char path[40], *text = malloc(size + 1);
	struct error err = { 0 };
	int fd = memfd_create("input", MFD_CLOEXEC);
	if (!text || fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	memcpy(text, bytes, size);
	text[size] = 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const struct lift_input inputs[] = { { .file = path, .symbols = NULL }, { .hex = text }, { .file = path, .has_base = true, .base = 0x80000000 } };
	for (unsigned i = 0; i < ARRAY_SIZE(inputs); i++) {
		struct lift_source *s = source_open(&inputs[i], &err);
		if (!s) {
			check_error(&err);
			continue;
		}
		struct cpu_config *config = s->frontend->config_parse(s->frontend->default_cpu, &err);
		for (unsigned k = 0; k < ARRAY_SIZE(places); k++)
			lift_place(s, config, places[k]);
		s->frontend->config_free(config);
		s->close(s);
	}
	close(fd);
	free(text);
	return 0;
}
