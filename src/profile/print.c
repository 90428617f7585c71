// SPDX-License-Identifier: Apache-2.0
/* A profile for people: where the time went by mode and by tier, hot functions, hot blocks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/profile/profile.h"

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Bold on a terminal */
static void title(FILE *f, const char *text)
{
	bool colour = isatty(fileno(f)) && !getenv("NO_COLOR");
	fprintf(f, "\n%s%s%s\n", colour ? "\033[1m" : "", text, colour ? "\033[0m" : "");
}

static void print_shares(const struct profile *p, FILE *f, uint64_t whole)
{
	uint64_t mode[3] = { 0 }, tier[N_TIERS] = { 0 };
	size_t n;
	const struct entry *entry = tally_entries(p->tally, &n);
	for (const struct entry *e = entry; e < entry + n; e++) {
		mode[e->privilege] += profile_weight(p, e);
		tier[e->tier] += profile_weight(p, e);
	}
	title(f, p->exact ? "  share  instructions  mode" : "   time   samples  mode");
	int width = p->exact ? 13 : 9;
	for (unsigned i = 0; i < 3; i++)
		if (mode[i])
			fprintf(f, "%6.2f%% %*" PRIu64 "  %s\n", percent(mode[i], whole), width, mode[i], privilege_name(i));
	if (p->stats.idle)
		fprintf(f, "%6.2f%% %*" PRIu64 "  idle (waiting for an interrupt, or not started)\n", percent(p->stats.idle, whole), width,
			p->stats.idle);
	if (p->stats.stalled)
		fprintf(f, "%6.2f%% %*" PRIu64 "  held by another vCPU\n", percent(p->stats.stalled, whole), width, p->stats.stalled);
	if (p->exact)
		return;
	static const char *const what[N_TIERS] = {
		[TIER_REGION] = "machine code by LLVM", [TIER_STENCIL] = "machine code from stencils", [TIER_INTERP] = "the interpreter",
		[TIER_HELPER] = "C called by machine code: helpers, slow memory accesses", [TIER_DEVICE] = "accesses to devices",
		[TIER_TRANSLATE] = "looking for translations and making them", [TIER_RUNTIME] = "interrupts, exceptions, timers",
	};
	title(f, "   time   samples  tier");
	for (unsigned i = 0; i < N_TIERS; i++)
		if (tier[i])
			fprintf(f, "%6.2f%% %9" PRIu64 "  %-9s  %s\n", percent(tier[i], whole), tier[i], tier_name(i), what[i]);
}

/* A program's address space tells programs apart; its number is what the architecture calls it by. */
static void print_place(const struct row *r, FILE *f)
{
	if (r->function.known)
		fprintf(f, "%s", r->function.name);
	else
		fprintf(f, "%s 0x%" PRIx64, r->function.name, r->start);
	if (r->function.known && r->start != r->function.start)
		fprintf(f, "+0x%" PRIx64, r->start - r->function.start);
	if (r->space && !r->function.known)
		fprintf(f, " in space %" PRIx64, r->space);
	fputc('\n', f);
}

static void print_functions(const struct profile *p, FILE *f, uint64_t whole, unsigned top, bool by_total)
{
	struct rows rows = profile_functions(p, by_total);
	title(f, p->exact ? "  share  instructions         calls  mode      function" :
			    "   self     total   samples  mode      tier       function");
	for (size_t i = 0; i < rows.n && (!top || i < top) && (by_total || rows.row[i].self); i++) {
		const struct row *r = &rows.row[i];
		if (p->exact)
			fprintf(f, "%6.2f%% %13" PRIu64 " %13" PRIu64 "  %-8s  ", percent(r->self, whole), r->self, r->executions,
				privilege_name(r->privilege));
		else
			fprintf(f, "%6.2f%%  %6.2f%% %9" PRIu64 "  %-8s  %-9s  ", percent(r->self, whole), percent(r->total, whole), r->self,
				privilege_name(r->privilege), r->self ? tier_name(row_tier(r)) : "-");
		print_place(r, f);
	}
	free(rows.row);
}

static void print_blocks(const struct profile *p, FILE *f, uint64_t whole, unsigned top)
{
	struct rows rows = profile_blocks(p);
	title(f, p->exact ? "  share    executions  mode      insns  bytes  address             block" :
			    "   self   samples  mode      tier       insns  bytes   host  address             block");
	for (size_t i = 0; i < rows.n && (!top || i < top); i++) {
		const struct row *r = &rows.row[i];
		if (p->exact) {
			fprintf(f, "%6.2f%% %13" PRIu64 "  %-8s  %5u  %5u  ", percent(r->self, whole), r->executions, privilege_name(r->privilege),
				r->n_insns, r->bytes);
		} else {
			fprintf(f, "%6.2f%% %9" PRIu64 "  %-8s  %-9s  %5u  %5u  ", percent(r->self, whole), r->self, privilege_name(r->privilege),
				tier_name(row_tier(r)), r->n_insns, r->bytes);
			fprintf(f, r->host_bytes ? "%5" PRIu32 "  " : "    -  ", r->host_bytes);
		}
		fprintf(f, "0x%016" PRIx64 "  ", r->start);
		print_place(r, f);
	}
	free(rows.row);
}

void profile_print(const struct profile *p, FILE *f, unsigned top, bool by_total)
{
	uint64_t whole = p->samples + p->stats.idle + p->stats.stalled;
	double seconds = (double)p->host_ns / 1e9;
	if (p->exact) {
		whole = p->samples;
		fprintf(f, "%.2f s, %" PRIu64 " instructions of %u vCPU%s, each block counted\n", seconds, whole, p->vcpus, p->vcpus > 1 ? "s" : "");
	} else {
		fprintf(f, "%.2f s, %" PRIu64 " samples of %u vCPU%s at %u Hz, %" PRIu64 " instructions\n", seconds, whole, p->vcpus,
			p->vcpus > 1 ? "s" : "", p->rate, p->insns);
		fprintf(f, "host processor time: %.2f s in vCPUs, %.2f s in other threads (compiling, devices, sampling)\n", (double)p->vcpu_ns / 1e9,
			(double)p->other_ns / 1e9);
		if (p->stats.lost)
			fprintf(f, "%" PRIu64 " samples lost: the host did not run a vCPU's thread in time\n", p->stats.lost);
	}
	if (tally_dropped(p->tally))
		fprintf(f, "%" PRIu64 " not counted: too many different ones\n", tally_dropped(p->tally));
	if (!whole) {
		fprintf(f, "nothing was observed: the guest ran for too short a time\n");
		return;
	}
	print_shares(p, f, whole);
	print_functions(p, f, whole, top, by_total);
	print_blocks(p, f, whole, top);
}
