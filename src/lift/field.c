// SPDX-License-Identifier: Apache-2.0
/* Which member of struct vcpu a line of IR or machine code names by its offset. */
#include <stdlib.h>
#include <string.h>
#include "backend/stencil/abi.h"
#include "src/lift/lift.h"

#define IN(member) { offsetof(struct vcpu, member), sizeof(((struct vcpu *)0)->member), #member }

static const struct { size_t offset, size; const char *name; } members[] = {
	IN(icount), IN(deadline), IN(tlb[0].entries), IN(tlb[0].mask), IN(tlb[1].entries), IN(tlb[1].mask), IN(window_table), IN(jump_cache), IN(jump_key),
	IN(pc), IN(exec), IN(exception.cause), IN(exception.value), IN(exception.pending), IN(reservation.pa), IN(reservation.size),
	IN(reservation.value), IN(fp_control), IN(fp_flags), IN(tripped),
};

static const char *name_at(const struct lift *l, uint64_t offset)
{
	uint64_t slot = (offset - offsetof(struct vcpu, reg)) / sizeof(uint64_t);
	if (offset >= offsetof(struct vcpu, reg) && slot < VCPU_SLOTS)
		return l->source->frontend->slot_name((unsigned)slot);
	for (unsigned i = 0; i < ARRAY_SIZE(members); i++)
		if (offset - members[i].offset < members[i].size)
			return members[i].name;
	return NULL;
}

/* AT&T "0x68(%r12)" and "(%r12)", Intel "[r12 + 0x68]" and "[r12]": the first argument of generated code is the vCPU (backend/stencil/abi.h). */
static bool host_offset(const char *text, uint64_t *offset)
{
	const char *att = strstr(text, "(%r12)"), *intel = strstr(text, "[r12]"), *sum = strstr(text, "[r12 + 0x");
	if (sum) {
		char *end;
		*offset = strtoull(sum + 7, &end, 16);
		return *end == ']';
	}
	if (!att) {
		*offset = 0;
		return intel;
	}
	const char *at = att;
	while (at > text && !strchr(" ,-*", at[-1]))
		at--;
	*offset = strtoull(at, NULL, 16);
	return at == text || at[-1] != '-';
}

/* "getelementptr inbounds i8, ptr %0, i64 104" */
static bool ir_offset(const char *text, uint64_t *offset)
{
	static const char address[] = "getelementptr inbounds i8, ptr %0, i64 ";
	const char *at = strstr(text, address);
	char *end;
	if (!at)
		return false;
	*offset = strtoull(at + sizeof address - 1, &end, 10);
	return !*end;
}

const char *lift_member(const struct lift *l, const struct listing_line *line)
{
	uint64_t offset;
	bool found = line->insn && (line->size ? host_offset : ir_offset)(line->text, &offset);
	return found ? name_at(l, offset) : NULL;
}
