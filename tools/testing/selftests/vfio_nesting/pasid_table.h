/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PASID table of a guest: VT-d, scalable mode
 *
 * Nothing is invalidated here: that is up to the caller, as in a guest.
 */
#ifndef PASID_TABLE_H
#define PASID_TABLE_H

#include <stdint.h>

#include "pgtable.h"
#include "vmm.h"

#define PASID_PRESENT		(1ULL << 0)
#define PASID_FPD		(1ULL << 1)
#define PASID_FIRST_STAGE	(1ULL << 6)
#define PASID_PASS		(4ULL << 6)

/**
 * struct pasid_table - the table of one device or of several
 * @vmm: whose memory it is in
 * @base: guest-physical address of the directory
 * @bits: PASIDs that it covers
 */
struct pasid_table {
	struct vmm *vmm;
	uint64_t base;
	unsigned int bits;
};

/* Empty, but for requests without PASID, which the second stage translates alone */
void pasid_table_init(struct pasid_table *table, struct vmm *vmm, unsigned int bits);

/* The entry of the directory that @pasid has */
volatile uint64_t *pasid_table_dir(struct pasid_table *table, uint32_t pasid);

/* The 8 quadwords of @pasid; the part of the table that they are in is made as needed */
volatile uint64_t *pasid_table_entry(struct pasid_table *table, uint32_t pasid);
uint64_t pasid_table_entry_gpa(struct pasid_table *table, uint32_t pasid);

void pasid_table_map(struct pasid_table *table, uint32_t pasid, const struct pgtable *pt);
void pasid_table_pass(struct pasid_table *table, uint32_t pasid);
void pasid_table_clear(struct pasid_table *table, uint32_t pasid);

/* Hand it over, to one device or to all of them if @dev is NULL */
void pasid_table_config(const struct pasid_table *table,
			struct iommu_pasid_table_config *config);
int pasid_table_set(const struct pasid_table *table, const struct vmm_device *dev);
int pasid_table_mode(struct vmm *vmm, const struct vmm_device *dev, uint8_t mode);
int pasid_table_unset(struct vmm *vmm, const struct vmm_device *dev);

/* What the guest does after it has changed the entry of @pasid, or any */
int pasid_table_sync(const struct pasid_table *table, const struct vmm_device *dev,
		     uint32_t pasid);
int pasid_table_sync_all(const struct pasid_table *table, const struct vmm_device *dev);

#endif
