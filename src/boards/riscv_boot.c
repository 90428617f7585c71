// SPDX-License-Identifier: Apache-2.0
/*
 * Images and entry. Three ways in:
 *   built-in SBI	kernel at RAM + 2 MiB, entered by hart 0 in S-mode (riscv_sbi.c)
 *   --firmware	firmware at RAM, kernel at RAM + 2 MiB; all harts enter the firmware in M-mode through the boot ROM
 *   bare	an ELF file at its own addresses or a flat one at RAM; all harts enter it like firmware
 * The initrd lies half-way up the RAM (at most 512 MiB above the kernel), where neither U-Boot nor OpenSBI, which work
 * at the two ends, run it over; the device tree at the top of the first GiB, with room after it for firmware that adds
 * nodes.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "src/boards/riscv_sbi.h"
#include "src/boards/riscv_virt.h"
#include "src/loaders/loader.h"

#define MIB	      ((uint64_t)1 << 20)
#define KERNEL_OFFSET (2 * MIB)
#define TREE_SLACK    (64 << 10)	/* OpenSBI and U-Boot add reserved memory and the like */
#define TREE_TOP      (1024 * MIB)	/* from the base of RAM: below 3 GiB, as firmware expects */
#define INITRD_ABOVE  (512 * MIB)
/* Where OpenSBI's fw_jump moves the tree to, from the base of RAM (platform/generic/objects.mk, FW_JUMP_FDT_OFFSET) */
#define JUMP_TREE      0x2200000
#define JUMP_TREE_SIZE (2 * MIB)

/* An executable image and where it goes. */
struct program {
	struct image image;
	bool elf;
	uint64_t entry, low, high;	/* [low, high): memory that it needs */
};

struct boot {
	struct program firmware, kernel;
	struct image initrd, dtb;
	uint64_t initrd_at, tree_at;
	void *tree;
	unsigned tree_size;
};

static uint64_t ram_end(const struct vm_config *c)
{
	return VIRT_RAM_BASE + c->ram;
}

static void boot_free(struct boot *b)
{
	image_free(&b->firmware.image);
	image_free(&b->kernel.image);
	image_free(&b->initrd);
	image_free(&b->dtb);
	free(b->tree);
}

/* ---- programs ---- */

static bool check_room(const struct program *p, const struct vm_config *c, struct error *err)
{
	if (p->low >= VIRT_RAM_BASE && p->high <= ram_end(c))
		return true;
	return image_error(&p->image, err, "needs memory 0x%llx-0x%llx, but RAM is 0x%llx-0x%llx; %s",
		(unsigned long long)p->low, (unsigned long long)p->high, (unsigned long long)VIRT_RAM_BASE,
		(unsigned long long)ram_end(c),
		p->low >= VIRT_RAM_BASE && p->low < ram_end(c) ? "give -m more"
			: p->low >> 63                         ? "give the kernel's Image instead of its ELF file"
							       : "link it for the board's RAM");
}

/* An ELF file, a Linux Image where that is allowed, or flat code for `at`. */
static bool open_program(struct program *p, const char *option, const char *path, uint64_t at, bool linux_allowed,
			 const struct vm_config *c, struct error *err)
{
	if (!image_read(&p->image, option, path, c->ram, err) || !image_unpack(&p->image, c->ram, err))
		return false;
	p->elf = elf_is(&p->image);
	if (p->elf) {
		struct elf_info info;
		if (!elf_check(&p->image, EM_RISCV, VIRT_RAM_BASE, &info, err))
			return false;
		p->entry = info.entry;
		p->low = info.low;
		p->high = info.high;
		return check_room(p, c, err);
	}
	p->entry = p->low = at;
	p->high = at + p->image.size;
	const char *foreign = image_foreign(&p->image);
	if (linux_allowed && linux_image_is(&p->image, LINUX_MAGIC_RISCV)) {
		struct linux_image header;
		if (!linux_image_parse(&p->image, LINUX_MAGIC_RISCV, &header, err))
			return false;
		if (header.memory > c->ram)
			return image_error(&p->image, err, "the kernel needs %llu MiB of memory; give -m more",
					   (unsigned long long)(header.memory >> 20));
		p->high = at + header.memory;
	} else if (foreign) {
		return image_error(&p->image, err, "this is %s; give a RISC-V %s", foreign,
				   linux_allowed ? "Linux Image, ELF file or flat binary" : "ELF file or flat binary");
	} else if (p->image.size < 4 || !(p->image.bytes[0] | p->image.bytes[1])) {
		/* 16 zero bits are no instruction (unprivileged manual, 1.5) */
		return image_error(
			&p->image, err, "does not begin with RISC-V code; give a Linux Image, ELF file or flat binary");
	}
	return check_room(p, c, err);
}

static bool overlap(const struct program *a, const struct program *b)
{
	return a->low < b->high && b->low < a->high;
}

static bool open_programs(struct boot *b, const struct vm_config *c, struct error *err)
{
	uint64_t kernel_at = VIRT_RAM_BASE + (c->bare ? 0 : KERNEL_OFFSET);
	if (c->firmware && !c->bare &&
		!open_program(&b->firmware, "--firmware", c->firmware, VIRT_RAM_BASE, false, c, err))
		return false;
	if (c->kernel &&
		!open_program(&b->kernel, c->bare ? "program" : "--kernel", c->kernel, kernel_at, !c->bare, c, err))
		return false;
	if (c->firmware && c->kernel && overlap(&b->firmware, &b->kernel))
		return image_error(&b->firmware.image, err,
			"reaches to 0x%llx, over the kernel at 0x%llx; leave --kernel out or give other firmware",
			(unsigned long long)b->firmware.high, (unsigned long long)b->kernel.low);
	return true;
}

static bool put_program(const struct program *p, struct machine *m, struct error *err)
{
	struct elf_info info;
	if (!p->image.bytes)
		return true;
	if (p->elf)
		return elf_load(&p->image, EM_RISCV, VIRT_RAM_BASE, &m->phys, &info, err);
	/* what follows a flat image in memory is left alone: kernels clear their bss */
	if (!load_bytes(&m->phys, p->low, p->image.bytes, p->image.size))
		return image_error(&p->image, err, "does not fit into RAM; give -m more");
	return true;
}

/* ---- initrd and tree ---- */

static uint64_t occupied_end(const struct boot *b)
{
	uint64_t end = VIRT_RAM_BASE;
	end = b->firmware.high > end ? b->firmware.high : end;
	return b->kernel.high > end ? b->kernel.high : end;
}

static bool build_tree(struct boot *b, struct machine *m, const struct vm_config *c, struct error *err)
{
	uint64_t initrd_end = b->initrd.bytes ? b->initrd_at + b->initrd.size : 0;
	free(b->tree);
	b->tree = NULL;
	if (!b->dtb.bytes)
		return riscv_build_tree(m, c, b->initrd_at, initrd_end, &b->tree, &b->tree_size, err);
	uint8_t seed[RNG_SEED_SIZE];
	riscv_rng_seed(c, seed);
	struct dtb_fixup fix = { c->append, b->initrd_at, initrd_end, seed, sizeof(seed) };
	return dtb_complete(&b->dtb, &fix, &b->tree, &b->tree_size, err);
}

static bool too_small(const struct boot *b, const struct vm_config *c, uint64_t need, struct error *err)
{
	return error_set(err, ERROR_USAGE,
		"%llu MiB of RAM are too few for kernel, initrd and device tree; give at least -m %lluM",
		(unsigned long long)(c->ram >> 20), (unsigned long long)((need + MIB - 1) >> 20));
}

static bool apart(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a + a_size <= b || b + b_size <= a;
}

static bool initrd_fits(const struct boot *b, const struct vm_config *c, uint64_t at, uint64_t size)
{
	return at < ram_end(c) && size <= ram_end(c) - at && apart(at, size, b->tree_at, b->tree_size + TREE_SLACK) &&
	       (!c->firmware || apart(at, size, VIRT_RAM_BASE + JUMP_TREE, JUMP_TREE_SIZE));
}

/* Chooses the places of initrd and tree. The tree's size does not depend on the addresses in it. */
static bool place(struct boot *b, struct machine *m, const struct vm_config *c, struct error *err)
{
	uint64_t used = occupied_end(b), top = c->ram < TREE_TOP ? ram_end(c) : VIRT_RAM_BASE + TREE_TOP;
	uint64_t initrd = (b->initrd.size + PAGE_SIZE - 1) & PAGE_MASK;
	uint64_t need = used - VIRT_RAM_BASE + initrd + b->tree_size + TREE_SLACK + 4 * MIB;
	if (b->tree_size + TREE_SLACK > top - VIRT_RAM_BASE)
		return too_small(b, c, need, err);
	b->tree_at = (top - b->tree_size - TREE_SLACK) & ~(2 * MIB - 1);
	if (b->tree_at < used) {
		/* a program larger than the first GiB: the tree goes to the very top */
		if (ram_end(c) - used < b->tree_size + TREE_SLACK + 2 * MIB)
			return too_small(b, c, need, err);
		b->tree_at = (ram_end(c) - b->tree_size - TREE_SLACK) & ~(2 * MIB - 1);
	}
	if (!initrd)
		return true;
	uint64_t half = c->ram / 2 < INITRD_ABOVE ? c->ram / 2 : INITRD_ABOVE;
	used = (used + PAGE_SIZE - 1) & PAGE_MASK;
	/* the best place first */
	const uint64_t candidate[] = {
		(VIRT_RAM_BASE + KERNEL_OFFSET + half) & PAGE_MASK,
		b->tree_at - initrd,
		VIRT_RAM_BASE + JUMP_TREE + JUMP_TREE_SIZE,
		used,
		(b->tree_at + b->tree_size + TREE_SLACK + PAGE_SIZE - 1) & PAGE_MASK,
	};
	for (unsigned i = 0; i < ARRAY_SIZE(candidate); i++) {
		b->initrd_at = candidate[i];
		if (candidate[i] >= used && initrd_fits(b, c, candidate[i], initrd))
			return true;
	}
	return too_small(b, c, need, err);
}

static bool prepare(struct boot *b, struct machine *m, const struct vm_config *c, struct error *err)
{
	if (c->initrd && !image_read(&b->initrd, "--initrd", c->initrd, c->ram, err))
		return false;
	if (c->dtb && !image_read(&b->dtb, "--dtb", c->dtb, 2 * MIB, err))
		return false;
	return open_programs(b, c, err) && build_tree(b, m, c, err) && place(b, m, c, err) && build_tree(b, m, c, err);
}

/* ---- entry ---- */

/* OpenSBI's include/sbi/fw_dynamic.h: what fw_dynamic.bin finds at a2; fw_jump.bin takes no notice of it. */
struct fw_dynamic_info {
	uint64_t magic, version, next_addr, next_mode, options, boot_hart;
};
#define FW_DYNAMIC_MAGIC   0x4942534f	/* "OSBI" */
#define FW_DYNAMIC_VERSION 2
#define FW_DYNAMIC_NEXT_S  1

/* The boot ROM: every hart starts at its first instruction, with a0 = hart, a1 = device tree, a2 = fw_dynamic_info. */
static bool put_rom(struct boot *b, struct machine *m, uint64_t entry, struct error *err)
{
	struct {
		uint32_t code[6];
		uint64_t entry, tree;
		struct fw_dynamic_info info;
	} rom = {
		.code = {
			0x00000297,	/* auipc t0, 0 */
			0x02828613,	/* addi a2, t0, 40 */
			0xf1402573,	/* csrr a0, mhartid */
			0x0202b583,	/* ld a1, 32(t0) */
			0x0182b283,	/* ld t0, 24(t0) */
			0x00028067,	/* jr t0 */
		},
		.entry = entry,
		.tree = b->tree_at,
		.info = {
			.magic = FW_DYNAMIC_MAGIC,
			.version = FW_DYNAMIC_VERSION,
			.next_addr = b->kernel.image.bytes ? b->kernel.entry : VIRT_RAM_BASE + KERNEL_OFFSET,
			.next_mode = FW_DYNAMIC_NEXT_S,
		},
	};
	_Static_assert(offsetof(typeof(rom), entry) == 24 && offsetof(typeof(rom), tree) == 32 &&
			offsetof(typeof(rom), info) == 40,
		"the offsets that the code uses");
	uint64_t at = riscv_virt_map[VIRT_MROM].base;
	if (!load_bytes(&m->phys, at, &rom, sizeof(rom)))
		return error_set(err, ERROR_HOST, "the boot ROM could not be written");
	for (unsigned i = 0; i < m->n_vcpus; i++) {
		m->vcpu[i]->pc = at;
		m->vcpu[i]->halted = false;
	}
	return true;
}

static bool put_all(struct boot *b, struct machine *m, const struct vm_config *c, struct error *err)
{
	if (!put_program(&b->firmware, m, err) || !put_program(&b->kernel, m, err))
		return false;
	if (!load_bytes(&m->phys, b->initrd_at, b->initrd.bytes, b->initrd.size) ||
	    !load_bytes(&m->phys, b->tree_at, b->tree, b->tree_size))
		return error_set(err, ERROR_HOST, "initrd and device tree do not fit into RAM; give -m more");
	if (c->firmware || c->bare)
		return put_rom(b, m, c->bare ? b->kernel.entry : b->firmware.entry, err);
	riscv_sbi_boot(m, b->kernel.entry, b->tree_at);
	return true;
}

bool riscv_load(struct machine *m, const struct vm_config *c, struct error *err)
{
	if (!c->kernel && (c->bare || !c->firmware))
		return error_set(err, ERROR_USAGE, "nothing to run: give --kernel FILE or --firmware FILE");
	struct boot b = { 0 };
	bool ok = prepare(&b, m, c, err) && put_all(&b, m, c, err) && riscv_start_consoles(m, err);
	boot_free(&b);
	return ok;
}

bool riscv_dump_dtb(struct machine *m, const struct vm_config *c, void **blob, unsigned *size, struct error *err)
{
	struct boot b = { 0 };
	bool ok = prepare(&b, m, c, err);
	if (ok) {
		*blob = b.tree;
		*size = b.tree_size;
		b.tree = NULL;
	}
	boot_free(&b);
	return ok;
}

bool riscv_find_htif(const struct vm_config *c, struct riscv_htif_place *place, struct error *err)
{
	struct image im;
	struct elf_symbol tohost, fromhost = { 0 };
	*place = (struct riscv_htif_place){ 0 };
	if (!image_read(&im, "program", c->kernel, c->ram, err))
		return false;
	bool found = image_unpack(&im, c->ram, err) && elf_symbol(&im, EM_RISCV, VIRT_RAM_BASE, "tohost", &tohost);
	if (found) {
		if (!elf_symbol(&im, EM_RISCV, VIRT_RAM_BASE, "fromhost", &fromhost))
			fromhost.address = 0;
		*place = (struct riscv_htif_place){ tohost.address, tohost.size, fromhost.address };
	}
	image_free(&im);
	return found;
}
