// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of a guest for the Arm SMMUv3
 */
#include "smmu_table.h"

/* Descriptors of stage 1 */
#define VALID		(1ULL << 0)
#define TABLE		(1ULL << 1)	/* and a page of the last level */
#define USER		(1ULL << 6)
#define SHARED		(3ULL << 8)	/* inner shareable */
#define ACCESSED	(1ULL << 10)
#define NOT_GLOBAL	(1ULL << 11)
#define ADDRESS		0x0000fffffffff000ULL

#define LAST_LEVEL	3

/* Context descriptors */
#define CD_SIZE		64
#define CD_L1_VALID	(1ULL << 0)
#define CD_SPLIT	10
#define CD_EPD1		(1ULL << 30)
#define CD_IPS_48	5
#define CD_AARCH64	(1ULL << 41)
#define CD_RECORD	(1ULL << 45)
#define CD_ABORT	(1ULL << 46)
#define CD_ASET		(1ULL << 47)	/* CPUs do not invalidate for the device */
#define CD_WALK		0x3500ULL	/* write-back, inner shareable */
#define CD_T1(field)	((uint64_t)(field) << 16)
#define CD_MEMORY	0xffULL		/* attribute 0: normal, write-back */

/* Bits of an address that one table of a level resolves */
static unsigned int stride(const struct smmu_space *space)
{
	return space->granule - 3;
}

static unsigned int shift_of(const struct smmu_space *space, unsigned int level)
{
	return space->granule + (LAST_LEVEL - level) * stride(space);
}

static unsigned int first_level(const struct smmu_space *space)
{
	unsigned int level = LAST_LEVEL;

	while (shift_of(space, level) + stride(space) < space->bits)
		level--;
	return level;
}

static uint64_t new_table(struct smmu_space *space)
{
	return vmm_alloc(space->vmm, 1ULL << space->granule, 1ULL << space->granule);
}

void smmu_space_init(struct smmu_space *space, struct vmm *vmm, uint16_t asid,
		     unsigned int granule, unsigned int bits)
{
	*space = (struct smmu_space) {
		.vmm = vmm, .asid = asid, .granule = granule, .bits = bits,
	};
	space->root = new_table(space);
}

/* The level whose entries map @size, and the table of it that @va leads to */
static uint64_t walk(struct smmu_space *space, uint64_t va, uint64_t size,
		     unsigned int *level)
{
	volatile uint64_t *entry;
	uint64_t table = space->root;

	va &= (1ULL << space->bits) - 1;
	for (*level = first_level(space); 1ULL << shift_of(space, *level) != size; ++*level) {
		entry = vmm_ptr(space->vmm, table);
		entry += va >> shift_of(space, *level) & ((1ULL << stride(space)) - 1);
		if (!*entry)
			*entry = new_table(space) | TABLE | VALID;
		table = *entry & ADDRESS;
	}
	return table;
}

uint64_t smmu_space_table(struct smmu_space *space, uint64_t va, uint64_t size)
{
	unsigned int level;

	return walk(space, va, size, &level);
}

volatile uint64_t *smmu_space_entry(struct smmu_space *space, uint64_t va, uint64_t size)
{
	unsigned int level;
	volatile uint64_t *entries = vmm_ptr(space->vmm, walk(space, va, size, &level));

	va &= (1ULL << space->bits) - 1;
	return &entries[va >> shift_of(space, level) & ((1ULL << stride(space)) - 1)];
}

void smmu_space_map(struct smmu_space *space, uint64_t va, uint64_t gpa, uint64_t size,
		    uint64_t attributes)
{
	uint64_t kind = size == 1ULL << space->granule ? TABLE | VALID : VALID;

	*smmu_space_entry(space, va, size) = gpa | kind | USER | SHARED | NOT_GLOBAL |
					     (ACCESSED ^ (attributes & SMMU_NO_ACCESS)) |
					     (attributes & SMMU_READ_ONLY);
}

static uint64_t cds_size(const struct smmu_cds *cds)
{
	if (cds->layout == SMMU_LINEAR)
		return (uint64_t)CD_SIZE << cds->bits;
	return 8ULL << (cds->bits > CD_SPLIT ? cds->bits - CD_SPLIT : 0);
}

void smmu_cds_init(struct smmu_cds *cds, struct vmm *vmm, unsigned int bits,
		   unsigned int layout)
{
	uint64_t size;

	*cds = (struct smmu_cds) { .vmm = vmm, .bits = bits, .layout = layout };
	size = cds_size(cds);
	if (size < 0x1000)
		size = 0x1000;	/* a page of its own, that can be unmapped */
	cds->base = vmm_alloc(vmm, size, size);
}

volatile uint64_t *smmu_cd(struct smmu_cds *cds, uint32_t pasid)
{
	const uint64_t leaf = (uint64_t)CD_SIZE << CD_SPLIT;
	volatile uint64_t *l1;

	if (cds->layout == SMMU_LINEAR)
		return vmm_ptr(cds->vmm, cds->base + (uint64_t)pasid * CD_SIZE);
	l1 = vmm_ptr(cds->vmm, cds->base);
	l1 += pasid >> CD_SPLIT;
	if (!*l1)
		*l1 = vmm_alloc(cds->vmm, leaf, leaf) | CD_L1_VALID;
	return vmm_ptr(cds->vmm, (*l1 & ADDRESS) +
		       (pasid & ((1U << CD_SPLIT) - 1)) * CD_SIZE);
}

/* Valid only when all the rest is there */
void smmu_cd_map(struct smmu_cds *cds, uint32_t pasid, const struct smmu_space *space)
{
	static const uint8_t tg0[] = { [12] = 0, [14] = 2, [16] = 1 };
	static const uint8_t tg1[] = { [12] = 2, [14] = 1, [16] = 3 };
	volatile uint64_t *cd = smmu_cd(cds, pasid);
	const unsigned int size = 64 - space->bits;
	uint64_t word;

	if (space->upper)
		word = SMMU_CD_EPD0 |
		       CD_T1(CD_WALK | (uint64_t)tg1[space->granule] << 6 | size);
	else
		word = CD_EPD1 | CD_WALK | (uint64_t)tg0[space->granule] << 6 | size;

	cd[0] = 0;
	cd[1] = space->upper ? 0 : space->root;
	cd[2] = space->upper ? space->root : 0;
	cd[3] = CD_MEMORY;
	cd[0] = word | SMMU_CD_VALID | SMMU_CD_IPS(CD_IPS_48) | CD_AARCH64 | CD_RECORD |
		CD_ABORT | CD_ASET | (uint64_t)space->asid << 48;
}

void smmu_cd_clear(struct smmu_cds *cds, uint32_t pasid)
{
	smmu_cd(cds, pasid)[0] = 0;
}

void smmu_cds_config(const struct smmu_cds *cds, struct iommu_pasid_table_config *config)
{
	*config = (struct iommu_pasid_table_config) {
		.argsz = sizeof(*config),
		.version = IOMMU_PASID_TABLE_CFG_VERSION_1,
		.base_ptr = cds->base,
		.format = IOMMU_PASID_FORMAT_SMMUV3,
		.pasid_bits = cds->bits,
		.config = IOMMU_PASID_CONFIG_TRANSLATE,
		.vendor_data.smmuv3 = {
			.version = IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1,
			.s1fmt = cds->layout,
			.s1dss = cds->dss,
		},
	};
}

int smmu_cds_set(const struct smmu_cds *cds, const struct vmm_device *dev)
{
	struct iommu_pasid_table_config config;

	smmu_cds_config(cds, &config);
	return vmm_nesting_op(cds->vmm, dev, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE,
			      &config, sizeof(config));
}

int smmu_invalidate_space(const struct smmu_space *space, const struct vmm_device *dev)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
		.granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info = {
			.flags = IOMMU_INV_PASID_FLAGS_ARCHID,
			.archid = space->asid,
		},
	};

	return vmm_invalidate(space->vmm, dev, &info);
}

int smmu_invalidate_pages(const struct smmu_space *space, const struct vmm_device *dev,
			  uint64_t va, uint64_t granules)
{
	const struct iommu_cache_invalidate_info info = {
		.argsz = sizeof(info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
		.granularity = IOMMU_INV_GRANU_ADDR,
		.granu.addr_info = {
			.flags = IOMMU_INV_ADDR_FLAGS_ARCHID,
			.archid = space->asid,
			.addr = va,
			.granule_size = 1ULL << space->granule,
			.nb_granules = granules,
		},
	};

	return vmm_invalidate(space->vmm, dev, &info);
}
