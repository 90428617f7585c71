// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontends/riscv/riscv.h"
#include "tests/lockstep/hart.h"
#include "tests/lockstep/model.h"

/* ---- Calque: RAM, one hart, and as much of three devices as the runner uses ---- */

#define LIMIT ((uint64_t)20 << 30)	/* instructions: the end of an image that does not end by itself */

struct guest {
	struct hart hart;
	FILE *sent;
	uint64_t since, insns;
};

static bool uart_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = 0x60;		/* nothing waits to be sent */
	return offset == 5;
}

static bool uart_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct guest *g = opaque;
	return !offset && putc((int)(value & 0xff), g->sent) != EOF;
}

static bool no_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value) { return false; }

static bool clint_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct guest *g = opaque;
	vcpu_set_irq(g->hart.m.vcpu[0], IRQ_MSI, value & 1);
	return !offset;
}

static bool test_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct guest *g = opaque;
	uint64_t now = g->hart.m.vcpu[0]->icount;
	if (value == MODEL_TEST_BEGIN)
		g->since = now;
	else if (value == MODEL_TEST_END)
		g->insns += now - g->since;
	else
		machine_end(&g->hart.m, EXIT_POWEROFF, 0, "done");
	return true;
}

static bool run(struct guest *g, const struct model_image *image, struct error *err)
{
	static const struct mmio_ops uart = { uart_read, uart_write }, clint = { no_read, clint_write }, test = { no_read, test_write };
	struct machine *m = &g->hart.m;
	m->code_cache_bytes = (uint64_t)64 << 20;
	m->tuning.sample_period = 5000;	/* the hottest fifth of the blocks: a region takes LLVM some 20 ms */
	m->tuning.heat = 1;
	return phys_add_mmio(&m->phys, GPA(MODEL_UART), 0x100, "uart", &uart, g, err) &&
	       phys_add_mmio(&m->phys, GPA(MODEL_CLINT), 0x1000, "clint", &clint, g, err) &&
	       phys_add_mmio(&m->phys, GPA(MODEL_TEST), 0x1000, "test", &test, g, err) &&
	       hart_load(&g->hart, MODEL_BASE, MODEL_END - MODEL_BASE, image->bytes, image->size, err) && hart_run(&g->hart, LIMIT, err);
}

/* How many the engine has compiled, from what --stats would say. */
static uint64_t regions(struct machine *m)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return 0;
	m->exec->print_stats(m, f);
	fclose(f);
	const char *at = strstr(text, "\nregions: ");
	uint64_t n = at ? strtoull(at + strlen("\nregions: "), NULL, 10) : 0;
	free(text);
	return n;
}

bool model_run_calque(const struct model_image *image, const struct exec_ops *engine, enum memory_mode memory, struct model_output *out,
		      struct error *err)
{
	struct guest *g = calloc(1, sizeof *g);
	if (!g)
		return error_set(err, ERROR_HOST, "out of memory");
	*out = (struct model_output){ 0 };
	g->sent = open_memstream((char **)&out->bytes, &out->size);
	bool good = g->sent && hart_begin(&g->hart, engine, MODEL_END - MODEL_BASE, err);
	g->hart.m.memory = memory;
	good = good && run(g, image, err);
	out->regions = good ? regions(&g->hart.m) : 0;
	out->exit = g->hart.m.exit;
	out->insns = g->insns;
	hart_end(&g->hart);
	if (g->sent)
		fclose(g->sent);
	free(g);
	return good;
}

/* ---- QEMU ---- */

/* The same hart as Calque's default. Without AIA, as no two interrupts are pending together. */
#define QEMU_CPU "rv64,h=off,v=off,debug=off,zawrs=off,zfa=off,sscofpmf=off,pmu-mask=0,zfhmin=on,svadu=on,svade=off,svnapot=on,svpbmt=on," \
	"svinval=on,sstc=on,zicond=on,zicbom=on,zicboz=on,zicbop=on"

static bool write_image(const struct model_image *image, const char *path, struct error *err)
{
	FILE *f = fopen(path, "wb");
	bool good = f && fwrite(image->bytes, image->size, 1, f) == 1;
	good = f && !fclose(f) && good;
	return good || error_set(err, ERROR_HOST, "%s: %s", path, strerror(errno));
}

static bool read_output(const char *path, struct model_output *out, struct error *err)
{
	FILE *f = fopen(path, "rb"), *to = open_memstream((char **)&out->bytes, &out->size);
	char block[4096];
	for (size_t n; f && to && (n = fread(block, 1, sizeof block, f));)
		fwrite(block, 1, n, to);
	bool good = f && to && !ferror(f);
	if (f)
		fclose(f);
	if (to)
		good = !fclose(to) && good;
	return good || error_set(err, ERROR_HOST, "%s: %s", path, strerror(errno));
}

bool model_run_qemu(const struct model_image *image, struct model_output *out, struct error *err)
{
	const char *tmp = getenv("TMPDIR"), *peer = getenv("CALQUE_PEER");
	char folder[300], from[320], to[320], command[1400];
	*out = (struct model_output){ 0 };
	snprintf(folder, sizeof folder, "%s/calque-model-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return error_set(err, ERROR_HOST, "%s: %s", folder, strerror(errno));
	snprintf(from, sizeof from, "%s/image", folder);
	snprintf(to, sizeof to, "%s/sent", folder);
	snprintf(command, sizeof command, "exec timeout 600 '%s' qemu-system-riscv64 -M virt -m 128M -cpu %s -display none -monitor none -serial 'file:%s' "
		"-bios '%s' </dev/null", peer ? peer : "tools/peer", QEMU_CPU, to, from);
	bool good = write_image(image, from, err);
	if (good) {
		int status = system(command);
		good = WIFEXITED(status) && !WEXITSTATUS(status) ? read_output(to, out, err)
								 : error_set(err, ERROR_HOST, "%s: status %#x", command, (unsigned)status);
	}
	unlink(from);
	unlink(to);
	rmdir(folder);
	return good;
}
