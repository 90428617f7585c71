// SPDX-License-Identifier: Apache-2.0
/* `calque machine`: what a board consists of and what its processors can do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/command.h"
#include "src/json.h"
#include "src/vm.h"
#include "src/vm_options.h"

struct machine_options {
	struct vm_config config;
	bool json;
};

static void size_text(uint64_t bytes, char text[24])
{
	static const char suffix[] = " KMGT";
	unsigned i = 0;
	for (; i < 4 && bytes && !(bytes & 1023); i++)
		bytes >>= 10;
	snprintf(text, 24, "%" PRIu64 "%.*s", bytes, i ? 1 : 0, &suffix[i]);
}

static void print_human(const struct vm *vm, FILE *f)
{
	const struct board_ops *b = vm->board;
	const struct vm_config *c = &vm->config;
	char size[24], max[24];
	fprintf(f, "%s %s: %s\n\n", b->arch, b->name, b->summary);
	fprintf(f, "%-18s %-12s %-4s %s\n", "address", "size", "irq", "what");
	for (unsigned i = 0; i < b->n_regions; i++) {
		const struct board_region *r = &b->map[i];
		size_text(r->base == b->ram_base ? c->ram : r->size, size);
		fprintf(f, "0x%016" PRIx64 " %-12s ", r->base, size);
		if (r->irq > 0)
			fprintf(f, "%-4d ", r->irq);
		else
			fprintf(f, "%-4s ", "");
		fprintf(f, "%s\n", r->name);
	}
	fputc('\n', f);
	size_text(b->ram_max, max);
	size_text(b->ram_min, size);
	fprintf(f, "memory      %s to %s", size, max);
	size_text(b->ram_default, size);
	fprintf(f, ", default %s\nvCPUs       1 to %u, default 1\n", size, b->max_vcpus);
	fprintf(f, "engine      %s\nprocessor   %s, default %s\n", c->engine, c->cpu, vm->frontend->default_cpu);
	fprintf(f, "extensions ");
	unsigned column = 11;
	const char *name;
	for (unsigned i = 0; vm->frontend->config_extension; i++) {
		bool on;
		name = vm->frontend->config_extension(vm->cpu_config, i, &on);
		if (!name)
			break;
		if (column + strlen(name) + 5 > 100) {
			fprintf(f, "\n           ");
			column = 11;
		}
		column += (unsigned)fprintf(f, " %s%s", name, on ? "" : "=off");
	}
	fputc('\n', f);
}

static void print_json(const struct vm *vm, FILE *f)
{
	const struct board_ops *b = vm->board;
	struct json j = { .f = f };
	json_open(&j, NULL, '{');
	json_string(&j, "arch", b->arch);
	json_string(&j, "board", b->name);
	json_string(&j, "summary", b->summary);
	json_open(&j, "regions", '[');
	for (unsigned i = 0; i < b->n_regions; i++) {
		json_open(&j, NULL, '{');
		json_string(&j, "name", b->map[i].name);
		json_hex(&j, "base", b->map[i].base);
		/* RAM is as large as asked for */
		json_hex(&j, "size", b->map[i].base == b->ram_base ? vm->config.ram : b->map[i].size);
		if (b->map[i].irq > 0)
			json_number(&j, "irq", (uint64_t)b->map[i].irq);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_open(&j, "ram", '{');
	json_number(&j, "default", b->ram_default);
	json_number(&j, "min", b->ram_min);
	json_number(&j, "max", b->ram_max);
	json_close(&j, '}');
	json_number(&j, "max_vcpus", b->max_vcpus);
	json_string(&j, "cpu", vm->config.cpu);
	json_string(&j, "default_cpu", vm->frontend->default_cpu);
	json_string(&j, "engine", vm->config.engine);
	json_open(&j, "extensions", '{');
	for (unsigned i = 0; vm->frontend->config_extension; i++) {
		bool on;
		const char *name = vm->frontend->config_extension(vm->cpu_config, i, &on);
		if (!name)
			break;
		json_bool(&j, name, on);
	}
	json_close(&j, '}');
	json_close(&j, '}');
}

int cmd_machine(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", 0, NULL, option_flag, offsetof(struct machine_options, json), "As one JSON object." },
	};
	struct machine_options o = { 0 };
	struct error err = { 0 };
	struct vm *vm = NULL;
	int status;
	vm_config_init(&o.config);
	struct command_syntax syntax = {
		.name = "machine",
		.summary =
			"Describes a board: memory map, devices with their interrupts, processor extensions, defaults.",
		.groups =
			{
				{"Machine", vm_options, VM_OPTIONS_BASIC, &o.config},
				{"Output", options, ARRAY_SIZE(options), &o},
			},
		.n_groups = 2,
	};
	if (!command_parse(&syntax, argc, argv, &status))
		goto out;
	vm = vm_create_empty(&o.config, &err);
	if (!vm) {
		status = command_fail("machine", &err);
		goto out;
	}
	(o.json ? print_json : print_human)(vm, stdout);
	status = command_finish("machine", STATUS_OK);
out:
	if (vm)
		vm_destroy(vm);
	vm_config_free(&o.config);
	return status;
}
