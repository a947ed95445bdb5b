// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests of several owners
 *
 * The hardware of one device is slow to no end. The owner of another device must
 * not notice, whatever it does meanwhile. And what one owner has said about a PASID
 * does not outlive it.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>

#include "fault_kunit.h"

/* For what must not hang; how long it takes is not judged */
#define OWNER_HANG	(20 * HZ)

/**
 * struct slow_scene - an owner that waits for its hardware, and another one
 * @mock: the hardware
 * @slow: of device 0, NULL until it is registered
 * @slow_call: what waits for hardware
 * @slow_done: completed after that
 * @other_done: completed by what must not wait meanwhile
 * @ret: the first error of that owner
 */
struct slow_scene {
	struct mock_guest *mock;
	struct fault_owner *slow;
	void (*slow_call)(struct slow_scene *scene);
	struct completion slow_done;
	struct completion other_done;
	int ret;
};

static int slow_owner(void *data)
{
	struct slow_scene *scene = data;

	scene->slow_call(scene);
	complete(&scene->slow_done);
	return 0;
}

static void count_handler(struct iommu_fault_handler *handler, void *arg)
{
	(*(unsigned int *)arg)++;
}

static void register_pasid(struct slow_scene *scene, struct fault_owner *owner)
{
	struct device *dev = mock_dev(scene->mock, 1);
	struct iommu_fault_handler *handler;
	struct iommu_attach_handle handle;
	unsigned int count = 0;

	handler = iommu_register_device_fault_handler(dev, 20, &fault_owner_ops,
						      owner);
	if (IS_ERR(handler)) {
		scene->ret = PTR_ERR(handler);
		return;
	}
	scene->ret = iommu_fault_set_quiet(dev, 20) ?:
		     iommu_fault_handler_enable_page_req(handler);
	iommu_fault_handler_set_timeout(handler, 1000);
	iommu_fault_purge(dev, &handle);
	iommu_fault_handler_stop(handler);
	iommu_fault_handler_start(handler);
	iommu_dev_reset_prepare(dev);
	iommu_dev_reset_done(dev);
	iommu_fault_for_each(NULL, count_handler, &count);
	if (!count)
		scene->ret = -ENOENT;
	iommu_fault_clear_quiet(dev, 20);
	iommu_unregister_device_fault_handler(handler);
}

static int other_owner(void *data)
{
	struct fault_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	struct slow_scene *scene = data;

	scene->ret = -ENOMEM;
	if (owner)
		register_pasid(scene, owner);
	kfree(owner);
	complete(&scene->other_done);
	return 0;
}

static void play(struct kunit *test, struct slow_scene *scene,
		 void (*slow_call)(struct slow_scene *scene),
		 int (*meanwhile)(void *data))
{
	struct mock_device *mdev = &scene->mock->devs[0];
	bool in_time;

	scene->slow_call = slow_call;
	init_completion(&scene->slow_done);
	init_completion(&scene->other_done);
	reinit_completion(&mdev->stalled);
	reinit_completion(&mdev->go_on);
	WRITE_ONCE(mdev->stall, true);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(slow_owner, scene, "slow"));
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&mdev->stalled, OWNER_HANG));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(meanwhile, scene, "other"));
	in_time = wait_for_completion_timeout(&scene->other_done, OWNER_HANG);
	KUNIT_EXPECT_TRUE_MSG(test, in_time,
			      "waits for the hardware of another owner");

	WRITE_ONCE(mdev->stall, false);
	complete_all(&mdev->go_on);
	wait_for_completion(&scene->slow_done);
	if (!in_time)
		wait_for_completion(&scene->other_done);
	KUNIT_EXPECT_EQ(test, 0, scene->ret);
}

static struct slow_scene *slow_scene(struct kunit *test)
{
	struct slow_scene *scene = kunit_kzalloc(test, sizeof(*scene), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, scene);
	scene->mock = test->priv;
	return scene;
}

/* One with a group that waits for an answer */
static struct slow_scene *busy_scene(struct kunit *test)
{
	struct slow_scene *scene = slow_scene(test);

	scene->slow = fault_own_device(test, 0);
	fault_bind_same(test, 0, 10);
	fault_request(scene->mock, 0, 10, 3);
	return scene;
}

static void slow_unbind(struct slow_scene *scene)
{
	iommu_guest_unbind_gpasid(scene->mock->ctx, NULL, 10);
}

static void unbind_delays_no_other_owner(struct kunit *test)
{
	play(test, busy_scene(test), slow_unbind, other_owner);
}

static void slow_close(struct slow_scene *scene)
{
	iommu_guest_remove_device(scene->mock->ctx, mock_dev(scene->mock, 0));
}

static void close_delays_no_other_owner(struct kunit *test)
{
	play(test, busy_scene(test), slow_close, other_owner);
}

static void slow_answer(struct slow_scene *scene)
{
	fault_respond(scene->slow, 10, 3, 0);
}

static void answer_delays_no_other_owner(struct kunit *test)
{
	play(test, busy_scene(test), slow_answer, other_owner);
}

static void slow_open(struct slow_scene *scene)
{
	iommu_guest_handle_faults(scene->mock->ctx, mock_dev(scene->mock, 0),
				  &fault_owner_ops, scene->slow, true);
}

static void open_delays_no_other_owner(struct kunit *test)
{
	struct slow_scene *scene = slow_scene(test);

	scene->slow = fault_owner(test);
	play(test, scene, slow_open, other_owner);
}

static int report_other_group(void *data)
{
	struct slow_scene *scene = data;

	fault_request(scene->mock, 0, 10, 4);
	complete(&scene->other_done);
	return 0;
}

/* An answer that is on its way keeps nobody from reporting */
static void answer_delays_no_report(struct kunit *test)
{
	struct slow_scene *scene = busy_scene(test);

	play(test, scene, slow_answer, report_other_group);
	KUNIT_EXPECT_EQ(test, 2, scene->slow->used);
}

/* ------------------------------------------------------------ guest PASIDs */

static u32 reported_as(struct kunit *test, struct fault_owner *owner, u32 pasid)
{
	struct iommu_fault fault = {
		.type = IOMMU_FAULT_DMA_UNRECOV,
		.event.flags = IOMMU_FAULT_UNRECOV_PASID_VALID,
		.event.pasid = pasid,
	};

	owner->used = 0;
	mock_report(test->priv, 0, &fault);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	return owner->records[0].event.pasid;
}

static void guest_pasid_is_of_the_binding(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0);
	struct fault_owner *pasid;

	fault_bind_as(test, 0, 10, 42);
	KUNIT_EXPECT_EQ(test, 42, reported_as(test, device, 10));
	pasid = fault_own_pasid(test, 0, 10);
	KUNIT_EXPECT_EQ(test, 42, reported_as(test, pasid, 10));
	iommu_guest_unbind_gpasid(mock->ctx, NULL, 10);
	KUNIT_EXPECT_EQ(test, 10, reported_as(test, pasid, 10));
	fault_disown(pasid);
	KUNIT_EXPECT_EQ(test, 0, reported_as(test, device, 10));

	pasid = fault_own_pasid(test, 0, 10);
	fault_bind_as(test, 0, 10, 43);
	fault_disown(pasid);
	KUNIT_EXPECT_EQ(test, 43, reported_as(test, device, 10));
}

/* ----------------------------------------------------------------- cookies */

static u64 next_cookie(struct kunit *test, struct fault_owner *owner)
{
	struct mock_guest *mock = test->priv;
	u64 cookie;

	owner->used = 0;
	fault_request(mock, 0, 10, 3);
	KUNIT_ASSERT_EQ(test, 1, owner->used);
	cookie = owner->records[0].prm.cookie;
	KUNIT_EXPECT_EQ(test, 1, fault_respond_cookie(owner, 10, 3, cookie));
	return cookie;
}

static void cookie_is_never_given_twice(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_owner *device = fault_own_device(test, 0), *pasid;
	u64 last, cookie;

	fault_bind_same(test, 0, 10);
	last = next_cookie(test, device);

	pasid = fault_own_pasid(test, 0, 10);
	cookie = next_cookie(test, pasid);
	KUNIT_EXPECT_GT(test, cookie, last);
	last = cookie;
	fault_disown(pasid);

	cookie = next_cookie(test, device);
	KUNIT_EXPECT_GT(test, cookie, last);
	last = cookie;

	mock_reset(mock, 0, NULL, NULL);
	cookie = next_cookie(test, device);
	KUNIT_EXPECT_GT(test, cookie, last);
	last = cookie;

	/* All is closed, and opened again. */
	iommu_guest_remove_device(mock->ctx, mock_dev(mock, 0));
	KUNIT_ASSERT_EQ(test, 0, iommu_guest_add_device(mock->ctx,
							mock_dev(mock, 0),
							mock->parent));
	device = fault_own_device(test, 0);
	fault_bind_same(test, 0, 10);
	KUNIT_EXPECT_GT(test, next_cookie(test, device), last);
}

static struct kunit_case fault_owner_cases[] = {
	KUNIT_CASE(unbind_delays_no_other_owner),
	KUNIT_CASE(close_delays_no_other_owner),
	KUNIT_CASE(answer_delays_no_other_owner),
	KUNIT_CASE(open_delays_no_other_owner),
	KUNIT_CASE(answer_delays_no_report),
	KUNIT_CASE(guest_pasid_is_of_the_binding),
	KUNIT_CASE(cookie_is_never_given_twice),
	{}
};

static struct kunit_suite fault_owner_suite = {
	.name = "iommu-fault-owner",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = fault_owner_cases,
};

kunit_test_suite(fault_owner_suite);
