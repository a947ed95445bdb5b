// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOASID core: notifications
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

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
	/* Whatever a listener says, the next one is called. */
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

	KUNIT_ASSERT_EQ(test, ioasid_register_notifier(set, &r->nb), 0);
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

	/* What was there before, for instance in the system set. */
	all->n = 0;

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

	/* Other sets are heard by the global listener only. */
	id = get_id(test, c->b);
	ioasid_free(c->b, id);
	ioasid_set_flush(c->b);
	expect_log(test, mine, 0);
	all->n = all->n == 2 ? 2 : all->n;
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
	ioasid_unregister_notifier(c->a, &r->nb);
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

static void notify_register_refusals(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = rec_new(test, IOASID_PRIO_CPU + 1);

	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb), -EINVAL);
	r->nb.priority = -1;
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(NULL, &r->nb), -EINVAL);
	r->nb.priority = IOASID_PRIO_LAST;
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb), 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb), -EEXIST);
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

static struct ioasid_listener *no_listener(struct notifier_block *nb)
{
	return NULL;
}

static void notify_register_fails_without_memory(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = rec_new(test, IOASID_PRIO_LAST);

	get_id(test, c->a);
	kunit_activate_static_stub(test, ioasid_listener_new, no_listener);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb), -ENOMEM);
	kunit_deactivate_static_stub(test, ioasid_listener_new);
	get_id(test, c->a);
	expect_log(test, r, 0);
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->a, &r->nb), 0);
	KUNIT_EXPECT_EQ(test, r->n, 2);
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
	ioasid_t one = get_id(test, c->a), two = get_id(test, c->p),
		 three = get_id(test, c->a);
	struct rec *r = listen(test, NULL, IOASID_PRIO_CPU);

	r->n = 0;
	local_bh_disable();
	ioasid_free(c->a, three);
	ioasid_free(c->p, two);
	ioasid_free(c->a, one);
	local_bh_enable();
	ioasid_set_flush(c->a);
	ioasid_set_flush(c->p);
	expect_log(test, r, FREE, three, FREE, two, FREE, one, 0);
	ioasid_unregister_notifier(NULL, &r->nb);
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
		/* ... those of another one don't. */
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

	r->n = 0;
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

static void replay_set(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct ioasid_set *sets[] = { c->a, c->p };
	int i;

	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		struct ioasid_set *set = sets[i];
		ioasid_t one = get_id(test, set), two = get_id(test, set),
			 three = get_id(test, set), four;
		struct rec *r;

		get_id(test, c->b);
		KUNIT_EXPECT_EQ(test, ioasid_attach_spid(set, one, 9), 0);
		KUNIT_EXPECT_EQ(test, ioasid_get(set, two), 0);
		ioasid_free(set, two);

		r = listen(test, set, IOASID_PRIO_LAST);
		KUNIT_EXPECT_EQ(test, r->log[2].args.spid, 9);
		KUNIT_EXPECT_EQ(test, r->log[0].args.spid, INVALID_IOASID);
		expect_log(test, r, ALLOC, three, ALLOC, one, BIND, one, 0);

		/* From here on like everybody else; @two was never mentioned. */
		KUNIT_EXPECT_TRUE(test, ioasid_put(set, two));
		four = get_id(test, set);
		ioasid_detach_spid(set, one);
		ioasid_free(set, three);
		ioasid_set_flush(set);
		expect_log(test, r, ALLOC, four, UNBIND, one, FREE, three, 0);
		ioasid_unregister_notifier(set, &r->nb);
	}
}

static bool log_has(struct rec *r, int event, struct ioasid_set *set,
		    ioasid_t id)
{
	int i, found = 0;

	for (i = 0; i < min_t(int, r->n, ARRAY_SIZE(r->log)); i++)
		found += r->log[i].event == event && r->log[i].args.id == id &&
			 r->log[i].args.set == set;
	return found == 1;
}

static void replay_global(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	ioasid_t host = get_id(test, c->host), a = get_id(test, c->a);
	ioasid_t p = get_id(test, c->p), q = get_id(test, c->q);
	struct ioasid_set *set;
	struct rec *r;
	ioasid_t id;

	r = listen(test, NULL, IOASID_PRIO_LAST);
	KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->host, host));
	KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->a, a));
	KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->p, p));
	KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->q, q));
	r->n = 0;
	id = get_id(test, c->b);
	expect_log(test, r, ALLOC, id, 0);
	ioasid_free(c->host, host);
	ioasid_set_flush(c->host);
	expect_log(test, r, FREE, host, 0);

	/* A set that comes later is heard from its first id to its last. */
	set = ioasid_set_create(&c->space, false, NULL, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, set);
	id = get_id(test, set);
	expect_log(test, r, ALLOC, id, 0);
	ioasid_free(set, id);
	ioasid_set_flush(set);
	expect_log(test, r, FREE, id, 0);
	ioasid_set_put(set);
	ioasid_unregister_notifier(NULL, &r->nb);
}

/* While the walk is at the second of three ids ... */
static void hook_during_replay(struct rec *r, int event,
			       struct ioasid_nb_args *args)
{
	struct ioasid_ctx *c = r->c;

	if (event != ALLOC || r->n != 2)
		return;
	/* ... one that it has passed goes, ... */
	ioasid_free(c->p, 3);
	/* ... so do the one it is at and the one it hasn't reached, ... */
	ioasid_free(c->p, 2);
	ioasid_free(c->p, 1);
	/* ... and one comes. */
	r->ret = alloc_one(c->p, 4);
}

static void replay_with_changes(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *other = listen(test, c->p, IOASID_PRIO_CPU);
	struct rec *r = rec_new(test, IOASID_PRIO_LAST);
	int id;

	for (id = 1; id <= 3; id++)
		KUNIT_EXPECT_EQ(test, alloc_one(c->p, id), id);
	other->n = 0;
	r->hook = hook_during_replay;
	KUNIT_EXPECT_EQ(test, ioasid_register_notifier(c->p, &r->nb), 0);
	ioasid_set_flush(c->p);
	KUNIT_EXPECT_EQ(test, r->ret, 4);
	/* 1 may or may not have been heard of, but not by halves. */
	KUNIT_EXPECT_EQ(test, log_has(r, ALLOC, c->p, 1),
			log_has(r, FREE, c->p, 1));
	for (id = 2; id <= 3; id++) {
		KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->p, id));
		KUNIT_EXPECT_TRUE(test, log_has(r, FREE, c->p, id));
	}
	KUNIT_EXPECT_TRUE(test, log_has(r, ALLOC, c->p, 4));
	/* The other one hears what happened, and nothing of the walk. */
	KUNIT_EXPECT_EQ(test, other->n, 4);
	ioasid_unregister_notifier(c->p, &r->nb);
	ioasid_unregister_notifier(c->p, &other->nb);
}

struct late {
	struct rec *r;
	struct ioasid_set *set;
	struct completion done;
};

static int late_thread(void *data)
{
	struct late *late = data;

	late->r->ret = ioasid_register_notifier(late->set, &late->r->nb);
	complete(&late->done);
	return 0;
}

static void hook_block_alloc(struct rec *r, int event,
			     struct ioasid_nb_args *args)
{
	if (event != ALLOC)
		return;
	complete(&r->entered);
	wait_for_completion(&r->go);
}

static int alloc_thread(void *data)
{
	struct late *l = data;

	ioasid_alloc(l->set, 1, INVALID_IOASID, NULL, GFP_KERNEL);
	complete(&l->done);
	return 0;
}

/* A listener comes while the ALLOC, or the FREE, of an id is under way. */
static void replay_meets_delivery(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *slow = listen(test, c->p, IOASID_PRIO_CPU);
	struct late alloc = { .set = c->p }, late = { .set = c->p };

	init_completion(&alloc.done);
	init_completion(&late.done);
	slow->hook = hook_block_alloc;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(alloc_thread, &alloc,
						       "ioasid-alloc"));
	wait_for_completion(&slow->entered);
	late.r = rec_new(test, IOASID_PRIO_LAST);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(late_thread, &late,
						       "ioasid-late"));
	msleep(20);
	KUNIT_EXPECT_FALSE(test, completion_done(&late.done));
	complete(&slow->go);
	wait_for_completion(&late.done);
	wait_for_completion(&alloc.done);
	KUNIT_EXPECT_EQ(test, late.r->ret, 0);
	expect_log(test, late.r, ALLOC, 1, 0);
	ioasid_unregister_notifier(c->p, &late.r->nb);

	reinit_completion(&slow->entered);
	reinit_completion(&slow->go);
	reinit_completion(&late.done);
	slow->hook = hook_block_free;
	ioasid_free(c->p, 1);
	wait_for_completion(&slow->entered);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(late_thread, &late,
						       "ioasid-late"));
	msleep(20);
	complete(&slow->go);
	wait_for_completion(&late.done);
	ioasid_set_flush(c->p);
	/* Never heard of it, so not of its end either. */
	expect_log(test, late.r, 0);
	ioasid_unregister_notifier(c->p, &late.r->nb);
	ioasid_unregister_notifier(c->p, &slow->nb);
}

static void notify_set_put(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct rec *r = listen(test, NULL, IOASID_PRIO_LAST);
	struct ioasid_set *set;
	ioasid_t one, two;
	u64 num;

	r->n = 0;
	set = ioasid_set_create(&c->space, false, NULL, 2);
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

static struct kunit_case ioasid_notify_cases[] = {
	KUNIT_CASE(notify_once_per_transition),
	KUNIT_CASE(notify_free_ends_binding),
	KUNIT_CASE(notify_refusals_are_silent),
	KUNIT_CASE(notify_priorities),
	KUNIT_CASE(notify_register_refusals),
	KUNIT_CASE(notify_register_fails_without_memory),
	KUNIT_CASE(notify_free_holds_the_id),
	KUNIT_CASE(notify_free_in_order),
	KUNIT_CASE(notify_may_call_back),
	KUNIT_CASE(notify_set_put),
	KUNIT_CASE(replay_set),
	KUNIT_CASE(replay_global),
	KUNIT_CASE(replay_with_changes),
	KUNIT_CASE(replay_meets_delivery),
	{}
};

static struct kunit_suite ioasid_notify_suite = {
	.name = "ioasid-notify",
	.init = ioasid_test_init,
	.exit = ioasid_test_exit,
	.test_cases = ioasid_notify_cases,
};

kunit_test_suite(ioasid_notify_suite);
