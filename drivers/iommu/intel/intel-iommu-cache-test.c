// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: invalidations, and devices that hold them up
 *
 * The driver runs as it is. Its registers are a buffer, its invalidation queue is
 * served by a thread on another CPU that writes down each descriptor. A device
 * behind the unit completes invalidations of its cache or does not; then the
 * thread stops the queue with a time-out, as the unit would.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/iommu-guest.h>
#include <linux/kthread.h>
#include <linux/pci.h>

#include "iommu.h"
#include "pasid.h"
#include "../iommu-pages.h"

#define TEST_BUS	3
#define DEVICES		2
#define NOBODY		0x0bad		/* requester id of no device */
#define QUEUE_ORDER	get_order(QI_LENGTH * sizeof(struct qi_desc))
#define LOG_LENGTH	1024
#define EVER		UINT_MAX

/* A bit of the fault status that the unit does not have: not handled yet */
#define TEST_FSTS_NEW	BIT(31)

struct log_entry {
	u64 qw0;
	u64 qw1;
	bool locked;		/* a lock of the watched domain was held */
};

struct test_device {
	struct pci_dev pdev;
	struct dev_iommu dev_iommu;
	struct device_domain_info info;
	unsigned int dead;	/* invalidations that it will not complete */
	bool absent;
};

struct test_unit {
	struct intel_iommu iommu;
	struct q_inval qi;
	struct page *queue;
	void *reg;
	unsigned long domain_ids;
	struct pci_bus bus;
	struct pci_sysdata sysdata;
	struct test_device devices[DEVICES];
	struct dmar_domain *watched;

	unsigned int delay_ms;		/* until a time-out, and until a completion */
	unsigned int timeout_ms;	/* parameters, to be put back */
	unsigned int slow_ms;
	struct task_struct *server;
	unsigned int head;
	struct log_entry log[LOG_LENGTH];
	unsigned int logged;
	unsigned int waits;
	unsigned int timeouts;
};

static u16 test_sid(struct test_device *device)
{
	return PCI_DEVID(device->info.bus, device->info.devfn);
}

/* The invalidation queue */

static bool names_device(const struct qi_desc *desc, u16 *sid)
{
	unsigned int type = desc->qw0 & 0xf;

	if (type != QI_DIOTLB_TYPE && type != QI_DEIOTLB_TYPE)
		return false;
	*sid = desc->qw0 >> (type == QI_DIOTLB_TYPE ? 32 : 16);
	return true;
}

static bool completes(struct test_unit *unit, u16 sid)
{
	int i;

	for (i = 0; i < DEVICES; i++) {
		struct test_device *device = &unit->devices[i];

		if (test_sid(device) != sid)
			continue;
		if (device->dead && device->dead != EVER)
			return !device->dead--;
		return !device->dead;
	}
	return false;
}

/*
 * Stop the queue. Writing the status does not clear a bit of memory, so keep the
 * driver from submitting again, for want of room, until it was cleared for it.
 */
static void time_out(struct test_unit *unit, u16 sid)
{
	void __iomem *reg = unit->iommu.reg;
	struct q_inval *qi = &unit->qi;
	unsigned long flags;
	int room;

	if (unit->delay_ms)
		msleep(unit->delay_ms);
	unit->timeouts++;
	raw_spin_lock_irqsave(&qi->q_lock, flags);
	writel(readl(reg + DMAR_IQT_REG), reg + DMAR_IQH_REG);
	unit->head = readl(reg + DMAR_IQT_REG) >> qi_shift(&unit->iommu);
	dmar_writeq(reg + DMAR_IQER_REG, (u64)sid << 32);
	room = qi->free_cnt;
	qi->free_cnt = 0;
	writel(DMA_FSTS_ITE | TEST_FSTS_NEW, reg + DMAR_FSTS_REG);
	raw_spin_unlock_irqrestore(&qi->q_lock, flags);

	while (readl(reg + DMAR_FSTS_REG) & TEST_FSTS_NEW && !kthread_should_stop())
		cpu_relax();

	raw_spin_lock_irqsave(&qi->q_lock, flags);
	writel(0, reg + DMAR_FSTS_REG);
	qi->free_cnt += room;
	raw_spin_unlock_irqrestore(&qi->q_lock, flags);
}

static void serve_descriptor(struct test_unit *unit)
{
	unsigned int slot = unit->head % QI_LENGTH;
	struct qi_desc *desc = unit->qi.desc + (slot << qi_shift(&unit->iommu));
	struct log_entry *entry;
	u16 sid;

	unit->head = slot + 1;
	if ((desc->qw0 & 0xf) == QI_IWD_TYPE) {
		unit->waits++;
		WRITE_ONCE(*(int *)phys_to_virt(desc->qw1), desc->qw0 >> 32);
		return;
	}

	entry = &unit->log[unit->logged++ % LOG_LENGTH];
	entry->qw0 = desc->qw0;
	entry->qw1 = desc->qw1;
	entry->locked = false;
	if (unit->watched) {
		if (spin_trylock(&unit->watched->cache_lock))
			spin_unlock(&unit->watched->cache_lock);
		else
			entry->locked = true;
	}
	if (!names_device(desc, &sid))
		return;
	if (!completes(unit, sid))
		time_out(unit, sid);
	else if (unit->delay_ms)
		msleep(unit->delay_ms);
}

static int serve_queue(void *data)
{
	struct test_unit *unit = data;

	while (!kthread_should_stop()) {
		if (unit->head % QI_LENGTH !=
		    readl(unit->iommu.reg + DMAR_IQT_REG) >> qi_shift(&unit->iommu))
			serve_descriptor(unit);
		else
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

	unit->server = kthread_create(serve_queue, unit, "vtd-test-cache");
	if (IS_ERR(unit->server))
		return PTR_ERR(unit->server);

	kthread_bind(unit->server, other);
	wake_up_process(unit->server);
	return 0;
}

/* The unit and its devices */

static int read_config(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	struct test_unit *unit = container_of(bus, struct test_unit, bus);
	struct test_device *device = &unit->devices[PCI_SLOT(devfn) - 1];

	*value = device->absent ? ~0 : 0x00018086;
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops test_pci_ops = {
	.read = read_config,
};

static struct context_entry *test_context(struct test_unit *unit, int i)
{
	struct device_domain_info *info = &unit->devices[i].info;

	return iommu_context_addr(&unit->iommu, info->bus, info->devfn, 0);
}

static int init_unit(struct kunit *test, struct test_unit *unit)
{
	struct intel_iommu *iommu = &unit->iommu;

	iommu->reg = (__force void __iomem *)unit->reg;
	iommu->cap = 0;		/* 16 domain ids */
	/* coherent tables, queue, nesting, PASIDs, scalable mode, 2nd stage */
	iommu->ecap = BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(26) | BIT_ULL(40) |
		      BIT_ULL(43) | BIT_ULL(46);
	iommu->gcmd = DMA_GCMD_TE;
	iommu->node = NUMA_NO_NODE;
	iommu->agaw = 2;
	iommu->domain_ids = &unit->domain_ids;
	iommu->flush.flush_iotlb = qi_flush_iotlb;
	iommu->flush.flush_context = qi_flush_context;
	iommu->iommu.ops = &intel_iommu_ops;
	strscpy(iommu->name, "test", sizeof(iommu->name));
	spin_lock_init(&iommu->lock);
	raw_spin_lock_init(&iommu->device_rbtree_lock);
	raw_spin_lock_init(&iommu->register_lock);
	mutex_init(&iommu->iopf_lock);
	init_completion(&iommu->prq_complete);
	iommu->device_rbtree = RB_ROOT;
	iommu->root_entry = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	return iommu->root_entry ? 0 : -ENOMEM;
}

/* In the order of their ids, so each goes to the right of the one before. */
static int init_device(struct test_unit *unit, int i)
{
	struct test_device *device = &unit->devices[i];
	struct device_domain_info *info = &device->info;
	struct pci_dev *pdev = &device->pdev;
	struct context_entry *context;

	pdev->bus = &unit->bus;
	pdev->devfn = PCI_DEVFN(i + 1, 0);
	pdev->dev.bus = &pci_bus_type;
	pdev->dev.init_name = i ? "second" : "first";
	pdev->dev.iommu = &device->dev_iommu;
	mutex_init(&device->dev_iommu.lock);
	device->dev_iommu.iommu_dev = &unit->iommu.iommu;
	device->dev_iommu.priv = info;
	info->dev = &pdev->dev;
	info->iommu = &unit->iommu;
	info->bus = TEST_BUS;
	info->devfn = pdev->devfn;
	info->ats_supported = 1;
	info->ats_enabled = 1;
	rb_link_node(&info->node, i ? &unit->devices[i - 1].info.node : NULL,
		     i ? &unit->devices[i - 1].info.node.rb_right :
			 &unit->iommu.device_rbtree.rb_node);
	rb_insert_color(&info->node, &unit->iommu.device_rbtree);

	context = iommu_context_addr(&unit->iommu, TEST_BUS, info->devfn, 1);
	if (!context)
		return -ENOMEM;
	context->lo = 0x1001;
	return intel_pasid_alloc_table(info->dev);
}

static int vtd_cache_test_init(struct kunit *test)
{
	struct test_unit *unit = kunit_kzalloc(test, sizeof(*unit), GFP_KERNEL);
	int i, ret;

	if (!unit)
		return -ENOMEM;
	test->priv = unit;
	/* How fast this machine is must not matter. */
	unit->timeout_ms = dmar_ats_timeout_ms;
	unit->slow_ms = dmar_ats_slow_ms;
	dmar_ats_timeout_ms = 0;
	dmar_ats_slow_ms = 0;
	unit->reg = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	if (!unit->reg)
		return -ENOMEM;
	unit->bus.ops = &test_pci_ops;
	unit->bus.number = TEST_BUS;
	unit->bus.sysdata = &unit->sysdata;

	ret = init_unit(test, unit);
	for (i = 0; i < DEVICES && !ret; i++)
		ret = init_device(unit, i);
	return ret ?: start_queue(test, unit);
}

static void vtd_cache_test_exit(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	int i;

	if (!unit)
		return;
	dmar_ats_timeout_ms = unit->timeout_ms;
	dmar_ats_slow_ms = unit->slow_ms;
	if (!IS_ERR_OR_NULL(unit->server))
		kthread_stop(unit->server);
	if (unit->queue)
		__free_pages(unit->queue, QUEUE_ORDER);
	for (i = 0; i < DEVICES; i++)
		if (unit->devices[i].info.dev)
			intel_pasid_free_table(unit->devices[i].info.dev);
	if (unit->iommu.root_entry && unit->iommu.root_entry[TEST_BUS].lo)
		iommu_free_page(phys_to_virt(unit->iommu.root_entry[TEST_BUS].lo &
					     VTD_PAGE_MASK));
}

/* Descriptors of a type in the log that name @sid */
static unsigned int count_device(struct test_unit *unit, u16 sid)
{
	unsigned int i, count = 0;
	u16 other;

	for (i = 0; i < unit->logged; i++) {
		struct qi_desc desc = { .qw0 = unit->log[i].qw0 };

		count += names_device(&desc, &other) && other == sid;
	}
	return count;
}

static unsigned int count_type(struct test_unit *unit, u8 type)
{
	unsigned int i, count = 0;

	for (i = 0; i < unit->logged; i++)
		count += (unit->log[i].qw0 & 0xf) == type;
	return count;
}

static void invalidate_device(struct test_unit *unit, int i)
{
	qi_flush_dev_iotlb_pasid(&unit->iommu, test_sid(&unit->devices[i]), 0, 5, 0, 0, 0);
}

/* Devices that do not complete */

static void few_timeouts_are_forgiven(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < 3; i++) {
		unit->devices[0].dead = 2;
		invalidate_device(unit, 0);
		KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
		KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
	}
	KUNIT_EXPECT_EQ(test, unit->timeouts, 6U);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1001ULL);
}

static void third_in_a_row_cuts_off(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 sid = test_sid(&unit->devices[0]);

	unit->devices[0].dead = EVER;
	invalidate_device(unit, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 3U);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1000ULL);
	/* What stands in for the invalidation is complete before the call returns. */
	KUNIT_ASSERT_EQ(test, unit->logged, 4U);
	KUNIT_EXPECT_EQ(test, unit->log[3].qw0,
			QI_CC_TYPE | QI_CC_SID(sid) | QI_CC_GRAN(DMA_CCMD_DEVICE_INVL));

	qi_flush_dev_iotlb(&unit->iommu, sid, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 3U);
	/* Another's is not affected. */
	invalidate_device(unit, 1);
	KUNIT_EXPECT_EQ(test, count_device(unit, test_sid(&unit->devices[1])), 1U);
	KUNIT_EXPECT_EQ(test, test_context(unit, 1)->lo, 0x1001ULL);
}

/* A unit that waits for long: the first time-out is enough. */
static void long_timeout_cuts_off(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	dmar_ats_timeout_ms = 20;
	unit->delay_ms = 20;
	unit->devices[0].dead = EVER;
	invalidate_device(unit, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
}

static void submit_batch(struct kunit *test, u16 first, u16 second)
{
	struct test_unit *unit = test->priv;
	struct qi_desc descs[3] = { };

	qi_desc_dev_iotlb_pasid(first, 0, 5, 0, 0, 0, &descs[0]);
	qi_desc_iotlb(&unit->iommu, 9, 0, 0, DMA_TLB_DSI_FLUSH, &descs[1]);
	qi_desc_dev_iotlb_pasid(second, 0, 5, 0, 0, 0, &descs[2]);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(&unit->iommu, descs, ARRAY_SIZE(descs), 0), 0);
}

/* Whatever one device does, the rest of the batch is done when the call returns. */
static void rest_of_batch_is_done(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 first = test_sid(&unit->devices[0]), second = test_sid(&unit->devices[1]);

	unit->devices[0].dead = EVER;
	submit_batch(test, first, second);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, count_device(unit, second), 1U);
	KUNIT_EXPECT_FALSE(test, unit->devices[1].info.ats_cut_off);
}

static void absent_device_is_cut_off_at_once(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 first = test_sid(&unit->devices[0]), second = test_sid(&unit->devices[1]);

	unit->devices[0].dead = EVER;
	unit->devices[0].absent = true;
	submit_batch(test, first, second);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, count_device(unit, second), 1U);
}

static void id_of_no_device_is_left_out(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 second = test_sid(&unit->devices[1]);

	submit_batch(test, NOBODY, second);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, count_type(unit, QI_IOTLB_TYPE), 1U);
	KUNIT_EXPECT_EQ(test, count_device(unit, second), 1U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
}

static void two_dead_devices_end(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->devices[0].dead = EVER;
	unit->devices[1].dead = EVER;
	submit_batch(test, test_sid(&unit->devices[0]), test_sid(&unit->devices[1]));
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_TRUE(test, unit->devices[1].info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 6U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 2U);
}

static void reset_lets_device_in(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct test_device *device = &unit->devices[0];

	test_context(unit, 0)->lo |= BIT_ULL(4);	/* page requests */
	device->dead = EVER;
	invalidate_device(unit, 0);
	KUNIT_ASSERT_EQ(test, test_context(unit, 0)->lo, 0x1010ULL);

	device->dead = 0;
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1011ULL);
	KUNIT_EXPECT_FALSE(test, device->info.ats_cut_off);
	KUNIT_EXPECT_EQ(test, device->info.ats_timeouts, 0U);
	KUNIT_EXPECT_EQ(test, unit->iommu.ats_watched, 0U);
	unit->logged = 0;
	invalidate_device(unit, 0);
	KUNIT_EXPECT_EQ(test, count_device(unit, test_sid(device)), 1U);

	/* The reset of a device that is well changes nothing. */
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1011ULL);

	/* Without an entry there is nothing to be present. */
	device->dead = EVER;
	invalidate_device(unit, 0);
	test_context(unit, 0)->lo = 0;
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0ULL);
	KUNIT_EXPECT_FALSE(test, device->info.ats_cut_off);
}

/* Entries that are not present may be cached. */
static void reset_flushes_in_caching_mode(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->iommu.cap |= BIT_ULL(7);
	unit->devices[0].dead = EVER;
	invalidate_device(unit, 0);
	unit->logged = 0;
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	KUNIT_ASSERT_EQ(test, unit->logged, 3U);
	KUNIT_EXPECT_EQ(test, unit->log[0].qw0 & 0xf, (u64)QI_CC_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[1].qw0 & 0xf, (u64)QI_PC_TYPE);
	KUNIT_EXPECT_EQ(test, unit->log[2].qw0 & 0xf, (u64)QI_IOTLB_TYPE);
}

/* The context cache of legacy mode is tagged with the domain id. */
static void legacy_names_domain(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	u16 sid = test_sid(&unit->devices[0]);
	struct context_entry *context;
	struct qi_desc desc;

	unit->iommu.ecap &= ~BIT_ULL(43);
	context = test_context(unit, 0);
	context->lo = 0x2005;
	context->hi = 0x702;		/* domain id 7 */
	unit->devices[0].dead = EVER;
	qi_desc_dev_iotlb(sid, 0, 0, 0, 0, &desc);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(&unit->iommu, &desc, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, context->lo, 0x2004ULL);
	KUNIT_EXPECT_EQ(test, unit->log[unit->logged - 1].qw0,
			QI_CC_TYPE | QI_CC_SID(sid) | QI_CC_DID(7) |
			QI_CC_GRAN(DMA_CCMD_DEVICE_INVL));
}

static void page_requests_end_when_cut_off(struct kunit *test)
{
	struct iopf_queue *faults = iopf_queue_alloc("vtd-test-cache");
	struct test_unit *unit = test->priv;
	struct test_device *device = &unit->devices[0];

	KUNIT_ASSERT_NOT_NULL(test, faults);
	KUNIT_ASSERT_EQ(test, iopf_queue_add_device(faults, device->info.dev), 0);
	unit->iommu.iopf_queue = faults;
	device->info.pri_enabled = 1;
	device->pdev.pri_enabled = 1;
	test_context(unit, 0)->lo |= BIT_ULL(4);
	device->dead = EVER;
	invalidate_device(unit, 0);

	KUNIT_EXPECT_EQ(test, intel_iommu_ops.dev_disable_feat(device->info.dev,
							       IOMMU_DEV_FEAT_IOPF), 0);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1000ULL);
	intel_iommu_ops.reset_done(device->info.dev);
	KUNIT_EXPECT_EQ(test, test_context(unit, 0)->lo, 0x1001ULL);
	iopf_queue_free(faults);
}

/* Domains of a guest */

static void init_domain(struct kunit *test, struct dmar_domain *domain)
{
	domain->nid = NUMA_NO_NODE;
	INIT_LIST_HEAD(&domain->devices);
	INIT_LIST_HEAD(&domain->dev_pasids);
	INIT_LIST_HEAD(&domain->cache_tags);
	spin_lock_init(&domain->lock);
	spin_lock_init(&domain->cache_lock);
	xa_init(&domain->iommu_array);
}

static struct dmar_domain *test_parent(struct kunit *test)
{
	struct dmar_domain *domain = kunit_kzalloc(test, sizeof(*domain), GFP_KERNEL);
	struct test_unit *unit = test->priv;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, domain);
	init_domain(test, domain);
	domain->domain.type = IOMMU_DOMAIN_UNMANAGED;
	domain->domain.ops = intel_iommu_ops.default_domain_ops;
	domain->nested_parent = 1;
	domain->gaw = 48;
	domain->agaw = 2;
	domain->pgd = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, domain->pgd);
	spin_lock_init(&domain->s1_lock);
	INIT_LIST_HEAD(&domain->s1_domains);
	for (i = 0; i < DEVICES; i++)
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
	struct dmar_domain *parent = test_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domains[MANY];
	unsigned int i, expected = global ? 1 : MANY;

	unit->devices[0].info.ats_global = global;
	for (i = 0; i < MANY; i++)
		domains[i] = test_bind(test, parent, 0, i + 1, 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&parent->cache_tags), 2UL);

	unit->logged = 0;
	unit->waits = 0;
	unit->watched = parent;
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_ASSERT_EQ(test, unit->logged, 1 + expected);
	KUNIT_EXPECT_EQ(test, unit->log[0].qw0 & 0xf, (u64)QI_IOTLB_TYPE);
	for (i = 1; i < unit->logged; i++) {
		KUNIT_EXPECT_EQ(test, unit->log[i].qw0 & 0xf, (u64)QI_DEIOTLB_TYPE);
		KUNIT_EXPECT_EQ(test, unit->log[i].qw0 & QI_DEV_EIOTLB_PASID(~0),
				global ? 0 : QI_DEV_EIOTLB_PASID(i));
		KUNIT_EXPECT_EQ(test, unit->log[i].qw1 & 1, (u64)global);
		KUNIT_EXPECT_FALSE(test, unit->log[i].locked);
	}
	if (global)
		KUNIT_EXPECT_EQ(test, unit->waits, 1U);
	else
		KUNIT_EXPECT_LE(test, unit->waits, 1 + DIV_ROUND_UP(expected, 14));

	unit->watched = NULL;
	for (i = 0; i < MANY; i++)
		test_unbind(test, domains[i], 0, i + 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&parent->cache_tags));
	kfree(parent->qi_batch);
}

/* A device that is slow but never too late: one call does not wait for ever. */
static void slow_device_ends_a_call(struct kunit *test)
{
	struct dmar_domain *parent = test_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domains[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		domains[i] = test_bind(test, parent, 0, i + 1, 0);
	dmar_ats_slow_ms = 10;
	unit->delay_ms = 1;
	unit->logged = 0;
	cache_tag_flush_range(parent, 0x1000, 0x1fff, 0);
	KUNIT_EXPECT_TRUE(test, unit->devices[0].info.ats_cut_off);
	KUNIT_EXPECT_GE(test, count_device(unit, test_sid(&unit->devices[0])), 10U);
	KUNIT_EXPECT_LT(test, count_device(unit, test_sid(&unit->devices[0])), MANY);
	KUNIT_EXPECT_EQ(test, count_type(unit, QI_DEIOTLB_TYPE) + count_type(unit, QI_CC_TYPE),
			MANY);

	/* One that needs a single batch for its call is left alone. */
	unit->delay_ms = 0;
	for (i = 0; i < MANY; i++)
		test_unbind(test, domains[i], 0, i + 1);
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	unit->delay_ms = 20;
	invalidate_device(unit, 0);
	invalidate_device(unit, 0);
	KUNIT_EXPECT_FALSE(test, unit->devices[0].info.ats_cut_off);
	kfree(parent->qi_batch);
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
	struct dmar_domain *parent = test_parent(test);
	struct iommu_domain *domain = test_bind(test, parent, 0, 5, 0);
	struct test_unit *unit = test->priv;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unit->logged = 0;
		ret = test_invalidate(unit, domain, cases[i].caches, 0x1000, 0x1fff);
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, count_type(unit, QI_EIOTLB_TYPE), cases[i].iotlb);
		KUNIT_EXPECT_EQ(test, count_type(unit, QI_DEIOTLB_TYPE), cases[i].device);
		if (cases[i].iotlb)
			KUNIT_EXPECT_EQ(test, unit->log[0].qw0 & 0xf, (u64)QI_EIOTLB_TYPE);
	}

	/* What was not carried out is not said to be. */
	unit->devices[0].dead = EVER;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = test_invalidate(unit, domain, cases[i].caches, 0, U64_MAX);
		KUNIT_EXPECT_EQ(test, ret, -EIO * (int)cases[i].device);
	}
	unit->devices[0].dead = 0;
	intel_iommu_ops.reset_done(unit->devices[0].info.dev);
	ret = test_invalidate(unit, domain, IOMMU_CACHE_INV_TYPE_DEV_IOTLB, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, ret, 0);
	test_unbind(test, domain, 0, 5);
	kfree(parent->qi_batch);
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
	struct dmar_domain *parent = test_parent(test);
	struct iommu_domain *domain = test_bind(test, parent, 0, 5, 0);
	struct test_unit *unit = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool all = cases[i].order < 0;

		unit->logged = 0;
		cache_tag_flush_range(to_dmar_domain(domain), cases[i].start,
				      cases[i].last, 0);
		KUNIT_ASSERT_EQ_MSG(test, unit->logged, 2U, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, unit->log[0].qw0 & QI_EIOTLB_GRAN(3),
				    QI_EIOTLB_GRAN(all ? QI_GRAN_NONG_PASID : QI_GRAN_PSI_PASID),
				    "case %d", i);
		if (all) {
			/* S set, the highest address bit clear, all others set */
			KUNIT_EXPECT_EQ_MSG(test, unit->log[1].qw1,
					    0x7ffffffffffff800ULL, "case %d", i);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, unit->log[0].qw1,
				    cases[i].address | cases[i].order, "case %d", i);
	}
	test_unbind(test, domain, 0, 5);
	kfree(parent->qi_batch);
}

static void pasids_of_a_device_share_an_id(struct kunit *test)
{
	struct dmar_domain *parent = test_parent(test);
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
	for (i = 0; i < DEVICES; i++)
		intel_guest_leave_parent(&unit->devices[i].info);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	kfree(parent->qi_batch);
}

static void ids_are_kept_for_the_host(struct kunit *test)
{
	struct dmar_domain *parent = test_parent(test);
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;

	domain = test_bind(test, parent, 0, 5, 0);
	unit->domain_ids |= GENMASK(11, 0);	/* three of four quarters */
	test_bind(test, parent, 1, 5, -ENOSPC);

	/* Who has an id can replace what it is used for. */
	test_unbind(test, domain, 0, 5);
	domain = test_bind(test, parent, 0, 6, 0);
	test_unbind(test, domain, 0, 6);
	kfree(parent->qi_batch);
}

/* An id must not come to stand for two second stages. */
static void id_stays_with_its_parent(struct kunit *test)
{
	struct dmar_domain *parent = test_parent(test), *other;
	struct test_unit *unit = test->priv;
	struct iommu_domain *domain;

	domain = test_bind(test, parent, 0, 5, 0);
	intel_guest_leave_parent(&unit->devices[0].info);
	other = test_parent(test);
	test_bind(test, other, 0, 6, -EBUSY);
	test_unbind(test, domain, 0, 5);
	KUNIT_EXPECT_EQ(test, unit->domain_ids, 0UL);
	domain = test_bind(test, other, 0, 6, 0);
	test_unbind(test, domain, 0, 6);
	kfree(parent->qi_batch);
	kfree(other->qi_batch);
}

static struct kunit_case vtd_cache_test_cases[] = {
	KUNIT_CASE(few_timeouts_are_forgiven),
	KUNIT_CASE(third_in_a_row_cuts_off),
	KUNIT_CASE(long_timeout_cuts_off),
	KUNIT_CASE(rest_of_batch_is_done),
	KUNIT_CASE(absent_device_is_cut_off_at_once),
	KUNIT_CASE(id_of_no_device_is_left_out),
	KUNIT_CASE(two_dead_devices_end),
	KUNIT_CASE(reset_lets_device_in),
	KUNIT_CASE(reset_flushes_in_caching_mode),
	KUNIT_CASE(legacy_names_domain),
	KUNIT_CASE(page_requests_end_when_cut_off),
	KUNIT_CASE(second_stage_flush_names_pasids),
	KUNIT_CASE(second_stage_flush_is_global),
	KUNIT_CASE(slow_device_ends_a_call),
	KUNIT_CASE(caches_are_flushed_apart),
	KUNIT_CASE(ranges_fit_into_a_descriptor),
	KUNIT_CASE(pasids_of_a_device_share_an_id),
	KUNIT_CASE(ids_are_kept_for_the_host),
	KUNIT_CASE(id_stays_with_its_parent),
	{}
};

static struct kunit_suite vtd_cache_test_suite = {
	.name = "intel-iommu-cache",
	.init = vtd_cache_test_init,
	.exit = vtd_cache_test_exit,
	.test_cases = vtd_cache_test_cases,
};

kunit_test_suite(vtd_cache_test_suite);
