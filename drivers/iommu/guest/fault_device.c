// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU faults: devices, their handlers, and their particular PASIDs
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
	xa_init_flags(&new->quiet, XA_FLAGS_ACCOUNT);

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

	WARN_ON(!xa_empty(&fdev->handlers) || !xa_empty(&fdev->quiet));
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

/* Does the owner of @handler want no records of faults of @pasid? */
bool iommu_fault_is_quiet(const struct iommu_fault_handler *handler, ioasid_t pasid)
{
	return xa_load(&handler->fdev->quiet, pasid);
}

/**
 * iommu_fault_set_quiet() - Drop the unrecoverable faults of a PASID
 * @dev: the device, which the caller keeps until iommu_fault_clear_quiet()
 * @pasid: a PASID on the bus; 0 for faults without PASID
 *
 * Return: 0, or -EBUSY if that was done already, -ENOMEM.
 *
 * Context: Process context. Does not wait for hardware.
 */
int iommu_fault_set_quiet(struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_make(dev);
	int ret;

	if (!fdev)
		return -ENOMEM;
	ret = xa_insert(&fdev->quiet, pasid, xa_mk_value(1), GFP_KERNEL_ACCOUNT);
	/* The entry keeps the reference. */
	if (ret)
		iommu_fault_device_put(fdev);
	return ret;
}

/**
 * iommu_fault_clear_quiet() - Undo iommu_fault_set_quiet()
 * @dev: the device
 * @pasid: the PASID
 *
 * Context: Process context. Does not wait for hardware.
 */
void iommu_fault_clear_quiet(struct device *dev, ioasid_t pasid)
{
	struct iommu_fault_device *fdev = iommu_fault_device_get(dev);

	if (WARN_ON(!fdev))
		return;
	xa_erase(&fdev->quiet, pasid);
	/* That of the entry */
	iommu_fault_device_put(fdev);
	iommu_fault_device_put(fdev);
}

/**
 * iommu_fault_set_identity() - Say that an owner knows each PASID as on the bus
 * @dev: the device, which the caller keeps until iommu_fault_clear_identity()
 *
 * Also those that are not attached.
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
