/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables of a guest process, first stage, 4 or 5 levels
 *
 * Entries are those of x86 and of VT-d's first stage. Nothing is invalidated
 * here: that is up to the caller, as in a guest.
 */
#ifndef PGTABLE_H
#define PGTABLE_H

#include <stdint.h>

#include "vmm.h"

#define PGT_PRESENT	(1ULL << 0)
#define PGT_WRITE	(1ULL << 1)
#define PGT_USER	(1ULL << 2)
#define PGT_ACCESSED	(1ULL << 5)
#define PGT_DIRTY	(1ULL << 6)
#define PGT_LARGE	(1ULL << 7)
#define PGT_NX		(1ULL << 63)

#define PGT_READ_ONLY	(PGT_PRESENT | PGT_USER)
#define PGT_READ_WRITE	(PGT_PRESENT | PGT_USER | PGT_WRITE)

#define SIZE_4K		0x1000ULL
#define SIZE_2M		0x200000ULL
#define SIZE_1G		0x40000000ULL

/**
 * struct pgtable - an address space of the guest
 * @vmm: whose memory the tables are in
 * @levels: 4 or 5
 * @root: guest-physical address of the top level
 */
struct pgtable {
	struct vmm *vmm;
	unsigned int levels;
	uint64_t root;
};

void pgtable_init(struct pgtable *pt, struct vmm *vmm, unsigned int levels);

/* Map one page of @size at @gva; tables between are made as needed */
void pgtable_map(struct pgtable *pt, uint64_t gva, uint64_t gpa, uint64_t size,
		 uint64_t rights);

/* The entry that a page of @size at @gva has; tables between exist */
volatile uint64_t *pgtable_entry(struct pgtable *pt, uint64_t gva,
				 uint64_t size);

#endif
