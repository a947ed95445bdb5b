// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: spaces, limits, and what keeps sets in memory
 *
 * The system set is the host's own. It cannot be starved: it has no quota, the
 * numbers below the floor belong to it alone, and the user sets together get
 * at most half of the shared space. Ids of private sets take no number from
 * anybody, but memory: a limit holds over the ids of all user sets of both
 * kinds.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "ioasid_private.h"

/* Same name as if it were one file. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "ioasid."

struct ioasid_user_limit ioasid_user_limit = {
	.max = IOASID_CAPACITY_MAX,
};
module_param_named(user_max, ioasid_user_limit.max, uint, 0644);
MODULE_PARM_DESC(user_max,
		 "Number of ids that all user sets together may hold (default 1048576)");

struct ioasid_space ioasid_host_space = {
	.ids = XARRAY_INIT(ioasid_host_space.ids,
			   XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ),
	.capacity = IOASID_CAPACITY_MAX,
	.floor = IOASID_HOST_FLOOR,
	.user_cap = IOASID_CAPACITY_MAX / 2,
};

static LIST_HEAD(ioasid_sets);
static u64 ioasid_next_num;
static DEFINE_SPINLOCK(ioasid_sets_lock);

void ioasid_space_init(struct ioasid_space *space, u32 capacity, bool shared)
{
	xa_init_flags(&space->ids, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ |
				   XA_FLAGS_ACCOUNT);
	space->capacity = capacity;
	space->floor = shared ? min(IOASID_HOST_FLOOR, capacity / 2) : 1;
	space->user_cap = shared ? capacity / 2 : U32_MAX;
	space->user_ids = 0;
	space->next_low = 0;
	space->next_high = 0;
	space->parked = 0;
	space->reported = false;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_space_init);

VISIBLE_IF_KUNIT void ioasid_space_report(struct ioasid_space *space, u32 total)
{
	unsigned long flags;

	total = min(total, IOASID_CAPACITY_MAX);
	if (total < 2)
		return;

	xa_lock_irqsave(&space->ids, flags);
	if (!space->reported || total > space->capacity) {
		WRITE_ONCE(space->capacity, total);
		space->floor = min(IOASID_HOST_FLOOR, total / 2);
		space->user_cap = total / 2;
		space->reported = true;
	}
	xa_unlock_irqrestore(&space->ids, flags);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_space_report);

/**
 * ioasid_install_capacity() - Tell how many ids a device supports
 * @total: number of ids, id 0 included; less than 2 is ignored
 *
 * The shared space is as large as the most capable device needs, what a single
 * device can take is said in each allocation. Until the first report it has
 * the architectural size. Ids beyond a smaller first report stay valid.
 *
 * Context: Any context. Takes the id lock.
 */
void ioasid_install_capacity(ioasid_t total)
{
	ioasid_space_report(&ioasid_host_space, total);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_install_capacity);

/**
 * ioasid_get_capacity() - Number of ids of the shared space
 *
 * Context: Any context, lockless.
 * Return: the capacity; every id is below.
 */
ioasid_t ioasid_get_capacity(void)
{
	return READ_ONCE(ioasid_host_space.capacity);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_get_capacity);

static bool ioasid_limit_charge(struct ioasid_user_limit *limit)
{
	long ids = atomic_long_read(&limit->ids);

	do {
		if (ids >= READ_ONCE(limit->max))
			return false;
	} while (!atomic_long_try_cmpxchg(&limit->ids, &ids, ids + 1));
	return true;
}

/* Books one more id; what it books stays valid if the id lock is dropped. */
int ioasid_charge(struct ioasid_set *set)
{
	struct ioasid_user_limit *limit = set->limit;
	struct ioasid_space *space = set->space;

	lockdep_assert_held(&space->ids.xa_lock);

	if (set->used >= set->quota)
		return -EDQUOT;
	if (limit) {
		if (space->user_ids >= space->user_cap ||
		    !ioasid_limit_charge(limit))
			return -ENOSPC;
		space->user_ids++;
	}
	if (!set->used++)
		refcount_inc(&set->pins);
	return 0;
}

/* The set may be gone when the RCU read side section of the caller ends. */
void ioasid_uncharge(struct ioasid_set *set)
{
	lockdep_assert_held(&set->space->ids.xa_lock);

	if (set->limit) {
		set->space->user_ids--;
		atomic_long_dec(&set->limit->ids);
	}
	if (!--set->used)
		ioasid_set_unpin(set);
}

/* Gives a new set its number. */
void ioasid_set_list(struct ioasid_set *set)
{
	spin_lock_irq(&ioasid_sets_lock);
	set->num = ioasid_next_num++;
	list_add(&set->node, &ioasid_sets);
	spin_unlock_irq(&ioasid_sets_lock);
}

static void ioasid_set_free_rcu(struct rcu_head *rcu)
{
	struct ioasid_set *set = container_of(rcu, struct ioasid_set, rcu);

	/* No id is left, but a parked number may be. */
	if (set->space == &set->own_space)
		xa_destroy(&set->own_space.ids);
	kfree(set);
}

/*
 * Drops what keeps the set in the list. May be called with the id lock of the
 * set held: the memory stays for an RCU grace period.
 */
void ioasid_set_unpin(struct ioasid_set *set)
{
	unsigned long flags;
	bool gone;

	if (refcount_dec_not_one(&set->pins))
		return;
	spin_lock_irqsave(&ioasid_sets_lock, flags);
	gone = refcount_dec_and_test(&set->pins);
	if (gone)
		list_del(&set->node);
	spin_unlock_irqrestore(&ioasid_sets_lock, flags);
	if (!gone)
		return;
	/* Its notifier would have nobody to ask for its removal. */
	WARN_ON_ONCE(!list_empty(&set->notifiers.list));
	call_rcu(&set->rcu, ioasid_set_free_rcu);
}

/*
 * Walks all sets from the newest to the oldest, those included that have no
 * owner any more and wait for their ids. The walk pins the set it stands on
 * and holds no lock.
 */
struct ioasid_set *ioasid_set_next(struct ioasid_set *prev)
{
	struct list_head *pos = prev ? &prev->node : &ioasid_sets;
	struct ioasid_set *next = NULL, *set;

	spin_lock_irq(&ioasid_sets_lock);
	while ((pos = pos->next) != &ioasid_sets) {
		set = list_entry(pos, struct ioasid_set, node);
		if (refcount_inc_not_zero(&set->pins)) {
			next = set;
			break;
		}
	}
	spin_unlock_irq(&ioasid_sets_lock);
	if (prev)
		ioasid_set_unpin(prev);
	return next;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_set_next);
