// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: the PASID table
 *
 * What the hardware is told when an entry or a part of the table goes, and in
 * which order, against table 28 (6.5.3.3) and 7.10 of the specification.
 */
#include <linux/iommu-guest.h>

#include "test_unit.h"

#define TABLE		0x12345000ULL
#define PASID		5		/* in the first part of the table */
#define FAR_PASID	200		/* in another one */
#define LEAF		64

static unsigned int granularity(const struct qi_desc *desc)
{
	return desc->qw0 >> 4 & 3;
}

static void expect_types(struct kunit *test, const u8 *types, unsigned int count)
{
	struct test_unit *unit = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, unit->logged, count);
	for (i = 0; i < count; i++)
		KUNIT_EXPECT_EQ_MSG(test, test_unit_type(unit, i), (u64)types[i],
				    "descriptor %u", i);
}

/* The three invalidations that an entry with P from 1 to 0 asks for */
static void expect_teardown(struct kunit *test, u32 pasid, u16 did, bool leaf)
{
	struct test_unit *unit = test->priv;
	struct test_desc *log = unit->log;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_PC_TYPE);
	if (leaf) {
		KUNIT_EXPECT_EQ(test, granularity(&log[0].desc), QI_PC_GLOBAL);
	} else {
		KUNIT_EXPECT_EQ(test, granularity(&log[0].desc), QI_PC_PASID_SEL);
		KUNIT_EXPECT_EQ(test, log[0].desc.qw0 & QI_PC_PASID(0xfffffULL),
				QI_PC_PASID(pasid));
		KUNIT_EXPECT_EQ(test, log[0].desc.qw0 & QI_PC_DID(0xffffULL),
				QI_PC_DID(did));
	}

	/* Domain-selective (2), as the entry was nested */
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 1), (u64)QI_IOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, granularity(&log[1].desc), 2U);
	KUNIT_EXPECT_EQ(test, log[1].desc.qw0 >> 16 & 0xffff, (u64)did);

	/* All of the PASID in the device */
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 2), (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, log[2].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
			QI_DEV_EIOTLB_PASID(pasid));
	KUNIT_EXPECT_EQ(test, log[2].desc.qw0 >> 16 & 0xffff, (u64)TEST_SID);
	KUNIT_EXPECT_EQ(test, log[2].desc.qw1, 0x7ffffffffffff000ULL | BIT_ULL(11));

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE_MSG(test, log[i].present, "descriptor %u", i);
		KUNIT_EXPECT_EQ_MSG(test, log[i].leaf, !leaf, "descriptor %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, log[i].did_held, "descriptor %u", i);
	}
}

static void nested_teardown(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	struct test_unit *unit = test->priv;
	u16 did;

	test_unit_attach(test, domain, PASID);
	did = domain_id_iommu(domain, &unit->iommu);
	test_unit_detach(test, domain, PASID);
	KUNIT_EXPECT_EQ(test, unit->logged, 3U);
	expect_teardown(test, PASID, did, false);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, PASID)->val[0], 0ULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->dev_pasids));
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->cache_tags));
}

/* Tags and domain id stay until no cache has a translation. */
static void second_stage_teardown(struct kunit *test)
{
	static const u8 types[] = { QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE };
	struct dmar_domain *domain = test_unit_second_stage(test);
	struct test_unit *unit = test->priv;
	unsigned int i;

	test_unit_attach(test, domain, PASID);
	KUNIT_EXPECT_TRUE(test, pasid_pte_is_present(test_unit_entry(unit, PASID)));
	test_unit_detach(test, domain, PASID);
	expect_types(test, types, ARRAY_SIZE(types));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, unit->log[i].present, "descriptor %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, unit->log[i].tagged, "descriptor %u", i);
		KUNIT_EXPECT_TRUE_MSG(test, unit->log[i].did_held, "descriptor %u", i);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->cache_tags));
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->dev_pasids));
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, PASID)->val[0], 0ULL);
}

/* Page requests are drained when nothing can make new ones: 7.10. */
static void teardown_drains(struct kunit *test)
{
	static const u8 types[] = {
		QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE,
		QI_IWD_TYPE, QI_EIOTLB_TYPE, QI_DEIOTLB_TYPE, QI_IWD_TYPE,
	};
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	struct test_unit *unit = test->priv;

	test_unit_enable_pri(test);
	test_unit_attach(test, domain, FAR_PASID);
	test_unit_detach(test, domain, FAR_PASID);
	expect_types(test, types, ARRAY_SIZE(types));
	KUNIT_EXPECT_TRUE(test, unit->log[3].desc.qw0 & QI_IWD_FENCE);
	KUNIT_EXPECT_TRUE(test, unit->log[6].desc.qw0 & QI_IWD_PRQ_DRAIN);
	KUNIT_EXPECT_TRUE(test, unit->log[6].desc.qw0 & QI_IWD_STATUS_WRITE);
	KUNIT_EXPECT_TRUE(test, unit->log[6].did_held);
	test_unit_disable_pri(test);
}

/* One table after the other: nothing of the first is left for the second. */
static void replace(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct dmar_domain *first = test_unit_nested(test, parent, TABLE);
	struct dmar_domain *second = test_unit_nested(test, parent, TABLE + PAGE_SIZE);
	static const u8 caching[] = { QI_PC_TYPE, QI_EIOTLB_TYPE };
	struct test_unit *unit = test->priv;
	struct pasid_entry *pte;
	u16 did;

	test_unit_attach(test, first, PASID);
	did = domain_id_iommu(first, &unit->iommu);
	test_unit_detach(test, first, PASID);
	expect_teardown(test, PASID, did, false);
	test_unit_attach(test, second, PASID);
	/* What is not present is not cached. */
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	pte = test_unit_entry(unit, PASID);
	KUNIT_EXPECT_TRUE(test, pasid_pte_is_present(pte));
	KUNIT_EXPECT_EQ(test, pasid_pte_get_pgtt(pte), (u16)PASID_ENTRY_PGTT_NESTED);
	KUNIT_EXPECT_EQ(test, pte->val[2] & VTD_PAGE_MASK, TABLE + PAGE_SIZE);
	test_unit_detach(test, second, PASID);

	/* Unless the unit has a caching mode. */
	unit->iommu.cap |= BIT_ULL(7);
	unit->logged = 0;
	KUNIT_ASSERT_EQ(test, domain_attach_iommu(first, &unit->iommu), 0);
	KUNIT_ASSERT_EQ(test, intel_pasid_setup_nested(&unit->iommu, test_unit_dev(unit),
						       PASID, first), 0);
	expect_types(test, caching, ARRAY_SIZE(caching));
	intel_pasid_tear_down_entry(&unit->iommu, test_unit_dev(unit), PASID, false);
	domain_detach_iommu(first, &unit->iommu);
}

/* The directory entry goes with the last entry below it, and before the caches. */
static void last_entry_takes_its_leaf(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct dmar_domain *one = test_unit_nested(test, parent, TABLE);
	struct dmar_domain *two = test_unit_nested(test, parent, TABLE);
	struct test_unit *unit = test->priv;
	u16 did;

	test_unit_attach(test, one, FAR_PASID);
	test_unit_attach(test, two, FAR_PASID + 1);

	did = domain_id_iommu(one, &unit->iommu);
	test_unit_detach(test, one, FAR_PASID);
	expect_teardown(test, FAR_PASID, did, false);
	KUNIT_EXPECT_TRUE(test, pasid_pte_is_present(test_unit_entry(unit, FAR_PASID + 1)));

	did = domain_id_iommu(two, &unit->iommu);
	test_unit_detach(test, two, FAR_PASID + 1);
	expect_teardown(test, FAR_PASID + 1, did, true);
	KUNIT_EXPECT_EQ(test, test_unit_pde(unit, FAR_PASID)->val, 0ULL);

	/* It comes back when it is needed, empty. */
	test_unit_attach(test, one, FAR_PASID + 2);
	KUNIT_ASSERT_NOT_NULL(test, test_unit_entry(unit, FAR_PASID));
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, FAR_PASID)->val[0], 0ULL);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, FAR_PASID + 1)->val[0], 0ULL);
	test_unit_detach(test, one, FAR_PASID + 2);
}

/* Requests without PASID must be attachable without memory. */
static void first_leaf_stays(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	struct test_unit *unit = test->priv;

	test_unit_attach(test, domain, PASID);
	test_unit_detach(test, domain, PASID);
	KUNIT_EXPECT_NOT_NULL(test, test_unit_entry(unit, IOMMU_NO_PASID));
}

/* To look for an entry costs no memory, and nothing else. */
static void teardown_of_nothing(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	intel_pasid_tear_down_entry(&unit->iommu, test_unit_dev(unit), FAR_PASID, false);
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	KUNIT_EXPECT_EQ(test, test_unit_pde(unit, FAR_PASID)->val, 0ULL);
}

/*
 * A process that ends while its PASID is in use leaves an entry that keeps its
 * faults quiet, and says that page requests are to be drained.
 */
static void ended_process(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);
	struct intel_iommu *iommu = &unit->iommu;
	struct dmar_domain *domain = test_unit_parent(test);

	test_unit_enable_pri(test);
	test_unit_attach(test, domain, FAR_PASID);
	intel_pasid_tear_down_entry(iommu, dev, FAR_PASID, true);
	KUNIT_ASSERT_NOT_NULL(test, test_unit_entry(unit, FAR_PASID));
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, FAR_PASID)->val[0], (u64)PASID_PTE_FPD);

	test_unit_detach(test, domain, FAR_PASID);
	KUNIT_EXPECT_EQ(test, test_unit_pde(unit, FAR_PASID)->val, 0ULL);
	KUNIT_ASSERT_GE(test, unit->logged, 5U);
	/* The part of the table goes, which the cache may still point to. */
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_PC_TYPE);
	KUNIT_EXPECT_EQ(test, granularity(&unit->log[0].desc), QI_PC_GLOBAL);
	KUNIT_EXPECT_FALSE(test, unit->log[0].leaf);
	KUNIT_EXPECT_TRUE(test, unit->log[unit->logged - 1].desc.qw0 & QI_IWD_PRQ_DRAIN);
	test_unit_disable_pri(test);
}

/* An entry that another thread tears down still needs its part of the table. */
static void entry_on_its_way_out_keeps_its_leaf(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);
	struct dmar_domain *domain = test_unit_parent(test);

	test_unit_attach(test, domain, FAR_PASID);
	KUNIT_ASSERT_EQ(test, intel_pasid_setup_second_level(&unit->iommu, domain, dev,
							     FAR_PASID + 1), 0);
	pasid_clear_present(test_unit_entry(unit, FAR_PASID + 1));
	test_unit_detach(test, domain, FAR_PASID);
	KUNIT_ASSERT_NOT_NULL(test, test_unit_entry(unit, FAR_PASID + 1));
	pasid_clear_entry(test_unit_entry(unit, FAR_PASID + 1));
}

/* One PASID at a time, each in another part of the table, up to the last */
static void table_does_not_grow(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	struct test_unit *unit = test->priv;
	u32 pasid;

	for (pasid = LEAF; pasid < test_unit_info(unit)->pasid_table->max_pasid; pasid *= 2) {
		test_unit_attach(test, domain, pasid);
		test_unit_detach(test, domain, pasid);
		KUNIT_EXPECT_EQ(test, test_unit_pde(unit, pasid)->val, 0ULL);
	}
	pasid = test_unit_info(unit)->pasid_table->max_pasid - 1;
	test_unit_attach(test, domain, pasid);
	test_unit_detach(test, domain, pasid);
	KUNIT_EXPECT_EQ(test, test_unit_pde(unit, pasid)->val, 0ULL);
}

/* The first @count of @pasids, of the first device */
static void tear_down(struct kunit *test, const u32 *pasids, unsigned int count)
{
	struct test_unit *unit = test->priv;
	struct pasid_tear_down_part part = {
		.dev = test_unit_dev(unit),
		.which = GENMASK_ULL(count - 1, 0),
	};

	intel_pasid_tear_down_entries(&unit->iommu, pasids, &part, 1);
}

/* One invalidation of the PASID-cache and one of the IOTLB for all of them */
static void several_go_together(struct kunit *test)
{
	static const u8 types[] = {
		QI_PC_TYPE, QI_IOTLB_TYPE,
		QI_DEIOTLB_TYPE, QI_DEIOTLB_TYPE, QI_DEIOTLB_TYPE,
		QI_IWD_TYPE, QI_IOTLB_TYPE, QI_DIOTLB_TYPE, QI_IWD_TYPE,
	};
	static const u32 pasids[] = { PASID, PASID + 1, FAR_PASID };
	struct dmar_domain *parent = test_unit_parent(test);
	struct dmar_domain *domains[ARRAY_SIZE(pasids)];
	struct test_unit *unit = test->priv;
	struct test_desc *log = unit->log;
	unsigned int i;
	u16 did;

	test_unit_enable_pri(test);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		domains[i] = test_unit_nested(test, parent, TABLE);
		test_unit_attach(test, domains[i], pasids[i]);
	}
	did = domain_id_iommu(domains[0], &unit->iommu);
	unit->watched = FAR_PASID;
	unit->logged = 0;
	tear_down(test, pasids, ARRAY_SIZE(pasids));
	expect_types(test, types, ARRAY_SIZE(types));
	/* The part of the table that FAR_PASID was alone in goes with it. */
	KUNIT_EXPECT_EQ(test, granularity(&log[0].desc), QI_PC_GLOBAL);
	KUNIT_EXPECT_EQ(test, granularity(&log[1].desc), 2U);
	KUNIT_EXPECT_EQ(test, log[1].desc.qw0 >> 16 & 0xffff, (u64)did);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		KUNIT_EXPECT_EQ(test, log[2 + i].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
				QI_DEV_EIOTLB_PASID(pasids[i]));
		KUNIT_EXPECT_FALSE(test, log[i].present);
		KUNIT_EXPECT_FALSE(test, log[i].leaf);
	}
	KUNIT_EXPECT_TRUE(test, log[5].desc.qw0 & QI_IWD_FENCE);
	KUNIT_EXPECT_TRUE(test, log[8].desc.qw0 & QI_IWD_PRQ_DRAIN);
	KUNIT_EXPECT_EQ(test, test_unit_pde(unit, FAR_PASID)->val, 0ULL);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, PASID)->val[0], 0ULL);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, PASID + 1)->val[0], 0ULL);

	/* Detaching them finds nothing to wait for. */
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		test_unit_detach(test, domains[i], pasids[i]);
		KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	}
	test_unit_disable_pri(test);
}

/* Entries of the first part of the table, which stays: the domain is enough. */
static void several_of_a_part_that_stays(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	static const u32 pasids[] = { PASID, PASID + 1, PASID + 2 };
	struct test_unit *unit = test->priv;
	unsigned int i;
	u16 did;

	test_unit_attach(test, domain, PASID);
	did = domain_id_iommu(domain, &unit->iommu);
	KUNIT_ASSERT_EQ(test, intel_pasid_setup_nested(&unit->iommu, test_unit_dev(unit),
						       PASID + 2, domain), 0);
	unit->logged = 0;
	/* That there is nothing between is fine. */
	tear_down(test, pasids, ARRAY_SIZE(pasids));
	KUNIT_ASSERT_EQ(test, unit->logged, 4U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_PC_TYPE);
	KUNIT_EXPECT_EQ(test, granularity(&unit->log[0].desc), QI_PC_ALL_PASIDS);
	KUNIT_EXPECT_EQ(test, unit->log[0].desc.qw0 & QI_PC_DID(0xffffULL), QI_PC_DID(did));
	/* Nothing can be cached again meanwhile. */
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE_MSG(test, unit->log[i].present, "descriptor %u", i);
	test_unit_detach(test, domain, PASID);
}

/* More than a batch holds, of a device that is to be told of each */
static void many_take_several_batches(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_nested(test, test_unit_parent(test), TABLE);
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);
	u32 pasids[31];
	unsigned int i;

	test_unit_attach(test, domain, PASID);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		pasids[i] = PASID + i;
		if (i)
			KUNIT_ASSERT_EQ(test, intel_pasid_setup_nested(&unit->iommu, dev,
								       pasids[i], domain), 0);
	}
	unit->logged = 0;
	unit->waits = 0;
	tear_down(test, pasids, ARRAY_SIZE(pasids));

	/* Two submissions of 16 and one of 1 */
	KUNIT_ASSERT_EQ(test, unit->logged, 33U);
	KUNIT_EXPECT_EQ(test, unit->waits, 3U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_PC_TYPE);
	KUNIT_EXPECT_EQ(test, granularity(&unit->log[0].desc), QI_PC_ALL_PASIDS);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 1), (u64)QI_IOTLB_TYPE);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		KUNIT_EXPECT_EQ(test, unit->log[2 + i].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
				QI_DEV_EIOTLB_PASID(pasids[i]));
		KUNIT_EXPECT_EQ(test, test_unit_entry(unit, pasids[i])->val[0], 0ULL);
	}
	test_unit_detach(test, domain, PASID);
}

/* @count PASIDs from PASID on, of one of the devices, with a table for each */
static void attach_to(struct kunit *test, unsigned int device, struct dmar_domain **domains,
		      unsigned int count)
{
	struct test_unit *unit = test->priv;
	struct device_domain_info *info = &unit->devices[device].info;
	struct dmar_domain *parent = test_unit_parent(test);
	unsigned int i;

	info->domain = parent;
	for (i = 0; i < count; i++) {
		domains[i] = test_unit_nested(test, parent, TABLE);
		KUNIT_ASSERT_EQ(test, intel_nested_set_dev_pasid(&domains[i]->domain, info->dev,
								 PASID + i, NULL), 0);
	}
	info->domain = NULL;
	unit->watched = PASID;
	unit->logged = 0;
	unit->waits = 0;
}

static void detach_from(struct kunit *test, unsigned int device, struct dmar_domain **domains,
			unsigned int count)
{
	struct test_unit *unit = test->priv;
	unsigned int i;

	for (i = 0; i < count; i++)
		intel_iommu_ops.remove_dev_pasid(unit->devices[device].info.dev, PASID + i,
						 &domains[i]->domain);
}

/*
 * Two devices, of which one has two of the PASIDs: a wait for all that is to be
 * invalidated, and one for all requests. For each device the order is kept.
 */
static void devices_go_together(struct kunit *test)
{
	static const u8 types[] = {
		QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE, QI_DEIOTLB_TYPE,
		QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE,
		QI_IWD_TYPE, QI_IOTLB_TYPE, QI_DIOTLB_TYPE, QI_DIOTLB_TYPE, QI_IWD_TYPE,
	};
	static const u32 pasids[] = { PASID, PASID + 1 };
	struct dmar_domain *first[2], *second[1];
	struct test_unit *unit = test->priv;
	struct pasid_tear_down_part parts[2] = {
		{ .dev = unit->devices[0].info.dev, .which = 3 },
		{ .dev = unit->devices[1].info.dev, .which = 3 },
	};
	u16 sid = test_device_sid(&unit->devices[1]), did;
	struct test_desc *log = unit->log;
	unsigned int i;

	test_unit_enable_pri(test);
	KUNIT_ASSERT_EQ(test, iopf_queue_add_device(unit->iommu.iopf_queue, parts[1].dev), 0);
	unit->devices[1].info.pri_enabled = 1;
	attach_to(test, 0, first, 2);
	attach_to(test, 1, second, 1);
	did = domain_id_iommu(second[0], &unit->iommu);
	intel_pasid_tear_down_entries(&unit->iommu, pasids, parts, 2);

	expect_types(test, types, ARRAY_SIZE(types));
	KUNIT_EXPECT_EQ(test, unit->waits, 2U);
	KUNIT_EXPECT_EQ(test, granularity(&log[0].desc), QI_PC_ALL_PASIDS);
	KUNIT_EXPECT_EQ(test, granularity(&log[4].desc), QI_PC_PASID_SEL);
	KUNIT_EXPECT_EQ(test, log[4].desc.qw0 & QI_PC_DID(0xffffULL), QI_PC_DID(did));
	KUNIT_EXPECT_EQ(test, log[5].desc.qw0 >> 16 & 0xffff, (u64)did);
	KUNIT_EXPECT_EQ(test, log[6].desc.qw0 >> 16 & 0xffff, (u64)sid);
	KUNIT_EXPECT_EQ(test, log[9].desc.qw0 >> 32 & 0xffff, (u64)TEST_SID);
	KUNIT_EXPECT_EQ(test, log[10].desc.qw0 >> 32 & 0xffff, (u64)sid);
	KUNIT_EXPECT_TRUE(test, log[7].desc.qw0 & QI_IWD_FENCE);
	KUNIT_EXPECT_TRUE(test, log[11].desc.qw0 & QI_IWD_PRQ_DRAIN);
	for (i = 0; i < ARRAY_SIZE(types); i++)
		KUNIT_EXPECT_FALSE_MSG(test, log[i].present, "descriptor %u", i);

	/* Again there is nothing to do, nor is there when they are detached. */
	unit->logged = 0;
	parts[0].which = 3;
	parts[1].which = 3;
	intel_pasid_tear_down_entries(&unit->iommu, pasids, parts, 2);
	detach_from(test, 0, first, 2);
	detach_from(test, 1, second, 1);
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	unit->devices[1].info.pri_enabled = 0;
	iopf_queue_remove_device(unit->iommu.iopf_queue, parts[1].dev);
	test_unit_disable_pri(test);
}

/*
 * Devices that can be told of all PASIDs at once, where one by one would take another
 * batch. What is said to one of them is not meant for the other.
 */
static void one_invalidation_for_all(struct kunit *test)
{
	struct dmar_domain *many[15], *few[14];
	struct test_unit *unit = test->priv;
	struct pasid_tear_down_part parts[2] = {
		{ .dev = unit->devices[0].info.dev, .which = GENMASK_ULL(14, 0) },
		{ .dev = unit->devices[1].info.dev, .which = GENMASK_ULL(13, 0) },
	};
	struct test_desc *log = unit->log;
	u32 pasids[ARRAY_SIZE(many)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		pasids[i] = PASID + i;
	attach_to(test, 0, many, ARRAY_SIZE(many));
	attach_to(test, 1, few, ARRAY_SIZE(few));
	unit->devices[0].info.ats_global = 1;
	unit->devices[1].info.ats_global = 1;
	intel_pasid_tear_down_entries(&unit->iommu, pasids, parts, 2);

	KUNIT_ASSERT_EQ(test, unit->logged, 3U + 2 + ARRAY_SIZE(few));
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 2), (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, log[2].desc.qw0 >> 16 & 0xffff, (u64)TEST_SID);
	KUNIT_EXPECT_TRUE(test, log[2].desc.qw1 & QI_DEV_EIOTLB_GLOBAL);
	KUNIT_EXPECT_FALSE(test, log[2].present);
	for (i = 0; i < ARRAY_SIZE(few); i++) {
		KUNIT_EXPECT_EQ(test, log[5 + i].desc.qw0 >> 16 & 0xffff,
				(u64)test_device_sid(&unit->devices[1]));
		KUNIT_EXPECT_EQ(test, log[5 + i].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
				QI_DEV_EIOTLB_PASID(pasids[i]));
		KUNIT_EXPECT_FALSE(test, log[5 + i].desc.qw1 & QI_DEV_EIOTLB_GLOBAL);
	}
	detach_from(test, 0, many, ARRAY_SIZE(many));
	detach_from(test, 1, few, ARRAY_SIZE(few));
}

/* When it takes long, each has its own, so that it is the right one that is cut off. */
static void late_device_is_found(struct kunit *test)
{
	struct dmar_domain *late[20], *other[1];
	struct test_unit *unit = test->priv;
	struct pasid_tear_down_part parts[2] = {
		{ .dev = unit->devices[1].info.dev, .which = GENMASK_ULL(19, 0) },
		{ .dev = unit->devices[0].info.dev, .which = 1 },
	};
	u32 pasids[ARRAY_SIZE(late)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		pasids[i] = PASID + i;
	attach_to(test, 1, late, ARRAY_SIZE(late));
	attach_to(test, 0, other, 1);
	unit->devices[1].delay_ms = 20;
	/* Two are legal, and less than the first 14 take. */
	dmar_ats_slow_ms = 200;
	intel_pasid_tear_down_entries(&unit->iommu, pasids, parts, 2);
	KUNIT_EXPECT_EQ(test, unit->waits, 3U);
	KUNIT_EXPECT_TRUE(test, unit->devices[1].info.ats_cut_off);
	KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
	detach_from(test, 1, late, ARRAY_SIZE(late));
	detach_from(test, 0, other, 1);
}

/* No part of the call takes too long, but together they do. */
static void parts_of_a_call_add_up(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct device_domain_info *info = &unit->devices[1].info;
	struct pasid_tear_down_part part = { .dev = info->dev };
	struct dmar_domain *late[10];
	u32 pasids[ARRAY_SIZE(late)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		pasids[i] = PASID + i;
	attach_to(test, 1, late, ARRAY_SIZE(late));
	intel_guest_ops.begin(info->dev);
	unit->devices[1].delay_ms = 20;
	dmar_ats_slow_ms = 190;
	for (i = 0; i < ARRAY_SIZE(late); i += 2) {
		part.which = 3ULL << i;
		intel_pasid_tear_down_entries(&unit->iommu, pasids, &part, 1);
	}
	KUNIT_EXPECT_TRUE(test, info->ats_cut_off);
	detach_from(test, 1, late, ARRAY_SIZE(late));

	/* Another call begins anew. */
	KUNIT_EXPECT_LT(test, info->ats_call, info->ats_waited);
	info->ats_shared = 1;
	intel_guest_ops.begin(info->dev);
	KUNIT_EXPECT_EQ(test, info->ats_call, info->ats_waited);
	KUNIT_EXPECT_EQ(test, info->ats_shared, 0ULL);
}

/* A device that is dead takes nothing from the others, nor they from it. */
static void dead_device_goes_with_others(struct kunit *test)
{
	struct dmar_domain *dead[1], *other[1];
	struct test_unit *unit = test->priv;
	struct pasid_tear_down_part parts[2] = {
		{ .dev = unit->devices[1].info.dev, .which = 1 },
		{ .dev = unit->devices[0].info.dev, .which = 1 },
	};
	static const u32 pasids[] = { PASID };

	attach_to(test, 1, dead, 1);
	attach_to(test, 0, other, 1);
	unit->devices[1].dead = TEST_EVER;
	intel_pasid_tear_down_entries(&unit->iommu, pasids, parts, 2);
	KUNIT_EXPECT_TRUE(test, unit->devices[1].info.ats_cut_off);
	KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
	/* Whatever was aborted, the last word was that for the other device. */
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, unit->logged - 1), (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[unit->logged - 1].desc.qw0 >> 16 & 0xffff,
			(u64)TEST_SID);
	KUNIT_EXPECT_EQ(test, test_unit_entry(unit, PASID)->val[0], 0ULL);
	detach_from(test, 1, dead, 1);
	detach_from(test, 0, other, 1);
}

/* A second stage and what is nested on it have their own domain ids. */
static void second_stages_go_together(struct kunit *test)
{
	static const u8 types[] = {
		QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE, QI_DEIOTLB_TYPE,
		QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE,
	};
	static const u32 pasids[] = { PASID, PASID + 1, PASID + 2 };
	struct dmar_domain *parent = test_unit_parent(test);
	struct dmar_domain *nested = test_unit_nested(test, parent, TABLE);
	struct test_unit *unit = test->priv;
	const struct iommu_guest_detachment from = {
		.dev = test_unit_dev(unit),
		.which = GENMASK_ULL(ARRAY_SIZE(pasids) - 1, 0),
	};
	struct test_desc *log = unit->log;
	unsigned int i;
	u16 did;

	test_unit_attach(test, parent, PASID);
	did = domain_id_iommu(parent, &unit->iommu);
	test_unit_attach(test, nested, PASID + 1);
	test_unit_attach(test, parent, PASID + 2);
	unit->logged = 0;
	unit->waits = 0;
	intel_guest_ops.detach_gpasids(pasids, &from, 1);

	expect_types(test, types, ARRAY_SIZE(types));
	KUNIT_EXPECT_EQ(test, unit->waits, 2U);
	KUNIT_EXPECT_EQ(test, granularity(&log[0].desc), QI_PC_ALL_PASIDS);
	KUNIT_EXPECT_EQ(test, log[1].desc.qw0 >> 16 & 0xffff, (u64)did);
	KUNIT_EXPECT_EQ(test, granularity(&log[1].desc), 2U);
	KUNIT_EXPECT_EQ(test, log[3].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
			QI_DEV_EIOTLB_PASID(PASID + 2));
	KUNIT_EXPECT_EQ(test, log[6].desc.qw0 & QI_DEV_EIOTLB_PASID(0xfffffULL),
			QI_DEV_EIOTLB_PASID(PASID + 1));
	for (i = 0; i < ARRAY_SIZE(pasids); i++)
		KUNIT_EXPECT_EQ(test, test_unit_entry(unit, pasids[i])->val[0], 0ULL);

	test_unit_detach(test, parent, PASID);
	test_unit_detach(test, nested, PASID + 1);
	test_unit_detach(test, parent, PASID + 2);
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
}

static struct kunit_case vtd_pasid_cases[] = {
	KUNIT_CASE(nested_teardown),
	KUNIT_CASE(several_go_together),
	KUNIT_CASE(several_of_a_part_that_stays),
	KUNIT_CASE(many_take_several_batches),
	KUNIT_CASE(devices_go_together),
	KUNIT_CASE(one_invalidation_for_all),
	KUNIT_CASE(late_device_is_found),
	KUNIT_CASE(parts_of_a_call_add_up),
	KUNIT_CASE(dead_device_goes_with_others),
	KUNIT_CASE(second_stages_go_together),
	KUNIT_CASE(second_stage_teardown),
	KUNIT_CASE(teardown_drains),
	KUNIT_CASE(replace),
	KUNIT_CASE(last_entry_takes_its_leaf),
	KUNIT_CASE(first_leaf_stays),
	KUNIT_CASE(teardown_of_nothing),
	KUNIT_CASE(ended_process),
	KUNIT_CASE(entry_on_its_way_out_keeps_its_leaf),
	KUNIT_CASE(table_does_not_grow),
	{}
};

static struct kunit_suite vtd_pasid_suite = {
	.name = "intel-iommu-pasid",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_pasid_cases,
};

kunit_test_suite(vtd_pasid_suite);
