// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: page request groups that wait for an answer
 *
 * See fault_private.h for the objects and their locks.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <trace/events/iommu_fault.h>

#include "fault_private.h"
#include "../iommu-priv.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "iommu_fault."

unsigned int iommu_fault_timeout_ms = 10 * MSEC_PER_SEC;
module_param_named(timeout_ms, iommu_fault_timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms,
		 "Time to answer a page request before the kernel does, in ms; 0 for no limit (default 10000)");

unsigned int iommu_fault_timeout_max_ms = 60 * MSEC_PER_SEC;
module_param_named(timeout_max_ms, iommu_fault_timeout_max_ms, uint, 0644);
MODULE_PARM_DESC(timeout_max_ms,
		 "Longest time that the owner of a device may set in place of timeout_ms, in ms; 0 for no limit (default 60000)");

/* Measure the time from report to answer, see debugfs */
DEFINE_STATIC_KEY_FALSE(iommu_fault_measure);

static void iommu_fault_deadline(struct work_struct *work)
{
	struct iommu_fault_handler *handler = container_of(to_delayed_work(work),
						     struct iommu_fault_handler,
						     deadline);

	iommu_fault_expire(handler, 0);
}

/* The part of a new handler that belongs to this file */
void iommu_fault_init_pending(struct iommu_fault_handler *handler)
{
	mutex_init(&handler->answer);
	spin_lock_init(&handler->lock);
	INIT_HLIST_HEAD(&handler->spare);
	INIT_LIST_HEAD(&handler->pending);
	hash_init(handler->by_index);
	INIT_DELAYED_WORK(&handler->deadline, iommu_fault_deadline);
}

/*
 * Let the device of @handler have @limit requests waiting. Memory for their groups
 * is there from now on, so that a report does not depend on it: a batch more
 * than can wait, as the device may use its credit again before the memory of the
 * batch that is being answered is back.
 */
int iommu_fault_alloc_groups(struct iommu_fault_handler *handler, unsigned int limit)
{
	unsigned int count = limit + IOMMU_FAULT_BATCH, i;
	struct iommu_fault_group *groups;

	groups = kvcalloc(count, sizeof(*groups), GFP_KERNEL_ACCOUNT);
	if (!groups)
		return -ENOMEM;

	spin_lock(&handler->lock);
	for (i = 0; i < count; i++)
		hlist_add_head(&groups[i].index_node, &handler->spare);
	handler->groups = groups;
	/* Read without the lock */
	WRITE_ONCE(handler->limit, limit);
	handler->page_req = true;
	spin_unlock(&handler->lock);
	return 0;
}

/* ---------------------------------------------------------------- deadlines */

/* Have iommu_fault_expire() look at @group when it is due. No other place does. */
static void iommu_fault_arm(struct iommu_fault_handler *handler,
			    const struct iommu_fault_group *group)
{
	lockdep_assert_held(&handler->lock);
	if (!group->has_deadline)
		return;
	/* One that runs already may wait for the lock, and looks at all. */
	if (delayed_work_pending(&handler->deadline) &&
	    !time_before(group->expires, handler->due))
		return;
	handler->due = group->expires;
	mod_delayed_work(system_unbound_wq, &handler->deadline,
			 max((long)(group->expires - jiffies), 0L));
}

/* The time to answer counts from @from, but is at an end at the longest there is. */
static void iommu_fault_set_deadline(struct iommu_fault_handler *handler,
				     struct iommu_fault_group *group,
				     unsigned long from)
{
	unsigned int timeout = handler->timeout_ms ?:
			       READ_ONCE(iommu_fault_timeout_ms);
	unsigned int max_ms = READ_ONCE(iommu_fault_timeout_max_ms);
	unsigned long last;

	group->has_deadline = timeout;
	group->expires = from + msecs_to_jiffies(timeout);
	last = group->reported + msecs_to_jiffies(max(timeout, max_ms));
	if (max_ms && time_after(group->expires, last))
		group->expires = last;
	iommu_fault_arm(handler, group);
}

/* ------------------------------------------------------------------ way in */

/* All of a record, as user space gets to see it */
static void iommu_fault_fill_record(struct iommu_fault *record,
				    const struct iommu_fault_page_request *in,
				    ioasid_t guest_pasid)
{
	struct iommu_fault_page_request *prm = &record->prm;

	memset(record, 0, sizeof(*record));
	record->type = IOMMU_FAULT_PAGE_REQ;
	prm->flags = in->flags;
	prm->pasid = guest_pasid;
	prm->grpid = in->grpid;
	prm->perm = in->perm;
	prm->addr = in->addr;
	if (in->flags & IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA)
		memcpy(prm->private_data, in->private_data,
		       sizeof(prm->private_data));
}

/* Let a group wait whose last request is @last */
static void iommu_fault_pend(struct iommu_fault_handler *handler,
			     struct iopf_group *iopf,
			     const struct iommu_fault_page_request *last,
			     u64 seen)
{
	struct iommu_fault_group *group;

	lockdep_assert_held(&handler->lock);
	group = hlist_entry(handler->spare.first, struct iommu_fault_group,
			    index_node);
	group->iopf = iopf;
	group->seen = seen;
	group->count = iopf->fault_count;
	group->last = *last;
	group->reported = jiffies;

	hlist_del(&group->index_node);
	hash_add(handler->by_index, &group->index_node, last->grpid);
	list_add_tail(&group->node, &handler->pending);
	handler->waiting += group->count;
	handler->stats.groups++;
	handler->stats.requests += group->count;
	/* If it is due, it is found once we drop the lock. */
	iommu_fault_set_deadline(handler, group, group->reported);
}

/* Report a group. If that is false, @outcome says why, and the caller has it. */
static bool iommu_fault_deliver(struct iommu_fault_handler *handler,
				struct iopf_group *iopf,
				struct iommu_fault *records, u64 seen,
				enum iommu_fault_outcome *outcome)
{
	struct device *dev = handler->fdev->dev;
	unsigned int count = iopf->fault_count;
	struct iommu_fault_page_request *last = &records[count - 1].prm;

	lockdep_assert_held(&handler->lock);
	*outcome = IOMMU_FAULT_STOPPED;
	if (handler->stopped || iopf_group_in_reset(iopf))
		return false;
	*outcome = IOMMU_FAULT_OVER_LIMIT;
	if (count > handler->limit - handler->waiting || hlist_empty(&handler->spare))
		return false;

	/* The device has it for life, so that no two groups get the same one. */
	last->cookie = atomic64_inc_return(&dev->iommu->page_request_cookie);
	last->flags |= IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID;
	*outcome = IOMMU_FAULT_NO_ROOM;
	if (handler->ops->fault(handler->data, records, count))
		return false;

	/* The owner knows of it, but cannot answer before we drop the lock. */
	trace_iommu_fault_delivered(dev, last, count);
	iommu_fault_pend(handler, iopf, last, seen);
	return true;
}

/*
 * Report a group, which is the caller's, to the owner and let it wait; or refuse
 * it. In both cases it may be gone on return.
 */
void iommu_fault_queue(struct iommu_fault_handler *handler,
		       struct iopf_group *iopf, ioasid_t guest_pasid, u64 seen)
{
	enum iommu_fault_outcome outcome = IOMMU_FAULT_OVER_LIMIT;
	struct iommu_fault *records, single;
	struct iopf_fault *fault;
	unsigned int i = 0;
	bool waits;

	/* Do not let a device decide how much is allocated. Without page_req it is 0. */
	if (iopf->fault_count > READ_ONCE(handler->limit))
		goto refuse;
	outcome = IOMMU_FAULT_NO_ROOM;
	records = &single;
	if (iopf->fault_count > 1)
		records = kmalloc_array(iopf->fault_count, sizeof(*records),
					GFP_KERNEL);
	if (!records)
		goto refuse;
	list_for_each_entry(fault, &iopf->faults, list)
		iommu_fault_fill_record(&records[i++], &fault->fault.prm,
					guest_pasid);

	scoped_guard(spinlock, &handler->lock)
		waits = iommu_fault_deliver(handler, iopf, records, seen,
					    &outcome);
	if (records != &single)
		kfree(records);
	if (waits)
		return;
refuse:
	iommu_fault_refuse(handler, iopf, outcome);
}

/* Answer a group that is the caller's and that is not reported */
void iommu_fault_refuse(struct iommu_fault_handler *handler, struct iopf_group *iopf,
			enum iommu_fault_outcome outcome)
{
	trace_iommu_fault_refused(iopf->fault_param->dev,
				  &iopf->last_fault.fault.prm, outcome);
	if (handler) {
		spin_lock(&handler->lock);
		handler->stats.groups++;
		handler->stats.requests += iopf->fault_count;
		handler->stats.outcomes[outcome]++;
		spin_unlock(&handler->lock);
	}
	iopf_group_response(iopf, IOMMU_PAGE_RESP_INVALID);
	iopf_free_group(iopf);
}

/* ----------------------------------------------------------------- way out */

/* What the owner learns of an outcome that is not its own, 0 for nothing */
static u32 iommu_fault_cause(enum iommu_fault_outcome outcome)
{
	switch (outcome) {
	case IOMMU_FAULT_DEADLINE:
		return IOMMU_FAULT_END_DEADLINE;
	case IOMMU_FAULT_UNBIND:
		return IOMMU_FAULT_END_UNBIND;
	case IOMMU_FAULT_RESET:
		return IOMMU_FAULT_END_RESET;
	default:
		return 0;
	}
}

/* Report to the owner that a group of its needs no answer any more */
static void iommu_fault_report_end(struct iommu_fault_handler *handler,
				   const struct iommu_fault_group *group)
{
	const struct iommu_fault_page_request *last = &group->last;
	u32 cause = iommu_fault_cause(group->outcome);
	struct iommu_fault record;

	lockdep_assert_held(&handler->lock);
	if (!cause || handler->stopped)
		return;

	memset(&record, 0, sizeof(record));
	record.type = IOMMU_FAULT_PAGE_REQ_END;
	record.end.flags = last->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	record.end.pasid = last->pasid;
	record.end.grpid = last->grpid;
	record.end.cause = cause;
	record.end.cookie = last->cookie;
	/* It cannot be refused. */
	handler->ops->fault(handler->data, &record, 1);
}

/*
 * The transfer: out of the hands of @handler into @taken, which is the caller's.
 * The one that has taken a group answers it with iommu_fault_answer().
 */
static void iommu_fault_take(struct iommu_fault_handler *handler,
			     struct iommu_fault_group *group,
			     struct list_head *taken,
			     enum iommu_fault_outcome outcome)
{
	lockdep_assert_held(&handler->answer);
	lockdep_assert_held(&handler->lock);

	list_move_tail(&group->node, taken);
	hash_del(&group->index_node);
	handler->waiting -= group->count;
	handler->stats.outcomes[outcome]++;
	group->outcome = outcome;
	trace_iommu_fault_taken(handler->fdev->dev, &group->last, outcome);
	iommu_fault_report_end(handler, group);
}

static enum iommu_page_response_code
iommu_fault_code(enum iommu_fault_outcome outcome)
{
	switch (outcome) {
	case IOMMU_FAULT_SUCCESS:
		return IOMMU_PAGE_RESP_SUCCESS;
	case IOMMU_FAULT_FAILURE:
		return IOMMU_PAGE_RESP_FAILURE;
	default:
		return IOMMU_PAGE_RESP_INVALID;
	}
}

static void iommu_fault_account_latency(struct iommu_fault_handler *handler,
					const struct iommu_fault_group *group)
{
	u64 us = div_u64(ktime_get_ns() - group->seen, NSEC_PER_USEC);

	spin_lock(&handler->lock);
	handler->stats.latency[min(fls64(us), IOMMU_FAULT_LATENCIES - 1)]++;
	spin_unlock(&handler->lock);
}

static struct iommu_page_response
iommu_fault_response(const struct iommu_fault_group *group)
{
	const struct iommu_fault_page_request *prm =
		&group->iopf->last_fault.fault.prm;

	return (struct iommu_page_response) {
		.pasid = prm->pasid,
		.grpid = prm->grpid,
		.code = iommu_fault_code(group->outcome),
	};
}

/* With one wait for all */
static void iommu_fault_respond_batch(struct device *dev,
				      struct iommu_fault_group **groups,
				      unsigned int count)
{
	struct iommu_page_response resps[IOMMU_FAULT_BATCH] __uninitialized;
	struct iopf_fault *faults[IOMMU_FAULT_BATCH] __uninitialized;
	unsigned int i;

	for (i = 0; i < count; i++) {
		faults[i] = &groups[i]->iopf->last_fault;
		resps[i] = iommu_fault_response(groups[i]);
	}
	dev_iommu_ops(dev)->page_response_batch(dev, faults, resps, count);
}

/*
 * By the driver, past iopf_group_response(), which holds a lock that the next
 * report needs.
 */
static void iommu_fault_respond(struct device *dev,
				struct iommu_fault_group **groups,
				unsigned int count)
{
	const struct iommu_ops *ops = dev_iommu_ops(dev);
	struct iommu_page_response resp;
	unsigned int i;

	if (count > 1 && ops->page_response_batch) {
		iommu_fault_respond_batch(dev, groups, count);
		return;
	}
	for (i = 0; i < count; i++) {
		resp = iommu_fault_response(groups[i]);
		ops->page_response(dev, &groups[i]->iopf->last_fault, &resp);
	}
}

static void iommu_fault_answer_batch(struct iommu_fault_handler *handler,
				     struct iommu_fault_group **groups,
				     unsigned int count)
{
	struct iommu_fault_group *due[IOMMU_FAULT_BATCH] __uninitialized;
	struct device *dev = handler->fdev->dev;
	unsigned int i, n = 0;

	/* A device that is reset has forgotten them, see iommu_dev_reset_prepare(). */
	for (i = 0; i < count; i++)
		if (!iopf_group_in_reset(groups[i]->iopf))
			due[n++] = groups[i];
	iommu_fault_respond(dev, due, n);

	for (i = 0; i < count; i++) {
		trace_iommu_fault_answered(dev, &groups[i]->last,
					   groups[i]->outcome);
		if (groups[i]->seen)
			iommu_fault_account_latency(handler, groups[i]);
		iopf_free_group(groups[i]->iopf);
	}

	spin_lock(&handler->lock);
	for (i = 0; i < count; i++)
		hlist_add_head(&groups[i]->index_node, &handler->spare);
	spin_unlock(&handler->lock);
}

/* Answer what iommu_fault_take() handed over, and give its memory back */
static void iommu_fault_answer(struct iommu_fault_handler *handler,
			       struct list_head *taken)
{
	struct iommu_fault_group *groups[IOMMU_FAULT_BATCH] __uninitialized;
	struct iommu_fault_group *group, *next;
	unsigned int count = 0;

	lockdep_assert_held(&handler->answer);
	list_for_each_entry_safe(group, next, taken, node) {
		groups[count++] = group;
		if (count < ARRAY_SIZE(groups) &&
		    !list_entry_is_head(next, taken, node))
			continue;
		iommu_fault_answer_batch(handler, groups, count);
		count = 0;
	}
	/* Each of them may be in use again. */
	INIT_LIST_HEAD(taken);
}

/* ------------------------------------------------ answers of the owner */

static int iommu_fault_check_response(const struct iommu_page_response *resp)
{
	size_t min = offsetof(struct iommu_page_response, cookie);

	if (resp->flags & ~(IOMMU_PAGE_RESP_PASID_VALID |
			    IOMMU_PAGE_RESP_COOKIE_VALID))
		return -EINVAL;
	if (resp->flags & IOMMU_PAGE_RESP_COOKIE_VALID)
		min = offsetofend(struct iommu_page_response, cookie);
	if (resp->argsz < min || resp->version != IOMMU_PAGE_RESP_VERSION_1 ||
	    resp->code > IOMMU_PAGE_RESP_FAILURE)
		return -EINVAL;
	return 0;
}

static bool iommu_fault_match(const struct iommu_fault_group *group,
			      const struct iommu_page_response *resp)
{
	const struct iommu_fault_page_request *prm = &group->last;

	if (prm->grpid != resp->grpid)
		return false;
	if (prm->flags & IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID &&
	    (!(resp->flags & IOMMU_PAGE_RESP_PASID_VALID) ||
	     prm->pasid != resp->pasid))
		return false;
	return !(resp->flags & IOMMU_PAGE_RESP_COOKIE_VALID) ||
	       prm->cookie == resp->cookie;
}

/*
 * The oldest one, if the device has reused an index before it was answered: the
 * last one in the table, which has the youngest first.
 */
static struct iommu_fault_group *
iommu_fault_find_group(struct iommu_fault_handler *handler,
		       const struct iommu_page_response *resp)
{
	struct iommu_fault_group *group, *oldest = NULL;

	hash_for_each_possible(handler->by_index, group, index_node, resp->grpid)
		if (iommu_fault_match(group, resp))
			oldest = group;
	return oldest;
}

static int iommu_fault_take_response(struct iommu_fault_handler *handler,
				     const struct iommu_page_response *resp,
				     struct list_head *taken)
{
	struct iommu_fault_group *group;
	int ret;

	ret = iommu_fault_check_response(resp);
	if (ret)
		return ret;
	group = iommu_fault_find_group(handler, resp);
	if (!group || iopf_group_in_reset(group->iopf))
		return -ENOENT;
	iommu_fault_take(handler, group, taken,
			 (enum iommu_fault_outcome)resp->code);
	return 0;
}

/**
 * iommu_page_response() - Answer page request groups
 * @handler: registration of the handler that the groups were reported to
 * @responses: the answers, checked here, so they may come from an untrusted
 *	caller; PASIDs are by the numbers in the records
 * @count: number of @responses
 *
 * The answers are given in order, up to the first that cannot be given, and
 * the IOMMU driver is asked to wait for hardware once for 16 of them if it can.
 * Private data of the last request goes back to the device with the answer; the
 * caller does not give it.
 *
 * Return: Number of answers given, or if that is none
 *
 * * -EINVAL: argsz too small, wrong version, unknown flag or code
 * * -ENOENT: no group with this PASID, index and cookie waits for an answer of
 *   this owner; the kernel may have given it, or the device is being reset
 *
 * Context: Process context, waits for hardware.
 */
int iommu_page_response(struct iommu_fault_handler *handler,
			const struct iommu_page_response *responses,
			unsigned int count)
{
	unsigned int done = 0, end;
	LIST_HEAD(taken);
	int ret = 0;

	guard(mutex)(&handler->answer);
	while (done < count && !ret) {
		end = min(count, done + IOMMU_FAULT_BATCH);
		scoped_guard(spinlock, &handler->lock) {
			while (done < end) {
				ret = iommu_fault_take_response(handler,
								&responses[done],
								&taken);
				if (ret)
					break;
				done++;
			}
		}
		iommu_fault_answer(handler, &taken);
	}
	return done ?: ret;
}
EXPORT_SYMBOL_GPL(iommu_page_response);

/* ---------------------------------------------- answers of the kernel */

/* End all groups of @handle, or all there are without one */
void iommu_fault_end_all(struct iommu_fault_handler *handler,
			 const struct iommu_attach_handle *handle,
			 enum iommu_fault_outcome outcome)
{
	struct iommu_fault_group *group, *next;
	LIST_HEAD(taken);

	guard(mutex)(&handler->answer);
	scoped_guard(spinlock, &handler->lock)
		list_for_each_entry_safe(group, next, &handler->pending, node)
			if (!handle || group->iopf->attach_handle == handle)
				iommu_fault_take(handler, group, &taken, outcome);
	iommu_fault_answer(handler, &taken);
}

/* End what should have been answered by now, or is to be @ahead jiffies later */
void iommu_fault_expire(struct iommu_fault_handler *handler, unsigned long ahead)
{
	struct iommu_fault_group *group, *next;
	unsigned long now;
	LIST_HEAD(taken);

	guard(mutex)(&handler->answer);
	scoped_guard(spinlock, &handler->lock) {
		now = jiffies + ahead;
		list_for_each_entry_safe(group, next, &handler->pending, node) {
			if (group->has_deadline &&
			    time_before_eq(group->expires, now))
				iommu_fault_take(handler, group, &taken,
						 IOMMU_FAULT_DEADLINE);
			else
				iommu_fault_arm(handler, group);
		}
	}

	if (!list_empty(&taken))
		dev_warn_ratelimited(handler->fdev->dev,
				     "page requests not answered in time\n");
	iommu_fault_answer(handler, &taken);
}

/**
 * iommu_fault_handler_set_timeout() - Set the time to answer page requests
 * @handler: the registration
 * @timeout_ms: in milliseconds; 0 for the default, which is the parameter
 *	iommu_fault.timeout_ms. What exceeds the parameter
 *	iommu_fault.timeout_max_ms is cut to that.
 *
 * Holds for groups that are reported later, from their report on, and for those
 * that wait, from the call on: an owner that was stopped finds them still there.
 * Whatever it asks for, no group waits for longer than timeout_max_ms in all.
 *
 * Context: Process context. Does not wait.
 */
void iommu_fault_handler_set_timeout(struct iommu_fault_handler *handler,
				     unsigned int timeout_ms)
{
	unsigned int max_ms = READ_ONCE(iommu_fault_timeout_max_ms);
	struct iommu_fault_group *group;

	if (max_ms)
		timeout_ms = min(timeout_ms, max_ms);

	scoped_guard(spinlock, &handler->lock) {
		handler->timeout_ms = timeout_ms;
		list_for_each_entry(group, &handler->pending, node)
			iommu_fault_set_deadline(handler, group, jiffies);
	}
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_set_timeout);

static bool iommu_fault_partial_is_for(ioasid_t pasid,
				       const struct iommu_attach_handle *handle,
				       void *arg)
{
	return iommu_fault_handler_is_for(arg, pasid);
}

/* Forget requests of the handler's PASIDs whose group is not complete */
static void iommu_fault_drop_partial(struct iommu_fault_handler *handler)
{
	iopf_drop_partial(handler->fdev->dev, iommu_fault_partial_is_for,
			  handler);
}

/**
 * iommu_fault_handler_stop() - Take no more page requests
 * @handler: the registration
 *
 * What waits for an answer and what comes later is answered with
 * IOMMU_PAGE_RESP_INVALID, unrecoverable faults are not reported, and the owner
 * gets -ENOENT for its answers. Requests whose group is not complete are
 * forgotten. For an owner that is gone while its device is not.
 *
 * Context: Process context, waits for the hardware of the device.
 */
void iommu_fault_handler_stop(struct iommu_fault_handler *handler)
{
	scoped_guard(spinlock, &handler->lock) {
		handler->stopped = true;
		/* All end here, so there is nothing to look after. */
		cancel_delayed_work(&handler->deadline);
	}
	iommu_fault_drop_partial(handler);
	iommu_fault_end_all(handler, NULL, IOMMU_FAULT_CLOSE);
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_stop);

/**
 * iommu_fault_handler_start() - Undo iommu_fault_handler_stop()
 * @handler: the registration
 *
 * A group that began before that is reported without its first requests.
 *
 * Context: Process context, waits for the hardware of the device.
 */
void iommu_fault_handler_start(struct iommu_fault_handler *handler)
{
	iommu_fault_drop_partial(handler);
	spin_lock(&handler->lock);
	handler->stopped = false;
	spin_unlock(&handler->lock);
}
EXPORT_SYMBOL_GPL(iommu_fault_handler_start);
