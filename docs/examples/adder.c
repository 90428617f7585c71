/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine with a device of our own: the guest program below writes the numbers 1 to 10 to an adder at 0x40000000,
 *reads the sum, and hands it to the board's test device as its exit code. Build it with
 *
 *	cc adder.c $(pkg-config --cflags --libs calque) -o adder
 */
#include <calque/calque.h>
#include <inttypes.h>
#include <stdio.h>

/* RISC-V machine code; the board starts nothing by itself, so any place in RAM will do. */
#define ENTRY 0x80000000u
static const uint32_t program[] = {
	0x400002b7,	/*	lui	t0, 0x40000	the adder */
	0x00100313,	/*	li	t1, 1 */
	0x0062b023,	/* 1:	sd	t1, 0(t0)	add t1 */
	0x00130313,	/*	addi	t1, t1, 1 */
	0x00b00393,	/*	li	t2, 11 */
	0xfe731ae3,	/*	bne	t1, t2, 1b */
	0x0082b503,	/*	ld	a0, 8(t0)	the sum */
	0x00100e37,	/*	lui	t3, 0x100	the test device */
	0x01051513,	/*	slli	a0, a0, 16	code << 16 | 0x3333: end with this code */
	0x00003eb7,	/*	lui	t4, 3 */
	0x333e8e93,	/*	addi	t4, t4, 0x333 */
	0x01d56533,	/*	or	a0, a0, t4 */
	0x00ae2023,	/*	sw	a0, 0(t3) */
	0x0000006f,	/* 2:	j	2b */
};

/* The adder: a write to offset 0 adds, a read of offset 8 gives the sum. One vCPU, hence no lock. */
struct adder {
	uint64_t sum;
	unsigned writes;
};

static bool adder_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value)
{
	struct adder *a = opaque;
	if (offset != 8 || size != 8)
		return false;	/* an access fault for the guest */
	*value = a->sum;
	return true;
}

static bool adder_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
	struct adder *a = opaque;
	if (offset != 0 || size != 8)
		return false;
	a->sum += value;
	a->writes++;
	return true;
}

static bool on_event(void *opaque, const struct calque_event *e)
{
	FILE *out = opaque;
	if (e->kind == CALQUE_EVENT_EXIT)
		fprintf(out, "the guest ended with code %" PRIu64 "\n", e->exit->code);
	return false;
}

int main(void)
{
	struct calque_error err;
	struct calque_exit exit;
	struct adder adder = { 0 };
	const struct calque_device device = { adder_read, adder_write };
	calque_vm *vm = NULL;
	int status = 1;

	calque_config *c = calque_config_new();
	if (!c)
		return 1;
	if (!calque_config_set(c, "ram", "16M", &err) ||
		!calque_config_add_device(c, 0x40000000, 0x1000, "adder", &device, &adder, &err))
		goto fail;
	vm = calque_vm_create(c, &err);
	if (!vm || !calque_memory_write(vm, ENTRY, program, sizeof program, &err) ||
		!calque_vcpu_write_register(vm, 0, "pc", ENTRY, &err) ||
		!calque_vm_observe(vm, CALQUE_EVENT_EXIT, on_event, stdout, &err))
		goto fail;

	/* The first four instructions alone, to look at the guest's registers. */
	uint64_t t1, ran = calque_vm_run(vm, 0, 4);
	if (!calque_vcpu_read_register(vm, 0, "t1", &t1, &err))
		goto fail;
	printf("after %" PRIu64 " instructions t1 is %" PRIu64 "\n", ran, t1);

	/* The rest, on the VM's own threads. */
	if (!calque_vm_start(vm, &err))
		goto fail;
	if (!calque_vm_wait(vm, 10000000000, &exit)) {
		fprintf(stderr, "adder: no end after ten seconds\n");
		goto out;
	}
	printf("%u writes, %" PRIu64 " instructions\n", adder.writes, calque_vcpu_instructions(vm, 0));
	status = exit.cause == CALQUE_EXIT_CODE && exit.code == adder.sum ? 0 : 1;
	goto out;
fail:
	fprintf(stderr, "adder: %s\n", err.text);
out:
	calque_vm_destroy(vm);
	calque_config_free(c);
	return status;
}
