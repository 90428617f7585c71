// SPDX-License-Identifier: Apache-2.0
#include "src/ctl/table.h"
#include <string.h>
#include "src/ctl/internal.h"
#include "src/options.h"

#define VCPU { "vcpu", CTL_NUMBER, false, "N", "The vCPU through whose page tables; default 0." }

const struct ctl_command ctl_commands[] = {
	{ "help", "The commands that this guest knows, with their arguments.", .run = ctl_help },
	{ "status", "What the guest is and what it is doing.", .run = ctl_status },
	{ "pause", "Stops the guest between two instructions; its time stands.", .run = ctl_pause, .there = ctl_is_free },
	{ "cont", "Lets it run on.", .run = ctl_cont, .there = ctl_is_free },
	{ "reset", "Power-on state with the images loaded anew; it runs if it ran before.", .run = ctl_reset, .there = ctl_is_free },
	{ "powerdown", "Presses the power button.", .run = ctl_powerdown, .there = ctl_has_power_button },
	{ "quit", "Ends the guest as pulling the plug would.", .run = ctl_quit },
	{ "stats", "Counters of the vCPUs' TLBs and of the engine.", .run = ctl_stats },
	{ "regs", "All registers of a vCPU.", 1, {
		{ "vcpu", CTL_NUMBER, false, "N", "Which one; default 0." } }, .run = ctl_regs },
	{ "mem", "Reads memory, or with data writes it.", 2, {
		{ "address", CTL_ADDRESS, true, "ADDRESS", "Where it begins, virtual." },
		{ "size", CTL_NUMBER, false, "BYTES", "How much is read, 65536 at most; default 64." },
		VCPU,
		{ "physical", CTL_FLAG, false, NULL, "The address is physical." },
		{ "data", CTL_TEXT, false, "HEX", "Write these bytes, as 13051500, in the order of their addresses." } }, .run = ctl_mem },
	{ "translate", "The physical address of a virtual one, and what is there.", 1, {
		{ "address", CTL_ADDRESS, true, "ADDRESS", "The virtual address." },
		VCPU }, .run = ctl_translate },
	{ "symbol", "Looks up a name or an address among the kernel's symbols and those of its images.", 1, {
		{ "at", CTL_TEXT, true, "PLACE", "A symbol (memcpy), a place in one (memcpy+0x12) or an address (0xffffffff80200000)." } },
		.run = ctl_symbol },
	{ "events", "Follows what happens: paused, resumed, reset, reboot, end.", .run = ctl_subscribe },
	{ "profile", "Samples the guest and replies with where it spends its time, as \"calque profile --vm\" does.", 0, {
		{ "for", CTL_NUMBER, false, "MS", "For so long, in ms; else until profile-end on the same connection, or the guest's end." },
		{ "rate", CTL_NUMBER, false, "HZ", "Samples a second of each vCPU; default 199." },
		{ "exact", CTL_FLAG, false, NULL, "Count executions of blocks instead." },
		{ "out", CTL_TEXT, false, "FORMAT", "human (default), json, folded or pprof, which is in hex." },
		{ "total", CTL_FLAG, false, NULL, "Order functions by what they take with all that they call." },
		{ "top", CTL_NUMBER, false, "N", "Rows in each table, 0 for all; default 20 for human and all for json." },
		{ "flamegraph", CTL_FLAG, false, NULL, "And a flame graph (SVG)." },
		{ "annotate", CTL_TEXT, false, "PLACE", "In place of tables the function, or the block, at a symbol or address." },
		{ "symbols", CTL_TEXTS, false, "FILE[@ADDRESS]", "More symbols, from files by their absolute paths." } },
		.run = ctl_take_profile, .there = ctl_is_free },
	{ "profile-end", "Ends the profile that this connection has begun, which then is replied.", .run = ctl_end_profile, .there = ctl_is_free },
};
const unsigned n_ctl_commands = ARRAY_SIZE(ctl_commands);

const struct ctl_command *ctl_find_command(const char *name, struct error *err)
{
	const char *names[ARRAY_SIZE(ctl_commands)];
	for (unsigned i = 0; i < n_ctl_commands; i++) {
		names[i] = ctl_commands[i].name;
		if (!strcmp(name, names[i]))
			return &ctl_commands[i];
	}
	const char *near = nearest_name(name, names, n_ctl_commands);
	if (near)
		error_set(err, ERROR_USAGE, "unknown command %.60s: did you mean %s?", name, near);
	else
		error_set(err, ERROR_USAGE, "unknown command %.60s: help lists them", name);
	return NULL;
}
