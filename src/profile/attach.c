// SPDX-License-Identifier: Apache-2.0
#include "src/profile/attach.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "src/ctl/link.h"
#include "src/lift/hex.h"

static const char *const outs[] = { [PROFILE_HUMAN] = "human", [PROFILE_JSON] = "json", [PROFILE_FOLDED] = "folded", [PROFILE_PPROF] = "pprof" };

/* The guest's process has a working directory of its own. */
static struct json_object *absolute(const char *spec)
{
	char *here = *spec == '/' ? NULL : getcwd(NULL, 0), *path = NULL;
	struct json_object *o = NULL;
	if (asprintf(&path, "%s%s%s", here ? here : "", here ? "/" : "", spec) >= 0)
		o = json_object_new_string(path);
	free(path);
	free(here);
	return o;
}

static struct json_object *make_request(const struct attach *a)
{
	struct json_object *q = ctl_new_request("profile"), *symbols = json_object_new_array();
	for (unsigned i = 0; i < a->n_symbols; i++)
		json_object_array_add(symbols, absolute(a->symbols[i]));
	json_object_object_add(q, "symbols", symbols);
	if (a->for_ns != UINT64_MAX)
		json_object_object_add(q, "for", json_object_new_uint64(a->for_ns < 1000000 ? 1 : a->for_ns / 1000000));
	json_object_object_add(q, "rate", json_object_new_uint64(a->rate));
	json_object_object_add(q, "exact", json_object_new_boolean(a->exact));
	json_object_object_add(q, "out", json_object_new_string(outs[a->form->out]));
	json_object_object_add(q, "total", json_object_new_boolean(a->form->by_total));
	if (a->form->top != PROFILE_TOP_USUAL)
		json_object_object_add(q, "top", json_object_new_uint64(a->form->top));
	if (a->form->place)
		json_object_object_add(q, "annotate", json_object_new_string(a->form->place));
	json_object_object_add(q, "flamegraph", json_object_new_boolean(a->flamegraph));
	return q;
}

/* Until the reply comes; on a signal it is asked for. */
static bool wait_for_end(struct ctl_link *l, int signal_fd, struct error *err)
{
	struct pollfd p[2] = { { .fd = ctl_link_fd(l), .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
	while (!p[0].revents) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return error_set(err, ERROR_HOST, "poll: %s", strerror(errno));
		if (p[1].revents) {
			struct signalfd_siginfo taken;	/* or it would come when it is let through again */
			(void)!read(signal_fd, &taken, sizeof taken);
			if (!ctl_send(l, ctl_new_request("profile-end"), err))
				return false;
			p[1].fd = -1;	/* once is enough */
		}
	}
	return true;
}

static bool take_report(struct json_object *reply, const struct attach *a, struct attached *result, struct error *err)
{
	const char *text = ctl_text(reply, "text"), *hex = ctl_text(reply, "hex"), *svg = ctl_text(reply, "flamegraph");
	if (hex && !parse_hex(hex, &result->report, &result->size, err))
		return error_prefix(err, "the guest's report");
	if (!hex) {
		result->report = (uint8_t *)strdup(text ? text : "");
		result->size = text ? strlen(text) : 0;
	}
	result->svg = svg ? strdup(svg) : NULL;
	return (result->report && (!svg || result->svg)) || error_set(err, ERROR_HOST, "out of memory");
}

static bool take(struct ctl_link *l, const struct attach *a, int signal_fd, struct attached *result, struct error *err)
{
	if (!ctl_send(l, make_request(a), err) || !wait_for_end(l, signal_fd, err))
		return false;
	struct json_object *reply = ctl_wait_reply(l, err);
	bool good = reply && take_report(reply, a, result, err);
	json_object_put(reply);
	return good;
}

bool profile_attach(const struct attach *a, struct attached *result, struct error *err)
{
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	*result = (struct attached){ 0 };
	struct ctl_link *l = ctl_connect(a->path, err);
	if (!l)
		return error_prefix(err, "--vm");
	sigprocmask(SIG_BLOCK, &set, &before);
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	bool good = signal_fd >= 0 ? take(l, a, signal_fd, result, err) : error_set(err, ERROR_HOST, "signalfd: %s", strerror(errno));
	if (signal_fd >= 0)
		close(signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	ctl_disconnect(l);
	if (!good) {
		free(result->report);
		free(result->svg);
	}
	return good;
}
