// SPDX-License-Identifier: Apache-2.0
/* `calque lift`: what the translator makes of a piece of guest code. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/command.h"
#include "src/lift/lift.h"

#define INSNS_DEFAULT 4096
#define INSNS_MAX 65536
#define PLACES_MAX 4096		/* --at */

struct options {
	struct lift_input input;
	char *cpu, *mode, *stage, *engine, *memory, *syntax, *passes;
	char **at;
	unsigned n_at, insns;
	bool region, dot, json, has_vcpu;
};

#define AT(field) offsetof(struct options, field)

static bool set_base(const struct option *o, void *target, const char *value, struct error *err)
{
	struct options *x = target;
	x->input.has_base = true;
	return parse_number(value, UINT64_MAX, &x->input.base, err);
}

static bool set_vcpu(const struct option *o, void *target, const char *value, struct error *err)
{
	struct options *x = target;
	x->has_vcpu = true;
	return option_unsigned(o, target, value, err);
}

static bool set_insns(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t n;
	if (!parse_number(value, INSNS_MAX, &n, err))
		return false;
	((struct options *)target)->insns = (unsigned)n;
	return n || error_set(err, ERROR_USAGE, "at least 1");
}

static bool add_at(const struct option *o, void *target, const char *value, struct error *err)
{
	struct options *x = target;
	if (!*value)
		return error_set(err, ERROR_USAGE, "an empty value: write a symbol, an address or a section");
	if (!x->at)
		x->at = calloc(PLACES_MAX, sizeof *x->at);
	if (!x->at || x->n_at == PLACES_MAX)
		return x->at ? error_set(err, ERROR_USAGE, "at most %u places", PLACES_MAX) : error_set(err, ERROR_HOST, "out of memory");
	return replace_string(&x->at[x->n_at++], value, err);
}

static bool set_file(void *opaque, const char *text, struct error *err)
{
	struct options *x = opaque;
	if (x->input.file)
		return error_set(err, ERROR_USAGE, "unexpected argument \"%.100s\": one file is lifted at a time", text);
	return replace_string(&x->input.file, text, err);
}

static const struct option input_options[] = {
	{ "at", 0, "PLACE", add_at, 0, "What to lift: a symbol (memcpy), a place in one (memcpy+0x12), an address (0x80200000) or a section (.text); default: "
		"where the code begins. May be given several times." },
	{ "insns", 0, "N", set_insns, 0, "Instructions at most; from an address on, default is those of its block, and of symbols and sections the "
		"first 4096." },
	{ "hex", 0, "BYTES", option_string, AT(input.hex), "Lift these bytes in place of a file, as '13 05 15 00'." },
	{ "vm", 0, "SOCK", option_string, AT(input.vm), "Lift code of a guest that runs with \"calque run --ctl SOCK\", as it stands in its memory." },
	{ "vcpu", 0, "N", set_vcpu, AT(input.vcpu), "With --vm: the vCPU whose page tables and mode count; default 0." },
	{ "base", 0, "ADDRESS", set_base, 0, "The address of the first byte of a flat file, or of --hex (default 0)." },
	{ "symbols", 0, "FILE", option_string, AT(input.symbols), "Names for addresses: an ELF file, a System.map or a copy of /proc/kallsyms." },
	{ "arch", 0, "ARCH", option_string, AT(input.arch), "The guest's architecture; an ELF file says it itself." },
	{ "cpu", 0, "CPU[,EXT=on|off]...", option_string, AT(cpu), "The processor, as for \"calque run\"." },
	{ "mode", 0, "user|supervisor|machine", option_string, AT(mode), "The mode that the code runs in: user, supervisor or machine; default: supervisor in the upper half of "
		"the address space, else user; with --vm as the vCPU stands, if it stands in the same half." },
};

static bool stage_value(unsigned i, struct option_value *v)
{
	if (i <= N_STAGES)
		snprintf(v->word, sizeof v->word, "%s", i < N_STAGES ? lift_stage_names[i] : "all");
	return i <= N_STAGES;
}

static const struct option way_options[] = {
	{ "stage", 0, "STAGE[,STAGE]...", option_string, AT(stage), "What to show: guest (disassembly), uop (micro-ops), llvm (IR), llvm-opt (IR behind "
		"the passes), host (machine code), or all, aligned by guest instruction; default: all but llvm. One stage alone is in its own format, which "
		"LLVM's tools read.", stage_value },
	{ "region", 0, NULL, option_flag, AT(region), "The region that tiering would form from there if all of it were hot, in place of each block by itself." },
	{ "dot", 0, NULL, option_flag, AT(dot), "The region's control flow as input for Graphviz." },
	{ "engine", 0, "llvm|stencil", option_string, AT(engine), "Who makes the machine code; default llvm." },
	{ "memory", 0, "tlb|windows", option_string, AT(memory), "How LLVM's code reaches guest memory; default tlb." },
	{ "passes", 0, "LIST", option_string, AT(passes), "LLVM passes in place of the usual ones, as opt -passes= takes them, e.g. 'default<O2>'." },
	{ "syntax", 0, "att|intel", option_string, AT(syntax), "Syntax of x86 instructions; default att." },
	{ "json", 0, NULL, option_flag, AT(json), "One JSON object a line for each place (docs/lift.md)." },
};

/* ---- words ---- */

/* The index of an option's value among names; the first if it is not given. -1: err. */
static int choose(const char *option, const char *value, const char *const *names, unsigned n, struct error *err)
{
	char all[160] = "";
	for (unsigned i = 0; i < n; i++) {
		if (!value || !strcmp(value, names[i]))
			return (int)i;
		size_t used = strlen(all);
		snprintf(all + used, sizeof all - used, "%s%s", i ? i + 1 == n ? " and " : ", " : "", names[i]);
	}
	error_set(err, ERROR_USAGE, "--%s %.60s: there are %s", option, value, all);
	return -1;
}

static enum lift_engine best_engine(void)
{
#ifdef HAVE_STENCILS
	return LIFT_LLVM;
#else
	return LIFT_NONE;
#endif
}

static bool choose_engine(const struct options *x, enum lift_engine *engine, struct error *err)
{
	static const char *const names[] = { "llvm", "stencil" };
	int n = choose("engine", x->engine, names, ARRAY_SIZE(names), err);
	*engine = best_engine() == LIFT_NONE ? LIFT_NONE : (enum lift_engine)n;
	if (n >= 0 && x->engine && *engine == LIFT_NONE)
		return error_set(err, ERROR_USAGE, "--engine %s: this calque was built without it (-Dstencils)", x->engine);
	return n >= 0;
}

/* The stages of a list, a bit each. 0: err. */
static unsigned parse_stages(const struct options *x, enum lift_engine engine, struct error *err)
{
	const char *names[N_STAGES + 1];
	unsigned all = 0, stages = 0;
	for (enum lift_stage stage = 0; stage < N_STAGES; stage++) {
		names[stage] = lift_stage_names[stage];
		all |= lift_has_stage(engine, stage) ? 1u << stage : 0;
	}
	names[N_STAGES] = "all";
	for (const char *at = x->stage; at && *at; at += *at == ',') {
		char word[24];
		size_t length = strcspn(at, ",");
		snprintf(word, sizeof word, "%.*s", (int)length, at);
		at += length;
		int n = choose("stage", word, names, ARRAY_SIZE(names), err);
		if (n < 0)
			return 0;
		if (n < N_STAGES && !(all >> n & 1)) {
			error_set(err, ERROR_USAGE, "--stage %s: %s", word, engine == LIFT_STENCIL ?
				"stencils are copied, there is no IR; --engine llvm has it" : "this calque was built without machine code (-Dstencils)");
			return 0;
		}
		stages |= n < N_STAGES ? 1u << n : all;
	}
	return stages ? stages : all & ~(1u << STAGE_LLVM);
}

static bool check_input(const struct options *x, struct error *err)
{
	const struct lift_input *in = &x->input;
	if (!in->file && !in->hex && !in->vm)
		return error_set(err, ERROR_USAGE, "nothing to lift: give a FILE, --hex 'BYTES' or --vm SOCK");
	if (in->file && (in->hex || in->vm))
		return error_set(err, ERROR_USAGE, "--%s: the code comes from %.100s; leave one of the two out", in->hex ? "hex" : "vm", in->file);
	if (in->hex && in->vm)
		return error_set(err, ERROR_USAGE, "--hex: the code comes from the guest; leave --hex or --vm out");
	if (in->vm && (in->arch || x->cpu || in->has_base))
		return error_set(err, ERROR_USAGE, "--%s: the guest says that itself; leave it out", in->arch ? "arch" : x->cpu ? "cpu" : "base");
	if (x->has_vcpu && !in->vm)
		return error_set(err, ERROR_USAGE, "--vcpu: there is none without --vm");
	return true;
}

static bool check_combinations(const struct options *x, enum lift_engine engine, unsigned stages, struct error *err)
{
	if (!check_input(x, err))
		return false;
	if (x->dot && !x->region)
		return error_set(err, ERROR_USAGE, "--dot: draws a region; give --region too");
	if (x->dot && (x->json || x->stage))
		return error_set(err, ERROR_USAGE, "--dot: is an output of its own; leave %s out", x->json ? "--json" : "--stage");
	if (x->region && best_engine() == LIFT_NONE)
		return error_set(err, ERROR_USAGE, "--region: this calque was built without machine code (-Dstencils)");
	if (x->region && x->insns)
		return error_set(err, ERROR_USAGE, "--insns: a region is as large as tiering makes it; leave --insns or --region out");
	if (engine != LIFT_LLVM && (x->passes || x->memory))
		return error_set(err, ERROR_USAGE, "--%s: is for LLVM's code; stencils have none of it", x->passes ? "passes" : "memory");
	bool module = !x->json && (stages == 1u << STAGE_LLVM || stages == 1u << STAGE_OPTIMISED);
	if (x->n_at > 1 && (x->dot || module))
		return error_set(err, ERROR_USAGE, "%s: one place makes one %s; give one --at", x->dot ? "--dot" : "--stage", x->dot ? "graph" : "module");
	return true;
}

static const struct frontend_mode *find_mode(const struct lift_source *s, const char *name, uint64_t va, struct error *err)
{
	const struct frontend *frontend = s->frontend;
	const struct frontend_mode *known = !name && s->mode ? s->mode(s, va) : NULL;
	const char *names[8];
	unsigned n = 0;
	if (known)
		return known;
	for (; n < ARRAY_SIZE(names) && frontend->modes[n].name; n++)
		names[n] = frontend->modes[n].name;
	int chosen = name ? choose("mode", name, names, n, err) : (int)(va >> 63);
	return chosen < 0 ? NULL : &frontend->modes[chosen];
}

/* ---- printing ---- */

/* What the listing itself does not say loudly enough. */
static void print_notes(const struct lift *l)
{
	unsigned illegal = 0, crossing = 0;
	const struct lift_insn *first = NULL;
	for (const struct lift_insn *insn = l->insn; insn < l->insn + l->n_insns; insn++)
		if (insn->illegal && !illegal++)
			first = insn;
	fflush(stdout);
	if (illegal)
		fprintf(stderr, "calque lift: 0x%" PRIx64 ": %s is no instruction of this processor%s: it is lifted to its exception\n", first->va,
			first->text, illegal > 1 ? ", nor are others behind it" : "");
	for (unsigned i = 0; l->options.engine == LIFT_LLVM && i < l->n_blocks; i++)
		if (!l->block[i]->compiled && !crossing++)
			fprintf(stderr, "calque lift: 0x%" PRIx64 ": the instruction crosses its page: LLVM leaves such blocks to stencils\n",
				l->block[i]->va);
	if (l->cut)
		fprintf(stderr, "calque lift: the first %u instructions of %" PRIu64 " bytes; --insns N shows more\n", l->n_insns, l->range.size);
}

static void print(const struct options *x, const struct lift *l, unsigned stages)
{
	bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (x->dot)
		lift_print_dot(l, stdout);
	else if (x->json)
		lift_print_json(l, stages, stdout);
	else if (!(stages & (stages - 1)))
		lift_print_stage(l, (enum lift_stage)__builtin_ctz(stages), colour, stdout);
	else
		lift_print_aligned(l, stages, colour, stdout);
	if (!x->json)
		print_notes(l);
}

static bool lift_one(const struct options *x, const struct lift_source *s, const char *at, struct lift_options *o, unsigned stages, struct error *err)
{
	struct lift_range range;
	if (!s->find(s, at, &range, err) || !(o->mode = find_mode(s, x->mode, range.va, err)))
		return false;
	if (x->insns && !range.size)
		range.size = LIFT_OPEN;
	struct lift *l = lift_create(s, &range, o, err);
	if (!l)
		return false;
	print(x, l, stages);
	lift_destroy(l);
	return true;
}

static bool lift(const struct options *x, struct error *err)
{
	static const char *const memories[] = { "tlb", "windows" }, *const syntaxes[] = { "att", "intel" };
	struct lift_options o = { .region = x->region, .passes = x->passes, .max_insns = x->insns ? x->insns : INSNS_DEFAULT };
	int memory = choose("memory", x->memory, memories, 2, err), syntax = memory < 0 ? -1 : choose("syntax", x->syntax, syntaxes, 2, err);
	if (syntax < 0 || !choose_engine(x, &o.engine, err))
		return false;
	unsigned stages = parse_stages(x, o.engine, err);
	if (!stages || !check_combinations(x, o.engine, stages, err))
		return false;
	o.windows = memory;
	o.intel = syntax;
	if (x->dot || stages < 1u << STAGE_LLVM)	/* whoever looks at micro-ops need not wait for LLVM */
		o.engine = LIFT_NONE;
	struct lift_source *s = (x->input.vm ? source_attach : source_open)(&x->input, err);
	if (!s)
		return false;
	struct cpu_config *config = s->frontend->config_parse(x->cpu ? x->cpu : s->cpu ? s->cpu : s->frontend->default_cpu, err);
	bool good = config;
	o.config = config;
	for (unsigned i = 0; good && (!i || i < x->n_at); i++)
		good = lift_one(x, s, x->n_at ? x->at[i] : NULL, &o, stages, err);
	if (config)
		s->frontend->config_free(config);
	s->close(s);
	return good;
}

static void free_options(struct options *x)
{
	char *const strings[] = { x->input.arch, x->input.file, x->input.hex, x->input.vm, x->input.symbols, x->cpu, x->mode, x->stage, x->engine, x->memory, x->syntax,
				  x->passes };
	for (unsigned i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (unsigned i = 0; i < x->n_at; i++)
		free(x->at[i]);
	free(x->at);
}

int cmd_lift(int argc, char **argv)
{
	struct options x = { 0 };
	struct error err = { 0 };
	int status;
	struct command_syntax syntax = {
		.name = "lift",
		.operands = "[FILE]",
		.summary = "Shows what the translator makes of guest code, stage by stage; nothing is executed.",
		.groups = { { "Code", input_options, ARRAY_SIZE(input_options), &x }, { "Stages", way_options, ARRAY_SIZE(way_options), &x } },
		.n_groups = 2,
		.operand = set_file,
		.opaque = &x,
		.notes = "Examples:\n  calque lift vmlinux --at memcpy\n  calque lift --hex '13 05 15 00' --stage llvm-opt\n"
			 "  calque lift vmlinux --at memcpy --region --dot | dot -Tsvg >memcpy.svg\n"
			 "  calque lift --vm /tmp/guest.sock --at memcpy\n",
	};
	if (command_parse(&syntax, argc, argv, &status))
		status = lift(&x, &err) ? command_finish("lift", STATUS_OK) : command_fail("lift", &err);
	free_options(&x);
	return status;
}
