/* SPDX-License-Identifier: Apache-2.0 */
/* A listening Unix socket that belongs to the user alone. */
#pragma once
#include <sys/stat.h>
#include <sys/un.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct unix_listener {
	int fd;			/* does not block; -1: none */
	struct sockaddr_un address;
	dev_t device;		/* of the file that was made: another one in its place is not ours to remove */
	ino_t inode;
};

/*
 * Listens at a path, with mode 0600 before anybody can connect. A socket that a dead program has left there is removed; one that answers, or
 * a file of another kind, stays: then, as where the path is too long or the host refuses, false, with a message that names neither.
 */
MUST_CHECK bool unix_listen(struct unix_listener *u, const char *path, int backlog, struct error *err);
/* Closes it and removes the file that it made. Nothing happens if u->fd is -1. */
void unix_close(struct unix_listener *u);
/* Fills in an address. False: the path does not fit. */
MUST_CHECK bool unix_address(struct sockaddr_un *a, const char *path, struct error *err);
