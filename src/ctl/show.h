/* SPDX-License-Identifier: Apache-2.0 */
/* Replies and events for people: by their shape, so that what a later guest says more is shown, too. */
#pragma once
#include <stdio.h>
#include "src/ctl/link.h"

/* `command` is what has been asked. */
void ctl_show_reply(const struct ctl_command *command, struct json_object *reply, bool colour, FILE *f);
/* A line of the socket that is an event. */
void ctl_show_event(const char *line, FILE *f);
