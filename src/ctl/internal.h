/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the control socket's server. All is its thread's own unless it says otherwise. */
#pragma once
#include "src/ctl/ctl.h"
#include "src/ctl/request.h"
#include "src/json.h"
#include "src/unix_socket.h"

#define CTL_CLIENTS 16
#define CTL_QUEUE ((size_t)1 << 20)	/* bytes waiting for a client: more, and it gets no events and its requests wait */

/* ---- client.c: one who is connected ---- */

struct ctl_client {
	int fd;			/* -1: the place is free */
	char *in, *out;
	size_t n_in, n_out, room_out;
	bool skipping;		/* a line that was too long, up to its end */
	bool ended;		/* sends nothing more */
	bool hung_up;		/* and takes nothing more */
	bool broken;		/* no memory for what it waits for: it goes */
	bool subscribed;
	bool pending;		/* a reply is to come later */
	uint64_t missed;	/* events that there was no room for */
	struct names *names;	/* NULL: not asked for yet */
};
/* Takes the descriptor, and hangs up where there is no memory. */
void client_open(struct ctl_client *c, int fd);
void client_close(struct ctl_client *c);
/* Reads what is there. */
void client_receive(struct ctl_client *c);
/* Sends what can be sent at once. */
void client_flush(struct ctl_client *c);
/* Queues whole lines. */
void client_put(struct ctl_client *c, const char *text, size_t size);
void client_put_event(struct ctl_client *c, const char *text, size_t size);
/* Answers the next line that has been received. False: there is none, or too much waits to be sent. */
bool client_serve(struct ctl *ctl, struct ctl_client *c);

/* ---- replies ---- */

struct ctl_reply { char *text; size_t size; FILE *f; struct json json; };
/* Begins {"id": …, "MEMBER": { …; the rest is written to r->json. False: out of memory. */
MUST_CHECK bool reply_begin(struct ctl_reply *r, const char *id, const char *member);
/* Ends it and queues it, unless it is not wanted. */
void reply_end(struct ctl_reply *r, struct ctl_client *c, bool wanted);
void reply_error(struct ctl_client *c, const char *id, const struct error *err);

/* ---- ctl.c ---- */

struct ctl_profile;
struct ctl {
	struct vm *vm;
	struct ctl_config config;
	struct unix_listener listener;
	int wake_fd;		/* eventfd: an event, or the end */
	pthread_t thread;
	_Atomic bool quit;
	struct ctl_client client[CTL_CLIENTS];
	struct ctl_profile *profile;	/* under way, or NULL */
	pthread_mutex_t lock;	/* of the events that other threads have made */
	char *events;
	size_t n_events;
};

struct ctl_call {
	struct ctl *ctl;
	struct ctl_client *client;
	const struct ctl_request *request;
	struct json *json;	/* the reply, open */
	bool later;		/* it comes later, by request->id */
};

/* The vCPU that the argument "vcpu" names, the first if it names none; NULL: err. */
struct vcpu *ctl_vcpu(const struct ctl_call *call, struct error *err);
/* The client's table of names, made when it is first asked for. NULL: out of memory. */
struct names *ctl_names(struct ctl_call *call);

/* ---- events.c ---- */

/* Sends an event without further members to all who have subscribed. */
void ctl_event(struct ctl *ctl, const char *name);
/* The guest's end, as an observer of the machine: on whichever thread has brought it about. */
void ctl_on_end(void *ctl, const struct guest_exit *e);
/* Sends what other threads have left. */
void ctl_take_events(struct ctl *ctl);

/* ---- the commands ---- control.c */
bool ctl_is_free(const struct ctl *ctl);	/* no debugger starts and stops the guest */
bool ctl_help(struct ctl_call *call, struct error *err);
bool ctl_status(struct ctl_call *call, struct error *err);
bool ctl_pause(struct ctl_call *call, struct error *err);
bool ctl_cont(struct ctl_call *call, struct error *err);
bool ctl_reset(struct ctl_call *call, struct error *err);
bool ctl_powerdown(struct ctl_call *call, struct error *err);
bool ctl_has_power_button(const struct ctl *ctl);
bool ctl_quit(struct ctl_call *call, struct error *err);
bool ctl_subscribe(struct ctl_call *call, struct error *err);
/* stats.c */
bool ctl_stats(struct ctl_call *call, struct error *err);
/* inspect.c */
bool ctl_regs(struct ctl_call *call, struct error *err);
bool ctl_mem(struct ctl_call *call, struct error *err);
bool ctl_translate(struct ctl_call *call, struct error *err);
bool ctl_symbol(struct ctl_call *call, struct error *err);
/* profile.c */
bool ctl_take_profile(struct ctl_call *call, struct error *err);
bool ctl_end_profile(struct ctl_call *call, struct error *err);
/* Host time at which a profile under way is over; UINT64_MAX: none is, or it has no end. */
uint64_t ctl_profile_due(const struct ctl *ctl);
/* Ends it and replies. */
void ctl_profile_finish(struct ctl *ctl);
/* The client is leaving. */
void ctl_profile_forget(struct ctl *ctl, const struct ctl_client *c);
