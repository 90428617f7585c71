// SPDX-License-Identifier: Apache-2.0
#include "src/gdb/gdb.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "runtime/thread.h"
#include "src/gdb/internal.h"

/* Waits for the debugger or for the machine. */
static void wait_for(struct gdb *g, int fd, bool *input, bool *woken)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = g->wake_fd, .events = POLLIN } };
	eventfd_t count;
	*input = *woken = false;
	if (g->link.in_at < g->link.in_n && fd == g->link.fd)
		*input = true;	/* left over from the last read */
	if (poll(p, 2, *input ? 0 : -1) < 0)
		return;
	*input |= p[0].revents != 0;
	*woken = p[1].revents && !eventfd_read(g->wake_fd, &count);
}

/* While the guest runs only an interrupt means anything. */
static bool take_input(struct gdb *g)
{
	switch (gdb_receive(&g->link)) {
	case GDB_PACKET_READY:
		if (g->ended_sent)
			return false;
		return g->running ? true : gdb_command(g);
	case GDB_INTERRUPT:
		return g->running ? gdb_stopped(g, SIGNAL_INT) : true;
	case GDB_NOTHING:
		return true;
	case GDB_CLOSED:
		return false;
	}
	return false;
}

static void session(struct gdb *g)
{
	bool good = true, input, woken;
	if (g->running) {	/* a debugger that comes to a running guest stops it */
		(void)gdb_pause(g);
		g->running = false;
	}
	while (good && !g->quit) {
		wait_for(g, g->link.fd, &input, &woken);
		if (woken && g->running && !g->quit)
			good = gdb_stopped(g, SIGNAL_TRAP);
		if (good && input)
			good = take_input(g);
	}
	if (g->quit && good && g->running && !g->ended_sent)
		(void)!gdb_report_end(g);
	gdb_hang_up(&g->link);
	if (!g->quit && !g->ended_sent)
		gdb_detach(g);
}

static void *serve(void *opaque)
{
	struct gdb *g = opaque;
	bool input, woken;
	while (!g->quit) {
		wait_for(g, g->link.listen_fd, &input, &woken);
		if (input && gdb_accept(&g->link))
			session(g);
	}
	return NULL;
}

static void release(struct gdb *g)
{
	gdb_file_close(g);
	vm_unobserve(g->vm, g);
	gdb_link_close(&g->link);
	if (g->wake_fd >= 0)
		close(g->wake_fd);
	free(g->xml);
	free(g);
}

struct gdb *gdb_open(struct vm *vm, const char *spec, bool wait, struct error *err)
{
	struct gdb *g = calloc(1, sizeof *g);
	if (!g) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	g->vm = vm;
	g->running = !wait;
	g->link.listen_fd = g->link.fd = -1;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->wake_fd < 0 || !gdb_describe(g))
		error_set(err, ERROR_HOST, "%s", strerror(errno));
	else if (!gdb_observe(g))
		error_set(err, ERROR_HOST, "too many observers");
	else if (gdb_listen(&g->link, spec, wait, err))
		return g;
	release(g);
	return NULL;
}

bool gdb_serve(struct gdb *g, struct error *err)
{
	int e = thread_start(&g->thread, serve, g, "gdb");
	g->serving = !e;
	return g->serving || error_set(err, ERROR_HOST, "thread of the GDB server: %s", strerror(e));
}

void gdb_close(struct gdb *g)
{
	struct machine *m = &g->vm->machine;
	pthread_mutex_lock(&m->lock);
	g->quit = true;
	pthread_cond_broadcast(&m->changed);	/* for gdb_pause */
	pthread_mutex_unlock(&m->lock);
	eventfd_write(g->wake_fd, 1);
	if (g->serving)
		pthread_join(g->thread, NULL);
	vm_pause(g->vm);	/* observers change while it rests */
	m->debug = NULL;
	release(g);
}
