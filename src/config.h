/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM is made from. Options, the public API and tests all fill this one struct; vm_create copies what it keeps.
 */
#pragma once
#include "runtime/tuning.h"

struct chardev;

struct disk_config {
	char *path;
	bool readonly;
	bool overlay_tmp;	/* writes go to a temporary overlay; the image never changes */
	char *serial;		/* virtio-blk serial, may be NULL */
};

struct net_config {
	char *hostfwd[16];	/* "tcp:127.0.0.1:2222-:22" */
	unsigned n_hostfwd;
	uint8_t mac[6];		/* all 0: chosen */
	bool restrict_guest;	/* no way out but hostfwd */
};

/* RAM or a device of the embedding program's own, added to the board's. */
struct mmio_ops;
struct range_config {
	uint64_t base, size;
	char *name;
	const struct mmio_ops *ops;	/* NULL: RAM */
	void *opaque;
};

struct vm_config {
	char *arch;		/* "riscv64" */
	char *board;		/* NULL: the architecture's default ("virt") */
	char *cpu;		/* NULL: the frontend's default */
	char *engine;		/* NULL: the first of engines[] (backend/engine.h) */
	unsigned jit_threads;	/* machine->jit_threads */
	uint64_t code_cache;	/* bytes, machine->code_cache_bytes; 0: the default */
	struct tuning tuning;
	unsigned memory;	/* enum memory_mode */
	unsigned against;	/* enum lockstep_side */
	char *cache;		/* directory for machine code between runs; NULL or "off": none */
	uint64_t cache_size;	/* bytes that it may take; 0: the default */
	uint64_t ram;		/* bytes */
	unsigned smp;
	char *kernel, *initrd, *append, *dtb, *firmware;	/* paths; append is text */
	struct disk_config disk[16];
	unsigned n_disks;
	struct net_config net[4];
	unsigned n_nets;
	struct chardev *serial;	/* first UART; owned by the VM from vm_create on; NULL: nowhere */
	struct chardev *virtio_console;	/* virtio console; NULL: no such device */
	bool deterministic;
	bool has_seed;
	uint64_t seed;		/* virtio-rng and the kernel's rng-seed; without: host entropy */
	uint32_t log;		/* LOG_* */
	void *log_file;		/* FILE *, the caller's */
	bool stats;
	bool profile;		/* the machine may be sampled (runtime/sampler.h) */
	bool bare;		/* conform: no kernel protocol, no SBI; HTIF and the test device only */
	struct range_config extra[16];
	unsigned n_extra;
};

/* An empty config with defaults, and its release (strings and arrays; not log_file). */
void vm_config_init(struct vm_config *c);
void vm_config_free(struct vm_config *c);

/*
 * Fills in defaults and checks all that can be checked before anything is built: names of architecture, board,
 * processor and engine, sizes, files that must exist, options that exclude each other.
 */
struct frontend;
struct board_ops;
struct exec_ops;
struct vm_parts {
	const struct frontend *frontend;
	const struct board_ops *board;
	const struct exec_ops *engine;
};
MUST_CHECK bool vm_config_resolve(struct vm_config *c, struct vm_parts *parts, struct error *err);
