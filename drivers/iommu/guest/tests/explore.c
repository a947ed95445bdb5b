// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: two threads in every order, for tests
 *
 * The machine has one processor, and the kernel is not preempted. When the
 * explorer is the only one that could run, each thread is at a point, at its end,
 * or waits for the other one. So it needs to know nothing of what a thread waits
 * for.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

/* Threads that wait for nothing that could come are given up. */
#define EXPLORE_HANG	(20 * HZ)

/**
 * struct explore_thread - one of the two
 * @task: to know it by
 * @fn: what it runs, with @arg
 * @arg: for @fn
 * @go: completed to let it go on
 * @atomic: depth of sections without points
 * @stopped: it is at a point
 * @done: it is at its end
 */
struct explore_thread {
	struct task_struct *task;
	explore_fn fn;
	void *arg;
	struct completion go;
	int atomic;
	bool stopped;
	bool done;
};

/* Those of the run under way */
static struct explore_thread *explore_threads;

static struct explore_thread *explore_self(void)
{
	int i;

	for (i = 0; explore_threads && i < 2; i++)
		if (explore_threads[i].task == current)
			return &explore_threads[i];
	return NULL;
}

/* Stop, until the explorer lets the thread go on. Nothing for other threads */
void explore_point(void)
{
	struct explore_thread *self = explore_self();

	if (!self || self->atomic)
		return;
	self->stopped = true;
	wait_for_completion(&self->go);
}

/* A section without points begins or ends. */
void explore_atomic(int depth)
{
	struct explore_thread *self = explore_self();

	if (self)
		self->atomic += depth;
}

static int explore_thread(void *data)
{
	struct explore_thread *self = data;

	explore_point();
	self->fn(self->arg);
	self->done = true;
	return 0;
}

/* Until no other thread could run, be it one of ours or a worker */
static void explore_settle(void)
{
	do {
		yield();
	} while (!single_task_running());
}

static void explore_go_on(struct explore_thread *thread)
{
	thread->stopped = false;
	complete(&thread->go);
	explore_settle();
}

/* Both wait, for something that takes time, or that does not come */
static bool explore_wait(struct explore_thread *threads)
{
	unsigned long end = jiffies + EXPLORE_HANG;

	while (!threads[0].stopped && !threads[1].stopped &&
	       !(threads[0].done && threads[1].done)) {
		if (time_after(jiffies, end))
			return false;
		schedule_timeout_uninterruptible(1);
		explore_settle();
	}
	return true;
}

/* What follows of @way, at a point where either could go on */
static bool explore_choose(struct explore_way *way, unsigned int at)
{
	if (at < way->count)
		return test_bit(at, way->choices);
	if (way->count < BITS_PER_TYPE(way->choices))
		__clear_bit(way->count++, way->choices);
	return false;
}

/* Let the two go on until both are at their end */
static bool explore_follow(struct explore_way *way, unsigned int first,
			   struct explore_thread *threads)
{
	unsigned int last = first, at = 0;

	explore_go_on(&threads[first]);
	while (explore_wait(threads)) {
		if (threads[0].done && threads[1].done)
			return true;
		if (!threads[last].stopped ||
		    (threads[!last].stopped && explore_choose(way, at++)))
			last = !last;
		explore_go_on(&threads[last]);
	}
	return false;
}

/**
 * explore_run() - Run two functions in an order
 * @way: the order as far as it is chosen; the rest is chosen here, and is to go on
 *	with the same one
 * @first: who begins
 * @fns: the functions
 * @arg: for both
 *
 * Return: Whether both came to their end. Else there is no other run.
 *
 * Context: Process context of a machine with one processor and no preemption.
 */
bool explore_run(struct explore_way *way, unsigned int first,
		 const explore_fn fns[2], void *arg)
{
	static struct explore_thread threads[2];
	static bool stuck;
	int i;

	if (stuck)
		return false;
	for (i = 0; i < 2; i++) {
		threads[i] = (struct explore_thread) { .fn = fns[i], .arg = arg };
		init_completion(&threads[i].go);
		threads[i].task = kthread_create(explore_thread, &threads[i],
						 "explore/%d", i);
		if (IS_ERR(threads[i].task)) {
			if (i)
				kthread_stop(threads[0].task);
			return false;
		}
		get_task_struct(threads[i].task);
	}

	explore_threads = threads;
	for (i = 0; i < 2; i++)
		wake_up_process(threads[i].task);
	explore_settle();
	stuck = !explore_follow(way, first, threads);
	if (stuck)
		return false;
	explore_threads = NULL;
	for (i = 0; i < 2; i++) {
		kthread_stop(threads[i].task);
		put_task_struct(threads[i].task);
	}
	return true;
}

/**
 * explore_next() - The next order
 * @way: the last one, as explore_run() left it
 * @switches: how often the other one may go on where the same one could
 *
 * Return: Whether there is one.
 */
bool explore_next(struct explore_way *way, unsigned int switches)
{
	while (way->count) {
		way->count--;
		if (__test_and_clear_bit(way->count, way->choices)) {
			way->switches--;
		} else if (way->switches < switches) {
			__set_bit(way->count++, way->choices);
			way->switches++;
			return true;
		}
	}
	return false;
}
