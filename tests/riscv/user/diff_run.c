// SPDX-License-Identifier: Apache-2.0
/* Runs a program under Calque (a bare machine: RAM, one hart in M-mode, one device) and under QEMU's user mode. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend/engine.h"
#include "runtime/machine.h"
#include "tests/riscv/user/diff.h"

/* ---- Calque ---- */

struct run {
	struct machine m;
	struct cpu_config *config;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended;
	uint64_t epc;
};

static bool device_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	return false;
}

/* The trap handler's report: the program's first system call, and nothing else, is the expected end. */
static bool device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct run *run = opaque;

	if (offset == 8)
		run->epc = value;
	else if (value == EXC_ECALL_M)
		machine_end(&run->m, EXIT_POWEROFF, 0, "done");
	else
		machine_end(&run->m, EXIT_DIED, 0, "exception %llu at %#llx", (unsigned long long)value,
			(unsigned long long)run->epc);
	return true;
}

static void guest_ended(void *opaque, const struct guest_exit *e)
{
	struct run *run = opaque;

	pthread_mutex_lock(&run->lock);
	run->ended = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

static bool set_up(struct run *run, const struct diff_program *p, struct error *err)
{
	static const struct mmio_ops device = { device_read, device_write };
	struct machine *m = &run->m;
	struct vcpu *cpu;

	m->frontend = &riscv64_frontend;
	m->arch = riscv64_frontend.arch;
	const char *engine = getenv("CALQUE_ENGINE");
	m->exec = engine ? engine_find(engine) : engines[0];
	if (!m->exec)
		return error_set(err, ERROR_USAGE, "CALQUE_ENGINE=%s: no such engine", engine);
	m->observer.exit = guest_ended;
	m->observer.opaque = run;
	if (!phys_add_ram(&m->phys, GPA(DIFF_BASE), DIFF_END - DIFF_BASE, "ram", err) ||
	    !phys_add_mmio(&m->phys, GPA(DIFF_DEVICE), 0x1000, "device", &device, run, err))
		return false;
	if (!phys_load(&m->phys, GPA(DIFF_BASE), p->image, DIFF_IMAGE_END - DIFF_BASE))
		return error_set(err, ERROR_HOST, "the program does not fit into RAM");
	cpu = vcpu_create(m, 0, err);
	if (!cpu)
		return false;
	m->vcpu[m->n_vcpus++] = cpu;
	if (!m->frontend->vcpu_init(cpu, run->config, err) || !m->exec->vcpu_init(cpu, err))
		return false;
	m->frontend->reset(cpu);
	cpu->pc = DIFF_BARE_START;
	return machine_start(m, err);
}

static bool finish(struct run *run, struct diff_state *out, struct error *err)
{
	machine_resume(&run->m);
	pthread_mutex_lock(&run->lock);
	while (!run->ended)
		pthread_cond_wait(&run->changed, &run->lock);
	pthread_mutex_unlock(&run->lock);
	machine_pause(&run->m);
	if (run->m.exit.cause != EXIT_POWEROFF)
		return error_set(err, ERROR_HOST, "guest: %s", run->m.exit.text);
	return phys_read(&run->m.phys, GPA(DIFF_OUT), out, DIFF_CASES * sizeof(*out)) ||
	       error_set(err, ERROR_HOST, "no output");
}

bool diff_run_calque(const struct diff_program *p, struct diff_state *out, char *text, size_t size)
{
	struct run *run = calloc(1, sizeof(*run));
	struct error err = { 0 };
	bool good = false;

	if (!run)
		return false;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	run->config = riscv64_frontend.config_parse(riscv64_frontend.default_cpu, &err);
	if (run->config && machine_init(&run->m, DIFF_END - DIFF_BASE, &err)) {
		good = set_up(run, p, &err) && finish(run, out, &err);
		for (unsigned i = 0; i < run->m.n_vcpus; i++) {
			run->m.exec->vcpu_destroy(run->m.vcpu[i]);
			run->m.frontend->vcpu_destroy(run->m.vcpu[i]);
		}
		machine_destroy(&run->m);
	}
	if (run->config)
		riscv64_frontend.config_free(run->config);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	free(run);
	snprintf(text, size, "%s", err.text);
	return good;
}

/* ---- QEMU ---- */

static bool write_elf(const struct diff_program *p, FILE *f)
{
	Elf64_Ehdr h = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_RISCV, .e_version = EV_CURRENT, .e_entry = DIFF_START,
		.e_phoff = sizeof(Elf64_Ehdr), .e_flags = 5 /* RVC, double-float ABI */, .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
	};
	Elf64_Phdr ph = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = PAGE_SIZE, .p_vaddr = DIFF_BASE,
		.p_paddr = DIFF_BASE,
		.p_filesz = DIFF_IMAGE_END - DIFF_BASE, .p_memsz = DIFF_END - DIFF_BASE, .p_align = PAGE_SIZE,
	};

	return fwrite(&h, sizeof(h), 1, f) == 1 && fwrite(&ph, sizeof(ph), 1, f) == 1 && !fseek(f, PAGE_SIZE, SEEK_SET) &&
	       fwrite(p->image, DIFF_IMAGE_END - DIFF_BASE, 1, f) == 1 && !fflush(f);
}

/* CALQUE_PEER is tools/peer, which runs QEMU 10 whatever the machine's own version. */
static bool run_peer(const char *path, struct diff_state *out, char *text, size_t size)
{
	const char *peer = getenv("CALQUE_PEER");
	size_t want = DIFF_CASES * sizeof(*out), got;
	char command[600];
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "exec '%s' qemu-riscv64 -cpu max '%s'", peer ? peer : "tools/peer", path);
	pipe = popen(command, "r");
	if (!pipe) {
		snprintf(text, size, "%s: %s", command, strerror(errno));
		return false;
	}
	got = fread(out, 1, want, pipe);
	status = pclose(pipe);
	snprintf(text, size, "%s: status %#x, %zu of %zu bytes", command, (unsigned)status, got, want);
	return got == want && WIFEXITED(status) && !WEXITSTATUS(status);
}

bool diff_run_qemu(const struct diff_program *p, struct diff_state *out, char *text, size_t size)
{
	const char *dir = getenv("TMPDIR");
	char path[300];
	bool good = false;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/calque-diff-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || !write_elf(p, f) || fchmod(fd, 0700)) {
		snprintf(text, size, "%s: %s", path, strerror(errno));
		if (f)
			fclose(f);
	} else {
		fclose(f);	/* a file open for writing is not executed */
		good = run_peer(path, out, text, size);
	}
	unlink(path);
	return good;
}
