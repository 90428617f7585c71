// SPDX-License-Identifier: Apache-2.0
/*
 * One conformance test: a bare-metal program that ends through HTIF, the test device or semihosting. Runs are
 * deterministic (one vCPU), so that a failed one can be run again with its last instructions recorded.
 */
#include "src/conform.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "src/report.h"
#include "src/serial/serial.h"

#define CONSOLE_MAX	65536
#define TRACE_WINDOW	4096	/* instructions before the end in which the way to `fail` is looked for */
#define LINE		200

struct test {
	const struct conform_options *o;
	struct conform_result *r;
	struct symbols *symbols;
	pthread_mutex_t lock;		/* of console */
	char *console;
	size_t console_n;
	/* the recording */
	struct vm *vm;
	char line[CONFORM_LAST][LINE];
	unsigned n_lines;		/* recorded in all; the ring holds the last */
	uint64_t fail_address, last_pc, icount;
	bool has_fail, at_fail, trapped;
};

static void take_output(void *opaque, const uint8_t *bytes, unsigned n)
{
	struct test *t = opaque;
	pthread_mutex_lock(&t->lock);
	if (t->console && t->console_n + n < CONSOLE_MAX) {
		memcpy(t->console + t->console_n, bytes, n);
		t->console_n += n;
		t->console[t->console_n] = 0;
	}
	pthread_mutex_unlock(&t->lock);
}

static bool copy_string(char **to, const char *from, struct error *err)
{
	*to = NULL;
	if (from && !(*to = strdup(from)))
		return error_set(err, ERROR_HOST, "out of memory");
	return true;
}

/* A machine with the test loaded. */
static struct vm *make(struct test *t, struct error *err)
{
	const struct vm_config *from = &t->o->config;
	struct vm_config c;
	vm_config_init(&c);
	c.ram = from->ram;
	c.smp = from->smp;
	c.code_cache = from->code_cache;
	c.jit_threads = from->jit_threads;
	c.tuning = from->tuning;
	c.memory = from->memory;
	c.against = from->against;
	c.cache_size = from->cache_size;
	c.deterministic = from->smp == 1;
	c.bare = true;
	c.has_seed = true;
	struct vm *vm = NULL;
	if (copy_string(&c.arch, from->arch, err) && copy_string(&c.board, from->board, err) &&
		copy_string(&c.cpu, from->cpu, err) && copy_string(&c.engine, from->engine, err) &&
		copy_string(&c.cache, from->cache, err) && copy_string(&c.kernel, t->r->path, err)) {
		c.serial = serial_mem(take_output, t, err);
		vm = c.serial ? vm_create(&c, err) : NULL;
	}
	if (!vm && c.serial)
		serial_destroy(c.serial);
	vm_config_free(&c);
	return vm;
}

/* ---- the signature ---- */

static bool write_signature(struct test *t, struct vm *vm, struct error *err)
{
	uint64_t begin, end;
	unsigned g = t->o->granularity;
	const char *path = t->o->signature;
	if (!symbols_value(t->symbols, "begin_signature", &begin) ||
		!symbols_value(t->symbols, "end_signature", &end) || end < begin)
		return error_set(
			err, ERROR_USAGE, "--signature: the test has no symbols begin_signature and end_signature");
	FILE *f = fopen(path, "we");
	if (!f)
		return error_set(err, ERROR_USAGE, "--signature %.200s: %s", path, strerror(errno));
	bool good = true;
	for (uint64_t at = begin; good && at < end; at += g) {
		uint8_t word[16] = { 0 };
		uint64_t n = end - at < g ? end - at : g;
		good = vm_phys_read(&vm->machine, at, word, n) ||
			error_set(err, ERROR_USAGE, "--signature: 0x%" PRIx64 " is not in memory", at);
		for (unsigned i = g; good && i-- > 0;)
			fprintf(f, "%02x", word[i]);
		fputc('\n', f);
	}
	if (fclose(f) && good)
		good = error_set(err, ERROR_HOST, "--signature %.200s: %s", path, strerror(errno));
	return good;
}

/* ---- the last instructions ---- */

static bool on_step(void *opaque, struct vcpu *cpu)
{
	struct test *t = opaque;
	char symbol[64] = "";
	if (cpu->index || t->at_fail)
		return false;
	bool trapped = cpu->icount == t->icount;
	t->icount = cpu->icount;
	if (trapped && t->trapped && cpu->step_pc == t->last_pc)
		return false;	/* a trap loop would push out all that led to it */
	t->trapped = trapped;
	char *line = t->line[t->n_lines % CONFORM_LAST];
	if (!vm_disassemble(t->vm, cpu, cpu->step_pc, line, LINE - 90))
		snprintf(line, LINE, "%016" PRIx64 "  (not readable)", cpu->step_pc);
	if (symbols_at(t->symbols, cpu->step_pc, symbol, sizeof symbol))
		snprintf(line + strlen(line), LINE - strlen(line), "  <%s>", symbol);
	if (trapped)
		snprintf(line + strlen(line), LINE - strlen(line), "  (exception)");
	t->n_lines++;
	t->last_pc = cpu->step_pc;
	/* what led to the label `fail` says more than what came after it */
	t->at_fail = t->has_fail && cpu->pc == t->fail_address;
	return false;
}

/* Puts the ring's lines together, in order. */
static void keep_lines(struct test *t)
{
	unsigned n = t->n_lines < CONFORM_LAST ? t->n_lines : CONFORM_LAST;
	char *text = malloc(n * LINE + 1), *at = text;
	if (!text || !n) {
		free(text);
		return;
	}
	for (unsigned i = t->n_lines - n; i < t->n_lines; i++)
		at += sprintf(at, "%s\n", t->line[i % CONFORM_LAST]);
	t->r->last = text;
}

/* Lets the machine take `n` steps, recorded. */
static void record(struct test *t, struct vm *vm, uint64_t n)
{
	struct observer o = { .step = on_step, .opaque = t };
	t->vm = vm;
	t->icount = vm->machine.vcpu[0]->icount;
	if (!vm_observe(vm, &o))
		return;
	vm_run_insns(vm, n);
	vm_unobserve(vm, t);
}

/* The same run once more, recorded near its end. */
static void run_again(struct test *t)
{
	struct error err;
	uint64_t all = t->r->insns, before = all > TRACE_WINDOW ? all - TRACE_WINDOW : 0;
	if (t->o->config.smp != 1)
		return;		/* no run is like the other */
	struct vm *vm = make(t, &err);
	if (!vm)
		return;
	t->has_fail = symbols_value(t->symbols, "fail", &t->fail_address);
	if (!before || vm_run_insns(vm, before) == before)
		record(t, vm, all - before + 1);
	if (t->at_fail)
		t->r->pc = t->last_pc;
	vm_destroy(vm);
}

/* ---- verdicts ---- */

static void judge(struct test *t)
{
	struct conform_result *r = t->r;
	const struct guest_exit *e = &r->exit;
	char label[40];
	uint64_t address;
	switch (e->cause) {
	case EXIT_POWEROFF:
		r->verdict = CONFORM_PASS;
		return;
	case EXIT_CODE:
		r->verdict = e->code ? CONFORM_FAIL : CONFORM_PASS;
		r->number = e->code;
		snprintf(r->text, sizeof r->text, "check %" PRIu64 " failed", e->code);
		snprintf(label, sizeof label, "test_%" PRIu64, e->code);
		if (symbols_value(t->symbols, label, &address))
			snprintf(r->where, sizeof r->where, "%s at 0x%" PRIx64, label, address);
		return;
	case EXIT_TIMEOUT:
		r->verdict = CONFORM_TIMEOUT;
		snprintf(r->text, sizeof r->text, "no end after %g s", (double)t->o->timeout_ns / 1e9);
		return;
	case EXIT_REBOOT:
		snprintf(r->text, sizeof r->text, "asked for a reboot");
		break;
	default:
		snprintf(r->text, sizeof r->text, "%s", e->text[0] ? e->text : report_cause(e->cause));
	}
	r->verdict = CONFORM_FAIL;
}

static void run(struct test *t, struct vm *vm, struct error *err)
{
	struct conform_result *r = t->r;
	uint64_t start = clock_host_now();
	if (!vm_resume(vm, err))
		goto broken;
	if (!vm_wait(vm, t->o->timeout_ns, true, &r->exit)) {
		vm_pause(vm);
		r->exit.cause = EXIT_TIMEOUT;
	}
	vm_pause(vm);
	r->host_ns = clock_host_now() - start;
	r->insns = vm_icount(vm);
	r->pc = vm->machine.vcpu[0]->pc;
	judge(t);
	if (t->o->signature && r->verdict != CONFORM_TIMEOUT && !write_signature(t, vm, err))
		goto broken;
	if (r->verdict == CONFORM_TIMEOUT)
		record(t, vm, CONFORM_LAST);
	return;
broken:
	r->verdict = CONFORM_ERROR;
	snprintf(r->text, sizeof r->text, "%s", err->text);
}

void conform_run(const struct conform_options *o, struct conform_result *r)
{
	struct error err = { 0 };
	struct test t = { .o = o, .r = r, .console = malloc(CONSOLE_MAX) };
	pthread_mutex_init(&t.lock, NULL);
	t.symbols = symbols_load(r->path);
	struct vm *vm = make(&t, &err);
	if (vm) {
		run(&t, vm, &err);
		vm_destroy(vm);
		pthread_mutex_lock(&t.lock);
		r->console = t.console_n ? t.console : NULL;
		if (!r->console)
			free(t.console);
		t.console = NULL;	/* what a second run prints is the same */
		pthread_mutex_unlock(&t.lock);
		if (r->verdict == CONFORM_FAIL && r->exit.cause != EXIT_FAILED)
			run_again(&t);
		keep_lines(&t);
		symbols_at(t.symbols, r->pc, r->symbol, sizeof r->symbol);
	} else {
		r->verdict = CONFORM_ERROR;
		snprintf(r->text, sizeof r->text, "%s", err.text);
		free(t.console);
	}
	symbols_free(t.symbols);
	pthread_mutex_destroy(&t.lock);
}

void conform_result_free(struct conform_result *r)
{
	free(r->path);
	free(r->last);
	free(r->console);
}
