/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code that is shown beside samples comes from. A program's address space may be gone by the end, and another program's memory stand there:
 * its code is that of the file that its symbols are from (--symbols). A kernel, a firmware and what the run itself names stay, and may have changed
 * their own code: theirs is what the guest's memory holds.
 */
#pragma once
#include "src/lift/source.h"
#include "src/profile/profile.h"

/*
 * The code around va; *file: the path of the file that it is from, as long as p's names, or NULL: the guest's memory, whose vCPUs stay parked while the
 * source is open. It has no `find`. NULL: err, nothing is there any more, or there is no memory left.
 */
struct lift_source *profile_code(const struct profile *p, uint64_t va, const char **file, struct error *err);
