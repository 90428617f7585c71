/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of src/completion.bash, which each subcommand's option table fills:
 *
 *	_calque_options[run]		the options' names
 *	_calque_takes[run --memory]	what an option takes: words, <file>, <dir>
 *	_calque_takes[run --json=]	the same where the value is only taken behind "="
 *	_calque_takes[cache]		operands
 *	_calque_takes[profile --]	the subcommand whose options follow "--"
 *
 * Words that end in "=" or ":" want more behind them; "," among the words says that they form a list.
 */
#pragma once
#include "src/options.h"

/* A subcommand's lines of both. */
void completion_print(const struct command_syntax *s, FILE *f);
