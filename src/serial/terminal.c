// SPDX-License-Identifier: Apache-2.0
/*
 * The terminal's mode. The terminal belongs to the process and signal handlers have no argument, so this is process-wide state
 * by nature; it is written in raw mode's entry and exit only.
 */
#include "src/serial/internal.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct {
	/* In raw mode. Set last: signals come to any thread, and what a handler finds below was written before this. */
	_Atomic bool raw;
	int fd;
	struct termios before, during;
} terminal;

bool terminal_raw(int fd, struct error *err)
{
	if (terminal.raw)
		return error_set(err, ERROR_USAGE, "serial stdio: used twice");
	struct termios t;
	if (tcgetattr(fd, &t))
		return error_set(err, ERROR_HOST, "serial stdio: terminal: %s", strerror(errno));
	terminal.before = t;
	t.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS8;
	/* c_oflag stays: bare-metal guests and our own messages end lines with a lone newline. */
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	terminal.during = t;
	/* Standard input, which stays open until the process ends, unlike a copy of it */
	terminal.fd = 0;
	terminal.raw = true;	/* before the change: a signal in between restores for nothing, which does no harm */
	if (!tcsetattr(fd, TCSANOW, &t))
		return true;
	terminal.raw = false;
	return error_set(err, ERROR_HOST, "serial stdio: terminal: %s", strerror(errno));
}

/* tcsetattr by a process in the background would stop it with SIGTTOU. */
static void set_mode(const struct termios *t)
{
	sigset_t out, old;
	sigemptyset(&out);
	sigaddset(&out, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &out, &old);
	tcsetattr(terminal.fd, TCSANOW, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void serial_terminal_restore(void)
{
	int saved = errno;
	if (terminal.raw) {
		set_mode(&terminal.before);
		terminal.raw = false;
	}
	errno = saved;
}

/* ---- every way out ---- */

/* Ends as the signal would have ended us. */
static void on_death(int sig)
{
	serial_terminal_restore();
	signal(sig, SIG_DFL);
	raise(sig);	/* delivered when this handler returns */
}

static void on_stop(int sig)
{
	int saved = errno;
	bool was_raw = terminal.raw;
	serial_terminal_restore();
	/* Stop, and go on here when continued: in raw mode, if the shell gave the terminal back. */
	sigset_t set, old;
	struct sigaction now, stop = { .sa_handler = SIG_DFL };
	sigaction(sig, &stop, &now);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &set, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sigaction(sig, &now, NULL);
	if (was_raw && tcgetpgrp(terminal.fd) == getpgrp()) {
		terminal.raw = true;
		set_mode(&terminal.during);
	}
	errno = saved;
}

static void catch(int sig, void (*handler)(int))
{
	struct sigaction old, new = { .sa_handler = handler };
	sigfillset(&new.sa_mask);
	new.sa_flags = SA_RESTART;
	/* What someone ignores or handles is theirs. */
	if (!sigaction(sig, NULL, &old) && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
		sigaction(sig, &new, NULL);
}

void serial_terminal_guard(void)
{
	static const int deadly[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP, SIGALRM, SIGVTALRM,
		SIGPROF, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ,
	};
	atexit(serial_terminal_restore);
	for (unsigned i = 0; i < ARRAY_SIZE(deadly); i++)
		catch(deadly[i], on_death);
	catch(SIGTSTP, on_stop);
}
