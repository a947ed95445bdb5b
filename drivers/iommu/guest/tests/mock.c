// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: an IOMMU and two devices in software, for tests
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/iommu-fault.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/pm_domain.h>
#include <linux/pm_runtime.h>
#include <linux/property.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "../../ioasid/ioasid_private.h"
#include "mock.h"

/**
 * struct mock_domain - second stage or table of the guest
 * @domain: of the IOMMU core
 * @mock: whose it is
 * @gpgd: the page table or PASID table of the guest, 0 for a second stage
 */
struct mock_domain {
	struct iommu_domain domain;
	struct mock_guest *mock;
	u64 gpgd;
};

/* One mock at a time: the operations of the IOMMU core carry no pointer to it. */
static struct mock_guest *the_mock;
/* Between those who make one; the rest of this file runs on behalf of the_mock. */
static DEFINE_MUTEX(mock_lock);

static const struct iommu_ops mock_ops;

static struct mock_domain *to_mock(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

static __printf(2, 3) void mock_write_log(struct mock_guest *mock,
					  const char *fmt, ...)
{
	va_list args;

	guard(mutex)(&mock->lock);
	va_start(args, fmt);
	if (mock->used)
		mock->used += scnprintf(mock->log + mock->used,
					sizeof(mock->log) - mock->used, " ");
	mock->used += vscnprintf(mock->log + mock->used,
				 sizeof(mock->log) - mock->used, fmt, args);
	va_end(args);
}

/* Costs nothing when quiet, for the sake of benchmarks */
#define mock_log(mock, ...) do {					\
	struct mock_guest *__mock = (mock);				\
									\
	if (!__mock->quiet)						\
		mock_write_log(__mock, __VA_ARGS__);			\
} while (0)

void mock_clear_log(struct mock_guest *mock)
{
	guard(mutex)(&mock->lock);
	mock->used = 0;
	mock->log[0] = '\0';
}

/* What the hardware translates by: "device.pasid=table ..." */
const char *mock_state(struct mock_guest *mock)
{
	size_t used = 0;
	int d, p;

	mock->state[0] = '\0';
	for (d = 0; d < MOCK_DEVICES; d++) {
		if (mock->devs[d].native)
			used += scnprintf(mock->state + used,
					  sizeof(mock->state) - used,
					  "%s%d=%llx", used ? " " : "", d,
					  mock->devs[d].native->gpgd);
		if (mock->devs[d].blocked)
			used += scnprintf(mock->state + used,
					  sizeof(mock->state) - used,
					  "%s%d.0=block", used ? " " : "", d);
		for (p = 0; p < MOCK_PASIDS; p++)
			if (mock->devs[d].table[p])
				used += scnprintf(mock->state + used,
						  sizeof(mock->state) - used,
						  "%s%d.%x=%llx", used ? " " : "",
						  d, p,
						  mock->devs[d].table[p]->gpgd);
	}
	return mock->state;
}

/**
 * mock_dev() - A device behind the mock
 * @mock: the mock
 * @index: of the device, below MOCK_DEVICES
 *
 * Return: The device, which the mock keeps.
 *
 * Context: Any.
 */
struct device *mock_dev(struct mock_guest *mock, unsigned int index)
{
	return &mock->devs[index].pdev->dev;
}
EXPORT_SYMBOL_NS_GPL(mock_dev, IOMMU_GUEST_MOCK);

static int mock_index(struct mock_guest *mock, struct device *dev)
{
	return dev == mock_dev(mock, 0) ? 0 : 1;
}

/* Operations of the driver, as far as the IOMMU core needs them */

static int mock_attach(struct iommu_domain *domain, struct device *dev)
{
	return 0;
}

static struct iommu_domain mock_identity = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &(const struct iommu_domain_ops) { .attach_dev = mock_attach },
};

static int mock_attach_blocked(struct iommu_domain *domain, struct device *dev)
{
	int d = mock_index(the_mock, dev);

	the_mock->devs[d].native = NULL;
	the_mock->devs[d].blocked = true;
	mock_log(the_mock, "blocked%d", d);
	return 0;
}

static struct iommu_domain mock_blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &(const struct iommu_domain_ops) { .attach_dev = mock_attach_blocked },
};

static int mock_attach_parent(struct iommu_domain *domain, struct device *dev)
{
	int d = mock_index(the_mock, dev);
	struct mock_device *mdev = &the_mock->devs[d];

	if (mdev->fail_parents) {
		mdev->fail_parents--;
		mock_log(the_mock, "parent%d!", d);
		return mdev->parent_error ?: -ENOMEM;
	}
	mdev->native = NULL;
	mdev->blocked = false;
	mock_log(the_mock, "parent%d", d);
	return 0;
}

static struct iommu_device *mock_probe(struct device *dev)
{
	return &the_mock->iommu;
}

static struct iommu_group *mock_group(struct device *dev)
{
	if (the_mock->group)
		return iommu_group_ref_get(the_mock->group);
	return generic_device_group(dev);
}

static int mock_default_type(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

/* Tables of the guest */

static void mock_check_awake(struct mock_guest *mock, int d)
{
	if (!pm_runtime_active(mock_dev(mock, d)))
		mock_log(mock, "asleep%d", d);
}

static int mock_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
			      ioasid_t pasid, struct iommu_domain *old)
{
	struct mock_domain *md = to_mock(domain);
	int d = mock_index(md->mock, dev);
	struct mock_device *mdev = &md->mock->devs[d];

	mock_check_awake(md->mock, d);
	mdev->reserve_sets += !!(current->flags & PF_MEMALLOC);
	if (mdev->request_on_set == pasid)
		mock_request(md->mock, d, pasid, 1, 0x1000, true);
	if (mdev->good_sets) {
		mdev->good_sets--;
	} else if (mdev->fail_sets || mdev->table[pasid]) {
		mdev->fail_sets -= !!mdev->fail_sets;
		mock_log(md->mock, "set%d.%x!", d, pasid);
		return -ENOMEM;
	}
	mdev->table[pasid] = md;
	mock_log(md->mock, "set%d.%x=%llx", d, pasid, md->gpgd);
	return 0;
}

static void mock_remove_dev_pasid(struct device *dev, ioasid_t pasid,
				  struct iommu_domain *domain)
{
	struct mock_domain *md = to_mock(domain);
	int d = mock_index(md->mock, dev);

	mock_check_awake(md->mock, d);
	mutex_lock(&md->mock->devs[d].slow);
	mutex_unlock(&md->mock->devs[d].slow);
	md->mock->devs[d].table[pasid] = NULL;
	mock_log(md->mock, "remove%d.%x=%llx", d, pasid, md->gpgd);
}

static void mock_parent_free(struct iommu_domain *domain)
{
	kfree(to_mock(domain));
}

static const struct iommu_domain_ops mock_parent_ops = {
	.attach_dev = mock_attach_parent,
	.set_dev_pasid = mock_set_dev_pasid,
	.free = mock_parent_free,
};

static struct iommu_domain *mock_alloc_user(struct device *dev, u32 flags,
					    struct iommu_domain *parent,
					    const struct iommu_user_data *data)
{
	struct mock_domain *domain;

	if (flags != IOMMU_HWPT_ALLOC_NEST_PARENT || parent || data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->mock = the_mock;
	domain->domain.type = IOMMU_DOMAIN_UNMANAGED;
	domain->domain.ops = &mock_parent_ops;
	domain->domain.geometry.aperture_end = MOCK_APERTURE;
	return &domain->domain;
}

static void mock_nested_free(struct iommu_domain *domain)
{
	struct mock_domain *md = to_mock(domain);

	mock_log(md->mock, "free=%llx", md->gpgd);
	kfree(md);
}

static const struct iommu_domain_ops mock_nested_ops = {
	.set_dev_pasid = mock_set_dev_pasid,
	.free = mock_nested_free,
};

static struct iommu_domain *
mock_alloc_gpasid(struct device *dev, struct iommu_domain *parent,
		  const struct iommu_gpasid_bind_data *data)
{
	struct mock_guest *mock = to_mock(parent)->mock;
	struct mock_domain *domain;

	if (mock->fail_alloc)
		return ERR_PTR(mock->fail_alloc);
	if (data->format != IOMMU_PASID_FORMAT_INTEL_VTD)
		return ERR_PTR(-EOPNOTSUPP);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->mock = mock;
	domain->gpgd = data->gpgd;
	domain->domain.type = IOMMU_DOMAIN_NESTED;
	domain->domain.ops = &mock_nested_ops;
	mock_log(mock, "alloc%d=%llx", mock_index(mock, dev), data->gpgd);
	return &domain->domain;
}

static int mock_invalidate_pasid(struct mock_guest *mock, int d, int p,
				 u8 caches, u64 start, u64 last, bool leaf)
{
	const char *suffix = leaf ? "leaf" : "";

	mock_check_awake(mock, d);
	if (caches & IOMMU_CACHE_INV_TYPE_IOTLB)
		mock_log(mock, "iotlb%d.%x[%llx-%llx]%s", d, p, start, last,
			 suffix);
	if (!(caches & IOMMU_CACHE_INV_TYPE_DEV_IOTLB))
		return 0;
	mock_log(mock, "devtlb%d.%x[%llx-%llx]%s", d, p, start, last, suffix);
	return mock->devs[d].cut_off ? -EIO : 0;
}

static void mock_invalidate(struct iommu_guest_invalidation *invs,
			    unsigned int count)
{
	struct mock_guest *mock = the_mock;
	unsigned int i;
	int d, p;

	mock->batches++;
	for (i = 0; i < count; i++) {
		d = mock_index(mock, invs[i].dev);
		invs[i].ret = 0;
		for (p = 0; p < MOCK_PASIDS; p++)
			if (mock->devs[d].table[p] == to_mock(invs[i].domain))
				invs[i].ret = mock_invalidate_pasid(mock, d, p,
								    invs[i].caches,
								    invs[i].start,
								    invs[i].last,
								    invs[i].leaf);
	}
}

static void mock_detach_gpasids(const ioasid_t *pasids,
				const struct iommu_guest_detachment *from,
				unsigned int count)
{
	char words[MOCK_DEVICES * (3 * MOCK_PASIDS + 2) + 1];
	unsigned int i, bit;
	size_t used = 0;
	int d;

	for (i = 0; i < count; i++) {
		d = mock_index(the_mock, from[i].dev);
		mock_check_awake(the_mock, d);
		used += scnprintf(words + used, sizeof(words) - used, "%s%d",
				  i ? "+" : "", d);
		the_mock->leaving += hweight64(from[i].which);
		for (bit = 0; bit < IOMMU_GUEST_DETACH_PASIDS; bit++)
			if (from[i].which & BIT_ULL(bit))
				used += scnprintf(words + used, sizeof(words) - used,
						  ".%x", pasids[bit]);
	}
	the_mock->lots++;
	mock_log(the_mock, "stop%s", words);
}

static void mock_fault_sync(struct device *dev)
{
	mock_log(the_mock, "sync%d", mock_index(the_mock, dev));
	mutex_lock(&the_mock->prq);
	mutex_unlock(&the_mock->prq);
}

static void mock_fault_flush(struct device *dev)
{
	mock_report_late(the_mock, mock_index(the_mock, dev));
}

static int mock_nesting_info(struct device *dev, struct iommu_domain *parent,
			     struct iommu_nesting_info *info)
{
	if (parent->ops != &mock_parent_ops ||
	    (!dev->iommu->max_pasids && !the_mock->takes_plain))
		return -EOPNOTSUPP;
	info->format = IOMMU_PASID_FORMAT_INTEL_VTD;
	info->features = IOMMU_NESTING_FEAT_BIND_PGTBL |
			 IOMMU_NESTING_FEAT_CACHE_INVLD;
	return 0;
}

static void mock_device_info(struct device *dev,
			     struct iommu_guest_device_info *info)
{
	mock_check_awake(the_mock, mock_index(the_mock, dev));
	info->pasid_bits = ilog2(dev->iommu->max_pasids);
	info->page_request_limit = dev->iommu->max_page_requests;
}

static struct mock_domain *mock_rid_table(struct mock_guest *mock,
					  struct iommu_domain *domain)
{
	return domain == mock->parent || domain == &mock_blocked ?
	       NULL : to_mock(domain);
}

static void mock_log_rid(struct mock_guest *mock, int d,
			 struct iommu_domain *domain, const char *suffix)
{
	if (domain == &mock_blocked)
		mock_log(mock, "rid%d=block%s", d, suffix);
	else if (domain == mock->parent)
		mock_log(mock, "rid%d=pass%s", d, suffix);
	else
		mock_log(mock, "rid%d=%llx%s", d, to_mock(domain)->gpgd, suffix);
}

static int mock_set_rid(struct device *dev, struct iommu_domain *domain,
			struct iommu_domain *old)
{
	struct mock_guest *mock = the_mock;
	int d = mock_index(mock, dev);
	struct mock_device *mdev = &mock->devs[d];
	bool was_blocked;

	mock_check_awake(mock, d);
	if (mdev->rid_request)
		mock_request_rid(mock, d, 1, 0x1000);
	was_blocked = old == &mock_blocked;
	if (!old || mdev->table[0] != mock_rid_table(mock, old) ||
	    mdev->blocked != was_blocked)
		mock_log(mock, "old%d!", d);
	if (mdev->fail_sets && mock_rid_table(mock, domain)) {
		mdev->fail_sets--;
		mock_log_rid(mock, d, domain, "!");
		return -ENOMEM;
	}
	mdev->table[0] = mock_rid_table(mock, domain);
	mdev->blocked = domain == &mock_blocked;
	mock_log_rid(mock, d, domain, "");
	return 0;
}

static int mock_read(void *data, u64 gpa, void *to, size_t len)
{
	struct mock_guest *mock = data;
	int i;

	if (mock->fail_read)
		return mock->fail_read;
	for (i = 0; i < MOCK_TABLES; i++) {
		if (gpa < MOCK_TABLE(i) ||
		    gpa + len > MOCK_TABLE(i) + sizeof(mock->tables[i]))
			continue;
		mock->reads++;
		memcpy(to, (void *)mock->tables[i] + (gpa - MOCK_TABLE(i)), len);
		if (mock->on_read)
			mock->on_read(mock);
		return 0;
	}
	return -ENOENT;
}

static enum iommu_guest_entry_kind mock_entry_kind(u64 word)
{
	if (word & MOCK_ENTRY_BAD)
		return IOMMU_GUEST_ENTRY_BAD;
	if (word & MOCK_ENTRY_PASS)
		return IOMMU_GUEST_ENTRY_PASS;
	return IOMMU_GUEST_ENTRY_FIRST_STAGE;
}

static int mock_table_walk(const struct iommu_pasid_table_config *config,
			   const struct iommu_guest_memory *mem, bool strict,
			   ioasid_t first, ioasid_t last,
			   iommu_guest_entry_fn fn, void *arg)
{
	u64 word;
	int ret;

	if (first > last)
		return -EINVAL;
	for (; first <= last; first++) {
		struct iommu_guest_entry entry = {
			.pasid = first,
			.gpa = config->base_ptr + first * sizeof(word),
			.data = {
				.argsz = sizeof(entry.data),
				.version = IOMMU_GPASID_BIND_VERSION_1,
				.format = IOMMU_PASID_FORMAT_INTEL_VTD,
				.addr_width = 48,
			},
		};

		ret = mem->read(mem->data, entry.gpa, &word, sizeof(word));
		if (ret) {
			if (strict && ret != -ENOENT)
				return ret;
			/* All that follows is in the same memory. */
			entry.kind = IOMMU_GUEST_ENTRY_UNREADABLE;
			return fn(&entry, arg);
		}
		if (!(word & MOCK_ENTRY_PRESENT))
			continue;
		entry.kind = mock_entry_kind(word);
		entry.quiet = word & MOCK_ENTRY_QUIET;
		entry.data.gpgd = word & PAGE_MASK;
		ret = fn(&entry, arg);
		if (ret)
			return ret;
	}
	return 0;
}

static int mock_attach_table(struct iommu_domain *domain, struct device *dev)
{
	struct mock_domain *md = to_mock(domain);
	int d = mock_index(md->mock, dev);
	struct mock_device *mdev = &md->mock->devs[d];

	mock_check_awake(md->mock, d);
	if (mdev->request_on_set)
		mock_request(md->mock, d, mdev->request_on_set, 1, 0x1000, true);
	if (mdev->fail_sets) {
		mdev->fail_sets--;
		mock_log(md->mock, "table%d=%llx!", d, md->gpgd);
		return -ENOMEM;
	}
	mdev->native = md;
	mdev->blocked = false;
	mock_log(md->mock, "table%d=%llx", d, md->gpgd);
	return 0;
}

static const struct iommu_domain_ops mock_table_ops = {
	.attach_dev = mock_attach_table,
	.free = mock_nested_free,
};

static struct iommu_domain *
mock_alloc_table(struct device *dev, struct iommu_domain *parent,
		 const struct iommu_pasid_table_config *config)
{
	const struct iommu_gpasid_bind_data data = {
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.gpgd = config->base_ptr,
	};
	struct iommu_domain *domain;

	if (config->pasid_bits > 16)
		return ERR_PTR(-ERANGE);
	domain = mock_alloc_gpasid(dev, parent, &data);
	if (!IS_ERR(domain))
		domain->ops = &mock_table_ops;
	return domain;
}

static void mock_table_invalidate(struct device *dev, struct iommu_domain *domain,
				  const struct iommu_cache_invalidate_info *info)
{
	mock_check_awake(the_mock, mock_index(the_mock, dev));
	mock_log(the_mock, "inv%d=%llx.%u", mock_index(the_mock, dev),
		 to_mock(domain)->gpgd, info->granularity);
}

/**
 * mock_native_ops() - Let hardware read PASID tables of the guest itself
 * @ops: operations of a device behind the mock, to be changed
 *
 * Context: Any.
 */
void mock_native_ops(struct iommu_guest_ops *ops)
{
	ops->table_walk = NULL;
	ops->domain_alloc_table = mock_alloc_table;
	ops->table_invalidate = mock_table_invalidate;
}
EXPORT_SYMBOL_NS_GPL(mock_native_ops, IOMMU_GUEST_MOCK);

static void mock_begin(struct device *dev)
{
	the_mock->devs[mock_index(the_mock, dev)].calls++;
}

static const struct iommu_guest_ops mock_guest_ops = {
	.nesting_info = mock_nesting_info,
	.begin = mock_begin,
	.domain_alloc_gpasid = mock_alloc_gpasid,
	.cache_invalidate = mock_invalidate,
	.detach_gpasids = mock_detach_gpasids,
	.fault_sync = mock_fault_sync,
	.fault_flush = mock_fault_flush,
	.device_info = mock_device_info,
	.set_rid = mock_set_rid,
	.table_format = IOMMU_PASID_FORMAT_VTD_TABLE,
	.table_walk = mock_table_walk,
};

/* Page requests */

/* Slow hardware: come back when a test lets it */
static void mock_stall(struct device *dev)
{
	struct mock_device *mdev = &the_mock->devs[mock_index(the_mock, dev)];

	if (!READ_ONCE(mdev->stall))
		return;
	complete(&mdev->stalled);
	wait_for_completion(&mdev->go_on);
}

static int mock_enable_feat(struct device *dev, enum iommu_dev_features feat)
{
	if (the_mock->fail_iopf)
		return the_mock->fail_iopf;
	mock_stall(dev);
	mock_log(the_mock, "iopf%d+", mock_index(the_mock, dev));
	dev->iommu->max_page_requests = MOCK_CREDIT;
	return iopf_queue_add_device(the_mock->queue, dev);
}

static int mock_disable_feat(struct device *dev, enum iommu_dev_features feat)
{
	mock_log(the_mock, "iopf%d-", mock_index(the_mock, dev));
	iopf_queue_remove_device(the_mock->queue, dev);
	return 0;
}

static void mock_answer(struct device *dev, const struct iopf_fault *fault,
			const struct iommu_page_response *resp)
{
	int d = mock_index(the_mock, dev);
	struct mock_device *mdev = &the_mock->devs[d];

	mock_stall(dev);
	atomic_inc(&mdev->answers);
	memset(mdev->private_data, 0, sizeof(mdev->private_data));
	if (fault->fault.prm.flags & IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA)
		memcpy(mdev->private_data, fault->fault.prm.private_data,
		       sizeof(mdev->private_data));
	else if (fault->fault.prm.private_data[1] != mdev->resets)
		atomic_inc(&mdev->stale);
	mock_log(the_mock, "answer%d.%x.%x=%x", d, fault->fault.prm.pasid,
		 resp->grpid, resp->code);
}

static void mock_page_response(struct device *dev, struct iopf_fault *fault,
			       struct iommu_page_response *resp)
{
	mock_answer(dev, fault, resp);
	atomic_inc(&the_mock->waits);
}

static void mock_page_response_batch(struct device *dev,
				     struct iopf_fault **faults,
				     struct iommu_page_response *resps,
				     unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		mock_answer(dev, faults[i], &resps[i]);
	atomic_inc(&the_mock->waits);
}

/**
 * mock_report_event() - Let a device report a fault
 * @mock: the mock
 * @index: of the device
 * @event: the fault; the core keeps a copy
 *
 * Does what the thread of an IOMMU driver does with what the hardware says.
 *
 * Return: What iommu_report_device_fault() returns.
 *
 * Context: Process context.
 */
int mock_report_event(struct mock_guest *mock, unsigned int index,
		      struct iopf_fault *event)
{
	struct mock_device *mdev = &mock->devs[index];
	struct iommu_fault *fault = &event->fault;

	guard(mutex)(&mock->prq);
	if (fault->type == IOMMU_FAULT_PAGE_REQ) {
		if (mdev->off)
			return 0;
		/* The core keeps it for the answer and shows it to nobody. */
		if (!(fault->prm.flags & IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA))
			fault->prm.private_data[1] = mdev->resets;
		if (fault->prm.flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE)
			atomic_inc(&mdev->groups);
	}
	return iommu_report_device_fault(mock_dev(mock, index), event);
}
EXPORT_SYMBOL_NS_GPL(mock_report_event, IOMMU_GUEST_MOCK);

int mock_report(struct mock_guest *mock, unsigned int index,
		const struct iommu_fault *fault)
{
	struct iopf_fault event = { .fault = *fault };

	return mock_report_event(mock, index, &event);
}

/**
 * mock_report_late() - Report what is in the queue of the hardware
 * @mock: the mock
 * @index: of the device
 *
 * Context: Process context.
 */
void mock_report_late(struct mock_guest *mock, unsigned int index)
{
	const struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event.reason = IOMMU_FAULT_REASON_PTE_FETCH,
	};

	for (; mock->devs[index].late; mock->devs[index].late--)
		mock_report(mock, index, &fault);
}
EXPORT_SYMBOL_NS_GPL(mock_report_late, IOMMU_GUEST_MOCK);

int mock_request(struct mock_guest *mock, unsigned int index, u32 pasid,
		 u32 grpid, u64 addr, bool last)
{
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_PAGE_REQ,
		.prm = {
			.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
				 IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID,
			.pasid = pasid,
			.grpid = grpid,
			.perm = IOMMU_FAULT_PERM_READ,
			.addr = addr,
		},
	};

	if (last)
		fault.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE;
	return mock_report(mock, index, &fault);
}

int mock_request_rid(struct mock_guest *mock, unsigned int index, u32 grpid,
		     u64 addr)
{
	const struct iommu_fault fault = {
		.type = IOMMU_FAULT_PAGE_REQ,
		.prm = {
			.flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
			.grpid = grpid,
			.perm = IOMMU_FAULT_PERM_READ,
			.addr = addr,
		},
	};

	return mock_report(mock, index, &fault);
}

static void mock_drain_page_requests(struct device *dev)
{
	mock_log(the_mock, "drain%d", mock_index(the_mock, dev));
	mutex_lock(&the_mock->prq);
	mutex_unlock(&the_mock->prq);
}

static void mock_reset_done(struct device *dev)
{
	iommu_group_mutex_assert(dev);
	mock_log(the_mock, "reset%d", mock_index(the_mock, dev));
	mock_stall(dev);
}

/**
 * mock_reset() - Reset a device
 * @mock: the mock
 * @index: of the device
 * @between: called with @arg between the reset and what is done after it; may
 *	be NULL
 * @arg: for @between
 *
 * The device forgets its page requests, and sends none until all is done.
 *
 * Context: Process context.
 */
void mock_reset(struct mock_guest *mock, unsigned int index,
		void (*between)(void *arg), void *arg)
{
	struct mock_device *mdev = &mock->devs[index];

	iommu_dev_reset_prepare(mock_dev(mock, index));
	scoped_guard(mutex, &mock->prq) {
		mdev->off = true;
		mdev->resets++;
		atomic_set(&mdev->groups, 0);
		atomic_set(&mdev->answers, 0);
	}
	if (between)
		between(arg);
	iommu_dev_reset_done(mock_dev(mock, index));
	scoped_guard(mutex, &mock->prq)
		mdev->off = false;
}

static const struct iommu_ops mock_ops = {
	.owner = THIS_MODULE,
	.identity_domain = &mock_identity,
	.blocked_domain = &mock_blocked,
	.domain_alloc_user = mock_alloc_user,
	.probe_device = mock_probe,
	.device_group = mock_group,
	.def_domain_type = mock_default_type,
	.remove_dev_pasid = mock_remove_dev_pasid,
	.dev_enable_feat = mock_enable_feat,
	.dev_disable_feat = mock_disable_feat,
	.page_response = mock_page_response,
	.page_response_batch = mock_page_response_batch,
	.drain_page_requests = mock_drain_page_requests,
	.reset_done = mock_reset_done,
	.guest_ops = &mock_guest_ops,
};

/* Life of the mock */

static const struct property_entry mock_properties[] = {
	PROPERTY_ENTRY_U32("pasid-num-bits", ilog2(MOCK_PASIDS)),
	{}
};

static struct platform_device *mock_alloc_device(const char *name)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_alloc(name, PLATFORM_DEVID_AUTO);
	if (!pdev)
		return ERR_PTR(-ENOMEM);
	ret = device_create_managed_software_node(&pdev->dev, mock_properties,
						  NULL);
	if (!ret)
		return pdev;
	platform_device_put(pdev);
	return ERR_PTR(ret);
}

/*
 * One more device behind the mock, in @group or in one of its own. It gets a
 * fwspec with the node of the mock, so that no other IOMMU takes it.
 */
struct platform_device *mock_add_device(struct mock_guest *mock,
					struct iommu_group *group)
{
	struct platform_device *pdev;
	int ret;

	pdev = mock_alloc_device("iommu-guest-test");
	if (IS_ERR(pdev))
		return pdev;
	scoped_guard(mutex, &iommu_probe_device_lock)
		ret = iommu_fwspec_init(&pdev->dev, mock->iommu.fwnode);
	if (ret)
		goto put;
	mock->group = group;
	ret = platform_device_add(pdev);
	mock->group = NULL;
	if (ret)
		goto put;
	if (device_iommu_mapped(&pdev->dev))
		return pdev;
	platform_device_unregister(pdev);
	return ERR_PTR(-ENODEV);
put:
	platform_device_put(pdev);
	return ERR_PTR(ret);
}

static int mock_notify_early(struct notifier_block *nb, unsigned long event,
			     void *data)
{
	struct mock_guest *mock = container_of(nb, struct mock_guest, early);
	struct ioasid_nb_args *args = data;

	if (event == IOASID_NOTIFY_FREE && mock->on_free)
		mock->on_free(mock, args->id);
	return NOTIFY_OK;
}

static int mock_notify(struct notifier_block *nb, unsigned long event,
		       void *data)
{
	struct mock_guest *mock = container_of(nb, struct mock_guest, nb);
	struct ioasid_nb_args *args = data;
	static const char * const names[] = {
		[IOASID_NOTIFY_FREE] = "FREE",
		[IOASID_NOTIFY_BIND] = "BIND",
		[IOASID_NOTIFY_UNBIND] = "UNBIND",
	};

	if (event < ARRAY_SIZE(names) && names[event])
		mock_log(mock, "%s.%x", names[event], args->id);
	return NOTIFY_OK;
}

static int mock_init_hw(struct mock_guest *mock)
{
	struct platform_device *hw;
	int ret;

	hw = mock_alloc_device("iommu-guest-mock");
	if (IS_ERR(hw))
		return PTR_ERR(hw);
	ret = platform_device_add(hw);
	if (ret)
		goto put;
	ret = iommu_device_sysfs_add(&mock->iommu, &hw->dev, NULL,
				     "iommu-guest-mock");
	if (ret)
		goto del;
	mock->iommu.max_pasids = MOCK_PASIDS;
	ret = iommu_device_register(&mock->iommu, &mock_ops, &hw->dev);
	if (ret)
		goto sysfs;
	mock->hw = hw;
	return 0;
sysfs:
	iommu_device_sysfs_remove(&mock->iommu);
del:
	platform_device_del(hw);
put:
	platform_device_put(hw);
	return ret;
}

static int mock_runtime_suspend(struct device *dev)
{
	return 0;
}

static int mock_runtime_resume(struct device *dev)
{
	return container_of(dev->pm_domain, struct mock_device, pm)->fail_resume;
}

/* Asleep unless somebody needs it */
static void mock_init_pm(struct mock_device *mdev)
{
	mdev->pm.ops.runtime_suspend = mock_runtime_suspend;
	mdev->pm.ops.runtime_resume = mock_runtime_resume;
	dev_pm_domain_set(&mdev->pdev->dev, &mdev->pm);
	pm_runtime_enable(&mdev->pdev->dev);
}

static int mock_init_devices(struct mock_guest *mock)
{
	struct platform_device *pdev;
	int i;

	for (i = 0; i < MOCK_DEVICES; i++) {
		init_completion(&mock->devs[i].stalled);
		init_completion(&mock->devs[i].go_on);
		pdev = mock_add_device(mock, NULL);
		if (IS_ERR(pdev))
			return PTR_ERR(pdev);
		mock->devs[i].pdev = pdev;
		mutex_init(&mock->devs[i].slow);
		mock_init_pm(&mock->devs[i]);
	}
	return 0;
}

/* Notifiers come before ids. */
static int mock_init_set(struct mock_guest *mock)
{
	struct ioasid_set *set;
	int ret;

	set = ioasid_set_alloc(NULL, MOCK_PASIDS * 2, IOASID_SET_PRIVATE);
	if (IS_ERR(set))
		return PTR_ERR(set);
	mock->set = set;
	mock->nb.notifier_call = mock_notify;
	mock->nb.priority = IOASID_PRIO_LAST;
	mock->early.notifier_call = mock_notify_early;
	mock->early.priority = IOASID_PRIO_DEVICE;
	ret = ioasid_register_notifier(set, &mock->nb, IOASID_NOTIFY_ALL);
	return ret ?: ioasid_register_notifier(set, &mock->early, IOASID_NOTIFY_ALL);
}

static int mock_init_pasids(struct mock_guest *mock)
{
	int i;

	for (i = 1; i < MOCK_PASIDS; i++)
		if (ioasid_alloc(mock->set, i, i, NULL, GFP_KERNEL) != i)
			return -ENOMEM;
	return 0;
}

static int mock_init_owner(struct mock_guest *mock)
{
	struct iommu_guest_ctx *ctx;
	struct iommu_domain *parent;
	int ret, i;

	parent = iommu_guest_alloc_parent(mock_dev(mock, 0));
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	mock->parent = parent;
	ctx = iommu_guest_ctx_alloc(mock->set, &mock->mem);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mock->ctx = ctx;
	ret = mock_init_pasids(mock);
	if (ret)
		return ret;
	for (i = 0; i < MOCK_DEVICES; i++) {
		ret = iommu_attach_device(parent, mock_dev(mock, i));
		if (ret)
			return ret;
		mock->devs[i].attached = true;
		ret = iommu_guest_add_device(ctx, mock_dev(mock, i), parent);
		if (ret)
			return ret;
	}
	return 0;
}

static int mock_init(struct mock_guest *mock)
{
	int ret;

	mutex_init(&mock->lock);
	mutex_init(&mock->prq);
	mock->mem.read = mock_read;
	mock->mem.data = mock;
	mock->queue = iopf_queue_alloc("iommu-guest-mock");
	if (!mock->queue)
		return -ENOMEM;
	ret = mock_init_hw(mock);
	if (!ret)
		ret = mock_init_devices(mock);
	if (!ret)
		ret = mock_init_set(mock);
	return ret ?: mock_init_owner(mock);
}

/**
 * mock_guest_create() - Make an IOMMU, two devices and an owner of both
 *
 * Return: The mock, whose log is empty; or ERR_PTR of -EBUSY, there is one
 * already; -ENOMEM, or what went wrong.
 *
 * Context: Process context.
 */
struct mock_guest *mock_guest_create(void)
{
	struct mock_guest *mock;
	int ret;

	mock = kzalloc(sizeof(*mock), GFP_KERNEL);
	if (!mock)
		return ERR_PTR(-ENOMEM);
	scoped_guard(mutex, &mock_lock) {
		if (the_mock) {
			kfree(mock);
			return ERR_PTR(-EBUSY);
		}
		the_mock = mock;
	}
	ret = mock_init(mock);
	if (ret) {
		mock_guest_destroy(mock);
		return ERR_PTR(ret);
	}
	mock_clear_log(mock);
	return mock;
}
EXPORT_SYMBOL_NS_GPL(mock_guest_create, IOMMU_GUEST_MOCK);

/**
 * mock_guest_close() - Close the devices of the owner that are still open
 * @mock: the mock
 *
 * Context: Process context.
 */
void mock_guest_close(struct mock_guest *mock)
{
	int i;

	for (i = 0; i < MOCK_DEVICES; i++)
		iommu_guest_remove_device(mock->ctx, mock_dev(mock, i));
}

static unsigned int mock_destroy_set(struct mock_guest *mock)
{
	struct ioasid_set_info info;
	unsigned int refs;

	ioasid_free_all_in_set(mock->set);
	ioasid_set_flush(mock->set);
	ioasid_set_get_info(mock->set, &info);
	ioasid_unregister_notifier(mock->set, &mock->nb);
	ioasid_unregister_notifier(mock->set, &mock->early);
	/* But for the mock's own */
	refs = refcount_read(&mock->set->refs) - 1;
	ioasid_set_put(mock->set);
	return info.used + refs;
}

static void mock_destroy_hw(struct mock_guest *mock)
{
	int i;

	for (i = 0; i < MOCK_DEVICES; i++)
		if (mock->devs[i].attached)
			iommu_detach_device(mock->parent, mock_dev(mock, i));
	if (mock->parent)
		iommu_domain_free(mock->parent);
	for (i = 0; i < MOCK_DEVICES; i++) {
		if (!mock->devs[i].pdev)
			continue;
		pm_runtime_disable(mock_dev(mock, i));
		dev_pm_domain_set(mock_dev(mock, i), NULL);
		platform_device_unregister(mock->devs[i].pdev);
	}
	if (!mock->hw)
		return;
	iommu_device_unregister(&mock->iommu);
	iommu_device_sysfs_remove(&mock->iommu);
	platform_device_unregister(mock->hw);
}

/**
 * mock_guest_destroy() - Undo mock_guest_create()
 * @mock: the mock, gone on return
 *
 * Return: Number of references that somebody still has, to ids or to their set; none
 * is right.
 *
 * Context: Process context.
 */
unsigned int mock_guest_destroy(struct mock_guest *mock)
{
	unsigned int ids = 0;

	if (mock->ctx) {
		mock_guest_close(mock);
		iommu_guest_ctx_free(mock->ctx);
	}
	if (mock->set)
		ids = mock_destroy_set(mock);
	mock_destroy_hw(mock);
	iopf_queue_free(mock->queue);
	scoped_guard(mutex, &mock_lock)
		the_mock = NULL;
	kfree(mock);
	return ids;
}
EXPORT_SYMBOL_NS_GPL(mock_guest_destroy, IOMMU_GUEST_MOCK);
