// SPDX-License-Identifier: Apache-2.0
/* Commands: what the guest is, and its life. */
#include "src/ctl/internal.h"
#include "src/profile/names.h"
#include "src/version.h"

bool ctl_is_free(const struct ctl *ctl)
{
	return !ctl->config.debugged;
}

bool ctl_has_power_button(const struct ctl *ctl)
{
	return ctl->vm->board->request_poweroff;
}

/* ---- help ---- */

static void put_arg(struct json *j, const struct ctl_arg *a)
{
	static const char *const types[] = {
		[CTL_NUMBER] = "integer", [CTL_ADDRESS] = "address", [CTL_TEXT] = "string", [CTL_FLAG] = "boolean", [CTL_TEXTS] = "strings",
	};
	json_open(j, NULL, '{');
	json_string(j, "name", a->name);
	json_string(j, "type", types[a->type]);
	json_bool(j, "required", a->required);
	json_string(j, "help", a->help);
	json_close(j, '}');
}

bool ctl_help(struct ctl_call *call, struct error *err)
{
	struct json *j = call->json;
	json_string(j, "version", CALQUE_VERSION_TEXT);
	json_number(j, "protocol", CTL_PROTOCOL);
	json_open(j, "commands", '[');
	for (const struct ctl_command *c = ctl_commands; c < ctl_commands + n_ctl_commands; c++) {
		if (c->there && !c->there(call->ctl))
			continue;
		json_open(j, NULL, '{');
		json_string(j, "name", c->name);
		json_string(j, "help", c->summary);
		json_open(j, "arguments", '[');
		for (unsigned i = 0; i < CTL_ARGS && c->arg[i].name; i++)
			put_arg(j, &c->arg[i]);
		json_close(j, ']');
		json_close(j, '}');
	}
	json_close(j, ']');
	return true;
}

/* ---- status ---- */

struct vcpu_status { uint64_t pc, icount; uint32_t mode; const char *state; };

static void look_at(struct vcpu *cpu, void *opaque)
{
	*(struct vcpu_status *)opaque = (struct vcpu_status){ cpu->pc, cpu->icount, cpu->mode,
		atomic_load(&cpu->halted) ? "halted" : atomic_load(&cpu->waiting) ? "waiting" : "active" };
}

static const char *state_of(const struct machine *m)
{
	return atomic_load(&m->ended) ? "ended" : atomic_load(&m->paused) ? "paused" : "running";
}

bool ctl_status(struct ctl_call *call, struct error *err)
{
	struct vm *vm = call->ctl->vm;
	struct machine *m = &vm->machine;
	struct json *j = call->json;
	json_string(j, "state", state_of(m));
	json_string(j, "arch", vm->config.arch);
	json_string(j, "board", vm->config.board);
	json_string(j, "cpu", vm->config.cpu);
	json_string(j, "engine", vm->config.engine);
	json_number(j, "ram", vm->config.ram);
	json_bool(j, "profiled", call->ctl->profile);
	json_seconds(j, "guest_seconds", clock_now(m));
	json_open(j, "vcpus", '[');
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		struct vcpu_status s;
		vm_on_vcpu(call->ctl->vm, m->vcpu[i], look_at, &s);
		json_open(j, NULL, '{');
		json_number(j, "vcpu", i);
		json_string(j, "state", s.state);
		json_string(j, "mode", privilege_name(vm->frontend->privilege(s.mode)));
		json_hex(j, "pc", s.pc);
		json_number(j, "instructions", s.icount);
		json_close(j, '}');
	}
	json_close(j, ']');
	return true;
}

/* ---- life ---- */

static bool is_alive(const struct ctl *ctl, struct error *err)
{
	return !atomic_load(&ctl->vm->machine.ended) || error_set(err, ERROR_USAGE, "the guest has ended");
}

bool ctl_pause(struct ctl_call *call, struct error *err)
{
	struct ctl *ctl = call->ctl;
	if (!is_alive(ctl, err))
		return false;
	bool ran = !atomic_load(&ctl->vm->machine.paused);
	vm_pause(ctl->vm);
	if (ran)
		ctl_event(ctl, "paused");
	json_string(call->json, "state", state_of(&ctl->vm->machine));
	return true;
}

bool ctl_cont(struct ctl_call *call, struct error *err)
{
	struct ctl *ctl = call->ctl;
	bool paused = atomic_load(&ctl->vm->machine.paused);
	if (!is_alive(ctl, err) || (paused && !vm_resume(ctl->vm, err)))
		return false;
	if (paused)
		ctl_event(ctl, "resumed");
	json_string(call->json, "state", state_of(&ctl->vm->machine));
	return true;
}

bool ctl_reset(struct ctl_call *call, struct error *err)
{
	struct ctl *ctl = call->ctl;
	if (!is_alive(ctl, err) || !vm_reboot(ctl->vm, err))
		return false;
	ctl_event(ctl, "reset");
	json_string(call->json, "state", state_of(&ctl->vm->machine));
	return true;
}

bool ctl_powerdown(struct ctl_call *call, struct error *err)
{
	struct vm *vm = call->ctl->vm;
	return is_alive(call->ctl, err) &&
	       (vm->board->request_poweroff(&vm->machine) || error_set(err, ERROR_USAGE, "this guest cannot be asked to power off; quit ends it"));
}

bool ctl_quit(struct ctl_call *call, struct error *err)
{
	machine_end(&call->ctl->vm->machine, EXIT_STOPPED, 0, "through the control socket");
	return true;
}

bool ctl_subscribe(struct ctl_call *call, struct error *err)
{
	call->client->subscribed = true;
	return true;
}
