// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer target: what a debugger may send. An input whose first byte is odd goes out as it is, of any other each line
 * as a packet.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "src/gdb/internal.h"

#define MOST (16 << 10)	/* bytes; a socket takes the packets made of them at once */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void *drain(void *fd)
{
	char reply[65536];
	while (read((int)(intptr_t)fd, reply, sizeof reply) > 0)
		;
	return NULL;
}

static void send_packets(int fd, const uint8_t *bytes, size_t size)
{
	char *text = malloc(4 * size + 8);
	size_t n = 0;
	bool raw = size && bytes[0] & 1;
	for (size_t i = 1; i < size; i++) {
		if (raw) {
			text[n++] = (char)bytes[i];
			continue;
		}
		if (i == 1 || bytes[i - 1] == '\n')
			text[n++] = '$';
		if (bytes[i] == '\n')
			n += (size_t)sprintf(text + n, "#00");
		else
			text[n++] = (char)bytes[i];
	}
	n += (size_t)sprintf(text + n, "#00");
	if (write(fd, text, n) != (ssize_t)n || shutdown(fd, SHUT_WR))
		abort();
	free(text);
}

/* As the server's own loop, but a guest that goes on is stopped at once. */
static void serve(struct gdb *g)
{
	enum gdb_input input;
	bool good = true;
	while (good && (input = gdb_receive(&g->link)) != GDB_CLOSED) {
		if (input == GDB_PACKET_READY)
			good = gdb_command(g);
		if (good && g->running)
			good = gdb_stopped(g, SIGNAL_INT);
	}
	if (!g->ended_sent)
		gdb_detach(g);
}

static struct vm *make_vm(void)
{
	struct vm_config config;
	struct error err = { 0 };
	vm_config_init(&config);
	config.arch = strdup("riscv64");
	config.engine = strdup("interp");
	config.ram = 64 << 20;
	config.smp = 2;
	config.code_cache = CODE_CACHE_MIN;
	struct vm *vm = vm_create_empty(&config, &err);
	if (!vm) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	vm->machine.vcpu[0]->halted = true;	/* nothing is there to be run */
	return vm;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int pair[2];
	pthread_t drainer;
	struct gdb *g = calloc(1, sizeof *g);
	if (size > MOST || !g || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		free(g);
		return 0;
	}
	g->vm = make_vm();
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->link.listen_fd = -1;
	g->link.fd = pair[0];
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	g->link.no_ack = true;
	g->quit = true;		/* a reboot is waited for by nobody */
	if (!gdb_describe(g) || !gdb_observe(g))
		abort();
	send_packets(pair[1], bytes, size);
	if (pthread_create(&drainer, NULL, drain, (void *)(intptr_t)pair[1]))
		abort();
	serve(g);
	gdb_link_close(&g->link);
	pthread_join(drainer, NULL);
	close(pair[1]);
	close(g->wake_fd);
	gdb_file_close(g);
	vm_destroy(g->vm);
	free(g->xml);
	free(g);
	return 0;
}
