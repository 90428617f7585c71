// SPDX-License-Identifier: Apache-2.0
/*
 * Semihosting for bare programs: output, exit status and clock, no host files ("RISC-V Semihosting", version 1.0, which
 * takes its operations from "Semihosting for AArch32 and AArch64"). a0 = operation and result, a1 = parameter block.
 */
#include <inttypes.h>
#include <string.h>
#include "src/boards/riscv_virt.h"

enum {
	SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITEC = 0x03, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06,
	SYS_READC = 0x07, SYS_ISERROR = 0x08, SYS_ISTTY = 0x09, SYS_CLOCK = 0x10, SYS_TIME = 0x11, SYS_ERRNO = 0x13,
	SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20, SYS_ELAPSED = 0x30, SYS_TICKFREQ = 0x31,
};
enum { A0 = SLOT_X + 10, A1 = SLOT_X + 11 };
#define APPLICATION_EXIT 0x20026	/* ADP_Stopped_ApplicationExit */
#define CONSOLE_HANDLE	 1
#define OUTPUT_MAX	 ((uint64_t)1 << 20)	/* bytes that one call writes at most: a vCPU must not stay here */
#define FAILED		 (~(uint64_t)0)

/* The part of [va, va + size) up to the end of its page. False: not mapped, or not in RAM. */
static bool read_page(struct vcpu *cpu, uint64_t va, void *to, uint64_t *size)
{
	uint64_t pa, left = PAGE_SIZE - va % PAGE_SIZE;
	if (*size > left)
		*size = left;
	return mmu_debug_translate(cpu, va, &pa) && phys_read(&cpu->machine->phys, GPA(pa), to, *size);
}

static bool read_guest(struct vcpu *cpu, uint64_t va, void *to, uint64_t size)
{
	uint8_t *at = to;
	while (size) {
		uint64_t n = size;
		if (!read_page(cpu, va, at, &n))
			return false;
		va += n;
		at += n;
		size -= n;
	}
	return true;
}

static void output(struct vcpu *cpu, const uint8_t *bytes, unsigned n)
{
	struct chardev *c = riscv_virt(cpu->machine)->console[0];
	if (c && n)
		c->write(c, bytes, n);
}

/* Writes `size` bytes, or with `text` those before the first NUL. Returns how many were written. */
static uint64_t output_guest(struct vcpu *cpu, uint64_t va, uint64_t size, bool text)
{
	uint8_t part[256];
	uint64_t done = 0;
	while (done < size && done < OUTPUT_MAX) {
		uint64_t n = size - done < sizeof(part) ? size - done : sizeof(part);
		if (!read_page(cpu, va + done, part, &n))
			break;
		const uint8_t *end = text ? memchr(part, 0, n) : NULL;
		if (end)
			n = end - part;
		output(cpu, part, n);
		done += n;
		if (end)
			break;
	}
	return done;
}

/* SYS_EXIT takes a block of two words on 64-bit machines, as SYS_EXIT_EXTENDED does. */
static void exit_call(struct vcpu *cpu, uint64_t block)
{
	uint64_t word[2];
	if (!read_guest(cpu, block, word, sizeof(word)))
		word[0] = block, word[1] = 0;	/* the 32-bit form: the reason itself */
	uint64_t code = word[0] == APPLICATION_EXIT ? word[1] : 1;
	if (code)
		machine_end(cpu->machine, EXIT_CODE, code,
			"the guest ended with code %" PRIu64 " (semihosting, reason 0x%" PRIx64 ")", code, word[0]);
	else
		machine_end(cpu->machine, EXIT_POWEROFF, 0, "the guest ended (semihosting)");
	vcpu_trip(cpu);
}

static uint64_t write_call(struct vcpu *cpu, uint64_t block)
{
	uint64_t word[3];	/* handle, bytes, count; the result counts what was not written */
	if (!read_guest(cpu, block, word, sizeof(word)) || word[0] != CONSOLE_HANDLE)
		return FAILED;
	return word[2] - output_guest(cpu, word[1], word[2], false);
}

/* Only the console's special name ":tt" can be opened. */
static uint64_t open_call(struct vcpu *cpu, uint64_t block)
{
	uint64_t word[3];	/* name, mode, length */
	char name[3];
	if (!read_guest(cpu, block, word, sizeof(word)) || word[2] != sizeof(name) ||
		!read_guest(cpu, word[0], name, sizeof(name)))
		return FAILED;
	return memcmp(name, ":tt", sizeof(name)) ? FAILED : CONSOLE_HANDLE;
}

static uint64_t first_word(struct vcpu *cpu, uint64_t block)
{
	uint64_t word;
	return read_guest(cpu, block, &word, sizeof(word)) ? word : FAILED;
}

static uint64_t call(struct vcpu *cpu, uint64_t op, uint64_t arg)
{
	switch (op) {
	case SYS_OPEN:
		return open_call(cpu, arg);
	case SYS_CLOSE:
		return first_word(cpu, arg) == CONSOLE_HANDLE ? 0 : FAILED;
	case SYS_WRITEC:
		output_guest(cpu, arg, 1, false);
		return 0;
	case SYS_WRITE0:
		output_guest(cpu, arg, UINT64_MAX, true);
		return 0;
	case SYS_WRITE:
		return write_call(cpu, arg);
	case SYS_READ: {
		uint64_t word[3];	/* at the end of the file: nothing of the count was read */
		return read_guest(cpu, arg, word, sizeof(word)) && word[0] == CONSOLE_HANDLE ? word[2] : FAILED;
	}
	case SYS_ISERROR:
		return (int64_t)first_word(cpu, arg) < 0;
	case SYS_ISTTY:
		return first_word(cpu, arg) == CONSOLE_HANDLE;
	case SYS_CLOCK:
		return clock_now(cpu->machine) / 10000000;
	case SYS_TIME:
		return clock_wall(cpu->machine) / 1000000000;
	case SYS_ERRNO:
		return 0;
	case SYS_EXIT:
	case SYS_EXIT_EXTENDED:
		exit_call(cpu, arg);
		return 0;
	case SYS_TICKFREQ:
		return 1000000000;
	case SYS_READC:
	default:
		return FAILED;
	}
}

bool riscv_semihost(struct vcpu *cpu)
{
	/* slli x0, x0, 0x1f; ebreak; srai x0, x0, 7: all uncompressed and in one page */
	static const uint32_t marker[3] = { 0x01f01013, 0x00100073, 0x40705013 };
	uint32_t code[3];
	if (cpu->pc % PAGE_SIZE < 4 || cpu->pc % PAGE_SIZE > PAGE_SIZE - 8 ||
	    !read_guest(cpu, cpu->pc - 4, code, sizeof(code)) || memcmp(code, marker, sizeof(code)))
		return false;
	uint64_t op = cpu->reg[A0], result = call(cpu, op, cpu->reg[A1]);
	if (op == SYS_ELAPSED) {
		uint64_t ticks = clock_now(cpu->machine);
		result = mmu_store(cpu, cpu->reg[A1], 8, ticks) ? 0 : FAILED;
		cpu->exception.pending = false;
	}
	cpu->reg[A0] = result;
	cpu->pc += 4;
	return true;
}
