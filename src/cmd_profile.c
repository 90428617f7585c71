// SPDX-License-Identifier: Apache-2.0
/* `calque profile` and `calque annotate`: run a guest as `calque run` does, or attach to one, and tell where it has spent its time. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "src/command.h"
#include "src/perf.h"
#include "src/profile/attach.h"
#include "src/profile/take.h"
#include "src/run_options.h"

struct profiling {
	const char *name;	/* the subcommand */
	struct profile_form form;
	char *output, *flamegraph, *place, *vm;
	char *symbols[ATTACH_SYMBOLS];
	unsigned n_symbols;
	unsigned rate;
	bool exact;
	uint64_t for_ns;
	struct names *names;
	struct taking *taking;
	struct perf_out *perf;
	FILE *output_file, *flamegraph_file;
};

/* ---- options ---- */

#define AT(field) offsetof(struct profiling, field)

static bool set_for(const struct option *o, void *target, const char *value, struct error *err)
{
	struct profiling *p = target;
	char *end = NULL;
	double s = *value >= '0' && *value <= '9' ? strtod(value, &end) : 0;
	double scale = !end ? 0 : !strcmp(end, "m") ? 60 : !strcmp(end, "ms") ? 1e-3 : !*end || !strcmp(end, "s") ? 1 : 0;
	if (!(s > 0) || !(scale > 0) || s * scale > 1e9)
		return error_set(err, ERROR_USAGE, "not a time: write 30s, 500ms or 2m");
	p->for_ns = (uint64_t)llround(s * scale * 1e9);
	return true;
}

static bool set_out(const struct option *o, void *target, const char *value, struct error *err)
{
	return profile_out_parse(value, &((struct profiling *)target)->form.out, err);
}

static bool set_rate(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t rate;
	if (!parse_number(value, PROFILE_RATE_MOST, &rate, err))
		return false;
	if (!rate)
		return error_set(err, ERROR_USAGE, "from 1 to 10000 samples a second");
	((struct profiling *)target)->rate = (unsigned)rate;
	return true;
}

static bool add_symbols(const struct option *o, void *target, const char *value, struct error *err)
{
	struct profiling *p = target;
	if (p->n_symbols == ARRAY_SIZE(p->symbols))
		return error_set(err, ERROR_USAGE, "more than %zu files", ARRAY_SIZE(p->symbols));
	return names_add_file(p->names, value, err) && replace_string(&p->symbols[p->n_symbols++], value, err);
}

static const struct option taking_options[] = {
	{ "vm", 0, "SOCK", option_string, AT(vm), "Attach to a guest that runs with \"calque run --ctl SOCK\"." },
	{ "for", 0, "TIME", set_for, 0, "Stop the guest after so long, as 30s, 500ms or 2m; else it runs to its end. With --vm the profile ends, also with Ctrl-C, and the guest goes on." },
	{ "rate", 0, "HZ", set_rate, 0, "Samples a second of host time, of each vCPU; default 199." },
	{ "exact", 0, NULL, option_flag, AT(exact),
	  "Count each block's executions instead of sampling. Blocks are executed one by one then, some thirty times slower." },
	{ "symbols", 0, "FILE[@ADDRESS]", add_symbols, 0,
	  "Names from an ELF file or a System.map; for a position-independent program with the address that it was loaded to. May be repeated. "
	  "Without kernel symbols the guest's own are looked for in its memory." },
};

static const struct option output_options[] = {
	{ "out", 0, "human|json|folded|pprof|perf-map", set_out, 0,
	  "The form: for people (default), one JSON object, stacks for flame graph tools, or pprof's; perf-map: no samples, but names of generated code "
	  "for the host's perf, in /tmp/perf-PID.map." },
	{ "output", 'o', "FILE", option_string, AT(output), "Where it goes; default standard output." },
	{ "flamegraph", 0, "FILE", option_string, AT(flamegraph), "Draw a flame graph (SVG), beside what --out says." },
	{ "total", 0, NULL, option_flag, AT(form.by_total), "Order functions by what they take with all that they call, not by what they take themselves." },
	{ "top", 0, "N", option_unsigned, AT(form.top), "Rows in each table, 0 for all; default 20. JSON has all unless this is given." },
};

static const struct option annotate_options[] = {
	{ "output", 'o', "FILE", option_string, AT(output), "Where it goes; default standard output." },
};

/* ---- watching the run ---- */

/* What cannot be written is said before the guest runs for an hour. */
static bool open_files(struct profiling *p, struct error *err)
{
	bool own = p->output && p->form.out != PROFILE_PERF_MAP;	/* perf_start opens that */
	return (!own || (p->output_file = command_output("output", p->output, err))) &&
	       (!p->flamegraph || (p->flamegraph_file = command_output("flamegraph", p->flamegraph, err)));
}

static bool start(void *opaque, struct vm *vm, struct error *err)
{
	struct profiling *p = opaque;
	if (!open_files(p, err))
		return false;
	names_add_image(p->names, vm->config.kernel);
	names_add_image(p->names, vm->config.firmware);
	if (p->form.out == PROFILE_PERF_MAP) {
		names_add_guest(p->names, vm);
		return (p->perf = perf_start(vm, p->names, PERF_MAP, p->output, err));
	}
	p->taking = profile_start(vm, p->rate, p->exact, err);
	return p->taking;
}

static bool written(FILE *f, const char *option, const char *path, struct error *err)
{
	if (!fflush(f) && !ferror(f))
		return true;
	return error_set(err, ERROR_HOST, "--%s %.200s: %s", option, path, strerror(errno));
}

static bool all_written(struct profiling *p, struct error *err)
{
	return (!p->output_file || written(p->output_file, "output", p->output, err)) &&
	       (!p->flamegraph_file || written(p->flamegraph_file, "flamegraph", p->flamegraph, err));
}

static bool stop(void *opaque, struct vm *vm, struct error *err)
{
	struct profiling *p = opaque;
	struct profile profile;
	FILE *f = p->output_file ? p->output_file : stdout;
	bool good;
	if (p->form.out == PROFILE_PERF_MAP)
		return true;
	profile_stop(p->taking, &profile);
	profile.names = p->names;
	names_add_guest(p->names, vm);
	p->form.place = p->place;
	good = profile_write(&profile, &p->form, f, err);
	if (p->flamegraph_file)
		profile_flamegraph(&profile, p->flamegraph_file);
	good = good && all_written(p, err);
	tally_free(profile.tally);
	return good;
}

/* ---- attaching ---- */

static int profile_running(struct profiling *p)
{
	struct error err = { 0 };
	struct attached got;
	p->form.place = p->place;
	const struct attach attach = {
		.path = p->vm, .for_ns = p->for_ns, .rate = p->rate, .exact = p->exact, .flamegraph = p->flamegraph, .form = &p->form,
		.symbols = (const char *const *)p->symbols, .n_symbols = p->n_symbols,
	};
	bool good = open_files(p, &err) && profile_attach(&attach, &got, &err);
	if (good) {
		fwrite(got.report, 1, got.size, p->output_file ? p->output_file : stdout);
		if (p->flamegraph_file && got.svg)
			fputs(got.svg, p->flamegraph_file);
		free(got.report);
		free(got.svg);
		good = all_written(p, &err);
	}
	return good ? STATUS_OK : command_fail(p->name, &err);
}

/* ---- the commands ---- */

static bool take_place(void *opaque, const char *text, struct error *err)
{
	struct profiling *p = opaque;
	if (p->place)
		return error_set(err, ERROR_USAGE, "one symbol or address at a time: %.100s or %.100s", p->place, text);
	return replace_string(&p->place, text, err);
}

static const char notes[] =
	"Behind -- stand the options of \"calque run\". The guest ends as it does there, and so does this command, with\n"
	"the same exit status; 0 when --for is over. Its console comes first: send a profile in another form to a file.\n"
	"With --vm nothing stands behind them: the guest runs already, and goes on.\n";

/* Everything before "--" is ours; the rest goes to `run`. */
static int profile_guest(struct profiling *p, struct command_syntax *syntax, int argc, char **argv)
{
	struct error err;
	int status, own = 1;
	while (own < argc && strcmp(argv[own], "--"))
		own++;
	p->names = names_new();
	if (!p->names) {
		error_set(&err, ERROR_HOST, "out of memory");
		return command_fail(p->name, &err);
	}
	if (!command_parse(syntax, own, argv, &status))
		return status;
	if (syntax->operand && !p->place) {
		error_set(&err, ERROR_USAGE, "what? calque annotate SYMBOL|ADDRESS -- --kernel FILE ..., or --vm SOCK");
		return command_fail(p->name, &err);
	}
	if (p->vm && own < argc) {
		error_set(&err, ERROR_USAGE, "--vm: that guest runs already; leave out what is behind --");
		return command_fail(p->name, &err);
	}
	if (p->vm && p->form.out == PROFILE_PERF_MAP) {
		error_set(&err, ERROR_USAGE, "--out perf-map: " PROFILE_NO_PERF_MAP);
		return command_fail(p->name, &err);
	}
	if (p->flamegraph && p->form.out == PROFILE_PERF_MAP) {
		error_set(&err, ERROR_USAGE, "--flamegraph %.200s: --out perf-map takes no samples; leave one of them out", p->flamegraph);
		return command_fail(p->name, &err);
	}
	if (p->vm)
		return profile_running(p);
	if (own == argc) {
		error_set(&err, ERROR_USAGE, "nothing to run: put the options of \"calque run\" behind --, as \"calque %s ... -- --kernel FILE\"",
			  p->name);
		return command_fail(p->name, &err);
	}
	const struct run_watch watch = { .name = p->name, .for_ns = p->for_ns, .start = start, .stop = stop, .opaque = p };
	return run_guest(argc - own, argv + own, &watch);
}

static int finish(struct profiling *p, int status)
{
	if (p->output_file)
		fclose(p->output_file);
	if (p->flamegraph_file)
		fclose(p->flamegraph_file);
	struct error err;
	if (!perf_end(p->perf, &err))
		status = command_fail(p->name, &err);
	names_free(p->names);
	free(p->output);
	free(p->flamegraph);
	free(p->place);
	free(p->vm);
	for (unsigned i = 0; i < p->n_symbols; i++)
		free(p->symbols[i]);
	return command_finish(p->name, status);
}

int cmd_profile(int argc, char **argv)
{
	struct profiling p = { .name = "profile", .form.top = PROFILE_TOP_USUAL, .rate = PROFILE_RATE, .for_ns = UINT64_MAX };
	struct command_syntax syntax = {
		.name = "profile",
		.operands = "--vm SOCK | -- RUN-OPTION...",
		.summary = "Runs a guest and tells where it spends its time: by mode, by what executes it, by function and by block.",
		.groups = { { "Taking it", taking_options, ARRAY_SIZE(taking_options), &p }, { "Output", output_options, ARRAY_SIZE(output_options), &p } },
		.n_groups = 2,
		.notes = notes,
	};
	return finish(&p, profile_guest(&p, &syntax, argc, argv));
}

int cmd_annotate(int argc, char **argv)
{
	struct profiling p = { .name = "annotate", .form.top = PROFILE_TOP_USUAL, .rate = PROFILE_RATE, .for_ns = UINT64_MAX };
	struct command_syntax syntax = {
		.name = "annotate",
		.operands = "SYMBOL|ADDRESS --vm SOCK | -- RUN-OPTION...",
		.summary = "Runs a guest and shows a function, or the block at an address, with samples beside its instructions.",
		.groups = { { "Taking it", taking_options, ARRAY_SIZE(taking_options), &p }, { "Output", annotate_options, ARRAY_SIZE(annotate_options), &p } },
		.n_groups = 2,
		.operand = take_place,
		.opaque = &p,
		.notes = notes,
	};
	return finish(&p, profile_guest(&p, &syntax, argc, argv));
}
