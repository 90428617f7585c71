/* SPDX-License-Identifier: Apache-2.0 */
/* "tcp:127.0.0.1:2222-10.0.2.15:22": a port of the host's that leads to one of the guest's. */
#pragma once
#include <netinet/in.h>
#include "runtime/error.h"
#include "runtime/util.h"

struct hostfwd {
	bool udp, v6;
	uint16_t host_port, guest_port;
	struct in_addr host, guest;	/* left out: 127.0.0.1 for the host, the first DHCP address for the guest */
	struct in6_addr host6, guest6;	/* IPv6 addresses are written in brackets; both sides or none */
};

/* err names the part that is wrong. */
MUST_CHECK bool hostfwd_parse(const char *text, struct hostfwd *f, struct error *err);
