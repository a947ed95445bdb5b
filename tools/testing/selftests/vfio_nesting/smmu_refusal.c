// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel refuses of a table of context descriptors
 *
 * Every refusal has its errno and changes nothing: the device goes on by the table
 * that it has, and after an unset by the second stage alone.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_smmu.h"
#include "needs_svatest.h"
#include "pasid_table.h"
#include "smmu_guest.h"

#define SET	VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE
#define LIMIT	(1ULL << 44)	/* of the second stage */

FIXTURE(refusal) {
	struct smmu_guest guest;
	struct iommu_pasid_table_config good;
};

FIXTURE_VARIANT(refusal) {
	bool set;
};

FIXTURE_VARIANT_ADD(refusal, with_table) { true };
FIXTURE_VARIANT_ADD(refusal, without) { false };

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, smmu_guest_open(&self->guest, 0, 1));
	smmu_cds_config(&self->guest.cds, &self->good);
	if (variant->set)
		ASSERT_EQ(0, smmu_cds_set(&self->guest.cds, self->guest.dev));
}

FIXTURE_TEARDOWN(refusal)
{
	struct smmu_guest *guest = &self->guest;

	EXPECT_EQ(variant->set ? SMMU_OLD : 0, smmu_guest_seen(guest, guest->dev));
	EXPECT_EQ(variant->set ? 0 : SMMU_OLD, smmu_guest_seen_flat(guest, guest->dev));
	smmu_guest_close(guest);
}

static int set(struct smmu_guest *guest, const struct iommu_pasid_table_config *config)
{
	return vmm_nesting_op(&guest->vmm, guest->dev, SET, config, sizeof(*config));
}

#define EXPECT_SET(err, change) do {						\
	struct iommu_pasid_table_config config = self->good;			\
	change;									\
	EXPECT_EQ(-(err), set(&self->guest, &config));				\
} while (0)

TEST_F(refusal, fields)
{
	EXPECT_SET(EINVAL, config.argsz = 0);
	EXPECT_SET(EINVAL, config.argsz = 23);
	EXPECT_SET(E2BIG, config.argsz = 24);
	EXPECT_SET(EINVAL, config.argsz = 24; config.vendor_data.smmuv3.version = 0);
	EXPECT_SET(EINVAL, config.argsz = 31);
	EXPECT_SET(EINVAL, config.argsz = 33);
	EXPECT_SET(EINVAL, config.version = 0);
	EXPECT_SET(EINVAL, config.version = 2);
	EXPECT_SET(EINVAL, config.format = 0);
	EXPECT_SET(EINVAL, config.format = 3);
	EXPECT_SET(EINVAL, config.config = 0);
	EXPECT_SET(EINVAL, config.config = 4);
	EXPECT_SET(EINVAL, config.padding[0] = 1);
	EXPECT_SET(EINVAL, config.padding[1] = 1);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.version = 0);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.version = 2);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1fmt = 3);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1dss = 3);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.padding[0] = 1);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.padding[1] = 1);
}

/* One descriptor has neither a layout nor accesses without PASID of their own. */
TEST_F(refusal, layout_of_one)
{
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1fmt = 1);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1fmt = SMMU_TWO_LEVELS);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1dss = SMMU_DSS_PASS);
	EXPECT_SET(EINVAL, config.vendor_data.smmuv3.s1dss = SMMU_DSS_ENTRY_0);
}

TEST_F(refusal, more_pasids_than_there_are)
{
	struct iommu_nesting_info info;

	ASSERT_EQ(0, vmm_nesting_info(&self->guest.vmm, &info));
	EXPECT_SET(ERANGE, config.pasid_bits = info.pasid_bits + 1);
	EXPECT_SET(ERANGE, config.pasid_bits = 31);
	EXPECT_SET(ERANGE, config.pasid_bits = 255);
}

TEST_F(refusal, base)
{
	unsigned int bit;

	for (bit = 0; bit < 6; bit++)
		EXPECT_SET(EINVAL, config.base_ptr |= 1ULL << bit);
	EXPECT_SET(EINVAL, config.base_ptr = LIMIT);
	EXPECT_SET(EINVAL, config.base_ptr = 1ULL << 52);
	EXPECT_SET(EINVAL, config.base_ptr = ~0x3fULL);
}

TEST_F(refusal, format_of_another)
{
	EXPECT_SET(EOPNOTSUPP,
		   config.format = IOMMU_PASID_FORMAT_VTD_TABLE;
		   config.pasid_bits = 16;
		   memset(&config.vendor_data, 0, sizeof(config.vendor_data)));
}

/* What is for hardware with single binds */
TEST_F(refusal, other_ways)
{
	struct vmm *vmm = &self->guest.vmm;

	EXPECT_EQ(-EOPNOTSUPP, vmm_set_rid(vmm, self->guest.dev, IOMMU_RID_BLOCK, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, vmm_pasid_alloc(vmm, 1, 100));
	EXPECT_EQ(-EOPNOTSUPP, vmm_bind(vmm, self->guest.dev, 5, self->guest.space.root, 4));
	EXPECT_EQ(-EOPNOTSUPP, vmm_unbind(vmm, self->guest.dev, 5));
}

/* The last place that there is; nothing is there, which is no reason to refuse. */
TEST(last_place)
{
	struct iommu_pasid_table_config config;
	struct smmu_guest guest;

	ASSERT_EQ(0, smmu_guest_open(&guest, 0, 1));
	smmu_cds_config(&guest.cds, &config);
	config.base_ptr = LIMIT - 64;
	EXPECT_EQ(0, set(&guest, &config));
	EXPECT_EQ(0, smmu_guest_seen(&guest, guest.dev));
	smmu_guest_close(&guest);
}

TEST_HARNESS_MAIN
