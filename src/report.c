// SPDX-License-Identifier: Apache-2.0
#include "src/report.h"
#include <inttypes.h>
#include <string.h>
#include "src/command.h"
#include "src/json.h"

int report_status(const struct guest_exit *e, int signal)
{
	switch (e->cause) {
	case EXIT_POWEROFF:
	case EXIT_REBOOT:
		return STATUS_OK;
	case EXIT_CODE:	/* the guest's own; what does not fit must not look like another one, least of all like 0 */
		return e->code > 255 ? 255 : (int)e->code;
	case EXIT_DIED:
		return STATUS_DIED;
	case EXIT_TIMEOUT:
		return STATUS_TIMEOUT;
	case EXIT_STOPPED:	/* as a shell reports a process that a signal ended */
		return signal ? 128 + signal : STATUS_OK;
	case EXIT_FAILED:
	case EXIT_NONE:
		break;
	}
	return STATUS_HOST;
}

const char *report_cause(enum exit_cause cause)
{
	static const char *const names[] = {
		[EXIT_NONE] = "none", [EXIT_POWEROFF] = "poweroff", [EXIT_REBOOT] = "reboot", [EXIT_CODE] = "code",
		[EXIT_DIED] = "died", [EXIT_TIMEOUT] = "timeout", [EXIT_STOPPED] = "stopped",
		[EXIT_FAILED] = "failed",
	};
	return names[cause];
}

void report_fill(struct run_report *r, struct vm *vm, const struct names *names)
{
	struct vcpu *cpu = vm->machine.vcpu[r->exit.vcpu];
	r->insns = vm_icount(vm);
	r->guest_ns = clock_now(&vm->machine);
	r->vcpus = vm->machine.n_vcpus;
	r->arch = vm->config.arch;
	r->board = vm->config.board;
	r->engine = vm->config.engine;
	r->has_pc = r->exit.cause == EXIT_DIED || r->exit.cause == EXIT_FAILED || r->exit.cause == EXIT_TIMEOUT || r->exit.cause == EXIT_STOPPED;
	r->pc = cpu->pc;
	r->symbol[0] = 0;
	names_at(names, cpu->pc, r->symbol, sizeof r->symbol);
}

/* 1580123456 as "1 580 123 456" */
static void grouped(uint64_t n, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	unsigned at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[at++] = ' ';
		text[at++] = digits[i];
	}
	text[at] = 0;
}

void report_print(const struct run_report *r, FILE *f)
{
	const struct guest_exit *e = &r->exit;
	char insns[32];
	double seconds = (double)r->host_ns / 1e9;
	fprintf(f, "calque: ");
	switch (e->cause) {
	case EXIT_POWEROFF:
		fprintf(f, "guest powered off");
		break;
	case EXIT_REBOOT:
		fprintf(f, "guest asked for a reboot");
		break;
	case EXIT_CODE:
		fprintf(f, "guest ended with code %" PRIu64, e->code);
		break;
	case EXIT_DIED:
		fprintf(f, "guest died: %s", e->text[0] ? e->text : "no cause known");
		break;
	case EXIT_FAILED:
		fprintf(f, "%s", e->text);
		break;
	case EXIT_TIMEOUT:
		fprintf(f, "stopped by --timeout");
		break;
	default:
		fprintf(f, "stopped%s%s", e->text[0] ? " " : "", e->text);
	}
	if (r->has_pc && e->cause != EXIT_STOPPED) {
		fprintf(f, ", vCPU %u at pc 0x%" PRIx64, e->vcpu, r->pc);
		if (r->symbol[0])
			fprintf(f, " (%s)", r->symbol);
	}
	grouped(r->insns, insns);
	fprintf(f, ", after %.2f s, %s instructions", seconds, insns);
	if (r->host_ns > 20000000)	/* below that the figure means nothing */
		fprintf(f, " (%.3g MIPS)", (double)r->insns / 1e6 / seconds);
	fputc('\n', f);
}

void report_json(const struct run_report *r, FILE *f)
{
	const struct guest_exit *e = &r->exit;
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_string(&j, "cause", report_cause(e->cause));
	json_number(&j, "status", (uint64_t)report_status(e, r->signal));
	if (e->cause == EXIT_CODE)
		json_number(&j, "code", e->code);
	if (e->text[0])
		json_string(&j, "text", e->text);
	if (r->signal)
		json_number(&j, "signal", (uint64_t)r->signal);
	if (r->has_pc) {
		json_number(&j, "vcpu", e->vcpu);
		json_hex(&j, "pc", r->pc);
		if (r->symbol[0])
			json_string(&j, "symbol", r->symbol);
	}
	json_seconds(&j, "seconds", r->host_ns);
	json_seconds(&j, "guest_seconds", r->guest_ns);
	json_number(&j, "instructions", r->insns);
	json_number(&j, "vcpus", r->vcpus);
	json_string(&j, "arch", r->arch);
	json_string(&j, "board", r->board);
	json_string(&j, "engine", r->engine);
	json_close(&j, '}');
}

void report_registers(struct vm *vm, unsigned vcpu, FILE *f)
{
	const struct frontend *fe = vm->frontend;
	unsigned column = 0;
	for (unsigned i = 0; i < fe->n_regs; i++) {
		uint64_t value;
		const struct frontend_reg *reg = &fe->regs[i];
		if (strcmp(reg->group, "cpu") || !fe->reg_read(vm->machine.vcpu[vcpu], i, &value))
			continue;
		fprintf(f, "%5s %016" PRIx64 "%s", reg->alias ? reg->alias : reg->name, value,
			column % 4 == 3 ? "\n" : "");
		column++;
	}
	if (column % 4)
		fputc('\n', f);
}

static double per_switch(const struct mmu_stats *t, unsigned half)
{
	return t->switches ? (double)t->fills[half] / (double)t->switches : 0;
}

void report_stats(struct vm *vm, FILE *f)
{
	struct machine *m = &vm->machine;
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct mmu_stats t;
		mmu_get_stats(m->vcpu[i], &t);
		fprintf(f,
			"vcpu%u: TLB: %" PRIu64 " fills of the lower half, %" PRIu64 " of the upper, %" PRIu64 " victim hits, %" PRIu64
			" flushes, %" PRIu64 " of a page, %" PRIu64 " device accesses, %" PRIu64 " other slow ones\n"
			"vcpu%u: %" PRIu64 " context switches, %" PRIu64 " to a new context; %.1f lower and %.1f upper fills each\n",
			i, t.fills[0], t.fills[1], t.victim_hits, t.flushes, t.page_flushes, t.mmio, t.slow, i, t.switches,
			t.contexts, per_switch(&t, 0), per_switch(&t, 1));
		if (t.window_fills)
			fprintf(f,
				"vcpu%u: direct windows: %" PRIu64 " fills, %" PRIu64 " of them from the TLB, %" PRIu64 " leaves, %" PRIu64 " extents kept by flushes, %" PRIu64
				" dropped; %" PRIu64 " evictions, %" PRIu64 " refused; %" PRIu64 " extents in %" PRIu64 " windows\n",
				i, t.window_fills, t.window_known, t.window_leaves, t.window_kept, t.window_dropped, t.window_evictions,
				t.window_refused, t.window_extents, t.windows);
	}
	if (m->exec->print_stats)
		m->exec->print_stats(m, f);
}
