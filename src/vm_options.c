// SPDX-License-Identifier: Apache-2.0
/* The options that describe a VM: on the command line, and as keys of the public API. */
#include "src/vm_options.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "backend/engine.h"
#include "devices/virtio/hostfwd.h"
#include "runtime/machine.h"
#include "src/boards/board.h"
#include "src/cache_dir.h"

#define AT(field) offsetof(struct vm_config, field)

/* Kernel command lines may be empty; nothing else may. */
static bool set_text(const struct option *o, void *target, const char *value, struct error *err)
{
	return replace_string((char **)((char *)target + o->offset), value, err);
}

static bool set_ram(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t bytes;
	if (!parse_size(value, &bytes, err))
		return false;
	if (!bytes)	/* inside, 0 stands for the board's default */
		return error_set(err, ERROR_USAGE, "a guest needs memory: write a size, as 512M");
	((struct vm_config *)target)->ram = bytes;
	return true;
}

static bool set_code_cache(const struct option *o, void *target, const char *value, struct error *err)
{
	uint64_t bytes;
	if (!parse_size(value, &bytes, err))
		return false;
	if (bytes < CODE_CACHE_MIN || bytes > CODE_CACHE_MAX)
		return error_set(err, ERROR_USAGE, "from %lluM to %lluG", (unsigned long long)CODE_CACHE_MIN >> 20,
				 (unsigned long long)CODE_CACHE_MAX >> 30);
	((struct vm_config *)target)->code_cache = bytes;
	return true;
}

static bool set_jit_threads(const struct option *o, void *target, const char *value, struct error *err)
{
	const unsigned *n = &((struct vm_config *)target)->jit_threads;
	return option_unsigned(o, target, value, err) && ((*n && *n <= JIT_THREADS_MAX) || error_set(err, ERROR_USAGE, "from 1 to %d", JIT_THREADS_MAX));
}

static bool set_cache_size(const struct option *o, void *target, const char *value, struct error *err)
{
	return cache_size_parse(value, &((struct vm_config *)target)->cache_size, err);
}

static bool set_tuning(const struct option *o, void *target, const char *value, struct error *err)
{
	return tuning_set(&((struct vm_config *)target)->tuning, value, err);
}

static bool set_memory(const struct option *o, void *target, const char *value, struct error *err)
{
	static const char *const names[] = { [MEMORY_AUTO] = "auto", [MEMORY_TLB] = "tlb", [MEMORY_WINDOWS] = "windows" };
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(value, names[i])) {
			((struct vm_config *)target)->memory = i;
			return true;
		}
	return error_set(err, ERROR_USAGE, "there are auto, tlb and windows");
}

static bool set_against(const struct option *o, void *target, const char *value, struct error *err)
{
	static const char *const names[] = { [AGAINST_DEFAULT] = "", [AGAINST_LLVM] = "llvm", [AGAINST_STENCIL] = "stencil" };
	for (unsigned i = AGAINST_DEFAULT + 1; i < ARRAY_SIZE(names); i++)
		if (!strcmp(value, names[i])) {
			((struct vm_config *)target)->against = i;
			return true;
		}
	return error_set(err, ERROR_USAGE, "there are llvm and stencil");
}

static bool set_seed(const struct option *o, void *target, const char *value, struct error *err)
{
	struct vm_config *c = target;
	c->has_seed = true;
	return parse_number(value, UINT64_MAX, &c->seed, err);
}

/* ---- FILE,readonly,overlay=tmp ---- */

/*
 * The next item of a list at *text, up to a single comma (a double one stands for itself), malloc'd; moves *text behind
 * it. NULL: out of memory.
 */
static char *next_item(const char **text)
{
	const char *from = *text;
	char *item = malloc(strlen(from) + 1), *to = item;
	if (!item)
		return NULL;
	while (*from && (*from != ',' || from[1] == ',')) {
		from += *from == ',';
		*to++ = *from++;
	}
	*to = 0;
	*text = from + (*from == ',');
	return item;
}

static bool disk_item(struct disk_config *d, const char *item, struct error *err)
{
	if (!strcmp(item, "readonly") || !strcmp(item, "readonly=on")) {
		d->readonly = true;
	} else if (!strcmp(item, "overlay=tmp")) {
		d->overlay_tmp = true;
	} else if (!strncmp(item, "serial=", 7)) {
		if (!item[7] || strlen(item + 7) > 20)	/* VIRTIO_BLK_ID_BYTES */
			return error_set(err, ERROR_USAGE, "serial= takes 1 to 20 letters");
		return replace_string(&d->serial, item + 7, err);
	} else {
		return error_set(err, ERROR_USAGE,
			"unknown part \"%.60s\": there are readonly, overlay=tmp and serial=TEXT%s", item,
			strchr(item, '/') ? " (a comma in a path is written twice)" : "");
	}
	return true;
}

static bool set_disk(const struct option *o, void *target, const char *value, struct error *err)
{
	struct vm_config *c = target;
	struct disk_config d = { 0 };
	bool good = false;
	const char *rest = value;
	if (c->n_disks == ARRAY_SIZE(c->disk))
		return error_set(err, ERROR_USAGE, "at most %zu disks", ARRAY_SIZE(c->disk));
	d.path = next_item(&rest);
	if (!d.path || !*d.path) {
		error_set(err, d.path ? ERROR_USAGE : ERROR_HOST,
			d.path ? "no file: write FILE[,readonly][,overlay=tmp]" : "out of memory");
		goto out;
	}
	while (*rest) {
		char *item = next_item(&rest);
		bool fine = item ? disk_item(&d, item, err) : error_set(err, ERROR_HOST, "out of memory");
		free(item);
		if (!fine)
			goto out;
	}
	if (d.readonly && d.overlay_tmp) {
		error_set(err, ERROR_USAGE, "readonly and overlay=tmp exclude each other");
		goto out;
	}
	for (unsigned i = 0; i < c->n_disks; i++)
		if (!strcmp(c->disk[i].path, d.path) && !(c->disk[i].readonly && d.readonly)) {
			error_set(err, ERROR_USAGE, "the same file twice: only as readonly in both");
			goto out;
		}
	c->disk[c->n_disks++] = d;
	d = (struct disk_config){ 0 };
	good = true;
out:
	free(d.path);
	free(d.serial);
	return good;
}

/* ---- user,hostfwd=tcp:127.0.0.1:2222-:22,restrict ---- */

static bool parse_mac(const char *text, uint8_t mac[6])
{
	unsigned b[6];
	int end = 0;
	if (strlen(text) != 17 ||
		sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 ||
		end != 17)
		return false;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

static bool net_item(struct net_config *n, const char *item, struct error *err)
{
	if (!strncmp(item, "hostfwd=", 8)) {
		struct hostfwd checked;
		if (!hostfwd_parse(item + 8, &checked, err))
			return false;
		if (n->n_hostfwd == ARRAY_SIZE(n->hostfwd))
			return error_set(err, ERROR_USAGE, "at most %zu hostfwd", ARRAY_SIZE(n->hostfwd));
		if (!replace_string(&n->hostfwd[n->n_hostfwd], item + 8, err))
			return false;
		n->n_hostfwd++;
	} else if (!strcmp(item, "restrict") || !strcmp(item, "restrict=on")) {
		n->restrict_guest = true;
	} else if (!strncmp(item, "mac=", 4)) {
		if (!parse_mac(item + 4, n->mac))
			return error_set(
				err, ERROR_USAGE, "\"%.60s\": write a unicast address as mac=52:54:00:12:34:56", item);
	} else {
		return error_set(
			err, ERROR_USAGE, "unknown part \"%.60s\": there are hostfwd=, restrict and mac=", item);
	}
	return true;
}

static bool set_net(const struct option *o, void *target, const char *value, struct error *err)
{
	struct vm_config *c = target;
	struct net_config n = { 0 };
	const char *rest = value;
	char *kind = next_item(&rest);
	bool good = false;
	if (!kind)
		return error_set(err, ERROR_HOST, "out of memory");
	if (!strcmp(kind, "none") && !*rest) {
		good = true;
		goto out;
	}
	if (strcmp(kind, "user")) {
		error_set(err, ERROR_USAGE, "there is only user: --net user[,hostfwd=...][,restrict][,mac=...]");
		goto out;
	}
	if (c->n_nets == ARRAY_SIZE(c->net)) {
		error_set(err, ERROR_USAGE, "at most %zu network cards", ARRAY_SIZE(c->net));
		goto out;
	}
	while (*rest) {
		char *item = next_item(&rest);
		bool fine = item ? net_item(&n, item, err) : error_set(err, ERROR_HOST, "out of memory");
		free(item);
		if (!fine)
			goto out;
	}
	c->net[c->n_nets++] = n;
	n.n_hostfwd = 0;
	good = true;
out:
	for (unsigned i = 0; i < n.n_hostfwd; i++)
		free(n.hostfwd[i]);
	free(kind);
	return good;
}

/* ---- words that options take ---- */

static bool arch_value(unsigned i, struct option_value *v)
{
	if (boards[i])
		snprintf(v->word, sizeof v->word, "%s", boards[i]->arch);
	return boards[i];
}

static bool board_value(unsigned i, struct option_value *v)
{
	if (boards[i]) {
		snprintf(v->word, sizeof v->word, "%s", boards[i]->name);
		v->help = boards[i]->summary;
	}
	return boards[i];
}

static bool engine_value(unsigned i, struct option_value *v)
{
	if (engines[i]) {
		snprintf(v->word, sizeof v->word, "%s", engines[i]->name);
		v->help = engines[i]->summary;
	}
	return engines[i];
}

static bool tuning_value(unsigned i, struct option_value *v)
{
	const struct tuning_param *p = tuning_param(i);
	if (p) {
		snprintf(v->word, sizeof v->word, "%s=", p->name);
		snprintf(v->range, sizeof v->range, "%" PRIu64 " (%" PRIu64 " to %" PRIu64 ")", p->initial, p->least, p->most);
		v->help = p->why;
	}
	return p;
}

const struct option vm_options[] = {
	{"arch", 0, "ARCH", option_string, AT(arch), "The guest's architecture; \"calque help\" lists them.", arch_value},
	{"board", 0, "BOARD", option_string, AT(board), "The machine; \"calque machine\" describes it.", board_value},
	{"cpu", 0, "CPU[,EXT=on|off]...", option_string, AT(cpu),
		"The processor and what differs from its defaults, as rv64,zba=off; \"calque machine\" lists the "
                "extensions."},
	{"engine", 0, "ENGINE", option_string, AT(engine),
		"What executes guest code; \"calque help\" lists the engines.", engine_value},
	{"ram", 'm', "SIZE", set_ram, 0, "Guest memory in bytes, or with K, M, G or T."},
	{"smp", 0, "N", option_unsigned, AT(smp), "Number of vCPUs, each a host thread; default 1."},
	{"code-cache", 0, "SIZE", set_code_cache, 0,
		"Bound on the memory for translations, once for micro-ops and once for machine code; default 128M. When one "
		"is full, all are dropped."},
	{"jit-threads", 0, "N", set_jit_threads, AT(jit_threads),
		"Threads that compile hot code; default as many as the host has processors beyond one a vCPU, at least 1 and at most 4."},
	{"tune", 0, "NAME=N", set_tuning, 0, "Sets a threshold of the engine; \"calque help tune\" lists them. May be given several times.", tuning_value},
	{"memory", 0, "auto|tlb|windows", set_memory, 0,
		"How regions reach guest memory: through the TLB (tlb), by the host's MMU (windows), or each as it does better (auto, the default)."},
	{"against", 0, "llvm|stencil", set_against, 0,
		"What --engine lockstep compares the interpreter with: llvm (default) or stencil."},
	{"cache", 0, "DIR|off", option_string, AT(cache),
		"Where machine code of hot regions is kept for later runs; \"calque cache --help\" says more."},
	{"cache-size", 0, "SIZE", set_cache_size, 0, "Bound on what the cache takes on disk; default 256M."},
	{"deterministic", 0, NULL, option_flag, AT(deterministic),
		"Derive time from the number of instructions: the same input gives the same run. One vCPU only."},
	{"seed", 0, "N", set_seed, 0, "Start of the guest's entropy; without it the host's entropy is used."},
	{"kernel", 0, "FILE", option_string, AT(kernel), "Linux Image (plain, gzip or zstd), ELF or flat binary."},
	{"initrd", 0, "FILE", option_string, AT(initrd), "Initial RAM disk for the kernel."},
	{"append", 0, "TEXT", set_text, AT(append), "The kernel's command line."},
	{"dtb", 0, "FILE", option_string, AT(dtb), "Device tree to use in place of the board's own."},
	{"firmware", 0, "FILE", option_string, AT(firmware),
		"Machine firmware (ELF or flat binary) to run in place of the built-in one."},
	{"disk", 0, "FILE[,readonly][,overlay=tmp][,serial=TEXT]", set_disk, 0,
		"A raw image or block device as virtio disk; may be given several times. With overlay=tmp writes go to "
                "a temporary file and are lost at the end. "
		"A comma in a file name is written twice."},
	{"net", 0, "user[,hostfwd=RULE]...[,restrict][,mac=MAC]", set_net, 0,
		"A network card on user-mode networking. RULE as tcp:127.0.0.1:2222-:22 opens a host port that leads "
                "to the guest's; restrict leaves the guest no "
		"other way in or out."},
};
const unsigned n_vm_options = ARRAY_SIZE(vm_options);
