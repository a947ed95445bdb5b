// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: devices, their handlers, and their guest PASIDs
 *
 * See fault_private.h for the objects and their locks.
 */
#include <linux/cleanup.h>
#include <linux/hash.h>
#include <linux/slab.h>

#include "fault_private.h"

/* Fault devices by device */
static DEFINE_HASHTABLE(iommu_fault_devices, 6);
/* Protects iommu_fault_devices; read under RCU */
static DEFINE_SPINLOCK(iommu_fault_devices_lock);

static struct iommu_fault_device *
iommu_fault_device_find(const struct device *dev)
{
	struct iommu_fault_device *fdev;

	hash_for_each_possible_rcu(iommu_fault_devices, fdev, node,
				   (unsigned long)dev,
				   lockdep_is_held(&iommu_fault_devices_lock))
		if (fdev->dev == dev)
			return fdev;
	return NULL;
}

/* With a reference, or NULL. Nothing but the pointer @dev is used. */
struct iommu_fault_device *iommu_fault_device_get(const struct device *dev)
{
	struct iommu_fault_device *fdev;

	guard(rcu)();
	fdev = iommu_fault_device_find(dev);
	return fdev && refcount_inc_not_zero(&fdev->users) ? fdev : NULL;
}

/* With a reference, made if there is none; or NULL if there is no memory */
struct iommu_fault_device *iommu_fault_device_make(struct device *dev)
{
	struct iommu_fault_device *fdev, *new;

	fdev = iommu_fault_device_get(dev);
	if (fdev)
		return fdev;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->dev = dev;
	refcount_set(&new->users, 1);
	mutex_init(&new->lock);
	xa_init_flags(&new->handlers, XA_FLAGS_ACCOUNT);
	xa_init_flags(&new->guest_pasids, XA_FLAGS_ACCOUNT);

	scoped_guard(spinlock, &iommu_fault_devices_lock) {
		/* One that is in the table has a user: see the put. */
		fdev = iommu_fault_device_find(dev);
		if (fdev)
			refcount_inc(&fdev->users);
		else
			hash_add_rcu(iommu_fault_devices, &new->node,
				     (unsigned long)dev);
	}
	if (!fdev)
		return new;
	mutex_destroy(&new->lock);
	kfree(new);
	return fdev;
}

void iommu_fault_device_put(struct iommu_fault_device *fdev)
{
	bool last;

	if (refcount_dec_not_one(&fdev->users))
		return;
	scoped_guard(spinlock, &iommu_fault_devices_lock) {
		last = refcount_dec_and_test(&fdev->users);
		if (last)
			hash_del_rcu(&fdev->node);
	}
	if (!last)
		return;

	WARN_ON(!xa_empty(&fdev->handlers) || !xa_empty(&fdev->guest_pasids));
	mutex_destroy(&fdev->lock);
	kfree_rcu(fdev, rcu);
}

/* The handler of the PASID goes before the one of the device. */
static struct iommu_fault_handler *iommu_fault_find(const struct device *dev,
						    ioasid_t pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_find(dev);

	if (!fdev)
		return NULL;
	return xa_load(&fdev->handlers, iommu_fault_index(pasid)) ?:
	       xa_load(&fdev->handlers, iommu_fault_index(IOMMU_PASID_INVALID));
}

/*
 * The handler for faults of @pasid, or of no PASID if that is
 * IOMMU_PASID_INVALID; with a reference, or NULL. Nothing but the pointer @dev is
 * used.
 */
struct iommu_fault_handler *iommu_fault_handler_get(const struct device *dev,
						    ioasid_t pasid)
{
	struct iommu_fault_handler *handler;

	/* The registration's reference is there until a grace period is over. */
	guard(rcu)();
	handler = iommu_fault_find(dev, pasid);
	if (handler)
		refcount_inc(&handler->users);
	return handler;
}

void iommu_fault_handler_put(struct iommu_fault_handler *handler)
{
	if (!refcount_dec_and_test(&handler->users))
		return;
	iommu_fault_device_put(handler->fdev);
	mutex_destroy(&handler->answer);
	kfree(handler);
}

/* Do faults of @pasid go to @handler? */
bool iommu_fault_handler_is_for(const struct iommu_fault_handler *handler,
				ioasid_t pasid)
{
	guard(rcu)();
	return iommu_fault_find(handler->fdev->dev, pasid) == handler;
}

/* By which number the owner of @handler knows @pasid, if it does */
bool iommu_fault_guest_pasid(struct iommu_fault_handler *handler,
			     ioasid_t pasid, ioasid_t *guest_pasid)
{
	void *entry = xa_load(&handler->fdev->guest_pasids, pasid);

	if (!entry && handler->pasid != pasid &&
	    !READ_ONCE(handler->fdev->identity))
		return false;
	*guest_pasid = entry ? xa_to_value(entry) & ~IOMMU_FAULT_QUIET : pasid;
	return true;
}

/* Does the owner of @handler want no records of faults of @pasid? */
bool iommu_fault_is_quiet(const struct iommu_fault_handler *handler, ioasid_t pasid)
{
	/* No entry is zero. */
	return xa_to_value(xa_load(&handler->fdev->guest_pasids, pasid)) &
	       IOMMU_FAULT_QUIET;
}

/**
 * iommu_fault_set_guest_pasid() - Say by which number an owner knows a PASID
 * @dev: the device, which the caller keeps until iommu_fault_clear_guest_pasid()
 * @pasid: the PASID on the bus
 * @guest_pasid: the number of it in records and answers
 *
 * Holds for the PASID, whatever handlers there are, now or later.
 *
 * Return: 0, or -ENOMEM; not if the PASID had a number before.
 *
 * Context: Process context. Does not wait for hardware.
 */
int iommu_fault_set_guest_pasid(struct device *dev, ioasid_t pasid,
				ioasid_t guest_pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_make(dev);
	void *old;

	if (!fdev)
		return -ENOMEM;
	old = xa_store(&fdev->guest_pasids, pasid, xa_mk_value(guest_pasid),
		       GFP_KERNEL_ACCOUNT);
	/* A new entry keeps the reference. */
	if (old)
		iommu_fault_device_put(fdev);
	return xa_err(old);
}

/**
 * iommu_fault_set_quiet() - Drop the unrecoverable faults of a PASID
 * @dev: the device
 * @pasid: a PASID on the bus that has a number; 0 for faults without PASID
 *
 * Holds until the PASID has no number or gets one again.
 *
 * Context: Process context. Does not wait for hardware.
 */
void iommu_fault_set_quiet(struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);
	unsigned long number;

	if (WARN_ON(!fdev))
		return;
	/* Takes no memory: the place is there. */
	number = xa_to_value(xa_load(&fdev->guest_pasids, pasid));
	xa_store(&fdev->guest_pasids, pasid,
		 xa_mk_value(number | IOMMU_FAULT_QUIET), GFP_KERNEL_ACCOUNT);
	iommu_fault_device_put(fdev);
}

/**
 * iommu_fault_clear_guest_pasid() - Undo iommu_fault_set_guest_pasid()
 * @dev: the device
 * @pasid: the PASID on the bus; one that has no number is fine
 *
 * Page requests of the PASID are not reported any more, and unrecoverable faults
 * of it without a PASID of the owner.
 *
 * Context: Process context. Does not wait for hardware.
 */
void iommu_fault_clear_guest_pasid(struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);

	if (!fdev)
		return;
	/* That of the entry */
	if (xa_erase(&fdev->guest_pasids, pasid))
		iommu_fault_device_put(fdev);
	iommu_fault_device_put(fdev);
}

/**
 * iommu_fault_set_identity() - Say that an owner knows each PASID as on the bus
 * @dev: the device, which the caller keeps until iommu_fault_clear_identity()
 *
 * Also those that it has given no number by iommu_fault_set_guest_pasid().
 *
 * Return: 0, or -ENOMEM.
 *
 * Context: Process context. Does not wait for hardware.
 */
int iommu_fault_set_identity(struct device *dev)
{
	struct iommu_fault_device *fdev = iommu_fault_device_make(dev);

	if (!fdev)
		return -ENOMEM;
	WRITE_ONCE(fdev->identity, true);
	return 0;
}

/**
 * iommu_fault_clear_identity() - Undo iommu_fault_set_identity()
 * @dev: the device
 *
 * Context: Process context. Does not wait for hardware.
 */
void iommu_fault_clear_identity(struct device *dev)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);

	if (WARN_ON(!fdev))
		return;
	WRITE_ONCE(fdev->identity, false);
	/* That of the mark */
	iommu_fault_device_put(fdev);
	iommu_fault_device_put(fdev);
}

/*
 * Call @fn for each handler of @dev, or of all devices. The owner of the handler
 * keeps its device meanwhile. @fn does not sleep.
 */
void iommu_fault_for_each(const struct device *dev,
			  void (*fn)(struct iommu_fault_handler *handler, void *arg),
			  void *arg)
{
	struct iommu_fault_handler *handler;
	struct iommu_fault_device *fdev;
	unsigned long index;
	int bucket;

	guard(rcu)();
	hash_for_each_rcu(iommu_fault_devices, bucket, fdev, node) {
		if (dev && fdev->dev != dev)
			continue;
		xa_for_each(&fdev->handlers, index, handler)
			fn(handler, arg);
	}
}
