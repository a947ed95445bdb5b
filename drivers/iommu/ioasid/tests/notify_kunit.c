// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOASID core: notifications
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>

#include <kunit/static_stub.h>

#include "ioasid_kunit.h"

struct rec {
	struct notifier_block nb;
	struct ioasid_ctx *c;
	int n;
	struct {
		int event;
		struct ioasid_nb_args args;
	} log[24];
	void (*hook)(struct rec *r, int event, struct ioasid_nb_args *args);
	struct completion entered, go;
	int ret;
	int *clock;		/* shared by those whose order is compared */
	int time;
};

static int rec_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct rec *r = container_of(nb, struct rec, nb);

	if (r->n < ARRAY_SIZE(r->log)) {
		r->log[r->n].event = event;
		r->log[r->n].args = *(struct ioasid_nb_args *)data;
	}
	r->n++;
	if (r->clock)
		r->time = ++*r->clock;
	if (r->hook)
		r->hook(r, event, data);
	/* Whatever a notifier says, the next one is called. */
	return NOTIFY_BAD;
}

static struct rec *rec_new(struct kunit *test, int prio)
{
	struct rec *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->nb.notifier_call = rec_call;
	r->nb.priority = prio;
	r->c = test->priv;
	init_completion(&r->entered);
	init_completion(&r->go);
	return r;
}

static struct rec *listen(struct kunit *test, struct ioasid_set *set, int prio)
{
	struct rec *r = rec_new(test, prio);

	KUNIT_ASSERT_EQ(test, hear_all(set, &r->nb), 0);
	return r;
}

/* The log is exactly this: pairs of event and id, then 0. */
static void expect_log(struct kunit *test, struct rec *r, ...)
{
	va_list ap;
	int i, event;

	va_start(ap, r);
	for (i = 0; (event = va_arg(ap, int)); i++) {
		ioasid_t id = va_arg(ap, ioasid_t);

		KUNIT_EXPECT_GT_MSG(test, r->n, i, "event %d is missing", event);
		if (i >= r->n)
			break;
		KUNIT_EXPECT_EQ_MSG(test, r->log[i].event, event, "entry %d", i);
		KUNIT_EXPECT_EQ_MSG(test, r->log[i].args.id, id, "entry %d", i);
	}
	if (!event)
		KUNIT_EXPECT_EQ(test, r->n, i);
	va_end(ap);
	r->n = 0;
}

static void notify_once_per_transition(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *mine = listen(test, c->a, IOASID_PRIO_IOMMU);
	struct rec *all = listen(test, NULL, IOASID_PRIO_IOMMU);
	struct rec *recs[] = { mine, all };
	ioasid_t id;
	int i;

	id = ioasid_alloc(c->a, 1, INVALID_IOASID, c, GFP_KERNEL);
	expect_log(test, mine, ALLOC, id, 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 7), 0);
	expect_log(test, mine, BIND, id, 0);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 8), -EBUSY);
	KUNIT_EXPECT_EQ(test, ioasid_get(c->a, id), 0);
	ioasid_detach_spid(c->a, id);
	ioasid_detach_spid(c->a, id);
	expect_log(test, mine, UNBIND, id, 0);
	ioasid_free(c->a, id);
	ioasid_free(c->a, id);
	ioasid_set_flush(c->a);
	expect_log(test, mine, FREE, id, 0);
	ioasid_free(c->a, id);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->a, id));
	ioasid_set_flush(c->a);
	expect_log(test, mine, 0);

	KUNIT_EXPECT_EQ(test, all->n, 4);
	mine->n = 4;
	for (i = 0; i < ARRAY_SIZE(recs); i++)
		KUNIT_EXPECT_PTR_EQ(test, recs[i]->log[0].args.set, c->a);
	KUNIT_EXPECT_PTR_EQ(test, all->log[0].args.pdata, c);
	KUNIT_EXPECT_EQ(test, all->log[0].args.spid, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, all->log[1].args.spid, 7);
	KUNIT_EXPECT_EQ(test, all->log[2].args.spid, 7);
	KUNIT_EXPECT_EQ(test, all->log[3].args.spid, INVALID_IOASID);
	mine->n = 0;
	expect_log(test, all, ALLOC, id, BIND, id, UNBIND, id, FREE, id, 0);

	/* Of other sets only the global notifier hears. */
	id = get_id(test, c->b);
	ioasid_free(c->b, id);
	ioasid_set_flush(c->b);
	expect_log(test, mine, 0);
	expect_log(test, all, ALLOC, id, FREE, id, 0);

	ioasid_unregister_notifier(c->a, &mine->nb);
	ioasid_unregister_notifier(NULL, &all->nb);
}

static void notify_free_ends_binding(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, c->a, IOASID_PRIO_IOMMU);
	ioasid_t id = get_id(test, c->a);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 7), 0);
	ioasid_free(c->a, id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 7, false), -ENOENT);
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, r->log[2].args.spid, 7);
	expect_log(test, r, ALLOC, id, BIND, id, FREE, id, 0);

	/* A set-private id that is the id is not in the index. */
	id = get_id(test, c->a);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, id), 0);
	ioasid_free(c->a, id);
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, id, false), -ENOENT);
	ioasid_set_flush(c->a);
	ioasid_unregister_notifier(c->a, &r->nb);
}

/* The set-private id goes to another id, and the first one is freed. */
static void pass_on(struct rec *r, int event, struct ioasid_nb_args *args)
{
	ioasid_t other = r->ret;

	r->hook = NULL;
	ioasid_detach_spid(r->c->a, args->id);
	r->ret = ioasid_attach_spid(r->c->a, other, args->spid);
	ioasid_free(r->c->a, args->id);
	rcu_barrier();
}

/* Nobody but who tells of it knows the id by now. */
static void free_now(struct rec *r, int event, struct ioasid_nb_args *args)
{
	ioasid_free(args->set, args->id);
	rcu_barrier();
}

static void notify_free_while_it_is_told(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = rec_new(test, IOASID_PRIO_IOMMU);
	ioasid_t id, other;

	KUNIT_ASSERT_EQ(test, 0, ioasid_register_notifier(c->a, &r->nb, BIT(BIND)));
	id = get_id(test, c->a);
	other = get_id(test, c->a);
	r->hook = pass_on;
	r->ret = other;
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 7), 0);
	KUNIT_EXPECT_EQ(test, r->ret, 0);
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_FALSE(test, is_live(c->a, id));
	KUNIT_EXPECT_EQ(test, ioasid_find_by_spid(c->a, 7, false), other);
	expect_log(test, r, BIND, id, BIND, other, 0);
	ioasid_unregister_notifier(c->a, &r->nb);

	KUNIT_ASSERT_EQ(test, 0, ioasid_register_notifier(c->b, &r->nb, BIT(ALLOC)));
	r->hook = free_now;
	id = get_id(test, c->b);
	ioasid_set_flush(c->b);
	KUNIT_EXPECT_EQ(test, used(c->b), 0);
	expect_log(test, r, ALLOC, id, 0);
	ioasid_unregister_notifier(c->b, &r->nb);
}

static void notify_refusals_are_silent(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, c->a, IOASID_PRIO_IOMMU);

	ioasid_alloc(c->a, 0, 0, NULL, GFP_KERNEL);
	alloc_one(c->a, 1);
	ioasid_free(c->a, 300);
	ioasid_attach_spid(c->a, 300, 1);
	ioasid_set_flush(c->a);
	expect_log(test, r, 0);
	ioasid_unregister_notifier(c->a, &r->nb);
}

static void notify_priorities(struct kunit *test)
{
	static const int prios[] = {
		IOASID_PRIO_LAST, IOASID_PRIO_DEVICE, IOASID_PRIO_CPU,
		IOASID_PRIO_IOMMU,
	};
	struct ioasid_ctx *c = test->priv;
	struct rec *set[4], *all[4];
	ioasid_t id;
	int i, round, clock;

	/* Indexed by priority, registered in no order. */
	for (i = 0; i < 4; i++) {
		all[prios[i]] = listen(test, NULL, prios[i]);
		set[prios[3 - i]] = listen(test, c->a, prios[3 - i]);
	}
	for (i = 0; i < 4; i++) {
		all[i]->clock = &clock;
		set[i]->clock = &clock;
	}
	for (round = 0; round < 2; round++) {
		clock = 0;
		if (!round) {
			id = get_id(test, c->a);
		} else {
			ioasid_free(c->a, id);
			ioasid_set_flush(c->a);
		}
		for (i = 0; i < 4; i++) {
			KUNIT_EXPECT_EQ(test, set[i]->time, 7 - 2 * i);
			KUNIT_EXPECT_EQ(test, all[i]->time, 8 - 2 * i);
		}
	}
	for (i = 0; i < 4; i++) {
		ioasid_unregister_notifier(c->a, &set[i]->nb);
		ioasid_unregister_notifier(NULL, &all[i]->nb);
	}
}

/* Nor does it matter to others what one has asked for. */
static void notify_of_what_was_asked_for(struct kunit *test)
{
	static const enum ioasid_notify_val events[] = { ALLOC, BIND, UNBIND, FREE };
	struct ioasid_ctx *c = test->priv;
	struct rec *recs[ARRAY_SIZE(events)], *all;
	ioasid_t id;
	int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		recs[i] = rec_new(test, IOASID_PRIO_IOMMU);
		KUNIT_ASSERT_EQ(test, ioasid_register_notifier(i & 1 ? NULL : c->a,
							       &recs[i]->nb,
							       BIT(events[i])), 0);
	}
	all = listen(test, NULL, IOASID_PRIO_LAST);
	id = get_id(test, c->a);
	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->a, id, 7), 0);
	ioasid_detach_spid(c->a, id);
	ioasid_free(c->a, id);
	ioasid_set_flush(c->a);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		expect_log(test, recs[i], events[i], id, 0);
	expect_log(test, all, ALLOC, id, BIND, id, UNBIND, id, FREE, id, 0);

	/* Who is left hears as before, and nobody is told of what nobody asked for. */
	ioasid_unregister_notifier(NULL, &all->nb);
	ioasid_unregister_notifier(c->a, &recs[0]->nb);
	KUNIT_EXPECT_EQ(test, c->a->notifiers.events, BIT(UNBIND));
	id = get_id(test, c->a);
	ioasid_free(c->a, id);
	ioasid_set_flush(c->a);
	for (i = 0; i < ARRAY_SIZE(events) - 1; i++)
		expect_log(test, recs[i], 0);
	expect_log(test, recs[i], FREE, id, 0);

	for (i = 1; i < ARRAY_SIZE(events); i++)
		ioasid_unregister_notifier(i & 1 ? NULL : c->a, &recs[i]->nb);
}

static void notify_register_refusals(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = rec_new(test, IOASID_PRIO_CPU + 1);

	KUNIT_EXPECT_EQ(test, hear_all(c->a, &r->nb), -EINVAL);
	r->nb.priority = -1;
	KUNIT_EXPECT_EQ(test, hear_all(NULL, &r->nb), -EINVAL);
	r->nb.priority = IOASID_PRIO_LAST;
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb,
						       IOASID_NOTIFY_ALL | BIT(0)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, hear_all(c->a, &r->nb), 0);
	KUNIT_EXPECT_EQ(test, hear_all(c->a, &r->nb), -EEXIST);
	ioasid_free(c->a, get_id(test, c->a));
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, r->n, 2);

	ioasid_unregister_notifier(c->b, &r->nb);
	ioasid_unregister_notifier(NULL, &r->nb);
	ioasid_free(c->a, get_id(test, c->a));
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, r->n, 4);

	ioasid_unregister_notifier(c->a, &r->nb);
	ioasid_unregister_notifier(c->a, &r->nb);
	ioasid_free(c->a, get_id(test, c->a));
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, r->n, 4);
}

static struct ioasid_notifier *no_notifier(struct notifier_block *nb)
{
	return NULL;
}

static void notify_register_fails_without_memory(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = rec_new(test, IOASID_PRIO_LAST);

	kunit_activate_static_stub(test, ioasid_notifier_new, no_notifier);
	KUNIT_EXPECT_EQ(test, hear_all(c->a, &r->nb), -ENOMEM);
	kunit_deactivate_static_stub(test, ioasid_notifier_new);
	ioasid_free(c->a, get_id(test, c->a));
	expect_log(test, r, 0);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
	KUNIT_EXPECT_EQ(test, hear_all(c->a, &r->nb), 0);
	ioasid_unregister_notifier(c->a, &r->nb);
}

static void hook_block_free(struct rec *r, int event, struct ioasid_nb_args *args)
{
	if (event != FREE)
		return;
	complete(&r->entered);
	wait_for_completion(&r->go);
	/* Still known to be the freed one. */
	r->ret = ioasid_get(args->set, args->id);
}

static void notify_free_holds_the_id(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *slow = listen(test, c->a, IOASID_PRIO_CPU);
	struct rec *last = listen(test, c->a, IOASID_PRIO_LAST);
	ioasid_t id = get_id(test, c->a);
	unsigned long flags;

	slow->hook = hook_block_free;
	/* From the worst context there is. */
	local_irq_save(flags);
	preempt_disable();
	ioasid_free(c->a, id);
	KUNIT_EXPECT_FALSE(test, is_live(c->a, id));
	preempt_enable();
	local_irq_restore(flags);

	wait_for_completion(&slow->entered);
	KUNIT_EXPECT_EQ(test, last->n, 1);
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ioasid_free(c->a, id), 0);
	KUNIT_EXPECT_EQ(test, used(c->a), 1);
	complete(&slow->go);
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, slow->ret, -ENOENT);
	KUNIT_EXPECT_EQ(test, last->n, 2);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
	KUNIT_EXPECT_EQ(test, alloc_one(c->b, id), id);

	ioasid_unregister_notifier(c->a, &slow->nb);
	ioasid_unregister_notifier(c->a, &last->nb);
}

static void notify_free_in_order(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, c->a, IOASID_PRIO_CPU);
	ioasid_t one = get_id(test, c->a), two = get_id(test, c->a),
		 three = get_id(test, c->a);

	r->n = 0;
	local_bh_disable();
	ioasid_free(c->a, three);
	ioasid_free(c->a, one);
	ioasid_free(c->a, two);
	local_bh_enable();
	ioasid_set_flush(c->a);
	expect_log(test, r, FREE, three, FREE, one, FREE, two, 0);
	ioasid_unregister_notifier(c->a, &r->nb);
}

static void hook_call_back(struct rec *r, int event, struct ioasid_nb_args *args)
{
	struct ioasid_set *set = args->set;
	struct ioasid_ctx *c = r->c;

	usleep_range(1000, 2000);
	switch (event) {
	case ALLOC:
		if (set != c->a)
			break;
		r->ret |= ioasid_get(set, args->id);
		ioasid_put(set, args->id);
		/* Events of this id wait until all have heard of this one ... */
		r->ret |= ioasid_attach_spid(set, args->id, 5);
		/* ... those of another one do not. */
		r->ret |= alloc_one(c->b, SPACE_SIZE - 1) != SPACE_SIZE - 1;
		break;
	case BIND:
		ioasid_detach_spid(set, args->id);
		r->ret |= ioasid_attach_spid(set, args->id, 6) != -EBUSY;
		r->ret |= ioasid_free(set, args->id);
		break;
	case FREE:
		if (set == c->a)
			r->ret |= ioasid_free(c->b, SPACE_SIZE - 1);
		break;
	}
}

static void notify_may_call_back(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, NULL, IOASID_PRIO_CPU);
	struct rec *last = listen(test, c->a, IOASID_PRIO_LAST);
	int id;

	r->hook = hook_call_back;
	id = ioasid_alloc(c->a, 1, INVALID_IOASID, NULL, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, id, 0);
	ioasid_set_flush(c->a);
	ioasid_set_flush(c->b);
	KUNIT_EXPECT_EQ(test, r->ret, 0);
	/* Was attached already when the last one heard of the ALLOC. */
	KUNIT_EXPECT_EQ(test, last->log[0].args.spid, INVALID_IOASID);
	KUNIT_EXPECT_EQ(test, r->log[2].args.spid, 5);
	KUNIT_EXPECT_EQ(test, r->log[3].args.spid, 5);
	KUNIT_EXPECT_EQ(test, r->log[4].args.spid, INVALID_IOASID);
	expect_log(test, r, ALLOC, id, ALLOC, SPACE_SIZE - 1, BIND, id, UNBIND,
		   id, FREE, id, FREE, SPACE_SIZE - 1, 0);
	expect_log(test, last, ALLOC, id, BIND, id, UNBIND, id, FREE, id, 0);
	KUNIT_EXPECT_EQ(test, used(c->a) + used(c->b), 0);
	ioasid_unregister_notifier(NULL, &r->nb);
	ioasid_unregister_notifier(c->a, &last->nb);
}

/* A notifier of all sets hears of what happens from now on. */
static void notify_global_comes_late(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t a = get_id(test, c->a), p = get_id(test, c->p), id;
	ioasid_t freed = get_id(test, c->q);
	struct ioasid_set *set;
	struct rec *r;

	/* Freed while nobody listened: that is past. */
	KUNIT_EXPECT_EQ(test, ioasid_get(c->q, freed), 0);
	ioasid_free(c->q, freed);
	r = listen(test, NULL, IOASID_PRIO_LAST);
	KUNIT_EXPECT_TRUE(test, ioasid_put(c->q, freed));
	expect_log(test, r, 0);

	KUNIT_EXPECT_EQ(test, ioasid_attach_spid(c->p, p, 9), 0);
	ioasid_detach_spid(c->p, p);
	ioasid_free(c->a, a);
	ioasid_set_flush(c->a);
	ioasid_free(c->p, p);
	ioasid_set_flush(c->p);
	KUNIT_EXPECT_PTR_EQ(test, r->log[0].args.set, c->p);
	KUNIT_EXPECT_PTR_EQ(test, r->log[2].args.set, c->a);
	expect_log(test, r, BIND, p, UNBIND, p, FREE, a, FREE, p, 0);

	/* A set that comes later is heard from its first id to its last. */
	set = ioasid_set_create(&c->space, &c->limit, NULL, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	id = get_id(test, set);
	ioasid_free(set, id);
	ioasid_set_flush(set);
	expect_log(test, r, ALLOC, id, FREE, id, 0);
	ioasid_set_put(set);
	ioasid_unregister_notifier(NULL, &r->nb);
}

static void hook_block_alloc(struct rec *r, int event,
			     struct ioasid_nb_args *args)
{
	if (event != ALLOC)
		return;
	complete(&r->entered);
	wait_for_completion(&r->go);
}

static void notify_set_put(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, NULL, IOASID_PRIO_LAST);
	struct ioasid_set *set;
	ioasid_t one, two;
	u64 num;

	set = ioasid_set_create(&c->space, &c->limit, NULL, 2);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	num = set->num;
	one = get_id(test, set);
	two = get_id(test, set);
	expect_log(test, r, ALLOC, one, ALLOC, two, 0);
	ioasid_set_put(set);
	while (ioasid_test_set_listed(num))
		usleep_range(1000, 2000);
	expect_log(test, r, FREE, two, FREE, one, 0);
	ioasid_unregister_notifier(NULL, &r->nb);
}

/* ------------------------------------------------- who waits for whom */

/* Far more than any of this takes: what is not done by then hangs. */
#define HANGS	(5 * HZ)

struct helper {
	void (*fn)(struct helper *h);
	struct ioasid_set *set;
	struct rec *rec;
	struct task_struct *task;
	struct completion started, done;
};

static int helper_thread(void *data)
{
	struct helper *h = data;

	complete(&h->started);
	h->fn(h);
	complete_all(&h->done);
	return 0;
}

static void helper_start(struct kunit *test, struct helper *h)
{
	init_completion(&h->started);
	init_completion(&h->done);
	h->task = kthread_create(helper_thread, h, "ioasid-helper");
	KUNIT_ASSERT_FALSE(test, IS_ERR(h->task));
	get_task_struct(h->task);
	wake_up_process(h->task);
	wait_for_completion(&h->started);
}

/* Done, or asleep in the function. */
static void helper_settle(struct helper *h)
{
	while (!completion_done(&h->done) && task_is_running(h->task))
		usleep_range(1000, 2000);
}

static bool helper_done(struct helper *h)
{
	return completion_done(&h->done) ||
	       wait_for_completion_timeout(&h->done, HANGS);
}

static void helper_end(struct helper *h)
{
	kthread_stop(h->task);
	put_task_struct(h->task);
}

/* Blocks in each FREE until it is let go. */
static struct rec *listen_slowly(struct kunit *test, struct ioasid_set *set,
				 int prio)
{
	struct rec *slow = listen(test, set, prio);

	slow->hook = hook_block_free;
	return slow;
}

static void use_a_set(struct helper *h)
{
	int id = ioasid_alloc(h->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);

	if (id > 0)
		ioasid_free(h->set, id);
	ioasid_set_flush(h->set);
	ioasid_unregister_notifier(h->set, &h->rec->nb);
}

static void make_a_set(struct helper *h)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 1, IOASID_SET_SHARED);

	if (IS_ERR(set))
		return;
	if (!hear_all(set, &h->rec->nb)) {
		h->set = set;
		use_a_set(h);
	}
	ioasid_set_put(set);
}

/* One set does not hear of its FREE; what do the others notice? */
static void notify_sets_are_independent(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *sets[] = { c->b, c->p, c->q };
	struct rec *slow = listen_slowly(test, c->a, IOASID_PRIO_CPU);
	struct helper helpers[ARRAY_SIZE(sets) + 1] = {};
	struct helper *h;
	int i;

	ioasid_free(c->a, get_id(test, c->a));
	wait_for_completion(&slow->entered);
	for (i = 0; i < ARRAY_SIZE(helpers); i++) {
		h = &helpers[i];
		if (i < ARRAY_SIZE(sets)) {
			h->fn = use_a_set;
			h->set = sets[i];
			h->rec = listen(test, sets[i], IOASID_PRIO_IOMMU);
		} else {
			h->fn = make_a_set;
			h->rec = rec_new(test, IOASID_PRIO_IOMMU);
		}
		helper_start(test, h);
		KUNIT_EXPECT_TRUE_MSG(test, helper_done(h), "helper %d waits", i);
		KUNIT_EXPECT_EQ(test, h->rec->n, 2);
	}
	KUNIT_EXPECT_FALSE(test, completion_done(&slow->go));
	complete_all(&slow->go);
	for (i = 0; i < ARRAY_SIZE(helpers); i++) {
		KUNIT_EXPECT_TRUE(test, helper_done(&helpers[i]));
		helper_end(&helpers[i]);
	}
	ioasid_set_flush(c->a);
	ioasid_unregister_notifier(c->a, &slow->nb);
}

static void unregister(struct helper *h)
{
	ioasid_unregister_notifier(h->set, &h->rec->nb);
}

/* To unregister is to wait for one's own calls, and only for these. */
static void notify_unregister_waits_for_own(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *first = listen(test, c->a, IOASID_PRIO_CPU);
	struct rec *slow = listen_slowly(test, c->a, IOASID_PRIO_DEVICE);
	struct rec *same = listen(test, c->a, IOASID_PRIO_DEVICE);
	struct rec *last = listen(test, c->a, IOASID_PRIO_LAST);
	struct rec *others[] = { first, same, last };
	struct helper helpers[ARRAY_SIZE(others)] = {};
	struct helper own = { .fn = unregister, .set = c->a, .rec = slow };
	ioasid_t id = get_id(test, c->a);
	int i;

	ioasid_free(c->a, id);
	wait_for_completion(&slow->entered);
	helper_start(test, &own);
	helper_settle(&own);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		helpers[i].fn = unregister;
		helpers[i].set = c->a;
		helpers[i].rec = others[i];
		helper_start(test, &helpers[i]);
		KUNIT_EXPECT_TRUE_MSG(test, helper_done(&helpers[i]),
				      "notifier %d waits", i);
	}
	KUNIT_EXPECT_FALSE(test, completion_done(&own.done));
	complete_all(&slow->go);
	KUNIT_EXPECT_TRUE(test, helper_done(&own));
	helper_end(&own);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_TRUE(test, helper_done(&helpers[i]));
		helper_end(&helpers[i]);
	}
	ioasid_set_flush(c->a);
	/* Those behind the slow one were gone before their turn came. */
	expect_log(test, first, ALLOC, id, FREE, id, 0);
	expect_log(test, slow, ALLOC, id, FREE, id, 0);
	expect_log(test, same, ALLOC, id, 0);
	expect_log(test, last, ALLOC, id, 0);
}

/* What is on its way out is not registered any more, so it may come again. */
static void notify_comes_again_while_it_goes(struct kunit *test)
{
	struct rec *slow = listen_slowly(test, NULL, IOASID_PRIO_DEVICE);
	struct helper own = { .fn = unregister, .rec = slow };
	struct ioasid_ctx *c = test->priv;

	ioasid_free(c->a, get_id(test, c->a));
	wait_for_completion(&slow->entered);
	helper_start(test, &own);
	helper_settle(&own);
	KUNIT_EXPECT_EQ(test, hear_all(NULL, &slow->nb), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&own.done));
	complete_all(&slow->go);
	KUNIT_EXPECT_TRUE(test, helper_done(&own));
	helper_end(&own);
	ioasid_set_flush(c->a);
	ioasid_unregister_notifier(NULL, &slow->nb);
}

static void flush(struct helper *h)
{
	ioasid_set_flush(h->set);
}

/* What is freed after the call is not waited for. */
static void flush_waits_for_earlier_frees(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *slow = listen_slowly(test, c->a, IOASID_PRIO_CPU);
	ioasid_t one = get_id(test, c->a), two = get_id(test, c->a),
		 three = get_id(test, c->a);
	struct helper h = { .fn = flush, .set = c->a };

	ioasid_free(c->a, one);
	wait_for_completion(&slow->entered);
	ioasid_free(c->a, two);
	helper_start(test, &h);
	helper_settle(&h);
	ioasid_free(c->a, three);

	KUNIT_EXPECT_FALSE(test, completion_done(&h.done));
	complete(&slow->go);
	wait_for_completion(&slow->entered);
	KUNIT_EXPECT_FALSE(test, completion_done(&h.done));
	complete(&slow->go);
	wait_for_completion(&slow->entered);
	KUNIT_EXPECT_TRUE(test, helper_done(&h));
	KUNIT_EXPECT_EQ(test, used(c->a), 1);
	complete_all(&slow->go);
	KUNIT_EXPECT_TRUE(test, helper_done(&h));
	helper_end(&h);
	ioasid_set_flush(c->a);
	expect_log(test, slow, ALLOC, one, ALLOC, two, ALLOC, three, FREE, one,
		   FREE, two, FREE, three, 0);
	ioasid_unregister_notifier(c->a, &slow->nb);
}

static void alloc_one_id(struct helper *h)
{
	ioasid_alloc(h->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);
}

/* A free while ALLOC of the id is being delivered is an earlier one, too. */
static void flush_waits_for_free_during_delivery(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *slow = listen(test, c->p, IOASID_PRIO_CPU);
	struct rec *last = listen(test, c->p, IOASID_PRIO_LAST);
	struct helper alloc = { .fn = alloc_one_id, .set = c->p };
	struct helper h = { .fn = flush, .set = c->p };

	slow->hook = hook_block_alloc;
	helper_start(test, &alloc);
	wait_for_completion(&slow->entered);
	ioasid_free(c->p, 1);
	helper_start(test, &h);
	helper_settle(&h);
	KUNIT_EXPECT_FALSE(test, completion_done(&h.done));
	/* Time for what must not happen: FREE before all have heard ALLOC. */
	msleep(20);
	/* And what is allocated later makes nobody wait. */
	slow->hook = NULL;
	KUNIT_EXPECT_EQ(test, alloc_one(c->p, 2), 2);
	complete(&slow->go);
	KUNIT_EXPECT_TRUE(test, helper_done(&alloc));
	KUNIT_EXPECT_TRUE(test, helper_done(&h));
	expect_log(test, slow, ALLOC, 1, ALLOC, 2, FREE, 1, 0);
	expect_log(test, last, ALLOC, 2, ALLOC, 1, FREE, 1, 0);
	helper_end(&alloc);
	helper_end(&h);
	ioasid_unregister_notifier(c->p, &slow->nb);
	ioasid_unregister_notifier(c->p, &last->nb);
}

static void notify_register_needs_an_empty_set(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *sets[] = { c->a, c->p };
	int i;

	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		struct rec *r = rec_new(test, IOASID_PRIO_LAST);
		ioasid_t id = get_id(test, sets[i]);

		KUNIT_EXPECT_EQ(test, hear_all(sets[i], &r->nb), -EBUSY);
		/* An id that is freed but not gone is one of the set. */
		KUNIT_EXPECT_EQ(test, ioasid_get(sets[i], id), 0);
		ioasid_free(sets[i], id);
		KUNIT_EXPECT_EQ(test, hear_all(sets[i], &r->nb), -EBUSY);
		KUNIT_EXPECT_TRUE(test, ioasid_put(sets[i], id));
		expect_log(test, r, 0);
		KUNIT_EXPECT_EQ(test, hear_all(sets[i], &r->nb), 0);
		id = get_id(test, sets[i]);
		expect_log(test, r, ALLOC, id, 0);
		ioasid_unregister_notifier(sets[i], &r->nb);
	}
}

/* A range costs what the owner holds in it: walked by number, not by age. */
static void notify_free_range_by_number(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, c->p, IOASID_PRIO_LAST);
	ioasid_t id;

	for (id = 10; id <= 20; id++)
		KUNIT_EXPECT_EQ(test, alloc_one(c->p, id), id);
	r->n = 0;
	ioasid_free_range(c->p, 12, 14);
	ioasid_set_flush(c->p);
	expect_log(test, r, FREE, 12, FREE, 13, FREE, 14, 0);
	ioasid_unregister_notifier(c->p, &r->nb);
}

static struct kunit_case ioasid_notify_cases[] = {
	KUNIT_CASE(notify_once_per_transition),
	KUNIT_CASE(notify_free_ends_binding),
	KUNIT_CASE(notify_free_while_it_is_told),
	KUNIT_CASE(notify_refusals_are_silent),
	KUNIT_CASE(notify_priorities),
	KUNIT_CASE(notify_of_what_was_asked_for),
	KUNIT_CASE(notify_register_refusals),
	KUNIT_CASE(notify_register_fails_without_memory),
	KUNIT_CASE(notify_free_holds_the_id),
	KUNIT_CASE(notify_free_in_order),
	KUNIT_CASE(notify_may_call_back),
	KUNIT_CASE(notify_global_comes_late),
	KUNIT_CASE(notify_set_put),
	KUNIT_CASE(notify_register_needs_an_empty_set),
	KUNIT_CASE(notify_free_range_by_number),
	KUNIT_CASE(notify_sets_are_independent),
	KUNIT_CASE(notify_unregister_waits_for_own),
	KUNIT_CASE(notify_comes_again_while_it_goes),
	KUNIT_CASE(flush_waits_for_earlier_frees),
	KUNIT_CASE(flush_waits_for_free_during_delivery),
	{}
};

static struct kunit_suite ioasid_notify_suite = {
	.name = "ioasid-notify",
	.init = ioasid_test_init,
	.exit = ioasid_test_exit,
	.test_cases = ioasid_notify_cases,
};

kunit_test_suite(ioasid_notify_suite);
