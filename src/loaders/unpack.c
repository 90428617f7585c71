// SPDX-License-Identifier: Apache-2.0
/* gzip (RFC 1952), zstd (RFC 8878) and the kernel's EFI zboot wrapping of these
 * (drivers/firmware/efi/libstub/zboot-header.S). */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include "src/loaders/loader.h"

enum { FIRST_ROOM = 1 << 20, MAX_NESTING = 3 };

/* The output as it grows. */
struct sink {
	uint8_t *bytes;
	uint64_t size, room, max;
};

static bool too_large(const struct image *im, uint64_t max, struct error *err)
{
	return image_error(im, err,
		"unpacks to more than the %llu MiB that fit into guest memory; give -m more, or check the file",
		(unsigned long long)(max >> 20));
}

/* Makes room for at least one byte more. */
static bool sink_grow(struct sink *s, const struct image *im, struct error *err)
{
	if (s->size < s->room)
		return true;
	if (s->room > s->max)
		return too_large(im, s->max, err);
	uint64_t room = s->room ? s->room * 2 : FIRST_ROOM;
	if (room > s->max)
		room = s->max + 1;	/* the one byte more tells that it is too much */
	uint8_t *more = realloc(s->bytes, room);
	if (!more)
		return error_set(err, ERROR_HOST, "%s %s: out of memory", im->option, im->path);
	s->bytes = more;
	s->room = room;
	return true;
}

static bool unpack_gzip(const struct image *im, const uint8_t *from, uint64_t size, struct sink *s, struct error *err)
{
	z_stream z = { 0 };
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return error_set(err, ERROR_HOST, "%s %s: zlib: out of memory", im->option, im->path);
	uint64_t used = 0;
	bool ok = false;
	for (;;) {
		if (!sink_grow(s, im, err))
			break;
		uint64_t in = size - used < (1 << 30) ? size - used : 1 << 30;
		uint64_t out = s->room - s->size < (1 << 30) ? s->room - s->size : 1 << 30;
		z.next_in = (Bytef *)(uintptr_t)(from + used);
		z.avail_in = in;
		z.next_out = s->bytes + s->size;
		z.avail_out = out;
		int status = inflate(&z, Z_NO_FLUSH);
		used += in - z.avail_in;
		s->size += out - z.avail_out;
		if (status == Z_STREAM_END) {
			/* A second member follows directly (RFC 1952, 2.2); other trailing bytes are padding. */
			ok = true;
			if (size - used < 3 || memcmp(from + used, "\x1f\x8b\x08", 3) || inflateReset(&z) != Z_OK)
				break;
			ok = false;
		} else if (status == Z_BUF_ERROR || (status == Z_OK && used == size && z.avail_out)) {
			image_error(im, err, "the gzip data end early; the file is cut short, fetch it again");
			break;
		} else if (status != Z_OK) {
			image_error(
				im, err, "damaged gzip data (%s); fetch the file again", z.msg ? z.msg : "no message");
			break;
		}
	}
	inflateEnd(&z);
	return ok && (s->size <= s->max || too_large(im, s->max, err));
}

static bool unpack_zstd(const struct image *im, const uint8_t *from, uint64_t size, struct sink *s, struct error *err)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	if (!z)
		return error_set(err, ERROR_HOST, "%s %s: zstd: out of memory", im->option, im->path);
	/* zboot payloads are made with --ultra -22: a window of 128 MiB */
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27);
	ZSTD_inBuffer in = { from, size, 0 };
	bool ok = false;
	size_t more = 1;
	for (;;) {
		/* a frame's end: padding may follow, or another frame */
		if (more == 0 && (in.size - in.pos < 4 || memcmp(from + in.pos, "\x28\xb5\x2f\xfd", 4))) {
			ok = true;
			break;
		}
		if (!sink_grow(s, im, err))
			break;
		ZSTD_outBuffer out = { s->bytes, s->room, s->size };
		size_t before = in.pos;
		more = ZSTD_decompressStream(z, &out, &in);
		bool stuck = in.pos == before && out.pos == s->size;
		s->size = out.pos;
		if (ZSTD_isError(more)) {
			image_error(im, err, "damaged zstd data (%s); fetch the file again", ZSTD_getErrorName(more));
			break;
		}
		if (more && (stuck || (in.pos == in.size && out.pos < out.size))) {
			image_error(im, err, "the zstd data end early; the file is cut short, fetch it again");
			break;
		}
	}
	ZSTD_freeDStream(z);
	return ok && (s->size <= s->max || too_large(im, s->max, err));
}

static uint32_t le32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* "MZ", 0, 0, "zimg", payload offset, payload size, 8 bytes, type: a PE program that unpacks itself. */
static bool is_zboot(const struct image *im)
{
	return im->size >= 64 && !memcmp(im->bytes, "MZ\0\0zimg", 8);
}

/* Unpacks one layer. *packed: there was one. */
static bool unpack_once(struct image *im, uint64_t max, bool *packed, struct error *err)
{
	const uint8_t *from = im->bytes;
	uint64_t size = im->size;
	if (is_zboot(im)) {
		uint64_t at = le32(im->bytes + 8), n = le32(im->bytes + 12);
		if (at > size || n > size - at)
			return image_error(im, err,
				"the EFI zboot payload lies outside the file; it is cut short, fetch it again");
		from += at;
		size = n;
	}
	struct sink s = { .max = max };
	bool ok, gzip = size >= 3 && !memcmp(from, "\x1f\x8b\x08", 3),
		 zstd = size >= 4 && !memcmp(from, "\x28\xb5\x2f\xfd", 4);
	*packed = gzip || zstd;
	if (!*packed && from != im->bytes)
		return image_error(im, err,
			"an EFI zboot image packed with \"%.8s\"; only gzip and zstd are known, unpack it first",
			(const char *)im->bytes + 24);
	if (!*packed)
		return true;
	ok = gzip ? unpack_gzip(im, from, size, &s, err) : unpack_zstd(im, from, size, &s, err);
	if (ok && !s.size)
		ok = image_error(im, err, "unpacks to nothing");
	if (!ok) {
		free(s.bytes);
		return false;
	}
	free(im->bytes);
	im->bytes = s.bytes;
	im->size = s.size;
	return true;
}

bool image_unpack(struct image *im, uint64_t max, struct error *err)
{
	bool packed = true;
	for (unsigned layer = 0; packed && layer < MAX_NESTING; layer++)
		if (!unpack_once(im, max, &packed, err))
			return false;
	return true;
}
