// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOASID core: threads against each other
 *
 * A fixed number of rounds with fixed seeds. What the threads do to each other
 * depends on the machine; that nothing leaks and that each notifier hears a
 * consistent story does not.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/prandom.h>

#include "ioasid_kunit.h"

#define RACE_THREADS	4
#define RACE_ROUNDS	2000
#define RACE_IDS	16

/* What one notifier believes; any two events of an id come one after another. */
struct model {
	struct notifier_block nb;
	DECLARE_BITMAP(known, SPACE_SIZE);
	DECLARE_BITMAP(bound, SPACE_SIZE);
	bool late;
	atomic_t errors;
	atomic_t events;
};

static int model_call(struct notifier_block *nb, unsigned long event, void *data)
{
	struct model *m = container_of(nb, struct model, nb);
	struct ioasid_nb_args *args = data;
	ioasid_t id = args->id;
	bool ok = false;

	switch (event) {
	case ALLOC:
		ok = !test_and_set_bit(id, m->known);
		break;
	case BIND:
		ok = test_bit(id, m->known) && !test_and_set_bit(id, m->bound) &&
		     args->spid != INVALID_IOASID;
		break;
	case UNBIND:
		ok = test_bit(id, m->known) &&
		     test_and_clear_bit(id, m->bound) &&
		     args->spid != INVALID_IOASID;
		break;
	case FREE:
		ok = test_and_clear_bit(id, m->known) &&
		     test_and_clear_bit(id, m->bound) ==
			     (args->spid != INVALID_IOASID);
		break;
	}
	/* Who comes late hears the middle of some stories. */
	if (!ok && !m->late)
		atomic_inc(&m->errors);
	atomic_inc(&m->events);
	/* A notifier may sleep, and who sleeps lets others race. */
	if (atomic_read(&m->events) % 64 == 0)
		usleep_range(1000, 2000);
	else
		cond_resched();
	return NOTIFY_OK;
}

struct racer {
	struct ioasid_set *set;
	struct completion done;
	struct rnd_state rnd;
	atomic_t errors;
	int allocs;
};

static void race_step(struct racer *r, ioasid_t *slot)
{
	struct ioasid_set *set = r->set;
	u32 dice = prandom_u32_state(&r->rnd);
	int ret;

	if (!*slot) {
		ret = ioasid_alloc(set, 1, INVALID_IOASID, r, GFP_KERNEL);
		if (ret > 0) {
			*slot = ret;
			r->allocs++;
		} else if (ret == -EDQUOT) {
			ioasid_set_flush(set);
		} else {
			atomic_inc(&r->errors);
		}
		return;
	}
	switch (dice % 6) {
	case 0:
		ioasid_free(set, *slot);
		*slot = 0;
		break;
	case 1:
		ioasid_attach_spid(set, *slot, 1 + (dice >> 8) % RACE_IDS);
		break;
	case 2:
		ioasid_detach_spid(set, *slot);
		break;
	case 3:
		/* Of another thread, which frees it or has it bound. */
		ret = ioasid_find_by_spid(set, 1 + (dice >> 8) % RACE_IDS, true);
		if (ret > 0) {
			cond_resched();
			ioasid_put(set, ret);
		}
		break;
	case 4:
		ret = SPACE_FLOOR + (dice >> 8) % (2 * QUOTA);
		if (!ioasid_get(set, ret)) {
			if (dice & BIT(30))
				ioasid_free(set, ret);
			ioasid_put(set, ret);
		}
		break;
	case 5:
		if (!ioasid_find(set, *slot, NULL))
			atomic_inc(&r->errors);
		break;
	}
	/* Every so often somebody else than us has freed it. */
	if (*slot && !is_live(set, *slot))
		*slot = 0;
}

static int race_thread(void *data)
{
	struct racer *r = data;
	ioasid_t slots[RACE_IDS] = {};
	int i;

	for (i = 0; i < RACE_ROUNDS; i++) {
		race_step(r, &slots[prandom_u32_state(&r->rnd) % RACE_IDS]);
		if (i % 16 == 0)
			cond_resched();
	}
	for (i = 0; i < RACE_IDS; i++)
		if (slots[i])
			ioasid_free(r->set, slots[i]);
	complete(&r->done);
	return 0;
}

static struct model *model_new(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->nb.notifier_call = model_call;
	m->nb.priority = IOASID_PRIO_IOMMU;
	return m;
}

static void start_racers(struct kunit *test, struct racer *racers,
			 struct ioasid_set *set)
{
	int i;

	for (i = 0; i < RACE_THREADS; i++) {
		racers[i].set = set;
		init_completion(&racers[i].done);
		prandom_seed_state(&racers[i].rnd, 1000 + i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test,
					     kthread_run(race_thread, &racers[i],
							 "ioasid-race"));
	}
}

static void join_racers(struct kunit *test, struct racer *racers)
{
	int i;

	for (i = 0; i < RACE_THREADS; i++) {
		wait_for_completion(&racers[i].done);
		KUNIT_EXPECT_EQ(test, atomic_read(&racers[i].errors), 0);
		KUNIT_EXPECT_GT(test, racers[i].allocs, 0);
	}
}

/* Threads against each other, no notifier. */
static void race_quiet(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct racer *racers;

	racers = kunit_kcalloc(test, RACE_THREADS, sizeof(*racers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, racers);
	start_racers(test, racers, c->a);
	join_racers(test, racers);
	ioasid_free_all_in_set(c->a);
	KUNIT_EXPECT_EQ(test, used(c->a), 0);
}

/*
 * The same with notifiers: of the set from the beginning to the end, of all
 * sets come and go.
 */
static void race_notifiers(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct model *set = model_new(test), *all = model_new(test);
	struct racer *racers;
	int i;

	racers = kunit_kcalloc(test, RACE_THREADS, sizeof(*racers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, racers);
	KUNIT_EXPECT_EQ(test, hear_all(c->a, &set->nb), 0);
	start_racers(test, racers, c->a);
	all->late = true;
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, hear_all(NULL, &all->nb), 0);
		usleep_range(1000, 2000);
		ioasid_unregister_notifier(NULL, &all->nb);
	}
	join_racers(test, racers);

	/* It agrees with the core, first about what is left, ... */
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_EQ(test, bitmap_weight(set->known, SPACE_SIZE),
			used(c->a));
	/* ... then that nothing is. */
	ioasid_free_all_in_set(c->a);
	ioasid_set_flush(c->a);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(set->known, SPACE_SIZE));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(set->bound, SPACE_SIZE));
	KUNIT_EXPECT_EQ(test, atomic_read(&set->errors), 0);
	ioasid_unregister_notifier(c->a, &set->nb);
}

/* Notifiers of one set leave one by one while events are delivered. */
static void race_unregister(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct model *m[8];
	struct racer *racers;
	int i, events;

	racers = kunit_kcalloc(test, RACE_THREADS, sizeof(*racers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, racers);
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		m[i] = model_new(test);
		KUNIT_EXPECT_EQ(test, hear_all(c->a, &m[i]->nb), 0);
	}
	start_racers(test, racers, c->a);
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		while (!atomic_read(&m[i]->events))
			usleep_range(1000, 2000);
		ioasid_unregister_notifier(c->a, &m[i]->nb);
		events = atomic_read(&m[i]->events);
		usleep_range(1000, 2000);
		KUNIT_EXPECT_EQ(test, atomic_read(&m[i]->events), events);
		KUNIT_EXPECT_EQ(test, atomic_read(&m[i]->errors), 0);
		/* Nobody has it any more. */
		memset(m[i], 0xff, sizeof(*m[i]));
	}
	join_racers(test, racers);
	ioasid_free_all_in_set(c->a);
	ioasid_set_flush(c->a);
}

static int put_thread(void *data)
{
	struct racer *r = data;

	r->allocs = 1;
	ioasid_set_put(r->set);
	complete(&r->done);
	return 0;
}

/* The last reference of a set, whose FREE events come later, against a walk. */
static void race_set_put(struct kunit *test)
{
	struct ioasid_ctx *c = test->priv;
	struct model *m = model_new(test);
	int i;

	KUNIT_EXPECT_EQ(test, hear_all(NULL, &m->nb), 0);
	for (i = 0; i < 50; i++) {
		struct racer r = {};
		u64 num;

		init_completion(&r.done);
		r.set = ioasid_set_create(&c->space, &c->limit, NULL, 8);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r.set);
		num = r.set->num;
		get_id(test, r.set);
		get_id(test, r.set);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(put_thread, &r,
							       "ioasid-put"));
		while (ioasid_test_set_listed(num))
			cond_resched();
		wait_for_completion(&r.done);
		KUNIT_EXPECT_EQ(test, c->space.user_ids, 0);
		KUNIT_EXPECT_TRUE(test, bitmap_empty(m->known, SPACE_SIZE));
	}
	ioasid_unregister_notifier(NULL, &m->nb);
	KUNIT_EXPECT_EQ(test, atomic_read(&m->errors), 0);
}

static struct kunit_case ioasid_race_cases[] = {
	KUNIT_CASE_SLOW(race_quiet),
	KUNIT_CASE_SLOW(race_notifiers),
	KUNIT_CASE_SLOW(race_unregister),
	KUNIT_CASE_SLOW(race_set_put),
	{}
};

static struct kunit_suite ioasid_race_suite = {
	.name = "ioasid-race",
	.init = ioasid_test_init,
	.exit = ioasid_test_exit,
	.test_cases = ioasid_race_cases,
};

kunit_test_suite(ioasid_race_suite);
