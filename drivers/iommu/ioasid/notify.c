// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID core: notifications
 *
 * A transition and its delivery are two things. The transition happens under
 * the id lock, which also notes what is to be said about it
 * (ioasid_data::pending). The delivery runs without any lock, so listeners may
 * sleep and may call back. What keeps order is ioasid_data::busy: whoever sets
 * it is the only one to speak about this id until he clears it, and he says
 * all that was noted meanwhile. For each id a listener therefore hears
 *
 *	ALLOC, any number of (BIND, UNBIND), at last FREE
 *
 * each exactly once, and never two of them at the same time. Since an
 * attachment is refused while an UNBIND is noted, one bit per event is enough.
 *
 * The core's reference is dropped after FREE was delivered, and FREE isn't
 * delivered while somebody else is busy: this is the reference that each event
 * carries.
 *
 * A new listener is told about the ids that are there already, newest first.
 * Its position in this walk decides who tells it about an id: ids which it has
 * passed, or which are newer than the walk, belong to the normal delivery, all
 * others to the walk. As the walk passes an id only while it is busy with it,
 * or finds it gone, nothing is told twice and nothing is missed.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "ioasid_private.h"

/**
 * struct ioasid_listener - a registered notifier block
 * @node: in the list of its set or in ioasid_listeners
 * @nb: the block
 * @lock: protects @set_num and @seq. Innermost.
 * @set_num: sets with a higher number are known,
 * @seq: and of this set the ids whose sequence number isn't lower
 */
struct ioasid_listener {
	struct list_head node;
	struct notifier_block *nb;
	spinlock_t lock;	/* @set_num and @seq as one */
	u64 set_num;
	u64 seq;
};

/* Listeners of all sets. Lock as for ioasid_set::listeners. */
static LIST_HEAD(ioasid_listeners);
static DEFINE_MUTEX(ioasid_listener_mutex);
DEFINE_STATIC_SRCU(ioasid_srcu);

/* For those who wait for an id that is busy or for a set that is freeing. */
static DECLARE_WAIT_QUEUE_HEAD(ioasid_waitq);

/* Ids whose FREE event is due, all of them busy on behalf of the worker. */
static LLIST_HEAD(ioasid_free_list);

static void ioasid_listener_move(struct ioasid_listener *l, u64 set_num,
				 u64 seq)
{
	unsigned long flags;

	spin_lock_irqsave(&l->lock, flags);
	l->set_num = set_num;
	l->seq = seq;
	spin_unlock_irqrestore(&l->lock, flags);
}

static bool ioasid_listener_knows(struct ioasid_listener *l,
				  const struct ioasid_data *data)
{
	u64 num = data->set->num;
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&l->lock, flags);
	known = num > l->set_num || (num == l->set_num && data->seq >= l->seq);
	spin_unlock_irqrestore(&l->lock, flags);
	return known;
}

static void ioasid_call_listener(struct ioasid_listener *l,
				 struct ioasid_data *data,
				 enum ioasid_notify_val event, ioasid_t spid)
{
	struct ioasid_nb_args args = {
		.id = data->id,
		.spid = spid,
		.set = data->set,
		.pdata = rcu_access_pointer(data->private),
	};

	l->nb->notifier_call(l->nb, event, &args);
}

/* Caller is busy with @data. */
static void ioasid_call_listeners(struct ioasid_data *data,
				  enum ioasid_notify_val event, ioasid_t spid)
{
	struct list_head *lists[] = { &data->set->listeners, &ioasid_listeners };
	struct ioasid_listener *l;
	int prio, i, idx;

	idx = srcu_read_lock(&ioasid_srcu);
	for (prio = IOASID_PRIO_CPU; prio >= IOASID_PRIO_LAST; prio--) {
		for (i = 0; i < ARRAY_SIZE(lists); i++) {
			list_for_each_entry_srcu(l, lists[i], node,
						 srcu_read_lock_held(&ioasid_srcu)) {
				if (l->nb->priority == prio &&
				    ioasid_listener_knows(l, data))
					ioasid_call_listener(l, data, event,
							     spid);
			}
		}
	}
	srcu_read_unlock(&ioasid_srcu, idx);
}

static void ioasid_wake(void)
{
	if (wq_has_sleeper(&ioasid_waitq))
		wake_up_all(&ioasid_waitq);
}

/* The only place where FREE is spoken of: one work item, so in order. */
static void ioasid_free_worker(struct work_struct *work)
{
	struct llist_node *batch;
	struct ioasid_data *data, *next;
	struct xarray *ids;

	batch = llist_reverse_order(llist_del_all(&ioasid_free_list));
	llist_for_each_entry_safe(data, next, batch, free_node) {
		ioasid_call_listeners(data, IOASID_NOTIFY_FREE, data->spid);

		ids = ioasid_lock_of(data->set);
		rcu_read_lock();
		xa_lock_irq(ids);
		data->pending = 0;
		data->busy = false;
		data->set->freeing--;
		ioasid_data_put_locked(data);
		xa_unlock_irq(ids);
		rcu_read_unlock();
		ioasid_wake();
		cond_resched();
	}
}

static DECLARE_WORK(ioasid_free_work, ioasid_free_worker);

/* Caller is busy with @data and hands that over. */
void ioasid_queue_free(struct ioasid_data *data)
{
	if (llist_add(&data->free_node, &ioasid_free_list))
		queue_work(system_unbound_wq, &ioasid_free_work);
}

/*
 * Notes an event under the id lock. True if the caller is busy with the id now
 * and has to deliver it: by ioasid_queue_free() if it is a FREE, else by
 * ioasid_deliver() without the lock.
 */
bool ioasid_post(struct ioasid_data *data, enum ioasid_notify_val event)
{
	struct ioasid_set *set = data->set;

	lockdep_assert_held(&ioasid_lock_of(set)->xa_lock);

	if (!data->busy && list_empty(&set->listeners) &&
	    list_empty(&ioasid_listeners))
		return false;

	data->pending |= BIT(event);
	if (event == IOASID_NOTIFY_FREE)
		set->freeing++;
	if (data->busy)
		return false;
	data->busy = true;
	return true;
}

/*
 * Says all that was noted about an id the caller is busy with, then ends that.
 * The numbers of the events are in the order in which they can be noted, but
 * for FREE, which is last and the worker's. @data may be gone on return.
 */
void ioasid_deliver(struct ioasid_data *data)
{
	struct xarray *ids = ioasid_lock_of(data->set);
	unsigned long todo;
	ioasid_t spid;
	int event;

	xa_lock_irq(ids);
	while ((todo = data->pending & ~BIT(IOASID_NOTIFY_FREE))) {
		event = __ffs(todo);
		data->pending &= ~BIT(event);
		/* Before the BIND there is none to speak of. */
		spid = event == IOASID_NOTIFY_ALLOC ? INVALID_IOASID :
						      data->spid;
		if (event == IOASID_NOTIFY_UNBIND)
			WRITE_ONCE(data->spid, INVALID_IOASID);
		xa_unlock_irq(ids);
		ioasid_call_listeners(data, event, spid);
		xa_lock_irq(ids);
	}
	if (data->pending)
		ioasid_queue_free(data);
	else
		data->busy = false;
	xa_unlock_irq(ids);
	ioasid_wake();
}

/*
 * Becomes busy with an id if nobody else is, and tells how it stands at this
 * moment: all that happens later will be delivered.
 */
static bool ioasid_claim(struct ioasid_data *data, bool *active, bool *bound)
{
	struct xarray *ids = ioasid_lock_of(data->set);
	bool claimed;

	xa_lock_irq(ids);
	claimed = !data->busy;
	if (claimed) {
		data->busy = true;
		*active = data->state == IOASID_STATE_ACTIVE;
		*bound = data->bound;
	}
	xa_unlock_irq(ids);
	return claimed;
}

static void ioasid_replay_set(struct ioasid_listener *l, struct ioasid_set *set)
{
	struct ioasid_data *data = NULL;
	bool active, bound;

	xa_lock_irq(ioasid_lock_of(set));
	ioasid_listener_move(l, set->num, set->next_seq);
	xa_unlock_irq(ioasid_lock_of(set));

	while ((data = ioasid_next_member(set, data))) {
		/* Newer than the walk: was or will be delivered. */
		if (ioasid_listener_knows(l, data))
			continue;
		wait_event(ioasid_waitq, ioasid_claim(data, &active, &bound));
		ioasid_listener_move(l, set->num, data->seq);
		if (active)
			ioasid_call_listener(l, data, IOASID_NOTIFY_ALLOC,
					     INVALID_IOASID);
		if (bound)
			ioasid_call_listener(l, data, IOASID_NOTIFY_BIND,
					     data->spid);
		ioasid_deliver(data);
		cond_resched();
	}
	ioasid_listener_move(l, set->num, 0);
}

static void ioasid_replay_all(struct ioasid_listener *l)
{
	u64 last = l->set_num;
	struct ioasid_set *set = NULL;

	while ((set = ioasid_set_next(set))) {
		if (set->num <= last)
			ioasid_replay_set(l, set);
	}
}

static struct list_head *ioasid_listeners_of(struct ioasid_set *set)
{
	return set ? &set->listeners : &ioasid_listeners;
}

/* Caller holds ioasid_listener_mutex. */
static struct ioasid_listener *ioasid_listener_find(struct list_head *list,
						    struct notifier_block *nb)
{
	struct ioasid_listener *l;

	list_for_each_entry(l, list, node) {
		if (l->nb == nb)
			return l;
	}
	return NULL;
}

VISIBLE_IF_KUNIT struct ioasid_listener *
ioasid_listener_new(struct notifier_block *nb)
{
	struct ioasid_listener *l;

	KUNIT_STATIC_STUB_REDIRECT(ioasid_listener_new, nb);

	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return NULL;
	spin_lock_init(&l->lock);
	l->nb = nb;
	return l;
}
EXPORT_SYMBOL_IF_KUNIT(ioasid_listener_new);

/**
 * ioasid_register_notifier() - Listen to the transitions of ids
 * @set: the set, or NULL for all sets
 * @nb: called with an enum ioasid_notify_val and a &struct ioasid_nb_args; its
 *	priority is one of enum ioasid_notifier_prios. What it returns is
 *	ignored: no listener can keep an event from another one.
 *
 * Ids that are live already are announced to @nb, and to it alone, with ALLOC
 * and, if they have a set-private id, BIND. For each id it hears ALLOC first
 * and FREE last, whenever it registered; ids that were freed before aren't
 * mentioned.
 *
 * @nb runs without locks, may sleep and may call any function of this
 * interface except for three: it must neither register, nor unregister, nor
 * wait for its own events in ioasid_set_flush(). Events of different ids may
 * come at the same time. The caller holds a reference to @set until it has
 * unregistered.
 *
 * Context: Process context, sleeps. The caller must not hold a lock that any
 * listener takes.
 * Return: 0, or -EINVAL if the priority is unknown, -EEXIST if @nb listens
 * already, -ENOMEM.
 */
int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb)
{
	struct list_head *list = ioasid_listeners_of(set);
	struct ioasid_listener *l;

	if (nb->priority < IOASID_PRIO_LAST || nb->priority > IOASID_PRIO_CPU)
		return -EINVAL;
	l = ioasid_listener_new(nb);
	if (!l)
		return -ENOMEM;

	mutex_lock(&ioasid_listener_mutex);
	if (ioasid_listener_find(list, nb)) {
		mutex_unlock(&ioasid_listener_mutex);
		kfree(l);
		return -EEXIST;
	}
	/* Knows no id yet, but all sets that don't exist yet. */
	spin_lock_irq(&ioasid_sets_lock);
	ioasid_listener_move(l, ioasid_sets_next_num() - 1, U64_MAX);
	list_add_tail_rcu(&l->node, list);
	spin_unlock_irq(&ioasid_sets_lock);
	mutex_unlock(&ioasid_listener_mutex);

	if (set)
		ioasid_replay_set(l, set);
	else
		ioasid_replay_all(l);
	return 0;
}
EXPORT_SYMBOL_GPL(ioasid_register_notifier);

/**
 * ioasid_unregister_notifier() - Stop to listen
 * @set: the set, or NULL, as it was registered
 * @nb: the block; nothing happens if it isn't registered
 *
 * On return @nb isn't running and won't be called any more. FREE events that
 * are due by then are lost to it, see ioasid_set_flush().
 *
 * Context: Process context, sleeps until all listeners that run now have
 * returned. The caller must not hold a lock that any listener takes.
 */
void ioasid_unregister_notifier(struct ioasid_set *set,
				struct notifier_block *nb)
{
	struct ioasid_listener *l;

	mutex_lock(&ioasid_listener_mutex);
	l = ioasid_listener_find(ioasid_listeners_of(set), nb);
	if (l)
		list_del_rcu(&l->node);
	mutex_unlock(&ioasid_listener_mutex);

	synchronize_srcu(&ioasid_srcu);
	kfree(l);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_notifier);

/**
 * ioasid_set_flush() - Wait until the FREE events of a set are delivered
 * @set: the set, the caller holds a reference to it
 *
 * After that ids which were freed before the call are available again, unless
 * somebody has a reference to them.
 *
 * Context: Process context, sleeps. The caller must neither hold a lock that
 * any listener takes nor be a listener of the set.
 */
void ioasid_set_flush(struct ioasid_set *set)
{
	wait_event(ioasid_waitq, !READ_ONCE(set->freeing));
}
EXPORT_SYMBOL_GPL(ioasid_set_flush);
