// SPDX-License-Identifier: Apache-2.0
/* `calque run`: builds a VM from the command line, runs it to its end and reports how that came. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "src/command.h"
#include "src/cache_dir.h"
#include "src/crash.h"
#include "src/ctl/ctl.h"
#include "src/gdb/gdb.h"
#include "src/log_channels.h"
#include "src/perf.h"
#include "src/report.h"
#include "src/run_options.h"
#include "src/serial/serial.h"
#include "src/trace.h"

#define GRACE_NS 30000000000u	/* between asking the guest to power off and stopping it: a systemd needs some five */

struct run {
	struct run_options o;
	const struct run_watch *watch;
	bool watching;
	struct vm *vm;
	struct names *names;
	struct trace *trace;
	struct crash *crash;
	struct perf_out *perf;
	struct gdb *gdb;
	struct ctl *ctl;
	FILE *log, *json;
	int signal_fd;
	struct event_fd *signal_watch;
	struct event_timer *grace;
	_Atomic int signal;	/* that asked for the end, or 0 */
};

/* ---- ways out ---- */

static void stop(struct run *run, const char *why)
{
	machine_end(&run->vm->machine, EXIT_STOPPED, 0, "%s", why);
}

static void leave(void *opaque)
{
	stop(opaque, "with Ctrl-A x");
}

static void grace_over(void *opaque)
{
	stop(opaque, "by a signal; the guest did not power off in time");
}

/* On the event thread. The first signal asks the guest to power off; the second stops it. */
static void signal_arrived(void *opaque, unsigned ready)
{
	struct run *run = opaque;
	struct signalfd_siginfo info;
	while (read(run->signal_fd, &info, sizeof info) == sizeof info) {
		bool first = !run->signal;
		run->signal = (int)info.ssi_signo;
		const struct board_ops *board = run->vm->board;
		if (first && board->request_poweroff && board->request_poweroff(&run->vm->machine))
			event_timer_set(run->grace, clock_host_now() + GRACE_NS);
		else
			stop(run,
				first ? "by a signal; this board cannot ask the guest to power off"
				      : "by a second signal");
	}
}

/* Before any thread starts, so that all of them leave these signals to signal_fd. */
static bool catch_signals(struct run *run, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	run->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return run->signal_fd >= 0 || error_set(err, ERROR_HOST, "signalfd: %s", strerror(errno));
}

/* ---- setting up ---- */

static bool open_consoles(struct run *run, struct error *err)
{
	struct run_options *o = &run->o;
	const char *serial = o->serial                                     ? o->serial
		: o->virtio_console && !strcmp(o->virtio_console, "stdio") ? "none"
									   : "stdio";
	if (o->virtio_console && !strcmp(o->virtio_console, "stdio") && !strcmp(serial, "stdio"))
		return error_set(err, ERROR_USAGE,
			"--virtio-console stdio: --serial has it already; give one of them another place");
	o->config.serial = serial_open(serial, err);
	if (!o->config.serial)
		return error_prefix(err, "--serial %s", serial);
	if (o->virtio_console) {
		o->config.virtio_console = serial_open(o->virtio_console, err);
		if (!o->config.virtio_console)
			return error_prefix(err, "--virtio-console %s", o->virtio_console);
	}
	return true;
}

/* The device tree that this configuration gives its guest. */
static int dump_dtb(struct run *run, struct error *err)
{
	const char *path = run->o.dump_dtb;
	void *blob = NULL;
	unsigned size;
	int status = STATUS_USAGE;
	FILE *f = NULL;
	run->vm = vm_create_empty(&run->o.config, err);
	if (!run->vm || !run->vm->board->dump_dtb(&run->vm->machine, &run->vm->config, &blob, &size, err))
		goto fail;
	f = strcmp(path, "-") ? command_output("dump-dtb", path, err) : stdout;
	if (!f)
		goto fail;
	bool written = fwrite(blob, 1, size, f) == size && !fflush(f);
	if (f != stdout && fclose(f))
		written = false;
	if (!written) {
		error_set(err, ERROR_HOST, "--dump-dtb %.200s: %s", path, strerror(errno));
		goto fail;
	}
	status = STATUS_OK;
	goto out;
fail:
	status = command_fail("run", err);
out:
	free(blob);
	return status;
}

static bool set_up(struct run *run, struct error *err)
{
	struct run_options *o = &run->o;
	struct vm_config *c = &o->config;
	struct vm_parts parts;
	if (o->wait_gdb && !o->gdb)
		return error_set(err, ERROR_USAGE, "--wait-gdb: nothing to wait for; say with --gdb where GDB is to come to");
	if (!c->kernel && !c->firmware)
		return error_set(err, ERROR_USAGE, "nothing to run: give --kernel FILE or --firmware FILE");
	if (o->log_filter && !o->log)
		return error_set(err, ERROR_USAGE, "--log-filter %.100s: nothing is logged; say what with -d", o->log_filter);
	/* what is wrong with the configuration is said before files are emptied and sockets made */
	if (!vm_config_resolve(c, &parts, err))
		return false;
	if (o->log_path && !(run->log = command_output("log", o->log_path, err)))
		return false;
	if (o->json_path && !(run->json = command_output("json", o->json_path, err)))
		return false;
	c->log = o->log;
	c->log_file = run->log ? run->log : stderr;
	c->stats = o->stats;
	if (!c->cache)
		c->cache = cache_directory();
	c->profile = run->watch || o->ctl || o->log & LOG_HOST || o->perf == PERF_JITDUMP;
	if (!catch_signals(run, err) || !open_consoles(run, err))
		return false;
	struct chardev *consoles[] = { c->serial, c->virtio_console };
	run->names = o->names ? o->names : names_new();
	o->names = NULL;
	if (!run->names)
		return error_set(err, ERROR_HOST, "out of memory");
	names_add_image(run->names, c->kernel);
	names_add_image(run->names, c->firmware);
	run->vm = vm_create(c, err);
	if (!run->vm)
		return false;
	if (run->vm->machine.cache_error.code)
		fprintf(stderr, CACHE_WARNING, "run", run->vm->machine.cache_error.text);
	for (unsigned i = 0; i < ARRAY_SIZE(consoles); i++)
		if (consoles[i])
			serial_on_leave(consoles[i], leave, run);
	struct machine *m = &run->vm->machine;
	run->grace = event_timer_new(m->events, grace_over, run);
	if (!run->grace)
		return error_set(err, ERROR_HOST, "out of memory");
	run->signal_watch = event_fd_new(m->events, run->signal_fd, EPOLLIN, signal_arrived, run, err);
	if (!run->signal_watch)
		return false;
	if (!(run->crash = crash_start(run->vm, o->crash_ring, err)))
		return false;
	if (o->log || o->perf)
		names_add_guest(run->names, run->vm);
	if (o->log && !(run->trace = trace_start(run->vm, run->names, o->log_filter, err)))
		return false;
	if (o->perf && !(run->perf = perf_start(run->vm, run->names, o->perf, NULL, err)))
		return false;
	if (o->gdb && !(run->gdb = gdb_open(run->vm, o->gdb, o->wait_gdb, err)))
		return error_prefix(err, "--gdb %s", o->gdb);
	const struct ctl_config ctl = { .path = o->ctl, .reboots = !o->no_reboot, .debugged = o->gdb };
	if (o->ctl && !(run->ctl = ctl_start(run->vm, &ctl, err)))
		return error_prefix(err, "--ctl %s", o->ctl);
	run->watching = run->watch && run->watch->start(run->watch->opaque, run->vm, err);
	return run->watching || !run->watch;
}

/* ---- running and reporting ---- */

static void stop_ctl(struct run *run)
{
	if (run->ctl)
		ctl_stop(run->ctl);
	run->ctl = NULL;
}

/* Devices and what watches them end here, the terminal is the user's again. */
static void tear_down(struct run *run)
{
	stop_ctl(run);
	if (run->gdb)
		gdb_close(run->gdb);
	struct error ignored;	/* another has been reported */
	if (run->watching)
		(void)run->watch->stop(run->watch->opaque, run->vm, &ignored);
	if (run->signal_watch)
		event_fd_free(run->signal_watch);
	if (run->grace)
		event_timer_free(run->grace);
	if (run->vm)
		vm_destroy(run->vm);
	crash_free(run->crash);
	trace_free(run->trace);
	if (!perf_end(run->perf, &ignored))
		fprintf(stderr, "calque run: %s\n", ignored.text);
	/* consoles that no VM took over */
	struct chardev *consoles[] = { run->o.config.serial, run->o.config.virtio_console };
	for (unsigned i = 0; i < ARRAY_SIZE(consoles); i++)
		if (consoles[i])
			serial_destroy(consoles[i]);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	serial_terminal_restore();
	names_free(run->names);
	if (run->log)
		fclose(run->log);
	if (run->json)
		fclose(run->json);
	run_options_free(&run->o);
}

/* A kernel that panics ends in a loop, or asks for a reboot as one does that has been told to: its stack tells. */
static bool crash_happened(struct run *run, const struct guest_exit *e, unsigned *vcpu)
{
	bool died = e->cause == EXIT_DIED;
	if (!died && e->cause != EXIT_REBOOT && e->cause != EXIT_TIMEOUT && e->cause != EXIT_STOPPED)
		return false;
	names_add_guest(run->names, run->vm);
	if (!died)
		return crash_panicked(run->crash, run->names, vcpu);
	*vcpu = e->vcpu;
	return true;
}

static int run_to_end(struct run *run, struct error *err)
{
	struct run_options *o = &run->o;
	struct run_report r = { 0 };
	unsigned crashed_vcpu;
	uint64_t start = clock_host_now();
	if ((!o->wait_gdb && !vm_resume(run->vm, err)) || (run->gdb && !gdb_serve(run->gdb, err)))
		return command_fail("run", err);
	bool watched_for = run->watch && run->watch->for_ns < o->timeout_ns;
	const struct guest_exit over = { .cause = watched_for ? EXIT_STOPPED : EXIT_TIMEOUT, .text = "--timeout" };
	if (!vm_wait(run->vm, watched_for ? run->watch->for_ns : o->timeout_ns, o->no_reboot, &r.exit)) {
		/* the guest may end just now: the first report wins, but a reboot is no end */
		machine_end(&run->vm->machine, over.cause, 0, watched_for ? "by --for" : "--timeout");
		if (!vm_wait(run->vm, UINT64_MAX, true, &r.exit) || (r.exit.cause == EXIT_REBOOT && !o->no_reboot))
			r.exit = over;
	}
	r.host_ns = clock_host_now() - start;
	vm_pause(run->vm);
	stop_ctl(run);
	if (run->gdb) {
		gdb_close(run->gdb);
		run->gdb = NULL;
	}
	r.signal = r.exit.cause == EXIT_STOPPED ? run->signal : 0;
	int status = report_status(&r.exit, r.signal);
	bool crashed = crash_happened(run, &r.exit, &crashed_vcpu);
	report_fill(&r, run->vm, run->names);
	/* The console first: its last characters belong before our words. */
	struct chardev *serial = run->vm->config.serial;
	if (serial && serial->drain)
		serial->drain(serial);
	serial_terminal_restore();
	if (o->stats)
		report_stats(run->vm, stderr);
	if (crashed && !o->quiet && (!o->json || o->json_path))
		crash_print(run->crash, crashed_vcpu, run->names, stderr);
	if (o->json && !o->json_path)
		report_json(&r, stderr);
	else if (!o->quiet)
		report_print(&r, stderr);
	if (run->json) {
		report_json(&r, run->json);
		if (fflush(run->json) || ferror(run->json)) {
			error_set(err, ERROR_HOST, "--json %.200s: %s", o->json_path, strerror(errno));
			return command_fail("run", err);
		}
	}
	if (run->watching) {
		run->watching = false;
		if (!run->watch->stop(run->watch->opaque, run->vm, err))
			return command_fail(run->watch->name, err);
	}
	return status;
}

int run_guest(int argc, char **argv, const struct run_watch *watch)
{
	struct run run = { .signal_fd = -1, .watch = watch };
	struct error err = { 0 };
	int status;
	run_options_init(&run.o);
	struct command_syntax syntax = {
		.name = "run",
		.summary = "Runs a guest system until it powers off, the time is up or you leave it.",
		.groups =
			{
				{"Machine", vm_options, n_vm_options, &run.o.config},
				{"Console", run_options_console, n_run_options_console, &run.o},
				{"Control", run_options_control, n_run_options_control, &run.o},
				{"Debugging", run_options_debug, n_run_options_debug, &run.o},
			},
		.n_groups = 4,
		.notes = "Exit status: 0 the guest powered off, or you left; the guest's own code from a test device; 2 a wrong\n"
			 "command line or file; 3 the host failed, or --engine lockstep found a difference; 4 the guest died;\n"
			 "124 --timeout; 128+N stopped by signal N.\n"
			 "Signals: SIGTERM, SIGINT and SIGHUP ask the guest to power off, and stop it after 30 seconds or when they\n"
			 "come again.\n",
		.manual = "Examples: A Debian kernel with its initial RAM disk:\n"
			  "  calque run --kernel vmlinux --initrd initrd.gz --append console=ttyS0 -m 1G\n"
			  "A disk that stays as it is, and the guest's ssh on port 2222 of this host:\n"
			  "  calque run --kernel vmlinux --initrd initrd.gz --append 'console=ttyS0 root=/dev/vda1' -m 1G --smp 2 \\\n"
			  "      --disk root.img,overlay=tmp --net user,hostfwd=tcp:127.0.0.1:2222-:22\n"
			  "The same run each time:\n"
			  "  calque run --kernel vmlinux --initrd initrd.gz --append console=ttyS0 --deterministic --seed 1\n",
	};
	if (!command_parse(&syntax, argc, argv, &status)) {
		run_options_free(&run.o);
		return status;
	}
	if (run.o.log_help)
		status = (log_channels_print(stdout), STATUS_OK);
	else if (run.o.dump_dtb)
		status = dump_dtb(&run, &err);
	else if (!set_up(&run, &err))
		status = (serial_terminal_restore(), command_fail("run", &err));
	else
		status = run_to_end(&run, &err);
	tear_down(&run);
	return command_finish("run", status);
}

int cmd_run(int argc, char **argv)
{
	return run_guest(argc, argv, NULL);
}
