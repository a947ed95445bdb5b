// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VT-d unit made of memory, for KUnit tests of the driver
 */
#include <linux/hrtimer.h>
#include <linux/iommu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "test_unit.h"
#include "../../iommu-pages.h"

#define QUEUE_ORDER	get_order(QI_LENGTH * sizeof(struct qi_desc))
#define PRI_CAP		0x200
#define PERIOD_US	100

/* A bit of the fault status that the unit does not have: not handled yet */
#define FSTS_NEW	BIT(31)

struct context_entry *test_unit_context(struct test_unit *unit, unsigned int device)
{
	struct device_domain_info *info = &unit->devices[device].info;

	return iommu_context_addr(&unit->iommu, info->bus, info->devfn, 0);
}

struct pasid_dir_entry *test_unit_pde(struct test_unit *unit, u32 pasid)
{
	struct pasid_dir_entry *dir = test_unit_info(unit)->pasid_table->table;

	return &dir[pasid >> PASID_PDE_SHIFT];
}

struct pasid_entry *test_unit_entry(struct test_unit *unit, u32 pasid)
{
	struct pasid_entry *leaf = get_pasid_table_from_pde(test_unit_pde(unit, pasid));

	return leaf ? &leaf[pasid & PASID_PTE_MASK] : NULL;
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

unsigned int test_unit_count_device(struct test_unit *unit, u16 sid)
{
	unsigned int i, count = 0;
	u16 other;

	for (i = 0; i < unit->logged; i++)
		count += names_device(&unit->log[i].desc, &other) && other == sid;
	return count;
}

unsigned int test_unit_count_type(struct test_unit *unit, u8 type)
{
	unsigned int i, count = 0;

	for (i = 0; i < unit->logged; i++)
		count += test_unit_type(unit, i) == type;
	return count;
}

static void log_descriptor(struct test_unit *unit, const struct qi_desc *desc)
{
	struct test_desc *entry = &unit->log[unit->logged % TEST_LOG];
	struct pasid_entry *pte = test_unit_entry(unit, unit->watched);

	entry->desc = *desc;
	entry->leaf = pte;
	entry->present = pte && pasid_pte_is_present(pte);
	entry->did_held = unit->domain_ids;
	entry->tagged = unit->domain && !list_empty(&unit->domain->cache_tags);
	entry->locked = false;
	if (unit->domain) {
		if (spin_trylock(&unit->domain->cache_lock))
			spin_unlock(&unit->domain->cache_lock);
		else
			entry->locked = true;
	}
	unit->logged++;
}

static struct test_device *find_device(struct test_unit *unit, u16 sid)
{
	int i;

	for (i = 0; i < TEST_DEVICES; i++)
		if (test_device_sid(&unit->devices[i]) == sid)
			return &unit->devices[i];
	return NULL;
}

static bool completes(struct test_unit *unit, u16 sid)
{
	struct test_device *device = find_device(unit, sid);

	if (!device)
		return false;
	if (device->dead && device->dead != TEST_EVER)
		return !device->dead--;
	return !device->dead;
}

static unsigned int delay_of(struct test_unit *unit, u16 sid)
{
	struct test_device *device = find_device(unit, sid);

	return unit->delay_ms + (device ? device->delay_ms : 0);
}

/*
 * Stop the queue. Writing the status does not clear a bit of memory, so keep the
 * driver from submitting again, for want of room, until it was cleared for it.
 */
static void stop_queue(struct test_unit *unit, u16 sid)
{
	void __iomem *reg = unit->iommu.reg;

	unit->timeouts++;
	unit->stopped = true;
	raw_spin_lock(&unit->qi.q_lock);
	writel(readl(reg + DMAR_IQT_REG), reg + DMAR_IQH_REG);
	unit->head = readl(reg + DMAR_IQT_REG) >> qi_shift(&unit->iommu);
	dmar_writeq(reg + DMAR_IQER_REG, (u64)sid << 32);
	unit->room = unit->qi.free_cnt;
	unit->qi.free_cnt = 0;
	writel(DMA_FSTS_ITE | FSTS_NEW, reg + DMAR_FSTS_REG);
	raw_spin_unlock(&unit->qi.q_lock);
}

static void restart_queue(struct test_unit *unit)
{
	void __iomem *reg = unit->iommu.reg;

	if (readl(reg + DMAR_FSTS_REG) & FSTS_NEW)
		return;
	unit->stopped = false;
	raw_spin_lock(&unit->qi.q_lock);
	writel(0, reg + DMAR_FSTS_REG);
	unit->qi.free_cnt += unit->room;
	raw_spin_unlock(&unit->qi.q_lock);
}

/* False if it takes longer */
static bool serve_descriptor(struct test_unit *unit)
{
	struct qi_desc *desc = unit->qi.desc + (unit->head << qi_shift(&unit->iommu));
	bool wait = (desc->qw0 & 0xf) == QI_IWD_TYPE;
	u16 sid;

	if (!unit->busy) {
		if (!wait || desc->qw0 & (QI_IWD_FENCE | QI_IWD_PRQ_DRAIN))
			log_descriptor(unit, desc);
		unit->due = ktime_get();
		if (names_device(desc, &sid))
			unit->due = ktime_add_ms(unit->due, delay_of(unit, sid));
		unit->busy = true;
	}
	if (ktime_before(ktime_get(), unit->due))
		return false;

	unit->busy = false;
	unit->head = (unit->head + 1) % QI_LENGTH;
	if (wait && desc->qw0 & QI_IWD_STATUS_WRITE) {
		unit->waits++;
		WRITE_ONCE(*(int *)phys_to_virt(desc->qw1), desc->qw0 >> 32);
	} else if (names_device(desc, &sid) && !completes(unit, sid)) {
		stop_queue(unit, sid);
	}
	return !unit->stopped;
}

static enum hrtimer_restart serve_queue(struct hrtimer *timer)
{
	struct test_unit *unit = container_of(timer, struct test_unit, server);
	u32 tail;

	if (unit->stopped)
		restart_queue(unit);
	tail = readl(unit->iommu.reg + DMAR_IQT_REG) >> qi_shift(&unit->iommu);
	while (!unit->stopped && unit->head != tail && serve_descriptor(unit))
		;
	hrtimer_forward_now(timer, ns_to_ktime(PERIOD_US * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void start_server(void *data)
{
	struct test_unit *unit = data;

	hrtimer_start(&unit->server, ns_to_ktime(PERIOD_US * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static int start_queue(struct kunit *test, struct test_unit *unit)
{
	int server = cpumask_first(cpu_online_mask);
	int cpu = cpumask_any_but(cpu_online_mask, server);

	/*
	 * The submitter may have interrupts off: keep it off the CPU that serves
	 * it, and that one be the CPU which keeps the time for timers to expire.
	 */
	if (cpu >= nr_cpu_ids) {
		kunit_err(test, "these tests need two CPUs");
		return -ENODEV;
	}
	set_cpus_allowed_ptr(current, cpumask_of(cpu));

	unit->queue = alloc_pages(GFP_KERNEL | __GFP_ZERO, QUEUE_ORDER);
	unit->qi.desc_status = kunit_kcalloc(test, QI_LENGTH, sizeof(int), GFP_KERNEL);
	if (!unit->queue || !unit->qi.desc_status)
		return -ENOMEM;

	raw_spin_lock_init(&unit->qi.q_lock);
	INIT_LIST_HEAD(&unit->qi.submissions);
	unit->qi.desc = page_address(unit->queue);
	unit->qi.free_cnt = QI_LENGTH;
	unit->iommu.qi = &unit->qi;
	return smp_call_function_single(server, start_server, unit, 1);
}

/* The unit, and the devices behind it */

static int read_config(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	struct test_unit *unit = container_of(bus, struct test_unit, bus);
	struct test_device *device = &unit->devices[PCI_SLOT(devfn) - 1];

	if (device->gone)
		*value = ~0;
	else if (where == PRI_CAP + PCI_PRI_MAX_REQ)
		*value = device->capacity;
	else
		*value = 0x00018086;	/* the device is there */
	return PCIBIOS_SUCCESSFUL;
}

static int write_config(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops test_pci_ops = {
	.read = read_config,
	.write = write_config,
};

static int init_unit(struct kunit *test, struct test_unit *unit)
{
	struct intel_iommu *iommu = &unit->iommu;

	iommu->reg = (__force void __iomem *)unit->reg;
	iommu->prq = (void *)unit->prq;
	iommu->cap = 0;		/* 16 domain ids */
	/* Coherent tables, queued invalidation, nesting, PASIDs, scalable mode, 2nd stage */
	iommu->ecap = BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(26) | BIT_ULL(40) |
		      BIT_ULL(43) | BIT_ULL(46);
	iommu->gcmd = DMA_GCMD_TE;
	iommu->node = NUMA_NO_NODE;
	iommu->agaw = 2;
	iommu->msagaw = 2;
	iommu->domain_ids = &unit->domain_ids;
	iommu->flush.flush_iotlb = qi_flush_iotlb;
	iommu->flush.flush_context = qi_flush_context;
	iommu->iommu.ops = &intel_iommu_ops;
	strscpy(iommu->name, "test", sizeof(iommu->name));
	spin_lock_init(&iommu->lock);
	raw_spin_lock_init(&iommu->register_lock);
	mutex_init(&iommu->iopf_lock);
	raw_spin_lock_init(&iommu->device_rbtree_lock);
	iommu->device_rbtree = RB_ROOT;
	init_completion(&iommu->prq_complete);
	iommu->root_entry = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	return iommu->root_entry ? 0 : -ENOMEM;
}

/* In the order of their ids, so each goes to the right of the one before. */
static int init_device(struct test_unit *unit, unsigned int i)
{
	struct test_device *device = &unit->devices[i];
	struct device_domain_info *info = &device->info;
	struct pci_dev *pdev = &device->pdev;
	struct context_entry *context;

	device->group = iommu_group_alloc();
	if (IS_ERR(device->group))
		return PTR_ERR(device->group);

	pdev->bus = &unit->bus;
	pdev->devfn = PCI_DEVFN(i + 1, 0);
	pdev->pri_cap = PRI_CAP;
	pdev->dev.bus = &pci_bus_type;
	pdev->dev.init_name = i ? "second" : "first";
	pdev->dev.iommu = &device->dev_iommu;
	pdev->dev.iommu_group = device->group;

	mutex_init(&device->dev_iommu.lock);
	device->dev_iommu.iommu_dev = &unit->iommu.iommu;
	device->dev_iommu.priv = info;
	device->dev_iommu.max_pasids = 0x8000;
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

int test_unit_init(struct kunit *test)
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
	unit->prq = kunit_kzalloc(test, PAGE_SIZE << PRQ_ORDER, GFP_KERNEL);
	if (!unit->reg || !unit->prq)
		return -ENOMEM;

	unit->bus.ops = &test_pci_ops;
	unit->bus.number = TEST_BUS;
	unit->bus.sysdata = &unit->sysdata;
	hrtimer_init(&unit->server, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	unit->server.function = serve_queue;
	ret = init_unit(test, unit);
	for (i = 0; i < TEST_DEVICES && !ret; i++)
		ret = init_device(unit, i);
	return ret ?: start_queue(test, unit);
}

void test_unit_exit(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct root_entry *root;
	int i;

	if (!unit)
		return;
	dmar_ats_timeout_ms = unit->timeout_ms;
	dmar_ats_slow_ms = unit->slow_ms;
	if (unit->server.function)
		hrtimer_cancel(&unit->server);
	if (unit->queue)
		__free_pages(unit->queue, QUEUE_ORDER);
	for (i = 0; i < TEST_DEVICES; i++) {
		if (unit->devices[i].info.dev)
			intel_pasid_free_table(unit->devices[i].info.dev);
		if (!IS_ERR_OR_NULL(unit->devices[i].group))
			iommu_group_put(unit->devices[i].group);
	}
	root = unit->iommu.root_entry;
	if (root && root[TEST_BUS].lo)
		iommu_free_page(phys_to_virt(root[TEST_BUS].lo & VTD_PAGE_MASK));
}

/* Domains */

/* What attachments have left: it goes with the last reference of a real one. */
static void end_domain(void *data)
{
	struct dmar_domain *domain = data;

	kfree(domain->qi_batch);
	xa_destroy(&domain->iommu_array);
}

static struct dmar_domain *make_domain(struct kunit *test, unsigned int type)
{
	struct dmar_domain *domain = kunit_kzalloc(test, sizeof(*domain), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, domain);
	domain->domain.type = type;
	domain->domain.owner = &intel_iommu_ops;
	domain->nid = NUMA_NO_NODE;
	INIT_LIST_HEAD(&domain->devices);
	INIT_LIST_HEAD(&domain->dev_pasids);
	INIT_LIST_HEAD(&domain->cache_tags);
	spin_lock_init(&domain->lock);
	spin_lock_init(&domain->cache_lock);
	xa_init(&domain->iommu_array);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_domain, domain), 0);
	return domain;
}

struct dmar_domain *test_unit_second_stage(struct kunit *test)
{
	struct dmar_domain *domain = make_domain(test, IOMMU_DOMAIN_UNMANAGED);

	domain->domain.ops = intel_iommu_ops.default_domain_ops;
	domain->gaw = 48;
	domain->agaw = 2;
	domain->pgd = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, domain->pgd);
	spin_lock_init(&domain->s1_lock);
	INIT_LIST_HEAD(&domain->s1_domains);
	return domain;
}

struct dmar_domain *test_unit_parent(struct kunit *test)
{
	struct dmar_domain *domain = test_unit_second_stage(test);

	domain->nested_parent = true;
	return domain;
}

struct dmar_domain *test_unit_nested(struct kunit *test, struct dmar_domain *parent,
				     u64 table)
{
	struct dmar_domain *domain = make_domain(test, IOMMU_DOMAIN_NESTED);

	domain->use_first_level = true;
	domain->s2_domain = parent;
	domain->s1_pgtbl = table;
	domain->s1_cfg.addr_width = ADDR_WIDTH_4LEVEL;
	return domain;
}

static void attach_second_stage(struct kunit *test, struct dmar_domain *domain, u32 pasid)
{
	struct test_unit *unit = test->priv;
	struct device *dev = test_unit_dev(unit);
	struct dev_pasid_info *dev_pasid;

	dev_pasid = kzalloc(sizeof(*dev_pasid), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dev_pasid);
	dev_pasid->dev = dev;
	dev_pasid->pasid = pasid;
	list_add(&dev_pasid->link_domain, &domain->dev_pasids);

	KUNIT_ASSERT_EQ(test, domain_attach_iommu(domain, &unit->iommu), 0);
	KUNIT_ASSERT_EQ(test, cache_tag_assign_domain(domain, dev, pasid), 0);
	KUNIT_ASSERT_EQ(test, intel_pasid_setup_second_level(&unit->iommu, domain, dev,
							     pasid), 0);
}

static void attach_nested(struct kunit *test, struct dmar_domain *domain, u32 pasid)
{
	struct test_unit *unit = test->priv;
	struct device_domain_info *info = test_unit_info(unit);

	/* It is attached to its second stage only for the sake of the check. */
	info->domain = domain->s2_domain;
	KUNIT_ASSERT_EQ(test, intel_nested_set_dev_pasid(&domain->domain, test_unit_dev(unit),
							 pasid, NULL), 0);
	info->domain = NULL;
}

void test_unit_attach(struct kunit *test, struct dmar_domain *domain, u32 pasid)
{
	struct test_unit *unit = test->priv;

	if (domain->domain.type == IOMMU_DOMAIN_NESTED)
		attach_nested(test, domain, pasid);
	else
		attach_second_stage(test, domain, pasid);
	unit->watched = pasid;
	unit->domain = domain;
	unit->logged = 0;
	unit->waits = 0;
}

void test_unit_detach(struct kunit *test, struct dmar_domain *domain, u32 pasid)
{
	struct test_unit *unit = test->priv;

	unit->watched = pasid;
	unit->domain = domain;
	unit->logged = 0;
	intel_iommu_ops.remove_dev_pasid(test_unit_dev(unit), pasid, &domain->domain);
	unit->domain = NULL;
}

void test_unit_invalidate(struct test_unit *unit, unsigned int device)
{
	qi_flush_dev_iotlb_pasid(&unit->iommu, test_device_sid(&unit->devices[device]),
				 0, 5, 0, 0, 0);
}

/* Page requests */

void test_unit_enable_pri(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->iommu.iopf_queue = iopf_queue_alloc("vtd-test");
	KUNIT_ASSERT_NOT_NULL(test, unit->iommu.iopf_queue);
	KUNIT_ASSERT_EQ(test, iopf_queue_add_device(unit->iommu.iopf_queue,
						    test_unit_dev(unit)), 0);
	test_unit_info(unit)->pri_enabled = 1;
}

void test_unit_disable_pri(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	test_unit_info(unit)->pri_enabled = 0;
	iopf_queue_remove_device(unit->iommu.iopf_queue, test_unit_dev(unit));
	iopf_queue_free(unit->iommu.iopf_queue);
}

void test_unit_request(struct test_unit *unit, u64 qw0, u64 qw1, u64 private0,
		       u64 private1)
{
	u64 tail = dmar_readq(unit->iommu.reg + DMAR_PQT_REG);
	u64 *entry = unit->prq[tail / sizeof(*unit->prq)];

	entry[0] = qw0;
	entry[1] = qw1;
	entry[2] = private0;
	entry[3] = private1;
	dmar_writeq(unit->iommu.reg + DMAR_PQT_REG,
		    (tail + sizeof(*unit->prq)) & PRQ_RING_MASK);
}
