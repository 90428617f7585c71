// SPDX-License-Identifier: Apache-2.0
#define EXECUTE interp_execute
#define STORED(p, size) ((void)0)
#define STORED_SLOWLY(va, size) ((void)0)
#define RETIRED ((void)0)
#include "backend/interp/execute.inc"
