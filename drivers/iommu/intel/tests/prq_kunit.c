// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: page requests
 *
 * What is in the queue, who gets it and what the device gets back, against 7.4,
 * 7.6 and 7.10 of the specification; private data against revisions before 4.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "test_unit.h"

#define PASID		5
#define OTHER_SID	(TEST_SID + 8)
#define MAX_GROUPS	8

/* Words of a page request */
#define REQ_PASID(pasid)	(BIT_ULL(8) | (u64)(pasid) << 32)
#define REQ_PRIVATE		BIT_ULL(9)
#define REQ_RID(rid)		((u64)(rid) << 16)
#define REQ_READ		BIT_ULL(0)
#define REQ_LAST		BIT_ULL(2)
#define REQ_GROUP(index)	((u64)(index) << 3)

/* Words of a response */
#define RESP_PRIVATE		BIT_ULL(5)
#define RESP_CODE		GENMASK_ULL(15, 12)
#define RESP_LAST		BIT_ULL(2)
#define RESP_GROUP		GENMASK_ULL(11, 3)

/* The owner of PASID takes groups and answers them at once. */
struct owner {
	struct iommu_domain domain;
	struct iommu_attach_handle handle;
	unsigned int groups;
	unsigned int requests[MAX_GROUPS];
	bool answered;		/* by the worker */
};

static int take_group(struct iopf_group *group)
{
	struct owner *owner = container_of(group->attach_handle, struct owner, handle);

	owner->requests[owner->groups++ % MAX_GROUPS] = group->fault_count;
	iopf_group_response(group, IOMMU_PAGE_RESP_SUCCESS);
	iopf_free_group(group);
	return 0;
}

static int no_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
			    ioasid_t pasid, struct iommu_domain *old)
{
	return 0;
}

static const struct iommu_domain_ops owner_ops = {
	.set_dev_pasid = no_set_dev_pasid,
};

static struct owner *make_owner(struct kunit *test)
{
	struct owner *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);
	struct test_unit *unit = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, owner);
	owner->domain.type = IOMMU_DOMAIN_NESTED;
	owner->domain.owner = &intel_iommu_ops;
	owner->domain.ops = &owner_ops;
	owner->domain.iopf_handler = take_group;
	/* The group has no devices, so that this only makes the owner known. */
	KUNIT_ASSERT_EQ(test, iommu_attach_device_pasid(&owner->domain, test_unit_dev(unit),
							PASID, &owner->handle), 0);
	test_unit_enable_pri(test);
	return owner;
}

static void drop_owner(struct kunit *test, struct owner *owner)
{
	struct test_unit *unit = test->priv;

	test_unit_disable_pri(test);
	iommu_detach_device_pasid(&owner->domain, test_unit_dev(unit), PASID);
}

static void request(struct test_unit *unit, u16 sid, u32 pasid, u64 qw1)
{
	test_unit_request(unit, REQ_RID(sid) | REQ_PASID(pasid), qw1 | REQ_READ, 0, 0);
}

static void groups_are_reported(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);
	u64 answer;

	request(unit, TEST_SID, PASID, REQ_GROUP(7));
	request(unit, TEST_SID, PASID, REQ_GROUP(7) | REQ_LAST);
	KUNIT_EXPECT_TRUE(test, intel_iommu_handle_prq(&unit->iommu));
	KUNIT_EXPECT_EQ(test, owner->groups, 1U);
	KUNIT_EXPECT_EQ(test, owner->requests[0], 2U);
	KUNIT_ASSERT_EQ(test, unit->logged, 1U);
	answer = unit->log[0].desc.qw1;
	KUNIT_EXPECT_EQ(test, FIELD_GET(RESP_GROUP, answer), 7ULL);
	KUNIT_EXPECT_TRUE(test, answer & RESP_LAST);
	KUNIT_EXPECT_FALSE(test, intel_iommu_handle_prq(&unit->iommu));
	drop_owner(test, owner);
}

/*
 * A request with private data wants a response whether or not it is the last of
 * its group, and gets back what it came with. The group goes on without it.
 */
static void private_data_is_answered(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);
	const struct qi_desc *desc;

	request(unit, TEST_SID, PASID, REQ_GROUP(7));
	test_unit_request(unit, REQ_RID(TEST_SID) | REQ_PASID(PASID) | REQ_PRIVATE,
			  REQ_READ | REQ_GROUP(7), 0x1122334455667788, 0x99aabbccddeeff00);
	request(unit, TEST_SID, PASID, REQ_GROUP(7) | REQ_LAST);
	intel_iommu_handle_prq(&unit->iommu);

	KUNIT_ASSERT_EQ(test, owner->groups, 2U);
	KUNIT_EXPECT_EQ(test, owner->requests[0], 1U);
	KUNIT_EXPECT_EQ(test, owner->requests[1], 2U);
	KUNIT_ASSERT_EQ(test, unit->logged, 2U);
	desc = &unit->log[0].desc;
	KUNIT_EXPECT_EQ(test, FIELD_GET(RESP_GROUP, desc->qw1), 7ULL);
	KUNIT_EXPECT_FALSE(test, desc->qw1 & RESP_LAST);
	KUNIT_EXPECT_EQ(test, desc->qw1 & ~(RESP_GROUP | RESP_LAST), 0ULL);
	KUNIT_EXPECT_TRUE(test, desc->qw0 & RESP_PRIVATE);
	KUNIT_EXPECT_EQ(test, desc->qw2, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, desc->qw3, 0x99aabbccddeeff00ULL);
	desc = &unit->log[1].desc;
	KUNIT_EXPECT_EQ(test, FIELD_GET(RESP_GROUP, desc->qw1), 7ULL);
	KUNIT_EXPECT_TRUE(test, desc->qw1 & RESP_LAST);
	KUNIT_EXPECT_FALSE(test, desc->qw0 & RESP_PRIVATE);
	drop_owner(test, owner);
}

/* So does one that is refused. */
static void private_data_is_refused(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	const struct qi_desc *desc = &unit->log[0].desc;

	request(unit, TEST_SID, PASID, REQ_GROUP(7));
	test_unit_request(unit, REQ_RID(TEST_SID) | REQ_PASID(PASID) | REQ_PRIVATE,
			  REQ_READ | REQ_GROUP(9), 3, 4);
	intel_iommu_handle_prq(&unit->iommu);
	KUNIT_ASSERT_EQ(test, unit->logged, 1U);
	KUNIT_EXPECT_EQ(test, FIELD_GET(RESP_CODE, desc->qw0), (u64)QI_RESP_INVALID);
	KUNIT_EXPECT_EQ(test, desc->qw1, REQ_GROUP(9));
	KUNIT_EXPECT_TRUE(test, desc->qw0 & RESP_PRIVATE);
	KUNIT_EXPECT_EQ(test, desc->qw2, 3ULL);
	KUNIT_EXPECT_EQ(test, desc->qw3, 4ULL);
}

static void stop_marker_gets_no_response(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);

	test_unit_request(unit, REQ_RID(TEST_SID) | REQ_PASID(PASID), REQ_LAST, 0, 0);
	test_unit_request(unit, REQ_RID(TEST_SID) | REQ_PASID(PASID + 1), REQ_LAST, 0, 0);
	intel_iommu_handle_prq(&unit->iommu);
	KUNIT_EXPECT_EQ(test, owner->groups, 0U);
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	drop_owner(test, owner);
}

/*
 * Whatever a context entry permits, the rest of the kernel does not hear of a
 * device whose page requests the driver has not asked for.
 */
static void unwanted_requests_are_refused(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);

	intel_iommu_accept_prq(test_unit_info(unit), false);
	request(unit, TEST_SID, PASID, REQ_GROUP(1));
	request(unit, TEST_SID, PASID, REQ_GROUP(1) | REQ_LAST);
	request(unit, OTHER_SID, PASID, REQ_GROUP(1) | REQ_LAST);
	intel_iommu_handle_prq(&unit->iommu);
	KUNIT_EXPECT_EQ(test, owner->groups, 0U);
	KUNIT_ASSERT_EQ(test, unit->logged, 2U);
	KUNIT_EXPECT_EQ(test, FIELD_GET(RESP_CODE, unit->log[0].desc.qw0),
			(u64)QI_RESP_INVALID);
	KUNIT_EXPECT_EQ(test, unit->log[0].desc.qw0 >> 16 & 0xffff, (u64)TEST_SID);
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw0 >> 16 & 0xffff, (u64)OTHER_SID);

	/* Nothing of it was kept for later. */
	intel_iommu_accept_prq(test_unit_info(unit), true);
	request(unit, TEST_SID, PASID, REQ_GROUP(1) | REQ_LAST);
	intel_iommu_handle_prq(&unit->iommu);
	KUNIT_EXPECT_EQ(test, owner->groups, 1U);
	KUNIT_EXPECT_EQ(test, owner->requests[0], 1U);
	drop_owner(test, owner);
}

/* Drains */

/* Somebody else's requests, with the same PASID too, are not waited for. */
static void drain_is_for_the_device(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	test_unit_enable_pri(test);
	request(unit, OTHER_SID, PASID, REQ_LAST);
	request(unit, TEST_SID, PASID + 1, REQ_LAST);
	KUNIT_EXPECT_EQ(test, intel_iommu_drain_pasid_prq(test_unit_dev(unit), PASID), 0);
	KUNIT_EXPECT_EQ(test, dmar_readq(unit->iommu.reg + DMAR_PQH_REG), 0ULL);
	test_unit_disable_pri(test);
}

static void answer_later(struct work_struct *work)
{
	struct iopf_group *group = container_of(work, struct iopf_group, work);
	struct owner *owner = container_of(group->attach_handle, struct owner, handle);

	/* A drain that does not wait is over by then. */
	msleep(100);
	take_group(group);
	WRITE_ONCE(owner->answered, true);
}

static int take_group_later(struct iopf_group *group)
{
	INIT_WORK(&group->work, answer_later);
	queue_work(group->fault_param->queue->wq, &group->work);
	return 0;
}

/* What was taken off the queue is answered when the drain is over. */
static void drain_waits_for_handlers(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);

	owner->domain.iopf_handler = take_group_later;
	request(unit, TEST_SID, PASID, REQ_GROUP(7) | REQ_LAST);
	KUNIT_EXPECT_TRUE(test, intel_iommu_handle_prq(&unit->iommu));
	KUNIT_EXPECT_EQ(test, intel_iommu_drain_pasid_prq(test_unit_dev(unit), PASID), 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(owner->answered));
	/* The response came before the hardware's part. */
	KUNIT_ASSERT_EQ(test, unit->logged, 5U);
	KUNIT_EXPECT_EQ(test, test_unit_type(unit, 0), (u64)QI_PGRP_RESP_TYPE);
	drop_owner(test, owner);
}

/* A request that nobody ever takes, and an overflow that nobody clears */
static void drain_ends(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	unsigned int i;

	test_unit_enable_pri(test);
	request(unit, TEST_SID, PASID, REQ_LAST);
	KUNIT_EXPECT_EQ(test, intel_iommu_drain_pasid_prq(test_unit_dev(unit), PASID),
			-ETIMEDOUT);
	/* The hardware's part must not be left out. */
	KUNIT_EXPECT_EQ(test, unit->logged, 4U);

	writel(DMA_PRS_PRO, unit->iommu.reg + DMAR_PRS_REG);
	intel_iommu_drain_page_requests(test_unit_dev(unit));
	for (i = 4; i < unit->logged; i += 4)
		KUNIT_EXPECT_TRUE(test, unit->log[(i + 3) % TEST_LOG].desc.qw0 &
					QI_IWD_PRQ_DRAIN);
	KUNIT_EXPECT_GE(test, unit->logged, 8U);
	test_unit_disable_pri(test);
}

struct handler {
	struct test_unit *unit;
	bool handled;
};

static int handle_later(void *data)
{
	struct handler *handler = data;

	/* The drain waits by now, or will soon. */
	msleep(300);
	WRITE_ONCE(handler->handled, true);
	intel_iommu_handle_prq(&handler->unit->iommu);
	return 0;
}

/* Out of the hardware, by 7.10, and then out of the queue, whatever the PASID */
static void drain_of_a_device(struct kunit *test)
{
	static const u8 types[] = { QI_IWD_TYPE, QI_IOTLB_TYPE, QI_DIOTLB_TYPE, QI_IWD_TYPE };
	struct test_unit *unit = test->priv;
	struct owner *owner = make_owner(test);
	struct handler handler = { .unit = unit };
	struct task_struct *thread;
	unsigned int i;

	/* Without PRI, without requests: nothing to wait for */
	intel_iommu_accept_prq(test_unit_info(unit), false);
	intel_iommu_drain_page_requests(test_unit_dev(unit));
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	intel_iommu_accept_prq(test_unit_info(unit), true);
	request(unit, OTHER_SID, PASID, REQ_LAST);
	intel_iommu_drain_page_requests(test_unit_dev(unit));
	KUNIT_ASSERT_EQ(test, unit->logged, ARRAY_SIZE(types));
	for (i = 0; i < ARRAY_SIZE(types); i++)
		KUNIT_EXPECT_EQ(test, test_unit_type(unit, i), (u64)types[i]);
	KUNIT_EXPECT_TRUE(test, unit->log[0].desc.qw0 & QI_IWD_FENCE);
	KUNIT_EXPECT_EQ(test, unit->log[2].desc.qw0 >> 32 & 0xffff, (u64)TEST_SID);
	KUNIT_EXPECT_TRUE(test, unit->log[3].desc.qw0 & QI_IWD_PRQ_DRAIN);

	request(unit, TEST_SID, PASID, REQ_LAST);
	thread = kthread_create(handle_later, &handler, "vtd-test-prq");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	get_task_struct(thread);
	/* It submits too, so it must not keep the unit from its CPU either. */
	kthread_bind(thread, raw_smp_processor_id());
	wake_up_process(thread);
	intel_iommu_drain_page_requests(test_unit_dev(unit));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(handler.handled));
	KUNIT_EXPECT_EQ(test, owner->groups, 1U);
	kthread_stop(thread);
	put_task_struct(thread);
	drop_owner(test, owner);
}

/* A device that is gone completes no invalidation. */
static void drain_of_a_device_that_is_gone(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	test_unit_enable_pri(test);
	unit->devices[0].gone = true;
	intel_iommu_drain_page_requests(test_unit_dev(unit));
	KUNIT_EXPECT_EQ(test, intel_iommu_drain_pasid_prq(test_unit_dev(unit), PASID), 0);
	KUNIT_EXPECT_EQ(test, unit->logged, 0U);
	test_unit_disable_pri(test);
}

/* Shares of the queue */

/* Give a device of a guest that can have @capacity requests its share */
static int get_credits(struct test_unit *unit, struct device_domain_info *info,
		       struct dmar_domain *domain, u32 capacity)
{
	*info = *test_unit_info(unit);
	info->domain = domain;
	unit->devices[0].capacity = capacity;
	return intel_iommu_get_prq_credits(info);
}

static void queue_is_shared_out(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct dmar_domain *parent = test_unit_parent(test);
	struct device_domain_info *infos, host;
	unsigned int i, count = 0;

	infos = kunit_kcalloc(test, PRQ_DEPTH, sizeof(*infos), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, infos);

	/* The last of 24 gets as much as the first. */
	for (i = 0; i < 24; i++)
		KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i], parent, 512), 64);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i], parent, 512), -ENOSPC);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i], parent, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, infos[i].prq_credits, 0U);

	/* What one gives back, others can have, and pay for what they can use. */
	intel_iommu_put_prq_credits(&infos[3]);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[3], parent, 40), 40);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i], parent, 40), -ENOSPC);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i], parent, 24), 24);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &infos[i + 1], parent, 0), -ENOSPC);

	/* The host's own devices neither pay nor are limited. */
	KUNIT_EXPECT_EQ(test, get_credits(unit, &host, NULL, 512), PRQ_DEPTH);
	KUNIT_EXPECT_EQ(test, host.prq_credits, 0U);
	intel_iommu_put_prq_credits(&host);

	for (i = 0; i < 25; i++)
		intel_iommu_put_prq_credits(&infos[i]);
	KUNIT_EXPECT_EQ(test, unit->iommu.prq_credits, 0U);

	/* All of them together never make it full. */
	while (get_credits(unit, &infos[count], parent, 1 + count % 100) > 0)
		count++;
	KUNIT_EXPECT_LT(test, unit->iommu.prq_credits, (unsigned int)PRQ_DEPTH);
}

static void host_keeps_its_credit(struct kunit *test)
{
	struct dmar_domain *parent = test_unit_parent(test);
	struct test_unit *unit = test->priv;
	struct device_domain_info info;

	parent->nested_parent = false;
	KUNIT_EXPECT_EQ(test, get_credits(unit, &info, parent, 512), PRQ_DEPTH);
	KUNIT_EXPECT_EQ(test, get_credits(unit, &info, NULL, 512), PRQ_DEPTH);
	KUNIT_EXPECT_EQ(test, unit->iommu.prq_credits, 0U);
}

/* Suspend */

#define PRQ_REGISTERS	(DMAR_PEUADDR_REG + 4 - DMAR_PQH_REG)

static const u32 event_registers[] = {
	DMAR_PECTL_REG, DMAR_PEDATA_REG, DMAR_PEADDR_REG, DMAR_PEUADDR_REG,
};

static void queue_survives_suspend(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct intel_iommu *iommu = &unit->iommu;
	struct owner *owner = make_owner(test);
	u64 queue = virt_to_phys(unit->prq) | PRQ_ORDER;
	unsigned int i;

	dmar_writeq(iommu->reg + DMAR_PQA_REG, queue);
	for (i = 0; i < ARRAY_SIZE(event_registers); i++)
		writel(0x1000 + i, iommu->reg + event_registers[i]);
	for (i = 0; i < 3; i++)
		request(unit, TEST_SID, PASID, REQ_LAST);
	intel_iommu_handle_prq(iommu);
	intel_iommu_suspend_prq(iommu);

	/* The unit has lost all, as far as it is of the queue. */
	memset(unit->reg + DMAR_PQH_REG, 0, PRQ_REGISTERS);
	writel(DMA_FECTL_IM, iommu->reg + DMAR_PECTL_REG);
	intel_iommu_resume_prq(iommu);
	KUNIT_EXPECT_EQ(test, dmar_readq(iommu->reg + DMAR_PQA_REG), queue);
	/* Ones clear what was pending and lost. */
	KUNIT_EXPECT_EQ(test, readl(iommu->reg + DMAR_PRS_REG), DMA_PRS_PPR | DMA_PRS_PRO);
	writel(0, iommu->reg + DMAR_PRS_REG);
	for (i = 0; i < ARRAY_SIZE(event_registers); i++)
		KUNIT_EXPECT_EQ(test, readl(iommu->reg + event_registers[i]), 0x1000 + i);
	request(unit, TEST_SID, PASID, REQ_LAST);
	KUNIT_EXPECT_TRUE(test, intel_iommu_handle_prq(iommu));
	KUNIT_EXPECT_EQ(test, owner->groups, 4U);

	/* It has not, and goes on with what was in the queue. */
	request(unit, TEST_SID, PASID, REQ_LAST);
	writel(0, iommu->reg + DMAR_PRS_REG);
	intel_iommu_suspend_prq(iommu);
	intel_iommu_resume_prq(iommu);
	KUNIT_EXPECT_EQ(test, readl(iommu->reg + DMAR_PRS_REG), 0);
	KUNIT_EXPECT_TRUE(test, intel_iommu_handle_prq(iommu));
	KUNIT_EXPECT_EQ(test, owner->groups, 5U);

	/* It has none. */
	iommu->prq = NULL;
	intel_iommu_suspend_prq(iommu);
	memset(unit->reg + DMAR_PQH_REG, 0, PRQ_REGISTERS);
	intel_iommu_resume_prq(iommu);
	KUNIT_EXPECT_EQ(test, dmar_readq(iommu->reg + DMAR_PQA_REG), 0ULL);
	drop_owner(test, owner);
}

/* Responses */

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
	fault.fault.prm.pasid = PASID;
	fault.fault.prm.grpid = 7;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct iommu_page_response response = { .code = cases[i].code };
		u64 want = QI_PGRP_RESP_TYPE | QI_PGRP_PASID_P(1) |
			   QI_PGRP_RESP_CODE(cases[i].hardware) |
			   QI_PGRP_DID(TEST_SID) |
			   QI_PGRP_PASID(PASID);

		intel_iommu_page_response(test_unit_dev(unit), &fault, &response);
		KUNIT_ASSERT_EQ(test, unit->logged, i + 1);
		KUNIT_EXPECT_EQ(test, unit->log[i].desc.qw0, want);
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
	intel_iommu_page_response(test_unit_dev(unit), &fault, &response);
	KUNIT_EXPECT_EQ(test, unit->log[0].desc.qw0 & BIT_ULL(5), 0ULL);
	KUNIT_EXPECT_EQ(test, unit->log[0].desc.qw2, 0ULL);

	fault.fault.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA;
	intel_iommu_page_response(test_unit_dev(unit), &fault, &response);
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw0 & BIT_ULL(5), BIT_ULL(5));
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw2, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, unit->log[1].desc.qw3, 0x99aabbccddeeff00ULL);
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
	intel_iommu_page_response_batch(test_unit_dev(unit), evts, responses,
					ARRAY_SIZE(evts));
	KUNIT_ASSERT_EQ(test, unit->logged, ARRAY_SIZE(evts));
	KUNIT_EXPECT_EQ(test, unit->waits, 2U);
	for (i = 0; i < ARRAY_SIZE(evts); i++) {
		KUNIT_EXPECT_EQ(test, test_unit_type(unit, i), (u64)QI_PGRP_RESP_TYPE);
		KUNIT_EXPECT_EQ(test, unit->log[i].desc.qw1, QI_PGRP_IDX(i));
	}
}

static struct kunit_case vtd_prq_cases[] = {
	KUNIT_CASE(groups_are_reported),
	KUNIT_CASE(private_data_is_answered),
	KUNIT_CASE(private_data_is_refused),
	KUNIT_CASE(stop_marker_gets_no_response),
	KUNIT_CASE(unwanted_requests_are_refused),
	KUNIT_CASE(drain_is_for_the_device),
	KUNIT_CASE(drain_waits_for_handlers),
	KUNIT_CASE_SLOW(drain_ends),
	KUNIT_CASE(drain_of_a_device),
	KUNIT_CASE(drain_of_a_device_that_is_gone),
	KUNIT_CASE(queue_is_shared_out),
	KUNIT_CASE(host_keeps_its_credit),
	KUNIT_CASE(queue_survives_suspend),
	KUNIT_CASE(response_codes),
	KUNIT_CASE(response_returns_private_data),
	KUNIT_CASE(responses_share_a_wait),
	{}
};

static struct kunit_suite vtd_prq_suite = {
	.name = "intel-iommu-prq",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_prq_cases,
};

kunit_test_suite(vtd_prq_suite);
