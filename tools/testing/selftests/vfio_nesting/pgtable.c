// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of a guest process, first stage, 4 or 5 levels
 */
#include <string.h>

#include "pgtable.h"

#define TABLE_ADDRESS	0x000ffffffffff000ULL

static uint64_t new_table(struct pgtable *pt)
{
	uint64_t gpa = vmm_alloc(pt->vmm, SIZE_4K, SIZE_4K);

	memset(vmm_ptr(pt->vmm, gpa), 0, SIZE_4K);
	return gpa;
}

void pgtable_init(struct pgtable *pt, struct vmm *vmm, unsigned int levels)
{
	pt->vmm = vmm;
	pt->levels = levels;
	pt->root = new_table(pt);
}

static unsigned int level_of(uint64_t size)
{
	return size == SIZE_1G ? 3 : size == SIZE_2M ? 2 : 1;
}

volatile uint64_t *pgtable_entry(struct pgtable *pt, uint64_t gva,
				 uint64_t size)
{
	unsigned int level = pt->levels;
	volatile uint64_t *entry;
	uint64_t table = pt->root;

	for (;; level--) {
		entry = (uint64_t *)vmm_ptr(pt->vmm, table) +
			(gva >> (12 + 9 * (level - 1)) & 511);
		if (level == level_of(size))
			return entry;
		if (!(*entry & PGT_PRESENT))
			*entry = new_table(pt) | PGT_READ_WRITE;
		table = *entry & TABLE_ADDRESS;
	}
}

void pgtable_map(struct pgtable *pt, uint64_t gva, uint64_t gpa, uint64_t size,
		 uint64_t rights)
{
	*pgtable_entry(pt, gva, size) =
		gpa | rights | (size == SIZE_4K ? 0 : PGT_LARGE);
}
