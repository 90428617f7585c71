// SPDX-License-Identifier: Apache-2.0
#include "src/unix_socket.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool unix_address(struct sockaddr_un *a, const char *path, struct error *err)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path)
		return error_set(err, ERROR_USAGE, "the path is empty");
	if (strlen(path) >= sizeof a->sun_path)
		return error_set(err, ERROR_USAGE, "the path is longer than %zu bytes", sizeof a->sun_path - 1);
	strcpy(a->sun_path, path);
	return true;
}

static bool make_way(const struct sockaddr_un *a, struct error *err)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return true;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_USAGE, "there is a file of this name");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) && errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	if (!dead)
		return error_set(err, ERROR_USAGE, "in use by another program");
	unlink(a->sun_path);
	return true;
}

bool unix_listen(struct unix_listener *u, const char *path, int backlog, struct error *err)
{
	struct stat st;
	u->fd = -1;
	if (!unix_address(&u->address, path, err) || !make_way(&u->address, err))
		return false;
	u->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool bound = u->fd >= 0 && !bind(u->fd, (const struct sockaddr *)&u->address, sizeof u->address);
	if (bound && !chmod(path, 0600) && !lstat(path, &st) && !listen(u->fd, backlog)) {
		u->device = st.st_dev;
		u->inode = st.st_ino;
		return true;
	}
	error_set(err, ERROR_USAGE, "%s", strerror(errno));
	if (bound)
		unlink(path);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	return false;
}

void unix_close(struct unix_listener *u)
{
	struct stat st;
	if (u->fd < 0)
		return;
	if (!lstat(u->address.sun_path, &st) && st.st_dev == u->device && st.st_ino == u->inode)
		unlink(u->address.sun_path);
	close(u->fd);
	u->fd = -1;
}
