/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages in man(7), from the option tables. */
#pragma once
#include "src/options.h"

/* The page calque-NAME(1) of a subcommand. */
void manual_print(const struct command_syntax *s, FILE *f);

/* The parts of which pages consist, for those that no table makes. */

/* Title line and NAME; about is what whatis(1) shows. */
void manual_begin(FILE *f, const char *page, const char *about);
/* The head of a section, in capitals whatever the title is in. */
void manual_section(FILE *f, const char *title);
/* An entry of a list: word bold, rest as usage texts have it (CAPITALS are placeholders), and what it means. */
void manual_entry(FILE *f, const char *word, const char *rest, const char *about);
/* Prose with sections of its own, in the form of command_syntax.notes. */
void manual_prose(FILE *f, const char *text);
