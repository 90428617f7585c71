// SPDX-License-Identifier: Apache-2.0
/*
 * A stretch is what the acting engine executes between two returns to the run loop: it ends at a deadline (at most lockstep_stretch instructions
 * on), an exception, or where an instruction asks for the run loop. The interpreter then repeats it, to the same instruction count.
 */
#include "backend/lockstep/lockstep.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "backend/lockstep/internal.h"
#include "backend/lockstep/replay.h"
#include "backend/tiers.h"

static const struct side sides[] = {
	[AGAINST_DEFAULT] = { "llvm", &hot_engine, tiers_print_region },
	[AGAINST_LLVM] = { "llvm", &hot_engine, tiers_print_region },
	[AGAINST_STENCIL] = { "stencil", &stencil_engine, NULL },
};

/* ---- the end ---- */

static void fail(struct lockstep *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct lockstep *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(l->failure, sizeof l->failure, fmt, ap);
	va_end(ap);
	machine_end(l->m, EXIT_FAILED, 0, "%s", l->failure);
	vcpu_halt(acting(l));
}

/* Writes the report in one piece: other threads may print, too. */
static void tell(struct lockstep *l, const char *headline, const char *details, bool stretch)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size), *out = l->m->log_file ? l->m->log_file : stderr;
	if (!f)
		return;
	fprintf(f, "lockstep: %s\n%s", headline, details);
	if (stretch)
		lockstep_report(l, f);
	if (!fclose(f))
		fputs(text, out);
	free(text);
}

static void report_difference(struct lockstep *l)
{
	char first[120] = "", headline[160], *details = NULL;
	size_t size;
	FILE *f = open_memstream(&details, &size);
	if (f && lockstep_differences(l, f, first, sizeof first) && !fclose(f)) {
		snprintf(headline, sizeof headline, "the two differ after instructions %" PRIu64 " to %" PRIu64, l->began, acting(l)->icount);
		tell(l, headline, details, true);
	}
	free(details);
	fail(l, "lockstep against %s: %s", l->side->name, first);
}

static void sweep(struct lockstep *l)
{
	uint64_t pa, now = acting(l)->icount;
	char details[200];
	l->sweep_at = now + l->m->tuning.lockstep_sweep;
	if (lockstep_sweep(l, &pa)) {
		l->swept = now;
		return;
	}
	uint8_t byte[2] = { 0, 0 };
	(void)!phys_read(&l->m->phys, GPA(pa), &byte[0], 1);
	(void)!phys_read(&l->mirror.phys, GPA(pa), &byte[1], 1);
	snprintf(details, sizeof details, "  byte at physical 0x%" PRIx64 ": compiled 0x%x, interpreter 0x%x; --tune lockstep_sweep=%" PRIu64
		 " in the same run finds its stretch sooner\n", pa, byte[0], byte[1], l->m->tuning.lockstep_sweep / 100 + 1);
	tell(l, "memory differs that the interpreter has not stored to", details, true);
	fail(l, "lockstep against %s: memory at 0x%" PRIx64 " was changed by one of the two between instructions %" PRIu64 " and %" PRIu64,
	     l->side->name, pa, l->swept, now);
}

/* ---- stretches ---- */

/* The run loop's deadline stays if it is nearer, or has been tripped. */
static void bound(struct vcpu *cpu, uint64_t insns)
{
	uint64_t deadline = atomic_load(&cpu->deadline);
	if (deadline > cpu->icount + insns)
		(void)atomic_compare_exchange_strong(&cpu->deadline, &deadline, cpu->icount + insns);
}

static void run(struct vcpu *cpu)
{
	struct lockstep *l = cpu->machine->lockstep;
	struct error err;
	if (!lockstep_prepare(l, &err)) {
		fail(l, "lockstep: %s", err.text);
		return;
	}
	l->began = cpu->icount;
	lockstep_adopt(l);
	bound(cpu, l->m->tuning.lockstep_stretch);
	journal_record(&l->journal, true);
	l->side->ops->run(cpu);
	journal_record(&l->journal, false);
	journal_replay(&l->journal);
	replay_run(interpreted(l), cpu->icount, cpu->exception.pending);
	journal_replayed(&l->journal);
	lockstep_ran(l);
	l->stretches++;
	l->insns += cpu->icount - l->began;
	l->stores += ((const struct replay *)interpreted(l)->exec)->n_stores;
	if (l->journal.lost)
		fail(l, "lockstep: out of memory");
	else if (!lockstep_same(l))
		report_difference(l);
	else if (cpu->icount >= l->sweep_at)
		sweep(l);
}

/* The guest's last stretch may have ended before lockstep could say that it differs; and bytes are left that were stored since the last sweep. */
static void ended(struct machine *m)
{
	struct lockstep *l = m->lockstep;
	if (l->made && !l->stale && !l->failure[0]) {
		journal_replay(&l->journal);
		journal_replayed(&l->journal);
		sweep(l);
	}
	if (l->failure[0]) {
		m->exit.cause = EXIT_FAILED;
		snprintf(m->exit.text, sizeof m->exit.text, "%s", l->failure);
	}
}

/* ---- life ---- */

static bool init(struct vcpu *cpu, struct error *err)
{
	struct machine *m = cpu->machine;
	if (cpu->index || !m->deterministic)
		return error_set(err, ERROR_USAGE, "engine lockstep: only with one vCPU and in deterministic time");
	struct lockstep *l = m->lockstep = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, ERROR_HOST, "engine lockstep: out of memory");
	l->m = m;
	l->side = &sides[m->against];
	/* before any thread that it tells of memory */
	journal_init(&l->journal, m, &l->mirror);
	m->journal = &l->journal;
	l->sweep_at = m->tuning.lockstep_sweep;
	/* Regions are what is to be compared: unless somebody has chosen, as many as a boot takes seconds to compile, not minutes. */
	if (m->tuning.sample_period == tuning_default.sample_period && m->tuning.heat == tuning_default.heat) {
		m->tuning.sample_period = 20000;
		m->tuning.heat = 1;
	}
	return l->side->ops->vcpu_init(cpu, err);
}

static void destroy(struct vcpu *cpu)
{
	struct machine *m = cpu->machine;
	struct lockstep *l = m->lockstep;
	if (!l)
		return;
	lockstep_destroy_mirror(l);
	m->journal = NULL;
	journal_free(&l->journal);
	l->side->ops->vcpu_destroy(cpu);
	free(l);
	m->lockstep = NULL;
}

static void invalidate(struct machine *m, struct phys_page *page, uint64_t granules)
{
	m->lockstep->side->ops->invalidate(m, page, granules);
}

static void flush(struct machine *m)
{
	struct lockstep *l = m->lockstep;
	l->side->ops->flush(m);
	l->stale = true;	/* a reset or a restore: memory will be others' */
}

static void print_stats(struct machine *m, void *file)
{
	const struct lockstep *l = m->lockstep;
	fprintf(file, "lockstep against %s: %" PRIu64 " instructions in %" PRIu64 " stretches compared, %" PRIu64 " stores, %" PRIu64
		" comparisons of all memory\n", l->side->name, l->insns, l->stretches, l->stores, l->sweeps);
	l->side->ops->print_stats(m, file);
}

static void interrupted(struct vcpu *cpu, const struct interrupted *host, struct code_mark *mark)
{
	cpu->machine->lockstep->side->ops->interrupted(cpu, host, mark);
}

static bool locate(struct machine *m, const void *at, struct code_place *place)
{
	return m->lockstep->side->ops->locate(m, at, place);
}

const struct exec_ops lockstep_engine = {
	.name = "lockstep",
	.summary = "Compiled code and the interpreter side by side; stops where they first differ.",
	.vcpu_init = init,
	.vcpu_destroy = destroy,
	.run = run,
	.invalidate = invalidate,
	.flush = flush,
	.print_stats = print_stats,
	.interrupted = interrupted,
	.locate = locate,
	.ended = ended,
	.deterministic = true,
};
