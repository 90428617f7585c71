// SPDX-License-Identifier: Apache-2.0
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include "src/loaders/loader.h"

#define MAX_SIZE (2 << 20)	/* the kernels' own limit */

/* The node /chosen, made if it is not there; negative: libfdt's error. */
static int chosen(void *tree)
{
	int node = fdt_subnode_offset(tree, 0, "chosen");
	return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(tree, 0, "chosen") : node;
}

/* Sets what the command line gives; 0 or libfdt's error. */
static int fill_in(void *tree, const struct dtb_fixup *fix)
{
	int node = chosen(tree), bad = node < 0 ? node : 0;
	if (!bad && fix->bootargs)
		bad = fdt_setprop_string(tree, node, "bootargs", fix->bootargs);
	if (!bad && fix->initrd_end) {
		bad = fdt_setprop_u64(tree, node, "linux,initrd-start", fix->initrd_start);
		if (!bad)
			bad = fdt_setprop_u64(tree, node, "linux,initrd-end", fix->initrd_end);
	}
	if (!bad && fix->rng_seed)
		bad = fdt_setprop(tree, node, "rng-seed", fix->rng_seed, fix->rng_seed_size);
	return bad;
}

bool dtb_complete(const struct image *im, const struct dtb_fixup *fix, void **blob, unsigned *size, struct error *err)
{
	if (im->size < sizeof(struct fdt_header) || fdt_magic(im->bytes) != FDT_MAGIC)
		return image_error(im, err, "not a flattened device tree; make one with dtc -O dtb");
	if (im->size > MAX_SIZE)
		return image_error(im, err, "larger than 2 MiB, which no kernel takes");
	/* older ones lay names out otherwise, and libfdt's check trips over that */
	if (fdt_version(im->bytes) < 16)
		return image_error(im, err, "device tree format %u; only 16 and later are read, make it again with dtc",
				   fdt_version(im->bytes));
	int bad = fdt_check_full(im->bytes, im->size);
	if (bad)
		return image_error(im, err, "damaged device tree (%s); make it again with dtc", fdt_strerror(bad));
	int room = (int)im->size + 4096 + (fix->bootargs ? (int)strlen(fix->bootargs) : 0) + (int)fix->rng_seed_size;
	void *tree = calloc(1, room);
	if (!tree)
		return error_set(err, ERROR_HOST, "%s %s: out of memory", im->option, im->path);
	bad = fdt_open_into(im->bytes, tree, room);
	if (!bad)
		bad = fill_in(tree, fix);
	if (!bad)
		bad = fdt_pack(tree);
	if (bad) {
		free(tree);
		return image_error(im, err, "/chosen cannot be completed (%s)", fdt_strerror(bad));
	}
	*blob = tree;
	*size = fdt_totalsize(tree);
	return true;
}
