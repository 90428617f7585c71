/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guest code takes in from outside while it runs: answers of devices, interrupt lines, memory that others write. One machine, the
 * recorder, writes it down; another one, its mirror, has the same ranges, memory of its own and no devices: its guest code gets what was
 * written down, in the same order, and its accesses to devices must be the same ones.
 *
 * Time is not in here: in deterministic machines it follows from the instruction count. Both machines have one vCPU, on one thread. Memory may be
 * reported from any thread; what another thread writes reaches the mirror where the recorder next asks for something from outside.
 */
#pragma once
#include <pthread.h>
#include "runtime/phys.h"

struct vcpu;

enum journal_kind { JOURNAL_READ, JOURNAL_WRITE, JOURNAL_LINES, JOURNAL_MEMORY };

struct journal_entry {
	enum journal_kind kind;
	bool refused;		/* READ, WRITE: the device did not answer */
	uint8_t size;		/* READ, WRITE */
	uint64_t pa;		/* all but LINES */
	uint64_t value;		/* READ, WRITE: the data; LINES: the lines; MEMORY: how many bytes */
	uint8_t *bytes;		/* MEMORY: a copy, the journal's */
};

struct journal {
	struct machine *recorder, *mirror;
	pthread_mutex_t lock;	/* of entry, n, room and lost */
	struct journal_entry *entry;
	unsigned n, room;
	bool lost;		/* there was no memory for an entry */
	/* ---- the vCPU's thread alone ---- */
	unsigned next;		/* what the mirror takes next */
	unsigned in_device;	/* the recorder is in so many calls of devices */
	bool recording, replaying;	/* guest code of the recorder, or of the mirror, is running */
	char mismatch[160];	/* how the mirror left what is written down; empty: it has not */
};

void journal_init(struct journal *j, struct machine *recorder, struct machine *mirror);
void journal_free(struct journal *j);

/* The recorder's guest code is about to run, or has stopped. */
void journal_record(struct journal *j, bool on);
/* The mirror's is about to run; memory that was written while the recorder's did not run is written there, too. */
void journal_replay(struct journal *j);
/* It has stopped: what it has not asked for is a mismatch. */
void journal_replayed(struct journal *j);
/* Forgets all that is written down. */
void journal_clear(struct journal *j);

/* ---- for machines that have a journal (machine->journal), in place of asking directly ---- */
/* An access to a device, or with `ops` a range's watch, of a store that its watch sees. */
MUST_CHECK bool journal_read(struct vcpu *cpu, const struct phys_range *r, uint64_t offset, unsigned size, uint64_t *value);
MUST_CHECK bool journal_write(struct vcpu *cpu, const struct phys_range *r, const struct mmio_ops *ops, uint64_t offset, unsigned size,
			      uint64_t value);
/* The interrupt lines that guest code sees where they are `lines`. */
uint64_t journal_lines(const struct vcpu *cpu, uint64_t lines);
/* These bytes of RAM or ROM have been written, by whomsoever. What guest code writes by itself is not written down. Any thread. */
void journal_memory(struct machine *m, gpa_t at, const void *bytes, uint64_t size);
