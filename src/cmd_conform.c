// SPDX-License-Identifier: Apache-2.0
/* `calque conform`: bare-metal test programs, run side by side. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend/cache/store_dir.h"
#include "runtime/thread.h"
#include "src/cache_dir.h"
#include "src/command.h"
#include "src/conform.h"
#include "src/run_options.h"

struct conform {
	struct conform_options o;
	struct vm_parts parts;
	char **operand;
	unsigned n_operands;
	struct conform_result *test;
	unsigned n;
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned next;		/* test that no worker has taken yet */
};

/* ---- which files ---- */

static bool add_test(struct conform *c, const char *path, struct error *err)
{
	struct conform_result *more = realloc(c->test, (c->n + 1) * sizeof *more);
	if (!more)
		return error_set(err, ERROR_HOST, "out of memory");
	c->test = more;
	more[c->n] = (struct conform_result){ .path = strdup(path) };
	if (!more[c->n].path)
		return error_set(err, ERROR_HOST, "out of memory");
	c->n++;
	return true;
}

/* In directories other files lie about: only programs for this architecture are tests. */
static bool is_program(const struct conform *c, const char *path)
{
	unsigned char head[20];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool whole = fd >= 0 && read(fd, head, sizeof head) == sizeof head;
	if (fd >= 0)
		close(fd);
	if (!whole || memcmp(head, ELFMAG, SELFMAG) || head[EI_DATA] != ELFDATA2LSB)
		return false;
	unsigned type = head[16] | head[17] << 8, machine = head[18] | head[19] << 8;
	return (type == ET_EXEC || type == ET_DYN) && machine == c->parts.frontend->elf_machine &&
		head[EI_CLASS] == c->parts.frontend->elf_class;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool add_directory(struct conform *c, char *path, struct error *err)
{
	char *roots[] = { path, NULL };
	unsigned before = c->n;
	bool good = true;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!fts)
		return error_set(err, ERROR_USAGE, "%.200s: %s", path, strerror(errno));
	for (FTSENT *e; good && (e = fts_read(fts));)
		if (e->fts_info == FTS_F && is_program(c, e->fts_path))
			good = add_test(c, e->fts_path, err);
	fts_close(fts);
	if (good && c->n == before)
		return error_set(
			err, ERROR_USAGE, "%.200s: no ELF program for %s in this directory", path, c->o.config.arch);
	return good;
}

static int by_path(const void *a, const void *b)
{
	const struct conform_result *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static bool collect(struct conform *c, struct error *err)
{
	for (unsigned i = 0; i < c->n_operands; i++) {
		struct stat st;
		char *path = c->operand[i];
		if (stat(path, &st))
			return error_set(err, ERROR_USAGE, "%.200s: %s", path, strerror(errno));
		if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
			return error_set(err, ERROR_USAGE, "%.200s: neither a file nor a directory", path);
		if (!(S_ISDIR(st.st_mode) ? add_directory(c, path, err) : add_test(c, path, err)))
			return false;
	}
	qsort(c->test, c->n, sizeof *c->test, by_path);
	return true;
}

/* ---- running them ---- */

static void *worker(void *opaque)
{
	struct conform *c = opaque;
	pthread_mutex_lock(&c->lock);
	while (c->next < c->n) {
		struct conform_result *r = &c->test[c->next++];
		pthread_mutex_unlock(&c->lock);
		conform_run(&c->o, r);
		pthread_mutex_lock(&c->lock);
		r->done = true;
		pthread_cond_signal(&c->done);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void add_up(struct conform_totals *t, const struct conform_result *r)
{
	unsigned *counts[] = { &t->pass, &t->fail, &t->timeout, &t->error };
	++*counts[r->verdict];
	t->insns += r->insns;
}

/* Results come out sorted, each as soon as those before it are there. */
static bool run_all(struct conform *c, const struct conform_format *format, struct conform_totals *t, struct error *err)
{
	pthread_t thread[64];
	unsigned n_threads = 0, wanted = c->o.jobs < c->n ? c->o.jobs : c->n;
	uint64_t start = clock_host_now();
	while (n_threads < wanted && n_threads < ARRAY_SIZE(thread) &&
		!thread_start(&thread[n_threads], worker, c, "conform%u", n_threads))
		n_threads++;
	if (!n_threads)
		return error_set(err, ERROR_HOST, "no thread: %s", strerror(errno));
	if (format->begin)
		format->begin(&c->o, c->n, stdout);
	for (unsigned i = 0; i < c->n; i++) {
		pthread_mutex_lock(&c->lock);
		while (!c->test[i].done)
			pthread_cond_wait(&c->done, &c->lock);
		pthread_mutex_unlock(&c->lock);
		add_up(t, &c->test[i]);
		if (format->test) {
			format->test(&c->o, &c->test[i], i, stdout);
			fflush(stdout);
		}
	}
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(thread[i], NULL);
	t->host_ns = clock_host_now() - start;
	if (format->end)
		format->end(&c->o, c->test, c->n, t, stdout);
	return true;
}

/* ---- the command line ---- */

static bool take_operand(void *opaque, const char *text, struct error *err)
{
	struct conform *c = opaque;
	char **more = realloc(c->operand, (c->n_operands + 1) * sizeof *more);
	if (!more)
		return error_set(err, ERROR_HOST, "out of memory");
	c->operand = more;
	c->operand[c->n_operands] = NULL;
	return replace_string(&c->operand[c->n_operands++], text, err);
}

static bool set_jobs(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t n;
	if (!parse_number(value, 64, &n, err))
		return false;
	if (!n)
		return error_set(err, ERROR_USAGE, "at least 1");
	((struct conform_options *)target)->jobs = (unsigned)n;
	return true;
}

static bool set_granularity(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t n;
	if (!parse_number(value, UINT32_MAX, &n, err))
		return false;
	if (!n || n > 16 || n & (n - 1))
		return error_set(err, ERROR_USAGE, "must be 1, 2, 4, 8 or 16 bytes");
	((struct conform_options *)target)->granularity = (unsigned)n;
	return true;
}

static const struct conform_format *find_format(const char *name, struct error *err)
{
	const char *names[8];
	for (unsigned i = 0; i < n_conform_formats; i++) {
		names[i] = conform_formats[i].name;
		if (!strcmp(names[i], name))
			return &conform_formats[i];
	}
	const char *near = nearest_name(name, names, n_conform_formats);
	error_set(err, ERROR_USAGE, "--format %.40s: %s%s%sthere are human, tap, junit and json", name,
		near ? "did you mean " : "", near ? near : "", near ? "? " : "");
	return NULL;
}

/* Without a directory for it there is no cache, which is said once and not for each test. */
static bool prepare_cache(struct vm_config *config, struct error *err)
{
	struct error why;
	bool missing;
	if (!config->cache && !(config->cache = cache_directory()))
		return true;
	int dir = strcmp(config->cache, "off") ? store_dir_open(config->cache, true, &missing, &why) : -1;
	if (dir >= 0) {
		close(dir);
	} else if (strcmp(config->cache, "off")) {
		fprintf(stderr, CACHE_WARNING, "conform", why.text);
		return replace_string(&config->cache, "off", err);
	}
	return true;
}

static int conform(struct conform *c, struct error *err)
{
	struct conform_totals t = { 0 };
	const struct conform_format *format = find_format(c->o.format ? c->o.format : "human", err);
	if (!format)
		return command_fail("conform", err);
	if (!c->n_operands) {
		error_set(err, ERROR_USAGE, "no tests: give ELF files or directories");
		return command_fail("conform", err);
	}
	if (!prepare_cache(&c->o.config, err))
		return command_fail("conform", err);
	if (!vm_config_resolve(&c->o.config, &c->parts, err) || !collect(c, err))
		return command_fail("conform", err);
	/* a wrong --cpu is one error, not one for each test */
	struct cpu_config *cpu = c->parts.frontend->config_parse(c->o.config.cpu, err);
	if (!cpu)
		return command_fail("conform", err);
	c->parts.frontend->config_free(cpu);
	if (c->o.signature && c->n > 1) {
		error_set(err, ERROR_USAGE, "--signature: only with one test, there are %u", c->n);
		return command_fail("conform", err);
	}
	if (!run_all(c, format, &t, err))
		return command_fail("conform", err);
	return command_finish("conform", t.pass == c->n ? STATUS_OK : STATUS_FAILED);
}

int cmd_conform(int argc, char **argv)
{
#define AT(field) offsetof(struct conform_options, field)
	static const struct option options[] = {
		{ "jobs", 'j', "N", set_jobs, 0, "Tests at the same time; default: one for each core." },
		{ "timeout", 0, "SECONDS", option_seconds, AT(timeout_ns), "For each test; default 60." },
		{ "format", 0, "human|tap|junit|json", option_string, AT(format), "The form of the report: for people (default), TAP, JUnit's XML or JSON." },
		{ "signature", 0, "FILE", option_string, AT(signature), "Write memory from begin_signature to end_signature, for architecture tests." },
		{ "signature-granularity", 0, "N", set_granularity, 0, "Bytes a line of the signature: 1, 2, 4, 8 or 16; default 4." },
		{ "all-output", 0, NULL, option_flag, AT(all_output), "Show what passing tests print, too." },
	};
#undef AT
	struct error err = { 0 };
	struct conform c = { .o = { .timeout_ns = 60000000000, .granularity = 4 } };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int status;
	c.o.jobs = cores > 0 ? (unsigned)cores : 1;
	vm_config_init(&c.o.config);
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.done, NULL);
	struct command_syntax syntax = {
		.name = "conform",
		.operands = "FILE|DIRECTORY...",
		.summary = "Runs bare-metal test programs (ELF) and reports which pass. They end through HTIF "
	                   "(tohost), the test device or\n"
			   "semihosting. Directories are searched for programs of the guest's architecture.",
		.groups =
			{
				{"Tests", options, ARRAY_SIZE(options), &c.o},
				{"Machine", vm_options, VM_OPTIONS_BARE, &c.o.config},
			},
		.n_groups = 2,
		.operand = take_operand,
		.opaque = &c,
		.notes = "Exit status: 0 all passed; 1 some did not; 2 a wrong command line.\n",
	};
	if (command_parse(&syntax, argc, argv, &status))
		status = conform(&c, &err);
	for (unsigned i = 0; i < c.n; i++)
		conform_result_free(&c.test[i]);
	free(c.test);
	for (unsigned i = 0; i < c.n_operands; i++)
		free(c.operand[i]);
	free(c.operand);
	free(c.o.format);
	free(c.o.signature);
	vm_config_free(&c.o.config);
	pthread_cond_destroy(&c.done);
	pthread_mutex_destroy(&c.lock);
	return status;
}
