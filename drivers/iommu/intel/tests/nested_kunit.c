// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: what a nested domain may be made of
 */
#include "test_unit.h"

static void nested_s1_checked(struct kunit *test)
{
	static const struct {
		u64 flags, address;
		u32 reserved;
		int error;
	} cases[] = {
		{ 0, 0x1000, 0, 0 },
		{ IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE | IOMMU_VTD_S1_WPE, 0, 0, 0 },
		{ 0, 0x1001, 0, -EINVAL },
		{ 0, 0x1800, 0, -EINVAL },
		{ BIT_ULL(3), 0x1000, 0, -EOPNOTSUPP },
		{ BIT_ULL(63), 0x1000, 0, -EOPNOTSUPP },
		{ 0, 0x1000, 1, -EOPNOTSUPP },
	};
	struct dmar_domain *parent = test_unit_second_stage(test);
	int i;

	KUNIT_EXPECT_PTR_EQ(test, intel_nested_domain_create(&parent->domain,
							     &(struct iommu_hwpt_vtd_s1){}),
			    (struct iommu_domain *)ERR_PTR(-EINVAL));
	parent->nested_parent = 1;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iommu_hwpt_vtd_s1 s1 = {
			.flags = cases[i].flags,
			.pgtbl_addr = cases[i].address,
			.addr_width = ADDR_WIDTH_4LEVEL,
			.__reserved = cases[i].reserved,
		};
		struct iommu_domain *domain;

		domain = intel_nested_domain_create(&parent->domain, &s1);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(domain), cases[i].error,
				    "case %d", i);
		if (!IS_ERR(domain))
			domain->ops->free(domain);
		KUNIT_EXPECT_TRUE(test, list_empty(&parent->s1_domains));
	}
}

static void nested_geometry_untouched(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, NULL, 0x12345000);
	struct test_unit *unit = test->priv;

	KUNIT_ASSERT_EQ(test, domain_attach_iommu(domain, &unit->iommu), 0);
	KUNIT_EXPECT_EQ(test, domain->domain.geometry.aperture_end, 0ULL);
	domain_detach_iommu(domain, &unit->iommu);
	KUNIT_EXPECT_EQ(test, domain->domain.geometry.aperture_end, 0ULL);
}

static struct kunit_case vtd_nested_test_cases[] = {
	KUNIT_CASE(nested_s1_checked),
	KUNIT_CASE(nested_geometry_untouched),
	{}
};

static struct kunit_suite vtd_nested_test_suite = {
	.name = "intel-iommu-nested",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_nested_test_cases,
};

kunit_test_suite(vtd_nested_test_suite);
