/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of the cache on disk. It holds a directory for each version (a hash of what code depends on besides the guest: the program's build,
 * LLVM's version, …), which holds a file for each record, named by its key and id: no file is ever changed, so that any number of processes may read, add
 * and remove at once. A file appears whole, by being renamed; what a killed process leaves behind has a name that nobody reads.
 *
 * It holds code that is executed: it and what lies in it must be the user's, closed to others, and no link.
 */
#pragma once
#include "backend/cache/record.h"
#include "runtime/error.h"

/* Opens the directory, or with `create` makes it, with its parents; its file descriptor, or -1 (err; with `create` false, *missing says that there is
 * none). */
int store_dir_open(const char *path, bool create, bool *missing, struct error *err);
/* The same for the directory of a version. -1: errno says why, EPERM that it is not safe. */
int store_dir_version(int dir, uint64_t version, bool create);

/* Calls `each` for every record of a version, until it returns false. */
typedef bool store_name_fn(void *opaque, struct record_name name);
void store_dir_list(int version_dir, store_name_fn *each, void *opaque);

/* What the record's file holds, malloc'd; NULL: none, or damaged (*damaged). Marks it as used now. */
void *store_dir_read(int version_dir, struct record_name name, size_t *size, bool *damaged);
/* Adds or replaces a record. False: errno says why. */
MUST_CHECK bool store_dir_write(int version_dir, struct record_name name, const void *bytes, size_t size, size_t *written);

struct store_usage { uint64_t records, bytes, versions, removed, removed_bytes, damaged; };
/* Counts what is there; bytes as the file system counts them. */
void store_dir_usage(int dir, struct store_usage *u);
/* Removes what was used longest ago until at most `limit` bytes remain, and what killed processes have left behind. */
void store_dir_prune(int dir, uint64_t limit, struct store_usage *u);
/* Reads every record, counts those that are damaged, and with `remove` removes them. `each` is told the name of each (NULL: nobody). */
typedef void store_damaged_fn(void *opaque, const char *name);
void store_dir_verify(int dir, bool remove, store_damaged_fn *each, void *opaque, struct store_usage *u);
