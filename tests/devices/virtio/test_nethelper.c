// SPDX-License-Identifier: Apache-2.0
/* The real calque-net: a guest that leases an address, pings, fetches from the host and is reached from it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "devices/virtio/hostfwd.h"
#include "tests/check_main.h"
#include "tests/devices/virtio/guest_stack.h"

#define PATIENCE 20000	/* ms: a limit against hanging, no measure */

static struct events *ev;
static struct guest g;

static struct netbackend *helper(struct net_config *c)
{
	struct error err = { 0 };
	struct netbackend *b = nethelper_new(c, &err);
	ck_assert_msg(b != NULL, "%s", err.text);
	return b;
}

static void start(struct net_config *c)
{
	struct error err = { 0 };
	ev = events_create(&err);
	ck_assert_ptr_nonnull(ev);
	guest_start(&g, helper(c), ev);
}

static void stop(void)
{
	g.b->ops->destroy(g.b);
	events_destroy(ev);
}

static void find_gateway(void)
{
	uint8_t frame[2048];
	arp(&g, 1, NULL, HOST_IP);
	for (;;) {
		size_t n = guest_take(&g, frame, PATIENCE);
		ck_assert_msg(n > 0, "no answer to ARP");
		if (get16(frame + 12) == 0x0806 && get16(frame + 20) == 2 && get32(frame + 28) == HOST_IP)
			break;
	}
	memcpy(g.gateway, frame + 22, 6);
}

/* A listening socket on the host's loopback; its port in *port. */
static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&a, n) && !listen(fd, 4) && !getsockname(fd, (struct sockaddr *)&a, &n));
	*port = ntohs(a.sin_port);
	return fd;
}

static uint16_t free_port(void)
{
	uint16_t port;
	close(listener(&port));
	return port;
}

/* Processes that this one started and that still run */
static pid_t child(void)
{
	char name[64], text[256] = "";
	snprintf(name, sizeof(name), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(name, "r");
	ck_assert_ptr_nonnull(f);
	pid_t pid = fgets(text, sizeof(text), f) ? strtol(text, NULL, 10) : 0;
	fclose(f);
	return pid;
}

/* ---- the network ---- */

START_TEST(leases_an_address)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	start(&(struct net_config){ 0 });
	uint8_t *udp = g.out + 34, *d = udp + 8, frame[2048];
	memset(udp, 0, 320);
	put16(udp, 68);
	put16(udp + 2, 67);
	put16(udp + 4, 8 + 300);
	d[0] = 1, d[1] = 1, d[2] = 6;	/* BOOTREQUEST over Ethernet */
	put32(d + 4, 0x11223344);
	memcpy(d + 28, g.mac, 6);
	put32(d + 236, 0x63825363);	/* the options' magic */
	memcpy(d + 240, "\x35\x01\x01\xff", 4);	/* DISCOVER */
	ip_send(&g, 17, 0, 0xffffffff, all, 308);
	size_t n;
	const uint8_t *p = ip_take(&g, frame, 17, &n, PATIENCE);
	ck_assert_ptr_nonnull(p);
	d = (uint8_t *)p + 8;
	ck_assert_uint_eq(get16(p + 2), 68);
	ck_assert_uint_eq(get32(d + 4), 0x11223344);
	ck_assert_uint_eq(get32(d + 16), GUEST_IP);	/* yiaddr */
	uint32_t router = 0, names = 0, kind = 0;
	for (const uint8_t *o = d + 240; *o != 255 && o < p + n; o += 2 + o[1]) {
		router = *o == 3 ? get32(o + 2) : router;
		names = *o == 6 ? get32(o + 2) : names;
		kind = *o == 53 ? o[2] : kind;
	}
	ck_assert_uint_eq(kind, 2);		/* OFFER */
	ck_assert_uint_eq(router, 0x0a000202);
	ck_assert_uint_eq(names, 0x0a000203);
	stop();
}
END_TEST

START_TEST(pings_the_gateway)
{
	start(&(struct net_config){ 0 });
	find_gateway();
	uint8_t *p = g.out + 34, frame[2048];
	size_t n;
	memset(p, 0, 64);
	p[0] = 8;
	put32(p + 4, 0x12340001);
	memcpy(p + 8, "are you there?", 14);
	put16(p + 2, fold(sum16(0, p, 64)));
	ip_send(&g, 1, GUEST_IP, HOST_IP, g.gateway, 64);
	const uint8_t *answer = ip_take(&g, frame, 1, &n, PATIENCE);
	ck_assert_ptr_nonnull(answer);
	ck_assert_uint_eq(answer[0], 0);
	ck_assert_uint_eq(get32(answer + 4), 0x12340001);
	ck_assert_mem_eq(answer + 8, "are you there?", 14);
	stop();
}
END_TEST

#define FETCH 1000000u

static void *serve(void *opaque)
{
	int fd = accept(*(int *)opaque, NULL, NULL);
	static uint8_t all[FETCH];
	char request[64] = "";
	for (unsigned i = 0; i < FETCH; i++)
		all[i] = i * 2654435761u >> 24;
	if (recv(fd, request, sizeof(request) - 1, 0) == 5 && !strcmp(request, "GET /"))
		for (size_t done = 0; done < FETCH;) {
			ssize_t n = send(fd, all + done, FETCH - done, MSG_NOSIGNAL);
			if (n <= 0)
				break;
			done += n;
		}
	close(fd);
	return NULL;
}

static void tcp_connect(struct tcp *t, uint16_t port)
{
	*t = (struct tcp){ .own = 40000, .peer = port, .peer_ip = HOST_IP, .seq = 1000 };
	tcp_send(&g, t, SYN, NULL, 0);
}

START_TEST(fetches_from_the_host)
{
	uint16_t port;
	int fd = listener(&port);
	pthread_t server;
	struct tcp t;
	uint8_t bytes[2048];
	pthread_create(&server, NULL, serve, &fd);
	start(&(struct net_config){ 0 });
	find_gateway();
	tcp_connect(&t, port);
	ck_assert_int_eq(tcp_take(&g, &t, bytes, PATIENCE), 0);
	tcp_send(&g, &t, ACK, NULL, 0);
	tcp_send(&g, &t, ACK | PSH, "GET /", 5);
	uint32_t done = 0;
	bool good = true;
	while (!t.fin) {
		int n = tcp_take(&g, &t, bytes, PATIENCE);
		ck_assert_msg(n >= 0, "connection stopped after %u bytes: %d", done, n);
		for (int i = 0; i < n; i++, done++)
			good &= bytes[i] == (uint8_t)(done * 2654435761u >> 24);
	}
	ck_assert_uint_eq(done, FETCH);
	ck_assert(good);
	tcp_send(&g, &t, ACK | FIN, NULL, 0);
	pthread_join(server, NULL);
	close(fd);
	stop();
}
END_TEST

START_TEST(restricted_reaches_nothing)
{
	uint16_t port;
	int fd = listener(&port);
	struct tcp t;
	uint8_t bytes[2048];
	start(&(struct net_config){ .restrict_guest = true });
	find_gateway();
	tcp_connect(&t, port);
	ck_assert_int_lt(tcp_take(&g, &t, bytes, 500), 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	close(fd);
	stop();
}
END_TEST

START_TEST(reached_from_the_host)
{
	char spec[64], got[16] = "";
	uint16_t port = free_port();
	uint8_t bytes[2048];
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u-:22", port);
	start(&(struct net_config){ .hostfwd = { spec }, .n_hostfwd = 1, .restrict_guest = _i });
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	find_gateway();
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	struct tcp t = { .own = 22, .seq = 5000 };
	ck_assert_int_eq(tcp_take(&g, &t, bytes, PATIENCE), 0);
	tcp_send(&g, &t, SYN | ACK, NULL, 0);
	ck_assert_int_eq(send(fd, "ping", 4, 0), 4);
	ck_assert_int_eq(tcp_take(&g, &t, bytes, PATIENCE), 4);
	ck_assert_mem_eq(bytes, "ping", 4);
	tcp_send(&g, &t, ACK | PSH, "pong", 4);
	ck_assert_int_eq(recv(fd, got, sizeof(got), 0), 4);
	ck_assert_str_eq(got, "pong");
	close(fd);
	stop();
}
END_TEST

START_TEST(udp_from_the_host)
{
	char spec[64];
	uint16_t port = free_port();
	uint8_t frame[2048];
	snprintf(spec, sizeof(spec), "udp::%u-10.0.2.15:5000", port);
	start(&(struct net_config){ .hostfwd = { spec }, .n_hostfwd = 1 });
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	find_gateway();
	ck_assert_int_eq(sendto(fd, "datagram", 8, 0, (struct sockaddr *)&a, sizeof(a)), 8);
	size_t n;
	const uint8_t *p = ip_take(&g, frame, 17, &n, PATIENCE);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(get16(p + 2), 5000);
	ck_assert_mem_eq(p + 8, "datagram", 8);
	close(fd);
	stop();
}
END_TEST

/* Frames of any content and size: the helper must live, or at worst be noticed to be dead; here it lives. */
START_TEST(survives_garbage)
{
	start(&(struct net_config){ 0 });
	find_gateway();
	uint64_t seed = 31337;
	uint8_t frame[2048];
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = 14 + i * 37 % 1500;
		for (size_t k = 0; k < n; k++) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			g.out[k] = seed;
		}
		ethernet(&g, g.gateway, i % 3 == 0 ? 0x0800 : i % 3 == 1 ? 0x86dd : 0x0806);
		if (i % 3 == 0) {
			/* a sound header, so that more of it is looked at */
			uint8_t *p = g.out + 14;
			p[0] = 0x45;
			put16(p + 2, n - 14);
			put16(p + 6, i % 5 ? 0 : 0x2000);
			p[9] = (uint8_t[]){ 1, 6, 17, 2 }[i / 3 % 4];
			put32(p + 12, GUEST_IP);
			put32(p + 16, i & 1 ? HOST_IP : 0x0a000203);
			put16(p + 10, 0);
			put16(p + 10, fold(sum16(0, p, 20)));
		}
		if (n < 34)
			n = 34;
		guest_send(&g, n);
		while (guest_take(&g, frame, 0))
			;
	}
	ck_assert(!g.down);
	find_gateway();
	stop();
}
END_TEST

/* ---- the process ---- */

START_TEST(sandboxed)
{
	start(&(struct net_config){ 0 });
	char name[64], line[256];
	int no_new_privs = -1, seccomp = -1;
	snprintf(name, sizeof(name), "/proc/%d/status", (int)child());
	FILE *f = fopen(name, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "NoNewPrivs: %d", &no_new_privs);
		sscanf(line, "Seccomp: %d", &seccomp);
	}
	fclose(f);
	ck_assert_int_eq(no_new_privs, 1);
	ck_assert_int_eq(seccomp, HELPER_SECCOMP);
	stop();
	ck_assert_int_eq(child(), 0);	/* gone, and no zombie */
}
END_TEST

START_TEST(helper_dies)
{
	start(&(struct net_config){ 0 });
	pid_t pid = child();
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	uint8_t frame[2048];
	while (guest_take(&g, frame, PATIENCE))
		;
	ck_assert(g.down);
	/* sending into the void is no error */
	arp(&g, 1, NULL, HOST_IP);
	stop();
	ck_assert_int_eq(child(), 0);
}
END_TEST

/* The program that started it is killed: no helper stays behind. */
START_TEST(helper_follows_its_parent)
{
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t parent = fork();
	if (!parent) {
		struct error err;
		pid_t pid = nethelper_new(&(struct net_config){ 0 }, &err) ? child() : -1;
		if (write(pipes[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		pause();
	}
	pid_t pid = 0;
	ck_assert_int_eq(read(pipes[0], &pid, sizeof(pid)), sizeof(pid));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(kill(pid, 0), 0);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	/* It has another parent now, which reaps it sooner or later: a zombie counts as gone. */
	for (unsigned i = 0; i < PATIENCE / 10; i++) {
		char name[64], state = 'Z', text[512] = "";
		snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
		FILE *f = fopen(name, "r");
		if (f) {
			char *end = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
			state = end ? end[2] : 'Z';
			fclose(f);
		}
		if (state == 'Z')
			return;
		poll(NULL, 0, 10);
	}
	ck_abort_msg("calque-net %d still runs", (int)pid);
}
END_TEST

static void refuse(struct net_config *c, const char *part)
{
	struct error err = { 0 };
	ck_assert_ptr_null(nethelper_new(c, &err));
	ck_assert_msg(strstr(err.text, part) != NULL, "'%s' lacks '%s'", err.text, part);
	ck_assert(!strchr(err.text, '\n'));
	ck_assert_int_eq(child(), 0);
}

START_TEST(refusals)
{
	uint16_t port;
	char spec[64];
	int fd = listener(&port);
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u-:22", port);
	refuse(&(struct net_config){ .hostfwd = { spec }, .n_hostfwd = 1 }, "in use");
	close(fd);
	refuse(&(struct net_config){ .hostfwd = { (char *)"tcp:1.2.3.4:80-:80" }, .n_hostfwd = 1 }, "hostfwd tcp:1.2.3.4:80-:80");
	refuse(&(struct net_config){ .hostfwd = { (char *)"nonsense" }, .n_hostfwd = 1 }, "begin with tcp:");
	setenv("CALQUE_NET", "/nonexistent/calque-net", 1);
	refuse(&(struct net_config){ 0 }, "CALQUE_NET");
	setenv("CALQUE_NET", "/bin/true", 1);
	refuse(&(struct net_config){ 0 }, "ended at once");
}
END_TEST

START_TEST(not_found)
{
	unsetenv("CALQUE_NET");
	refuse(&(struct net_config){ 0 }, "libslirp");
}
END_TEST

/* ---- hostfwd specifications ---- */

START_TEST(hostfwd_forms)
{
	struct hostfwd f;
	struct error err;
	ck_assert(hostfwd_parse("tcp:127.0.0.1:2222-:22", &f, &err));
	ck_assert(!f.udp && !f.v6 && f.host_port == 2222 && f.guest_port == 22);
	ck_assert_uint_eq(ntohl(f.host.s_addr), 0x7f000001);
	ck_assert_uint_eq(ntohl(f.guest.s_addr), GUEST_IP);
	ck_assert(hostfwd_parse("udp:0.0.0.0:53-10.0.2.99:5353", &f, &err));
	ck_assert(f.udp && f.host_port == 53 && f.guest_port == 5353 && f.host.s_addr == 0);
	ck_assert_uint_eq(ntohl(f.guest.s_addr), 0x0a000263);
	ck_assert(hostfwd_parse("tcp::80-:8080", &f, &err) && ntohl(f.host.s_addr) == 0x7f000001);
	ck_assert(hostfwd_parse("::80-:8080", &f, &err) && !f.udp);
	ck_assert(hostfwd_parse("tcp:[::1]:80-[fec0::15]:8080", &f, &err));
	ck_assert(f.v6 && f.host6.s6_addr[15] == 1 && f.guest6.s6_addr[0] == 0xfe && f.guest6.s6_addr[15] == 0x15);
	static const char *const bad[] = {
		"", "tcp", "tcp:", "tcp:80", "tcp:80-80", "tcp::80", "tcp::80-", "tcp::80-80", "tcp::-:80", "tcp::0-:80", "tcp::80-:0",
		"tcp::65536-:80", "tcp::80-:99999999999", "tcp::-1-:80", "tcp::+1-:80", "tcp:: 1-:80", "tcp::8o-:80", "tcp:localhost:80-:80",
		"tcp:1.2.3:80-:80", "tcp:1.2.3.4.5:80-:80", "sctp::80-:80", "tcp:[::1]:80-:80", "tcp:[::1:80-:80", "tcp:[x]:80-[y]:80",
		"tcp::80-guest:80", "tcp:::80-:80",
		"tcp:0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000:80-:80",
	};
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_msg(!hostfwd_parse(bad[i], &f, &err), "'%s' was taken", bad[i]);
		ck_assert(strstr(err.text, "hostfwd") && err.code == ERROR_USAGE);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nethelper");
	TCase *t = tcase_create("nethelper");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, leases_an_address);
	tcase_add_test(t, pings_the_gateway);
	tcase_add_test(t, fetches_from_the_host);
	tcase_add_test(t, restricted_reaches_nothing);
	tcase_add_loop_test(t, reached_from_the_host, 0, 2);
	tcase_add_test(t, udp_from_the_host);
	tcase_add_test(t, survives_garbage);
	tcase_add_test(t, sandboxed);
	tcase_add_test(t, helper_dies);
	tcase_add_test(t, helper_follows_its_parent);
	tcase_add_test(t, refusals);
	tcase_add_test(t, not_found);
	tcase_add_test(t, hostfwd_forms);
	suite_add_tcase(s, t);
	return run_suites("virtio/nethelper", 1, &s);
}
