// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: the life of an id
 *
 * An id is allocated from a set, ACTIVE until it is freed, FREE_PENDING until
 * every notifier has heard of that and the last reference is gone, and only
 * then available to the next owner. Freeing never fails, never sleeps and
 * never waits for a user of the id; it only makes sure that no user is added.
 *
 * Look-ups are lockless: the space leads from the number to the id under RCU,
 * the id itself says who owns it. A number of another set looks exactly like
 * one that does not exist.
 *
 * A transition and its event are two things. The transition happens under the
 * id lock, which also notes what is to be said about it. Notifiers are called
 * without any lock of the core. What keeps order is ioasid_data::busy: who
 * sets it is the only one to speak about this id until it is cleared, and says
 * all that was noted meanwhile. For each id a notifier therefore hears
 *
 *	ALLOC, any number of (BIND, UNBIND), at last FREE
 *
 * each exactly once, and never two of them at the same time. Since an
 * attachment is refused while an UNBIND is noted, one bit per event is enough.
 *
 * FREE comes from a worker of the set, in order of the frees, when nobody is
 * busy with the id any more. After that the core's reference is dropped: this
 * is the reference that each event carries.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "ioasid_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct ioasid_data *ioasid_data_new(struct ioasid_set *set,
					   void *private, gfp_t gfp)
{
	struct ioasid_data *data = kmalloc(sizeof(*data), gfp);

	if (!data)
		return NULL;
	*data = (struct ioasid_data) {
		.spid = INVALID_IOASID,
		.refs = REFCOUNT_INIT(1),
		.state = IOASID_STATE_ACTIVE,
		.set = set,
		.private = RCU_INITIALIZER(private),
	};
	return data;
}

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

	RCU_LOCKDEP_WARN(!rcu_read_lock_held() &&
			 !lockdep_is_held(&ioasid_lock_of(set)->xa_lock),
			 "an id that may go");
	return data && data->set == set ? data : NULL;
}

static bool ioasid_data_active(const struct ioasid_data *data)
{
	return READ_ONCE(data->state) == IOASID_STATE_ACTIVE;
}

/* The id, if it is a live one of @set. Lock as above. */
static struct ioasid_data *ioasid_load_live(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_data *data = ioasid_load(set, id);

	return data && ioasid_data_active(data) ? data : NULL;
}

/*
 * The index of set-private ids has those that are another number than their id:
 * owners that use one number for both, as most guests do, need none.
 */
static bool ioasid_spid_is_indexed(ioasid_t id, ioasid_t spid)
{
	return id != spid;
}

static bool ioasid_has_spid(const struct ioasid_data *data, ioasid_t spid)
{
	return data && READ_ONCE(data->bound) && READ_ONCE(data->spid) == spid;
}

/* The id that @spid is attached to. Lock as above. */
static struct ioasid_data *ioasid_load_spid(struct ioasid_set *set, ioasid_t spid)
{
	struct ioasid_data *data;

	if (!xa_empty(&set->spids)) {
		data = xa_load(&set->spids, spid);
		/* It may be on its way to be attached. */
		if (ioasid_has_spid(data, spid))
			return data;
	}
	data = ioasid_load(set, spid);
	return ioasid_has_spid(data, spid) ? data : NULL;
}

/* Caller holds the id lock. */
static void ioasid_unbind_locked(struct ioasid_data *data)
{
	WRITE_ONCE(data->bound, false);
	if (ioasid_spid_is_indexed(data->id, data->spid))
		xa_erase(&data->set->spids, data->spid);
}

/*
 * Makes a number available. Ids that come and go one after the other seldom
 * meet in a node of the xarray, so each would allocate one and free it again.
 * Therefore the number that was released last stays reserved, and its node with
 * it, until one of another node is released or nothing else is left.
 */
static void ioasid_release(struct ioasid_space *space, ioasid_t id)
{
	ioasid_t old = space->parked;

	if (old && old / XA_CHUNK_SIZE == id / XA_CHUNK_SIZE) {
		__xa_erase(&space->ids, id);
		return;
	}
	__xa_store(&space->ids, id, NULL, 0);
	if (old)
		__xa_erase(&space->ids, old);
	space->parked = id;
}

/* True if that makes a number available that is wanted. */
static bool ioasid_unpark(struct ioasid_space *space, struct xa_limit want)
{
	ioasid_t id = space->parked;

	/* None is parked at 0, which is never wanted. */
	if (id < want.min || id > want.max)
		return false;
	__xa_erase(&space->ids, id);
	space->parked = 0;
	return true;
}

/*
 * Drops a reference under the id lock; true if the id is gone. Then the set may
 * be gone, too, when the RCU read side section of the caller ends.
 */
static bool ioasid_data_put_locked(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;

	lockdep_assert_held(&ioasid_lock_of(set)->xa_lock);

	/* The last reference of a live id is the core's: only a free drops it. */
	if (WARN_ON_ONCE(ioasid_data_active(data) &&
			 refcount_read(&data->refs) == 1))
		return false;
	if (!refcount_dec_and_test(&data->refs))
		return false;

	ioasid_set_state(data, IOASID_STATE_IDLE);
	ioasid_release(set->space, data->id);
	hlist_del(&data->member);
	kfree_rcu(data, rcu);
	ioasid_uncharge(set);
	return true;
}

/* Drops a reference in any context; true if the id is gone. */
static bool ioasid_data_put(struct ioasid_data *data)
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
 * allocated meanwhile is not visited, so every walk ends.
 */
struct ioasid_data *ioasid_next_member(struct ioasid_set *set,
				       struct ioasid_data *prev)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *next;
	unsigned long flags;

	xa_lock_irqsave(ids, flags);
	next = hlist_entry_safe(prev ? prev->member.next : set->members.first,
				struct ioasid_data, member);
	if (next)
		refcount_inc(&next->refs);
	if (prev)
		ioasid_data_put_locked(prev);
	xa_unlock_irqrestore(ids, flags);
	return next;
}

/*
 * Puts the id at a free number that is both wanted and in this part of the
 * space. Who wants all of the part looks from @next on, like everybody else
 * who does. A request for less must not steer where others look: a range is
 * looked through from where the set's own last one ended, and one number is
 * that number. May drop and retake the id lock.
 */
static int ioasid_insert(struct ioasid_data *data, struct xa_limit want,
			 struct xa_limit part, u32 *next, gfp_t gfp)
{
	struct xarray *ids = ioasid_lock_of(data->set);
	struct xa_limit limit = XA_LIMIT(max(want.min, part.min),
					 min(want.max, part.max));
	int ret;

	if (limit.min > limit.max)
		return -ENOSPC;
	if (limit.min != part.min || limit.max != part.max)
		next = &data->set->next;
	do {
		if (limit.min == limit.max)
			ret = __xa_alloc(ids, &data->id, data, limit, gfp);
		else
			ret = __xa_alloc_cyclic(ids, &data->id, data, limit,
						next, gfp);
	} while (ret == -EBUSY && ioasid_unpark(data->set->space, limit));
	if (ret == -EBUSY)
		return -ENOSPC;
	return min(ret, 0);
}

/*
 * The host's own users fill the numbers below the floor first: a device that
 * is bound to the same process later may have few PASID bits.
 */
static int ioasid_choose(struct ioasid_data *data, struct xa_limit want,
			 gfp_t gfp)
{
	struct ioasid_space *space = data->set->space;
	struct xa_limit low = XA_LIMIT(1, space->floor - 1);
	struct xa_limit high = XA_LIMIT(space->floor, space->capacity - 1);
	int ret;

	if (!data->set->limit) {
		ret = ioasid_insert(data, want, low, &space->next_low, gfp);
		if (ret != -ENOSPC)
			return ret;
	}
	return ioasid_insert(data, want, high, &space->next_high, gfp);
}

/*
 * Notes an event under the id lock. True if the caller is busy with the id now
 * and has to call ioasid_deliver() without the lock.
 */
static bool ioasid_post(struct ioasid_data *data, enum ioasid_notify_val event)
{
	lockdep_assert_held(&ioasid_lock_of(data->set)->xa_lock);

	if (!data->busy && !ioasid_set_hears(data->set, event))
		return false;
	data->pending |= BIT(event);
	if (data->busy)
		return false;
	data->busy = true;
	return true;
}

/* Nobody else speaks about the id meanwhile. */
static void ioasid_notify(struct ioasid_data *data,
			  enum ioasid_notify_val event, ioasid_t spid)
{
	struct ioasid_nb_args args = {
		.id = data->id,
		.spid = spid,
		.set = data->set,
		.pdata = rcu_access_pointer(data->private),
	};

	ioasid_call_notifiers(data->set, event, &args);
}

static void ioasid_set_wake(struct ioasid_set *set)
{
	if (wq_has_sleeper(&set->waitq))
		wake_up_all(&set->waitq);
}

/*
 * Says all that was noted about an id the caller is busy with, then ends that.
 * The numbers of the events are in the order in which they can be noted. The
 * caller has a reference to the set; the id may be gone on return.
 */
static void ioasid_deliver(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;
	struct xarray *ids = ioasid_lock_of(set);
	ioasid_t spid;
	int event;

	xa_lock_irq(ids);
	while (data->pending) {
		event = __ffs(data->pending);
		data->pending &= ~BIT(event);
		/* Before the BIND there is none to speak of. */
		spid = event == IOASID_NOTIFY_ALLOC ? INVALID_IOASID :
						      data->spid;
		if (event == IOASID_NOTIFY_UNBIND)
			WRITE_ONCE(data->spid, INVALID_IOASID);
		xa_unlock_irq(ids);
		ioasid_notify(data, event, spid);
		xa_lock_irq(ids);
	}
	/* Pairs with the acquire in ioasid_deliver_free(), which has no lock. */
	smp_store_release(&data->busy, false);
	xa_unlock_irq(ids);
	ioasid_set_wake(set);
}

static void ioasid_queue_free(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;

	lockdep_assert_held(&ioasid_lock_of(set)->xa_lock);

	set->free_due++;
	if (llist_add(&data->freed, &set->freed))
		queue_work(ioasid_wq, &set->free_work);
}

/* No event comes after FREE, so none has to be kept from coming now. */
static void ioasid_deliver_free(struct ioasid_data *data)
{
	struct ioasid_set *set = data->set;
	struct xarray *ids = ioasid_lock_of(set);

	/* Pairs with the release in ioasid_deliver(), for what is said next. */
	wait_event(set->waitq, !smp_load_acquire(&data->busy));
	ioasid_notify(data, IOASID_NOTIFY_FREE, data->spid);

	/* The set may go with its last id. */
	rcu_read_lock();
	xa_lock_irq(ids);
	ioasid_data_put_locked(data);
	WRITE_ONCE(set->free_done, set->free_done + 1);
	xa_unlock_irq(ids);
	ioasid_set_wake(set);
	rcu_read_unlock();
}

/* The ids in the list pin the set, which may be gone after the last of them. */
void ioasid_free_worker(struct work_struct *work)
{
	struct ioasid_set *set = container_of(work, struct ioasid_set, free_work);
	struct llist_node *batch = llist_reverse_order(llist_del_all(&set->freed));
	struct ioasid_data *data, *next;

	llist_for_each_entry_safe(data, next, batch, freed) {
		ioasid_deliver_free(data);
		cond_resched();
	}
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
 * so that a late fault of its former owner does not meet a new one. A call with
 * @min equal to @max gets exactly this id or none.
 *
 * User sets of the shared space get no id below a floor that is kept for
 * devices with few PASID bits, and at most half of the space all together.
 *
 * The notifiers have heard of %IOASID_NOTIFY_ALLOC when the call returns. The
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
		ret = ioasid_choose(data, XA_LIMIT(min, max), gfp);
		if (ret)
			ioasid_uncharge(set);
	}
	if (!ret) {
		hlist_add_head(&data->member, &set->members);
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
	if (data->bound)
		ioasid_unbind_locked(data);

	if (data->busy || ioasid_set_hears(set, IOASID_NOTIFY_FREE))
		ioasid_queue_free(data);
	else
		ioasid_data_put_locked(data);
}

/**
 * ioasid_free() - Free an id
 * @set: the set that owns the id
 * @id: the id
 *
 * From now on the id and its set-private id cannot be found and no reference
 * can be taken. %IOASID_NOTIFY_FREE is delivered by a worker. The id counts
 * against the quota and is not handed out again until all notifiers have
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

/* By number. Costs what is in the range, of whatever set. */
static void ioasid_free_numbers(struct ioasid_set *set, ioasid_t min,
				ioasid_t max)
{
	struct xarray *ids = ioasid_lock_of(set);
	struct ioasid_data *data;
	unsigned long index = min;

	do {
		xa_lock_irq(ids);
		data = xa_find(ids, &index, max, XA_PRESENT);
		if (data && data->set == set)
			ioasid_free_locked(data);
		xa_unlock_irq(ids);
		cond_resched();
	} while (data && index++ < max);
}

/* By age. Costs what is in the set, in whatever range. */
static void ioasid_free_members(struct ioasid_set *set, ioasid_t min,
				ioasid_t max)
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

/**
 * ioasid_free_range() - Free those ids of a set that lie in a range
 * @set: the set
 * @min: lowest id
 * @max: highest id
 *
 * Costs no more than the number of ids in the set, nor, if the set is PRIVATE
 * or the range narrow, than the number of ids in the range. Ids that are
 * allocated meanwhile may be left.
 *
 * Context: Process context, takes and drops the id lock for each id.
 */
void ioasid_free_range(struct ioasid_set *set, ioasid_t min, ioasid_t max)
{
	bool by_number;

	xa_lock_irq(ioasid_lock_of(set));
	by_number = set->space == &set->own_space || max - min < set->used;
	xa_unlock_irq(ioasid_lock_of(set));
	if (by_number)
		ioasid_free_numbers(set, min, max);
	else
		ioasid_free_members(set, min, max);
}
EXPORT_SYMBOL_GPL(ioasid_free_range);

/**
 * ioasid_get() - Take a reference to an id
 * @set: the set that owns the id
 * @id: the id
 *
 * As long as the reference is held the number is not given to anybody
 * else, even if the owner frees it. That does not keep it usable: who holds a
 * reference has a notifier, which on %IOASID_NOTIFY_FREE stops its use and
 * puts it.
 *
 * Context: Any context, lockless.
 * Return: 0, or -ENOENT if the set has no such id or it was freed.
 */
int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_data_get(set, id) ? 0 : -ENOENT;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_get);

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
EXPORT_SYMBOL_IF_KUNIT(ioasid_put);

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
EXPORT_SYMBOL_IF_KUNIT(ioasid_attach_data);

/**
 * ioasid_detach_data() - Take the private data of an id away
 * @set: the set that owns the id
 * @id: the id, which may have been freed already
 *
 * On return nobody who found the data with ioasid_find() is still in the RCU
 * read side section in which that happened: the caller may free the data.
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
EXPORT_SYMBOL_IF_KUNIT(ioasid_detach_data);

/* Is @spid attached, or on its way to an id? What is indexed was inserted before. */
static bool ioasid_spid_is_taken(struct ioasid_data *data, ioasid_t spid)
{
	struct ioasid_set *set = data->set;

	return ioasid_has_spid(ioasid_load(set, spid), spid) ||
	       (!ioasid_spid_is_indexed(data->id, spid) &&
		xa_load(&set->spids, spid));
}

static int ioasid_bind_locked(struct ioasid_data *data, ioasid_t spid)
{
	if (!ioasid_data_active(data))
		return -ENOENT;
	if (ioasid_spid_is_taken(data, spid))
		return -EEXIST;
	/* One UNBIND on its way is as much as an id can remember. */
	if (data->bound || data->pending & BIT(IOASID_NOTIFY_UNBIND))
		return -EBUSY;
	WRITE_ONCE(data->spid, spid);
	WRITE_ONCE(data->bound, true);
	trace_ioasid_bind(data);
	return 0;
}

/**
 * ioasid_attach_spid() - Give an id its set-private id
 * @set: the set that owns the id
 * @id: the id
 * @spid: the number under which the owner of the set knows the id, for a
 *	guest its own PASID: 1 to %IOASID_CAPACITY_MAX - 1
 *
 * Different sets may use the same set-private ids. The notifiers have heard of
 * %IOASID_NOTIFY_BIND when the call returns, unless another event of the id
 * was under way: then they hear of it right after that one.
 *
 * Context: Process context, may sleep. Takes the id lock.
 * Return: 0, or -EINVAL if @spid is 0 or too high, -ENOENT if the set has no
 * such id or it was freed, -EEXIST if the set uses @spid already, -EBUSY if
 * the id has a set-private id or notifiers have not heard of its end yet,
 * -ENOMEM.
 */
int ioasid_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_t spid)
{
	struct xarray *ids = ioasid_lock_of(set);
	const bool indexed = ioasid_spid_is_indexed(id, spid);
	struct ioasid_data *data;
	bool deliver = false;
	int ret;

	if (!spid || spid >= IOASID_CAPACITY_MAX)
		return -EINVAL;
	data = ioasid_data_get(set, id);
	if (!data)
		return -ENOENT;

	/* Allocates, hence not under the id lock; not found until it is bound. */
	if (indexed)
		ret = xa_insert_irq(&set->spids, spid, data, GFP_KERNEL_ACCOUNT);
	else
		ret = 0;
	if (ret) {
		ioasid_data_put(data);
		return ret == -EBUSY ? -EEXIST : ret;
	}

	xa_lock_irq(ids);
	ret = ioasid_bind_locked(data, spid);
	if (!ret)
		deliver = ioasid_post(data, IOASID_NOTIFY_BIND);
	xa_unlock_irq(ids);

	if (ret && indexed)
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
 * @id: the id. If it does not exist or has no set-private id nothing
 *	happens.
 *
 * It cannot be found any more on return. As to %IOASID_NOTIFY_UNBIND see
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
		ioasid_unbind_locked(data);
		deliver = ioasid_post(data, IOASID_NOTIFY_UNBIND);
		if (!(data->pending & BIT(IOASID_NOTIFY_UNBIND)))
			WRITE_ONCE(data->spid, INVALID_IOASID);
	}
	xa_unlock_irq(ids);
	if (deliver)
		ioasid_deliver(data);
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_detach_spid);

/**
 * ioasid_find_by_spid() - Find an id by its set-private id
 * @set: the set
 * @spid: the set-private id
 * @get: take a reference, which the caller drops with ioasid_put(). Without
 *	one the id may be freed, and given to somebody else, at any time.
 *
 * Context: Any context, lockless.
 * Return: the id, or -ENOENT if the set does not use @spid.
 */
int ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get)
{
	struct ioasid_data *data;
	int ret = -ENOENT;

	rcu_read_lock();
	data = ioasid_load_spid(set, spid);
	if (data && (!get || ioasid_data_tryget(data)))
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
EXPORT_SYMBOL_IF_KUNIT(ioasid_find_spid);
