/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the cache on disk: a header with a checksum over everything, then what they hold, compressed. Whatever bytes a file has, reading it gives what
 * was written or nothing. The checksum finds accidents; it is no protection from someone who may write here (store.h).
 */
#pragma once
#include <stddef.h>
#include "runtime/util.h"

/* The most that a record holds, bytes */
#define RECORD_MAX ((size_t)1 << 20)
/* No file is longer. */
#define RECORD_FILE_MAX (RECORD_MAX + 65536)

/* Which record: what it is looked up by, and which of those with this key it is. */
struct record_name { uint64_t key, id; };

/* The file of a record: malloc'd, *file_size bytes. NULL: out of memory, or size is over RECORD_MAX. */
void *record_pack(struct record_name name, const void *bytes, size_t size, size_t *file_size);
/* What a file holds: malloc'd, *size bytes. NULL: it is no whole file of this name, or out of memory. */
void *record_unpack(struct record_name name, const void *file, size_t file_size, size_t *size);
/* A hash, for names: `bytes` taken into `hash`, which is 0 to begin with. */
uint64_t record_hash(uint64_t hash, const void *bytes, size_t size);
