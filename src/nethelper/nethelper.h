/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calque-net: libslirp between the guest's Ethernet frames, one a message on the socket that is file descriptor 3, and the
 * host's sockets. It starts no process, opens no file for writing, and ends with the program that started it.
 */
#pragma once
#include <sys/types.h>
#include "devices/virtio/hostfwd.h"

#define SOCKET_FD 3
#define HOSTFWD_MAX 16

struct net_options {
	bool restrict_guest;
	pid_t parent;
	const char *hostfwd_text[HOSTFWD_MAX];
	struct hostfwd hostfwd[HOSTFWD_MAX];
	unsigned n_hostfwd;
};

MUST_CHECK bool net_options_parse(struct net_options *o, int argc, char **argv, struct error *err);

/* The network stack. */
struct stack;
struct stack *stack_new(const struct net_options *o, struct error *err);
/* Runs until the socket is closed at the other end or `parent_fd` (a pidfd, or -1) becomes readable. */
void stack_run(struct stack *s, int parent_fd);
void stack_free(struct stack *s);

/* From here on: no new privileges, no programs, no writing to files, no sockets but those of IP. */
MUST_CHECK bool sandbox_enter(struct error *err);
