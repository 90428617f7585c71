/* SPDX-License-Identifier: Apache-2.0 */
/* places_b.h for each place of operand a */
#define A PASTE(PLACE_, PLACE_A)(a)
#define PLACE_A 0
#include "backend/stencil/places_b.h"
#undef PLACE_A
#define PLACE_A 1
#include "backend/stencil/places_b.h"
#undef PLACE_A
#define PLACE_A 2
#include "backend/stencil/places_b.h"
#undef PLACE_A
#define PLACE_A 3
#include "backend/stencil/places_b.h"
#undef PLACE_A
#define PLACE_A 4
#include "backend/stencil/places_b.h"
#undef PLACE_A
#define PLACE_A 5
#include "backend/stencil/places_b.h"
#undef PLACE_A
#undef A
