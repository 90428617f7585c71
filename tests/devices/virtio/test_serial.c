// SPDX-License-Identifier: Apache-2.0
/* Backends of serial ports: each with a front that takes as much as the test lets it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "src/serial/serial.h"
#include "tests/check_main.h"

static struct events *ev;
static struct chardev *c;
static char dir[64], path[96];

/* ---- the front ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned room;
	char text[200000];
	unsigned size;
} front = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, UINT32_MAX, "", 0 };

static unsigned can_receive(void *opaque)
{
	pthread_mutex_lock(&front.lock);
	/* never more than the buffer holds, however long a test lets a stream run */
	unsigned left = sizeof(front.text) - front.size, n = front.room < left ? front.room : left;
	pthread_mutex_unlock(&front.lock);
	return n;
}

static void receive(void *opaque, const uint8_t *bytes, unsigned n)
{
	pthread_mutex_lock(&front.lock);
	memcpy(front.text + front.size, bytes, n);
	front.size += n;
	if (front.room != UINT32_MAX)
		front.room -= n;
	pthread_cond_broadcast(&front.changed);
	pthread_mutex_unlock(&front.lock);
}

static void allow(unsigned room)
{
	pthread_mutex_lock(&front.lock);
	front.room = room;
	pthread_mutex_unlock(&front.lock);
	c->kick(c);
}

/* Waits until the front has that text; the test's limit is against hanging. */
static void expect(const char *text)
{
	unsigned n = strlen(text);
	pthread_mutex_lock(&front.lock);
	while (front.size < n)
		pthread_cond_wait(&front.changed, &front.lock);
	front.text[front.size] = 0;
	ck_assert_str_eq(front.text, text);
	pthread_mutex_unlock(&front.lock);
}

static void open_it(const char *spec)
{
	struct error err = { 0 };
	c = serial_open(spec, &err);
	ck_assert_msg(c != NULL, "%s", err.text);
	c->can_receive = can_receive;
	c->receive = receive;
	ev = events_create(&err);
	ck_assert_ptr_nonnull(ev);
}

static void start(void)
{
	struct error err = { 0 };
	ck_assert_msg(serial_start(c, ev, &err), "%s", err.text);
}

static void close_it(void)
{
	serial_stop(c);
	serial_destroy(c);
	events_destroy(ev);
}

static void put(const char *text)
{
	c->write(c, (const uint8_t *)text, strlen(text));
}

static void setup(void)
{
	strcpy(dir, "/tmp/calque-serial-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/it", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static void read_exactly(int fd, char *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = read(fd, to + done, n - done);
		ck_assert_msg(got > 0, "read: %s", got ? strerror(errno) : "end");
		done += got;
	}
	to[n] = 0;
}

/* ---- file ---- */

START_TEST(file_output)
{
	char spec[128], got[64] = "";
	snprintf(spec, sizeof(spec), "file:%s", path);
	open_it(spec);
	put("before the start, ");
	start();
	put("after it\n");
	close_it();
	int fd = open(path, O_RDONLY);
	read_exactly(fd, got, 27);
	ck_assert_int_eq(read(fd, got + 27, 1), 0);
	close(fd);
	ck_assert_str_eq(got, "before the start, after it\n");
}
END_TEST

START_TEST(bad_specs)
{
	static const struct { const char *spec, *part; } bad[] = {
		{ "", "give stdio" }, { "stdi", "give stdio" }, { "stdio:", "give stdio" }, { "file:", "give stdio" }, { "unix:", "give stdio" },
		{ "tcp:1234", "give stdio" }, { "file:/nonexistent/file", "No such file" }, { "file:/tmp", "directory" },
		{ "unix:/nonexistent/socket", "No such file" }, { "unix:/dev/null", "there is a file" },
		{ "unix:/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678", "longer" },
	};
	struct error err;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_ptr_null(serial_open(bad[i].spec, &err));
		ck_assert_msg(strstr(err.text, bad[i].part) != NULL, "'%s': '%s'", bad[i].spec, err.text);
		ck_assert_int_eq(err.code, ERROR_USAGE);
		ck_assert(!strchr(err.text, '\n'));
	}
	open_it("none");
	start();
	put("nowhere");
	close_it();
}
END_TEST

/* ---- Unix socket ---- */

static int client(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_msg(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "%s", strerror(errno));
	return fd;
}

static void open_unix(void)
{
	char spec[128];
	snprintf(spec, sizeof(spec), "unix:%s", path);
	open_it(spec);
	start();
}

/* The server greets nobody: wait until it has taken us by talking to it. */
static void greet(int fd, const char *text, const char *all)
{
	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	expect(all);
}

START_TEST(unix_clients)
{
	struct stat st;
	char got[64];
	open_unix();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	put("lost: nobody is there");
	int fd = client();
	greet(fd, "hello ", "hello ");
	put("guest says");
	read_exactly(fd, got, 10);
	ck_assert_str_eq(got, "guest says");
	/* one at a time: the second waits for the first to leave */
	int second = client();
	ck_assert_int_eq(send(second, "second", 6, 0), 6);
	greet(fd, "again ", "hello again ");
	close(fd);
	expect("hello again second");
	put("to the second");
	read_exactly(second, got, 13);
	ck_assert_str_eq(got, "to the second");
	/* a client that has said all still hears the answer */
	shutdown(second, SHUT_WR);
	usleep(20000);
	put("answer");
	read_exactly(second, got, 6);
	ck_assert_str_eq(got, "answer");
	close(second);
	fd = client();
	greet(fd, "third", "hello again secondthird");
	close_it();
	ck_assert_int_eq(recv(fd, got, 1, 0), 0);
	close(fd);
	ck_assert_int_eq(stat(path, &st), -1);	/* removed */
}
END_TEST

START_TEST(unix_names)
{
	char spec[128];
	struct error err;
	snprintf(spec, sizeof(spec), "unix:%s", path);
	open_unix();
	ck_assert_ptr_null(serial_open(spec, &err));
	ck_assert(strstr(err.text, "in use"));
	close_it();
	/* left behind by a program that died */
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	open_unix();
	fd = client();
	greet(fd, "x", "x");
	close(fd);
	close_it();
}
END_TEST

START_TEST(input_waits_for_the_front)
{
	static char all[150001];
	for (unsigned i = 0; i < 150000; i++)
		all[i] = 'a' + i * 7 % 26;
	open_unix();
	allow(0);
	int fd = client();
	pid_t writer = fork();
	if (!writer) {
		for (size_t done = 0; done < 150000;) {
			ssize_t n = send(fd, all + done, 150000 - done, 0);
			if (n <= 0)
				_exit(1);
			done += n;
		}
		_exit(0);
	}
	usleep(20000);
	ck_assert_uint_eq(front.size, 0);
	for (unsigned total = 0, step = 1; total < 150000; step = step * 5 % 4093 + 1) {
		allow(step);
		pthread_mutex_lock(&front.lock);
		total = total + step < 150000 ? total + step : 150000;
		while (front.size < total)
			pthread_cond_wait(&front.changed, &front.lock);
		ck_assert_uint_eq(front.size, total);
		pthread_mutex_unlock(&front.lock);
	}
	ck_assert(!memcmp(front.text, all, 150000));
	int status;
	waitpid(writer, &status, 0);
	ck_assert_int_eq(status, 0);
	close(fd);
	close_it();
}
END_TEST

/* A client that does not read: what fits is kept, then the caller is held up once, shortly, and goes on. */
START_TEST(output_that_nobody_takes)
{
	static char block[10000];
	memset(block, 'x', sizeof(block) - 1);
	open_unix();
	int fd = client();
	greet(fd, "x", "x");
	for (unsigned i = 0; i < 1000; i++)
		put(block);
	/* When it reads again it gets what was kept, and then what comes. */
	size_t total = 0;
	char got[65536];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (poll(&p, 1, 200) > 0) {
		ssize_t n = read(fd, got, sizeof(got));
		ck_assert_int_gt(n, 0);
		total += n;
	}
	ck_assert_uint_ge(total, 65536);
	ck_assert_uint_lt(total, 9999000);
	put("and on");
	read_exactly(fd, got, 6);
	ck_assert_str_eq(got, "and on");
	close(fd);
	close_it();
}
END_TEST

START_TEST(output_is_kept_for_a_slow_reader)
{
	static char all[60001], got[60001];
	for (unsigned i = 0; i < 60000; i++)
		all[i] = '!' + i * 11 % 90;
	open_unix();
	int fd = client(), small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	greet(fd, "x", "x");
	put(all);
	for (unsigned done = 0; done < 60000; done += 1000) {
		usleep(300);
		read_exactly(fd, got + done, 1000);
	}
	ck_assert(!memcmp(all, got, 60000));
	close(fd);
	close_it();
}
END_TEST

/* ---- pseudo terminal ---- */

START_TEST(pty)
{
	char name[128] = "", got[64];
	int saved = dup(2), pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	dup2(pipes[1], 2);
	open_it("pty");
	dup2(saved, 2);
	ssize_t n = read(pipes[0], name, sizeof(name) - 1);
	ck_assert_int_gt(n, 0);
	char *at = strstr(name, "/dev/pts/");
	ck_assert_msg(at != NULL, "'%s'", name);
	*strchr(at, '\n') = 0;
	start();
	int fd = open(at, O_RDWR | O_NOCTTY);
	ck_assert_int_ge(fd, 0);
	put("login: ");
	read_exactly(fd, got, 7);
	ck_assert_str_eq(got, "login: ");
	ck_assert_int_eq(write(fd, "root\r\1x", 7), 7);
	expect("root\r\1x");	/* every byte, no echo */
	close(fd);
	put("kept");		/* closing and opening again is no end */
	fd = open(at, O_RDWR | O_NOCTTY);
	read_exactly(fd, got, 4);
	ck_assert_int_eq(write(fd, "!", 1), 1);
	expect("root\r\1x!");
	close(fd);
	close_it();
}
END_TEST

/* ---- standard input and output ---- */

/* Runs fn in a child whose standard input and output are the given descriptors. */
static pid_t with_stdio(int in, int out, void (*fn)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		if (isatty(in)) {
			setsid();
			ioctl(in, TIOCSCTTY, 0);
		}
		/* not Check's handlers */
		for (int sig = 1; sig < 32; sig++)
			signal(sig, SIG_DFL);
		dup2(in, 0);
		dup2(out, 1);
		for (int i = 3; i < 100; i++)
			close(i);
		alarm(60);
		fn();
		_exit(99);
	}
	return pid;
}

static int ended(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* In the child, Check's own reporting is of no use: it ends with a status instead. */
static void child_open(void)
{
	struct error err;
	serial_terminal_guard();
	c = serial_open("stdio", &err);
	ev = events_create(&err);
	if (!c || !ev)
		_exit(90);
	c->can_receive = can_receive;
	c->receive = receive;
	if (!serial_start(c, ev, &err))
		_exit(91);
}

static void wait_for(unsigned n)
{
	pthread_mutex_lock(&front.lock);
	while (front.size < n)
		pthread_cond_wait(&front.changed, &front.lock);
	pthread_mutex_unlock(&front.lock);
}

static void pipe_child(void)
{
	child_open();
	put("ready\n");
	wait_for(7);
	bool same = !memcmp(front.text, "a\1xb\1hc", 7);	/* no escape key in a pipe */
	usleep(50000);						/* its end is behind us: nothing happens */
	put(same ? "same\n" : "different\n");
	close_it();
	_exit(same && front.size == 7 ? 0 : 1);
}

START_TEST(stdio_pipes)
{
	int in[2], out[2];
	char got[32];
	ck_assert(!pipe(in) && !pipe(out));
	pid_t pid = with_stdio(in[0], out[1], pipe_child);
	close(in[0]);
	close(out[1]);
	read_exactly(out[0], got, 6);
	ck_assert_int_eq(write(in[1], "a\1xb\1hc", 7), 7);
	close(in[1]);
	read_exactly(out[0], got, 5);
	ck_assert_str_eq(got, "same\n");
	ck_assert_int_eq(ended(pid), 0);
}
END_TEST

START_TEST(stdio_from_a_file)
{
	int out[2], fd = open(path, O_RDWR | O_CREAT, 0600);
	char got[32];
	ck_assert_int_eq(write(fd, "a\1xb\1hc", 7), 7);
	lseek(fd, 0, SEEK_SET);
	ck_assert(!pipe(out));
	pid_t pid = with_stdio(fd, out[1], pipe_child);
	close(out[1]);
	read_exactly(out[0], got, 11);
	ck_assert_str_eq(got, "ready\nsame\n");
	ck_assert_int_eq(ended(pid), 0);
	close(fd);
}
END_TEST

static void closed_child(void)
{
	close(0);
	close(1);
	child_open();
	put("nowhere");
	close_it();
	_exit(0);
}

START_TEST(stdio_closed)
{
	ck_assert_int_eq(ended(with_stdio(0, 1, closed_child)), 0);
}
END_TEST

static void reader_gone_child(void)
{
	child_open();
	for (unsigned i = 0; i < 100; i++)
		put("nobody reads this\n");
	close_it();
	_exit(0);
}

START_TEST(stdio_reader_gone)
{
	int out[2];
	ck_assert(!pipe(out));
	close(out[0]);
	int null = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(ended(with_stdio(null, out[1], reader_gone_child)), 0);
}
END_TEST

/* A terminal: master side with the test */
static int terminal(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];
	ck_assert(master >= 0 && !grantpt(master) && !unlockpt(master) && !ptsname_r(master, name, sizeof(name)));
	*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(*slave, 0);
	return master;
}

static bool raw_mode(int fd)
{
	struct termios t;
	ck_assert_int_eq(tcgetattr(fd, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static bool left;
static void leave(void *opaque)
{
	pthread_mutex_lock(&front.lock);
	left = true;
	pthread_cond_broadcast(&front.changed);
	pthread_mutex_unlock(&front.lock);
}

static void terminal_child(void)
{
	front.room = 0;		/* the guest does not read: the escape key works all the same */
	child_open();
	serial_on_leave(c, leave, NULL);
	put("ready");
	pthread_mutex_lock(&front.lock);
	while (!left)
		pthread_cond_wait(&front.changed, &front.lock);
	pthread_mutex_unlock(&front.lock);
	allow(UINT32_MAX);
	wait_for(7);
	serial_stop(c);
	bool same = front.size == 7 && !memcmp(front.text, "ab\3\1\1c\r", 7);
	close_it();
	_exit(same ? 0 : 1);
}

START_TEST(stdio_terminal)
{
	int slave, master = terminal(&slave);
	char got[512];
	pid_t pid = with_stdio(slave, slave, terminal_child);
	read_exactly(master, got, 5);
	ck_assert(raw_mode(slave));
	/* Ctrl-C reaches the guest; Ctrl-A twice and Ctrl-A a are one Ctrl-A; Ctrl-A z nothing; Ctrl-A x leaves */
	ck_assert_int_eq(write(master, "ab\3\1\1\1ac\1z\1h\r\1x", 15), 15);
	ck_assert_int_eq(ended(pid), 0);
	ck_assert(!raw_mode(slave));
	ssize_t n = read(master, got, sizeof(got) - 1);
	ck_assert_int_gt(n, 0);
	got[n] = 0;
	ck_assert_msg(strstr(got, "Ctrl-A x") != NULL, "no help: '%s'", got);
	close(slave);
	close(master);
}
END_TEST

static void ending_child(void)
{
	child_open();
	put("ready");
	wait_for(1);
	volatile uintptr_t nowhere = 8;
	switch (front.text[0]) {
	case 'e':
		exit(7);
	case 'a':
		abort();
	case 's':
		*(volatile int *)nowhere = 1;
	}
	for (;;)
		pause();
}

START_TEST(terminal_is_restored_on_every_way_out)
{
	static const struct { char key; int signal, status; } ways[] = {
		{ 'e', 0, 7 << 8 }, { 'a', 0, SIGABRT }, { 's', 0, SIGSEGV }, { 'w', SIGTERM, SIGTERM }, { 'w', SIGINT, SIGINT },
		{ 'w', SIGHUP, SIGHUP }, { 'w', SIGQUIT, SIGQUIT }, { 'w', SIGUSR1, SIGUSR1 },
	};
	int slave, master = terminal(&slave);
	char got[16];
	struct termios before, after;
	tcgetattr(slave, &before);
	pid_t pid = with_stdio(slave, slave, ending_child);
	read_exactly(master, got, 5);
	ck_assert(raw_mode(slave));
	ck_assert_int_eq(write(master, &ways[_i].key, 1), 1);
	if (ways[_i].signal) {
		usleep(20000);
		kill(pid, ways[_i].signal);
	}
	ck_assert_int_eq(ended(pid) & ~0x80, ways[_i].status);	/* but for "core dumped" */
	tcgetattr(slave, &after);
	ck_assert_uint_eq(before.c_lflag, after.c_lflag);
	ck_assert_uint_eq(before.c_iflag, after.c_iflag);
	ck_assert_uint_eq(before.c_cflag, after.c_cflag);
	close(slave);
	close(master);
}
END_TEST

/* Stands between the test and the program as a shell with job control does: the program is a foreground job of its own. */
static void shell_child(void)
{
	int status;
	signal(SIGTTOU, SIG_IGN);
	pid_t job = fork();
	if (!job) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		ending_child();
	}
	setpgid(job, job);
	while (!raw_mode(0))
		usleep(1000);
	kill(job, SIGTSTP);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status))
		_exit(1);
	if (raw_mode(0))
		_exit(2);
	/* fg */
	kill(job, SIGCONT);
	for (unsigned i = 0; !raw_mode(0); i++) {
		usleep(1000);
		if (i == 20000)
			_exit(3);
	}
	/* once more, but it goes on in the background: the terminal is left alone */
	kill(job, SIGTSTP);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || raw_mode(0))
		_exit(4);
	tcsetpgrp(0, getpgrp());
	kill(job, SIGCONT);
	usleep(50000);
	if (raw_mode(0))
		_exit(5);
	tcsetpgrp(0, job);
	kill(job, SIGTERM);
	_exit(waitpid(job, &status, 0) == job && status == SIGTERM && !raw_mode(0) ? 0 : 6);
}

START_TEST(terminal_while_stopped)
{
	int slave, master = terminal(&slave);
	ck_assert_int_eq(ended(with_stdio(slave, slave, shell_child)), 0);
	close(slave);
	close(master);
}
END_TEST

/* ---- memory ---- */

static void mem_output(void *opaque, const uint8_t *bytes, unsigned n)
{
	strncat(opaque, (const char *)bytes, n);
}

START_TEST(memory)
{
	struct error err = { 0 };
	char out[64] = "";
	c = serial_mem(mem_output, out, &err);
	ck_assert_ptr_nonnull(c);
	put("boot");
	ck_assert_str_eq(out, "boot");
	ck_assert_uint_eq(serial_mem_input(c, "early ", 6), 6);
	c->can_receive = can_receive;
	c->receive = receive;
	ev = events_create(&err);
	start();
	ck_assert_uint_eq(serial_mem_input(c, "late", 4), 4);
	expect("early late");
	allow(0);
	static char block[8192];
	memset(block, 'y', sizeof(block));
	unsigned n = serial_mem_input(c, block, sizeof(block));
	ck_assert_uint_ge(n, 1024);
	ck_assert_uint_lt(n, sizeof(block));	/* bounded */
	ck_assert_uint_eq(serial_mem_input(c, "z", 1), 0);
	close_it();
}
END_TEST

/* Stopping while input streams in: nothing is called afterwards. */
START_TEST(stop_in_mid_stream)
{
	for (unsigned i = 0; i < 100; i++) {
		front.size = 0;
		open_unix();
		int fd = client();
		pid_t writer = fork();
		if (!writer) {
			signal(SIGPIPE, SIG_IGN);
			while (write(fd, "some more input", 15) > 0)
				;
			_exit(0);
		}
		close(fd);
		pthread_mutex_lock(&front.lock);
		while (!front.size)
			pthread_cond_wait(&front.changed, &front.lock);
		pthread_mutex_unlock(&front.lock);
		/* keep the front's buffer from running over */
		allow(1000);
		serial_stop(c);
		pthread_mutex_lock(&front.lock);
		unsigned size = front.size;
		front.room = UINT32_MAX;
		pthread_mutex_unlock(&front.lock);
		usleep(200);
		ck_assert_uint_eq(front.size, size);
		serial_destroy(c);
		events_destroy(ev);
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serial");
	TCase *t = tcase_create("serial");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, file_output);
	tcase_add_test(t, bad_specs);
	tcase_add_test(t, unix_clients);
	tcase_add_test(t, unix_names);
	tcase_add_test(t, input_waits_for_the_front);
	tcase_add_test(t, output_that_nobody_takes);
	tcase_add_test(t, output_is_kept_for_a_slow_reader);
	tcase_add_test(t, pty);
	tcase_add_test(t, stdio_pipes);
	tcase_add_test(t, stdio_from_a_file);
	tcase_add_test(t, stdio_closed);
	tcase_add_test(t, stdio_reader_gone);
	tcase_add_test(t, stdio_terminal);
	tcase_add_loop_test(t, terminal_is_restored_on_every_way_out, 0, 8);
	tcase_add_test(t, terminal_while_stopped);
	tcase_add_test(t, memory);
	tcase_add_test(t, stop_in_mid_stream);
	suite_add_tcase(s, t);
	return run_suites("serial", 1, &s);
}
