/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache on disk as a running machine uses it: the records of one version, found by key from a list of names in memory, which is read once; their
 * bytes are read when they are wanted. A record that cannot be read or written is none; nothing here is ever an error for the guest.
 */
#pragma once
#include "backend/cache/record.h"
#include "runtime/error.h"

#define STORE_LIMIT_DEFAULT ((uint64_t)256 << 20)

struct store;
struct store_stats { uint64_t known, read, read_bytes, damaged, written, written_bytes, unwritten; };

/*
 * Opens the cache in the directory `path` (made if need be) for the version whose text is given; limit: bytes that all versions may take, checked while
 * writing. NULL: the directory cannot be had or is not safe; there is no cache then.
 */
struct store *store_open(const char *path, const char *version, uint64_t limit, struct error *err);
void store_close(struct store *s);

/* The ids of the records with this key, at most n; returns how many. Any thread; no file is looked at. */
unsigned store_find(struct store *s, uint64_t key, uint64_t *id, unsigned n);
/* A record's bytes, malloc'd; NULL: none any more. Any thread. */
void *store_read(struct store *s, struct record_name name, size_t *size);
/* Adds a record. Any thread. After a first failure nothing more is written. */
void store_write(struct store *s, struct record_name name, const void *bytes, size_t size);
/* Any thread. */
void store_get_stats(struct store *s, struct store_stats *stats);
