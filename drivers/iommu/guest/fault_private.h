/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU faults: the objects, who owns them, and their locks
 *
 * A *handler* is a handler for the faults of a device or of one of its PASIDs. It
 * is owned by who registered it. A *group* is a page request group that waits
 * for an answer.
 *
 * A group has one owner at any time. The thread that reports it owns it until
 * it is in iommu_fault_handler::pending. From then on the handler owns it, until
 * iommu_fault_take() hands it to the one who answers it, be it for the owner of
 * the device, the deadline, the unbind of the PASID or the end of the handler. Who
 * has answered gives the memory back to iommu_fault_handler::spare.
 *
 * Locks, outer to inner:
 *
 *	iommu_fault_handlers_lock		registration
 *	  iommu_fault_srcu (read)	whoever looks a handler up
 *	    iommu_fault_handler::answer	take and answer, sleeps
 *	      iommu_fault_handler::lock	all the rest of a handler, spins
 *	        locks of the handler
 *
 * Who reports takes iommu_fault_srcu and iommu_fault_handler::lock only. So it
 * does not wait for an answer to be given, and a driver may call in with locks
 * that the unbind of a PASID waits for.
 */
#ifndef __IOMMU_FAULT_PRIV_H
#define __IOMMU_FAULT_PRIV_H

#include <linux/hashtable.h>
#include <linux/iommu-fault.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
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
 * enum iommu_fault_end - How a page request group ends
 * @IOMMU_FAULT_SUCCESS: the owner answered with IOMMU_PAGE_RESP_SUCCESS
 * @IOMMU_FAULT_INVALID: the owner answered with IOMMU_PAGE_RESP_INVALID
 * @IOMMU_FAULT_FAILURE: the owner answered with IOMMU_PAGE_RESP_FAILURE
 * @IOMMU_FAULT_DEADLINE: nobody answered in time
 * @IOMMU_FAULT_UNBIND: the PASID was detached
 * @IOMMU_FAULT_CLOSE: the handler was stopped
 * @IOMMU_FAULT_STOPPED: refused, the handler is stopped
 * @IOMMU_FAULT_UNNAMED: refused, the owner has no name for the PASID
 * @IOMMU_FAULT_OVER_LIMIT: refused, too many requests wait
 * @IOMMU_FAULT_NO_ROOM: refused by the handler, or no memory
 * @IOMMU_FAULT_ENDS: number of the above
 *
 * In all cases but the first three the kernel answered in place of the owner.
 */
enum iommu_fault_end {
	IOMMU_FAULT_SUCCESS = IOMMU_PAGE_RESP_SUCCESS,
	IOMMU_FAULT_INVALID = IOMMU_PAGE_RESP_INVALID,
	IOMMU_FAULT_FAILURE = IOMMU_PAGE_RESP_FAILURE,
	IOMMU_FAULT_DEADLINE,
	IOMMU_FAULT_UNBIND,
	IOMMU_FAULT_CLOSE,
	IOMMU_FAULT_STOPPED,
	IOMMU_FAULT_UNNAMED,
	IOMMU_FAULT_OVER_LIMIT,
	IOMMU_FAULT_NO_ROOM,
	IOMMU_FAULT_ENDS
};

/**
 * struct iommu_fault_stats - what a handler has seen
 * @groups: page request groups in; the sum of @ends and of those pending
 * @requests: page requests in
 * @ends: page request groups out
 * @events: aborted transactions told
 * @lost: aborted transactions that the handler had no room for
 * @latency: groups by the time from report to answer, in log2 of microseconds
 */
struct iommu_fault_stats {
	u64 groups;
	u64 requests;
	u64 ends[IOMMU_FAULT_ENDS];
	u64 events;
	u64 lost;
	u64 latency[IOMMU_FAULT_LATENCIES];
};

/**
 * struct iommu_fault_handler - a handler and what waits for its owner's answers
 * @dev: the device; who registered keeps it
 * @pasid: PASID on the bus that the handler is for, IOMMU_PASID_INVALID for all
 * @ops: the handler
 * @data: of the handler
 * @node: in iommu_fault_handlers. Protected by iommu_fault_handlers_lock, read under
 *	iommu_fault_srcu.
 * @names: PASID on the bus -> name that the owner has for it, the xarray locks
 *	itself
 * @answer: held from take to answer, so that who gets it knows that no answer
 *	is on its way. Outside of @lock.
 * @page_req: the owner has asked for page requests. Set once, with
 *	iommu_fault_handlers_lock held too.
 * @lock: protects all below, and @page_req
 * @timeout_ms: time to answer, in place of the default; 0 for the default
 * @limit: page requests that may wait, set together with @page_req
 * @stopped: every group is refused
 * @cookie: the last one given
 * @waiting: page requests in @pending
 * @groups: memory for all groups that can be, from when @page_req is set
 * @spare: those of @groups that are not in use
 * @pending: struct iommu_fault_group, oldest first
 * @by_index: the same ones, by the hash of the group index
 * @stats: counters
 * @deadline: looks after the oldest of @pending
 */
struct iommu_fault_handler {
	struct device *dev;
	ioasid_t pasid;
	const struct iommu_fault_handler_ops *ops;
	void *data;
	struct hlist_node node;
	struct xarray names;
	struct mutex answer;	/* see above */
	bool page_req;
	spinlock_t lock;	/* see above */
	unsigned int timeout_ms;
	unsigned int limit;
	bool stopped;
	u64 cookie;
	unsigned int waiting;
	struct iommu_fault_group *groups;
	struct hlist_head spare;
	struct list_head pending;
	DECLARE_HASHTABLE(by_index, IOMMU_FAULT_HASH_BITS);
	struct iommu_fault_stats stats;
	struct delayed_work deadline;
};

/**
 * struct iommu_fault_group - a page request group that waits for an answer
 * @iopf: what the IOMMU core knows it by; owned until it is answered
 * @node: in iommu_fault_handler::pending, or in the list of who answers
 * @index_node: in iommu_fault_handler::by_index, or in iommu_fault_handler::spare
 * @expires: in jiffies
 * @has_deadline: @expires is valid
 * @end: how it ended
 * @seen: time of the report in ns, 0 if latencies are not measured
 * @count: number of requests
 * @last: the request that carries what the group is answered by, as the handler
 *	was given it
 */
struct iommu_fault_group {
	struct iopf_group *iopf;
	struct list_head node;
	struct hlist_node index_node;
	unsigned long expires;
	bool has_deadline;
	enum iommu_fault_end end;
	u64 seen;
	unsigned int count;
	struct iommu_fault_page_request last;
};

extern struct mutex iommu_fault_handlers_lock;
extern unsigned int iommu_fault_timeout_ms;
extern atomic64_t iommu_fault_unclaimed;
DECLARE_STATIC_KEY_FALSE(iommu_fault_measure);

/* fault.c */
void iommu_fault_for_each(void (*fn)(struct iommu_fault_handler *handler, void *arg),
			  void *arg);

/* fault_pending.c */
void iommu_fault_init_pending(struct iommu_fault_handler *handler);
int iommu_fault_alloc_groups(struct iommu_fault_handler *handler, unsigned int limit);
enum iommu_fault_end iommu_fault_queue(struct iommu_fault_handler *handler,
				       struct iopf_group *iopf, ioasid_t name,
				       u64 seen);
void iommu_fault_refuse(struct iommu_fault_handler *handler, struct iopf_group *iopf,
			enum iommu_fault_end end);
void iommu_fault_end_all(struct iommu_fault_handler *handler,
			 const struct iommu_attach_handle *handle,
			 enum iommu_fault_end end);
void iommu_fault_expire(struct iommu_fault_handler *handler, unsigned long now);

#endif /* __IOMMU_FAULT_PRIV_H */
