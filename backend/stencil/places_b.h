/* SPDX-License-Identifier: Apache-2.0 */
/* pass.h for each place of operand b */
#define B PASTE(PLACE_, PLACE_B)(b)
#define PLACE_B 0
#include "backend/stencil/pass.h"
#undef PLACE_B
#define PLACE_B 1
#include "backend/stencil/pass.h"
#undef PLACE_B
#define PLACE_B 2
#include "backend/stencil/pass.h"
#undef PLACE_B
#define PLACE_B 3
#include "backend/stencil/pass.h"
#undef PLACE_B
#define PLACE_B 4
#include "backend/stencil/pass.h"
#undef PLACE_B
#define PLACE_B 5
#include "backend/stencil/pass.h"
#undef PLACE_B
#undef B
