// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests
 *
 * The mock of the guest tests is the hardware. When a test is over, its exit
 * function compares the groups that each device sent with the answers it got.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/string.h>
#include <kunit/test-bug.h>

#include "fault_kunit.h"

/* ------------------------------------------------------------------ owners */

static int owner_fault(void *data, const struct iommu_fault *records,
		       unsigned int count)
{
	struct fault_owner *owner = data;

	/* Not known yet if a record comes before the registration is through */
	if (owner->handler) {
		lockdep_assert_held(&owner->handler->lock);
		WARN_ON(owner->handler->stopped);
	}
	if (records->type == IOMMU_FAULT_PAGE_REQ_END) {
		owner->ends[owner->ended++ % FAULT_OWNER_ROOM] = *records;
		return 0;
	}
	if (owner->used + count > owner->room)
		return -ENOSPC;
	memcpy(&owner->records[owner->used], records, count * sizeof(*records));
	owner->used += count;
	return 0;
}

const struct iommu_fault_handler_ops fault_owner_ops = { .fault = owner_fault };

struct fault_owner *fault_owner(struct kunit *test)
{
	struct fault_owner *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owner);
	owner->room = FAULT_OWNER_ROOM;
	return owner;
}

/* The owner of all of a device, until the device is removed */
struct fault_owner *fault_own_device(struct kunit *test, unsigned int index)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_owner(test);

	owner->handler = iommu_guest_handle_faults(mock->ctx, mock_dev(mock, index),
						   &fault_owner_ops, owner, true);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner->handler);
	mock_clear_log(mock);
	return owner;
}

/* An owner of one PASID; the test gives it up with fault_disown() */
struct fault_owner *fault_own_pasid(struct kunit *test, unsigned int index,
				    u32 pasid)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_owner(test);

	owner->handler = iommu_register_device_fault_handler(mock_dev(mock, index),
							     pasid, &fault_owner_ops,
							     owner);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner->handler);
	KUNIT_ASSERT_EQ(test, 0, iommu_fault_handler_enable_page_req(owner->handler));
	return owner;
}

void fault_disown(struct fault_owner *owner)
{
	iommu_unregister_device_fault_handler(owner->handler);
}

struct iommu_page_response fault_response(u32 pasid, u32 grpid, u32 code)
{
	return (struct iommu_page_response) {
		.argsz = sizeof(struct iommu_page_response),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.flags = IOMMU_PAGE_RESP_PASID_VALID,
		.pasid = pasid,
		.grpid = grpid,
		.code = code,
	};
}

int fault_respond(struct fault_owner *owner, u32 pasid, u32 grpid, u32 code)
{
	struct iommu_page_response resp = fault_response(pasid, grpid, code);

	return iommu_page_response(owner->handler, &resp, 1);
}

int fault_respond_cookie(struct fault_owner *owner, u32 pasid, u32 grpid,
			 u64 cookie)
{
	struct iommu_page_response resp = fault_response(pasid, grpid, 0);

	resp.flags |= IOMMU_PAGE_RESP_COOKIE_VALID;
	resp.cookie = cookie;
	return iommu_page_response(owner->handler, &resp, 1);
}

int fault_bind(struct mock_guest *mock, unsigned int index, u64 pasid, u64 gpgd)
{
	struct iommu_gpasid_bind_data data = {
		.argsz = sizeof(data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = gpgd,
		.hpasid = pasid,
	};

	return iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, index), &data);
}

void fault_bind_same(struct kunit *test, unsigned int index, u64 pasid)
{
	struct mock_guest *mock = test->priv;

	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, index, pasid, 0x1000));
	mock_clear_log(mock);
}

void fault_bind_as(struct kunit *test, unsigned int index, u64 hpasid,
		   u64 gpasid)
{
	struct mock_guest *mock = test->priv;
	struct iommu_gpasid_bind_data data = {
		.argsz = sizeof(data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.flags = IOMMU_SVA_GPASID_VAL,
		.addr_width = 48,
		.gpgd = 0x1000,
		.hpasid = hpasid,
		.gpasid = gpasid,
	};

	KUNIT_ASSERT_EQ(test, 0, iommu_guest_bind_gpasid(mock->ctx,
							 mock_dev(mock, index),
							 &data));
	mock_clear_log(mock);
}

void fault_request(struct mock_guest *mock, unsigned int index, u32 pasid,
		   u32 grpid)
{
	mock_request(mock, index, pasid, grpid, 0x1000, true);
}

u64 fault_ended(struct fault_owner *owner, enum iommu_fault_outcome outcome)
{
	return owner->handler->stats.outcomes[outcome];
}

/* -------------------------------------------------------- there and back */

static void request_is_reported_and_answered(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	const struct iommu_fault *record = owner->records;

	fault_bind_same(test, 0, 10);
	KUNIT_EXPECT_EQ(test, 0, mock_request(mock, 0, 10, 3, 0x7000, true));
	EXPECT_LOG("");
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_PAGE_REQ, record->type);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
			IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
			IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID |
			IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID,
			record->prm.flags);
	KUNIT_EXPECT_EQ(test, 10, record->prm.pasid);
	KUNIT_EXPECT_EQ(test, 3, record->prm.grpid);
	KUNIT_EXPECT_EQ(test, 0x7000, record->prm.addr);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_PERM_READ, record->prm.perm);
	KUNIT_EXPECT_EQ(test, 1, record->prm.cookie);

	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
	EXPECT_LOG("answer0.a.3=0");
	KUNIT_EXPECT_EQ(test, 0, owner->handler->waiting);
}

static void codes_are_passed_on(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	int code;

	fault_bind_same(test, 0, 10);
	for (code = 0; code <= IOMMU_PAGE_RESP_FAILURE; code++) {
		fault_request(mock, 0, 10, code);
		KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, code, code));
		KUNIT_EXPECT_EQ(test, 1, owner->handler->stats.outcomes[code]);
	}
	EXPECT_LOG("answer0.a.0=0 answer0.a.1=1 answer0.a.2=2");
}

static void group_is_reported_whole_and_in_order(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	int i;

	fault_bind_same(test, 0, 10);
	mock_request(mock, 0, 10, 3, 0x1000, false);
	mock_request(mock, 0, 10, 4, 0x9000, false);
	mock_request(mock, 0, 10, 3, 0x2000, false);
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	mock_request(mock, 0, 10, 3, 0x3000, true);

	KUNIT_ASSERT_EQ(test, 3, owner->used);
	for (i = 0; i < 3; i++) {
		const struct iommu_fault_page_request *prm = &owner->records[i].prm;

		KUNIT_EXPECT_EQ(test, 0x1000 * (i + 1), prm->addr);
		KUNIT_EXPECT_EQ(test, i == 2, !!prm->cookie);
		KUNIT_EXPECT_EQ(test, i == 2,
				!!(prm->flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE));
	}
	KUNIT_EXPECT_EQ(test, 3, owner->handler->waiting);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
	EXPECT_LOG("answer0.a.3=0");
}

static void index_is_per_pasid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	mock_request(mock, 0, 10, 3, 0xa000, false);
	mock_request(mock, 0, 11, 3, 0xb000, true);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 0xb000, owner->records[0].prm.addr);
	KUNIT_EXPECT_EQ(test, 11, owner->records[0].prm.pasid);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3, 0));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 11, 3, 0));
}

static void guest_sees_its_own_numbers(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_as(test, 0, 10, 42);
	fault_request(mock, 0, 10, 3);
	KUNIT_EXPECT_EQ(test, 42, owner->records[0].prm.pasid);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3, 0));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 42, 3, 0));
	EXPECT_LOG("answer0.a.3=0");
}

static void handler_knows_older_bindings(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner;

	fault_bind_as(test, 0, 10, 42);
	fault_bind_same(test, 1, 11);
	owner = fault_own_device(test, 0);
	fault_request(mock, 0, 10, 3);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 42, owner->records[0].prm.pasid);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 42, 3, 0));
}

/* ------------------------------------------------ answers that do not fit */

static void malformed_answers_change_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response bad[7], good = fault_response(10, 3, 0);
	int i;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].version = 0;
	bad[1].version = 2;
	bad[2].flags |= BIT(2);
	bad[3].flags |= BIT(31);
	bad[4].code = 3;
	bad[5].argsz = 23;
	bad[6].flags |= IOMMU_PAGE_RESP_COOKIE_VALID;
	bad[6].argsz = 24;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    iommu_page_response(owner->handler, &bad[i], 1),
				    "case %d", i);
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 1, owner->handler->waiting);
	good.argsz = 24;
	KUNIT_EXPECT_EQ(test, 1, iommu_page_response(owner->handler, &good, 1));
}

static void foreign_answers_find_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct fault_owner *other = fault_own_device(test, 1);
	struct iommu_page_response resp = fault_response(10, 3, 0);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 1, 10);
	fault_request(mock, 0, 10, 3);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(other, 10, 3, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 11, 3, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 4, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3 + BIT(20), 0));
	resp.flags = 0;
	KUNIT_EXPECT_EQ(test, -ENOENT, iommu_page_response(owner->handler, &resp, 1));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
}

static void second_answer_finds_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3, 0));
	EXPECT_LOG("answer0.a.3=0");
}

static void late_answer_misses_newer_group(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	u64 first, second;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	first = owner->records[0].prm.cookie;
	iommu_fault_expire(owner->handler, HZ * 11);
	EXPECT_LOG("answer0.a.3=1");
	fault_request(mock, 0, 10, 3);
	second = owner->records[1].prm.cookie;

	KUNIT_EXPECT_NE(test, first, second);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond_cookie(owner, 10, 3, first));
	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, second));
	EXPECT_LOG("answer0.a.3=1 answer0.a.3=0");
}

static void reused_index_is_answered_oldest_first(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	fault_request(mock, 0, 10, 3);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond_cookie(owner, 10, 3, 1));
	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, 2));
}

/* Groups of a PASID that is bound, and an answer for each */
static void fault_request_many(struct kunit *test, struct iommu_page_response *resps,
			       unsigned int count)
{
	unsigned int i;

	fault_bind_same(test, 0, 10);
	for (i = 0; i < count; i++) {
		resps[i] = fault_response(10, i, 0);
		fault_request(test->priv, 0, 10, i);
	}
}

static void many_answers_cost_few_waits(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response resps[40];

	fault_request_many(test, resps, ARRAY_SIZE(resps));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(resps),
			iommu_page_response(owner->handler, resps, ARRAY_SIZE(resps)));
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(ARRAY_SIZE(resps), IOMMU_FAULT_BATCH),
			atomic_read(&mock->waits));
	KUNIT_EXPECT_EQ(test, 0, owner->handler->waiting);
	KUNIT_EXPECT_EQ(test, 0, iommu_page_response(owner->handler, resps, 0));
}

static void answers_stop_at_the_first_bad_one(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response resps[4];

	fault_request_many(test, resps, ARRAY_SIZE(resps));
	resps[2].code = 99;
	KUNIT_EXPECT_EQ(test, 2, iommu_page_response(owner->handler, resps, 4));
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_page_response(owner->handler, &resps[2], 2));
	EXPECT_LOG("answer0.a.0=0 answer0.a.1=0");
	KUNIT_EXPECT_EQ(test, 2, owner->handler->waiting);
}

static void answers_stop_at_their_number(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response resps[3];

	fault_request_many(test, resps, ARRAY_SIZE(resps));
	KUNIT_EXPECT_EQ(test, 2, iommu_page_response(owner->handler, resps, 2));
	EXPECT_LOG("answer0.a.0=0 answer0.a.1=0");
	KUNIT_EXPECT_EQ(test, 1, owner->handler->waiting);
	KUNIT_EXPECT_EQ(test, 1, iommu_page_response(owner->handler, &resps[2], 1));
}

/* ------------------------------------------------ answers of the kernel */

static void nobody_there_means_invalid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	s64 before = atomic64_read(&iommu_fault_unclaimed);
	struct fault_owner *owner = fault_own_device(test, 1);

	/* The interface is on, by another owner of the device. */
	iopf_queue_add_device(mock->queue, mock_dev(mock, 0));
	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	EXPECT_LOG("answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, before + 1, atomic64_read(&iommu_fault_unclaimed));
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	iopf_queue_remove_device(mock->queue, mock_dev(mock, 0));
}

static void unbound_pasid_is_not_reported(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_request(mock, 0, 10, 3);
	EXPECT_LOG("answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, 0, owner->used);
}

static void device_gets_no_more_than_its_credit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, owner->handler->limit);
	for (i = 0; i < MOCK_CREDIT; i++)
		fault_request(mock, 0, 10, i);
	EXPECT_LOG("");
	fault_request(mock, 0, 10, i);
	EXPECT_LOG("answer0.a.40=1");
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, owner->used);
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_OVER_LIMIT));
	/* It was a group of one request all the same. */
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT + 1, owner->handler->stats.groups);
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT + 1, owner->handler->stats.requests);

	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 0, 0));
	fault_request(mock, 0, 10, i);
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT + 1, owner->used);
}

static void credit_is_of_requests(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	for (i = 0; i < MOCK_CREDIT; i++)
		mock_request(mock, 0, 10, 2, i << 12, i == MOCK_CREDIT - 1);
	EXPECT_LOG("answer0.a.2=1");
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	for (i = 0; i <= MOCK_CREDIT; i++)
		mock_request(mock, 0, 10, 3, i << 12, i == MOCK_CREDIT);
	EXPECT_LOG("answer0.a.2=1 answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, 2, fault_ended(owner, IOMMU_FAULT_OVER_LIMIT));
}

/* What was answered makes room for others, over and over */
static void credit_comes_back(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response *resps;
	unsigned int round, i;

	resps = kunit_kcalloc(test, MOCK_CREDIT, sizeof(*resps), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, resps);
	mock->quiet = true;
	fault_bind_same(test, 0, 10);
	for (round = 1; round <= 4; round++) {
		owner->used = 0;
		for (i = 0; i < MOCK_CREDIT; i++) {
			fault_request(mock, 0, 10, i);
			resps[i] = fault_response(10, i, 0);
		}
		KUNIT_EXPECT_EQ(test, MOCK_CREDIT, owner->used);
		KUNIT_EXPECT_EQ(test, MOCK_CREDIT,
				iommu_page_response(owner->handler, resps,
						    MOCK_CREDIT));
		KUNIT_EXPECT_EQ(test, round * MOCK_CREDIT,
				fault_ended(owner, IOMMU_FAULT_SUCCESS));
	}
}

static void handler_without_room_takes_nothing(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	owner->room = 2;
	mock_request(mock, 0, 10, 3, 0x1000, false);
	mock_request(mock, 0, 10, 3, 0x2000, false);
	mock_request(mock, 0, 10, 3, 0x3000, true);
	EXPECT_LOG("answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_NO_ROOM));
	KUNIT_EXPECT_EQ(test, 0, owner->handler->waiting);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3, 0));
}

static void endless_groups_are_bounded(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault_param *param;
	unsigned int i;

	fault_bind_same(test, 0, 10);
	for (i = 0; i < 3000; i++)
		mock_request(mock, 0, 10, 1, (u64)i << 12, false);
	param = rcu_dereference_protected(mock_dev(mock, 0)->iommu->fault_param, true);
	KUNIT_EXPECT_EQ(test, 2048, param->partial_count);

	/* Far more than the credit; and then all is as before. */
	mock_request(mock, 0, 10, 1, 0, true);
	EXPECT_LOG("answer0.a.1=1");
	KUNIT_EXPECT_EQ(test, 0, param->partial_count);
	fault_request(mock, 0, 10, 2);
	KUNIT_EXPECT_EQ(test, 1, owner->used);
}

static void stopped_owner_is_answered_for(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	fault_request(mock, 0, 10, 2);
	iommu_fault_handler_stop(owner->handler);
	EXPECT_LOG("answer0.a.1=1 answer0.a.2=1");
	KUNIT_EXPECT_EQ(test, 2, fault_ended(owner, IOMMU_FAULT_CLOSE));
	fault_request(mock, 0, 10, 3);
	EXPECT_LOG("answer0.a.1=1 answer0.a.2=1 answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_STOPPED));
	KUNIT_EXPECT_EQ(test, 2, owner->used);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 1, 0));

	iommu_fault_handler_start(owner->handler);
	fault_request(mock, 0, 10, 4);
	KUNIT_EXPECT_EQ(test, 3, owner->used);
}

static void deadline_answers_what_is_due(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int timeout = iommu_fault_timeout_ms;

	fault_bind_same(test, 0, 10);
	iommu_fault_timeout_ms = 0;
	fault_request(mock, 0, 10, 1);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&owner->handler->deadline));
	iommu_fault_timeout_ms = 3600 * MSEC_PER_SEC;
	fault_request(mock, 0, 10, 2);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&owner->handler->deadline));
	iommu_fault_timeout_ms = 7200 * MSEC_PER_SEC;
	fault_request(mock, 0, 10, 3);
	iommu_fault_timeout_ms = timeout;

	iommu_fault_expire(owner->handler, 0);
	EXPECT_LOG("");
	iommu_fault_expire(owner->handler, HZ * 3601);
	EXPECT_LOG("answer0.a.2=1");
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_DEADLINE));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 2, 0));
	iommu_fault_expire(owner->handler, HZ * 7201);
	EXPECT_LOG("answer0.a.2=1 answer0.a.3=1");
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 1, 0));
}

/* The clock itself; how long it takes is not judged */
static void deadline_runs(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int timeout = iommu_fault_timeout_ms;

	fault_bind_same(test, 0, 10);
	iommu_fault_timeout_ms = 1;
	fault_request(mock, 0, 10, 1);
	iommu_fault_timeout_ms = timeout;
	while (delayed_work_pending(&owner->handler->deadline)) {
		flush_delayed_work(&owner->handler->deadline);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_DEADLINE));
}

/* When the deadline work runs, at the latest */
static unsigned long armed(struct fault_owner *owner)
{
	KUNIT_EXPECT_TRUE(kunit_get_current_test(),
			  delayed_work_pending(&owner->handler->deadline));
	return owner->handler->deadline.timer.expires;
}

static unsigned long first_deadline(struct fault_owner *owner)
{
	return list_first_entry(&owner->handler->pending,
				struct iommu_fault_group, node)->expires;
}

static void deadline_moves_to_an_earlier_group(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int timeout = iommu_fault_timeout_ms;

	fault_bind_same(test, 0, 10);
	iommu_fault_timeout_ms = 7200 * MSEC_PER_SEC;
	fault_request(mock, 0, 10, 1);
	iommu_fault_timeout_ms = 3600 * MSEC_PER_SEC;
	fault_request(mock, 0, 10, 2);
	iommu_fault_timeout_ms = timeout;
	KUNIT_EXPECT_TRUE(test, time_before_eq(armed(owner), jiffies + HZ * 3600));
}

/* One that runs, and waits, while another group is reported */
static void deadline_stays_with_the_earlier_group(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct delayed_work *work = &owner->handler->deadline;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	msleep(50);
	scoped_guard(mutex, &owner->handler->answer) {
		mod_delayed_work(system_unbound_wq, work, 0);
		while (delayed_work_pending(work))
			msleep(20);
		fault_request(mock, 0, 10, 2);
	}
	flush_work(&work->work);
	KUNIT_EXPECT_EQ(test, first_deadline(owner), armed(owner));
}

static void timeout_holds_for_what_waits(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned long reported;

	fault_bind_same(test, 0, 10);
	reported = jiffies;
	fault_request(mock, 0, 10, 1);
	iommu_fault_handler_set_timeout(owner->handler, 20000);
	iommu_fault_expire(owner->handler, HZ * 15);
	EXPECT_LOG("");
	iommu_fault_handler_set_timeout(owner->handler, 5000);
	KUNIT_EXPECT_TRUE(test, time_before_eq(armed(owner), jiffies + HZ * 5));
	KUNIT_EXPECT_TRUE(test, time_after_eq(first_deadline(owner),
					      reported + HZ * 5));
	/* Back to the default */
	iommu_fault_handler_set_timeout(owner->handler, 0);
	iommu_fault_expire(owner->handler, HZ * 6);
	EXPECT_LOG("");
	iommu_fault_expire(owner->handler, HZ * 11);
	EXPECT_LOG("answer0.a.1=1");
}

/* As if the only group of the owner had been reported @ago */
static void fault_reported_ago(struct fault_owner *owner, unsigned long ago)
{
	list_first_entry(&owner->handler->pending, struct iommu_fault_group,
			 node)->reported -= ago;
}

static void timeout_counts_from_the_call(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int max = iommu_fault_timeout_max_ms;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	/* The owner is stopped for longer than the default, and goes on. */
	iommu_fault_handler_set_timeout(owner->handler, max);
	fault_reported_ago(owner, HZ * 15);
	iommu_fault_handler_set_timeout(owner->handler, 0);
	iommu_fault_expire(owner->handler, HZ * 9);
	EXPECT_LOG("");
	iommu_fault_expire(owner->handler, HZ * 11);
	EXPECT_LOG("answer0.a.1=1");

	/* Time that is asked for anew each time is at an end all the same. */
	fault_request(mock, 0, 10, 2);
	iommu_fault_handler_set_timeout(owner->handler, max);
	fault_reported_ago(owner, msecs_to_jiffies(max) - HZ * 2);
	iommu_fault_handler_set_timeout(owner->handler, max);
	iommu_fault_expire(owner->handler, HZ);
	EXPECT_LOG("answer0.a.1=1");
	iommu_fault_expire(owner->handler, HZ * 3);
	EXPECT_LOG("answer0.a.1=1 answer0.a.2=1");

	/* There may be no longest time. */
	iommu_fault_timeout_max_ms = 0;
	fault_request(mock, 0, 10, 3);
	fault_reported_ago(owner, HZ * 15);
	iommu_fault_handler_set_timeout(owner->handler, 0);
	iommu_fault_timeout_max_ms = max;
	iommu_fault_expire(owner->handler, HZ * 9);
	EXPECT_LOG("answer0.a.1=1 answer0.a.2=1");
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
}

static void timeout_is_cut_to_the_longest(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int max = iommu_fault_timeout_max_ms;

	fault_bind_same(test, 0, 10);
	KUNIT_EXPECT_EQ(test, 60 * MSEC_PER_SEC, max);
	iommu_fault_handler_set_timeout(owner->handler, UINT_MAX);
	fault_request(mock, 0, 10, 1);
	iommu_fault_expire(owner->handler, HZ * 59);
	EXPECT_LOG("");
	iommu_fault_expire(owner->handler, HZ * 61);
	EXPECT_LOG("answer0.a.1=1");

	iommu_fault_timeout_max_ms = 0;
	iommu_fault_handler_set_timeout(owner->handler, 3600 * MSEC_PER_SEC);
	iommu_fault_timeout_max_ms = max;
	fault_request(mock, 0, 10, 2);
	iommu_fault_expire(owner->handler, HZ * 3599);
	EXPECT_LOG("answer0.a.1=1");
}

/* ------------------------------------------------ the PASID goes away */

static void unbind_answers_between_sync_and_free(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 11);
	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 11, 1);
	fault_request(mock, 0, 10, 2);
	fault_request(mock, 0, 10, 3);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	EXPECT_LOG("remove0.a=1000 sync0 answer0.a.2=1 answer0.a.3=1 free=1000 UNBIND.a");
	KUNIT_EXPECT_EQ(test, 2, fault_ended(owner, IOMMU_FAULT_UNBIND));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 2, 0));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 11, 1, 0));
}

static void replace_answers_for_the_old_table(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	KUNIT_EXPECT_EQ(test, 0, fault_bind(mock, 0, 10, 0x2000));
	EXPECT_LOG("alloc0=2000 remove0.a=1000 sync0 answer0.a.1=1 set0.a=2000 free=1000");
	fault_request(mock, 0, 10, 2);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 2, 0));
}

static void failing_attach_answers_what_came_early(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	mock->devs[0].request_on_set = 10;
	mock->devs[0].fail_sets = 1;
	KUNIT_EXPECT_EQ(test, -ENOMEM, fault_bind(mock, 0, 10, 0x1000));
	EXPECT_LOG("BIND.a alloc0=1000 set0.a! sync0 answer0.a.1=1 free=1000 UNBIND.a");
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_UNBIND));
	mock->devs[0].request_on_set = 0;
}

static void free_of_the_pasid_answers(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	ioasid_free(mock->set, 10);
	ioasid_set_flush(mock->set);
	EXPECT_LOG("remove0.a=1000 sync0 answer0.a.1=1 free=1000 FREE.a");
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_UNBIND));
}

static void close_answers_first_and_turns_off_last(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	fault_own_device(test, 0);
	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	EXPECT_LOG("answer0.a.1=1 remove0.a=1000 sync0 free=1000 UNBIND.a iopf0-");
}

/* What hardware has in a queue is neither for an owner that goes nor for the next. */
static void close_passes_the_queue(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *first = fault_own_device(test, 0), *next;

	mock->devs[0].late = 3;
	mock->devs[1].late = 1;
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_EXPECT_EQ(test, 0, first->used);
	KUNIT_EXPECT_EQ(test, 0, mock->devs[0].late);

	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx, mock_dev(mock, 0),
							mock->parent));
	/* Of an owner that did not pass it */
	mock->devs[0].late = 2;
	next = fault_own_device(test, 0);
	mock_report_late(mock, 0);
	KUNIT_EXPECT_EQ(test, 0, next->used);
	/* That of another device is its own affair. */
	KUNIT_EXPECT_EQ(test, 1, mock->devs[1].late);
	mock->devs[0].late = 1;
	mock_report_late(mock, 0);
	KUNIT_EXPECT_EQ(test, 1, next->used);
}

/* ------------------------------------------------ registration */

static void page_requests_are_asked_for(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_owner(test);

	owner->handler = iommu_guest_handle_faults(mock->ctx, mock_dev(mock, 0),
						   &fault_owner_ops, owner, false);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner->handler);
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 0, owner->handler->limit);

	/* Each of these says that the device has none. */
	mock->fail_iopf = -ENODEV;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_fault_handler_enable_page_req(owner->handler));
	mock->fail_iopf = -EINVAL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			iommu_fault_handler_enable_page_req(owner->handler));
	mock->fail_iopf = -ENOSPC;
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			iommu_fault_handler_enable_page_req(owner->handler));
	mock->fail_iopf = 0;

	/* Another owner has them, this one does not. */
	iopf_queue_add_device(mock->queue, mock_dev(mock, 0));
	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	EXPECT_LOG("answer0.a.1=1");
	KUNIT_EXPECT_EQ(test, 0, owner->used);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	iopf_queue_remove_device(mock->queue, mock_dev(mock, 0));
}

static void page_requests_are_turned_on_once(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault_group *groups = owner->handler->groups;

	KUNIT_EXPECT_EQ(test, 0, iommu_fault_handler_enable_page_req(owner->handler));
	KUNIT_EXPECT_PTR_EQ(test, groups, owner->handler->groups);
	EXPECT_LOG("");
}

/* Whatever waits for its answer is answered for an owner that goes. */
static void owner_of_a_pasid_goes_with_a_request(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_pasid(test, 0, 10);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 1, owner->handler->stats.requests);
	fault_disown(owner);
	EXPECT_LOG("answer0.a.1=1 iopf0-");
}

static void driver_can_do_less(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_page_response resps[2];
	static struct iommu_ops ops;

	mock_guest_own_iommu_ops(mock, &ops);
	ops.drain_page_requests = NULL;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, iommu_fault_drain(mock_dev(mock, 0)));
	ops.reset_done = NULL;
	iommu_dev_reset_prepare(mock_dev(mock, 0));
	iommu_dev_reset_done(mock_dev(mock, 0));
	ops.page_response_batch = NULL;
	fault_request_many(test, resps, ARRAY_SIZE(resps));
	KUNIT_EXPECT_EQ(test, 2, iommu_page_response(owner->handler, resps, 2));
	EXPECT_LOG("answer0.a.0=0 answer0.a.1=0");
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&mock->waits));
}

/* More devices than places in the table: some share one. */
static void each_device_is_found(struct kunit *test)
{
	struct iommu_fault_device *fdev;
	struct device *devs;
	int i;

	devs = kunit_kcalloc(test, 80, sizeof(*devs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, devs);
	for (i = 0; i < 80; i++)
		KUNIT_ASSERT_NOT_NULL(test, iommu_fault_device_make(&devs[i]));
	for (i = 0; i < 80; i++) {
		fdev = iommu_fault_device_get(&devs[i]);
		KUNIT_ASSERT_NOT_NULL(test, fdev);
		KUNIT_EXPECT_PTR_EQ(test, fdev->dev, &devs[i]);
		iommu_fault_device_put(fdev);
		iommu_fault_device_put(fdev);
		KUNIT_EXPECT_NULL(test, iommu_fault_device_get(&devs[i]));
	}
}

/* The youngest is answered first, of many that share places in the table. */
static void each_group_is_found(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	char want[32];
	int i;

	fault_bind_same(test, 0, 10);
	for (i = 0; i < MOCK_CREDIT; i++)
		fault_request(mock, 0, 10, i);
	for (i = MOCK_CREDIT - 1; i >= 0; i--) {
		mock_clear_log(mock);
		KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, i, 0));
		snprintf(want, sizeof(want), "answer0.a.%x=0", i);
		EXPECT_LOG(want);
	}
}

static void registration_is_refused(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct device *dev = mock_dev(mock, 1);

	KUNIT_EXPECT_EQ(test, -EBUSY,
			PTR_ERR_OR_ZERO(iommu_guest_handle_faults(mock->ctx,
								  mock_dev(mock, 0),
								  &fault_owner_ops,
								  owner, true)));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			PTR_ERR_OR_ZERO(iommu_guest_handle_faults(mock->ctx,
								  &mock->hw->dev,
								  &fault_owner_ops,
								  owner, true)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(iommu_register_device_fault_handler(&mock->hw->dev,
									    10,
									    &fault_owner_ops,
									    owner)));
	mock->fail_iopf = -ENODEV;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			PTR_ERR_OR_ZERO(iommu_guest_handle_faults(mock->ctx, dev,
								  &fault_owner_ops,
								  owner, true)));
	mock->fail_iopf = -EBUSY;
	KUNIT_EXPECT_EQ(test, -EBUSY,
			PTR_ERR_OR_ZERO(iommu_guest_handle_faults(mock->ctx, dev,
								  &fault_owner_ops,
								  owner, true)));
	/* A refusal leaves nothing. */
	mock->fail_iopf = 0;
	fault_own_device(test, 1);
}

static void owner_of_a_pasid_gets_its_own(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0);
	struct fault_owner *owner;

	owner = fault_own_pasid(test, 0, 10);
	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	fault_request(mock, 0, 10, 1);
	fault_request(mock, 0, 11, 1);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 10, owner->records[0].prm.pasid);
	KUNIT_ASSERT_EQ(test, 1, device->used);
	KUNIT_EXPECT_EQ(test, 11, device->records[0].prm.pasid);

	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(device, 10, 1, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 11, 1, 0));
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 1, 0));

	/* Unbinding answers for the one that was asked; the interface stays on. */
	fault_request(mock, 0, 10, 2);
	mock_clear_log(mock);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	EXPECT_LOG("remove0.a=1000 sync0 answer0.a.2=1 free=1000 UNBIND.a");
	fault_disown(owner);
	EXPECT_LOG("remove0.a=1000 sync0 answer0.a.2=1 free=1000 UNBIND.a");
	KUNIT_EXPECT_EQ(test, 1, fault_respond(device, 11, 1, 0));
}

static void last_owner_turns_it_off(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *a = fault_own_pasid(test, 0, 10), *b = fault_own_pasid(test, 0, 11);

	EXPECT_LOG("iopf0+");
	fault_disown(a);
	EXPECT_LOG("iopf0+");
	fault_disown(b);
	EXPECT_LOG("iopf0+ iopf0-");
}

/* ------------------------------------------------ unrecoverable faults */

static struct iommu_fault fault_unrecoverable(u32 flags, u32 pasid)
{
	return (struct iommu_fault) {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event = {
			.reason = IOMMU_FAULT_REASON_PTE_FETCH,
			.flags = flags | IOMMU_FAULT_UNRECOV_ADDR_VALID,
			.pasid = pasid,
			.perm = IOMMU_FAULT_PERM_WRITE,
			.addr = 0xdead000,
		},
	};
}

static void unrecoverable_fault_is_reported(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault fault;

	fault_bind_as(test, 0, 10, 42);
	fault = fault_unrecoverable(IOMMU_FAULT_UNRECOV_PASID_VALID, 10);
	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	fault.event.pasid = 42;
	KUNIT_EXPECT_MEMEQ(test, &fault, &owner->records[0], sizeof(fault));

	/* The guest does not know PASIDs of others, but of the fault. */
	fault = fault_unrecoverable(IOMMU_FAULT_UNRECOV_PASID_VALID, 11);
	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	fault = fault_unrecoverable(0, 0);
	KUNIT_EXPECT_MEMEQ(test, &fault, &owner->records[1], sizeof(fault));

	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	KUNIT_EXPECT_MEMEQ(test, &fault, &owner->records[2], sizeof(fault));
	KUNIT_EXPECT_EQ(test, 3, owner->handler->stats.events);
	EXPECT_LOG("");
}

static void unrecoverable_fault_may_have_no_owner(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault fault = fault_unrecoverable(0, 0);

	KUNIT_EXPECT_EQ(test, -ENODEV, mock_report(mock, 1, &fault));
	iommu_fault_handler_stop(owner->handler);
	KUNIT_EXPECT_EQ(test, -ENODEV, mock_report(mock, 0, &fault));
	KUNIT_EXPECT_EQ(test, 0, owner->used);
}

static void unrecoverable_fault_may_be_lost(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct iommu_fault fault = fault_unrecoverable(0, 0);

	owner->room = 0;
	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	KUNIT_EXPECT_EQ(test, 1, owner->handler->stats.lost);
	KUNIT_EXPECT_EQ(test, 0, owner->handler->stats.events);
}

static void unrecoverable_fault_goes_to_owner_of_pasid(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0);
	struct fault_owner *owner = fault_own_pasid(test, 0, 10);
	struct iommu_fault fault = fault_unrecoverable(IOMMU_FAULT_UNRECOV_PASID_VALID, 10);

	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 10, owner->records[0].event.pasid);
	KUNIT_EXPECT_EQ(test, 0, device->used);
	/* Without the flag the number means nothing. */
	fault.event.flags = 0;
	KUNIT_EXPECT_EQ(test, 0, mock_report(mock, 0, &fault));
	KUNIT_EXPECT_EQ(test, 1, owner->used);
	KUNIT_EXPECT_EQ(test, 1, device->used);
	fault_disown(owner);
}

/* ------------------------------------------------ latencies */

static void latency_is_measured_when_asked_for(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	u64 sum = 0;
	int i;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 1, 0));
	for (i = 0; i < IOMMU_FAULT_LATENCIES; i++)
		sum += owner->handler->stats.latency[i];
	KUNIT_EXPECT_EQ(test, 0, sum);

	static_branch_enable(&iommu_fault_measure);
	fault_request(mock, 0, 10, 2);
	static_branch_disable(&iommu_fault_measure);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 2, 0));
	for (i = 0; i < IOMMU_FAULT_LATENCIES; i++)
		sum += owner->handler->stats.latency[i];
	KUNIT_EXPECT_EQ(test, 1, sum);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(request_is_reported_and_answered),
	KUNIT_CASE(codes_are_passed_on),
	KUNIT_CASE(group_is_reported_whole_and_in_order),
	KUNIT_CASE(index_is_per_pasid),
	KUNIT_CASE(guest_sees_its_own_numbers),
	KUNIT_CASE(handler_knows_older_bindings),
	KUNIT_CASE(malformed_answers_change_nothing),
	KUNIT_CASE(foreign_answers_find_nothing),
	KUNIT_CASE(second_answer_finds_nothing),
	KUNIT_CASE(late_answer_misses_newer_group),
	KUNIT_CASE(reused_index_is_answered_oldest_first),
	KUNIT_CASE(many_answers_cost_few_waits),
	KUNIT_CASE(answers_stop_at_the_first_bad_one),
	KUNIT_CASE(answers_stop_at_their_number),
	KUNIT_CASE(nobody_there_means_invalid),
	KUNIT_CASE(unbound_pasid_is_not_reported),
	KUNIT_CASE(device_gets_no_more_than_its_credit),
	KUNIT_CASE(credit_is_of_requests),
	KUNIT_CASE(credit_comes_back),
	KUNIT_CASE(handler_without_room_takes_nothing),
	KUNIT_CASE(endless_groups_are_bounded),
	KUNIT_CASE(stopped_owner_is_answered_for),
	KUNIT_CASE(deadline_answers_what_is_due),
	KUNIT_CASE(deadline_runs),
	KUNIT_CASE(deadline_moves_to_an_earlier_group),
	KUNIT_CASE(deadline_stays_with_the_earlier_group),
	KUNIT_CASE(timeout_holds_for_what_waits),
	KUNIT_CASE(timeout_counts_from_the_call),
	KUNIT_CASE(timeout_is_cut_to_the_longest),
	KUNIT_CASE(unbind_answers_between_sync_and_free),
	KUNIT_CASE(replace_answers_for_the_old_table),
	KUNIT_CASE(failing_attach_answers_what_came_early),
	KUNIT_CASE(free_of_the_pasid_answers),
	KUNIT_CASE(close_answers_first_and_turns_off_last),
	KUNIT_CASE(close_passes_the_queue),
	KUNIT_CASE(page_requests_are_asked_for),
	KUNIT_CASE(registration_is_refused),
	KUNIT_CASE(owner_of_a_pasid_gets_its_own),
	KUNIT_CASE(last_owner_turns_it_off),
	KUNIT_CASE(page_requests_are_turned_on_once),
	KUNIT_CASE(owner_of_a_pasid_goes_with_a_request),
	KUNIT_CASE(driver_can_do_less),
	KUNIT_CASE(each_device_is_found),
	KUNIT_CASE(each_group_is_found),
	KUNIT_CASE(unrecoverable_fault_is_reported),
	KUNIT_CASE(unrecoverable_fault_may_have_no_owner),
	KUNIT_CASE(unrecoverable_fault_may_be_lost),
	KUNIT_CASE(unrecoverable_fault_goes_to_owner_of_pasid),
	KUNIT_CASE(latency_is_measured_when_asked_for),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "iommu-fault",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
