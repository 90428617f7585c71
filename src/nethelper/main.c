// SPDX-License-Identifier: Apache-2.0
#include "src/nethelper/nethelper.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Tells the program that started us, whose first message this is. */
static void tell(const char *text)
{
	if (send(SOCKET_FD, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(1);
}

int main(int argc, char **argv)
{
	struct net_options o;
	struct error err;
	int type = 0;
	socklen_t length = sizeof(type);
	if (getsockopt(SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &length) || type != SOCK_SEQPACKET) {
		fprintf(stderr, "calque-net is calque's helper for --net user and cannot be run by hand.\n");
		return 2;
	}
	/* What else the program that started us had open is none of our business. */
	close_range(SOCKET_FD + 1, ~0u, 0);
	signal(SIGPIPE, SIG_IGN);
	if (!net_options_parse(&o, argc, argv, &err)) {
		tell(err.text);
		return 2;
	}
	/* The socket's end says that the parent is gone, but not if it forked without exec. PR_SET_PDEATHSIG would not do: it
	 * fires when the thread that started us ends. */
	int parent_fd = -1;
	if (o.parent) {
		parent_fd = syscall(SYS_pidfd_open, o.parent, 0);
		if (getppid() != o.parent)
			return 1;	/* gone already */
	}
	struct stack *s = stack_new(&o, &err);
	if (!s || !sandbox_enter(&err)) {
		tell(err.text);
		stack_free(s);
		return 3;
	}
	tell("ok");
	stack_run(s, parent_fd);
	stack_free(s);
	/* Exit handlers (a leak checker's, say) may want what the sandbox forbids; we have none and buffer nothing. */
	_exit(0);
}
