// SPDX-License-Identifier: Apache-2.0
/* What there is, in three forms: `calque help`, the page calque(1), and tables for the completion of shells. */
#include <string.h>
#include "backend/engine.h"
#include "src/boards/board.h"
#include "src/command.h"
#include "src/manual.h"
#include "src/version.h"

#define EXAMPLE "calque run --kernel vmlinux --initrd initrd.gz --append console=ttyS0 -m 1G"

void overview_print(FILE *f)
{
	fprintf(f,
		"Calque %s runs operating systems built for other processors.\n\nusage: calque COMMAND [OPTION]...\n\n",
		CALQUE_VERSION_TEXT);
	for (unsigned i = 0; i < n_commands; i++)
		fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(f, "  %-9s %s\n", "help", "Explain a command: calque help run.");
	fprintf(f, "\nGuests:");
	for (unsigned i = 0; boards[i]; i++)
		fprintf(f, "%s %s (board %s)", i ? "," : "", boards[i]->arch, boards[i]->name);
	fprintf(f, "\nEngines:");
	for (unsigned i = 0; engines[i]; i++)
		fprintf(f, "%s %s", i ? "," : "", engines[i]->name);
	fprintf(f, "\n\nExample:\n  " EXAMPLE "\n");
}

void overview_manual(FILE *f)
{
	manual_begin(f, "calque", "runs operating systems built for other processors");
	manual_section(f, "Synopsis");
	fputs("\\fBcalque\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n", f);
	manual_prose(f, "Description: Calque runs an unmodified operating system of one architecture on a host of another, and shows what its translator "
			"makes of guest code, where a guest spends its time, and whether the translator keeps to the architecture.\n"
			"Commands: Each has a page of its own, and calque COMMAND --help.\n");
	for (unsigned i = 0; i < n_commands; i++)
		fprintf(f, ".TP\n.BR calque\\-%s (1)\n%s\n", commands[i].name, commands[i].summary);
	manual_entry(f, "calque help", " [COMMAND]", "The options of a command, or this list in short. calque help tune lists the engine's thresholds.");
	manual_entry(f, "calque --version", "", "The version.");
	manual_section(f, "Environment");
	manual_entry(f, "CALQUE_DISK_CACHE", "", "Where machine code is kept between runs, or off; --cache goes before it.");
	manual_entry(f, "XDG_CACHE_HOME, HOME", "", "Without CALQUE_DISK_CACHE it is the directory calque in XDG_CACHE_HOME, or .cache/calque in HOME.");
	manual_entry(f, "NO_COLOR", "", "No colours on a terminal. In a pipe there are none in any case.");
	manual_entry(f, "TMPDIR", "", "Where disks with overlay=tmp keep what the guest writes; default /var/tmp.");
	manual_prose(f, "Examples:\n  " EXAMPLE "\n");
	manual_section(f, "See also");
	for (unsigned i = 0; i < n_commands; i++)
		fprintf(f, ".BR calque\\-%s (1)%s\n", commands[i].name, i + 1 < n_commands ? "," : "");
}

int overview_completion(FILE *f)
{
	char form[] = "--help=bash";
	int status = STATUS_OK;
	fputs("_calque_takes[calque]='", f);
	for (unsigned i = 0; i < n_commands; i++)
		fprintf(f, "%s ", commands[i].name);
	fputs("help --help --version'\n_calque_takes[help]='", f);
	for (unsigned i = 0; i < n_commands; i++)
		fprintf(f, "%s ", commands[i].name);
	fputs("tune'\n", f);
	for (unsigned i = 0; i < n_commands && status == STATUS_OK; i++) {
		char name[32];
		snprintf(name, sizeof name, "%s", commands[i].name);
		status = commands[i].run(2, (char *[]){ name, form, NULL });
	}
	return status;
}
