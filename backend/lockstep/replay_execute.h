/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "backend/interp/execute.h"

/* The dispatch loop of vCPUs whose `exec` is a struct replay. */
interp_execute_fn replay_execute;
