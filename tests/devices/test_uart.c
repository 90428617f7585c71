// SPDX-License-Identifier: Apache-2.0
/* The 16550: what the data sheet says of its registers, the probing sequences of drivers, and a hostile part. */
#include "devices/uart16550.h"
#include "tests/check_main.h"
#include "tests/devices/harness.h"

#define BASE 0x10000000
enum { RBR = BASE, THR = BASE, DLL = BASE, IER, IIR, FCR = IIR, LCR, MCR, LSR, MSR, SCR };

static struct rig rig;
static struct memory_chardev console;
static struct line_probe irq;
static struct device *uart;

static void setup(void)
{
	rig_init(&rig, 1);
	console = memory_chardev();
	irq = (struct line_probe){ 0 };
	uart = uart16550_new(&rig.m, &console.c, 3686400);
	uart->irq = (struct irq_line){ line_probe_set, &irq, 0 };
	rig_attach(&rig, uart, BASE, UART16550_SIZE);
	bus_reset(&rig.bus);
}

static void teardown(void)
{
	rig_done(&rig);
}

static uint8_t rd(uint64_t reg)
{
	return rig_read(&rig, reg, 1);
}

static void wr(uint64_t reg, uint8_t value)
{
	rig_write(&rig, reg, 1, value);
}

/* As a backend does: never more than can be received. Returns how many bytes were taken. */
static unsigned feed(const char *text)
{
	unsigned n = 0, room;
	while (text[n] && (room = console.c.can_receive(console.c.front)) > 0) {
		unsigned left = strlen(text + n), k = left < room ? left : room;
		console.c.receive(console.c.front, (const uint8_t *)text + n, k);
		n += k;
	}
	return n;
}

START_TEST(sends)
{
	for (const char *s = "Hello\n"; *s; s++) {
		ck_assert_uint_eq(rd(LSR) & 0x60, 0x60);
		wr(THR, *s);
	}
	ck_assert_str_eq(console.text, "Hello\n");
	uart16550_send(uart, (const uint8_t *)"sbi", 3);
	ck_assert_str_eq(console.text, "Hello\nsbi");
}
END_TEST

START_TEST(transmit_interrupt)
{
	ck_assert_uint_eq(rd(IIR), 0x01);
	wr(IER, 2);
	ck_assert(irq.level);			/* enabling it while THR is empty raises it */
	ck_assert_uint_eq(rd(IIR), 0x02);
	ck_assert(!irq.level);			/* reading IIR clears it */
	ck_assert_uint_eq(rd(IIR), 0x01);
	wr(THR, 'x');
	ck_assert(irq.level);
	wr(IER, 0);
	ck_assert(!irq.level);
	wr(IER, 2);
	ck_assert(irq.level);
}
END_TEST

START_TEST(receives_without_fifo)
{
	wr(IER, 1);
	ck_assert_uint_eq(feed("ab"), 1);	/* one holding register */
	ck_assert(irq.level);
	ck_assert_uint_eq(rd(IIR), 0x04);
	ck_assert_uint_eq(rd(LSR) & 1, 1);
	ck_assert_uint_eq(console.kicks, 0);
	ck_assert_uint_eq(rd(RBR), 'a');
	ck_assert_uint_eq(console.kicks, 1);	/* the backend is told that there is room again */
	ck_assert(!irq.level);
	ck_assert_uint_eq(rd(LSR) & 1, 0);
	ck_assert_uint_eq(rd(RBR), 'a');
	ck_assert_uint_eq(feed("c"), 1);
	ck_assert_uint_eq(rd(RBR), 'c');
	ck_assert_uint_eq(console.kicks, 1);
}
END_TEST

START_TEST(receives_with_fifo)
{
	wr(FCR, 0x81);				/* trigger level 8 */
	wr(IER, 1);
	ck_assert_uint_eq(feed("1234567"), 7);
	ck_assert_uint_eq(rd(IIR), 0xcc);	/* below the level: time-out */
	feed("8");
	ck_assert_uint_eq(rd(IIR), 0xc4);
	ck_assert_uint_eq(feed("9abcdefghi"), 8);	/* 16 in all */
	for (const char *s = "123456789abcdefg"; *s; s++)
		ck_assert_uint_eq(rd(RBR), *s);
	ck_assert(!irq.level);
	ck_assert_uint_eq(rd(IIR), 0xc1);
	ck_assert_uint_eq(console.kicks, 1);
	feed("xyz");
	wr(FCR, 0x83);				/* clear the receive FIFO */
	ck_assert_uint_eq(rd(LSR) & 1, 0);
	ck_assert(!irq.level);
	feed("xyz");
	wr(FCR, 0);				/* turning FIFOs off clears, too */
	ck_assert_uint_eq(rd(LSR) & 1, 0);
	ck_assert_uint_eq(rd(IIR), 0x01);
	uint8_t taken[4];
	wr(FCR, 1);
	feed("pq");
	ck_assert_uint_eq(uart16550_take(uart, taken, 4), 2);
	ck_assert(!memcmp(taken, "pq", 2));
	ck_assert_uint_eq(uart16550_take(uart, taken, 4), 0);
}
END_TEST

START_TEST(divisor_and_scratch)
{
	wr(SCR, 0x5a);
	ck_assert_uint_eq(rd(SCR), 0x5a);
	wr(IER, 0xff);
	ck_assert_uint_eq(rd(IER), 0x0f);
	wr(LCR, 0x83);
	wr(DLL, 0x12);
	wr(IER, 0x34);
	ck_assert_uint_eq(rd(DLL), 0x12);
	ck_assert_uint_eq(rd(IER), 0x34);
	wr(LCR, 0x03);
	ck_assert_uint_eq(rd(IER), 0x0f);
	ck_assert_uint_eq(rd(LCR), 0x03);
	ck_assert_uint_eq(console.size, 0);	/* DLL is not THR */
	wr(MCR, 0xff);
	ck_assert_uint_eq(rd(MCR), 0x1f);
}
END_TEST

START_TEST(modem_lines_and_loop)
{
	ck_assert_uint_eq(rd(MSR) & 0xf0, 0xb0);	/* DCD, DSR, CTS */
	/* the 8250 driver's test for the loop mode: RTS and OUT2 must read back as CTS and DCD */
	wr(MCR, 0x1a);
	ck_assert_uint_eq(rd(MSR) & 0xf0, 0x90);
	wr(MCR, 0x1f);
	ck_assert_uint_eq(rd(MSR) & 0xf0, 0xf0);
	ck_assert_uint_eq(rd(MSR) & 0x0f, 0);		/* reading clears the deltas */
	wr(IER, 8);
	wr(MCR, 0x13);					/* OUT1 falls: trailing edge of RI; OUT2 falls: DCD */
	ck_assert(irq.level);
	ck_assert_uint_eq(rd(IIR), 0x00);
	ck_assert_uint_eq(rd(MSR), 0x30 | 0x0c);
	ck_assert(!irq.level);
	wr(IER, 0);
	wr(THR, 'L');
	ck_assert_uint_eq(console.size, 0);
	ck_assert_uint_eq(rd(RBR), 'L');
	wr(IER, 4);
	wr(THR, 'M');
	wr(THR, 'N');					/* overrun: the second replaces the first */
	ck_assert_uint_eq(rd(IIR), 0x06);
	ck_assert_uint_eq(rd(LSR), 0x63);
	ck_assert(!irq.level);
	ck_assert_uint_eq(rd(LSR), 0x61);
	ck_assert_uint_eq(rd(RBR), 'N');
	wr(FCR, 1);
	for (unsigned i = 0; i < 20; i++)
		wr(THR, 'a' + i);
	ck_assert_uint_eq(rd(LSR), 0x63);
	for (unsigned i = 0; i < 16; i++)		/* with FIFO the new ones are lost */
		ck_assert_uint_eq(rd(RBR), 'a' + i);
	ck_assert_uint_eq(rd(LSR), 0x60);
	ck_assert_uint_eq(console.c.can_receive(console.c.front), 0);	/* nothing from outside meanwhile */
	wr(MCR, 0);
	ck_assert_uint_eq(console.kicks, 1);
	ck_assert_uint_eq(console.c.can_receive(console.c.front), 16);
}
END_TEST

/* Line status before data before transmitter before modem (table II). */
START_TEST(interrupt_priority)
{
	wr(MCR, 0x10);
	wr(IER, 0x0f);
	wr(THR, 1);
	wr(THR, 2);
	wr(MCR, 0x12);
	ck_assert_uint_eq(rd(IIR), 0x06);
	rd(LSR);
	ck_assert_uint_eq(rd(IIR), 0x04);
	rd(RBR);
	ck_assert_uint_eq(rd(IIR), 0x02);
	ck_assert_uint_eq(rd(IIR), 0x00);
	rd(MSR);
	ck_assert_uint_eq(rd(IIR), 0x01);
	ck_assert(!irq.level);
}
END_TEST

START_TEST(hostile)
{
	uint64_t v, state = 7;
	ck_assert(!rig_try_read(&rig, BASE, 4, &v));
	ck_assert(!rig_try_write(&rig, BASE, 2, 0));
	ck_assert_uint_eq(rig_read(&rig, BASE + 0x80, 1), 0);
	for (unsigned i = 0; i < 20000; i++) {
		rig_hostile(&rig, BASE, i & 1 ? 8 : UART16550_SIZE, 10);
		console.size = 0;
		feed(&"some text that is longer than a FIFO"[rig_random(&state) % 36]);
	}
	bus_reset(&rig.bus);
	ck_assert(!irq.level);
	wr(THR, '!');
	console.text[console.size] = 0;
	ck_assert_str_eq(console.text, "!");
}
END_TEST

START_TEST(without_backend)
{
	struct device *none = uart16550_new(&rig.m, NULL, 1);
	rig_attach(&rig, none, BASE + 0x1000, UART16550_SIZE);
	rig_write(&rig, BASE + 0x1000, 1, 'x');
	rig_hostile(&rig, BASE + 0x1000, 8, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uart16550");
	TCase *t = tcase_create("uart16550");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sends);
	tcase_add_test(t, transmit_interrupt);
	tcase_add_test(t, receives_without_fifo);
	tcase_add_test(t, receives_with_fifo);
	tcase_add_test(t, divisor_and_scratch);
	tcase_add_test(t, modem_lines_and_loop);
	tcase_add_test(t, interrupt_priority);
	tcase_add_test(t, hostile);
	tcase_add_test(t, without_backend);
	suite_add_tcase(s, t);
	return run_suites("uart16550", 1, &s);
}
