// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/hostfwd.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Cuts "ADDRESS:PORT" (address maybe empty, or in brackets) up to `end`. */
static bool endpoint(const char *text, const char *at, size_t n, const char *side, char address[64], bool *v6, uint16_t *port,
		     struct error *err)
{
	char buffer[96];
	if (n >= sizeof(buffer))
		return error_set(err, ERROR_USAGE, "hostfwd %s: the %s part is too long", text, side);
	memcpy(buffer, at, n);
	buffer[n] = 0;
	char *colon = strrchr(buffer, ':'), *end;
	if (!colon)
		return error_set(err, ERROR_USAGE, "hostfwd %s: the %s part lacks ':PORT'", text, side);
	*colon = 0;
	unsigned long value = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || !value || value > 65535)
		return error_set(err, ERROR_USAGE, "hostfwd %s: %s port '%s' is no number from 1 to 65535", text, side, colon + 1);
	*port = value;
	size_t length = strlen(buffer);
	*v6 = length > 2 && buffer[0] == '[' && buffer[length - 1] == ']';
	const char *from = buffer;
	if (*v6) {
		buffer[length - 1] = 0;
		from++;
	}
	if (strlen(from) >= 64)
		return error_set(err, ERROR_USAGE, "hostfwd %s: bad %s address '%s'", text, side, from);
	strcpy(address, from);
	return true;
}

/* An address of one side; empty: the default. */
static bool parse_address(const char *text, const char *side, const char *address, bool v6, struct in_addr *a4, struct in6_addr *a6,
			  struct error *err)
{
	if (!*address && !v6)
		return true;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)a6 : (void *)a4) == 1)
		return true;
	return error_set(err, ERROR_USAGE, "hostfwd %s: %s address '%s' is no %s", text, side, address,
			 v6 ? "IPv6 address" : "IPv4 address (numbers only; IPv6 in brackets)");
}

bool hostfwd_parse(const char *text, struct hostfwd *f, struct error *err)
{
	*f = (struct hostfwd){ 0 };
	f->host.s_addr = htonl(INADDR_LOOPBACK);
	f->guest.s_addr = htonl(0x0a00020f);	/* 10.0.2.15 */
	const char *at = text;
	if (!strncmp(text, "tcp:", 4)) {
		at += 4;
	} else if (!strncmp(text, "udp:", 4)) {
		f->udp = true;
		at += 4;
	} else if (*text == ':') {
		at += 1;
	} else {
		return error_set(err, ERROR_USAGE, "hostfwd %s: begin with tcp: or udp:, as in tcp:127.0.0.1:2222-:22", text);
	}
	/* The dash stands after the host's port: behind a bracket, if there is one. */
	const char *bracket = *at == '[' ? strchr(at, ']') : at, *dash = bracket ? strchr(bracket, '-') : NULL;
	if (!dash)
		return error_set(err, ERROR_USAGE, "hostfwd %s: write it as PROTOCOL:[HOSTADDRESS]:PORT-[GUESTADDRESS]:PORT", text);
	char host[64], guest[64];
	bool host_v6, guest_v6;
	if (!endpoint(text, at, dash - at, "host", host, &host_v6, &f->host_port, err) ||
	    !endpoint(text, dash + 1, strlen(dash + 1), "guest", guest, &guest_v6, &f->guest_port, err))
		return false;
	if (host_v6 != guest_v6)
		return error_set(err, ERROR_USAGE, "hostfwd %s: give both addresses as IPv6 in brackets, or neither", text);
	f->v6 = host_v6;
	return parse_address(text, "host", host, host_v6, &f->host, &f->host6, err) &&
	       parse_address(text, "guest", guest, guest_v6, &f->guest, &f->guest6, err);
}
