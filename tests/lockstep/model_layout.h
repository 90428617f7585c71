/* SPDX-License-Identifier: Apache-2.0 */
/* Where the machine of the model tests keeps what, for C and for its runner (model_runner.S). */
#pragma once

#define MODEL_BASE 0x80000000		/* the runner */
/* Page table: entries 1 and 511 lead to MODEL_DATA, 2 and 510 to MODEL_REST, whose first ones lead to the program's two tables. */
#define MODEL_ROOT 0x80007000
#define MODEL_DATA 0x80008000
#define MODEL_REST 0x80009000
#define MODEL_SHARED 0x8000a000		/* one page: the handler stores 1 to its beginning at an interrupt */
#define MODEL_STACK 0x8000b000		/* two pages */
#define MODEL_VARS 0x8000d000		/* the runner's own */
#define MODEL_INITIAL 0x80010000	/* what the data are like at the beginning */
#define MODEL_FRAMES 0x80040000		/* physical pages behind them */
#define MODEL_FRAMES_END 0x80070000
#define MODEL_LOG 0x80100000		/* a record for each trap */
#define MODEL_LOG_END 0x80200000	/* a program whose log is full ends */
#define MODEL_PROGRAMS 0x80200000	/* a header, a descriptor each, their pages */
#define MODEL_END 0x84000000

/* Pages of a program's second table, far from where its pointers get to */
#define MODEL_AT_STACK 64
#define MODEL_AT_SHARED 96	/* far from the stack, too */
#define MODEL_AT_CLINT 97
#define MODEL_AT_TEXT 128		/* not writable: stray stores would make other programs */
#define MODEL_TEXT_PAGES 192		/* at most; as far above, the same pages are writable and not executable */
#define MODEL_VIRTUAL 0x80000000	/* of entry 0 */
#define MODEL_TEXT (MODEL_VIRTUAL + MODEL_AT_TEXT * 4096)	/* a program's entry */
#define MODEL_SP (MODEL_VIRTUAL + (MODEL_AT_STACK + 2) * 4096 - 1024)	/* stores through sp go up, too */

/* As on QEMU's virt machine */
#define MODEL_CLINT 0x2000000
#define MODEL_UART 0x10000000
#define MODEL_TEST 0x100000		/* 0x5555 ends the run; QEMU ignores the two others */
#define MODEL_TEST_BEGIN 1		/* a program's run begins, ends */
#define MODEL_TEST_END 2

/* A record, in words of 64 bits */
#define RECORD_CAUSE 0
#define RECORD_EPC 1			/* 0 at an interrupt, which comes when it comes */
#define RECORD_TVAL 2
#define RECORD_STATUS 3
#define RECORD_FCSR 4
#define RECORD_X 4			/* x1 to x31 behind it; s10 and s11 0 at an interrupt */
#define RECORD_F 36
#define RECORD_WORDS 68
#define RECORD_SIZE 544

/* What is sent after each run: bytes of records, their digest, the memory's, and the last record. */
#define RESULT_WORDS (3 + RECORD_WORDS)
