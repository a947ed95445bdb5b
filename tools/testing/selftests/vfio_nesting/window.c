// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window: memory of the guest that a device writes to, over and over
 */
#include <string.h>
#include <unistd.h>

#include "window.h"

void window_map(struct pgtable *pt, uint64_t gpa)
{
	uint64_t gva;

	for (gva = 0; gva < SIZE_1G; gva += WINDOW_SIZE)
		pgtable_map(pt, GVA_DST + gva, gpa, WINDOW_SIZE, PGT_READ_WRITE);
}

bool window_is_quiet(void *memory)
{
	static const uint8_t zero[SIZE_4K];
	size_t i;

	memset(memory, 0, WINDOW_SIZE);
	usleep(20000);
	for (i = 0; i < WINDOW_SIZE; i += SIZE_4K)
		if (memcmp((uint8_t *)memory + i, zero, SIZE_4K))
			return false;
	return true;
}

bool window_is_written(void *memory)
{
	unsigned int i;

	for (i = 0; i < 3000; i++)
		if (!window_is_quiet(memory))
			return true;
	return false;
}
