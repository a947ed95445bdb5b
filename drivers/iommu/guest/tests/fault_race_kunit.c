// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: KUnit tests of threads against each other
 *
 * Devices ask, an owner answers what it was asked and what it guesses, deadlines
 * pass, PASIDs are bound and unbound, the owner stops and starts, devices are
 * reset. Whatever the order, each group that went in comes out once; that is what
 * the counters of the handlers and those of the hardware must say. No answer
 * crosses a reset. Memory that is used too long is for KASAN to find.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>

#include "fault_kunit.h"

#define RACE_ROUNDS	2000
#define RACE_PASID	10
#define RACE_INDEXES	16
/* The longest time to answer, and far more than that */
#define RACE_LONGEST_MS	80
#define RACE_HANG_MS	20000

/**
 * struct fault_race - what the threads share
 * @mock: the hardware
 * @handlers: one for each device
 * @running: threads that are not through
 * @done: completed by the last one
 * @reported: groups that the handlers took
 * @ends: groups that the kernel has ended, as far as the handlers know
 */
struct fault_race {
	struct mock_guest *mock;
	struct iommu_fault_handler *handlers[MOCK_DEVICES];
	atomic_t running;
	struct completion done;
	atomic_t reported;
	atomic_t ends;
};

/* Every eighth group finds no room. */
static int race_fault(void *data, const struct iommu_fault *records,
		      unsigned int count)
{
	struct fault_race *race = data;

	if (records->type == IOMMU_FAULT_PAGE_REQ_END) {
		atomic_inc(&race->ends);
		return 0;
	}
	return atomic_inc_return(&race->reported) % 8 ? 0 : -ENOSPC;
}

static const struct iommu_fault_handler_ops race_ops = { .fault = race_fault };

static int race_end(struct fault_race *race)
{
	if (atomic_dec_and_test(&race->running))
		complete(&race->done);
	return 0;
}

/* Groups of one to three requests, of both PASIDs, from both devices */
static int race_ask(void *data)
{
	struct fault_race *race = data;
	int i, part;

	for (i = 0; i < RACE_ROUNDS; i++) {
		for (part = i % 3; part >= 0; part--)
			mock_request(race->mock, i & 1, RACE_PASID + (i >> 1 & 1),
				     i % RACE_INDEXES, 0x1000, !part);
		cond_resched();
	}
	return race_end(race);
}

static int race_answer(void *data)
{
	struct iommu_page_response resps[2];
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS; i++) {
		resps[0] = fault_response(RACE_PASID, i % RACE_INDEXES, i % 3);
		resps[1] = fault_response(RACE_PASID + 1, i % RACE_INDEXES, 0);
		iommu_page_response(race->handlers[i >> 1 & 1], &resps[i & 1],
				    2 - (i & 1));
		cond_resched();
	}
	return race_end(race);
}

static int race_bind(void *data)
{
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS / 8; i++) {
		fault_bind(race->mock, i & 1, RACE_PASID, 0x1000 * (1 + i % 3));
		if (i % 4 == 3)
			iommu_guest_unbind_gpasid(race->mock->ctx, NULL,
						  RACE_PASID);
		cond_resched();
	}
	return race_end(race);
}

static int race_expire(void *data)
{
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS / 8; i++) {
		iommu_fault_expire(race->handlers[i & 1],
				   i % 4 ? 0 : HZ * 20);
		cond_resched();
	}
	return race_end(race);
}

static int race_stop(void *data)
{
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS / 16; i++) {
		iommu_fault_handler_stop(race->handlers[i & 1]);
		cond_resched();
		iommu_fault_handler_start(race->handlers[i & 1]);
	}
	return race_end(race);
}

static int race_reset(void *data)
{
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS / 16; i++) {
		/* So that there is one to end, whichever thread ran last */
		mock_request(race->mock, i & 1, RACE_PASID + 1, RACE_INDEXES,
			     0x1000, true);
		mock_reset(race->mock, i & 1, NULL, NULL);
		cond_resched();
	}
	return race_end(race);
}

static u64 race_outcomes(struct fault_race *race, enum iommu_fault_outcome outcome)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < MOCK_DEVICES; i++)
		sum += race->handlers[i]->stats.outcomes[outcome];
	return sum;
}

static void race_check(struct kunit *test, struct fault_race *race, int index)
{
	struct mock_device *mdev = &race->mock->devs[index];
	struct iommu_fault_handler *handler = race->handlers[index];
	u64 out = 0;
	int i;

	iommu_fault_handler_stop(handler);
	for (i = 0; i < IOMMU_FAULT_OUTCOMES; i++)
		out += handler->stats.outcomes[i];
	KUNIT_EXPECT_EQ(test, handler->stats.groups, out);
	KUNIT_EXPECT_EQ(test, 0, handler->waiting);
	KUNIT_EXPECT_TRUE(test, list_empty(&handler->pending));
	KUNIT_EXPECT_EQ(test, atomic_read(&mdev->groups),
			atomic_read(&mdev->answers));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mdev->stale));
	KUNIT_EXPECT_GT(test, handler->stats.groups, 0);
}

static struct fault_race *race_init(struct kunit *test)
{
	struct mock_guest *mock = test->priv;
	struct fault_race *race;
	int i;

	race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race);
	race->mock = mock;
	mock->quiet = true;
	init_completion(&race->done);
	for (i = 0; i < MOCK_DEVICES; i++) {
		race->handlers[i] = iommu_guest_handle_faults(mock->ctx,
							      mock_dev(mock, i),
							      &race_ops, race, true);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->handlers[i]);
		KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, i, RACE_PASID, 0x4000));
		KUNIT_ASSERT_EQ(test, 0, fault_bind(mock, i, RACE_PASID + 1, 0x5000));
	}
	return race;
}

static void race_run(struct kunit *test, struct fault_race *race,
		     int (* const *threads)(void *), int count)
{
	struct task_struct *task;
	int i;

	atomic_set(&race->running, 1);
	for (i = 0; i < count; i++) {
		atomic_inc(&race->running);
		task = kthread_run(threads[i], race, "fault-race-%d", i);
		if (IS_ERR(task)) {
			atomic_dec(&race->running);
			KUNIT_FAIL(test, "no thread: %pe", task);
		}
	}
	race_end(race);
	wait_for_completion(&race->done);
}

static void every_group_ends_once(struct kunit *test)
{
	static int (* const threads[])(void *) = {
		race_ask, race_ask, race_answer, race_answer, race_bind,
		race_expire, race_stop,
	};
	struct fault_race *race = race_init(test);
	int i;

	race_run(test, race, threads, ARRAY_SIZE(threads));
	for (i = 0; i < MOCK_DEVICES; i++)
		race_check(test, race, i);
}

/* The devices have forgotten what was before, which the handlers must know. */
static void no_answer_crosses_a_reset(struct kunit *test)
{
	static int (* const threads[])(void *) = {
		race_ask, race_ask, race_answer, race_answer, race_bind,
		race_expire, race_reset,
	};
	struct fault_race *race = race_init(test);
	int i;

	race_run(test, race, threads, ARRAY_SIZE(threads));
	KUNIT_EXPECT_GT(test, race_outcomes(race, IOMMU_FAULT_RESET), 0);
	/* Nobody has stopped so far: each end was reported. */
	KUNIT_EXPECT_EQ(test, atomic_read(&race->ends),
			race_outcomes(race, IOMMU_FAULT_RESET) +
			race_outcomes(race, IOMMU_FAULT_DEADLINE) +
			race_outcomes(race, IOMMU_FAULT_UNBIND));
	for (i = 0; i < MOCK_DEVICES; i++)
		race_check(test, race, i);
}

/* A handler that comes and goes while its device asks */
static int race_register(void *data)
{
	struct fault_race *race = data;
	struct iommu_fault_handler *handler;
	int i;

	for (i = 0; i < RACE_ROUNDS / 16; i++) {
		handler = iommu_register_device_fault_handler(mock_dev(race->mock, 0),
							      RACE_PASID, &race_ops,
							      race);
		if (IS_ERR(handler))
			continue;
		if (i & 1)
			iommu_fault_handler_enable_page_req(handler);
		cond_resched();
		iommu_unregister_device_fault_handler(handler);
	}
	return race_end(race);
}

static void handlers_come_and_go(struct kunit *test)
{
	static int (* const threads[])(void *) = {
		race_ask, race_answer, race_register,
	};
	struct fault_race *race = race_init(test);
	int i;

	race_run(test, race, threads, ARRAY_SIZE(threads));
	for (i = 0; i < MOCK_DEVICES; i++)
		iommu_fault_handler_stop(race->handlers[i]);
}

/* The time to answer becomes shorter and longer. */
static int race_timeout(void *data)
{
	static const unsigned int times[] = { 1, 40, RACE_LONGEST_MS, 1, 0, 4, 20, 2 };
	struct fault_race *race = data;
	int i;

	for (i = 0; i < RACE_ROUNDS / 16; i++) {
		iommu_fault_handler_set_timeout(race->handlers[i & 1],
						times[i / 2 % ARRAY_SIZE(times)]);
		usleep_range(100, 1000);
	}
	return race_end(race);
}

/* Nobody but the timer looks after those that the owner leaves. */
static void no_group_is_forgotten_by_the_timer(struct kunit *test)
{
	static int (* const threads[])(void *) = {
		race_ask, race_ask, race_answer, race_timeout, race_stop,
	};
	unsigned int timeout = iommu_fault_timeout_ms, turn, ms;
	struct fault_race *race = race_init(test);
	int i;

	iommu_fault_timeout_ms = RACE_LONGEST_MS;
	for (turn = 0; turn < 4; turn++) {
		reinit_completion(&race->done);
		race_run(test, race, threads, ARRAY_SIZE(threads));
		/* The threads may have left none. Two each, as one may find no room. */
		for (i = 0; i < 2 * MOCK_DEVICES; i++)
			mock_request(race->mock, i % MOCK_DEVICES, RACE_PASID,
				     RACE_INDEXES + i, 0x1000, true);
		for (i = 0; i < MOCK_DEVICES; i++) {
			for (ms = 0; ms < RACE_HANG_MS &&
			     READ_ONCE(race->handlers[i]->waiting); ms += 20)
				msleep(20);
			KUNIT_EXPECT_EQ(test, 0, race->handlers[i]->waiting);
		}
	}
	iommu_fault_timeout_ms = timeout;
	KUNIT_EXPECT_GT(test, race_outcomes(race, IOMMU_FAULT_DEADLINE), 0);
	for (i = 0; i < MOCK_DEVICES; i++)
		race_check(test, race, i);
}

static struct kunit_case fault_race_cases[] = {
	KUNIT_CASE_SLOW(every_group_ends_once),
	KUNIT_CASE_SLOW(no_answer_crosses_a_reset),
	KUNIT_CASE_SLOW(handlers_come_and_go),
	KUNIT_CASE_SLOW(no_group_is_forgotten_by_the_timer),
	{}
};

static struct kunit_suite fault_race_suite = {
	.name = "iommu-fault-race",
	.init = mock_guest_init,
	.exit = mock_guest_exit,
	.test_cases = fault_race_cases,
};

kunit_test_suite(fault_race_suite);
