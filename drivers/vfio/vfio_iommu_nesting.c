// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO: page tables of a guest, nested on the mappings of a type1 container
 *
 * A container of type nesting owns a set of PASIDs and a guest context. What
 * type1 maps becomes the second stage of translation, guest physical to host
 * physical. On top of it user space binds first-stage tables of the guest to
 * PASIDs of the devices it has open.
 *
 * Lifetimes hang on calls that type1 gets anyway:
 *
 *	open, release			set of PASIDs, guest context
 *	attach_group, detach_group	what the IOMMU of the group offers
 *	register_, unregister_device	device in the guest context, its bindings
 *
 * VFIO has put a device to rest before it unregisters it, and detaches no
 * group that has an open device. So bindings never outlive their second stage,
 * whatever the order in which user space closes its files.
 *
 * There is no list of devices here: the guest context knows which devices it
 * was given, and that is what makes a file descriptor of another container
 * useless.
 *
 * The devices of a container need not be alike. What is asked of one device is
 * judged by what that device can do, so a lesser one that is plugged in takes
 * nothing away from those that are there.
 */
#include <linux/file.h>
#include <linux/ioasid.h>
#include <linux/iommu-fault.h>
#include <linux/iommu-guest.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio.h"
#include "vfio_iommu_nesting.h"
#include "vfio_nesting_fault.h"

/**
 * struct vfio_nesting - what a container of type nesting has
 * @set: PASIDs of the container; owned
 * @mem: memory of the guest
 * @ctx: devices and bindings; owned, locks itself
 * @faults: readers of the faults of the devices; locks itself
 * @groups_lock: protects @groups. Innermost, taken below vfio_iommu::lock.
 * @groups: struct vfio_nesting_group
 */
struct vfio_nesting {
	struct ioasid_set *set;
	struct iommu_guest_memory mem;
	struct iommu_guest_ctx *ctx;
	struct vfio_nesting_faults faults;
	struct mutex groups_lock;	/* all below */
	struct list_head groups;
};

/**
 * struct vfio_nesting_group - an attached group that can be nested
 * @group: the group, of one device; type1 keeps it
 * @info: what its device can do on the second stage of the container
 * @node: in vfio_nesting::groups
 */
struct vfio_nesting_group {
	struct iommu_group *group;
	struct iommu_nesting_info info;
	struct list_head node;
};

/**
 * struct vfio_nesting_payload - where the payload of an operation is
 * @uptr: user address
 * @size: bytes that user space says are there
 * @dev: the device that the operation is on, or NULL for all
 */
struct vfio_nesting_payload {
	u8 __user *uptr;
	size_t size;
	struct device *dev;
};

/**
 * vfio_nesting_open() - Make what a container of type nesting has
 * @read: reads memory of the guest on behalf of the caller of vfio_nesting_ioctl(),
 *	until vfio_nesting_release(). Takes vfio_iommu::lock at most.
 * @data: for @read
 *
 * The PASIDs are private to the container: vfio hands a device to one owner
 * only, so two guests may use the same number.
 *
 * Return: The object, to be released, or ERR_PTR(-ENOMEM).
 *
 * Context: Process context.
 */
struct vfio_nesting *vfio_nesting_open(vfio_nesting_read_fn read, void *data)
{
	struct vfio_nesting *n;
	int ret;

	n = kzalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);
	if (!n)
		return ERR_PTR(-ENOMEM);

	n->set = ioasid_set_alloc(NULL, IOASID_QUOTA_DEFAULT,
				  IOASID_SET_PRIVATE);
	if (IS_ERR(n->set)) {
		ret = PTR_ERR(n->set);
		goto out_free;
	}

	n->mem.read = read;
	n->mem.data = data;
	n->ctx = iommu_guest_ctx_alloc(n->set, &n->mem);
	if (IS_ERR(n->ctx)) {
		ret = PTR_ERR(n->ctx);
		goto out_put_set;
	}

	vfio_nesting_faults_init(&n->faults, n->ctx);
	mutex_init(&n->groups_lock);
	INIT_LIST_HEAD(&n->groups);
	return n;

out_put_set:
	ioasid_set_put(n->set);
out_free:
	kfree(n);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(vfio_nesting_open);

/**
 * vfio_nesting_release() - Undo vfio_nesting_open()
 * @n: the object, or NULL. No device is registered any more.
 *
 * Frees the PASIDs that user space has left. Nothing is bound any more, so there
 * is no hardware to wait for.
 *
 * Context: Process context.
 */
void vfio_nesting_release(struct vfio_nesting *n)
{
	struct vfio_nesting_group *g, *next;

	if (!n)
		return;

	/* type1 does not detach the groups of a dying container one by one */
	list_for_each_entry_safe(g, next, &n->groups, node)
		kfree(g);

	iommu_guest_free_pasids(n->ctx, 0, IOASID_CAPACITY_MAX - 1);
	vfio_nesting_faults_destroy(&n->faults);
	iommu_guest_ctx_free(n->ctx);
	ioasid_set_put(n->set);
	mutex_destroy(&n->groups_lock);
	kfree(n);
}
EXPORT_SYMBOL_GPL(vfio_nesting_release);

static int vfio_nesting_domain_alloc_one(struct device *dev, void *data)
{
	struct iommu_domain **domain = data;

	*domain = iommu_guest_alloc_parent(dev);
	return 1; /* One device speaks for all */
}

/**
 * vfio_nesting_domain_alloc() - Allocate a second stage for a group
 * @group: the group
 *
 * Return: The domain, or ERR_PTR of
 *
 * * -EOPNOTSUPP: the IOMMU has no nested translation that guests can use by
 *   PASID; there may be another kind
 * * -ENOMEM: out of memory
 *
 * Context: Process context.
 */
struct iommu_domain *vfio_nesting_domain_alloc(struct iommu_group *group)
{
	struct iommu_domain *domain = ERR_PTR(-EOPNOTSUPP);

	iommu_group_for_each_dev(group, &domain, vfio_nesting_domain_alloc_one);
	return domain;
}
EXPORT_SYMBOL_GPL(vfio_nesting_domain_alloc);

/* What holds for all groups; false if there is none */
static bool vfio_nesting_get_info(struct vfio_nesting *n,
				  struct iommu_nesting_info *info)
{
	struct vfio_nesting_group *g;

	lockdep_assert_held(&n->groups_lock);
	if (list_empty(&n->groups))
		return false;

	*info = list_first_entry(&n->groups, struct vfio_nesting_group,
				 node)->info;
	/* They agree in what cannot be merged, or they had not been attached. */
	list_for_each_entry(g, &n->groups, node)
		iommu_guest_merge_nesting_info(info, &g->info);
	return true;
}

/**
 * struct vfio_nesting_members - what the devices of a group are
 * @dev: the last one
 * @devices: number of them
 * @pasids: whether one of them has PASIDs
 */
struct vfio_nesting_members {
	struct device *dev;
	unsigned int devices;
	bool pasids;
};

static int vfio_nesting_count_device(struct device *dev, void *data)
{
	struct vfio_nesting_members *members = data;

	members->dev = dev;
	members->devices++;
	members->pasids |= dev->iommu && dev->iommu->max_pasids;
	return 0;
}

/**
 * vfio_nesting_attach_group() - Take note of a group and what it can do
 * @n: the object of the container
 * @group: the group, attached to @parent
 * @parent: second stage from vfio_nesting_domain_alloc()
 *
 * Devices that take no part in nesting, for lack of PASIDs for instance, can share
 * the second stage: a guest may well have both kinds.
 *
 * Return: 0, or
 *
 * * -EOPNOTSUPP: the group has more than one device, and PASIDs. A PASID is
 *   attached to a group as a whole.
 * * -EINVAL: the IOMMU differs from that of the groups attached before, so that
 *   no single virtual IOMMU could stand for both
 * * -ENOMEM: out of memory
 *
 * Context: Process context, with vfio_iommu::lock held.
 */
int vfio_nesting_attach_group(struct vfio_nesting *n, struct iommu_group *group,
			      struct iommu_domain *parent)
{
	struct vfio_nesting_members members = {};
	struct iommu_nesting_info info, merged;
	struct vfio_nesting_group *g;
	int ret;

	iommu_group_for_each_dev(group, &members, vfio_nesting_count_device);
	if (members.devices > 1)
		return members.pasids ? -EOPNOTSUPP : 0;

	ret = iommu_guest_nesting_info(members.dev, parent, &info);
	if (ret)
		return ret == -EOPNOTSUPP ? 0 : ret;

	guard(mutex)(&n->groups_lock);
	if (vfio_nesting_get_info(n, &merged)) {
		ret = iommu_guest_merge_nesting_info(&merged, &info);
		if (ret)
			return ret;
	}

	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->group = group;
	g->info = info;
	list_add_tail(&g->node, &n->groups);
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_nesting_attach_group);

/**
 * vfio_nesting_detach_group() - Forget a group
 * @n: the object of the container, or NULL
 * @group: the group; one that was not attached is fine
 *
 * Context: Process context, with vfio_iommu::lock held.
 */
void vfio_nesting_detach_group(struct vfio_nesting *n,
			       struct iommu_group *group)
{
	struct vfio_nesting_group *g;

	if (!n)
		return;

	guard(mutex)(&n->groups_lock);
	list_for_each_entry(g, &n->groups, node) {
		if (g->group == group) {
			list_del(&g->node);
			kfree(g);
			return;
		}
	}
}
EXPORT_SYMBOL_GPL(vfio_nesting_detach_group);

/**
 * vfio_nesting_register_device() - Let user space bind PASIDs of a device
 * @n: the object of the container, or NULL
 * @vdev: the device, which is being opened
 *
 * A device that cannot be bound, such as one without IOMMU, stays usable for
 * all the rest; a bind that names it fails with -ENODEV.
 *
 * Context: Process context, takes the lock of the guest context.
 */
void vfio_nesting_register_device(struct vfio_nesting *n,
				  struct vfio_device *vdev)
{
	struct iommu_domain *parent;
	int ret;

	if (!n)
		return;

	parent = iommu_get_domain_for_dev(vdev->dev);
	if (!parent)
		return;

	ret = iommu_guest_add_device(n->ctx, vdev->dev, parent);
	if (ret && ret != -EOPNOTSUPP)
		dev_warn(vdev->dev, "no guest page tables: %pe\n",
			 ERR_PTR(ret));
}
EXPORT_SYMBOL_GPL(vfio_nesting_register_device);

/**
 * vfio_nesting_unregister_device() - Unbind all PASIDs of a device
 * @n: the object of the container, or NULL
 * @vdev: the device, which was closed for the last time
 *
 * Context: Process context, waits for hardware.
 */
void vfio_nesting_unregister_device(struct vfio_nesting *n,
				    struct vfio_device *vdev)
{
	if (n)
		vfio_nesting_faults_remove_device(&n->faults, vdev->dev);
}
EXPORT_SYMBOL_GPL(vfio_nesting_unregister_device);

/*
 * The highest PASID that can be bound to one of the devices, 0 if PASIDs come by
 * tables only. Whether another one can is asked when the PASID is bound to it.
 */
static u32 vfio_nesting_pasid_last(struct vfio_nesting *n)
{
	struct vfio_nesting_group *g;
	u32 bits = 0;

	lockdep_assert_held(&n->groups_lock);
	list_for_each_entry(g, &n->groups, node)
		if (g->info.features & IOMMU_NESTING_FEAT_BIND_PGTBL)
			bits = max(bits, g->info.pasid_bits);
	return (1U << bits) - 1;
}

/**
 * vfio_nesting_build_caps() - Add the capabilities of the container
 * @n: the object of the container, or NULL
 * @caps: chain to add to
 *
 * Return: 0, or -ENOMEM.
 *
 * Context: Process context, with vfio_iommu::lock held.
 */
int vfio_nesting_build_caps(struct vfio_nesting *n, struct vfio_info_cap *caps)
{
	struct vfio_iommu_type1_info_cap_nesting nesting = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_NESTING,
		.header.version = 1,
	};
	struct vfio_iommu_type1_info_cap_pasid pasid = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_PASID,
		.header.version = 1,
	};
	struct ioasid_set_info set;
	u32 last;
	int ret;

	if (!n)
		return 0;
	scoped_guard(mutex, &n->groups_lock) {
		if (!vfio_nesting_get_info(n, &nesting.info))
			return 0;
		last = vfio_nesting_pasid_last(n);
	}

	ret = vfio_info_add_capability(caps, &nesting.header, sizeof(nesting));
	if (ret || !last)
		return ret;

	ioasid_set_get_info(n->set, &set);
	pasid.quota = set.quota;
	pasid.used = set.used;
	pasid.min = set.min;
	pasid.max = min(set.max, last);
	return vfio_info_add_capability(caps, &pasid.header, sizeof(pasid));
}
EXPORT_SYMBOL_GPL(vfio_nesting_build_caps);

static long vfio_nesting_pasid_alloc(struct vfio_nesting *n, u32 min, u32 max)
{
	u32 last;

	scoped_guard(mutex, &n->groups_lock)
		last = vfio_nesting_pasid_last(n);
	if (!last)
		return -EOPNOTSUPP;
	max = min(max, last);
	if (min > max)
		return -ENOSPC;
	return iommu_guest_alloc_pasid(n->ctx, min, max);
}

static long vfio_nesting_pasid_request(struct vfio_nesting *n,
				       void __user *uptr)
{
	struct vfio_iommu_type1_pasid_request req;
	u32 argsz;
	int ret;

	if (get_user(argsz, (u32 __user *)uptr))
		return -EFAULT;
	if (argsz < sizeof(req))
		return -EINVAL;
	if (argsz > SZ_4K)
		return -E2BIG;
	ret = copy_struct_from_user(&req, sizeof(req), uptr, argsz);
	if (ret)
		return ret;
	if (req.range.min > req.range.max)
		return -EINVAL;

	switch (req.flags) {
	case VFIO_IOMMU_FLAG_ALLOC_PASID:
		return vfio_nesting_pasid_alloc(n, req.range.min,
						req.range.max);
	case VFIO_IOMMU_FLAG_FREE_PASID:
		iommu_guest_free_pasids(n->ctx, req.range.min, req.range.max);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Behind what the payload itself says it has, nothing may follow */
static int vfio_nesting_check_tail(const struct vfio_nesting_payload *p,
				   u32 argsz)
{
	int ret;

	ret = check_zeroed_user(p->uptr + argsz, p->size - argsz);
	if (ret < 0)
		return ret;
	return ret ? 0 : -E2BIG;
}

static int vfio_nesting_copy_bind(struct iommu_gpasid_bind_data *data,
				  const struct vfio_nesting_payload *p)
{
	int ret;

	ret = iommu_guest_copy_bind_data(data, p->uptr, p->size);
	return ret ?: vfio_nesting_check_tail(p, data->argsz);
}

static long vfio_nesting_bind(struct vfio_nesting *n,
			      const struct vfio_nesting_payload *p)
{
	struct iommu_gpasid_bind_data data;
	int ret;

	ret = vfio_nesting_copy_bind(&data, p);
	return ret ?: iommu_guest_bind_gpasid(n->ctx, p->dev, &data);
}

static long vfio_nesting_unbind(struct vfio_nesting *n,
				const struct vfio_nesting_payload *p)
{
	struct iommu_gpasid_bind_data data;
	int ret;

	ret = vfio_nesting_copy_bind(&data, p);
	if (!ret)
		iommu_guest_unbind_gpasid(n->ctx, p->dev, data.hpasid);
	return ret;
}

static long vfio_nesting_invalidate(struct vfio_nesting *n,
				    const struct vfio_nesting_payload *p)
{
	struct iommu_cache_invalidate_info info;
	int ret;

	ret = iommu_guest_copy_invalidate_info(&info, p->uptr, p->size);
	if (!ret)
		ret = vfio_nesting_check_tail(p, info.argsz);
	return ret ?: iommu_guest_cache_invalidate(n->ctx, p->dev, &info);
}

static long vfio_nesting_set_rid(struct vfio_nesting *n,
				 const struct vfio_nesting_payload *p)
{
	struct iommu_rid_config config;
	struct device *dev;
	int ret;

	ret = iommu_guest_copy_rid_config(&config, p->uptr, p->size);
	if (!ret)
		ret = vfio_nesting_check_tail(p, config.argsz);
	if (ret)
		return ret;

	guard(mutex)(&n->faults.lock);
	dev = vfio_nesting_only_device(&n->faults, p->dev);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	return iommu_guest_set_rid(n->ctx, dev, &config);
}

static long vfio_nesting_set_table(struct vfio_nesting *n,
				   const struct vfio_nesting_payload *p)
{
	struct iommu_pasid_table_config config;
	int ret;

	ret = iommu_guest_copy_table_config(&config, p->uptr, p->size);
	if (!ret)
		ret = vfio_nesting_check_tail(p, config.argsz);
	return ret ?: iommu_guest_set_table(n->ctx, p->dev, &config);
}

static long vfio_nesting_unset_table(struct vfio_nesting *n,
				     const struct vfio_nesting_payload *p)
{
	int ret;

	ret = vfio_nesting_check_tail(p, 0);
	if (!ret)
		iommu_guest_unset_table(n->ctx, p->dev);
	return ret;
}

static long vfio_nesting_page_resp(struct vfio_nesting *n,
				   const struct vfio_nesting_payload *p)
{
	struct iommu_page_response resp;
	int ret;

	ret = iommu_guest_copy_page_response(&resp, p->uptr, p->size);
	if (!ret)
		ret = vfio_nesting_check_tail(p, resp.argsz);
	return ret ?: vfio_nesting_page_response(&n->faults, p->dev, &resp);
}

/* Fetch an extensible structure of which all @size bytes are needed */
static int vfio_nesting_copy(void *to, size_t size,
			     const struct vfio_nesting_payload *p)
{
	u32 argsz;
	int ret;

	if (p->size < size)
		return -EINVAL;
	if (get_user(argsz, (const u32 __user *)p->uptr))
		return -EFAULT;
	if (argsz < size || argsz > p->size)
		return -EINVAL;
	ret = copy_struct_from_user(to, size, p->uptr, argsz);
	return ret ?: vfio_nesting_check_tail(p, argsz);
}

/* Entries that are fetched at a time: what comes from user memory may take long */
#define VFIO_NESTING_INVALIDATE_CHUNK	16

/* The number of entries that were fetched; @err says why it is not all of them */
static unsigned int
vfio_nesting_copy_entries(struct iommu_cache_invalidate_info *infos, u64 uaddr,
			  u32 entry_len, unsigned int count, int *err)
{
	struct vfio_nesting_payload p = { .size = entry_len };
	unsigned int i;

	for (i = 0; i < count; i++) {
		p.uptr = u64_to_user_ptr(uaddr + (u64)i * entry_len);
		*err = iommu_guest_copy_invalidate_info(&infos[i], p.uptr,
							entry_len);
		if (!*err)
			*err = vfio_nesting_check_tail(&p, infos[i].argsz);
		if (*err)
			return i;
	}
	return count;
}

/* No lock is held while entries are fetched. */
static long vfio_nesting_invalidate_entries(struct vfio_nesting *n,
					    struct device *dev,
					    const struct vfio_nesting_invalidate_array *req,
					    u32 *done)
{
	struct iommu_cache_invalidate_info infos[VFIO_NESTING_INVALIDATE_CHUNK] __uninitialized;
	unsigned int count, got, some;
	int err, copied, ret = 0;
	u64 uaddr;

	for (*done = 0; *done < req->entry_num; *done += some) {
		if (fatal_signal_pending(current))
			return -EINTR;
		count = min(req->entry_num - *done, VFIO_NESTING_INVALIDATE_CHUNK);
		uaddr = req->entries + (u64)*done * req->entry_len;
		got = vfio_nesting_copy_entries(infos, uaddr, req->entry_len,
						count, &copied);
		err = iommu_guest_cache_invalidate_array(n->ctx, dev, infos, got,
							 &some);
		if (some < got || copied) {
			*done += some;
			return some < got ? err : copied;
		}
		/* A device that fails is told of, after all that can be done. */
		ret = ret ?: err;
		cond_resched();
	}
	return ret;
}

static long vfio_nesting_invalidate_array(struct vfio_nesting *n,
					  const struct vfio_nesting_payload *p)
{
	struct vfio_nesting_invalidate_array __user *user = (void __user *)p->uptr;
	struct vfio_nesting_invalidate_array req;
	u32 done;
	u64 end;
	long ret;

	ret = vfio_nesting_copy(&req, sizeof(req), p);
	if (ret)
		return ret;
	if (req.flags || req.entry_len < offsetof(struct iommu_cache_invalidate_info,
						  granu))
		return -EINVAL;
	if (req.entry_len > SZ_4K || req.entry_num > VFIO_NESTING_INVALIDATE_MAX)
		return -E2BIG;
	if (check_add_overflow(req.entries, (u64)req.entry_len * req.entry_num, &end) ||
	    end > ULONG_MAX)
		return -EFAULT;
	/* Before anything is done that could not be told of */
	if (put_user(0, &user->entry_num))
		return -EFAULT;

	ret = vfio_nesting_invalidate_entries(n, p->dev, &req, &done);
	return put_user(done, &user->entry_num) ? -EFAULT : ret;
}

static long vfio_nesting_get_fault_fd(struct vfio_nesting *n,
				      const struct vfio_nesting_payload *p)
{
	struct vfio_nesting_fault_fd req;
	int ret;

	ret = vfio_nesting_copy(&req, sizeof(req), p);
	if (ret)
		return ret;
	if (req.flags & ~(VFIO_NESTING_FAULT_PAGE_REQ |
			  VFIO_NESTING_FAULT_REQ_END))
		return -EINVAL;
	return vfio_nesting_open_faults(&n->faults, p->dev, req.flags);
}

static long vfio_nesting_set_timeout(struct vfio_nesting *n,
				     const struct vfio_nesting_payload *p)
{
	struct vfio_nesting_fault_timeout req;
	int ret;

	ret = vfio_nesting_copy(&req, sizeof(req), p);
	if (ret)
		return ret;
	if (req.flags)
		return -EINVAL;
	return vfio_nesting_fault_timeout(&n->faults, p->dev, req.timeout_ms);
}

static u32 vfio_nesting_device_flags(const struct iommu_guest_device_info *info)
{
	u32 flags = 0;

	if (info->exec)
		flags |= VFIO_NESTING_DEVICE_EXEC;
	if (info->priv)
		flags |= VFIO_NESTING_DEVICE_PRIV;
	if (info->ats)
		flags |= VFIO_NESTING_DEVICE_ATS;
	if (info->pri)
		flags |= VFIO_NESTING_DEVICE_PRI;
	if (info->prg_resp_pasid)
		flags |= VFIO_NESTING_DEVICE_PRG_RESP_PASID;
	if (info->virtfn)
		flags |= VFIO_NESTING_DEVICE_VIRTFN;
	if (info->cut_off)
		flags |= VFIO_NESTING_DEVICE_CUT_OFF;
	return flags;
}

static int vfio_nesting_describe(struct vfio_nesting *n, struct device *dev,
				 struct vfio_nesting_device_info *to)
{
	struct iommu_guest_device_info info;
	int ret;

	guard(mutex)(&n->faults.lock);
	dev = vfio_nesting_only_device(&n->faults, dev);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	ret = iommu_guest_device_info(n->ctx, dev, &info);
	if (ret)
		return ret;

	*to = (struct vfio_nesting_device_info) {
		.argsz = sizeof(*to),
		.flags = vfio_nesting_device_flags(&info),
		.pasid_bits = info.pasid_bits,
		.ats_queue_depth = info.ats_queue_depth,
		.pasid_cap = info.pasid_cap,
		.max_page_requests = info.max_page_requests,
		.page_request_limit = info.page_request_limit,
	};
	return 0;
}

static long vfio_nesting_get_device_info(struct vfio_nesting *n,
					 const struct vfio_nesting_payload *p)
{
	struct vfio_nesting_device_info info;
	int ret;

	ret = vfio_nesting_copy(&info, sizeof(info), p);
	if (!ret)
		ret = vfio_nesting_describe(n, p->dev, &info);
	if (ret)
		return ret;
	return copy_to_user(p->uptr, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vfio_nesting_drain(struct vfio_nesting *n,
			       const struct vfio_nesting_payload *p)
{
	struct iommu_guest_device_info info;
	struct device *dev;
	int ret;

	ret = vfio_nesting_check_tail(p, 0);
	if (ret)
		return ret;

	guard(mutex)(&n->faults.lock);
	dev = vfio_nesting_only_device(&n->faults, p->dev);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	/* Is it ours, if only asleep for good? */
	ret = iommu_guest_device_info(n->ctx, dev, &info);
	if (ret && ret != -EIO)
		return ret;
	return iommu_fault_drain(dev);
}

/**
 * struct vfio_nesting_opdesc - an operation
 * @fn: what it does
 * @features: that it needs
 * @one_device: it is on one device, also if none is named
 */
struct vfio_nesting_opdesc {
	long (*fn)(struct vfio_nesting *n,
		   const struct vfio_nesting_payload *p);
	u32 features;
	bool one_device;
};

static const struct vfio_nesting_opdesc vfio_nesting_ops[] = {
	[VFIO_IOMMU_NESTING_OP_BIND_PGTBL] = {
		.fn = vfio_nesting_bind,
		.features = IOMMU_NESTING_FEAT_BIND_PGTBL,
	},
	[VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL] = {
		.fn = vfio_nesting_unbind,
		.features = IOMMU_NESTING_FEAT_BIND_PGTBL,
	},
	[VFIO_IOMMU_NESTING_OP_CACHE_INVLD] = {
		.fn = vfio_nesting_invalidate,
		.features = IOMMU_NESTING_FEAT_CACHE_INVLD,
	},
	[VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY] = {
		.fn = vfio_nesting_invalidate_array,
		.features = IOMMU_NESTING_FEAT_CACHE_INVLD,
	},
	[VFIO_IOMMU_NESTING_OP_PAGE_RESP] = {
		.fn = vfio_nesting_page_resp,
		.features = IOMMU_NESTING_FEAT_PAGE_RESP,
		.one_device = true,
	},
	[VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE] = {
		.fn = vfio_nesting_set_table,
		.features = IOMMU_NESTING_FEAT_BIND_PASID_TABLE,
	},
	[VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE] = {
		.fn = vfio_nesting_unset_table,
		.features = IOMMU_NESTING_FEAT_BIND_PASID_TABLE,
	},
	[VFIO_IOMMU_NESTING_OP_GET_FAULT_FD] = {
		.fn = vfio_nesting_get_fault_fd,
		.one_device = true,
	},
	[VFIO_IOMMU_NESTING_OP_SET_RID] = {
		.fn = vfio_nesting_set_rid,
		.features = IOMMU_NESTING_FEAT_RID,
		.one_device = true,
	},
	[VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO] = {
		.fn = vfio_nesting_get_device_info,
		.one_device = true,
	},
	[VFIO_IOMMU_NESTING_OP_DRAIN] = {
		.fn = vfio_nesting_drain,
		.features = IOMMU_NESTING_FEAT_PAGE_RESP,
		.one_device = true,
	},
	[VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT] = {
		.fn = vfio_nesting_set_timeout,
		.features = IOMMU_NESTING_FEAT_PAGE_RESP,
		.one_device = true,
	},
};

/*
 * Is the operation offered? By the device that is named, or by all devices if it
 * is on all. Where it is on the only one that is open, or on a device that takes
 * no part in nesting, the operation itself finds out which that is.
 */
static bool vfio_nesting_offers(struct vfio_nesting *n,
				const struct vfio_nesting_opdesc *op,
				struct device *dev)
{
	unsigned int offering = 0, lacking = 0;
	struct vfio_nesting_group *g;

	guard(mutex)(&n->groups_lock);
	list_for_each_entry(g, &n->groups, node) {
		if (dev && g->group != dev->iommu_group)
			continue;
		if (op->features & ~g->info.features)
			lacking++;
		else
			offering++;
	}
	if (dev && !offering && !lacking)
		return !list_empty(&n->groups);
	if (dev || op->one_device)
		return offering;
	return offering && !lacking;
}

/*
 * The file keeps the device for the time of the operation. Whether it is one of
 * this container is known to the guest context.
 */
static struct file *vfio_nesting_get_device(struct vfio_nesting_payload *p)
{
	struct vfio_nesting_device user;
	struct vfio_device *vdev;
	struct file *file;

	if (p->size < sizeof(user))
		return ERR_PTR(-EINVAL);
	if (copy_from_user(&user, p->uptr, sizeof(user)))
		return ERR_PTR(-EFAULT);
	if (user.padding)
		return ERR_PTR(-EINVAL);

	file = fget(user.fd);
	if (!file)
		return ERR_PTR(-EBADF);
	vdev = vfio_device_from_file(file);
	if (!vdev) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	p->dev = vdev->dev;
	p->uptr += sizeof(user);
	p->size -= sizeof(user);
	return file;
}

static long vfio_nesting_op(struct vfio_nesting *n, void __user *uptr)
{
	struct vfio_nesting_payload p = {};
	struct vfio_iommu_type1_nesting_op hdr;
	const struct vfio_nesting_opdesc *desc;
	struct file *file = NULL;
	unsigned int op;
	long ret;

	if (copy_from_user(&hdr, uptr, sizeof(hdr)))
		return -EFAULT;
	op = hdr.flags & VFIO_NESTING_OP_MASK;
	if (hdr.argsz < sizeof(hdr) ||
	    hdr.flags & ~(VFIO_NESTING_OP_MASK | VFIO_NESTING_FLAG_DEVICE) ||
	    op >= ARRAY_SIZE(vfio_nesting_ops))
		return -EINVAL;
	op = array_index_nospec(op, ARRAY_SIZE(vfio_nesting_ops));
	desc = &vfio_nesting_ops[op];
	if (!desc->fn)
		return -EINVAL;

	p.uptr = (u8 __user *)uptr + sizeof(hdr);
	p.size = hdr.argsz - sizeof(hdr);
	if (hdr.flags & VFIO_NESTING_FLAG_DEVICE) {
		file = vfio_nesting_get_device(&p);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	if (!vfio_nesting_offers(n, desc, p.dev))
		ret = -EOPNOTSUPP;
	else if (p.size > SZ_4K)
		ret = -E2BIG;
	else
		ret = desc->fn(n, &p);
	if (file)
		fput(file);
	return ret;
}

/**
 * vfio_nesting_ioctl() - Serve VFIO_IOMMU_PASID_REQUEST, VFIO_IOMMU_NESTING_OP
 * @n: the object of the container, or NULL
 * @cmd: one of these
 * @uptr: user address of the structure
 *
 * Return: What the user gets, see <uapi/linux/vfio.h>; for a container that is
 * not for nesting -EOPNOTSUPP.
 *
 * Context: Process context. The caller keeps @n; groups may come and go.
 */
long vfio_nesting_ioctl(struct vfio_nesting *n, unsigned int cmd,
			void __user *uptr)
{
	if (!n)
		return -EOPNOTSUPP;

	switch (cmd) {
	case VFIO_IOMMU_PASID_REQUEST:
		return vfio_nesting_pasid_request(n, uptr);
	case VFIO_IOMMU_NESTING_OP:
		return vfio_nesting_op(n, uptr);
	default:
		return -ENOTTY;
	}
}
EXPORT_SYMBOL_GPL(vfio_nesting_ioctl);

MODULE_DESCRIPTION("VFIO nested translation for type1 containers");
MODULE_LICENSE("GPL");
