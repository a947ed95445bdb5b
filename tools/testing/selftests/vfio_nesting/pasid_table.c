// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASID table of a guest: VT-d, scalable mode
 */
#include <stddef.h>
#include <string.h>

#include "pasid_table.h"

#define ADDRESS		(~(SIZE_4K - 1))

void pasid_table_init(struct pasid_table *table, struct vmm *vmm, unsigned int bits)
{
	uint64_t size = 8ULL << (bits - 6);

	table->vmm = vmm;
	table->bits = bits;
	table->base = vmm_alloc(vmm, size, SIZE_4K);
	memset(vmm_ptr(vmm, table->base), 0, size);
	pasid_table_pass(table, 0);
}

volatile uint64_t *pasid_table_dir(struct pasid_table *table, uint32_t pasid)
{
	return (volatile uint64_t *)vmm_ptr(table->vmm, table->base) + (pasid >> 6);
}

uint64_t pasid_table_entry_gpa(struct pasid_table *table, uint32_t pasid)
{
	return (*pasid_table_dir(table, pasid) & ADDRESS) + (pasid & 0x3f) * 64;
}

volatile uint64_t *pasid_table_entry(struct pasid_table *table, uint32_t pasid)
{
	volatile uint64_t *dir = pasid_table_dir(table, pasid);
	uint64_t gpa;

	if (!(*dir & PASID_PRESENT)) {
		gpa = vmm_alloc(table->vmm, SIZE_4K, SIZE_4K);
		memset(vmm_ptr(table->vmm, gpa), 0, SIZE_4K);
		*dir = gpa | PASID_PRESENT;
	}
	return vmm_ptr(table->vmm, pasid_table_entry_gpa(table, pasid));
}

/* Present only when all the rest is there */
static void write_entry(volatile uint64_t *entry, uint64_t low, uint64_t root)
{
	entry[0] = 0;
	entry[1] = 0;
	entry[2] = root;
	entry[0] = low;
}

void pasid_table_map(struct pasid_table *table, uint32_t pasid, const struct pgtable *pt)
{
	uint64_t levels = pt->levels == 5 ? 1 << 2 : 0;

	write_entry(pasid_table_entry(table, pasid), PASID_FIRST_STAGE | PASID_PRESENT,
		    pt->root | levels);
}

void pasid_table_pass(struct pasid_table *table, uint32_t pasid)
{
	write_entry(pasid_table_entry(table, pasid), PASID_PASS | PASID_PRESENT, 0);
}

void pasid_table_clear(struct pasid_table *table, uint32_t pasid)
{
	write_entry(pasid_table_entry(table, pasid), 0, 0);
}

void pasid_table_config(const struct pasid_table *table,
			struct iommu_pasid_table_config *config)
{
	*config = (struct iommu_pasid_table_config) {
		.argsz = sizeof(*config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = table->base,
		.format = IOMMU_PASID_FORMAT_VTD_TABLE,
		.pasid_bits = table->bits,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
	};
}

int pasid_table_set(const struct pasid_table *table, const struct vmm_device *dev)
{
	struct iommu_pasid_table_config config;

	pasid_table_config(table, &config);
	return vmm_nesting_op(table->vmm, dev, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE,
			      &config, sizeof(config));
}

int pasid_table_mode(struct vmm *vmm, const struct vmm_device *dev, uint8_t mode)
{
	const struct iommu_pasid_table_config config = {
		.argsz = offsetof(struct iommu_pasid_table_config, vendor_data),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.config = mode,
	};

	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE, &config,
			      config.argsz);
}

int pasid_table_unset(struct vmm *vmm, const struct vmm_device *dev)
{
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE, NULL, 0);
}

int pasid_table_sync(const struct pasid_table *table, const struct vmm_device *dev,
		     uint32_t pasid)
{
	return vmm_invalidate_pasid(table->vmm, dev, IOMMU_CACHE_INV_TYPE_PASID, pasid);
}

int pasid_table_sync_all(const struct pasid_table *table, const struct vmm_device *dev)
{
	return vmm_invalidate_all(table->vmm, dev, IOMMU_CACHE_INV_TYPE_PASID);
}
