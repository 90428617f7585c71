/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk images: raw files and host block devices, locked against double use, optionally under a temporary overlay that takes
 * the writes. All functions may be called from several threads at once; transfers are complete or have failed.
 */
#pragma once
#include <sys/uio.h>
#include "src/config.h"

#define DISK_SECTOR 512

struct disk;

/* Opens and locks (exclusively, or shared if nothing will be written to the image). NULL: err names the file and the mend. */
struct disk *disk_open(const struct disk_config *c, struct error *err);
void disk_close(struct disk *d);

uint64_t disk_size(const struct disk *d);	/* bytes, a multiple of DISK_SECTOR */
bool disk_readonly(const struct disk *d);	/* the guest may not write */
/* Physical block size of the host's device or file system: a power of two from 512 on. */
uint32_t disk_block_size(const struct disk *d);

/* Ranges are in bytes, multiples of DISK_SECTOR, within the disk. 0 or an errno. */
MUST_CHECK int disk_read(struct disk *d, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t size);
MUST_CHECK int disk_write(struct disk *d, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t size);
/* Makes what was written durable (fdatasync). */
MUST_CHECK int disk_flush(struct disk *d);
/* The range reads as zeros afterwards; `release` its blocks if the host can, else keep them allocated. */
MUST_CHECK int disk_zero(struct disk *d, uint64_t offset, uint64_t size, bool release);
/* The range's content is of no interest any more: a hint. */
MUST_CHECK int disk_discard(struct disk *d, uint64_t offset, uint64_t size);
