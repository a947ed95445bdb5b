// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO: IOMMU faults of devices in a container of type nesting
 *
 * A file for each device, from which user space reads fault records and to which
 * it writes the answers to page requests. The records wait in a ring that the
 * kernel alone writes. They are told by a thread of the IOMMU driver, which waits
 * for nobody: what finds no room is answered, or counted as lost.
 *
 * When the file is closed while the device stays open, the kernel answers in
 * place of user space until another one is asked for. When the device is closed
 * first, the file has nothing to say any more.
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
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu-fault.h>
#include <linux/iommu-guest.h>
#include <linux/kref.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <trace/events/iommu_fault.h>

#include "vfio_nesting_fault.h"

/* Records in a ring, a power of two */
#define VFIO_FAULT_RING		1024
/* Records in the ring that are no page requests */
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
 * @reader: who has it takes records out of the ring
 * @wait: for records
 * @lock: protects all below. Records between @tail and @head stay as they are,
 *	so that who holds @reader can read them without.
 * @page_req: page requests are wanted
 * @closed: the device was closed
 * @head: of the ring, free running
 * @tail: of the ring, free running
 * @events: records in the ring that are no page requests
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
	bool page_req;
	bool closed;
	u32 head;
	u32 tail;
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

/* Tell of what was lost, if there is room */
static void vfio_fault_push_overflow(struct vfio_fault_queue *q)
{
	lockdep_assert_held(&q->lock);
	if (!q->lost || q->events == VFIO_FAULT_EVENTS)
		return;

	*vfio_fault_slot(q, q->head++) = (struct iommu_fault) {
		.type = IOMMU_FAULT_OVERFLOW,
		.overflow.lost = q->lost,
	};
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

/* The share of the events is never used by page requests, nor theirs by events */
static int vfio_fault_push_group(struct vfio_fault_queue *q,
				 const struct iommu_fault *records,
				 unsigned int count)
{
	unsigned int used = q->head - q->tail - q->events, i;

	if (!q->page_req ||
	    count > VFIO_FAULT_RING - VFIO_FAULT_EVENTS - used)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		*vfio_fault_slot(q, q->head++) = records[i];
	return 0;
}

static int vfio_fault_handler(void *data, const struct iommu_fault *records,
			      unsigned int count)
{
	struct vfio_fault_queue *q = data;
	int ret;

	scoped_guard(spinlock, &q->lock) {
		if (records->type == IOMMU_FAULT_PAGE_REQ)
			ret = vfio_fault_push_group(q, records, count);
		else
			ret = vfio_fault_push_event(q, records);
	}
	if (wq_has_sleeper(&q->wait))
		wake_up_interruptible_poll(&q->wait, EPOLLIN | EPOLLRDNORM);
	return ret;
}

static const struct iommu_fault_handler_ops vfio_fault_ops = {
	.fault = vfio_fault_handler,
};

/* -------------------------------------------------- user space's side */

/* Records from @tail on; an overflow is told when there is nothing else */
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
			   char __user *buf)
{
	const size_t each = sizeof(struct iommu_fault);
	unsigned int first = min(count, VFIO_FAULT_RING -
				 q->tail % VFIO_FAULT_RING);

	if (copy_to_user(buf, vfio_fault_slot(q, q->tail), first * each) ||
	    copy_to_user(buf + first * each, q->ring, (count - first) * each))
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

static void vfio_fault_pop(struct vfio_fault_queue *q, unsigned int count)
{
	unsigned int i, events = 0;

	for (i = 0; i < count; i++)
		if (vfio_fault_slot(q, q->tail + i)->type != IOMMU_FAULT_PAGE_REQ)
			events++;
	if (trace_iommu_fault_read_enabled())
		vfio_fault_trace_read(q, count);

	spin_lock(&q->lock);
	q->events -= events;
	q->tail += count;
	spin_unlock(&q->lock);
}

/* What is there, as far as it fits; 0 if nothing is there */
static ssize_t vfio_fault_read_some(struct vfio_fault_queue *q,
				    char __user *buf, size_t size)
{
	unsigned int count;
	int ret = 0;

	if (mutex_lock_interruptible(&q->reader))
		return -ERESTARTSYS;
	count = vfio_fault_ready(q);
	if (count) {
		count = vfio_fault_whole(q, min(count, size /
						sizeof(struct iommu_fault)));
		ret = count ? vfio_fault_copy(q, count, buf) : -EINVAL;
	}
	if (!ret)
		vfio_fault_pop(q, count);
	mutex_unlock(&q->reader);
	return ret ?: count * sizeof(struct iommu_fault);
}

static ssize_t vfio_fault_read(struct file *file, char __user *buf, size_t size,
			       loff_t *ppos)
{
	struct vfio_fault_queue *q = file->private_data;
	ssize_t ret;

	if (size < sizeof(struct iommu_fault))
		return -EINVAL;

	do {
		if (READ_ONCE(q->closed))
			return -ENODEV;
		ret = vfio_fault_read_some(q, buf, size);
		if (ret)
			return ret;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(q->wait, vfio_fault_awaited(q));
	} while (!ret);
	return ret;
}

static int vfio_fault_respond(struct vfio_fault_queue *q,
			      const struct iommu_page_response *resps,
			      unsigned int count)
{
	guard(mutex)(&q->mutex);
	if (!q->handler)
		return -ENODEV;
	return iommu_page_response(q->handler, resps, count);
}

/* Number of answers given of the next @count ones at @buf, or an error */
static int vfio_fault_write_some(struct vfio_fault_queue *q,
				 const char __user *buf, unsigned int count)
{
	struct iommu_page_response resps[VFIO_FAULT_BATCH];
	unsigned int i;

	if (copy_from_user(resps, buf, count * sizeof(resps[0])))
		return -EFAULT;
	/* They have no other size here. */
	for (i = 0; i < count; i++)
		if (resps[i].argsz > sizeof(resps[i]))
			break;
	return i ? vfio_fault_respond(q, resps, i) : -EINVAL;
}

static ssize_t vfio_fault_write(struct file *file, const char __user *buf,
				size_t size, loff_t *ppos)
{
	const size_t each = sizeof(struct iommu_page_response);
	struct vfio_fault_queue *q = file->private_data;
	size_t left = size / each;
	unsigned int count;
	int ret = 0;

	if (!left || size % each)
		return -EINVAL;

	while (left) {
		count = min(left, VFIO_FAULT_BATCH);
		ret = vfio_fault_write_some(q, buf, count);
		if (ret < 0)
			break;
		left -= ret;
		buf += ret * each;
		if (ret < count || signal_pending(current))
			break;
		cond_resched();
	}
	size -= left * each;
	return size ?: ret;
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

/* Forget what nobody has read */
static void vfio_fault_reset(struct vfio_fault_queue *q)
{
	guard(mutex)(&q->reader);
	spin_lock(&q->lock);
	q->tail = q->head;
	q->events = 0;
	q->lost = 0;
	spin_unlock(&q->lock);
}

static int vfio_fault_release(struct inode *inode, struct file *file)
{
	struct vfio_fault_queue *q = file->private_data;

	/* Nobody has ever had it */
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
	.read = vfio_fault_read,
	.write = vfio_fault_write,
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

/**
 * vfio_nesting_faults_destroy() - Undo vfio_nesting_faults_init()
 * @faults: what has no device any more
 */
void vfio_nesting_faults_destroy(struct vfio_nesting_faults *faults)
{
	WARN_ON(!list_empty(&faults->queues));
	mutex_destroy(&faults->lock);
}

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
			bool page_req)
{
	struct vfio_fault_queue *q;
	struct iommu_fault_handler *handler;

	q = vfio_fault_queue_alloc(dev);
	if (!q)
		return ERR_PTR(-ENOMEM);

	handler = iommu_guest_handle_faults(faults->ctx, dev, &vfio_fault_ops, q,
					 page_req);
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
		     bool page_req)
{
	struct vfio_fault_queue *q = vfio_fault_find(faults, dev);
	int ret;

	if (!q)
		return vfio_fault_queue_create(faults, dev, page_req);
	scoped_guard(mutex, &q->mutex)
		if (q->opened)
			return ERR_PTR(-EBUSY);
	if (page_req) {
		ret = iommu_fault_handler_enable_page_req(q->handler);
		if (ret)
			return ERR_PTR(ret);
	}
	return q;
}

/**
 * vfio_nesting_open_faults() - Open the faults of a device
 * @faults: of the container
 * @dev: a device of the container, or NULL for the only one
 * @page_req: include page requests
 *
 * Return: A file descriptor, or
 *
 * * -ENODEV: @dev is not in the container
 * * -EINVAL: @dev is NULL and there are several devices
 * * -EBUSY: there is such a file already, or somebody else uses the page
 *   requests of the device
 * * -EOPNOTSUPP: @page_req, and @dev has no page requests
 * * -EMFILE, -ENFILE, -ENOMEM
 *
 * Context: Process context.
 */
int vfio_nesting_open_faults(struct vfio_nesting_faults *faults,
			     struct device *dev, bool page_req)
{
	struct vfio_fault_queue *q;
	struct file *file;
	int fd, ret;

	guard(mutex)(&faults->lock);
	if (!dev)
		dev = iommu_guest_only_device(faults->ctx);
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
	q = vfio_fault_queue_get(faults, dev, page_req);
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
		q->page_req = page_req;
	iommu_fault_handler_start(q->handler);
	fd_install(fd, file);
	return fd;

out_file:
	fput(file);
out_fd:
	put_unused_fd(fd);
	return ret;
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
	if (!dev)
		dev = iommu_guest_only_device(faults->ctx);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	q = vfio_fault_find(faults, dev);
	if (!q)
		return -ENOENT;
	ret = vfio_fault_respond(q, resp, 1);
	return min(ret, 0);
}

/**
 * vfio_nesting_faults_remove_device() - Remove a device from the guest context
 * @faults: of the container
 * @dev: the device, which was closed for the last time
 *
 * What waits for an answer gets one, and who reads the faults learns that there
 * will be no more.
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
