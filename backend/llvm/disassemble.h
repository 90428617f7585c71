/* SPDX-License-Identifier: Apache-2.0 */
/* Disassembly of this host's code. One object for each thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/* What stands at an address that a branch leads to, as long as the disassembler lives; NULL: nothing that has a name. */
typedef const char *host_place(void *opaque, uint64_t address);

struct disassembler;
/* intel: Intel's syntax, else AT&T's. NULL: LLVM has no disassembler for this host, or there is no memory. */
struct disassembler *disassembler_create(bool intel, host_place *place, void *opaque);
void disassembler_destroy(struct disassembler *d);
/* One instruction, which runs at `address`. Returns its bytes; what is none is one byte. */
unsigned disassemble_one(struct disassembler *d, const uint8_t *code, size_t size, uint64_t address, char *text, size_t text_size);
