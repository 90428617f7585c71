/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "backend/llvm/installed.h"

/* Tells the machine's observer of a region that has just been installed. With the code cache's lock. */
void installed_announce(const struct installed *region, const struct machine *m);
