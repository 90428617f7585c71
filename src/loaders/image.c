// SPDX-License-Identifier: Apache-2.0
#include "src/loaders/loader.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool image_error(const struct image *im, struct error *err, const char *fmt, ...)
{
	char text[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(err, ERROR_USAGE, "%s %s: %s", im->option, im->path, text);
	/* names of files and words out of them may hold anything; the message is one line */
	for (unsigned char *at = (unsigned char *)err->text; *at; at++)
		if (*at < ' ' || *at == 0x7f)
			*at = '?';
	return false;
}

/* Whole file into memory; the size that stat gives is a first guess only (it may be a pipe, or grow). */
static bool read_all(struct image *im, int fd, uint64_t guess, uint64_t max, struct error *err)
{
	uint64_t room = (guess < max ? guess : max) + 1;
	im->bytes = malloc(room);
	while (im->bytes) {
		ssize_t n = read(fd, im->bytes + im->size, room - im->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return image_error(im, err, "%s", strerror(errno));
		if (n == 0)
			return im->size ? true : image_error(im, err, "the file is empty");
		im->size += n;
		if (im->size > max)
			return image_error(im, err,
				"larger than the %llu MiB that fit into guest memory; give -m more, or check the file",
				(unsigned long long)(max >> 20));
		if (im->size < room)
			continue;
		room = room * 2 < max + 1 ? room * 2 : max + 1;
		uint8_t *more = realloc(im->bytes, room);
		if (!more)
			break;
		im->bytes = more;
	}
	return error_set(err, ERROR_HOST, "%s %s: out of memory", im->option, im->path);
}

bool image_read(struct image *im, const char *option, const char *path, uint64_t max, struct error *err)
{
	*im = (struct image){ .option = option, .path = strdup(path) };
	if (!im->path)
		return error_set(err, ERROR_HOST, "%s: out of memory", option);
	bool ok = false;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		image_error(im, err, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		image_error(im, err, "%s; give a file", S_ISDIR(st.st_mode) ? "is a directory" : "is no regular file");
	else
		ok = read_all(im, fd, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 1 << 16, max, err);
	if (fd >= 0)
		close(fd);
	if (!ok)
		image_free(im);
	return ok;
}

void image_free(struct image *im)
{
	free(im->path);
	free(im->bytes);
	*im = (struct image){ 0 };
}

/* The part of [at, at + size) that lies in the range of `at`; 0 if that is no memory. */
static uint64_t in_range(const struct phys *p, uint64_t at, uint64_t size)
{
	const struct phys_range *r = phys_find(p, GPA(at));
	if (!r || r->kind == PHYS_MMIO)
		return 0;
	uint64_t left = r->size - (at - r->base.v);
	return size < left ? size : left;
}

bool load_bytes(struct phys *p, uint64_t at, const void *bytes, uint64_t size)
{
	const uint8_t *from = bytes;
	while (size) {
		uint64_t n = in_range(p, at, size);
		if (!n || !phys_load(p, GPA(at), from, n))
			return false;
		at += n;
		from += n;
		size -= n;
	}
	return true;
}

bool load_zeros(struct phys *p, uint64_t at, uint64_t size)
{
	static const uint8_t zeros[64 << 10];
	while (size) {
		uint64_t n = in_range(p, at, size < sizeof(zeros) ? size : sizeof(zeros));
		if (!n || !phys_load(p, GPA(at), zeros, n))
			return false;
		at += n;
		size -= n;
	}
	return true;
}
