// SPDX-License-Identifier: Apache-2.0
#include "runtime/process.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* ---- ranges of generated code ---- */

#define MAX_RANGES 256

struct code_range {
	uint64_t begin, end;	/* end 0: free */
	process_fault_fn *handler;
	void *opaque;
};

/*
 * Faults look ranges up without a lock: a signal handler cannot wait for one that its own thread may hold. A version that is
 * odd, or has changed meanwhile, says that what was read is to be read again. Fields are atomic so that reading them while they
 * change is defined.
 */
static struct {
	pthread_mutex_t lock;		/* of those who change something */
	_Atomic uint64_t version[MAX_RANGES], begin[MAX_RANGES], end[MAX_RANGES];
	process_fault_fn *_Atomic handler[MAX_RANGES];
	void *_Atomic opaque[MAX_RANGES];
	_Atomic unsigned n;		/* ranges above have never been used */
	unsigned used;
	struct sigaction old[2];	/* by signal: what was there before us */
	_Atomic bool chained[2];	/* … until a handler that wanted to be called once has been */
	bool installed;
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const int SIGNALS[2] = { SIGSEGV, SIGBUS };

static struct code_range read_range(unsigned i)
{
	struct code_range r;
	uint64_t version;
	do {
		version = atomic_load(&process.version[i]);
		r = (struct code_range){ atomic_load(&process.begin[i]), atomic_load(&process.end[i]),
					 atomic_load(&process.handler[i]), atomic_load(&process.opaque[i]) };
	} while (version & 1 || version != atomic_load(&process.version[i]));
	return r;
}

/* With the lock, and with signals blocked: a fault of this very thread would wait for an even version for ever. */
static void write_range(unsigned i, struct code_range r)
{
	atomic_fetch_add(&process.version[i], 1);
	atomic_store(&process.begin[i], r.begin);
	atomic_store(&process.end[i], r.end);
	atomic_store(&process.handler[i], r.handler);
	atomic_store(&process.opaque[i], r.opaque);
	atomic_fetch_add(&process.version[i], 1);
}

static bool find_range(uint64_t pc, struct code_range *r)
{
	for (unsigned i = atomic_load(&process.n); i-- > 0;) {
		*r = read_range(i);
		if (pc >= r->begin && pc < r->end)
			return true;
	}
	return false;
}

/* ---- the handler ---- */

/* False: a host whose faults we cannot read. */
static bool describe(struct process_fault *f, int signal, const siginfo_t *info, ucontext_t *context)
{
	*f = (struct process_fault){ .signal = signal, .context = context };
#if defined(__x86_64__)
	enum { TRAP_PAGE_FAULT = 14, ERROR_WRITE = 2 };
	greg_t *r = context->uc_mcontext.gregs;
	/* An address that is not canonical is another trap (13), with nothing known. */
	f->located = info->si_code > 0 && r[REG_TRAPNO] == TRAP_PAGE_FAULT;
	f->address = f->located ? (uint64_t)(uintptr_t)info->si_addr : 0;
	f->write = f->located && r[REG_ERR] & ERROR_WRITE;
	f->pc = (uint64_t *)&r[REG_RIP];
	f->sp = (uint64_t *)&r[REG_RSP];
	return true;
#else
	return false;
#endif
}

void process_fault_registers(const struct process_fault *f, struct host_registers *r)
{
#if defined(__x86_64__)
	static const uint8_t general[] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	const mcontext_t *m = &((const ucontext_t *)f->context)->uc_mcontext;
	for (unsigned i = 0; i < ARRAY_SIZE(general); i++) {
		r->general[i] = (uint64_t)m->gregs[general[i]];
		memcpy(&r->vector[i], &m->fpregs->_xmm[i], sizeof r->vector[i]);
	}
#else
	abort();	/* describe has refused it */
#endif
}

/* What the kernel would have done with the signal, had we not been there. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	unsigned n = signal == SIGBUS;
	struct sigaction old = process.old[n];
	bool sent = info->si_code <= 0;		/* by somebody: it does not come again by itself */
	if (old.sa_flags & SA_RESETHAND && atomic_exchange(&process.chained[n], true))
		old = (struct sigaction){ .sa_handler = SIG_DFL };
	if (!(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_IGN && sent)
		return;		/* a fault that is ignored would come again for ever: the kernel, too, takes the default then */
	if (!(old.sa_flags & SA_SIGINFO) && (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN)) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		sigaction(signal, &dfl, NULL);
		if (sent)
			syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
		return;		/* to the instruction, which faults again */
	}
	sigset_t block = old.sa_mask;
	if (!(old.sa_flags & SA_NODEFER))
		sigaddset(&block, signal);
	pthread_sigmask(SIG_BLOCK, &block, NULL);	/* the return from this handler sets what was before */
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(signal, info, context);
	else
		old.sa_handler(signal);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	struct process_fault f;
	struct code_range r;
	/* A signal that somebody sent while generated code ran is no fault of that code. */
	if (info->si_code <= 0 || !describe(&f, signal, info, context) || !find_range(*f.pc, &r) || !r.handler(r.opaque, &f))
		pass_on(signal, info, context);
	errno = error;
}

static bool is_ours(const struct sigaction *a)
{
	return a->sa_flags & SA_SIGINFO && a->sa_sigaction == on_fault;
}

/*
 * SA_NODEFER: a fault in our own code below the handler, which would be a bug, then reaches the program's handler, or kills
 * with the right signal. SA_ONSTACK: programs that embed us may run on small stacks and have another one for signals.
 */
static void install(void)
{
	struct sigaction ours = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	ours.sa_sigaction = on_fault;
	sigemptyset(&ours.sa_mask);
	for (unsigned i = 0; i < ARRAY_SIZE(SIGNALS); i++) {
		sigaction(SIGNALS[i], NULL, &process.old[i]);
		atomic_store(&process.chained[i], false);
		sigaction(SIGNALS[i], &ours, NULL);
	}
	process.installed = true;
}

/* Somebody who came after us passes on to us what he does not want: then we must stay. */
static void uninstall(void)
{
	struct sigaction now[2];
	for (unsigned i = 0; i < ARRAY_SIZE(SIGNALS); i++) {
		sigaction(SIGNALS[i], NULL, &now[i]);
		if (!is_ours(&now[i]))
			return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(SIGNALS); i++)
		sigaction(SIGNALS[i], &process.old[i], NULL);
	process.installed = false;
}

static void lock(sigset_t *before)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
	pthread_mutex_lock(&process.lock);
}

static void unlock(const sigset_t *before)
{
	pthread_mutex_unlock(&process.lock);
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

bool process_add_code(const void *begin, const void *end, process_fault_fn *handler, void *opaque, struct error *err)
{
#if !defined(__x86_64__)
	return error_set(err, ERROR_HOST, "faults of generated code are not understood on this host");
#endif
	sigset_t before;
	lock(&before);
	unsigned n = atomic_load(&process.n), i = 0;
	while (i < n && atomic_load(&process.end[i]))
		i++;
	bool room = i < MAX_RANGES;
	if (room) {
		if (!process.installed)
			install();
		write_range(i, (struct code_range){ (uintptr_t)begin, (uintptr_t)end, handler, opaque });
		if (i == n)
			atomic_store(&process.n, n + 1);
		process.used++;
	}
	unlock(&before);
	return room || error_set(err, ERROR_HOST, "more than %u ranges of generated code; use fewer machines in one process", MAX_RANGES);
}

void process_remove_code(const void *begin)
{
	sigset_t before;
	lock(&before);
	for (unsigned i = atomic_load(&process.n); i-- > 0;) {
		if (atomic_load(&process.begin[i]) != (uintptr_t)begin || !atomic_load(&process.end[i]))
			continue;
		write_range(i, (struct code_range){ 0 });
		if (!--process.used)
			uninstall();
		break;
	}
	unlock(&before);
}

/* ---- mappings ---- */

/*
 * A mapping in the midst of reserved address space costs the kernel two: itself, and the rest of the reservation behind it.
 * Three eighths of what the kernel allows, counted so, leave a quarter to the rest of the process.
 */
#define MOST_MAPPINGS 24000

static struct { pthread_once_t once; unsigned max; _Atomic unsigned taken; } mappings = { .once = PTHREAD_ONCE_INIT };

static void read_limit(void)
{
	unsigned long limit = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	if (f && fscanf(f, "%lu", &limit) != 1)
		limit = 65530;
	if (f)
		fclose(f);
	limit = limit / 8 * 3;
	mappings.max = limit < MOST_MAPPINGS ? (unsigned)limit : MOST_MAPPINGS;
}

unsigned process_max_mappings(void)
{
	pthread_once(&mappings.once, read_limit);
	return mappings.max;
}

bool process_take_mappings(unsigned n)
{
	unsigned max = process_max_mappings(), taken = atomic_load(&mappings.taken);
	do {
		if (taken + n > max)
			return false;
	} while (!atomic_compare_exchange_weak(&mappings.taken, &taken, taken + n));
	return true;
}

void process_give_mappings(unsigned n)
{
	atomic_fetch_sub(&mappings.taken, n);
}
