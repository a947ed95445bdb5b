/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU faults: the objects, their owners, and their locks
 *
 * A *fault device* stands for a device that has handlers, or PASIDs that faults are
 * treated differently of, and lives as long as it has one of them. Nothing is shared
 * between devices but the table to find them by.
 *
 * A *handler* is for the faults of a device or of one of its PASIDs. It is owned
 * by the one that registered it. A report that looks it up has a reference to its
 * memory; it is called until iommu_fault_handler::stopped.
 *
 * A *group* is a page request group that waits for an answer.
 *
 * A group has one owner at any time. The thread that reports it owns it until
 * it is in iommu_fault_handler::pending. From then on the handler owns it, until
 * iommu_fault_take() hands it to the one that answers it, be it for the owner of
 * the device, the deadline, the unbind of the PASID, a reset or the end of the
 * handler. When it is answered, its memory goes back to
 * iommu_fault_handler::spare.
 *
 * Locks, outer to inner:
 *
 *	iommu_fault_device::lock	registration, page requests on and off,
 *					unbind and reset, sleeps
 *	  iommu_fault_handler::answer	take and answer, sleeps
 *	    iommu_fault_handler::lock	all the rest of a handler, spins
 *	      locks of the handler
 *	      iommu_group::pasid_array	attach handles, spins
 *	iommu_fault_devices_lock	the table of devices, spins
 *
 * The two that sleep are held while hardware is waited for, that of their own
 * device. A report takes neither, but references under RCU, and
 * iommu_fault_handler::lock. So it does not wait for an answer to be given, and a
 * driver may call in with locks that the unbind of a PASID waits for.
 */
#ifndef __IOMMU_FAULT_PRIV_H
#define __IOMMU_FAULT_PRIV_H

#include <linux/bits.h>
#include <linux/hashtable.h>
#include <linux/iommu-fault.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* Page requests that a device may have waiting if its driver does not say */
#define IOMMU_FAULT_LIMIT	256
/* Answers that the driver is given at a time */
#define IOMMU_FAULT_BATCH	16
#define IOMMU_FAULT_HASH_BITS	6
/* Log2 of microseconds, the last bucket is open */
#define IOMMU_FAULT_LATENCIES	24

/**
 * enum iommu_fault_outcome - What became of a page request group
 * @IOMMU_FAULT_SUCCESS: the owner answered with IOMMU_PAGE_RESP_SUCCESS
 * @IOMMU_FAULT_INVALID: the owner answered with IOMMU_PAGE_RESP_INVALID
 * @IOMMU_FAULT_FAILURE: the owner answered with IOMMU_PAGE_RESP_FAILURE
 * @IOMMU_FAULT_DEADLINE: nobody answered in time
 * @IOMMU_FAULT_UNBIND: the PASID was detached
 * @IOMMU_FAULT_CLOSE: the handler was stopped
 * @IOMMU_FAULT_STOPPED: refused, the handler is stopped or the device in reset
 * @IOMMU_FAULT_NO_PASID: refused, the owner does not know the PASID
 * @IOMMU_FAULT_OVER_LIMIT: refused, too many requests wait
 * @IOMMU_FAULT_NO_ROOM: refused by the handler, or no memory
 * @IOMMU_FAULT_RESET: the device was reset and has forgotten it
 * @IOMMU_FAULT_OUTCOMES: number of the above
 *
 * In all cases but the first three and the reset, which needs no answer, the
 * kernel answered in place of the owner.
 */
enum iommu_fault_outcome {
	IOMMU_FAULT_SUCCESS = IOMMU_PAGE_RESP_SUCCESS,
	IOMMU_FAULT_INVALID = IOMMU_PAGE_RESP_INVALID,
	IOMMU_FAULT_FAILURE = IOMMU_PAGE_RESP_FAILURE,
	IOMMU_FAULT_DEADLINE,
	IOMMU_FAULT_UNBIND,
	IOMMU_FAULT_CLOSE,
	IOMMU_FAULT_STOPPED,
	IOMMU_FAULT_NO_PASID,
	IOMMU_FAULT_OVER_LIMIT,
	IOMMU_FAULT_NO_ROOM,
	IOMMU_FAULT_RESET,
	IOMMU_FAULT_OUTCOMES
};

/**
 * struct iommu_fault_stats - what a handler has seen
 * @groups: page request groups in; the sum of @outcomes and of those pending
 * @requests: page requests in
 * @outcomes: page request groups out
 * @events: unrecoverable faults reported
 * @lost: unrecoverable faults that the handler had no room for
 * @latency: groups by the time from report to answer, in log2 of microseconds
 */
struct iommu_fault_stats {
	u64 groups;
	u64 requests;
	u64 outcomes[IOMMU_FAULT_OUTCOMES];
	u64 events;
	u64 lost;
	u64 latency[IOMMU_FAULT_LATENCIES];
};

/**
 * struct iommu_fault_device - a device that has handlers or particular PASIDs
 * @dev: the device; kept by the owners of handlers and PASIDs
 * @node: in the table of devices, protected by iommu_fault_devices_lock, read
 *	under RCU
 * @users: one for each handler, each of @quiet and @identity, and for those at work
 * @rcu: for the end
 * @lock: protects @handlers, and the page requests of the device being on
 * @handlers: by PASID, see iommu_fault_index(); read under RCU
 * @quiet: PASIDs on the bus without records of faults. The xarray locks itself.
 * @identity: the owner knows each PASID by its number on the bus. Read without lock.
 */
struct iommu_fault_device {
	struct device *dev;
	struct hlist_node node;
	refcount_t users;
	struct rcu_head rcu;
	struct mutex lock;	/* see above */
	struct xarray handlers;
	struct xarray quiet;
	bool identity;
};

/**
 * struct iommu_fault_handler - a handler and what waits for its owner's answers
 * @fdev: the device
 * @pasid: PASID on the bus that the handler is for, IOMMU_PASID_INVALID for all
 * @ops: the handler
 * @data: of the handler
 * @users: one for the registration, and for those that report
 * @answer: held from take to answer, so that with it held no answer is on its
 *	way. Outside of @lock.
 * @page_req: the owner has asked for page requests. Set once, with
 *	iommu_fault_device::lock held too.
 * @lock: protects all below, and @page_req
 * @timeout_ms: time to answer, in place of the default; 0 for the default
 * @limit: page requests that may wait, set together with @page_req; may be read
 *	without @lock
 * @stopped: every group is refused and nothing is reported
 * @waiting: page requests in @pending
 * @groups: memory for all groups that can be, from when @page_req is set
 * @spare: those of @groups that are not in use
 * @pending: struct iommu_fault_group, oldest first
 * @by_index: the same ones, by the hash of the group index
 * @stats: counters
 * @deadline: looks after those of @pending that are due
 * @due: when it does, in jiffies, if it is queued
 */
struct iommu_fault_handler {
	struct iommu_fault_device *fdev;
	ioasid_t pasid;
	const struct iommu_fault_handler_ops *ops;
	void *data;
	refcount_t users;
	struct mutex answer;	/* see above */
	bool page_req;
	spinlock_t lock;	/* see above */
	unsigned int timeout_ms;
	unsigned int limit;
	bool stopped;
	unsigned int waiting;
	struct iommu_fault_group *groups;
	struct hlist_head spare;
	struct list_head pending;
	DECLARE_HASHTABLE(by_index, IOMMU_FAULT_HASH_BITS);
	struct iommu_fault_stats stats;
	struct delayed_work deadline;
	unsigned long due;
};

/**
 * struct iommu_fault_group - a page request group that waits for an answer
 * @iopf: what the IOMMU core knows it by; owned until it is answered
 * @node: in iommu_fault_handler::pending, or in the list of those to answer
 * @index_node: in iommu_fault_handler::by_index, or in iommu_fault_handler::spare
 * @reported: when, in jiffies
 * @expires: when it must be answered, in jiffies
 * @has_deadline: @expires is valid
 * @outcome: what became of it, once taken
 * @seen: time of the report in ns, 0 if latencies are not measured
 * @count: number of requests
 * @last: the request that carries what the group is answered by, as the handler
 *	was given it
 */
struct iommu_fault_group {
	struct iopf_group *iopf;
	struct list_head node;
	struct hlist_node index_node;
	unsigned long reported;
	unsigned long expires;
	bool has_deadline;
	enum iommu_fault_outcome outcome;
	u64 seen;
	unsigned int count;
	struct iommu_fault_page_request last;
};

extern unsigned int iommu_fault_timeout_ms;
extern unsigned int iommu_fault_timeout_max_ms;
extern atomic64_t iommu_fault_unclaimed;
DECLARE_STATIC_KEY_FALSE(iommu_fault_measure);

/* Place of the handler of @pasid; that of the device as a whole comes first. */
static inline unsigned long iommu_fault_index(ioasid_t pasid)
{
	BUILD_BUG_ON((ioasid_t)(IOMMU_PASID_INVALID + 1));
	return (ioasid_t)(pasid + 1);
}

#define iommu_fault_handle(handle)	\
	container_of_const(handle, struct iommu_fault_handle, attach)

/* fault_device.c */
struct iommu_fault_device *iommu_fault_device_get(const struct device *dev);
struct iommu_fault_device *iommu_fault_device_make(struct device *dev);
void iommu_fault_device_put(struct iommu_fault_device *fdev);
struct iommu_fault_handler *iommu_fault_handler_get(const struct device *dev,
						    ioasid_t pasid);
void iommu_fault_handler_put(struct iommu_fault_handler *handler);
bool iommu_fault_handler_is_for(const struct iommu_fault_handler *handler,
				ioasid_t pasid);
bool iommu_fault_is_quiet(const struct iommu_fault_handler *handler, ioasid_t pasid);
void iommu_fault_for_each(const struct device *dev,
			  void (*fn)(struct iommu_fault_handler *handler, void *arg),
			  void *arg);

/* fault_pending.c */
void iommu_fault_init_pending(struct iommu_fault_handler *handler);
int iommu_fault_alloc_groups(struct iommu_fault_handler *handler, unsigned int limit);
void iommu_fault_queue(struct iommu_fault_handler *handler,
		       struct iopf_group *iopf, ioasid_t guest_pasid, u64 seen);
void iommu_fault_refuse(struct iommu_fault_handler *handler, struct iopf_group *iopf,
			enum iommu_fault_outcome outcome);
void iommu_fault_end_all(struct iommu_fault_handler *handler,
			 const struct iommu_attach_handle *handle,
			 enum iommu_fault_outcome outcome);
void iommu_fault_expire(struct iommu_fault_handler *handler, unsigned long ahead);

#endif /* __IOMMU_FAULT_PRIV_H */
