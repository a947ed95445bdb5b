// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests of resets, and of ends that are reported
 *
 * The mock forgets its groups with a reset, and counts answers to those of before.
 * Whatever a test does, there must be none.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>

#include "fault_kunit.h"

static void expect_end(struct kunit *test, const struct fault_owner *owner,
		       unsigned int index, u32 grpid, u32 cause, u64 cookie)
{
	const struct iommu_fault *record = &owner->ends[index];

	KUNIT_ASSERT_GT(test, owner->ended, index);
	KUNIT_EXPECT_EQ(test, IOMMU_FAULT_PAGE_REQ_END, record->type);
	KUNIT_EXPECT_EQ(test, grpid, record->end.grpid);
	KUNIT_EXPECT_EQ(test, cause, record->end.cause);
	KUNIT_EXPECT_EQ(test, cookie, record->end.cookie);
}

static void reset_exit(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	int i;

	for (i = 0; mock && i < MOCK_DEVICES; i++)
		KUNIT_EXPECT_EQ_MSG(test, 0, atomic_read(&mock->devs[i].stale),
				    "an answer crossed a reset");
	mock_guest_exit(test);
}

/* --------------------------------------------------------- ends of groups */

static void end_is_reported_for_the_deadline(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	iommu_fault_expire(owner->handler, HZ * 11);
	KUNIT_EXPECT_EQ(test, 1, owner->ended);
	expect_end(test, owner, 0, 3, IOMMU_FAULT_END_DEADLINE,
		   owner->records[0].prm.cookie);
}

static void end_is_reported_for_unbind_and_replace(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	fault_request(mock, 0, 11, 1);
	fault_request(mock, 0, 10, 2);
	KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, 0, 10, 0x2000));
	fault_request(mock, 0, 10, 3);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	KUNIT_EXPECT_EQ(test, 2, owner->ended);
	expect_end(test, owner, 0, 2, IOMMU_FAULT_END_UNBIND, 2);
	expect_end(test, owner, 1, 3, IOMMU_FAULT_END_UNBIND, 3);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 11, 1, 0));
}

/* What the owner did itself, what it was not asked, and what it gives up */
static void end_is_not_reported_for_the_rest(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 0);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 0, 0));
	for (i = 0; i <= MOCK_CREDIT; i++)
		fault_request(mock, 0, 10, i);
	KUNIT_EXPECT_EQ(test, 1, fault_ended(owner, IOMMU_FAULT_OVER_LIMIT));
	fault_request(mock, 0, 11, 0);
	iommu_fault_handler_stop(owner->handler);
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, fault_ended(owner, IOMMU_FAULT_CLOSE));
	KUNIT_EXPECT_EQ(test, 0, owner->ended);
}

/* ----------------------------------------------------------------- resets */

static void reset_ends_groups_without_an_answer(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	struct fault_owner *other = fault_own_device(test, 1);
	unsigned int i;

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 1, 10);
	fault_request(mock, 1, 10, 0);
	for (i = 0; i < MOCK_CREDIT; i++)
		fault_request(mock, 0, 10, i);
	mock_reset(mock, 0, NULL, NULL);
	EXPECT_LOG("drain0 reset0");
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, fault_ended(owner, IOMMU_FAULT_RESET));
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, owner->ended);
	for (i = 0; i < MOCK_CREDIT; i++)
		expect_end(test, owner, i, i, IOMMU_FAULT_END_RESET,
			   owner->records[i].prm.cookie);

	/* The credit is back, the binding has stayed. */
	KUNIT_EXPECT_STREQ(test, mock_state(mock), "0.a=1000 1.a=1000");
	owner->used = 0;
	for (i = 0; i < MOCK_CREDIT; i++)
		fault_request(mock, 0, 10, i);
	KUNIT_EXPECT_EQ(test, MOCK_CREDIT, owner->used);

	/* The other device has not noticed. */
	KUNIT_EXPECT_EQ(test, 0, other->ended);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(other, 10, 0, 0));
}

static void late_answer_finds_no_group_after_reset(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);
	u64 before, after;

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	before = owner->records[0].prm.cookie;
	mock_reset(mock, 0, NULL, NULL);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(owner, 10, 3, 0));
	fault_request(mock, 0, 10, 3);
	after = owner->records[1].prm.cookie;
	mock_clear_log(mock);
	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond_cookie(owner, 10, 3, before));
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, after));
}

static void old_deadline_does_nothing_after_reset(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *owner = fault_own_device(test, 0);

	fault_bind_same(test, 0, 10);
	iommu_fault_handler_set_timeout(owner->handler, 1000);
	fault_request(mock, 0, 10, 3);
	mock_reset(mock, 0, NULL, NULL);
	iommu_fault_handler_set_timeout(owner->handler, 60000);
	fault_request(mock, 0, 10, 3);
	mock_clear_log(mock);
	iommu_fault_expire(owner->handler, HZ * 2);
	EXPECT_LOG("");
	KUNIT_EXPECT_EQ(test, 1, fault_respond(owner, 10, 3, 0));
}

/* The case that mock_reset() is called for, and its owner */
struct reset_scene {
	struct kunit *test;
	struct fault_owner *owner;
};

/* Nobody waits for an answer to what the device sends now. */
static void request_in_reset(struct mock_guest *mock, u32 pasid)
{
	struct iopf_fault event = {
		.fault.type = IOMMU_FAULT_PAGE_REQ,
		.fault.prm.flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
				   IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
				   IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID,
		.fault.prm.pasid = pasid,
	};

	iommu_report_device_fault(mock_dev(mock, 0), &event);
}

/* What an owner, a deadline and a device may do between the two calls */
static void do_all_in_reset(void *arg)
{
	struct reset_scene *scene = arg;
	struct kunit *test = scene->test;
	struct mock_guest *mock = test->priv;
	u32 pasid;

	KUNIT_EXPECT_EQ(test, -ENOENT, fault_respond(scene->owner, 10, 1, 0));
	/* Two that are bound, one that is not */
	for (pasid = 10; pasid < 13; pasid++)
		request_in_reset(mock, pasid);
	KUNIT_EXPECT_EQ(test, 3, scene->owner->used);
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 11);
	iommu_fault_handler_set_timeout(scene->owner->handler, 1);
	iommu_fault_expire(scene->owner->handler, HZ);
	EXPECT_LOG("remove0.b=1000 sync0 free=1000 UNBIND.b");
}

static void nothing_is_sent_while_in_reset(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct reset_scene scene = {
		.test = test, .owner = fault_own_device(test, 0),
	};

	fault_bind_same(test, 0, 10);
	fault_bind_same(test, 0, 11);
	fault_request(mock, 0, 10, 1);
	fault_request(mock, 0, 10, 2);
	fault_request(mock, 0, 11, 1);
	mock_reset(mock, 0, do_all_in_reset, &scene);
	KUNIT_EXPECT_EQ(test, 0, scene.owner->handler->waiting);
	KUNIT_EXPECT_EQ(test, 3, scene.owner->ended);
	expect_end(test, scene.owner, 0, 1, IOMMU_FAULT_END_UNBIND, 3);
	expect_end(test, scene.owner, 1, 1, IOMMU_FAULT_END_DEADLINE, 1);
	expect_end(test, scene.owner, 2, 2, IOMMU_FAULT_END_DEADLINE, 2);
}

static void close_in_reset(void *arg)
{
	struct reset_scene *scene = arg;
	struct mock_guest *mock = scene->test->priv;

	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
}

static void device_may_be_closed_while_in_reset(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct reset_scene scene = {
		.test = test, .owner = fault_own_device(test, 0),
	};

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	mock_reset(mock, 0, close_in_reset, &scene);
	EXPECT_LOG("remove0.a=1000 sync0 free=1000 UNBIND.a iopf0- reset0");
}

/* By the administrator, while errors are recovered from */
static void reset_in_reset(void *arg)
{
	struct reset_scene *scene = arg;
	struct kunit *test = scene->test;
	struct mock_guest *mock = test->priv;

	mock_reset(mock, 0, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 1, scene->owner->ended);
	/* The line is not behind it yet. */
	request_in_reset(mock, 10);
	KUNIT_EXPECT_EQ(test, 1, scene->owner->used);
}

static void resets_may_overlap(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct reset_scene scene = {
		.test = test, .owner = fault_own_device(test, 0),
	};

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 1);
	mock_reset(mock, 0, reset_in_reset, &scene);
	KUNIT_EXPECT_EQ(test, 1, scene.owner->ended);
	fault_request(mock, 0, 10, 2);
	KUNIT_EXPECT_EQ(test, 2, scene.owner->used);
	KUNIT_EXPECT_EQ(test, 1, fault_respond(scene.owner, 10, 2, 0));
}

static void reset_without_handlers_tells_the_driver(struct kunit *test)
{
	struct mock_guest *mock = test->priv;

	mock_reset(mock, 0, NULL, NULL);
	EXPECT_LOG("reset0");
	/* Nor without an IOMMU */
	iommu_dev_reset_prepare(&mock->hw->dev);
	iommu_dev_reset_done(&mock->hw->dev);
	EXPECT_LOG("reset0");
}

/* ------------------------------- what waits for another one's hardware */

/**
 * struct reset_pair - two calls, of which the second has to wait for the first
 * @dev: what they are about
 * @owner: of its faults, or NULL
 * @first: waits for hardware
 * @second: what is called meanwhile
 * @first_done: completed after that
 * @second_done: the same
 */
struct reset_pair {
	struct device *dev;
	struct fault_owner *owner;
	void (*first)(struct reset_pair *pair);
	void (*second)(struct reset_pair *pair);
	struct completion first_done;
	struct completion second_done;
};

static int first_thread(void *data)
{
	struct reset_pair *pair = data;

	pair->first(pair);
	complete(&pair->first_done);
	return 0;
}

static int second_thread(void *data)
{
	struct reset_pair *pair = data;

	pair->second(pair);
	complete(&pair->second_done);
	return 0;
}

/* On return the first one is in the hardware of @mdev, and the second one waits. */
static void reset_pair_begin(struct kunit *test, struct reset_pair *pair,
			     struct mock_device *mdev)
{
	init_completion(&pair->first_done);
	init_completion(&pair->second_done);
	WRITE_ONCE(mdev->stall, true);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(first_thread, pair, "first"));
	wait_for_completion(&mdev->stalled);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(second_thread, pair, "second"));
	/* Time to do it wrong */
	msleep(100);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&pair->second_done));
}

static void reset_pair_end(struct reset_pair *pair, struct mock_device *mdev)
{
	WRITE_ONCE(mdev->stall, false);
	complete_all(&mdev->go_on);
	wait_for_completion(&pair->second_done);
	wait_for_completion(&pair->first_done);
}

static void pair_answer(struct reset_pair *pair)
{
	fault_respond(pair->owner, 10, 3, 0);
}

static void pair_prepare(struct reset_pair *pair)
{
	iommu_dev_reset_prepare(pair->dev);
}

static void pair_done(struct reset_pair *pair)
{
	iommu_dev_reset_done(pair->dev);
}

static void pair_remove(struct reset_pair *pair)
{
	platform_device_unregister(to_platform_device(pair->dev));
}

static void reset_waits_for_an_answer_on_its_way(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct mock_device *mdev = &mock->devs[0];
	struct reset_pair pair = {
		.dev = mock_dev(mock, 0), .owner = fault_own_device(test, 0),
		.first = pair_answer, .second = pair_prepare,
	};

	fault_bind_same(test, 0, 10);
	fault_request(mock, 0, 10, 3);
	reset_pair_begin(test, &pair, mdev);
	reset_pair_end(&pair, mdev);
	iommu_dev_reset_done(pair.dev);
}

static void removal_waits_for_the_driver_that_is_told(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct platform_device *pdev = mock_add_device(mock, NULL);
	struct mock_device *mdev = &mock->devs[1];
	struct reset_pair pair = {
		.first = pair_done, .second = pair_remove,
	};

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	pair.dev = get_device(&pdev->dev);
	reset_pair_begin(test, &pair, mdev);
	KUNIT_EXPECT_NOT_NULL(test, pair.dev->iommu);
	reset_pair_end(&pair, mdev);

	KUNIT_EXPECT_NULL(test, pair.dev->iommu);
	/* There is no driver to be told any more. */
	iommu_dev_reset_done(pair.dev);
	EXPECT_LOG("reset1");
	put_device(pair.dev);
}

static struct kunit_case fault_reset_cases[] = {
	KUNIT_CASE(end_is_reported_for_the_deadline),
	KUNIT_CASE(end_is_reported_for_unbind_and_replace),
	KUNIT_CASE(end_is_not_reported_for_the_rest),
	KUNIT_CASE(reset_ends_groups_without_an_answer),
	KUNIT_CASE(late_answer_finds_no_group_after_reset),
	KUNIT_CASE(old_deadline_does_nothing_after_reset),
	KUNIT_CASE(nothing_is_sent_while_in_reset),
	KUNIT_CASE(device_may_be_closed_while_in_reset),
	KUNIT_CASE(resets_may_overlap),
	KUNIT_CASE(reset_without_handlers_tells_the_driver),
	KUNIT_CASE(reset_waits_for_an_answer_on_its_way),
	KUNIT_CASE(removal_waits_for_the_driver_that_is_told),
	{}
};

static struct kunit_suite fault_reset_suite = {
	.name = "iommu-fault-reset",
	.init = mock_guest_init,
	.exit = reset_exit,
	.test_cases = fault_reset_cases,
};

kunit_test_suite(fault_reset_suite);
