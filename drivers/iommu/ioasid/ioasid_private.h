/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOASID core: the objects and who owns them
 *
 * A *space* is a range of numbers in which an id is unique. There is one for
 * the host, shared by the system set and by all SHARED sets, and one in each
 * PRIVATE set. A *set* is what an owner holds: quota, members, set-private
 * ids, notifiers. An *id* (struct ioasid_data) belongs to one set from its
 * allocation until its last reference is gone.
 *
 * Layers, from the lowest to the highest. A layer calls those below it only.
 *
 *	space.c		spaces, limits, and what keeps sets in memory
 *	notify.c	chains of notifiers
 *	id.c		the life of an id, the order of its events
 *	set.c		what the owner of a set does with the set as a whole
 *	debugfs.c	what there is
 *
 * Locks, outer to inner:
 *
 *	xa_lock of ioasid_space::ids	"the id lock": state of every id of the
 *					space, members and counters of its sets
 *	  xa_lock of ioasid_set::spids
 *	  ioasid_chain::lock
 *	  ioasid_sets_lock		list and numbers of the sets
 *
 * All of them are taken with interrupts off, because an id may be freed in any
 * context. Notifiers run with none of them held. Nobody waits for a notifier
 * but those who flush the set it works for, and those who unregister it.
 */
#ifndef __IOASID_PRIV_H
#define __IOASID_PRIV_H

#include <linux/atomic.h>
#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* Ids below are kept for the host's own users: devices with few PASID bits. */
#define IOASID_HOST_FLOOR	256

enum ioasid_state {
	IOASID_STATE_IDLE,		/* not in the space */
	IOASID_STATE_ACTIVE,		/* between alloc and free */
	IOASID_STATE_FREE_PENDING,	/* freed, number still taken */
};

/**
 * struct ioasid_user_limit - bound of what all user sets hold together
 * @ids: ids that they hold
 * @max: most ids that they may hold. A module parameter, read locklessly.
 */
struct ioasid_user_limit {
	atomic_long_t ids;
	unsigned int max;
};

/**
 * struct ioasid_space - numbers in which an id is unique
 * @ids: id -> struct ioasid_data. Its xa_lock is the id lock.
 * @capacity: ids are below. Written under the id lock.
 * @floor: ids of user sets are not below. Protected by the id lock.
 * @user_cap: most ids that all user sets of the space together may hold.
 *	Protected by the id lock.
 * @user_ids: ids that they hold. Protected by the id lock.
 * @next_low: where a request for all numbers below @floor looks first.
 *	Protected by the id lock.
 * @next_high: the same for all numbers from @floor on
 * @parked: a number that is reserved without being anybody's, or 0. Protected
 *	by the id lock.
 * @reported: some hardware has said how many ids it knows. Protected by the
 *	id lock.
 */
struct ioasid_space {
	struct xarray ids;
	u32 capacity;
	u32 floor;
	u32 user_cap;
	u32 user_ids;
	u32 next_low;
	u32 next_high;
	u32 parked;
	bool reported;
};

/**
 * struct ioasid_chain - notifiers
 * @lock: protects all below and what is in the list, not held while they run
 * @list: struct ioasid_notifier, in order of registration
 * @events: BIT(enum ioasid_notify_val) of what one of them hears of. May be read
 *	without @lock.
 */
struct ioasid_chain {
	spinlock_t lock;	/* all below */
	struct list_head list;
	u32 events;
};

/**
 * struct ioasid_set - what an owner holds
 * @space: where the ids of the set are unique; never changes
 * @limit: what it shares with all other user sets, or NULL for the system set;
 *	never changes
 * @spids: set-private id -> struct ioasid_data, for those that are another number
 *	than their id
 * @members: ids of the set, newest first. Protected by the id lock.
 * @quota: most ids that the set may hold. Protected by the id lock.
 * @used: ids that the set holds. Protected by the id lock.
 * @next: where a request for a part of the numbers looks first. Protected by
 *	the id lock.
 * @refs: held by the owner and by callers of ioasid_set_get()
 * @pins: keeps the memory and the place in the list. One pin is held as long
 *	as @refs is not zero, one as long as @used is not, one by each walker
 *	of the list.
 * @num: number of the set, ascending. Set under ioasid_sets_lock.
 * @node: in ioasid_sets, newest first. Protected by ioasid_sets_lock.
 * @notifiers: of this set. A notifier is added under the id lock as well.
 * @freed: ids whose FREE event is due. Added to under the id lock.
 * @free_work: delivers the FREE events of @freed
 * @free_due: number of the latest FREE event. Protected by the id lock.
 * @free_done: number of the last one that was delivered. They are delivered in
 *	order. Written under the id lock.
 * @waitq: woken when @free_done moves and when an id is not busy any more
 * @token: pinned by mmgrab() as long as @refs is not zero, or NULL
 * @owner_pid: creator, for debugfs
 * @owner_comm: creator, for debugfs
 * @own_space: @space of a PRIVATE set
 * @rcu: once the set is gone
 */
struct ioasid_set {
	struct ioasid_space *space;
	struct ioasid_user_limit *limit;
	struct xarray spids;
	struct hlist_head members;
	unsigned int quota;
	unsigned int used;
	u32 next;
	refcount_t refs;
	refcount_t pins;
	u64 num;
	struct list_head node;
	struct ioasid_chain notifiers;
	struct llist_head freed;
	struct work_struct free_work;
	unsigned long free_due;
	unsigned long free_done;
	wait_queue_head_t waitq;
	struct mm_struct *token;
	pid_t owner_pid;
	char owner_comm[TASK_COMM_LEN];
	struct ioasid_space own_space;
	struct rcu_head rcu;
};

/**
 * struct ioasid_data - an id
 * @id: the number; never changes
 * @spid: the set-private id. Stays until its UNBIND or FREE event is under
 *	way, @bound tells whether it is attached. Written under the id lock.
 * @refs: one for the core until the FREE event was delivered, one per get
 * @state: enum ioasid_state. Written under the id lock.
 * @pending: BIT(enum ioasid_notify_val) of what is not delivered yet, other
 *	than FREE. Protected by the id lock.
 * @busy: an event other than FREE is being delivered by some caller, and by
 *	this one only: notifiers hear of one id in the order of its
 *	transitions. Written under the id lock.
 * @bound: @spid is attached. Written under the id lock.
 * @set: the set it belongs to; never changes
 * @private: data of the owner. Written under the id lock.
 * @freed: in ioasid_set::freed
 * @member: in ioasid_set::members. Protected by the id lock.
 * @rcu: once the id is gone
 */
struct ioasid_data {
	ioasid_t id;
	ioasid_t spid;
	refcount_t refs;
	u8 state;
	u8 pending;
	bool busy;
	bool bound;
	struct ioasid_set *set;
	void __rcu *private;
	struct llist_node freed;
	union {
		struct hlist_node member;
		struct rcu_head rcu;
	};
};

/* A million ids must not cost more than 64 MB beyond the xarray. */
static_assert(sizeof(struct ioasid_data) <= 64);

static inline struct xarray *ioasid_lock_of(const struct ioasid_set *set)
{
	return &set->space->ids;
}

/* space.c */
extern struct ioasid_space ioasid_host_space;
extern struct ioasid_user_limit ioasid_user_limit;

void ioasid_space_init(struct ioasid_space *space, u32 capacity, bool shared);
int ioasid_charge(struct ioasid_set *set);
void ioasid_uncharge(struct ioasid_set *set);
void ioasid_set_list(struct ioasid_set *set);
void ioasid_set_unpin(struct ioasid_set *set);
struct ioasid_set *ioasid_set_next(struct ioasid_set *prev);

/* notify.c */
extern struct ioasid_chain ioasid_global_notifiers;
extern struct workqueue_struct *ioasid_wq;

void ioasid_call_notifiers(struct ioasid_set *set, enum ioasid_notify_val event,
			   const struct ioasid_nb_args *args);

static inline bool ioasid_chain_hears(const struct ioasid_chain *chain,
				      enum ioasid_notify_val event)
{
	return READ_ONCE(chain->events) & BIT(event);
}

/* Is there anybody to tell? */
static inline bool ioasid_set_hears(const struct ioasid_set *set,
				    enum ioasid_notify_val event)
{
	return ioasid_chain_hears(&set->notifiers, event) ||
	       ioasid_chain_hears(&ioasid_global_notifiers, event);
}

/* id.c */
struct ioasid_data *ioasid_next_member(struct ioasid_set *set,
				       struct ioasid_data *prev);
void ioasid_free_worker(struct work_struct *work);

#if IS_ENABLED(CONFIG_KUNIT)
bool ioasid_data_tryget(struct ioasid_data *data);
struct ioasid_notifier *ioasid_notifier_new(struct notifier_block *nb);
struct ioasid_set *ioasid_set_new(void);
void ioasid_space_report(struct ioasid_space *space, u32 total);
struct ioasid_set *ioasid_set_create(struct ioasid_space *space,
				     struct ioasid_user_limit *limit,
				     struct mm_struct *token,
				     unsigned int quota);
#endif

#endif /* __IOASID_PRIV_H */
