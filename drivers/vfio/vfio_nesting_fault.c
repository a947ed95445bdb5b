// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO: IOMMU faults of devices in a container of type nesting
 *
 * A file for each device, from which user space reads fault records and to which
 * it writes the answers to page requests. The records wait in a ring that the
 * kernel alone writes. They are reported by a thread of the IOMMU driver, which
 * does not wait: what finds no room is answered, or counted as lost.
 *
 * A group is taken only if there is room for its end as well, so the record of
 * the end, if user space wants it, cannot be lost.
 *
 * When the file is closed while the device stays open, the kernel answers in
 * place of user space until another one is asked for. When the device is closed
 * first, no more records come from the file.
 *
 * Locks, outer to inner:
 *
 *	vfio_nesting_faults::lock	queues of a container
 *	  vfio_fault_queue::mutex	the IOMMU's side of a queue
 *	    locks of the faults		see drivers/iommu/guest/fault_private.h
 *	      vfio_fault_queue::lock	the ring
 *	    vfio_fault_queue::reader	user space's side of the ring
 *	      vfio_fault_queue::lock
 *
 * Of all these, user memory is accessed with vfio_fault_queue::reader only.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu-fault.h>
#include <linux/iommu-guest.h>
#include <linux/kref.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <trace/events/iommu_fault.h>

#include "vfio_nesting_fault.h"

/* Records in a ring, a power of two */
#define VFIO_FAULT_RING		1024
/* Records in the ring that have nothing to do with page requests */
#define VFIO_FAULT_EVENTS	256
/* Answers that are fetched from user space at a time */
#define VFIO_FAULT_BATCH	16

/**
 * struct vfio_fault_queue - the faults of a device
 * @ref: one for the list, one for the file
 * @dev: the device. Valid with @handler only.
 * @node: in vfio_nesting_faults::queues
 * @mutex: protects @handler and @opened
 * @handler: where answers go; NULL when the device was closed
 * @opened: there is a file
 * @reader: held to take records out of the ring
 * @wait: for records
 * @lock: protects all below. Records between @tail and @head stay as they are,
 *	so that the holder of @reader can read them without.
 * @flags: VFIO_NESTING_FAULT_* that the file was opened with
 * @closed: the device was closed
 * @head: of the ring, free running
 * @tail: of the ring, free running
 * @waiting: groups that were put into the ring and have no outcome yet. There
 *	is room for the end of each.
 * @events: records in the ring that have nothing to do with page requests
 * @lost: records since the last overflow record
 * @ring: VFIO_FAULT_RING records
 */
struct vfio_fault_queue {
	struct kref ref;
	struct device *dev;
	struct list_head node;
	struct mutex mutex;	/* see above */
	struct iommu_fault_handler *handler;
	bool opened;
	struct mutex reader;	/* see above */
	wait_queue_head_t wait;
	spinlock_t lock;	/* all below */
	u32 flags;
	bool closed;
	u32 head;
	u32 tail;
	u32 waiting;
	u32 events;
	u64 lost;
	struct iommu_fault *ring;
};

static void vfio_fault_queue_free(struct kref *ref)
{
	struct vfio_fault_queue *q = container_of(ref, struct vfio_fault_queue,
						  ref);

	mutex_destroy(&q->mutex);
	mutex_destroy(&q->reader);
	kvfree(q->ring);
	kfree(q);
}

static struct vfio_fault_queue *vfio_fault_queue_alloc(struct device *dev)
{
	struct vfio_fault_queue *q;

	q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	if (!q)
		return NULL;
	q->ring = kvcalloc(VFIO_FAULT_RING, sizeof(*q->ring),
			   GFP_KERNEL_ACCOUNT);
	if (!q->ring) {
		kfree(q);
		return NULL;
	}

	kref_init(&q->ref);
	q->dev = dev;
	mutex_init(&q->mutex);
	mutex_init(&q->reader);
	init_waitqueue_head(&q->wait);
	spin_lock_init(&q->lock);
	return q;
}

/* ------------------------------------------------- the IOMMU's side */

static struct iommu_fault *vfio_fault_slot(struct vfio_fault_queue *q, u32 pos)
{
	return &q->ring[pos % VFIO_FAULT_RING];
}

static bool vfio_fault_readable(const struct vfio_fault_queue *q)
{
	lockdep_assert_held(&q->lock);
	return q->head != q->tail || q->lost;
}

static bool vfio_fault_awaited(struct vfio_fault_queue *q)
{
	bool awaited;

	spin_lock(&q->lock);
	awaited = vfio_fault_readable(q) || q->closed;
	spin_unlock(&q->lock);
	return awaited;
}

/* Report what was lost, if there is room */
static void vfio_fault_push_overflow(struct vfio_fault_queue *q)
{
	struct iommu_fault *record;

	lockdep_assert_held(&q->lock);
	if (!q->lost || q->events == VFIO_FAULT_EVENTS)
		return;

	record = vfio_fault_slot(q, q->head++);
	memset(record, 0, sizeof(*record));
	record->type = IOMMU_FAULT_OVERFLOW;
	record->overflow.lost = q->lost;
	q->events++;
	q->lost = 0;
}

static int vfio_fault_push_event(struct vfio_fault_queue *q,
				 const struct iommu_fault *record)
{
	vfio_fault_push_overflow(q);
	if (q->events == VFIO_FAULT_EVENTS) {
		q->lost++;
		return -ENOSPC;
	}
	*vfio_fault_slot(q, q->head++) = *record;
	q->events++;
	return 0;
}

/*
 * The share of the events is never used by page requests, nor theirs by events.
 * One more record is kept for the end of each group.
 */
static int vfio_fault_push_group(struct vfio_fault_queue *q,
				 const struct iommu_fault *records,
				 unsigned int count)
{
	unsigned int used = q->head - q->tail - q->events, i;

	if (q->flags & VFIO_NESTING_FAULT_REQ_END)
		used += q->waiting + 1;
	if (!(q->flags & VFIO_NESTING_FAULT_PAGE_REQ) ||
	    used + count > VFIO_FAULT_RING - VFIO_FAULT_EVENTS)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		*vfio_fault_slot(q, q->head++) = records[i];
	q->waiting++;
	return 0;
}

/* The kernel has put an end to a group that is or was in the ring */
static int vfio_fault_push_end(struct vfio_fault_queue *q,
			       const struct iommu_fault *record)
{
	if (!q->waiting)
		return -ENOENT;
	q->waiting--;
	if (q->flags & VFIO_NESTING_FAULT_REQ_END)
		*vfio_fault_slot(q, q->head++) = *record;
	return 0;
}

static int vfio_fault_handler(void *data, const struct iommu_fault *records,
			      unsigned int count)
{
	struct vfio_fault_queue *q = data;
	int ret;

	spin_lock(&q->lock);
	switch (records->type) {
	case IOMMU_FAULT_PAGE_REQ:
		ret = vfio_fault_push_group(q, records, count);
		break;
	case IOMMU_FAULT_PAGE_REQ_END:
		ret = vfio_fault_push_end(q, records);
		break;
	default:
		ret = vfio_fault_push_event(q, records);
	}
	spin_unlock(&q->lock);

	if (wq_has_sleeper(&q->wait))
		wake_up_interruptible_poll(&q->wait, EPOLLIN | EPOLLRDNORM);
	return ret;
}

static const struct iommu_fault_handler_ops vfio_fault_ops = {
	.fault = vfio_fault_handler,
	.private_pasids = true,
};

/* -------------------------------------------------- user space's side */

/* Records from @tail on; an overflow is reported when there is nothing else */
static unsigned int vfio_fault_ready(struct vfio_fault_queue *q)
{
	unsigned int count;

	lockdep_assert_held(&q->reader);
	spin_lock(&q->lock);
	if (q->head == q->tail)
		vfio_fault_push_overflow(q);
	count = q->head - q->tail;
	spin_unlock(&q->lock);
	return count;
}

static bool vfio_fault_ends_group(const struct iommu_fault *record)
{
	return record->type != IOMMU_FAULT_PAGE_REQ ||
	       record->prm.flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE;
}

/* The part of the next @count records that parts no group */
static unsigned int vfio_fault_whole(struct vfio_fault_queue *q,
				     unsigned int count)
{
	while (count && !vfio_fault_ends_group(vfio_fault_slot(q, q->tail +
							       count - 1)))
		count--;
	return count;
}

/* At most two pieces, as the ring has one end */
static int vfio_fault_copy(struct vfio_fault_queue *q, unsigned int count,
			   struct iov_iter *to)
{
	const size_t each = sizeof(struct iommu_fault);
	size_t first = min(count, VFIO_FAULT_RING - q->tail % VFIO_FAULT_RING) *
		       each;
	size_t rest = count * each - first;

	if (copy_to_iter(vfio_fault_slot(q, q->tail), first, to) != first ||
	    (rest && copy_to_iter(q->ring, rest, to) != rest))
		return -EFAULT;
	return 0;
}

static void vfio_fault_trace_read(struct vfio_fault_queue *q,
				  unsigned int count)
{
	const struct iommu_fault *record;
	unsigned int i, requests = 0;

	for (i = 0; i < count; i++) {
		record = vfio_fault_slot(q, q->tail + i);
		if (record->type != IOMMU_FAULT_PAGE_REQ)
			continue;
		requests++;
		if (!vfio_fault_ends_group(record))
			continue;
		scoped_guard(spinlock, &q->lock)
			if (!q->closed)
				trace_iommu_fault_read(q->dev, &record->prm,
						       requests);
		requests = 0;
	}
}

static bool vfio_fault_is_event(const struct iommu_fault *record)
{
	return record->type != IOMMU_FAULT_PAGE_REQ &&
	       record->type != IOMMU_FAULT_PAGE_REQ_END;
}

static void vfio_fault_pop(struct vfio_fault_queue *q, unsigned int count)
{
	unsigned int i, events = 0;

	for (i = 0; i < count; i++)
		events += vfio_fault_is_event(vfio_fault_slot(q, q->tail + i));
	if (trace_iommu_fault_read_enabled())
		vfio_fault_trace_read(q, count);

	spin_lock(&q->lock);
	q->events -= events;
	q->tail += count;
	spin_unlock(&q->lock);
}

/* What is there, as far as it fits; 0 if nothing is there */
static ssize_t vfio_fault_read_some(struct vfio_fault_queue *q,
				    struct iov_iter *to)
{
	const size_t each = sizeof(struct iommu_fault);
	unsigned int count;
	int ret = 0;

	if (mutex_lock_interruptible(&q->reader))
		return -ERESTARTSYS;
	count = vfio_fault_ready(q);
	if (count) {
		count = vfio_fault_whole(q, min(count,
						iov_iter_count(to) / each));
		ret = count ? vfio_fault_copy(q, count, to) : -EINVAL;
	}
	if (!ret)
		vfio_fault_pop(q, count);
	mutex_unlock(&q->reader);
	return ret ?: count * each;
}

static ssize_t vfio_fault_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct vfio_fault_queue *q = file->private_data;
	ssize_t ret;

	if (iov_iter_count(to) < sizeof(struct iommu_fault))
		return -EINVAL;

	do {
		if (READ_ONCE(q->closed))
			return -ENODEV;
		ret = vfio_fault_read_some(q, to);
		if (ret)
			return ret;
		if (file->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		ret = wait_event_interruptible(q->wait, vfio_fault_awaited(q));
	} while (!ret);
	return ret;
}

/* Number of answers given, or an error. They need no end any more. */
static int vfio_fault_respond(struct vfio_fault_queue *q,
			      const struct iommu_page_response *resps,
			      unsigned int count)
{
	int ret;

	guard(mutex)(&q->mutex);
	if (!q->handler)
		return -ENODEV;
	ret = iommu_page_response(q->handler, resps, count);
	if (ret > 0) {
		spin_lock(&q->lock);
		q->waiting -= ret;
		spin_unlock(&q->lock);
	}
	return ret;
}

/* What an answer has behind that which is known must be zero */
static int vfio_fault_check_tail(struct iov_iter *from, size_t size)
{
	u8 buf[32];
	size_t part;

	for (; size; size -= part) {
		part = min(size, sizeof(buf));
		if (!copy_from_iter_full(buf, part, from))
			return -EFAULT;
		if (memchr_inv(buf, 0, part))
			return -E2BIG;
	}
	return 0;
}

static int vfio_fault_fetch(struct iommu_page_response *resp, u32 stride,
			    struct iov_iter *from)
{
	size_t known = min(stride, sizeof(*resp));

	memset(resp, 0, sizeof(*resp));
	if (!copy_from_iter_full(resp, known, from))
		return -EFAULT;
	if (resp->argsz != stride)
		return -EINVAL;
	return vfio_fault_check_tail(from, stride - known);
}

/* Number of answers given of the next @count ones, or an error if it is none */
static int vfio_fault_write_some(struct vfio_fault_queue *q,
				 struct iov_iter *from, u32 stride,
				 unsigned int count)
{
	struct iommu_page_response resps[VFIO_FAULT_BATCH] __uninitialized;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count; i++) {
		ret = vfio_fault_fetch(&resps[i], stride, from);
		if (ret)
			break;
	}
	return i ? vfio_fault_respond(q, resps, i) : ret;
}

/* The first answer says how long each of them is */
static int vfio_fault_stride(struct iov_iter *from, u32 *stride)
{
	if (iov_iter_count(from) < sizeof(*stride))
		return -EINVAL;
	if (!copy_from_iter_full(stride, sizeof(*stride), from))
		return -EFAULT;
	iov_iter_revert(from, sizeof(*stride));

	if (*stride < offsetof(struct iommu_page_response, cookie) ||
	    !IS_ALIGNED(*stride, sizeof(u64)))
		return -EINVAL;
	if (*stride > SZ_4K)
		return -E2BIG;
	return iov_iter_count(from) % *stride ? -EINVAL : 0;
}

static ssize_t vfio_fault_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct vfio_fault_queue *q = iocb->ki_filp->private_data;
	size_t left, done = 0;
	unsigned int count;
	u32 stride;
	int ret;

	ret = vfio_fault_stride(from, &stride);
	if (ret)
		return ret;

	for (left = iov_iter_count(from) / stride; left; left -= ret) {
		count = min(left, VFIO_FAULT_BATCH);
		ret = vfio_fault_write_some(q, from, stride, count);
		if (ret < 0)
			break;
		done += ret * stride;
		if (ret < count || signal_pending(current))
			break;
		cond_resched();
	}
	return done ?: ret;
}

static __poll_t vfio_fault_poll(struct file *file, poll_table *wait)
{
	struct vfio_fault_queue *q = file->private_data;
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &q->wait, wait);
	spin_lock(&q->lock);
	if (q->closed)
		events = EPOLLERR | EPOLLHUP;
	else if (vfio_fault_readable(q))
		events |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&q->lock);
	return events;
}

/* Forget what was not read */
static void vfio_fault_reset(struct vfio_fault_queue *q)
{
	guard(mutex)(&q->reader);
	spin_lock(&q->lock);
	q->tail = q->head;
	q->waiting = 0;
	q->events = 0;
	q->lost = 0;
	spin_unlock(&q->lock);
}

static int vfio_fault_release(struct inode *inode, struct file *file)
{
	struct vfio_fault_queue *q = file->private_data;

	/* It was never given out */
	if (!q)
		return 0;

	scoped_guard(mutex, &q->mutex) {
		if (q->handler)
			iommu_fault_handler_stop(q->handler);
		vfio_fault_reset(q);
		q->opened = false;
	}
	kref_put(&q->ref, vfio_fault_queue_free);
	return 0;
}

static const struct file_operations vfio_fault_fops = {
	.owner = THIS_MODULE,
	.read_iter = vfio_fault_read,
	.write_iter = vfio_fault_write,
	.poll = vfio_fault_poll,
	.release = vfio_fault_release,
};

/* ------------------------------------------------------- the container */

/**
 * vfio_nesting_faults_init() - Prepare for faults of the devices of a container
 * @faults: to be initialised
 * @ctx: guest context of the container
 */
void vfio_nesting_faults_init(struct vfio_nesting_faults *faults,
			      struct iommu_guest_ctx *ctx)
{
	faults->ctx = ctx;
	mutex_init(&faults->lock);
	INIT_LIST_HEAD(&faults->queues);
}
EXPORT_SYMBOL_NS_GPL(vfio_nesting_faults_init, VFIO_NESTING_TEST);

/**
 * vfio_nesting_faults_destroy() - Undo vfio_nesting_faults_init()
 * @faults: what has no device any more
 */
void vfio_nesting_faults_destroy(struct vfio_nesting_faults *faults)
{
	WARN_ON(!list_empty(&faults->queues));
	mutex_destroy(&faults->lock);
}
EXPORT_SYMBOL_NS_GPL(vfio_nesting_faults_destroy, VFIO_NESTING_TEST);

static struct vfio_fault_queue *
vfio_fault_find(struct vfio_nesting_faults *faults, struct device *dev)
{
	struct vfio_fault_queue *q;

	lockdep_assert_held(&faults->lock);
	list_for_each_entry(q, &faults->queues, node)
		if (q->dev == dev)
			return q;
	return NULL;
}

static struct vfio_fault_queue *
vfio_fault_queue_create(struct vfio_nesting_faults *faults, struct device *dev,
			u32 flags)
{
	struct vfio_fault_queue *q;
	struct iommu_fault_handler *handler;

	q = vfio_fault_queue_alloc(dev);
	if (!q)
		return ERR_PTR(-ENOMEM);

	handler = iommu_guest_handle_faults(faults->ctx, dev, &vfio_fault_ops, q,
					    flags & VFIO_NESTING_FAULT_PAGE_REQ);
	if (IS_ERR(handler)) {
		kref_put(&q->ref, vfio_fault_queue_free);
		return ERR_CAST(handler);
	}
	q->handler = handler;
	list_add_tail(&q->node, &faults->queues);
	return q;
}

/* The queue of @dev for a new file, made if need be */
static struct vfio_fault_queue *
vfio_fault_queue_get(struct vfio_nesting_faults *faults, struct device *dev,
		     u32 flags)
{
	struct vfio_fault_queue *q = vfio_fault_find(faults, dev);
	int ret;

	if (!q)
		return vfio_fault_queue_create(faults, dev, flags);
	scoped_guard(mutex, &q->mutex)
		if (q->opened)
			return ERR_PTR(-EBUSY);
	if (flags & VFIO_NESTING_FAULT_PAGE_REQ) {
		ret = iommu_fault_handler_enable_page_req(q->handler);
		if (ret)
			return ERR_PTR(ret);
	}
	return q;
}

/**
 * vfio_nesting_only_device() - Find the device that an operation is on
 * @faults: of the container
 * @dev: the device that user space names, or NULL for the only one
 *
 * Return: @dev, or the only device, which stays as long as the lock is held; or
 * ERR_PTR of
 *
 * * -ENODEV: no device is open
 * * -EINVAL: there are several
 *
 * Context: Process context, with vfio_nesting_faults::lock held.
 */
struct device *vfio_nesting_only_device(struct vfio_nesting_faults *faults,
					struct device *dev)
{
	lockdep_assert_held(&faults->lock);
	return dev ?: iommu_guest_only_device(faults->ctx);
}

/**
 * vfio_nesting_open_faults() - Open the faults of a device
 * @faults: of the container
 * @dev: a device of the container, or NULL for the only one
 * @flags: combination of VFIO_NESTING_FAULT_*
 *
 * Return: A file descriptor, or
 *
 * * -ENODEV: @dev is not in the container
 * * -EINVAL: @dev is NULL and there are several devices
 * * -EBUSY: there is such a file already, or another owner uses the page
 *   requests of the device
 * * -EOPNOTSUPP: page requests are asked for, and @dev has none
 * * -EMFILE, -ENFILE, -ENOMEM
 *
 * Context: Process context.
 */
int vfio_nesting_open_faults(struct vfio_nesting_faults *faults,
			     struct device *dev, u32 flags)
{
	struct vfio_fault_queue *q;
	struct file *file;
	int fd, ret;

	guard(mutex)(&faults->lock);
	dev = vfio_nesting_only_device(faults, dev);
	if (IS_ERR(dev))
		return PTR_ERR(dev);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[vfio-fault]", &vfio_fault_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_fd;
	}
	/* Last, because it lasts: the queue stays as long as the device. */
	q = vfio_fault_queue_get(faults, dev, flags);
	if (IS_ERR(q)) {
		ret = PTR_ERR(q);
		goto out_file;
	}

	/* The file owns a reference from here on, and nothing fails. */
	kref_get(&q->ref);
	file->private_data = q;
	scoped_guard(mutex, &q->mutex)
		q->opened = true;
	scoped_guard(spinlock, &q->lock)
		q->flags = flags;
	iommu_fault_handler_set_timeout(q->handler, 0);
	iommu_fault_handler_start(q->handler);
	fd_install(fd, file);
	return fd;

out_file:
	fput(file);
out_fd:
	put_unused_fd(fd);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(vfio_nesting_open_faults, VFIO_NESTING_TEST);

/* The queue of the device that is meant */
static struct vfio_fault_queue *
vfio_fault_queue_of(struct vfio_nesting_faults *faults, struct device *dev)
{
	dev = vfio_nesting_only_device(faults, dev);
	if (IS_ERR(dev))
		return ERR_CAST(dev);
	return vfio_fault_find(faults, dev) ?: ERR_PTR(-ENOENT);
}

/**
 * vfio_nesting_page_response() - Answer a page request group
 * @faults: of the container
 * @dev: the device that sent it, or NULL for the only one
 * @resp: the answer
 *
 * Return: 0, or
 *
 * * -ENOENT: the faults of @dev were never opened, or see iommu_page_response()
 * * -ENODEV, -EINVAL: @dev is NULL and there is none or there are several
 * * -EINVAL: see iommu_page_response()
 *
 * Context: Process context, waits for hardware.
 */
int vfio_nesting_page_response(struct vfio_nesting_faults *faults,
			       struct device *dev,
			       const struct iommu_page_response *resp)
{
	struct vfio_fault_queue *q;
	int ret;

	guard(mutex)(&faults->lock);
	q = vfio_fault_queue_of(faults, dev);
	if (IS_ERR(q))
		return PTR_ERR(q);
	ret = vfio_fault_respond(q, resp, 1);
	return min(ret, 0);
}

/**
 * vfio_nesting_fault_timeout() - Set the time to answer page requests
 * @faults: of the container
 * @dev: a device of the container, or NULL for the only one
 * @timeout_ms: milliseconds, see iommu_fault_handler_set_timeout()
 *
 * Return: 0, or
 *
 * * -ENOENT: the faults of @dev were never opened
 * * -ENODEV, -EINVAL: @dev is NULL and there is none or there are several
 *
 * Context: Process context.
 */
int vfio_nesting_fault_timeout(struct vfio_nesting_faults *faults,
			       struct device *dev, u32 timeout_ms)
{
	struct vfio_fault_queue *q;

	guard(mutex)(&faults->lock);
	q = vfio_fault_queue_of(faults, dev);
	if (IS_ERR(q))
		return PTR_ERR(q);
	/* As long as the queue is in the list it has a handler. */
	iommu_fault_handler_set_timeout(q->handler, timeout_ms);
	return 0;
}

/**
 * vfio_nesting_faults_remove_device() - Remove a device from the guest context
 * @faults: of the container
 * @dev: the device, which was closed for the last time
 *
 * What waits for an answer gets one, and the reader of the faults learns that
 * there will be no more.
 *
 * Context: Process context, waits for hardware.
 */
void vfio_nesting_faults_remove_device(struct vfio_nesting_faults *faults,
				       struct device *dev)
{
	struct vfio_fault_queue *q;

	guard(mutex)(&faults->lock);
	q = vfio_fault_find(faults, dev);
	if (q) {
		list_del(&q->node);
		scoped_guard(mutex, &q->mutex)
			q->handler = NULL;
	}

	iommu_guest_remove_device(faults->ctx, dev);
	if (!q)
		return;

	scoped_guard(spinlock, &q->lock)
		WRITE_ONCE(q->closed, true);
	wake_up_interruptible_poll(&q->wait, EPOLLERR | EPOLLHUP);
	kref_put(&q->ref, vfio_fault_queue_free);
}
EXPORT_SYMBOL_NS_GPL(vfio_nesting_faults_remove_device, VFIO_NESTING_TEST);
