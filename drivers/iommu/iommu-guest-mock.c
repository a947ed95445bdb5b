// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: an IOMMU and two devices in software, for the KUnit tests
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "iommu-guest-test.h"

/**
 * struct mock_domain - second stage or table of the guest
 * @domain: of the IOMMU core
 * @mock: whose it is
 * @gpgd: the table of the guest, 0 for a second stage
 */
struct mock_domain {
	struct iommu_domain domain;
	struct mock_guest *mock;
	u64 gpgd;
};

/* One mock at a time: the IOMMU core has no pointer for the likes of us. */
static struct mock_guest *the_mock;

static const struct iommu_ops mock_ops;

static struct mock_domain *to_mock(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

static __printf(2, 3) void mock_log(struct mock_guest *mock, const char *fmt, ...)
{
	va_list args;

	if (mock->quiet)
		return;
	guard(mutex)(&mock->lock);
	va_start(args, fmt);
	if (mock->used)
		mock->used += scnprintf(mock->log + mock->used,
					sizeof(mock->log) - mock->used, " ");
	mock->used += vscnprintf(mock->log + mock->used,
				 sizeof(mock->log) - mock->used, fmt, args);
	va_end(args);
}

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
	for (d = 0; d < MOCK_DEVICES; d++)
		for (p = 0; p < MOCK_PASIDS; p++)
			if (mock->devs[d].table[p])
				used += scnprintf(mock->state + used,
						  sizeof(mock->state) - used,
						  "%s%d.%x=%llx", used ? " " : "",
						  d, p,
						  mock->devs[d].table[p]->gpgd);
	return mock->state;
}

struct device *mock_dev(struct mock_guest *mock, unsigned int index)
{
	return &mock->devs[index].pdev->dev;
}

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

static struct iommu_domain mock_blocked = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &(const struct iommu_domain_ops) { .attach_dev = mock_attach },
};

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

static void mock_parent_free(struct iommu_domain *domain)
{
	kfree(to_mock(domain));
}

static const struct iommu_domain_ops mock_parent_ops = {
	.attach_dev = mock_attach,
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
	domain->domain.owner = &mock_ops;
	domain->domain.geometry.aperture_end = MOCK_APERTURE;
	return &domain->domain;
}

/* Tables of the guest */

static int mock_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
			      ioasid_t pasid, struct iommu_domain *old)
{
	struct mock_domain *md = to_mock(domain);
	int d = mock_index(md->mock, dev);
	struct mock_device *mdev = &md->mock->devs[d];

	if (mdev->request_on_set == pasid)
		mock_request(md->mock, d, pasid, 1, 0x1000, true);
	if (mdev->fail_sets || mdev->table[pasid]) {
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

	md->mock->devs[d].table[pasid] = NULL;
	mock_log(md->mock, "remove%d.%x=%llx", d, pasid, md->gpgd);
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

static void mock_invalidate(struct iommu_domain *domain, u64 start, u64 last,
			    bool leaf)
{
	struct mock_domain *md = to_mock(domain);
	int d, p;

	for (d = 0; d < MOCK_DEVICES; d++)
		for (p = 0; p < MOCK_PASIDS; p++)
			if (md->mock->devs[d].table[p] == md)
				mock_log(md->mock, "inv%d.%x[%llx-%llx]%s", d, p,
					 start, last, leaf ? "leaf" : "");
}

static void mock_fault_sync(struct device *dev)
{
	mock_log(the_mock, "sync%d", mock_index(the_mock, dev));
	mutex_lock(&the_mock->prq);
	mutex_unlock(&the_mock->prq);
}

static int mock_nesting_info(struct device *dev, struct iommu_domain *parent,
			     struct iommu_nesting_info *info)
{
	if (parent->ops != &mock_parent_ops)
		return -EOPNOTSUPP;
	info->format = IOMMU_PASID_FORMAT_INTEL_VTD;
	info->features = IOMMU_NESTING_FEAT_BIND_PGTBL |
			 IOMMU_NESTING_FEAT_CACHE_INVLD;
	return 0;
}

static const struct iommu_guest_ops mock_guest_ops = {
	.nesting_info = mock_nesting_info,
	.domain_alloc_gpasid = mock_alloc_gpasid,
	.cache_invalidate = mock_invalidate,
	.fault_sync = mock_fault_sync,
};

/* Page requests */

static int mock_enable_feat(struct device *dev, enum iommu_dev_features feat)
{
	if (the_mock->fail_iopf)
		return the_mock->fail_iopf;
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

	atomic_inc(&the_mock->devs[d].answers);
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

/* What the thread of an IOMMU driver does with what the hardware says */
int mock_report(struct mock_guest *mock, unsigned int index,
		const struct iommu_fault *fault)
{
	struct iopf_fault event = { .fault = *fault };

	if (fault->type == IOMMU_FAULT_PAGE_REQ &&
	    fault->prm.flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE)
		atomic_inc(&mock->devs[index].groups);
	guard(mutex)(&mock->prq);
	return iommu_report_device_fault(mock_dev(mock, index), &event);
}

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
	.guest_ops = &mock_guest_ops,
};

/* Life of the mock */

static const struct property_entry mock_properties[] = {
	PROPERTY_ENTRY_U32("pasid-num-bits", ilog2(MOCK_PASIDS)),
	{}
};

static void mock_remove_device(void *pdev)
{
	platform_device_unregister(pdev);
}

/*
 * The device gets a fwspec with the node of the mock, so that no other IOMMU
 * takes it.
 */
struct platform_device *mock_add_device(struct kunit *test,
					struct mock_guest *mock,
					struct iommu_group *group)
{
	struct platform_device *pdev;
	int ret;

	pdev = platform_device_alloc("iommu-guest-test", PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, 0, device_create_managed_software_node(&pdev->dev,
								     mock_properties,
								     NULL));
	mutex_lock(&iommu_probe_device_lock);
	ret = iommu_fwspec_init(&pdev->dev, mock->iommu.fwnode);
	mutex_unlock(&iommu_probe_device_lock);
	KUNIT_ASSERT_EQ(test, 0, ret);
	mock->group = group;
	KUNIT_ASSERT_EQ(test, 0, platform_device_add(pdev));
	mock->group = NULL;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   mock_remove_device,
							   pdev));
	KUNIT_ASSERT_TRUE(test, device_iommu_mapped(&pdev->dev));
	return pdev;
}

static int mock_listen(struct notifier_block *nb, unsigned long event,
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

static void mock_init_hw(struct kunit *test, struct mock_guest *mock)
{
	mock->hw = platform_device_alloc("iommu-guest-mock", PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(test, mock->hw);
	KUNIT_ASSERT_EQ(test, 0,
			device_create_managed_software_node(&mock->hw->dev,
							    mock_properties,
							    NULL));
	KUNIT_ASSERT_EQ(test, 0, platform_device_add(mock->hw));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_sysfs_add(&mock->iommu,
							&mock->hw->dev, NULL,
							"iommu-guest-mock"));
	mock->iommu.max_pasids = MOCK_PASIDS;
	KUNIT_ASSERT_EQ(test, 0, iommu_device_register(&mock->iommu, &mock_ops,
						       &mock->hw->dev));
}

static void mock_init_owner(struct kunit *test, struct mock_guest *mock)
{
	int i;

	mock->set = ioasid_set_alloc(NULL, MOCK_PASIDS * 2, IOASID_SET_PRIVATE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock->set);
	for (i = 1; i < MOCK_PASIDS; i++)
		KUNIT_ASSERT_EQ(test, i, ioasid_alloc(mock->set, i, i, NULL,
						      GFP_KERNEL));
	mock->nb.notifier_call = mock_listen;
	mock->nb.priority = IOASID_PRIO_LAST;
	KUNIT_ASSERT_EQ(test, 0, ioasid_register_notifier(mock->set, &mock->nb));

	mock->parent = iommu_guest_alloc_parent(mock_dev(mock, 0));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock->parent);
	mock->ctx = iommu_guest_ctx_alloc(mock->set);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock->ctx);
	for (i = 0; i < MOCK_DEVICES; i++) {
		KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(mock->parent,
							     mock_dev(mock, i)));
		KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx,
								mock_dev(mock, i),
								mock->parent));
	}
	mock_clear_log(mock);
}

int mock_guest_init(struct kunit *test)
{
	struct mock_guest *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mutex_init(&mock->lock);
	mutex_init(&mock->prq);
	mock->queue = iopf_queue_alloc("iommu-guest-mock");
	KUNIT_ASSERT_NOT_NULL(test, mock->queue);
	test->priv = mock;
	the_mock = mock;
	mock_init_hw(test, mock);
	for (i = 0; i < MOCK_DEVICES; i++)
		mock->devs[i].pdev = mock_add_device(test, mock, NULL);
	mock_init_owner(test, mock);
	return 0;
}

/* Whatever a test did, closing both devices must leave nothing behind */
void mock_guest_exit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct ioasid_set_info info;
	int i;

	for (i = 0; i < MOCK_DEVICES; i++)
		iommu_guest_remove_device(mock->ctx, mock_dev(mock, i));
	KUNIT_EXPECT_STREQ(test, mock_state(mock), "");
	for (i = 0; i < MOCK_DEVICES; i++)
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&mock->devs[i].groups),
				    atomic_read(&mock->devs[i].answers),
				    "groups in are not answers out");
	iommu_guest_ctx_free(mock->ctx);

	ioasid_free_all_in_set(mock->set);
	ioasid_set_flush(mock->set);
	ioasid_set_get_info(mock->set, &info);
	KUNIT_EXPECT_EQ_MSG(test, info.used, 0, "a reference to an id leaks");
	ioasid_unregister_notifier(mock->set, &mock->nb);
	ioasid_set_put(mock->set);

	for (i = 0; i < MOCK_DEVICES; i++)
		iommu_detach_device(mock->parent, mock_dev(mock, i));
	iommu_domain_free(mock->parent);
	for (i = 0; i < MOCK_DEVICES; i++)
		kunit_release_action(test, mock_remove_device,
				     mock->devs[i].pdev);
	iommu_device_unregister(&mock->iommu);
	iommu_device_sysfs_remove(&mock->iommu);
	platform_device_unregister(mock->hw);
	iopf_queue_free(mock->queue);
}
