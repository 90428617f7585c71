// SPDX-License-Identifier: Apache-2.0
/* `calque doctor`: what this host offers of what Calque can use, each with the mend. */
#include <errno.h>
#include <llvm-c/Core.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "devices/virtio/netbackend.h"
#include "runtime/llvm_load.h"
#include "src/command.h"
#include "src/json.h"
#include "src/vm_options.h"
#include "src/version.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct finding {
	enum verdict verdict;
	char what[160];		/* what was found */
	char mend[200];		/* what to do; "" when all is well */
};

static void found(struct finding *f, enum verdict verdict, const char *mend, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void found(struct finding *f, enum verdict verdict, const char *mend, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->what, sizeof f->what, fmt, ap);
	va_end(ap);
	f->verdict = verdict;
	snprintf(f->mend, sizeof f->mend, "%s", verdict == VERDICT_OK ? "" : mend);
}

/* The number in a file of /proc/sys; false if there is none. */
static bool read_number(const char *path, long *value)
{
	FILE *f = fopen(path, "re");
	bool good = f && fscanf(f, "%ld", value) == 1;
	if (f)
		fclose(f);
	return good;
}

static void check_processor(struct finding *f)
{
#ifdef __x86_64__
	bool v3 = __builtin_cpu_supports("x86-64-v3"), v4 = __builtin_cpu_supports("x86-64-v4");
	found(f, v3 ? VERDICT_OK : VERDICT_FAIL, "a processor with AVX2, BMI2, FMA and F16C is needed", "x86-64%s",
		v4 ? "-v4" : v3 ? "-v3" : ", below v3");
#else
	found(f, VERDICT_OK, "", "portable code paths only");
#endif
}

static void check_cores(struct finding *f)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	found(f, n >= 2 ? VERDICT_OK : VERDICT_WARN,
		"give this host a second core: vCPUs, devices and compilation run side by side", "%ld online", n);
}

static void check_llvm(struct finding *f)
{
	unsigned major, minor, patch;
	struct error err;
	if (!llvm_load(&err))
		return found(f, VERDICT_FAIL, err.text, "not here");
	LLVMGetVersion(&major, &minor, &patch);
	found(f, major >= 19 ? VERDICT_OK : VERDICT_FAIL, "install libllvm19", "%u.%u.%u", major, minor, patch);
}

static void check_memfd(struct finding *f)
{
	int fd = memfd_create("calque-doctor", MFD_CLOEXEC);
	bool good = fd >= 0 && !ftruncate(fd, 1 << 20);
	int e = errno;
	if (fd >= 0)
		close(fd);
	found(f, good ? VERDICT_OK : VERDICT_FAIL,
		"guest memory needs memfd_create: a kernel with CONFIG_MEMFD_CREATE, or a less strict sandbox", "%s",
		good ? "works" : strerror(e));
}

static void check_memory(struct finding *f)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	long mib = pages / 256 * (size / 4096);
	found(f, mib >= 512 ? VERDICT_OK : VERDICT_WARN, "close other programs, or give guests less with -m",
		"%ld MiB free", mib);
}

static void check_address_space(struct finding *f)
{
	struct rlimit r;
	bool limited = !getrlimit(RLIMIT_AS, &r) && r.rlim_cur != RLIM_INFINITY;
	if (limited)
		found(f, VERDICT_WARN, "ulimit -v unlimited: guest memory and code caches reserve address space",
			"limited to %llu MiB", (unsigned long long)r.rlim_cur >> 20);
	else
		found(f, VERDICT_OK, "", "not limited");
}

static void check_map_count(struct finding *f)
{
	long n;
	if (!read_number("/proc/sys/vm/max_map_count", &n))
		found(f, VERDICT_WARN, "mount /proc", "not known");
	else
		found(f, n >= 65530 ? VERDICT_OK : VERDICT_WARN,
			"sysctl -w vm.max_map_count=262144: windows into guest memory are many mappings", "%ld", n);
}

static void check_seccomp(struct finding *f)
{
	char actions[120] = "";
	FILE *in = fopen("/proc/sys/kernel/seccomp/actions_avail", "re");
	if (in && !fgets(actions, sizeof actions, in))
		actions[0] = 0;
	if (in)
		fclose(in);
	actions[strcspn(actions, "\n")] = 0;
	bool good = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
	found(f, good ? VERDICT_OK : VERDICT_WARN,
		"a kernel with CONFIG_SECCOMP_FILTER: the network helper runs unconfined without", "%s%s%s",
		good ? "filters" : "not there", actions[0] ? ": " : "", actions);
}

static void check_landlock(struct finding *f)
{
	/* landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) tells the ABI */
	long abi = syscall(444, NULL, (size_t)0, 1u);
	if (abi > 0)
		found(f, VERDICT_OK, "", "ABI %ld", abi);
	else
		found(f, VERDICT_WARN,
			"boot with lsm=landlock,...: the network helper can reach files that it does not need without",
			"%s", strerror(errno));
}

static void check_namespaces(struct finding *f)
{
	long max = -1, clone = 1;
	bool known = read_number("/proc/sys/user/max_user_namespaces", &max);
	read_number("/proc/sys/kernel/unprivileged_userns_clone", &clone);
	bool good = known && max > 0 && clone;
	found(f, good ? VERDICT_OK : VERDICT_WARN,
		"sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1", "%s",
		good            ? "for unprivileged users"
			: known ? "not for unprivileged users"
				: "not there");
}

static void check_perf(struct finding *f)
{
	long level;
	if (!read_number("/proc/sys/kernel/perf_event_paranoid", &level))
		found(f, VERDICT_WARN, "a kernel with CONFIG_PERF_EVENTS: without it no hardware counters",
			"not there");
	else
		found(f, level <= 2 ? VERDICT_OK : VERDICT_WARN,
			"sysctl -w kernel.perf_event_paranoid=2: hardware counters for profiles",
			"perf_event_paranoid %ld", level);
}

/* Starting it is the only honest test: it enters its sandbox before it answers. */
static void check_network_helper(struct finding *f)
{
	static const struct net_config plain;
	struct error err = { 0 };
	struct netbackend *helper = nethelper_new(&plain, &err);
	if (helper) {
		helper->ops->destroy(helper);
		found(f, VERDICT_OK, "", "starts, in its sandbox");
	} else {
		found(f, VERDICT_WARN, "install Calque whole, built with libslirp: guests have no --net user without",
			"%s", err.text);
	}
}

static const struct { const char *name; void (*check)(struct finding *f); } checks[] = {
	{ "processor", check_processor }, { "cores", check_cores }, { "LLVM", check_llvm }, { "memfd", check_memfd },
	{ "free memory", check_memory }, { "address space", check_address_space }, { "vm.max_map_count", check_map_count },
	{ "seccomp", check_seccomp }, { "Landlock", check_landlock }, { "user namespaces", check_namespaces },
	{ "perf events", check_perf }, { "network helper", check_network_helper },
};

static const char *const verdict_names[] = { "ok", "warn", "fail" };

static void print_human(const struct finding *f, const char *name)
{
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
	bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	printf("%s%-4s%s  %-17s %s\n", colour ? colours[f->verdict] : "", verdict_names[f->verdict],
		colour ? "\033[0m" : "", name, f->what);
	if (f->mend[0])
		printf("      %-17s mend: %s\n", "", f->mend);
}

int cmd_doctor(int argc, char **argv)
{
	bool as_json = false;
	static const struct option options[] = { { "json", 0, NULL, option_flag, 0, "As one JSON object." } };
	struct command_syntax syntax = {
		.name = "doctor",
		.summary = "Checks what this host offers, and says how to mend what is missing.",
		.groups = { { "Output", options, ARRAY_SIZE(options), &as_json } },
		.n_groups = 1,
		.notes = "Exit status: 1 when something that is needed is missing (fail), else 0.\n",
	};
	int status;
	if (!command_parse(&syntax, argc, argv, &status))
		return status;
	struct json j = { .f = stdout };
	bool failed = false;
	if (as_json) {
		json_open(&j, NULL, '{');
		json_string(&j, "version", CALQUE_VERSION_TEXT);
		json_open(&j, "checks", '[');
	}
	for (unsigned i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding f = { 0 };
		checks[i].check(&f);
		failed |= f.verdict == VERDICT_FAIL;
		if (!as_json) {
			print_human(&f, checks[i].name);
			continue;
		}
		json_open(&j, NULL, '{');
		json_string(&j, "name", checks[i].name);
		json_string(&j, "verdict", verdict_names[f.verdict]);
		json_string(&j, "found", f.what);
		json_string(&j, "mend", f.mend[0] ? f.mend : NULL);
		json_close(&j, '}');
	}
	if (as_json) {
		json_close(&j, ']');
		json_bool(&j, "usable", !failed);
		json_close(&j, '}');
	}
	return command_finish("doctor", failed ? STATUS_FAILED : STATUS_OK);
}
