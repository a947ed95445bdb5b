/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOASID core: the objects and who owns them
 *
 * A *space* is a range of numbers in which an id is unique. There is one for
 * the host, shared by the system set and by all SHARED sets, and one in each
 * PRIVATE set. A *set* is what an owner holds: quota, members, set-private
 * ids, listeners. An *id* (struct ioasid_data) belongs to one set from its
 * allocation until its last reference is gone.
 *
 * Locks, outer to inner:
 *
 *	xa_lock of ioasid_space::ids	"the id lock": state of every id of the
 *					space, members and counters of its sets
 *	  xa_lock of ioasid_set::spids
 *	  ioasid_listener::lock
 *	  ioasid_sets_lock		list and numbers of the sets
 *
 *	ioasid_listener_mutex		changes of the lists of listeners
 *	  ioasid_sets_lock
 *
 * All but the mutex are taken with interrupts off, because an id may be freed
 * in any context. Listeners run with none of them held, in an SRCU read side
 * section.
 */
#ifndef __IOASID_PRIV_H
#define __IOASID_PRIV_H

#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

/* Ids below are kept for the host's own users: devices with few PASID bits. */
#define IOASID_HOST_FLOOR	256

enum ioasid_state {
	IOASID_STATE_IDLE,		/* not in the space */
	IOASID_STATE_ACTIVE,		/* between alloc and free */
	IOASID_STATE_FREE_PENDING,	/* freed, number still taken */
};

/**
 * struct ioasid_cursor - where a space looks for a free id
 * @next: first number to try
 * @node: last number of the xarray node that is kept for the next ids
 */
struct ioasid_cursor {
	u32 next;
	u32 node;
};

/**
 * struct ioasid_space - numbers in which an id is unique
 * @ids: id -> struct ioasid_data. Its xa_lock is the id lock.
 * @capacity: ids are below. Protected by the id lock.
 * @floor: ids of user sets are not below. Protected by the id lock.
 * @user_cap: most ids that all user sets together may hold. Protected by the
 *	id lock.
 * @user_ids: ids that the user sets hold. Protected by the id lock.
 * @high: for ids from @floor on. Protected by the id lock.
 * @low: for ids below @floor. Protected by the id lock.
 * @reported: some hardware has said how many ids it knows. Protected by the
 *	id lock.
 */
struct ioasid_space {
	struct xarray ids;
	u32 capacity;
	u32 floor;
	u32 user_cap;
	u32 user_ids;
	struct ioasid_cursor high;
	struct ioasid_cursor low;
	bool reported;
};

/**
 * struct ioasid_set - what an owner holds
 * @space: where the ids of the set are unique; never changes
 * @spids: set-private id -> struct ioasid_data
 * @members: ids of the set, newest first. Protected by the id lock.
 * @next_seq: sequence number of the next id. Protected by the id lock.
 * @quota: most ids that the set may hold. Protected by the id lock.
 * @used: ids that the set holds. Protected by the id lock.
 * @freeing: ids whose FREE event isn't delivered. Protected by the id lock.
 * @host: the system set; never changes
 * @dead: @refs is gone, the set waits for its ids. Protected by the id lock.
 * @refs: held by the owner and whoever called ioasid_set_get()
 * @pins: keeps the memory and the place in the list. One pin is held until
 *	the set is dead and without ids, one by each walker of the list.
 * @num: number of the set, ascending. Set under ioasid_sets_lock.
 * @node: in ioasid_sets, newest first. Protected by ioasid_sets_lock.
 * @listeners: struct ioasid_listener. Changed under ioasid_listener_mutex,
 *	read under ioasid_srcu.
 * @token: pinned by mmgrab() as long as @refs isn't zero, or NULL
 * @owner_pid: creator, for debugfs
 * @owner_comm: creator, for debugfs
 * @own_space: @space of a PRIVATE set
 * @rcu: once the set is gone
 */
struct ioasid_set {
	struct ioasid_space *space;
	struct xarray spids;
	struct list_head members;
	u64 next_seq;
	unsigned int quota;
	unsigned int used;
	unsigned int freeing;
	bool host;
	bool dead;
	refcount_t refs;
	refcount_t pins;
	u64 num;
	struct list_head node;
	struct list_head listeners;
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
 *	way, @bound tells whether it is attached. Protected by the id lock.
 * @refs: one for the core until the FREE event was delivered, one per get
 * @state: enum ioasid_state. Written under the id lock.
 * @pending: BIT(enum ioasid_notify_val) of what isn't delivered yet.
 *	Protected by the id lock.
 * @busy: somebody is delivering events of the id. Only he does, therefore
 *	the listeners hear of one id in the order of its transitions.
 *	Protected by the id lock.
 * @bound: @spid is attached. Written under the id lock.
 * @set: the set it belongs to; never changes
 * @owner: @set as long as the id is live: one comparison tells a look-up that
 *	the id is the caller's and usable. Written under the id lock.
 * @private: data of the owner
 * @free_node: in the list of the FREE worker, once the id isn't live any more.
 *	What it points to is no set.
 * @seq: ascending inside a set; never changes
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
	union {
		struct ioasid_set *owner;
		struct llist_node free_node;
	};
	void __rcu *private;
	u64 seq;
	union {
		struct list_head member;
		struct rcu_head rcu;
	};
};

/* A million ids must not cost more than 96 MB beyond the xarray. */
static_assert(sizeof(struct ioasid_data) <= 96);

static inline struct xarray *ioasid_lock_of(const struct ioasid_set *set)
{
	return &set->space->ids;
}

/* id.c */
struct ioasid_data *ioasid_next_member(struct ioasid_set *set,
				       struct ioasid_data *prev);
bool ioasid_data_put(struct ioasid_data *data);
bool ioasid_data_put_locked(struct ioasid_data *data);

/* set.c */
extern struct ioasid_space ioasid_host_space;
extern spinlock_t ioasid_sets_lock;

u64 ioasid_sets_next_num(void);
struct ioasid_set *ioasid_set_next(struct ioasid_set *prev);
void ioasid_set_unpin(struct ioasid_set *set);
void ioasid_set_idle(struct ioasid_set *set);

/* notify.c */
bool ioasid_post(struct ioasid_data *data, enum ioasid_notify_val event);
void ioasid_deliver(struct ioasid_data *data);
void ioasid_queue_free(struct ioasid_data *data);

#if IS_ENABLED(CONFIG_KUNIT)
struct ioasid_data *ioasid_data_new(struct ioasid_set *set, void *private,
				    gfp_t gfp);
bool ioasid_data_tryget(struct ioasid_data *data);
int ioasid_reserve_spid(struct ioasid_data *data, ioasid_t spid);
struct ioasid_listener *ioasid_listener_new(struct notifier_block *nb);
struct ioasid_set *ioasid_set_new(void);
void ioasid_space_init(struct ioasid_space *space, u32 capacity, bool shared);
void ioasid_space_report(struct ioasid_space *space, u32 total);
struct ioasid_set *ioasid_set_create(struct ioasid_space *space, bool host,
				     struct mm_struct *token,
				     unsigned int quota);
#endif

#endif /* __IOASID_PRIV_H */
