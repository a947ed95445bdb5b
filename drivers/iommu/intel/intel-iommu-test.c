// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver, against a unit made of memory
 *
 * The driver runs as it is. Its registers are a buffer, its invalidation queue
 * is served by a thread on another CPU, which completes the wait descriptors
 * and writes down each descriptor together with what the driver still held at
 * that moment. The submitter spins meanwhile, so that the thread may look at
 * the driver's data without locks.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/pci.h>

#include "iommu.h"
#include "pasid.h"
#include "../iommu-pages.h"

#define TEST_PASID	5
#define TEST_BUS	3
#define TEST_DEVFN	PCI_DEVFN(1, 0)
#define QUEUE_ORDER	get_order(QI_LENGTH * sizeof(struct qi_desc))
#define LOG_LENGTH	32

/* A descriptor, and the state of TEST_PASID when the unit came to it */
struct log_entry {
	u64 qw0;
	u64 qw1;
	u64 qw2;
	u64 qw3;
	bool present;		/* the PASID table entry was present */
	bool tagged;		/* the domain had its cache tags */
	bool did_held;		/* the domain id was allocated */
};

struct test_unit {
	struct intel_iommu iommu;
	struct q_inval qi;
	struct page *queue;
	void *reg;
	unsigned long domain_ids;

	struct pci_bus bus;
	struct pci_dev pdev;
	struct dev_iommu dev_iommu;
	struct device_domain_info info;

	struct dmar_domain *domain;	/* what TEST_PASID is attached to */
	u16 did;

	struct task_struct *server;
	unsigned int head;		/* of the server, in the queue */
	struct log_entry log[LOG_LENGTH];
	unsigned int logged;
	unsigned int waits;		/* wait descriptors that were not logged */
};

static struct device *test_dev(struct test_unit *unit)
{
	return &unit->pdev.dev;
}

static struct pasid_entry *test_entry(struct test_unit *unit, u32 pasid)
{
	struct pasid_dir_entry *dir = unit->info.pasid_table->table;
	struct pasid_entry *leaf;

	leaf = get_pasid_table_from_pde(&dir[pasid >> PASID_PDE_SHIFT]);
	return leaf ? &leaf[pasid & PASID_PTE_MASK] : NULL;
}

/* The invalidation queue */

static void log_descriptor(struct test_unit *unit, const struct qi_desc *desc)
{
	struct log_entry *entry = &unit->log[unit->logged % LOG_LENGTH];

	entry->qw0 = desc->qw0;
	entry->qw1 = desc->qw1;
	entry->qw2 = desc->qw2;
	entry->qw3 = desc->qw3;
	if (unit->domain) {
		struct pasid_entry *pte = test_entry(unit, TEST_PASID);

		entry->present = pte && pasid_pte_is_present(pte);
		entry->tagged = !list_empty(&unit->domain->cache_tags);
		entry->did_held = test_bit(unit->did, &unit->domain_ids);
	}
	unit->logged++;
}

static void serve_descriptor(struct test_unit *unit)
{
	struct qi_desc *desc = unit->qi.desc;

	desc += unit->head++ % QI_LENGTH;
	if ((desc->qw0 & 0xf) != QI_IWD_TYPE) {
		log_descriptor(unit, desc);
	} else if (desc->qw0 & QI_IWD_STATUS_WRITE) {
		unit->waits++;
		WRITE_ONCE(*(int *)phys_to_virt(desc->qw1), desc->qw0 >> 32);
	}
}

static int serve_queue(void *data)
{
	struct test_unit *unit = data;

	while (!kthread_should_stop()) {
		u32 tail = readl(unit->iommu.reg + DMAR_IQT_REG);

		tail >>= qi_shift(&unit->iommu);
		while (unit->head % QI_LENGTH != tail)
			serve_descriptor(unit);
		usleep_range(20, 50);
	}

	return 0;
}

static int start_queue(struct kunit *test, struct test_unit *unit)
{
	int cpu = get_cpu(), other = cpumask_any_but(cpu_online_mask, cpu);

	put_cpu();
	/* The submitter spins with interrupts off: keep it off the server. */
	if (other >= nr_cpu_ids) {
		kunit_err(test, "these tests need two CPUs");
		return -ENODEV;
	}
	set_cpus_allowed_ptr(current, cpumask_of(cpu));

	unit->queue = alloc_pages(GFP_KERNEL | __GFP_ZERO, QUEUE_ORDER);
	unit->qi.desc_status = kunit_kcalloc(test, QI_LENGTH, sizeof(int), GFP_KERNEL);
	if (!unit->queue || !unit->qi.desc_status)
		return -ENOMEM;

	raw_spin_lock_init(&unit->qi.q_lock);
	unit->qi.desc = page_address(unit->queue);
	unit->qi.free_cnt = QI_LENGTH;
	unit->iommu.qi = &unit->qi;

	unit->server = kthread_create(serve_queue, unit, "vtd-test-queue");
	if (IS_ERR(unit->server))
		return PTR_ERR(unit->server);

	kthread_bind(unit->server, other);
	wake_up_process(unit->server);
	return 0;
}

/* The unit, and one device behind it */

static int read_config(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	*value = 0x00018086;	/* the device is there */
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops test_pci_ops = {
	.read = read_config,
};

static void init_unit(struct test_unit *unit)
{
	struct intel_iommu *iommu = &unit->iommu;

	iommu->reg = (__force void __iomem *)unit->reg;
	iommu->cap = 0;		/* 16 domain ids */
	/* coherent tables, queued invalidation, PASIDs, scalable mode, 2nd stage */
	iommu->ecap = BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(40) | BIT_ULL(43) |
		      BIT_ULL(46);
	iommu->gcmd = DMA_GCMD_TE;
	iommu->node = NUMA_NO_NODE;
	iommu->agaw = 2;
	iommu->domain_ids = &unit->domain_ids;
	iommu->flush.flush_iotlb = qi_flush_iotlb;
	iommu->iommu.ops = &intel_iommu_ops;
	strscpy(iommu->name, "test", sizeof(iommu->name));
	spin_lock_init(&iommu->lock);
	raw_spin_lock_init(&iommu->register_lock);
	mutex_init(&iommu->iopf_lock);
	init_completion(&iommu->prq_complete);
}

static void init_device(struct test_unit *unit)
{
	struct pci_dev *pdev = &unit->pdev;

	unit->bus.ops = &test_pci_ops;
	unit->bus.number = TEST_BUS;
	pdev->bus = &unit->bus;
	pdev->devfn = TEST_DEVFN;
	pdev->dev.bus = &pci_bus_type;
	pdev->dev.init_name = "test";
	pdev->dev.iommu = &unit->dev_iommu;

	mutex_init(&unit->dev_iommu.lock);
	unit->dev_iommu.iommu_dev = &unit->iommu.iommu;
	unit->dev_iommu.priv = &unit->info;
	unit->info.dev = &pdev->dev;
	unit->info.iommu = &unit->iommu;
	unit->info.bus = TEST_BUS;
	unit->info.devfn = TEST_DEVFN;
	unit->info.ats_supported = 1;
	unit->info.ats_enabled = 1;
}

static int vtd_test_init(struct kunit *test)
{
	struct test_unit *unit = kunit_kzalloc(test, sizeof(*unit), GFP_KERNEL);
	int ret;

	if (!unit)
		return -ENOMEM;
	test->priv = unit;
	unit->reg = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	if (!unit->reg)
		return -ENOMEM;

	init_unit(unit);
	init_device(unit);
	ret = intel_pasid_alloc_table(test_dev(unit));
	if (ret)
		return ret;

	return start_queue(test, unit);
}

static void vtd_test_exit(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	if (!unit)
		return;
	if (!IS_ERR_OR_NULL(unit->server))
		kthread_stop(unit->server);
	if (unit->queue)
		__free_pages(unit->queue, QUEUE_ORDER);
	intel_pasid_free_table(test_dev(unit));
}

/* Domains */

static struct dmar_domain *test_domain(struct kunit *test, unsigned int type)
{
	struct dmar_domain *domain = kunit_kzalloc(test, sizeof(*domain), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, domain);
	domain->domain.type = type;
	domain->nid = NUMA_NO_NODE;
	INIT_LIST_HEAD(&domain->devices);
	INIT_LIST_HEAD(&domain->dev_pasids);
	INIT_LIST_HEAD(&domain->cache_tags);
	spin_lock_init(&domain->lock);
	spin_lock_init(&domain->cache_lock);
	xa_init(&domain->iommu_array);

	return domain;
}

static struct dmar_domain *test_paging_domain(struct kunit *test)
{
	struct dmar_domain *domain = test_domain(test, IOMMU_DOMAIN_UNMANAGED);

	domain->domain.ops = intel_iommu_ops.default_domain_ops;
	domain->gaw = 48;
	domain->agaw = 2;
	domain->pgd = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, domain->pgd);
	spin_lock_init(&domain->s1_lock);
	INIT_LIST_HEAD(&domain->s1_domains);

	return domain;
}

/* What intel_iommu_set_dev_pasid() does, without its look at real hardware. */
static void attach_pasid(struct kunit *test, struct dmar_domain *domain)
{
	struct test_unit *unit = test->priv;
	struct device *dev = test_dev(unit);
	struct dev_pasid_info *dev_pasid;

	dev_pasid = kzalloc(sizeof(*dev_pasid), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dev_pasid);
	dev_pasid->dev = dev;
	dev_pasid->pasid = TEST_PASID;
	list_add(&dev_pasid->link_domain, &domain->dev_pasids);

	KUNIT_ASSERT_EQ(test, domain_attach_iommu(domain, &unit->iommu), 0);
	KUNIT_ASSERT_EQ(test, cache_tag_assign_domain(domain, dev, TEST_PASID), 0);
	KUNIT_ASSERT_EQ(test, intel_pasid_setup_second_level(&unit->iommu, domain,
							     dev, TEST_PASID), 0);
	unit->domain = domain;
	unit->did = domain_id_iommu(domain, &unit->iommu);
	unit->logged = 0;
}

static void detach_pasid(struct test_unit *unit, struct dmar_domain *domain)
{
	intel_iommu_ops.remove_dev_pasid(test_dev(unit), TEST_PASID, &domain->domain);
	unit->domain = NULL;
	kfree(domain->qi_batch);
}

/* The tests */

static void teardown_order(struct kunit *test)
{
	static const u8 order[] = { QI_PC_TYPE, QI_IOTLB_TYPE, QI_DEIOTLB_TYPE };
	struct dmar_domain *domain = test_paging_domain(test);
	struct test_unit *unit = test->priv;
	int i;

	attach_pasid(test, domain);
	KUNIT_EXPECT_TRUE(test, pasid_pte_is_present(test_entry(unit, TEST_PASID)));
	detach_pasid(unit, domain);

	KUNIT_ASSERT_EQ(test, unit->logged, ARRAY_SIZE(order));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		struct log_entry *entry = &unit->log[i];

		KUNIT_EXPECT_EQ_MSG(test, entry->qw0 & 0xf, order[i], "descriptor %d", i);
		KUNIT_EXPECT_FALSE_MSG(test, entry->present, "descriptor %d", i);
		KUNIT_EXPECT_TRUE_MSG(test, entry->tagged, "descriptor %d", i);
		KUNIT_EXPECT_TRUE_MSG(test, entry->did_held, "descriptor %d", i);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->cache_tags));
	KUNIT_EXPECT_TRUE(test, list_empty(&domain->dev_pasids));
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	KUNIT_EXPECT_EQ(test, test_entry(unit, TEST_PASID)->val[0], 0ULL);
}

static void flush_all_names_pasid(struct kunit *test)
{
	struct dmar_domain *domain = test_paging_domain(test);
	struct test_unit *unit = test->priv;

	attach_pasid(test, domain);
	cache_tag_flush_all(domain);

	KUNIT_ASSERT_EQ(test, unit->logged, 2U);
	KUNIT_EXPECT_EQ(test, unit->log[0].qw0 & 0xf, (u64)QI_IOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[1].qw0 & 0xf, (u64)QI_DEIOTLB_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[1].qw0 & QI_DEV_EIOTLB_PASID(~0),
			QI_DEV_EIOTLB_PASID(TEST_PASID));
	detach_pasid(unit, domain);
}

static void response_codes(struct kunit *test)
{
	static const struct {
		u32 code;
		u64 hardware;
	} cases[] = {
		{ IOMMU_PAGE_RESP_SUCCESS, 0x0 },
		{ IOMMU_PAGE_RESP_INVALID, 0x1 },
		{ IOMMU_PAGE_RESP_FAILURE, 0xf },
	};
	struct test_unit *unit = test->priv;
	struct iopf_fault fault = {};
	int i;

	fault.fault.type = IOMMU_FAULT_PAGE_REQ;
	fault.fault.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
				IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE;
	fault.fault.prm.pasid = TEST_PASID;
	fault.fault.prm.grpid = 7;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iommu_page_response response = { .code = cases[i].code };
		u64 want = QI_PGRP_RESP_TYPE | QI_PGRP_PASID_P(1) |
			   QI_PGRP_RESP_CODE(cases[i].hardware) |
			   QI_PGRP_DID(PCI_DEVID(TEST_BUS, TEST_DEVFN)) |
			   QI_PGRP_PASID(TEST_PASID);

		intel_iommu_page_response(test_dev(unit), &fault, &response);
		KUNIT_ASSERT_EQ(test, unit->logged, i + 1);
		KUNIT_EXPECT_EQ(test, unit->log[i].qw0, want);
	}
}

static void response_returns_private_data(struct kunit *test)
{
	struct iommu_page_response response = { .code = IOMMU_PAGE_RESP_SUCCESS };
	struct test_unit *unit = test->priv;
	struct iopf_fault fault = {};

	fault.fault.type = IOMMU_FAULT_PAGE_REQ;
	fault.fault.prm.private_data[0] = 0x1122334455667788;
	fault.fault.prm.private_data[1] = 0x99aabbccddeeff00;
	intel_iommu_page_response(test_dev(unit), &fault, &response);
	KUNIT_EXPECT_EQ(test, unit->log[0].qw0 & BIT_ULL(5), 0ULL);
	KUNIT_EXPECT_EQ(test, unit->log[0].qw2, 0ULL);

	fault.fault.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA;
	intel_iommu_page_response(test_dev(unit), &fault, &response);
	KUNIT_EXPECT_EQ(test, unit->log[1].qw0 & BIT_ULL(5), BIT_ULL(5));
	KUNIT_EXPECT_EQ(test, unit->log[1].qw2, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, unit->log[1].qw3, 0x99aabbccddeeff00ULL);
}

static void responses_share_a_wait(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct iommu_page_response responses[20] = {};
	struct iopf_fault *faults, *evts[20];
	int i;

	faults = kunit_kcalloc(test, ARRAY_SIZE(evts), sizeof(*faults), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, faults);
	for (i = 0; i < ARRAY_SIZE(evts); i++) {
		faults[i].fault.prm.grpid = i;
		evts[i] = &faults[i];
	}
	intel_iommu_page_response_batch(test_dev(unit), evts, responses,
					ARRAY_SIZE(evts));
	KUNIT_ASSERT_EQ(test, unit->logged, ARRAY_SIZE(evts));
	KUNIT_EXPECT_EQ(test, unit->waits, 2U);
	for (i = 0; i < ARRAY_SIZE(evts); i++) {
		KUNIT_EXPECT_EQ(test, unit->log[i].qw0 & 0xf, (u64)QI_PGRP_RESP_TYPE);
		KUNIT_EXPECT_EQ(test, unit->log[i].qw1, QI_PGRP_IDX(i));
	}
}

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
	struct dmar_domain *parent = test_paging_domain(test);
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
	struct dmar_domain *domain = test_domain(test, IOMMU_DOMAIN_NESTED);
	struct test_unit *unit = test->priv;

	domain->use_first_level = true;
	domain->s1_pgtbl = 0x12345000;
	KUNIT_ASSERT_EQ(test, domain_attach_iommu(domain, &unit->iommu), 0);
	KUNIT_EXPECT_EQ(test, domain->domain.geometry.aperture_end, 0ULL);
	domain_detach_iommu(domain, &unit->iommu);
	KUNIT_EXPECT_EQ(test, domain->domain.geometry.aperture_end, 0ULL);
}

static struct kunit_case vtd_test_cases[] = {
	KUNIT_CASE(teardown_order),
	KUNIT_CASE(flush_all_names_pasid),
	KUNIT_CASE(response_codes),
	KUNIT_CASE(response_returns_private_data),
	KUNIT_CASE(responses_share_a_wait),
	KUNIT_CASE(nested_s1_checked),
	KUNIT_CASE(nested_geometry_untouched),
	{}
};

static struct kunit_suite vtd_test_suite = {
	.name = "intel-iommu",
	.init = vtd_test_init,
	.exit = vtd_test_exit,
	.test_cases = vtd_test_cases,
};

kunit_test_suite(vtd_test_suite);
