// SPDX-License-Identifier: Apache-2.0
#include "src/log_channels.h"
#include <stdlib.h>
#include <string.h>
#include "runtime/machine.h"

static const struct channel {
	const char *name, *also;	/* also: what QEMU calls it; NULL: the same, or nothing like it */
	uint32_t bit;
	const char *help;
} channels[] = {
	{ "insn", "in_asm", LOG_INSN, "The guest's instructions of each block as it is translated." },
	{ "uop", "op_opt", LOG_UOP, "The micro-ops of each block as it is translated." },
	{ "ir", NULL, LOG_IR, "LLVM's IR, after its passes, of each region as it is compiled." },
	{ "host", "out_asm", LOG_HOST, "Machine code of each block and region as it is made." },
	{ "exec", NULL, LOG_EXEC, "Each block that is executed; they are executed one by one then, and no region is." },
	{ "step", NULL, LOG_STEP, "Each instruction that is executed, with the registers that it changes." },
	{ "int", NULL, LOG_INT, "Exceptions and interrupts." },
	{ "mmu", NULL, LOG_MMU, "Page table walks, page faults and TLB flushes." },
	{ "dev", NULL, LOG_DEVICE, "Accesses to registers of devices." },
	{ "guest_errors", NULL, LOG_GUEST_ERRORS, "What a guest asks of devices and they refuse." },
};

static uint32_t find(const char *word)
{
	for (unsigned i = 0; i < ARRAY_SIZE(channels); i++)
		if (!strcmp(word, channels[i].name) || (channels[i].also && !strcmp(word, channels[i].also)))
			return channels[i].bit;
	return 0;
}

static bool unknown(const char *word, struct error *err)
{
	const char *names[ARRAY_SIZE(channels)];
	char all[160] = "";
	for (unsigned i = 0; i < ARRAY_SIZE(channels); i++) {
		names[i] = channels[i].name;
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", !i ? "" : i + 1 < ARRAY_SIZE(channels) ? ", " : " and ", names[i]);
	}
	const char *near = nearest_name(word, names, ARRAY_SIZE(channels));
	return error_set(err, ERROR_USAGE, "unknown log \"%.40s\"%s%s: there are %s", word, near ? ", did you mean " : "", near ? near : "", all);
}

bool log_channels_parse(const char *text, uint32_t *log, struct error *err)
{
	char *copy = strdup(text), *rest = copy;
	bool good = copy || error_set(err, ERROR_HOST, "out of memory");
	while (good && rest) {
		const char *word = strsep(&rest, ",");
		uint32_t bit = find(word);
		good = bit || unknown(word, err);
		*log |= bit;
	}
	free(copy);
	return good;
}

void log_channels_print(FILE *f)
{
	for (unsigned i = 0; i < ARRAY_SIZE(channels); i++)
		fprintf(f, "%-14s%s\n", channels[i].name, channels[i].help);
}

bool log_channels_value(unsigned i, struct option_value *v)
{
	if (i >= ARRAY_SIZE(channels))
		return false;
	snprintf(v->word, sizeof v->word, "%s", channels[i].name);
	v->help = channels[i].help;
	return true;
}
