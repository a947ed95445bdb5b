// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: spaces and sets
 *
 * A set belongs to whoever created it; owning means holding a reference. The
 * last ioasid_set_put() frees all its ids, and the memory goes with the last
 * of them: an id keeps its set as long as somebody has a reference to the id.
 *
 * The system set is the host's own. It can't be starved: it has no quota, the
 * numbers below the floor belong to it alone, and the user sets together get
 * at most half of the shared space.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "ioasid_private.h"

/* Same name as if it were one file. */
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "ioasid."

static unsigned int ioasid_default_quota = 1000;
module_param_named(default_quota, ioasid_default_quota, uint, 0644);
MODULE_PARM_DESC(default_quota,
		 "Number of ids that a new set may hold (default 1000)");

struct ioasid_space ioasid_host_space = {
	.ids = XARRAY_INIT(ioasid_host_space.ids,
			   XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ),
	.capacity = IOASID_CAPACITY_MAX,
	.floor = IOASID_HOST_FLOOR,
	.user_cap = IOASID_CAPACITY_MAX / 2,
};

/* Taken inside the id lock, which is the lock of an xarray as well. */
static struct lock_class_key ioasid_spids_key;

static struct list_head ioasid_sets;

/* Static, and never put: usable before any initcall. */
static struct ioasid_set ioasid_host_set = {
	.space = &ioasid_host_space,
	.spids = XARRAY_INIT(ioasid_host_set.spids, XA_FLAGS_LOCK_IRQ),
	.members = LIST_HEAD_INIT(ioasid_host_set.members),
	.quota = UINT_MAX,
	.host = true,
	.refs = REFCOUNT_INIT(1),
	.pins = REFCOUNT_INIT(1),
	.node = LIST_HEAD_INIT(ioasid_sets),
	.listeners = LIST_HEAD_INIT(ioasid_host_set.listeners),
	.owner_comm = "kernel",
};

static struct list_head ioasid_sets = LIST_HEAD_INIT(ioasid_host_set.node);
static u64 ioasid_next_num = 1;
DEFINE_SPINLOCK(ioasid_sets_lock);

/* Number of the next set. Caller holds ioasid_sets_lock. */
u64 ioasid_sets_next_num(void)
{
	lockdep_assert_held(&ioasid_sets_lock);
	return ioasid_next_num;
}

VISIBLE_IF_KUNIT void ioasid_space_init(struct ioasid_space *space,
					u32 capacity, bool shared)
{
	xa_init_flags(&space->ids, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ |
				   XA_FLAGS_ACCOUNT);
	space->capacity = capacity;
	space->floor = shared ? min(IOASID_HOST_FLOOR, capacity / 2) : 1;
	space->user_cap = shared ? capacity / 2 : U32_MAX;
	space->user_ids = 0;
	space->high = (struct ioasid_cursor){};
	space->low = (struct ioasid_cursor){};
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
		space->capacity = total;
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
EXPORT_SYMBOL_GPL(ioasid_install_capacity);

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
EXPORT_SYMBOL_GPL(ioasid_get_capacity);

/**
 * ioasid_system_set() - The set of the host's own users
 *
 * It is SHARED, has no quota and always exists.
 *
 * Context: Any context.
 * Return: the set, without a reference.
 */
struct ioasid_set *ioasid_system_set(void)
{
	return &ioasid_host_set;
}
EXPORT_SYMBOL_GPL(ioasid_system_set);

VISIBLE_IF_KUNIT struct ioasid_set *ioasid_set_new(void)
{
	KUNIT_STATIC_STUB_REDIRECT(ioasid_set_new);
	return kzalloc(sizeof(struct ioasid_set), GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_set_new);

/* Creates a set in @space, or in one of its own if that is NULL. */
VISIBLE_IF_KUNIT struct ioasid_set *
ioasid_set_create(struct ioasid_space *space, bool host,
		  struct mm_struct *token, unsigned int quota)
{
	struct ioasid_set *set;

	set = ioasid_set_new();
	if (!set)
		return ERR_PTR(-ENOMEM);

	if (!space) {
		space = &set->own_space;
		ioasid_space_init(space, ioasid_get_capacity(), false);
	}
	set->space = space;
	set->host = host;
	set->quota = quota;
	xa_init_flags(&set->spids, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	lockdep_set_class(&set->spids.xa_lock, &ioasid_spids_key);
	INIT_LIST_HEAD(&set->members);
	INIT_LIST_HEAD(&set->listeners);
	refcount_set(&set->refs, 1);
	refcount_set(&set->pins, 1);
	if (token)
		mmgrab(token);
	set->token = token;
	set->owner_pid = task_tgid_nr(current);
	get_task_comm(set->owner_comm, current);

	spin_lock_irq(&ioasid_sets_lock);
	set->num = ioasid_next_num++;
	list_add(&set->node, &ioasid_sets);
	spin_unlock_irq(&ioasid_sets_lock);
	return set;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_set_create);

/**
 * ioasid_set_alloc() - Create a set
 * @token: mm under which in-kernel partners find the set, or NULL. The set
 *	pins the structure, not the address space. Several sets may have the
 *	same token.
 * @quota: number of ids that the set may hold, or %IOASID_QUOTA_DEFAULT
 * @scope: where the ids are unique
 *
 * The caller owns the set and gives it up with ioasid_set_put(). Who passes a
 * quota on behalf of user space has checked that the user may have it.
 *
 * Context: Process context, may sleep.
 * Return: the set, or an error pointer: -EINVAL if @scope is unknown, -ENOMEM.
 */
struct ioasid_set *ioasid_set_alloc(struct mm_struct *token,
				    unsigned int quota,
				    enum ioasid_set_scope scope)
{
	struct ioasid_space *space;

	switch (scope) {
	case IOASID_SET_SHARED:
		space = &ioasid_host_space;
		break;
	case IOASID_SET_PRIVATE:
		space = NULL;
		break;
	default:
		return ERR_PTR(-EINVAL);
	}
	if (quota == IOASID_QUOTA_DEFAULT)
		quota = READ_ONCE(ioasid_default_quota);
	return ioasid_set_create(space, false, token, quota);
}
EXPORT_SYMBOL_GPL(ioasid_set_alloc);

/**
 * ioasid_set_get() - Take a reference to a set
 * @set: the set, the caller has a reference already
 *
 * Context: Any context.
 */
void ioasid_set_get(struct ioasid_set *set)
{
	refcount_inc(&set->refs);
}
EXPORT_SYMBOL_GPL(ioasid_set_get);

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
	/* Its listener would have nobody to ask for its removal. */
	WARN_ON_ONCE(!list_empty(&set->listeners));
	kfree_rcu(set, rcu);
}

/*
 * The set is dead and has no id, nor will it have one. Caller holds the id
 * lock.
 */
void ioasid_set_idle(struct ioasid_set *set)
{
	struct ioasid_space *space = set->space;

	lockdep_assert_held(&space->ids.xa_lock);

	/* All that is left are nodes kept for ids to come. */
	if (space == &set->own_space) {
		__xa_erase(&space->ids, space->high.node);
		__xa_erase(&space->ids, space->low.node);
	}
	ioasid_set_unpin(set);
}

/*
 * Walks all sets from the newest to the oldest, dead ones that wait for their
 * ids included. The walk pins the set it stands on and holds no lock.
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

/**
 * ioasid_set_put() - Drop a reference to a set
 * @set: the set, may be NULL
 *
 * The last reference frees all ids of the set. Ids that somebody still has a
 * reference to keep the structure alive, ioasid_put() may be called on them.
 * Listeners of the set have been unregistered before.
 *
 * Context: Process context. Takes the id lock.
 */
void ioasid_set_put(struct ioasid_set *set)
{
	struct mm_struct *token;

	if (!set || !refcount_dec_and_test(&set->refs))
		return;

	ioasid_free_all_in_set(set);

	token = set->token;
	rcu_read_lock();
	xa_lock_irq(ioasid_lock_of(set));
	set->dead = true;
	if (!set->used)
		ioasid_set_idle(set);
	xa_unlock_irq(ioasid_lock_of(set));
	rcu_read_unlock();

	/* May free a PASID of the mm, hence not under the id lock. */
	if (token)
		mmdrop(token);
}
EXPORT_SYMBOL_GPL(ioasid_set_put);

/**
 * ioasid_find_mm_set() - Find the sets that were created with a token
 * @token: the mm; NULL finds nothing
 * @from: where to go on, or NULL for the first one. Its reference is dropped.
 *
 * The newest set comes first. A loop that isn't run to its end drops the
 * reference to the last set with ioasid_set_put().
 *
 * Context: Process context, may sleep.
 * Return: the next set with a reference, or NULL.
 */
struct ioasid_set *ioasid_find_mm_set(struct mm_struct *token,
				      struct ioasid_set *from)
{
	struct ioasid_set *set = from;

	if (from)
		refcount_inc(&from->pins);
	while ((set = ioasid_set_next(set))) {
		if (token && set->token == token &&
		    refcount_inc_not_zero(&set->refs)) {
			ioasid_set_unpin(set);
			break;
		}
	}
	ioasid_set_put(from);
	return set;
}
EXPORT_SYMBOL_GPL(ioasid_find_mm_set);

/**
 * ioasid_adjust_set() - Change the quota of a set
 * @set: the set, not the system set
 * @quota: new number of ids that the set may hold, 1 or more
 *
 * Who calls it on behalf of user space has checked that the user may.
 *
 * Context: Process context. Takes the id lock.
 * Return: 0, or -EINVAL if @quota is 0 or the set has none, -EBUSY if the set
 * holds more ids than that.
 */
int ioasid_adjust_set(struct ioasid_set *set, unsigned int quota)
{
	int ret = 0;

	if (!quota || set->host)
		return -EINVAL;

	xa_lock_irq(ioasid_lock_of(set));
	if (quota < set->used)
		ret = -EBUSY;
	else
		set->quota = quota;
	xa_unlock_irq(ioasid_lock_of(set));
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_adjust_set);

/**
 * ioasid_set_get_info() - Read quota, use and limits of a set
 * @set: the set
 * @info: where to
 *
 * Context: Process context. Takes the id lock.
 */
void ioasid_set_get_info(struct ioasid_set *set, struct ioasid_set_info *info)
{
	struct ioasid_space *space = set->space;

	xa_lock_irq(&space->ids);
	*info = (struct ioasid_set_info){
		.quota = set->quota,
		.used = set->used,
		.min = set->host ? 1 : space->floor,
		.max = space->capacity - 1,
	};
	xa_unlock_irq(&space->ids);
}
EXPORT_SYMBOL_GPL(ioasid_set_get_info);

/**
 * ioasid_set_for_each_ioasid() - Call a function for each live id of a set
 * @set: the set
 * @fn: called with the id and @data, no lock held. May sleep and may call any
 *	function of this interface. The id stays taken until it returns.
 * @data: passed to @fn
 *
 * The newest id comes first. Ids that are allocated meanwhile aren't visited.
 *
 * Context: Process context, may sleep. Takes and drops the id lock.
 */
void ioasid_set_for_each_ioasid(struct ioasid_set *set,
				void (*fn)(ioasid_t id, void *data),
				void *data)
{
	struct ioasid_data *pos = NULL;

	while ((pos = ioasid_next_member(set, pos))) {
		if (READ_ONCE(pos->state) == IOASID_STATE_ACTIVE)
			fn(pos->id, data);
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(ioasid_set_for_each_ioasid);
