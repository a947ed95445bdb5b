// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: sets, as their owners see them
 *
 * A set belongs to its creator; owning means holding a reference. The last
 * ioasid_set_put() frees all ids of the set, and the memory goes with the last
 * of them: an id keeps its set as long as somebody has a reference to the id.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
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

/* Taken inside the id lock, which is the lock of an xarray as well. */
static struct lock_class_key ioasid_spids_key;

/* Static, and never put: usable before any initcall. */
static struct ioasid_set ioasid_host_set = {
	.space = &ioasid_host_space,
	.spids = XARRAY_INIT(ioasid_host_set.spids, XA_FLAGS_LOCK_IRQ),
	.members = HLIST_HEAD_INIT,
	.quota = UINT_MAX,
	.refs = REFCOUNT_INIT(1),
	.pins = REFCOUNT_INIT(1),
	.notifiers.lock = __SPIN_LOCK_UNLOCKED(ioasid_host_set.notifiers.lock),
	.notifiers.list = LIST_HEAD_INIT(ioasid_host_set.notifiers.list),
	.freed = LLIST_HEAD_INIT(ioasid_host_set.freed),
	.free_work = __WORK_INITIALIZER(ioasid_host_set.free_work,
					ioasid_free_worker),
	.waitq = __WAIT_QUEUE_HEAD_INITIALIZER(ioasid_host_set.waitq),
	.owner_comm = "kernel",
};

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

/*
 * Creates a set in @space, or in one of its own if that is NULL. It shares
 * @limit with others, or is the host's if that is NULL.
 */
VISIBLE_IF_KUNIT struct ioasid_set *
ioasid_set_create(struct ioasid_space *space, struct ioasid_user_limit *limit,
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
	set->limit = limit;
	set->quota = quota;
	xa_init_flags(&set->spids, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	lockdep_set_class(&set->spids.xa_lock, &ioasid_spids_key);
	INIT_HLIST_HEAD(&set->members);
	spin_lock_init(&set->notifiers.lock);
	INIT_LIST_HEAD(&set->notifiers.list);
	init_llist_head(&set->freed);
	INIT_WORK(&set->free_work, ioasid_free_worker);
	init_waitqueue_head(&set->waitq);
	refcount_set(&set->refs, 1);
	refcount_set(&set->pins, 1);
	if (token)
		mmgrab(token);
	set->token = token;
	set->owner_pid = task_tgid_nr(current);
	get_task_comm(set->owner_comm, current);
	ioasid_set_list(set);
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
	return ioasid_set_create(space, &ioasid_user_limit, token, quota);
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
EXPORT_SYMBOL_IF_KUNIT(ioasid_set_get);

/**
 * ioasid_set_put() - Drop a reference to a set
 * @set: the set, may be NULL
 *
 * The last reference frees all ids of the set. Ids that somebody still has a
 * reference to keep the structure alive, ioasid_put() may be called on them.
 * Notifiers of the set have been unregistered before.
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
	ioasid_set_unpin(set);

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
 * The newest set comes first. A loop that is not run to its end drops the
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
EXPORT_SYMBOL_IF_KUNIT(ioasid_find_mm_set);

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

	if (!quota || !set->limit)
		return -EINVAL;

	xa_lock_irq(ioasid_lock_of(set));
	if (quota < set->used)
		ret = -EBUSY;
	else
		set->quota = quota;
	xa_unlock_irq(ioasid_lock_of(set));
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_adjust_set);

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
		.min = set->limit ? space->floor : 1,
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
 * The newest id comes first. Ids that are allocated meanwhile are not visited.
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
EXPORT_SYMBOL_IF_KUNIT(ioasid_set_for_each_ioasid);

/**
 * ioasid_set_flush() - Wait until the FREE events of a set are delivered
 * @set: the set, the caller holds a reference to it
 *
 * After that ids which were freed before the call are available again, unless
 * somebody has a reference to them. Nothing that is freed after the call, and
 * nothing of another set, is waited for.
 *
 * Context: Process context, sleeps. The caller must neither hold a lock that
 * any notifier of the set takes nor be such a notifier.
 */
void ioasid_set_flush(struct ioasid_set *set)
{
	unsigned long due;

	xa_lock_irq(ioasid_lock_of(set));
	due = set->free_due;
	xa_unlock_irq(ioasid_lock_of(set));
	wait_event(set->waitq, (long)(READ_ONCE(set->free_done) - due) >= 0);
}
EXPORT_SYMBOL_GPL(ioasid_set_flush);

static int __init ioasid_set_initcall(void)
{
	ioasid_set_list(&ioasid_host_set);
	return 0;
}
core_initcall(ioasid_set_initcall);
