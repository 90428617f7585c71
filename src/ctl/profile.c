// SPDX-License-Identifier: Apache-2.0
/*
 * Commands: a profile of the running guest. It is taken and told here, where the samples are; what goes through the socket is the report. The guest
 * stands for a moment when it begins, and while the report is made.
 */
#include <stdlib.h>
#include <string.h>
#include "src/ctl/internal.h"
#include "src/profile/take.h"

struct text { char *text; size_t size; };

struct ctl_profile {
	struct ctl *ctl;
	struct ctl_client *client;	/* who has asked for it */
	char id[CTL_ID_BYTES + 3];
	uint64_t due;			/* host time; UINT64_MAX: when it is told to */
	unsigned rate;
	bool exact, flamegraph;
	struct profile_form form;
	char *place;
	struct names *names;
	struct taking *taking;		/* NULL: could not be started */
	struct error err;
	struct text report, svg;
	bool good;
};

static void free_profile(struct ctl_profile *p)
{
	p->ctl->profile = NULL;
	p->client->pending = false;
	names_free(p->names);
	free(p->place);
	free(p->report.text);
	free(p->svg.text);
	free(p);
}

/* ---- beginning ---- */

static bool take_form(struct ctl_profile *p, const struct ctl_request *q, struct error *err)
{
	const struct ctl_value *out = ctl_value(q, "out"), *top = ctl_value(q, "top"), *place = ctl_value(q, "annotate");
	p->form = (struct profile_form){ .top = PROFILE_TOP_USUAL, .by_total = ctl_value(q, "total")->number };
	if (out->given && !profile_out_parse(out->text, &p->form.out, err))
		return error_prefix(err, "out %.40s", out->text);
	if (p->form.out == PROFILE_PERF_MAP)
		return error_set(err, ERROR_USAGE, "out perf-map: " PROFILE_NO_PERF_MAP);
	if (top->given)
		p->form.top = top->number < UINT32_MAX ? (unsigned)top->number : 0;
	if (place->given && !(p->place = strdup(place->text)))
		return error_set(err, ERROR_HOST, "out of memory");
	p->form.place = p->place;
	p->flamegraph = ctl_value(q, "flamegraph")->number;
	return true;
}

static bool take_names(struct ctl_profile *p, const struct ctl_request *q, struct error *err)
{
	const struct ctl_value *files = ctl_value(q, "symbols");
	if (!(p->names = names_new()))
		return error_set(err, ERROR_HOST, "out of memory");
	for (size_t i = 0; i < files->n_texts; i++)
		if (!names_add_file(p->names, files->texts[i], err))
			return error_prefix(err, "symbols %.150s", files->texts[i]);
	names_add_image(p->names, p->ctl->vm->config.kernel);
	names_add_image(p->names, p->ctl->vm->config.firmware);
	return true;
}

static bool take_request(struct ctl_profile *p, const struct ctl_request *q, struct error *err)
{
	const struct ctl_value *rate = ctl_value(q, "rate"), *ms = ctl_value(q, "for");
	if (rate->given && (!rate->number || rate->number > PROFILE_RATE_MOST))
		return error_set(err, ERROR_USAGE, "rate: from 1 to %u samples a second", PROFILE_RATE_MOST);
	if (ms->given && (!ms->number || ms->number > 1000000000))
		return error_set(err, ERROR_USAGE, "for: from 1 to 1000000000 ms");
	memcpy(p->id, q->id, sizeof p->id);
	p->rate = rate->given ? (unsigned)rate->number : PROFILE_RATE;
	p->exact = ctl_value(q, "exact")->number;
	p->due = ms->given ? clock_host_now() + ms->number * 1000000 : UINT64_MAX;
	return take_form(p, q, err) && take_names(p, q, err);
}

static void start(void *opaque)
{
	struct ctl_profile *p = opaque;
	p->taking = profile_start(p->ctl->vm, p->rate, p->exact, &p->err);
}

bool ctl_take_profile(struct ctl_call *call, struct error *err)
{
	struct ctl *ctl = call->ctl;
	if (ctl->profile)
		return error_set(err, ERROR_USAGE, "a profile is being taken already");
	struct ctl_profile *p = ctl->profile = calloc(1, sizeof *p);
	if (!p)
		return error_set(err, ERROR_HOST, "out of memory");
	p->ctl = ctl;
	p->client = call->client;
	bool good = take_request(p, call->request, err);
	if (good) {
		vm_while_paused(ctl->vm, start, p);
		*err = p->err;
	}
	if (!p->taking) {
		free_profile(p);
		return false;
	}
	call->client->pending = call->later = true;
	return true;
}

/* ---- ending ---- */

static bool write_svg(const struct profile *profile, const struct profile_form *form, FILE *f, struct error *err)
{
	profile_flamegraph(profile, f);
	return true;
}

typedef bool write_fn(const struct profile *profile, const struct profile_form *form, FILE *f, struct error *err);

static bool write_text(struct text *t, write_fn *write, const struct profile *profile, struct ctl_profile *p)
{
	FILE *f = open_memstream(&t->text, &t->size);
	bool good = f && write(profile, &p->form, f, &p->err);
	bool closed = f && !fclose(f);
	return good && closed ? true : p->err.code ? false : error_set(&p->err, ERROR_HOST, "out of memory");
}

static void stop(void *opaque)
{
	struct ctl_profile *p = opaque;
	struct profile profile;
	profile_stop(p->taking, &profile);
	profile.names = p->names;
	names_add_guest(p->names, p->ctl->vm);
	p->good = write_text(&p->report, profile_write, &profile, p) && (!p->flamegraph || write_text(&p->svg, write_svg, &profile, p));
	tally_free(profile.tally);
}

static void discard(void *opaque)
{
	struct ctl_profile *p = opaque;
	struct profile profile;
	profile_stop(p->taking, &profile);
	tally_free(profile.tally);
}

uint64_t ctl_profile_due(const struct ctl *ctl)
{
	return ctl->profile ? ctl->profile->due : UINT64_MAX;
}

void ctl_profile_finish(struct ctl *ctl)
{
	struct ctl_profile *p = ctl->profile;
	struct ctl_reply r;
	if (!p)
		return;
	vm_while_paused(ctl->vm, stop, p);
	if (!p->good) {
		reply_error(p->client, p->id, &p->err);
	} else if (reply_begin(&r, p->id, "reply")) {
		json_string(&r.json, "kind", p->exact ? "exact" : "sampled");
		if (p->form.out == PROFILE_PPROF && !p->place)
			json_bytes(&r.json, "hex", p->report.text, p->report.size);
		else
			json_string(&r.json, "text", p->report.text);
		if (p->flamegraph)
			json_string(&r.json, "flamegraph", p->svg.text);
		reply_end(&r, p->client, true);
	}
	free_profile(p);
}

void ctl_profile_forget(struct ctl *ctl, const struct ctl_client *c)
{
	struct ctl_profile *p = ctl->profile;
	if (!p || p->client != c)
		return;
	vm_while_paused(ctl->vm, discard, p);
	free_profile(p);
}

bool ctl_end_profile(struct ctl_call *call, struct error *err)
{
	struct ctl *ctl = call->ctl;
	if (!ctl->profile || ctl->profile->client != call->client)
		return error_set(err, ERROR_USAGE, "this connection has no profile under way");
	ctl_profile_finish(ctl);
	return true;
}
