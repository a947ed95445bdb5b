// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: what an attachment that fails half way, and one
 * that has ended, leave behind
 */
#include <linux/iommu-guest.h>
#include <linux/sched/mm.h>

#include "test_unit.h"

#define PASID		5
#define ECAP_SLTS	BIT_ULL(46)
#define ECAP_FLTS	BIT_ULL(47)
#define MANY		20	/* more tags than a batch has room for */

static struct dmar_domain *nested_domain(struct kunit *test, struct dmar_domain *parent)
{
	const struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = 0x100000,
		.addr_width = ADDR_WIDTH_4LEVEL,
	};
	struct iommu_domain *domain = intel_nested_domain_create(&parent->domain, &s1);

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	return to_dmar_domain(domain);
}

static int set_pasid(struct dmar_domain *domain, struct device *dev, u32 pasid)
{
	return domain->domain.ops->set_dev_pasid(&domain->domain, dev, pasid, NULL);
}

static int attach(struct dmar_domain *domain, struct device *dev)
{
	return domain->domain.ops->attach_dev(&domain->domain, dev);
}

/* A second stage that both devices are said to be attached to */
static struct dmar_domain *guest_parent(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < TEST_DEVICES; i++)
		unit->devices[i].info.domain = parent;
	return parent;
}

/* ATS is turned on by attaching, which these devices are not up to. */
static void without_ats(struct kunit *test)
{
	struct device_domain_info *info = test_unit_info(test->priv);

	info->ats_supported = 0;
	info->ats_enabled = 0;
}

static void expect_nothing_left(struct kunit *test, struct dmar_domain *domain)
{
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->cache_tags));
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->dev_pasids));
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->devices));
	KUNIT_EXPECT_TRUE(test, xa_empty(&domain->iommu_array));
}

static void second_stage_on_pasid_in_use(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct dmar_domain *other = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;

	test_unit_attach(test, other, PASID);
	KUNIT_EXPECT_EQ(test, set_pasid(domain, test_unit_dev(unit), PASID), -EBUSY);
	expect_nothing_left(test, domain);
	KUNIT_EXPECT_EQ(test, hweight_long(unit->domain_ids), 1UL);
	test_unit_detach(test, other, PASID);
}

static void process_on_pasid_in_use(struct kunit *test)
{
	struct dmar_domain *other = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;
	struct mm_struct *mm;

	if (!IS_ENABLED(CONFIG_INTEL_IOMMU_SVM))
		kunit_skip(test, "the driver has no domains of processes");
	mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, mm);
	unit->iommu.ecap |= ECAP_FLTS;
	domain = intel_iommu_ops.domain_alloc_sva(test_unit_dev(unit), mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	domain->type = IOMMU_DOMAIN_SVA;
	domain->mm = mm;

	test_unit_attach(test, other, PASID);
	KUNIT_EXPECT_EQ(test, set_pasid(to_dmar_domain(domain), test_unit_dev(unit), PASID),
			-EBUSY);
	KUNIT_EXPECT_TRUE(test, list_empty(&to_dmar_domain(domain)->cache_tags));
	test_unit_detach(test, other, PASID);
	domain->ops->free(domain);
	mmput(mm);
}

/* Nothing of the binding that has the PASID is lost, either. */
static void guest_on_pasid_in_use(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct dmar_domain *first = nested_domain(test, parent);
	struct dmar_domain *second = nested_domain(test, parent);
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);

	KUNIT_ASSERT_EQ(test, set_pasid(first, dev, PASID), 0);
	KUNIT_EXPECT_EQ(test, set_pasid(second, dev, PASID), -EBUSY);
	expect_nothing_left(test, second);
	second->domain.ops->free(&second->domain);

	unit->logged = 0;
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_DEIOTLB_TYPE), 1U);

	intel_iommu_ops.remove_dev_pasid(dev, PASID, &first->domain);
	expect_nothing_left(test, first);
	first->domain.ops->free(&first->domain);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
	intel_guest_leave_parent(test_unit_info(unit));
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
}

/* Devices do not share domain ids, so a table is attached to one of them. */
static void table_is_for_one_device(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct dmar_domain *domain = nested_domain(test, parent);
	struct test_unit *unit = test->priv;

	KUNIT_ASSERT_EQ(test, set_pasid(domain, test_unit_dev(unit), PASID), 0);
	KUNIT_EXPECT_EQ(test, set_pasid(domain, &unit->devices[1].pdev.dev, PASID), -EBUSY);
	KUNIT_EXPECT_EQ(test, hweight_long(unit->domain_ids), 1UL);
	intel_iommu_ops.remove_dev_pasid(test_unit_dev(unit), PASID, &domain->domain);
	domain->domain.ops->free(&domain->domain);
}

static void table_that_does_not_fit(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct dmar_domain *domain = nested_domain(test, parent);
	struct test_unit *unit = test->priv;

	without_ats(test);
	domain->s1_cfg.addr_width = 0;
	KUNIT_EXPECT_EQ(test, attach(domain, test_unit_dev(unit)), -EINVAL);
	expect_nothing_left(test, domain);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	domain->domain.ops->free(&domain->domain);
}

static void second_stage_that_does_not_fit(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;
	struct device_domain_info *info = test_unit_info(unit);

	without_ats(test);
	unit->iommu.ecap &= ~ECAP_SLTS;
	KUNIT_EXPECT_EQ(test, attach(domain, test_unit_dev(unit)), -EINVAL);
	expect_nothing_left(test, domain);
	KUNIT_EXPECT_NULL(test, info->domain);
	KUNIT_EXPECT_FALSE(test, info->domain_attached);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
}

static void blocked_device_leaves_nothing(struct kunit *test)
{
	struct iommu_domain *blocked = intel_iommu_ops.blocked_domain;
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);

	without_ats(test);
	KUNIT_ASSERT_EQ(test, attach(domain, dev), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&domain->cache_tags));
	KUNIT_ASSERT_EQ(test, blocked->ops->attach_dev(blocked, dev), 0);
	expect_nothing_left(test, domain);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
}

/* Each unit gets what it is to forget, and not the other one's. */
static void flush_of_two_units(struct kunit *test, bool all)
{
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *first = test->priv, *second;

	test_unit_attach(test, domain, PASID);
	KUNIT_ASSERT_EQ(test, test_unit_init(test), 0);
	second = test->priv;
	second->iommu.seq_id = first->iommu.seq_id + 1;
	test_unit_attach(test, domain, PASID);
	first->logged = 0;

	if (all)
		cache_tag_flush_all(domain);
	else
		cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	KUNIT_EXPECT_EQ(test, first->logged, 2U);
	KUNIT_EXPECT_EQ(test, second->logged, 2U);

	test_unit_detach(test, domain, PASID);
	test_unit_exit(test);
	test->priv = first;
	test_unit_detach(test, domain, PASID);
}

static void range_on_two_units(struct kunit *test)
{
	flush_of_two_units(test, false);
}

static void all_on_two_units(struct kunit *test)
{
	flush_of_two_units(test, true);
}

static void more_tags_than_a_batch(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;
	u32 pasid;

	for (pasid = 1; pasid <= MANY; pasid++)
		test_unit_attach(test, domain, pasid);
	unit->logged = 0;
	cache_tag_flush_range(domain, 0x1000, 0x1fff, 0);
	KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_DEIOTLB_TYPE), (unsigned int)MANY);
	for (pasid = 1; pasid <= MANY; pasid++)
		test_unit_detach(test, domain, pasid);
}

static struct kunit_case vtd_attach_test_cases[] = {
	KUNIT_CASE(second_stage_on_pasid_in_use),
	KUNIT_CASE(process_on_pasid_in_use),
	KUNIT_CASE(guest_on_pasid_in_use),
	KUNIT_CASE(table_is_for_one_device),
	KUNIT_CASE(table_that_does_not_fit),
	KUNIT_CASE(second_stage_that_does_not_fit),
	KUNIT_CASE(blocked_device_leaves_nothing),
	KUNIT_CASE(range_on_two_units),
	KUNIT_CASE(all_on_two_units),
	KUNIT_CASE(more_tags_than_a_batch),
	{}
};

static struct kunit_suite vtd_attach_test_suite = {
	.name = "intel-iommu-attach",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_attach_test_cases,
};

kunit_test_suite(vtd_attach_test_suite);
