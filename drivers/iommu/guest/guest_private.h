/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: the objects, who owns them, and their locks
 *
 * A *context* belongs to one owner and is the only one that binds the PASIDs
 * of its IOASID set. It holds *devices*, between the owner's open and close of
 * each, and *PASIDs*, while they are bound to at least one device. A PASID has
 * one *binding* for each device it is bound to, and a binding is the only user
 * of its nested domain. So what one device can be asked to do never depends on
 * what another device behind another IOMMU can do, and an invalidation for one
 * device does not disturb the others.
 *
 * A device is kept awake by each of its bindings, and by its fault handler.
 *
 * A device may have a *table* in place of single bindings: all of its PASIDs are
 * as the guest's PASID table says.
 *
 * Locks, outer to inner:
 *
 *	iommu_guest_ctx::tables_lock	order of the reads of PASID tables. Held
 *					while memory of the guest is read, which may
 *					take as long as the owner likes: never taken
 *					to remove a device or to end a table, and by
 *					nobody who cannot be killed
 *	  locks of the owner		in iommu_guest_memory::read
 *	  iommu_guest_ctx::lock		devices, PASIDs, bindings, tables
 *	    iommu_group::mutex		taken by attach and detach
 *	    locks of the faults		see fault_private.h
 *	    locks of runtime PM		of the device and of its driver
 *
 *	iommu_guest_contexts_lock	list of the contexts. Nothing is taken and
 *					nobody is waited for inside of it.
 *
 * Notifiers of the IOASID set are called for ALLOC, BIND and UNBIND with the lock of
 * the context held. The context's own notifier is for FREE, which comes from a
 * worker of the IOASID core that holds nothing, and finds work to do only if
 * the owner frees a PASID by other means than iommu_guest_free_pasids().
 */
#ifndef __IOMMU_GUEST_PRIV_H
#define __IOMMU_GUEST_PRIV_H

#include <linux/iommu-fault.h>
#include <linux/iommu-guest.h>
#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "../iommu-priv.h"

struct seq_file;

#define IOMMU_GUEST_GRANULARITIES	(IOMMU_INV_GRANU_ADDR + 1)

/* A PASID has 20 bits on the wire. */
#define IOMMU_GUEST_PASID_LAST	(IOASID_CAPACITY_MAX - 1)

/**
 * struct iommu_guest_pasid - a PASID with bindings
 * @hpasid: what the devices put on the bus. A reference to the IOASID is held,
 *	so the number is not handed out again before the last binding is gone.
 * @gpasid: the guest's number for it, which is also the set-private id of
 *	@hpasid until that is freed
 * @bindings: struct iommu_guest_binding
 */
struct iommu_guest_pasid {
	ioasid_t hpasid;
	ioasid_t gpasid;
	struct list_head bindings;
};

/**
 * struct iommu_guest_ctx - what an owner has
 * @tables_lock: between those who read PASID tables: what was read first is
 *	applied first
 * @lock: protects @devices, @pasids, @gpasids, @rid and everything they lead to
 * @mem: the guest's memory, or NULL; the owner keeps it
 * @set: the IOASIDs of the owner; the context holds a reference
 * @nb: for the FREE events of @set
 * @devices: struct iommu_guest_device
 * @pasids: host PASID -> struct iommu_guest_pasid
 * @gpasids: guest PASID -> struct iommu_guest_pasid, of those where that is another
 *	number than the host PASID. The set's own index ends with the free of a
 *	PASID, this one with its last binding.
 * @rid: requests without PASID, with the bindings of those devices that have a
 *	table for them. In neither index, and no IOASID.
 * @refs: one of the owner, one of each walker of iommu_guest_contexts
 * @node: in iommu_guest_contexts until @refs is gone. Protected by
 *	iommu_guest_contexts_lock.
 * @owner_pid: creator, for debugfs
 * @owner_comm: creator, for debugfs
 */
struct iommu_guest_ctx {
	struct mutex tables_lock;	/* see above */
	struct mutex lock;	/* see above */
	const struct iommu_guest_memory *mem;
	struct ioasid_set *set;
	struct notifier_block nb;
	struct list_head devices;
	struct xarray pasids;
	struct xarray gpasids;
	struct iommu_guest_pasid rid;
	refcount_t refs;
	struct list_head node;
	pid_t owner_pid;
	char owner_comm[TASK_COMM_LEN];
};

/**
 * struct iommu_guest_device - a device that the owner has open
 * @dev: the device; the owner keeps it
 * @ops: of the IOMMU driver of @dev
 * @parent: second-stage domain @dev is attached to; the owner keeps it
 * @handler: registration for the faults of @dev, or NULL. Set once.
 * @rid: what becomes of requests of @dev without PASID, unless there is a @table
 * @rid_domain: what translates them now, be it @parent, the blocked domain of the
 *	driver or a nested one
 * @table: the PASID table of the guest, or NULL
 * @leaving: PASIDs that are about to be detached together with others, see detach.c
 * @node: in iommu_guest_ctx::devices
 */
struct iommu_guest_device {
	struct device *dev;
	const struct iommu_guest_ops *ops;
	struct iommu_domain *parent;
	struct iommu_fault_handler *handler;
	enum iommu_rid_mode rid;
	struct iommu_domain *rid_domain;
	struct iommu_guest_table *table;
	u64 leaving;
	struct list_head node;
};

/**
 * struct iommu_guest_binding - a page table of the guest on a PASID of a device
 * @handle: in the PASID array of the iommu group while attached. A thread that
 *	reports page requests may hold on to it without a reference. Has @pasid's
 *	gpasid for those that report.
 * @gdev: the device
 * @pasid: the PASID
 * @domain: the nested domain, owned by the binding, as is a runtime PM
 *	reference to the device. Of a table also iommu_guest_device::parent
 * @data: what it was made from
 * @quiet: faults are not reported
 * @replaces: the binding to be put back if a bind fails halfway
 * @node: in iommu_guest_pasid::bindings, or in the list of a bind under way
 * @invalidations: number of invalidations that hit the binding, by the
 *	granularity they were asked for
 */
struct iommu_guest_binding {
	struct iommu_fault_handle handle;
	struct iommu_guest_device *gdev;
	struct iommu_guest_pasid *pasid;
	struct iommu_domain *domain;
	struct iommu_gpasid_bind_data data;
	bool quiet;
	struct iommu_guest_binding *replaces;
	struct list_head node;
	u64 invalidations[IOMMU_GUEST_GRANULARITIES];
};

/**
 * struct iommu_guest_table - a PASID table of the guest, of one device
 * @gdev: the device, valid unless @dead
 * @config: the table
 * @ops: of the IOMMU driver
 * @limit: number of PASIDs that the device can emit
 * @refs: one of the device, one of each reader
 * @dead: not the table of the device any more; what was read of it is void
 * @entries: PASID -> struct iommu_guest_pasid with one binding, where the host
 *	composes entries from what the guest's say. No IOASIDs: the numbers are the
 *	guest's, and nobody else has them.
 * @pasids: number of @entries but 0
 * @domain: where hardware reads the table, or NULL
 * @handle: of @domain
 * @replaces: table to be put back if a call fails halfway, or NULL
 * @node: in the list of a call under way, protected by iommu_guest_ctx::tables_lock
 *
 * What changes is protected by iommu_guest_ctx::lock, but for @refs and @node. Keeps
 * the device awake.
 */
struct iommu_guest_table {
	struct iommu_guest_device *gdev;
	struct iommu_pasid_table_config config;
	const struct iommu_guest_ops *ops;
	ioasid_t limit;
	refcount_t refs;
	bool dead;
	struct xarray entries;
	unsigned int pasids;
	struct iommu_domain *domain;
	struct iommu_attach_handle handle;
	struct iommu_guest_table *replaces;
	struct list_head node;
};

/* context.c */
struct iommu_guest_ctx *iommu_guest_next_ctx(struct iommu_guest_ctx *prev);
void iommu_guest_ctx_put(struct iommu_guest_ctx *ctx);
struct iommu_guest_device *
iommu_guest_find_device(struct iommu_guest_ctx *ctx, struct device *dev);
int iommu_guest_wake(struct device *dev);
void iommu_guest_begin_device(const struct iommu_guest_device *gdev);
void iommu_guest_begin(struct iommu_guest_ctx *ctx, struct device *dev);

/* bind.c */
int iommu_guest_check_table(const struct iommu_gpasid_bind_data *data);
bool iommu_guest_same_table(const struct iommu_gpasid_bind_data *a,
			    const struct iommu_gpasid_bind_data *b);
struct iommu_guest_binding *
iommu_guest_find_binding(struct iommu_guest_pasid *pasid,
			 struct iommu_guest_device *gdev);
struct iommu_guest_binding *
iommu_guest_alloc_binding(struct iommu_guest_device *gdev,
			  struct iommu_guest_pasid *pasid,
			  const struct iommu_gpasid_bind_data *data);
void iommu_guest_free_binding(struct iommu_guest_binding *binding);
struct iommu_guest_pasid *
iommu_guest_find_gpasid(struct iommu_guest_ctx *ctx, ioasid_t gpasid);
void iommu_guest_forget_faults(struct iommu_guest_binding *binding);
int iommu_guest_attach(struct iommu_guest_binding *binding);
int iommu_guest_attach_again(struct iommu_guest_binding *old);
void iommu_guest_detach(struct iommu_guest_binding *binding);
void iommu_guest_leave_rid(struct iommu_guest_device *gdev,
			   struct iommu_domain *domain);
bool iommu_guest_has_bindings(struct iommu_guest_ctx *ctx,
			      struct iommu_guest_device *gdev);
void iommu_guest_unbind_device(struct iommu_guest_ctx *ctx,
			       struct iommu_guest_device *gdev);
int iommu_guest_notify(struct notifier_block *nb, unsigned long event,
		       void *data);

/* detach.c */
void iommu_guest_stop_marked(struct iommu_guest_ctx *ctx, const ioasid_t *pasids);
void iommu_guest_stop_pasids(struct iommu_guest_device *gdev, const ioasid_t *pasids,
			     unsigned int count);
void iommu_guest_stop_pasid(struct iommu_guest_ctx *ctx, struct device *dev,
			    struct iommu_guest_pasid *pasid);
unsigned long iommu_guest_stop_range(struct iommu_guest_ctx *ctx, struct device *dev,
				     unsigned long min, unsigned long max);
void iommu_guest_stop_replaced(struct iommu_guest_ctx *ctx, struct list_head *fresh);

/* rid.c */
void iommu_guest_end_rid(struct iommu_guest_ctx *ctx,
			 struct iommu_guest_device *gdev);

/* table.c */
unsigned int iommu_guest_pasids_left(struct iommu_guest_ctx *ctx);
void iommu_guest_end_table(struct iommu_guest_device *gdev);
bool iommu_guest_has_tables(struct iommu_guest_ctx *ctx, struct device *dev);
int iommu_guest_resync(struct iommu_guest_ctx *ctx, struct device *dev,
		       ioasid_t first, ioasid_t last);

/* debugfs.c */
int iommu_guest_bindings_show(struct seq_file *m, void *unused);

/* uapi.c */
int iommu_guest_copy(void *to, size_t size, size_t min,
		     const void __user *uptr, size_t usize);

#endif /* __IOMMU_GUEST_PRIV_H */
