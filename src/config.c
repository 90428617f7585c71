// SPDX-License-Identifier: Apache-2.0
#include "src/config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backend/engine.h"
#include "frontends/frontend.h"
#include "src/boards/board.h"
#include "src/options.h"
#include "runtime/machine.h"

void vm_config_init(struct vm_config *c)
{
	*c = (struct vm_config){ .smp = 1, .tuning = tuning_default };
}

void vm_config_free(struct vm_config *c)
{
	char **strings[] = {
		&c->arch, &c->board, &c->cpu, &c->engine, &c->cache, &c->kernel, &c->initrd, &c->append, &c->dtb, &c->firmware};
	for (unsigned i = 0; i < ARRAY_SIZE(strings); i++)
		free(*strings[i]);
	for (unsigned i = 0; i < c->n_disks; i++) {
		free(c->disk[i].path);
		free(c->disk[i].serial);
	}
	for (unsigned i = 0; i < c->n_nets; i++)
		for (unsigned j = 0; j < c->net[i].n_hostfwd; j++)
			free(c->net[i].hostfwd[j]);
	for (unsigned i = 0; i < c->n_extra; i++)
		free(c->extra[i].name);
	vm_config_init(c);
}

/* ---- names and their alternatives ---- */

/* "x, y and z" of names, for messages */
static const char *list_names(const char *const *names, unsigned n, char *text, size_t size)
{
	size_t at = 0;
	text[0] = 0;
	for (unsigned i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? i + 1 == n ? " and " : ", " : "", names[i]);
	return text;
}

static bool no_such(const char *option, const char *value, const char *const *names, unsigned n, struct error *err)
{
	char list[160];
	const char *near = nearest_name(value, names, n);
	list_names(names, n, list, sizeof list);
	if (near)
		return error_set(err, ERROR_USAGE, "--%s %.60s: did you mean %s? There %s %s", option, value, near,
			n == 1 ? "is" : "are", list);
	return error_set(err, ERROR_USAGE, "--%s %.60s: there %s %s", option, value, n == 1 ? "is only" : "are", list);
}

static bool resolve_names(struct vm_config *c, struct vm_parts *p, struct error *err)
{
	const char *names[16];
	unsigned n = 0;

	if (!c->arch && !replace_string(&c->arch, frontends[0]->name, err))
		return false;
	p->frontend = frontend_find(c->arch);
	if (!p->frontend) {
		for (; frontends[n] && n < ARRAY_SIZE(names); n++)
			names[n] = frontends[n]->name;
		return no_such("arch", c->arch, names, n, err);
	}
	p->board = board_find(c->arch, c->board);
	if (!p->board) {
		for (unsigned i = 0; boards[i] && n < ARRAY_SIZE(names); i++)
			if (!strcmp(boards[i]->arch, c->arch))
				names[n++] = boards[i]->name;
		return no_such("board", c->board ? c->board : "", names, n, err);
	}
	if (!c->board && !replace_string(&c->board, p->board->name, err))
		return false;
	if (!c->engine && !replace_string(&c->engine, engines[0]->name, err))
		return false;
	p->engine = engine_find(c->engine);
	if (!p->engine) {
		for (; engines[n] && n < ARRAY_SIZE(names); n++)
			names[n] = engines[n]->name;
		return no_such("engine", c->engine, names, n, err);
	}
	if (!c->cpu && !replace_string(&c->cpu, p->frontend->default_cpu, err))
		return false;
	return true;
}

/* ---- sizes, files, combinations ---- */

/* A size as a person writes it: 512M */
static const char *size_text(uint64_t bytes, char text[24])
{
	static const char suffix[] = "\0KMGT";
	unsigned i = 0;
	for (; i < 4 && bytes && !(bytes & 1023); i++)
		bytes >>= 10;
	snprintf(text, 24, "%llu%.1s", (unsigned long long)bytes, &suffix[i]);
	return text;
}

static bool check_sizes(struct vm_config *c, const struct board_ops *b, struct error *err)
{
	char given[24], limit[24];
	if (!c->ram)
		c->ram = b->ram_default;
	if (c->ram < b->ram_min && c->ram < 1 << 20)
		return error_set(err, ERROR_USAGE, "-m %s: that is bytes; did you mean %lluM? At least %s are needed",
			size_text(c->ram, given), (unsigned long long)c->ram, size_text(b->ram_min, limit));
	if (c->ram < b->ram_min)
		return error_set(err, ERROR_USAGE, "-m %s: board %s needs at least %s", size_text(c->ram, given),
			b->name, size_text(b->ram_min, limit));
	if (c->ram > b->ram_max)
		return error_set(err, ERROR_USAGE, "-m %s: board %s takes at most %s", size_text(c->ram, given),
			b->name, size_text(b->ram_max, limit));
	if (c->ram % PAGE_SIZE)
		return error_set(err, ERROR_USAGE, "-m %s: must be a multiple of 4K", size_text(c->ram, given));
	if (!c->smp || c->smp > b->max_vcpus)
		return error_set(
			err, ERROR_USAGE, "--smp %u: board %s takes 1 to %u vCPUs", c->smp, b->name, b->max_vcpus);
	return true;
}

static bool check_file(const char *option, const char *path, bool device_allowed, struct error *err)
{
	struct stat st;
	if (!path)
		return true;
	if (stat(path, &st))
		return error_set(err, ERROR_USAGE, "--%s %.150s: %s", option, path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERROR_USAGE, "--%s %.150s: a directory, not a file", option, path);
	if (!S_ISREG(st.st_mode) && !(device_allowed && S_ISBLK(st.st_mode)))
		return error_set(err, ERROR_USAGE, "--%s %.150s: not a regular file%s", option, path,
			device_allowed ? " or block device" : "");
	if (S_ISREG(st.st_mode) && !st.st_size)
		return error_set(err, ERROR_USAGE, "--%s %.150s: the file is empty", option, path);
	if (access(path, R_OK))
		return error_set(
			err, ERROR_USAGE, "--%s %.150s: %s: it must be readable", option, path, strerror(errno));
	return true;
}

static bool check_files(const struct vm_config *c, struct error *err)
{
	if (!check_file("kernel", c->kernel, false, err) || !check_file("initrd", c->initrd, false, err) ||
	    !check_file("dtb", c->dtb, false, err) || !check_file("firmware", c->firmware, false, err))
		return false;
	for (unsigned i = 0; i < c->n_disks; i++) {
		const struct disk_config *d = &c->disk[i];
		if (!check_file("disk", d->path, true, err))
			return false;
		if (!d->readonly && !d->overlay_tmp && access(d->path, W_OK))
			return error_set(err, ERROR_USAGE, "--disk %.150s: %s: add ,readonly or ,overlay=tmp", d->path,
				strerror(errno));
	}
	return true;
}

bool vm_config_resolve(struct vm_config *c, struct vm_parts *parts, struct error *err)
{
	if (!resolve_names(c, parts, err) || !check_sizes(c, parts->board, err))
		return false;
	if (parts->engine->deterministic && c->smp > 1)
		return error_set(err, ERROR_USAGE, "--engine %s: only with one vCPU; leave out --smp %u", c->engine, c->smp);
	if (parts->engine->deterministic && c->n_nets)
		return error_set(err, ERROR_USAGE, "--engine %s: leave out --net, which writes guest memory at moments of the host's", c->engine);
	if (strcmp(c->engine, "lockstep") && c->against)
		return error_set(err, ERROR_USAGE, "--against: only with --engine lockstep");
	c->deterministic |= parts->engine->deterministic;
	if (c->deterministic && c->smp > 1)
		return error_set(err, ERROR_USAGE, "--deterministic: only with one vCPU; leave out --smp %u", c->smp);
	if (c->initrd && !c->kernel)
		return error_set(err, ERROR_USAGE, "--initrd: needs --kernel: the kernel is what loads it");
	if (c->append && !c->kernel)
		return error_set(err, ERROR_USAGE, "--append: needs --kernel: it is the kernel's command line");
	return check_files(c, err);
}
