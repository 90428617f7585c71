// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "devices/virtio/virtio.h"

/*
 * The overlay is a sparse file without a name and a bitmap with one bit a sector: set once the sector has been written there.
 * With single sectors nothing need be copied from the image at a first write, so that writers need no lock, and a write that
 * fails leaves the old content. The bitmap is mapped lazily: it costs what was written, not what the disk holds.
 */
struct disk {
	int fd;
	int overlay;			/* -1: none */
	uint64_t *bitmap;		/* of the overlay */
	size_t bitmap_bytes;
	uint64_t size;
	uint32_t block_size;
	bool readonly;
};

uint64_t disk_size(const struct disk *d)
{
	return d->size;
}

bool disk_readonly(const struct disk *d)
{
	return d->readonly;
}

uint32_t disk_block_size(const struct disk *d)
{
	return d->block_size;
}

/* ---- opening ---- */

/* A lock on the whole file that belongs to this open file, so that two VMs of one process exclude each other, too. */
static bool lock(int fd, const char *path, bool exclusive, struct error *err)
{
	struct flock l = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	if (!fcntl(fd, F_OFD_SETLK, &l))
		return true;
	/* File systems without byte range locks */
	if (errno != EAGAIN && errno != EACCES && !flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB))
		return true;
	if (errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK)
		return error_set(err, ERROR_USAGE, "disk %s: in use by another VM or program; end it, or give the disk "
				 "readonly or overlay=tmp to every user", path);
	return error_set(err, ERROR_HOST, "disk %s: cannot lock: %s", path, strerror(errno));
}

/* Formats that a user may take for a disk image, by their first bytes. */
static const char *container_format(int fd)
{
	static const struct { const char *magic, *name; } formats[] = {
		{ "QFI\xfb", "qcow2" }, { "KDMV", "vmdk" }, { "vhdxfile", "vhdx" }, { "conectix", "vpc" }, { "<<< ", "vdi" },
	};
	char head[8] = "";
	if (pread(fd, head, sizeof(head), 0) < (ssize_t)sizeof(head))
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
		if (!memcmp(head, formats[i].magic, strlen(formats[i].magic)))
			return formats[i].name;
	return NULL;
}

static bool find_size(struct disk *d, const char *path, struct error *err)
{
	struct stat st;
	if (fstat(d->fd, &st))
		return error_set(err, ERROR_HOST, "disk %s: %s", path, strerror(errno));
	if (S_ISBLK(st.st_mode)) {
		unsigned physical = 0;
		if (ioctl(d->fd, BLKGETSIZE64, &d->size))
			return error_set(err, ERROR_HOST, "disk %s: cannot ask for its size: %s", path, strerror(errno));
		d->block_size = !ioctl(d->fd, BLKPBSZGET, &physical) ? physical : DISK_SECTOR;
	} else if (S_ISREG(st.st_mode)) {
		d->size = st.st_size;
		d->block_size = st.st_blksize;
	} else {
		return error_set(err, ERROR_USAGE, "disk %s: neither a file nor a block device", path);
	}
	if (!d->size)
		return error_set(err, ERROR_USAGE, "disk %s: it is empty; make one with 'truncate -s 1G %s'", path, path);
	if (d->size % DISK_SECTOR)
		return error_set(err, ERROR_USAGE, "disk %s: its size, %llu bytes, is not a multiple of 512; mend it with "
				 "'truncate -s %%512 %s'", path, (unsigned long long)d->size, path);
	if (d->block_size < DISK_SECTOR || d->block_size > 65536 || d->block_size & (d->block_size - 1))
		d->block_size = DISK_SECTOR;
	const char *format = container_format(d->fd);
	if (format)
		return error_set(err, ERROR_USAGE, "disk %s: this is a %s file, only raw images can be used; convert it with "
				 "'qemu-img convert -O raw'", path, format);
	return true;
}

static bool open_overlay(struct disk *d, struct error *err)
{
	const char *dir = getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/var/tmp";	/* on disk, where /tmp may be RAM */
	d->overlay = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (d->overlay < 0) {
		/* File systems without O_TMPFILE */
		char name[4096];
		if ((size_t)snprintf(name, sizeof(name), "%s/calque-overlay-XXXXXX", dir) >= sizeof(name))
			return error_set(err, ERROR_USAGE, "TMPDIR: path too long");
		d->overlay = mkostemp(name, O_CLOEXEC);
		if (d->overlay < 0)
			return error_set(err, ERROR_HOST, "overlay=tmp: no temporary file in %s: %s; point TMPDIR elsewhere",
					 dir, strerror(errno));
		unlink(name);
	}
	if (ftruncate(d->overlay, d->size))
		return error_set(err, ERROR_HOST, "overlay=tmp: %s cannot hold a sparse file of %llu bytes: %s; point TMPDIR "
				 "elsewhere", dir, (unsigned long long)d->size, strerror(errno));
	d->bitmap_bytes = (d->size / DISK_SECTOR + 63) / 64 * 8;
	d->bitmap = mmap(NULL, d->bitmap_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->bitmap == MAP_FAILED) {
		d->bitmap = NULL;
		return error_set(err, ERROR_HOST, "overlay=tmp: out of memory");
	}
	return true;
}

struct disk *disk_open(const struct disk_config *c, struct error *err)
{
	struct disk *d = calloc(1, sizeof(*d));
	if (!d) {
		error_set(err, ERROR_HOST, "disk %s: out of memory", c->path);
		return NULL;
	}
	d->overlay = -1;
	d->readonly = c->readonly;
	bool exclusive = !c->readonly && !c->overlay_tmp;
	/* O_NONBLOCK: a FIFO would wait for a writer here; it means nothing for files and block devices.
	 * O_EXCL without O_CREAT: a block device that is mounted refuses (files ignore it). */
	struct stat st;
	int flags = O_CLOEXEC | O_NONBLOCK | (exclusive ? O_RDWR : O_RDONLY);
	if (exclusive && !stat(c->path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	d->fd = open(c->path, flags);
	if (d->fd < 0) {
		const char *mend = "";
		if (exclusive && (errno == EACCES || errno == EROFS || errno == EPERM))
			mend = "; to use it without writing, add readonly or overlay=tmp";
		else if (errno == EBUSY)
			mend = "; it is mounted or part of another device";
		error_set(err, ERROR_USAGE, "disk %s: %s%s", c->path, strerror(errno), mend);
		goto fail;
	}
	if (!find_size(d, c->path, err) || !lock(d->fd, c->path, exclusive, err))
		goto fail;
	if (c->overlay_tmp && !c->readonly && !open_overlay(d, err))
		goto fail;
	return d;
fail:
	disk_close(d);
	return NULL;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	if (d->bitmap)
		munmap(d->bitmap, d->bitmap_bytes);
	if (d->overlay >= 0)
		close(d->overlay);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

/* ---- transfers ---- */

/* All of it, whatever pieces the host makes of it. */
static int transfer(int fd, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t size, bool write)
{
	struct iovec rest[VIRTIO_RING_MAX];
	uint64_t done = 0;
	while (done < size) {
		const struct iovec *now = iov;
		unsigned n_now = n_iov;
		if (done) {
			n_now = iov_slice(rest, iov, n_iov, done, size - done);
			now = rest;
		}
		ssize_t n = write ? pwritev(fd, now, n_now, offset + done) : preadv(fd, now, n_now, offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n)
			return write ? ENOSPC : EIO;	/* the file became shorter */
		done += n;
	}
	return 0;
}

static bool in_overlay(const struct disk *d, uint64_t sector)
{
	return __atomic_load_n(&d->bitmap[sector / 64], __ATOMIC_ACQUIRE) >> (sector % 64) & 1;
}

static void set_in_overlay(struct disk *d, uint64_t offset, uint64_t size)
{
	uint64_t s = offset / DISK_SECTOR, end = (offset + size) / DISK_SECTOR;
	while (s < end) {
		unsigned bit = s % 64;
		uint64_t n = 64 - bit < end - s ? 64 - bit : end - s;
		uint64_t mask = (n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1) << bit;
		/* Release: who sees the bit sees the data in the file. */
		__atomic_or_fetch(&d->bitmap[s / 64], mask, __ATOMIC_RELEASE);
		s += n;
	}
}

int disk_read(struct disk *d, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t size)
{
	if (d->overlay < 0)
		return transfer(d->fd, iov, n_iov, offset, size, false);
	/* Runs of sectors from the same file */
	struct iovec part[VIRTIO_RING_MAX];
	for (uint64_t done = 0; done < size;) {
		uint64_t first = (offset + done) / DISK_SECTOR, end = (offset + size) / DISK_SECTOR, s = first;
		bool over = in_overlay(d, s);
		do
			s++;
		while (s < end && in_overlay(d, s) == over);
		uint64_t n = (s - first) * DISK_SECTOR;
		unsigned n_part = iov_slice(part, iov, n_iov, done, n);
		int error = transfer(over ? d->overlay : d->fd, part, n_part, offset + done, n, false);
		if (error)
			return error;
		done += n;
	}
	return 0;
}

int disk_write(struct disk *d, const struct iovec *iov, unsigned n_iov, uint64_t offset, uint64_t size)
{
	if (d->overlay < 0)
		return transfer(d->fd, iov, n_iov, offset, size, true);
	int error = transfer(d->overlay, iov, n_iov, offset, size, true);
	if (!error)
		set_in_overlay(d, offset, size);
	return error;
}

int disk_flush(struct disk *d)
{
	/* An overlay dies with us: nothing of it can be durable. */
	if (d->overlay >= 0 || d->readonly)
		return 0;
	return fdatasync(d->fd) ? errno : 0;
}

/* ---- zeros ---- */

static bool unsupported(int error)
{
	return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL || error == ENODEV;
}

static int punch(int fd, uint64_t offset, uint64_t size, int mode)
{
	while (fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, offset, size)) {
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

static int write_zeros(int fd, uint64_t offset, uint64_t size)
{
	static const char zeros[65536];
	struct iovec iov[16];
	while (size) {
		uint64_t n = 0;
		unsigned n_iov = 0;
		for (; n_iov < ARRAY_SIZE(iov) && n < size; n_iov++) {
			uint64_t take = size - n < sizeof(zeros) ? size - n : sizeof(zeros);
			iov[n_iov] = (struct iovec){ (void *)zeros, take };
			n += take;
		}
		int error = transfer(fd, iov, n_iov, offset, n, true);
		if (error)
			return error;
		offset += n;
		size -= n;
	}
	return 0;
}

int disk_zero(struct disk *d, uint64_t offset, uint64_t size, bool release)
{
	int fd = d->overlay < 0 ? d->fd : d->overlay;
	int error = punch(fd, offset, size, release || d->overlay >= 0 ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
	if (unsupported(error))
		error = write_zeros(fd, offset, size);
	if (!error && d->overlay >= 0)
		set_in_overlay(d, offset, size);
	return error;
}

int disk_discard(struct disk *d, uint64_t offset, uint64_t size)
{
	if (d->overlay >= 0)
		return disk_zero(d, offset, size, true);
	int error = punch(d->fd, offset, size, FALLOC_FL_PUNCH_HOLE);
	return unsupported(error) ? 0 : error;
}
