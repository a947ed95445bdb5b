// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: which caches a change is told to
 */
#include <linux/iommu-guest.h>

#include "test_unit.h"

#define PASID		5

static void flush_all_names_pasid(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;

	test_unit_attach(test, domain, PASID);
	cache_tag_flush_all(domain);

	KUNIT_ASSERT_EQ(test, unit->logged, 2U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_IOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 1), (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw0 & QI_DEV_EIOTLB_PASID(~0),
			QI_DEV_EIOTLB_PASID(PASID));
	test_unit_detach(test, domain, PASID);
}

/* Domains of a guest */

/* A second stage that the devices are attached to */
static struct dmar_domain *guest_parent(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_parent(test);
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < TEST_DEVICES; i++)
		unit->devices[i].info.domain = domain;
	return domain;
}

static struct iommu_domain *test_bind(struct kunit *test, struct dmar_domain *parent,
				      int i, u32 pasid, int result)
{
	const struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = 0x100000,
		.addr_width = ADDR_WIDTH_4LEVEL,
	};
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;

	domain = intel_nested_domain_create(&parent->domain, &s1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	KUNIT_ASSERT_EQ(test, domain->ops->set_dev_pasid(domain, unit->devices[i].info.dev,
							 pasid, NULL), result);
	if (!result)
		return domain;
	domain->ops->free(domain);
	return NULL;
}

static void test_unbind(struct kunit *test, struct iommu_domain *domain, int i, u32 pasid)
{
	struct test_unit *unit = test->priv;

	intel_iommu_ops.remove_dev_pasid(unit->devices[i].info.dev, pasid, domain);
	domain->ops->free(domain);
}

#define MANY	100

static void second_stage_flush(struct kunit *test, bool global)
{
	struct dmar_domain *parent = guest_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domains[MANY];
	unsigned int i, expected = global ? 1 : MANY;

	unit->devices[0].info.ats_global = global;
	for (i = 0; i < MANY; i++)
		domains[i] = test_bind(test, parent, 0, i + 1, 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&parent->cache_tags), 2UL);

	unit->logged = 0;
	unit->waits = 0;
	unit->domain = parent;
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_ASSERT_EQ(test, unit->logged, 1 + expected);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_IOTLB_TYPE);
	for (i = 1; i < unit->logged; i++) {
		KUNIT_EXPECT_EQ(test, test_unit_type(unit, i), (u64)QI_DEIOTLB_TYPE);
		KUNIT_EXPECT_EQ(test, unit->log[i].desc.qw0 & QI_DEV_EIOTLB_PASID(~0),
				global ? 0 : QI_DEV_EIOTLB_PASID(i));
		KUNIT_EXPECT_EQ(test, unit->log[i].desc.qw1 & 1, (u64)global);
		KUNIT_EXPECT_FALSE(test, unit->log[i].locked);
	}
	if (global)
		KUNIT_EXPECT_EQ(test, unit->waits, 1U);
	else
		KUNIT_EXPECT_LE(test, unit->waits, 1 + DIV_ROUND_UP(expected, 14));

	unit->domain = NULL;
	for (i = 0; i < MANY; i++)
		test_unbind(test, domains[i], 0, i + 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
}

/* A device that is slow but never too late: one call does not wait for ever. */
static void slow_device_ends_a_call(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domains[MANY];
	u16 sid = TEST_SID;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		domains[i] = test_bind(test, parent, 0, i + 1, 0);
	dmar_ats_slow_ms = 10;
	unit->delay_ms = 1;
	unit->logged = 0;
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_GE(test, test_unit_count_device(unit, sid), 10U);
	KUNIT_EXPECT_LT(test, test_unit_count_device(unit, sid), MANY);
	KUNIT_EXPECT_EQ(test, MANY, test_unit_count_type(unit, QI_DEIOTLB_TYPE) +
				    test_unit_count_type(unit, QI_CC_TYPE));

	/* One that needs a single batch for its call is left alone. */
	unit->delay_ms = 0;
	for (i = 0; i < MANY; i++)
		test_unbind(test, domains[i], 0, i + 1);
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	unit->delay_ms = 20;
	test_unit_invalidate(unit, 0);
	test_unit_invalidate(unit, 0);
	KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
}

/* As many PASIDs as there are pass to the second stage: they share its tags. */
static void second_stage_pasids_share(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct test_unit *unit = test->priv;
	unsigned int i;

	unit->devices[0].info.ats_global = true;
	for (i = 1; i <= 3; i++)
		test_unit_attach(test, parent, i);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&parent->cache_tags), 2UL);
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_ASSERT_EQ(test, unit->logged, 2U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_IOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 1), (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw1 & 1, 1ULL);
	for (i = 1; i <= 3; i++)
		test_unit_detach(test, parent, i);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
}

static void second_stage_flush_names_pasids(struct kunit *test)
{
	second_stage_flush(test, false);
}

static void second_stage_flush_is_global(struct kunit *test)
{
	second_stage_flush(test, true);
}

static int test_invalidate(struct test_unit *unit, struct iommu_domain *domain, u8 caches,
			   u64 start, u64 last)
{
	struct iommu_guest_invalidation inv = {
		.dev = unit->devices[0].info.dev,
		.domain = domain,
		.start = start,
		.last = last,
		.caches = caches,
	};

	intel_guest_ops.cache_invalidate(&inv, 1);
	return inv.ret;
}

/* Each block of the range is waited for, in all as long as a call may take. */
static void slow_device_ends_an_invalidation(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct iommu_domain *domain = test_bind(test, parent, 0, 5, 0);
	struct test_unit *unit = test->priv;
	unsigned int i;

	intel_guest_ops.begin(unit->devices[0].info.dev);
	dmar_ats_slow_ms = 100;
	unit->devices[0].delay_ms = 20;
	for (i = 0; i < 8; i++)
		test_invalidate(unit, domain, IOMMU_CACHE_INV_TYPE_DEV_IOTLB, 0, 0xfff);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, -EIO, test_invalidate(unit, domain, IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
						    0, 0xfff));
	unit->devices[0].delay_ms = 0;
	test_unbind(test, domain, 0, 5);
}

/* Devices share a wait, until that has taken long: then it is seen who is late. */
static void late_devices_are_told_apart(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct iommu_domain *domains[TEST_DEVICES];
	struct iommu_guest_invalidation invs[TEST_DEVICES];
	struct test_unit *unit = test->priv;
	unsigned int i;

	for (i = 0; i < TEST_DEVICES; i++) {
		domains[i] = test_bind(test, parent, i, 5, 0);
		intel_guest_ops.begin(unit->devices[i].info.dev);
		invs[i] = (struct iommu_guest_invalidation) {
			.dev = unit->devices[i].info.dev,
			.domain = domains[i],
			.last = 0xfff,
			.caches = IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
		};
	}
	unit->waits = 0;
	intel_guest_ops.cache_invalidate(invs, TEST_DEVICES);
	KUNIT_EXPECT_EQ(test, unit->waits, 1U);
	dmar_ats_slow_ms = 1000;
	for (i = 0; i < TEST_DEVICES; i++)
		unit->devices[i].info.ats_shared = U64_MAX / 2;
	unit->waits = 0;
	intel_guest_ops.cache_invalidate(invs, TEST_DEVICES);
	KUNIT_EXPECT_EQ(test, unit->waits, TEST_DEVICES);
	for (i = 0; i < TEST_DEVICES; i++)
		test_unbind(test, domains[i], i, 5);
}

static void caches_are_flushed_apart(struct kunit *test)
{
	static const struct {
		u8 caches;
		unsigned int iotlb, device;
	} cases[] = {
		{ IOMMU_CACHE_INV_TYPE_IOTLB, 1, 0 },
		{ IOMMU_CACHE_INV_TYPE_DEV_IOTLB, 0, 1 },
		{ IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB, 1, 1 },
	};
	struct dmar_domain *parent = guest_parent(test);
	struct iommu_domain *domain = test_bind(test, parent, 0, 5, 0);
	struct test_unit *unit = test->priv;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unit->logged = 0;
		ret = test_invalidate(unit, domain, cases[i].caches, 0x1000, 0x1fff);
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_EIOTLB_TYPE), cases[i].iotlb);
		KUNIT_EXPECT_EQ(test, test_unit_count_type(unit, QI_DEIOTLB_TYPE), cases[i].device);
		if (cases[i].iotlb)
			KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_EIOTLB_TYPE);
	}

	/* What was not carried out is not said to be. */
	unit->devices[0].dead = TEST_EVER;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = test_invalidate(unit, domain, cases[i].caches, 0, U64_MAX);
		KUNIT_EXPECT_EQ(test, ret, -EIO * (int)cases[i].device);
	}
	unit->devices[0].dead = 0;
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	ret = test_invalidate(unit, domain, IOMMU_CACHE_INV_TYPE_DEV_IOTLB, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, ret, 0);
	test_unbind(test, domain, 0, 5);
}

static void ranges_fit_into_a_descriptor(struct kunit *test)
{
	static const struct {
		u64 start, last;
		int order;	/* of pages; -1: all of the PASID */
		u64 address;
	} cases[] = {
		{ 0x1000, 0x1fff, 0, 0x1000 },
		{ 0x1000, 0x2fff, 2, 0 },
		{ 0x2000, 0x3fff, 1, 0x2000 },
		{ 0x4000, 0x6fff, 2, 0x4000 },
		{ 0x7ffffffff000, 0x800000000fff, 36, 0 },
		{ 0, BIT_ULL(40) - 1, 28, 0 },
		{ 0x1000, BIT_ULL(62), 51, 0 },
		{ 0x7ffffffffffff000, 0x8000000000000fff, -1, 0 },
		{ 0x1000, U64_MAX, -1, 0 },
		{ 0, U64_MAX, -1, 0 },
		{ 0x2000, 0xfff, -1, 0 },
	};
	struct dmar_domain *parent = guest_parent(test);
	struct iommu_domain *domain = test_bind(test, parent, 0, 5, 0);
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool all = cases[i].order < 0;

		unit->logged = 0;
		cache_tag_flush_range(to_dmar_domain(domain), cases[i].start,
				      cases[i].last, 0);
		KUNIT_ASSERT_EQ_MSG(test, unit->logged, 2U, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, unit->log[0].desc.qw0 & QI_EIOTLB_GRAN(3),
				    QI_EIOTLB_GRAN(all ? QI_GRAN_NONG_PASID : QI_GRAN_PSI_PASID),
				    "case %d", i);
		if (all) {
			/* S set, the highest address bit clear, all others set */
			KUNIT_EXPECT_EQ_MSG(test, unit->log[1].desc.qw1,
					    0x7ffffffffffff800ULL, "case %d", i);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, unit->log[0].desc.qw1,
				    cases[i].address | cases[i].order, "case %d", i);
	}
	test_unbind(test, domain, 0, 5);
}

static void pasids_of_a_device_share_an_id(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domains[4];
	u16 did[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		domains[i] = test_bind(test, parent, i / 2, 5 + i, 0);
		did[i] = domain_id_iommu(to_dmar_domain(domains[i]), &unit->iommu);
	}
	KUNIT_EXPECT_EQ(test, did[0], did[1]);
	KUNIT_EXPECT_EQ(test, did[2], did[3]);
	KUNIT_EXPECT_NE(test, did[0], did[2]);
	KUNIT_EXPECT_EQ(test, hweight_long(unit->domain_ids), 2UL);

	/* Kept while the device stays, for who comes next, and given up then. */
	for (i = 0; i < ARRAY_SIZE(domains); i++)
		test_unbind(test, domains[i], i / 2, 5 + i);
	KUNIT_EXPECT_EQ(test, hweight_long(unit->domain_ids), 2UL);
	for (i = 0; i < TEST_DEVICES; i++)
		intel_guest_leave_parent(&unit->devices[i].info);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
}

static void ids_are_kept_for_the_host(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;

	domain = test_bind(test, parent, 0, 5, 0);
	unit->domain_ids |= GENMASK(11, 0);	/* three of four quarters */
	test_bind(test, parent, 1, 5, -ENOSPC);

	/* Who has an id can replace what it is used for. */
	test_unbind(test, domain, 0, 5);
	domain = test_bind(test, parent, 0, 6, 0);
	test_unbind(test, domain, 0, 6);
}

/* An id must not come to stand for two second stages. */
static void id_stays_with_its_parent(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test), *other;
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;

	domain = test_bind(test, parent, 0, 5, 0);
	intel_guest_leave_parent(&unit->devices[0].info);
	other = guest_parent(test);
	test_bind(test, other, 0, 6, -EBUSY);
	test_unbind(test, domain, 0, 5);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	domain = test_bind(test, other, 0, 6, 0);
	test_unbind(test, domain, 0, 6);
}

/* Of a table that requests without PASID have used, nothing is left. */
static void table_of_no_pasid_goes(struct kunit *test)
{
	struct dmar_domain *parent = guest_parent(test);
	const struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = 0x100000,
		.addr_width = ADDR_WIDTH_4LEVEL,
	};
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);
	struct iommu_domain *domain;

	KUNIT_ASSERT_EQ(test, domain_attach_iommu(parent, &unit->iommu), 0);
	domain = intel_nested_domain_create(&parent->domain, &s1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	KUNIT_ASSERT_EQ(test, intel_guest_ops.set_rid(dev, domain, &parent->domain), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&to_dmar_domain(domain)->cache_tags));

	unit->watched = IOMMU_NO_PASID;
	unit->domain = to_dmar_domain(domain);
	unit->logged = 0;
	KUNIT_ASSERT_EQ(test, intel_guest_ops.set_rid(dev, &parent->domain, domain), 0);
	unit->domain = NULL;
	/* Hardware has forgotten it before its tags go. */
	KUNIT_ASSERT_EQ(test, unit->logged, 3U);
	KUNIT_EXPECT_TRUE(test, unit->log[2].tagged);
	KUNIT_EXPECT_FALSE(test, unit->log[0].present);
	KUNIT_EXPECT_TRUE(test, list_empty(&to_dmar_domain(domain)->cache_tags));
	KUNIT_EXPECT_TRUE(test, list_empty(&to_dmar_domain(domain)->dev_pasids));
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
	domain->ops->free(domain);

	intel_pasid_tear_down_entry(&unit->iommu, dev, IOMMU_NO_PASID, false);
	domain_detach_iommu(parent, &unit->iommu);
	intel_guest_leave_parent(test_unit_info(unit));
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
}

static struct kunit_case vtd_cache_test_cases[] = {
	KUNIT_CASE(flush_all_names_pasid),
	KUNIT_CASE(second_stage_flush_names_pasids),
	KUNIT_CASE(second_stage_flush_is_global),
	KUNIT_CASE(second_stage_pasids_share),
	KUNIT_CASE(slow_device_ends_an_invalidation),
	KUNIT_CASE(late_devices_are_told_apart),
	KUNIT_CASE(slow_device_ends_a_call),
	KUNIT_CASE(caches_are_flushed_apart),
	KUNIT_CASE(ranges_fit_into_a_descriptor),
	KUNIT_CASE(pasids_of_a_device_share_an_id),
	KUNIT_CASE(ids_are_kept_for_the_host),
	KUNIT_CASE(id_stays_with_its_parent),
	KUNIT_CASE(table_of_no_pasid_goes),
	{}
};

static struct kunit_suite vtd_cache_test_suite = {
	.name = "intel-iommu-cache",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_cache_test_cases,
};

kunit_test_suite(vtd_cache_test_suite);
