// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the VT-d driver: the invalidation queue
 *
 * An interrupt comes while its CPU waits for the queue, and submits as well. It
 * cannot wait for the thread that it has interrupted.
 */
#include "test_unit.h"

#define DELAY_MS	20
#define ALARM_US	2000

/* What the interrupt does, and what it found */
struct test_alarm {
	struct test_unit *unit;
	struct hrtimer timer;
	bool came_meanwhile;	/* before the unit was done */
	bool done;
};

static enum hrtimer_restart alarm_fires(struct hrtimer *timer)
{
	struct test_alarm *alarm = container_of(timer, struct test_alarm, timer);

	alarm->came_meanwhile = !READ_ONCE(alarm->unit->waits) &&
				!READ_ONCE(alarm->unit->timeouts);
	test_unit_invalidate(alarm->unit, 1);
	alarm->done = true;
	return HRTIMER_NORESTART;
}

/* The first device's invalidation, with an interrupt in the middle of it */
static void invalidate_interrupted(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct test_alarm alarm = { .unit = unit };
	int room = unit->qi.free_cnt;

	unit->delay_ms = DELAY_MS;
	hrtimer_init_on_stack(&alarm.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	alarm.timer.function = alarm_fires;
	hrtimer_start(&alarm.timer, ns_to_ktime(ALARM_US * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
	test_unit_invalidate(unit, 0);
	hrtimer_cancel(&alarm.timer);
	destroy_hrtimer_on_stack(&alarm.timer);

	KUNIT_EXPECT_TRUE(test, alarm.came_meanwhile);
	KUNIT_EXPECT_TRUE(test, alarm.done);
	KUNIT_EXPECT_EQ(test, unit->qi.free_cnt, room);
	KUNIT_EXPECT_TRUE(test, list_empty(&unit->qi.submissions));
}

static void interrupt_submits(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	invalidate_interrupted(test);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, TEST_SID), 1U);
	KUNIT_EXPECT_EQ(test, unit->logged, 2U);
}

/* Room is what the thread gives back when it is complete. */
static void interrupt_finds_queue_full(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	/* A submission of one takes two slots, and one more is never used. */
	unit->qi.free_cnt = 3;
	invalidate_interrupted(test);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, TEST_SID), 1U);
	KUNIT_EXPECT_EQ(test, unit->logged, 2U);
}

/* The thread's invalidation times out, and everything behind it stands still. */
static void interrupt_finds_queue_stopped(struct kunit *test)
{
	struct test_unit *unit = test->priv;

	unit->devices[0].dead = 1;
	invalidate_interrupted(test);
	KUNIT_EXPECT_EQ(test, unit->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, test_unit_count_device(unit, test_device_sid(&unit->devices[1])),
			1U);
}

/* What the hardware reserves is zero, whatever the memory was used for before. */
static void upper_halves_are_zero(struct kunit *test)
{
	struct test_unit *unit = test->priv;
	struct qi_desc descs[4];
	int i;

	memset(descs, 0xff, sizeof(descs));
	qi_desc_iotlb(&unit->iommu, 1, 0, 0, DMA_TLB_DSI_FLUSH, &descs[0]);
	qi_desc_dev_iotlb(TEST_SID, 0, 0, 0, 0, &descs[1]);
	qi_desc_piotlb(1, 5, 0, -1, false, &descs[2]);
	qi_desc_dev_iotlb_pasid(TEST_SID, 0, 5, 0, 0, 0, &descs[3]);
	for (i = 0; i < ARRAY_SIZE(descs); i++) {
		KUNIT_EXPECT_EQ_MSG(test, descs[i].qw2, 0ULL, "descriptor %d", i);
		KUNIT_EXPECT_EQ_MSG(test, descs[i].qw3, 0ULL, "descriptor %d", i);
	}
}

static struct kunit_case vtd_queue_test_cases[] = {
	KUNIT_CASE(interrupt_submits),
	KUNIT_CASE(interrupt_finds_queue_full),
	KUNIT_CASE(interrupt_finds_queue_stopped),
	KUNIT_CASE(upper_halves_are_zero),
	{}
};

static struct kunit_suite vtd_queue_test_suite = {
	.name = "intel-iommu-queue",
	.init = test_unit_init,
	.exit = test_unit_exit,
	.test_cases = vtd_queue_test_cases,
};

kunit_test_suite(vtd_queue_test_suite);
