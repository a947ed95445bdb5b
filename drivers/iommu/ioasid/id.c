// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: the life of an id
 *
 * An id is allocated from a set, ACTIVE until it is freed, FREE_PENDING until
 * every listener has heard of that and the last reference is gone, and only
 * then available to the next owner. Freeing never fails, never sleeps and
 * never waits for a user of the id; it only makes sure that no user is added.
 *
 * Look-ups are lockless: the space leads from the number to the id under RCU,
 * the id itself says who owns it. A number of another set looks exactly like
 * one that doesn't exist.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "ioasid_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

VISIBLE_IF_KUNIT struct ioasid_data *
ioasid_data_new(struct ioasid_set *set, void *private, gfp_t gfp)
{
	struct ioasid_data *data;

	KUNIT_STATIC_STUB_REDIRECT(ioasid_data_new, set, private, gfp);

	data = kzalloc(sizeof(*data), gfp);
	if (!data)
		return NULL;
	data->set = set;
	data->owner = set;
	data->spid = INVALID_IOASID;
	data->state = IOASID_STATE_ACTIVE;
	refcount_set(&data->refs, 1);
	RCU_INIT_POINTER(data->private, private);
	return data;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_data_new);

static void ioasid_set_state(struct ioasid_data *data, enum ioasid_state state)
{
	trace_ioasid_state(data, state);
	WRITE_ONCE(data->state, state);
}

/*
 * The id whatever its state, if it is one of @set. Caller holds the RCU read
 * lock or the id lock.
 */
static struct ioasid_data *ioasid_load(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data = xa_load(&set->space->ids, id);

	return data && data->set == set ? data : NULL;
}

/* The id, if it is a live one of @set. Lock as above. */
static struct ioasid_data *ioasid_load_live(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data = xa_load(&set->space->ids, id);

	return likely(data && READ_ONCE(data->owner) == set) ? data : NULL;
}

static bool ioasid_data_active(const struct ioasid_data *data)
{
	return READ_ONCE(data->state) == IOASID_STATE_ACTIVE;
}

static void ioasid_data_reclaim(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;

	ioasid_set_state(data, IOASID_STATE_IDLE);
	__xa_erase(&set->space->ids, data->id);
	list_del(&data->member);
	kfree_rcu(data, rcu);

	if (!set->host)
		set->space->user_ids--;
	if (!--set->used && set->dead)
		ioasid_set_idle(set);
}

/* Drops a reference under the id lock; true if the id is gone. */
bool ioasid_data_put_locked(struct ioasid_data *data)
{
	lockdep_assert_held(&ioasid_lock_of(data->set)->xa_lock);

	/* The last reference of a live id is the core's: only a free drops it. */
	if (WARN_ON_ONCE(ioasid_data_active(data) &&
			 refcount_read(&data->refs) == 1))
		return false;
	if (!refcount_dec_and_test(&data->refs))
		return false;
	ioasid_data_reclaim(data);
	return true;
}

/* Drops a reference in any context; true if the id is gone. */
bool ioasid_data_put(struct ioasid_data *data)
{
	struct xarray *ids = ioasid_lock_of(data->set);
	unsigned long flags;
	bool gone;

	if (refcount_dec_not_one(&data->refs))
		return false;
	xa_lock_irqsave(ids, flags);
	gone = ioasid_data_put_locked(data);
	xa_unlock_irqrestore(ids, flags);
	return gone;
}

/* Takes a reference to an id found under RCU, unless it was freed. */
VISIBLE_IF_KUNIT bool ioasid_data_tryget(struct ioasid_data *data)
{
	if (!refcount_inc_not_zero(&data->refs))
		return false;
	/*
	 * The id may have been freed since it was found. Looking again with
	 * the reference in hand makes the get happen either before the free or
	 * not at all.
	 */
	smp_mb__after_atomic();
	if (likely(ioasid_data_active(data)))
		return true;
	ioasid_data_put(data);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_data_tryget);

static struct ioasid_data *ioasid_data_get(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data;

	rcu_read_lock();
	data = ioasid_load_live(set, id);
	if (data && !ioasid_data_tryget(data))
		data = NULL;
	rcu_read_unlock();
	return data;
}

/*
 * Walks the ids of a set from the newest to the oldest, whatever their state.
 * The walk holds a reference to the id it stands on and no lock. What is
 * allocated meanwhile isn't visited, so every walk ends.
 */
struct ioasid_data *ioasid_next_member(struct ioasid_set *set,
				       struct ioasid_data *prev)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *next;
	unsigned long flags;

	xa_lock_irqsave(ids, flags);
	if (!prev) {
		next = list_first_entry_or_null(&set->members,
						struct ioasid_data, member);
	} else {
		next = list_is_last(&prev->member, &set->members) ?
			       NULL : list_next_entry(prev, member);
	}
	if (next)
		refcount_inc(&next->refs);
	if (prev)
		ioasid_data_put_locked(prev);
	xa_unlock_irqrestore(ids, flags);
	return next;
}

/* Books one more id; what it books stays valid if the id lock is dropped. */
static int ioasid_charge(struct ioasid_set *set)
{
	struct ioasid_space *space = set->space;

	if (set->used >= set->quota)
		return -EDQUOT;
	if (!set->host) {
		if (space->user_ids >= space->user_cap)
			return -ENOSPC;
		space->user_ids++;
	}
	set->used++;
	return 0;
}

static void ioasid_uncharge(struct ioasid_set *set)
{
	set->used--;
	if (!set->host)
		set->space->user_ids--;
}

/*
 * Ids that come and go one after the other never meet in an xarray node, so
 * each would allocate one and free it again. Keep the node of the latest id
 * with an entry that is there but counts as free.
 */
static void ioasid_keep_node(struct xarray *ids, struct ioasid_cursor *cursor,
			     ioasid_t id)
{
	ioasid_t node = id | XA_CHUNK_MASK;

	if (node == cursor->node)
		return;
	/* What isn't loaded is nobody's. */
	if (!xa_load(ids, cursor->node))
		__xa_erase(ids, cursor->node);
	if (!__xa_insert(ids, node, NULL, GFP_NOWAIT))
		__xa_set_mark(ids, node, XA_FREE_MARK);
	cursor->node = node;
}

/*
 * Puts the id at the first free number from the cursor on, wrapping around.
 * Who names one number chooses for himself, that must not steer where others
 * look next. May drop and retake the id lock.
 */
static int ioasid_insert(struct ioasid_data *data, ioasid_t min, ioasid_t max,
			 struct ioasid_cursor *cursor, gfp_t gfp)
{
	struct xarray *ids = ioasid_lock_of(data->set);
	struct xa_limit limit = XA_LIMIT(min, max);
	int ret;

	if (min > max)
		return -ENOSPC;
	if (min == max) {
		ret = __xa_alloc(ids, &data->id, data, limit, gfp);
	} else {
		ret = __xa_alloc_cyclic(ids, &data->id, data, limit,
					&cursor->next, gfp);
		if (ret >= 0)
			ioasid_keep_node(ids, cursor, data->id);
	}
	if (ret == -EBUSY)
		return -ENOSPC;
	return ret < 0 ? ret : 0;
}

/*
 * The host's own users fill the numbers below the floor first: a device that
 * is bound to the same process later may have few PASID bits.
 */
static int ioasid_choose(struct ioasid_data *data, ioasid_t min, ioasid_t max,
			 gfp_t gfp)
{
	struct ioasid_space *space = data->set->space;
	int ret;

	max = min(max, space->capacity - 1);
	if (data->set->host) {
		ret = ioasid_insert(data, min, min(max, space->floor - 1),
				    &space->low, gfp);
		if (ret != -ENOSPC)
			return ret;
	}
	return ioasid_insert(data, max(min, space->floor), max, &space->high,
			     gfp);
}

/**
 * ioasid_alloc() - Allocate an id from a set
 * @set: the set, the caller holds a reference to it
 * @min: lowest acceptable id, 1 or more
 * @max: highest acceptable id. What is beyond the capacity is cut off.
 * @private: private data of the id, may be NULL
 * @gfp: %GFP_KERNEL, or %GFP_KERNEL_ACCOUNT on behalf of user space
 *
 * Ids are handed out cyclically: one that was freed is the last to come back,
 * so that a late fault of its former owner doesn't meet a new one. A call with
 * @min equal to @max gets exactly this id or none.
 *
 * User sets of the shared space get no id below a floor that is kept for
 * devices with few PASID bits, and at most half of the space all together.
 *
 * The listeners have heard of %IOASID_NOTIFY_ALLOC when the call returns. The
 * caller owns the id; the core holds the reference that ioasid_free() drops.
 *
 * Context: Process context, may sleep. Takes the id lock.
 * Return: the id, or -EINVAL if @min is 0 or above @max, -EDQUOT if the set
 * has used up its quota, -ENOSPC if no id in the range is free, usable for the
 * set, or left for user sets, -ENOMEM.
 */
int ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max,
		 void *private, gfp_t gfp)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	bool deliver = false;
	int ret;

	if (!min || min > max)
		return -EINVAL;
	data = ioasid_data_new(set, private, gfp);
	if (!data)
		return -ENOMEM;

	xa_lock_irq(ids);
	ret = ioasid_charge(set);
	if (!ret) {
		ret = ioasid_choose(data, min, max, gfp);
		if (ret)
			ioasid_uncharge(set);
	}
	if (!ret) {
		data->seq = set->next_seq++;
		list_add(&data->member, &set->members);
		deliver = ioasid_post(data, IOASID_NOTIFY_ALLOC);
		ret = data->id;
	}
	trace_ioasid_alloc(set, min, max, ret);
	xa_unlock_irq(ids);

	if (ret < 0)
		kfree(data);
	else if (deliver)
		ioasid_deliver(data);
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_alloc);

static void ioasid_free_locked(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;

	lockdep_assert_held(&ioasid_lock_of(set)->xa_lock);

	if (!ioasid_data_active(data))
		return;
	trace_ioasid_free(data);
	ioasid_set_state(data, IOASID_STATE_FREE_PENDING);
	WRITE_ONCE(data->owner, NULL);
	if (data->bound) {
		WRITE_ONCE(data->bound, false);
		xa_erase(&set->spids, data->spid);
	}

	if (ioasid_post(data, IOASID_NOTIFY_FREE))
		ioasid_queue_free(data);
	else if (!data->busy)
		ioasid_data_put_locked(data);
}

/**
 * ioasid_free() - Free an id
 * @set: the set that owns the id
 * @id: the id
 *
 * From now on the id and its set-private id can't be found and no reference
 * can be taken. %IOASID_NOTIFY_FREE is delivered by a worker. The id counts
 * against the quota and isn't handed out again until all listeners have
 * returned and the last reference was put; ioasid_set_flush() waits for the
 * former. Freeing an id again while it waits has no effect.
 *
 * Private data stays with the id: readers that found it before may still use
 * it until an RCU grace period has passed.
 *
 * Context: Any context. Takes the id lock.
 * Return: 0, or -ENOENT if the set has no such id.
 */
int ioasid_free(struct ioasid_set *set, ioasid_t id)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	unsigned long flags;

	xa_lock_irqsave(ids, flags);
	data = ioasid_load(set, id);
	if (data)
		ioasid_free_locked(data);
	xa_unlock_irqrestore(ids, flags);
	return data ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(ioasid_free);

/**
 * ioasid_free_range() - Free those ids of a set that lie in a range
 * @set: the set
 * @min: lowest id
 * @max: highest id
 *
 * The cost is bound by the number of ids in the set, not by the range. Ids
 * that are allocated meanwhile may be left.
 *
 * Context: Process context, takes and drops the id lock for each id.
 */
void ioasid_free_range(struct ioasid_set *set, ioasid_t min, ioasid_t max)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data = NULL;

	while ((data = ioasid_next_member(set, data))) {
		if (data->id >= min && data->id <= max) {
			xa_lock_irq(ids);
			ioasid_free_locked(data);
			xa_unlock_irq(ids);
		}
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(ioasid_free_range);

/**
 * ioasid_get() - Take a reference to an id
 * @set: the set that owns the id
 * @id: the id
 *
 * As long as the reference is held the number isn't given to anybody else,
 * even if the owner frees it. That doesn't keep it usable: who holds a
 * reference listens to %IOASID_NOTIFY_FREE, stops its use and puts it.
 *
 * Context: Any context, lockless.
 * Return: 0, or -ENOENT if the set has no such id or it was freed.
 */
int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_data_get(set, id) ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(ioasid_get);

/**
 * ioasid_put() - Drop a reference to an id
 * @set: the set that owns the id
 * @id: the id
 *
 * Only for references of ioasid_get() and ioasid_find_by_spid(); what
 * ioasid_alloc() gave is returned by ioasid_free().
 *
 * Context: Any context. Takes the id lock for the last reference.
 * Return: true if the id has become available with this call.
 */
bool ioasid_put(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data;
	bool gone = false;

	rcu_read_lock();
	data = ioasid_load(set, id);
	if (data)
		gone = ioasid_data_put(data);
	rcu_read_unlock();
	return gone;
}
EXPORT_SYMBOL_GPL(ioasid_put);

/**
 * ioasid_find() - Find the private data of an id
 * @set: the set that owns the id
 * @id: the id
 * @getter: takes a reference to the private data and tells whether it could,
 *	or NULL. Called in an RCU read side section, must not sleep.
 *
 * Without @getter the result is only good inside the RCU read side section of
 * the caller. No reference to the id is taken.
 *
 * Context: Any context, lockless.
 * Return: the private data; NULL if there is none or @getter refused; -ENOENT
 * as an error pointer if the set has no such id or it was freed.
 */
void *ioasid_find(struct ioasid_set *set, ioasid_t id,
		  bool (*getter)(void *private))
{
	struct ioasid_data *data;
	void *private;

	rcu_read_lock();
	data = ioasid_load_live(set, id);
	if (unlikely(!data)) {
		private = ERR_PTR(-ENOENT);
	} else {
		private = rcu_dereference(data->private);
		if (getter && private && !getter(private))
			private = NULL;
	}
	rcu_read_unlock();
	return private;
}
EXPORT_SYMBOL_GPL(ioasid_find);

/**
 * ioasid_attach_data() - Give an id its private data
 * @set: the set that owns the id
 * @id: the id
 * @private: the data, not NULL
 *
 * Context: Any context. Takes the id lock.
 * Return: 0, or -EINVAL if @private is NULL, -ENOENT if the set has no such
 * id or it was freed, -EBUSY if it has data already.
 */
int ioasid_attach_data(struct ioasid_set *set, ioasid_t id, void *private)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	unsigned long flags;
	int ret = 0;

	if (!private)
		return -EINVAL;

	xa_lock_irqsave(ids, flags);
	data = ioasid_load_live(set, id);
	if (!data)
		ret = -ENOENT;
	else if (rcu_access_pointer(data->private))
		ret = -EBUSY;
	else
		rcu_assign_pointer(data->private, private);
	xa_unlock_irqrestore(ids, flags);
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_attach_data);

/**
 * ioasid_detach_data() - Take the private data of an id away
 * @set: the set that owns the id
 * @id: the id, which may have been freed already
 *
 * On return nobody who found the data with ioasid_find() is still in the RCU
 * read side section he found it in: the caller may free the data.
 *
 * Context: Process context, sleeps. Takes the id lock.
 */
void ioasid_detach_data(struct ioasid_set *set, ioasid_t id)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;

	xa_lock_irq(ids);
	data = ioasid_load(set, id);
	if (data)
		RCU_INIT_POINTER(data->private, NULL);
	xa_unlock_irq(ids);
	/* Readers of an id that is gone already may still be under way. */
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(ioasid_detach_data);

static int ioasid_bind_locked(struct ioasid_data *data, ioasid_t spid)
{
	if (!ioasid_data_active(data))
		return -ENOENT;
	/* One UNBIND on its way is as much as an id can remember. */
	if (data->bound || data->pending & BIT(IOASID_NOTIFY_UNBIND))
		return -EBUSY;
	WRITE_ONCE(data->spid, spid);
	WRITE_ONCE(data->bound, true);
	trace_ioasid_bind(data);
	return 0;
}

/* Allocates, hence not under the id lock; not found until it is bound. */
VISIBLE_IF_KUNIT int ioasid_reserve_spid(struct ioasid_data *data,
					 ioasid_t spid)
{
	KUNIT_STATIC_STUB_REDIRECT(ioasid_reserve_spid, data, spid);
	return xa_insert_irq(&data->set->spids, spid, data, GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_reserve_spid);

/**
 * ioasid_attach_spid() - Give an id its set-private id
 * @set: the set that owns the id
 * @id: the id
 * @spid: the number under which the owner of the set knows the id, for a
 *	guest its own PASID: 1 to %IOASID_CAPACITY_MAX - 1
 *
 * Different sets may use the same set-private ids. The listeners have heard of
 * %IOASID_NOTIFY_BIND when the call returns, unless another event of the id
 * was under way: then they hear of it right after that one.
 *
 * Context: Process context, may sleep. Takes the id lock.
 * Return: 0, or -EINVAL if @spid is 0 or too high, -ENOENT if the set has no
 * such id or it was freed, -EEXIST if the set uses @spid already, -EBUSY if
 * the id has a set-private id or listeners haven't heard of its end yet,
 * -ENOMEM.
 */
int ioasid_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_t spid)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	bool deliver = false;
	int ret;

	if (!spid || spid >= IOASID_CAPACITY_MAX)
		return -EINVAL;
	data = ioasid_data_get(set, id);
	if (!data)
		return -ENOENT;

	ret = ioasid_reserve_spid(data, spid);
	if (ret) {
		ioasid_data_put(data);
		return ret == -EBUSY ? -EEXIST : ret;
	}

	xa_lock_irq(ids);
	ret = ioasid_bind_locked(data, spid);
	if (!ret)
		deliver = ioasid_post(data, IOASID_NOTIFY_BIND);
	xa_unlock_irq(ids);

	if (ret)
		xa_erase_irq(&set->spids, spid);
	else if (deliver)
		ioasid_deliver(data);
	ioasid_data_put(data);
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_attach_spid);

/**
 * ioasid_detach_spid() - Take the set-private id of an id away
 * @set: the set that owns the id
 * @id: the id. If it doesn't exist or has no set-private id nothing happens.
 *
 * It can't be found any more on return. As to %IOASID_NOTIFY_UNBIND see
 * ioasid_attach_spid().
 *
 * Context: Process context, may sleep. Takes the id lock.
 */
void ioasid_detach_spid(struct ioasid_set *set, ioasid_t id)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	bool deliver = false;

	xa_lock_irq(ids);
	data = ioasid_load(set, id);
	if (data && data->bound) {
		trace_ioasid_unbind(data);
		WRITE_ONCE(data->bound, false);
		xa_erase(&set->spids, data->spid);
		deliver = ioasid_post(data, IOASID_NOTIFY_UNBIND);
		if (!(data->pending & BIT(IOASID_NOTIFY_UNBIND)))
			WRITE_ONCE(data->spid, INVALID_IOASID);
	}
	xa_unlock_irq(ids);
	if (deliver)
		ioasid_deliver(data);
}
EXPORT_SYMBOL_GPL(ioasid_detach_spid);

/**
 * ioasid_find_by_spid() - Find an id by its set-private id
 * @set: the set
 * @spid: the set-private id
 * @get: take a reference, which the caller drops with ioasid_put(). Without
 *	one the id may be freed, and given to somebody else, at any time.
 *
 * Context: Any context, lockless.
 * Return: the id, or -ENOENT if the set doesn't use @spid.
 */
int ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get)
{
	struct ioasid_data *data;
	int ret = -ENOENT;

	rcu_read_lock();
	data = xa_load(&set->spids, spid);
	if (data && READ_ONCE(data->bound) && READ_ONCE(data->spid) == spid &&
	    (!get || ioasid_data_tryget(data)))
		ret = data->id;
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_find_by_spid);

/**
 * ioasid_find_spid() - Find the set-private id of an id
 * @set: the set that owns the id
 * @id: the id
 *
 * Context: Any context, lockless.
 * Return: the set-private id, or -ENOENT if the set has no such id, it was
 * freed, or it has no set-private id.
 */
int ioasid_find_spid(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data;
	ioasid_t spid;
	int ret = -ENOENT;

	rcu_read_lock();
	data = ioasid_load(set, id);
	if (data && READ_ONCE(data->bound)) {
		spid = READ_ONCE(data->spid);
		if (spid != INVALID_IOASID)
			ret = spid;
	}
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(ioasid_find_spid);
