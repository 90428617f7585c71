// SPDX-License-Identifier: Apache-2.0
#include "backend/lockstep/replay_execute.h"
#include "backend/lockstep/replay.h"

#define EXECUTE replay_execute
#define STORED(p, size) replay_stored(cpu->exec, (p), (size))
#define STORED_SLOWLY(va, size) replay_stored_slowly(cpu, (va), (size))
#define RETIRED replay_executed(cpu->exec, u, cpu->reg[SLOT_PAGE])
#include "backend/interp/execute.inc"
