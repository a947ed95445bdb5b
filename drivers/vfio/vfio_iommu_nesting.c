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
 */
#include <linux/file.h>
#include <linux/ioasid.h>
#include <linux/iommu-guest.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
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
 * @ctx: devices and bindings; owned, locks itself
 * @faults: who reads the faults of the devices; locks itself
 * @groups_lock: protects @groups. Innermost, taken below vfio_iommu::lock.
 * @groups: struct vfio_nesting_group
 */
struct vfio_nesting {
	struct ioasid_set *set;
	struct iommu_guest_ctx *ctx;
	struct vfio_nesting_faults faults;
	struct mutex groups_lock;	/* all below */
	struct list_head groups;
};

/**
 * struct vfio_nesting_group - an attached group
 * @group: the group; type1 keeps it
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
	const u8 __user *uptr;
	size_t size;
	struct device *dev;
};

/**
 * vfio_nesting_open() - Make what a container of type nesting has
 *
 * The PASIDs are private to the container: vfio hands a device to one owner
 * only, so two guests may use the same number.
 *
 * Return: The object, to be released, or ERR_PTR(-ENOMEM).
 *
 * Context: Process context.
 */
struct vfio_nesting *vfio_nesting_open(void)
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

	n->ctx = iommu_guest_ctx_alloc(n->set);
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
 * Frees the PASIDs that user space has left.
 *
 * Context: Process context, waits for listeners of the set.
 */
void vfio_nesting_release(struct vfio_nesting *n)
{
	struct vfio_nesting_group *g, *next;

	if (!n)
		return;

	/* type1 detaches the groups of a dying container without a word */
	list_for_each_entry_safe(g, next, &n->groups, node)
		kfree(g);

	ioasid_free_all_in_set(n->set);
	ioasid_set_flush(n->set);
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
	/* They agree in what can not be merged, or they had not been attached. */
	list_for_each_entry(g, &n->groups, node)
		iommu_guest_merge_nesting_info(info, &g->info);
	return true;
}

/* A PASID is attached to a group as a whole, so a second device is refused */
static int vfio_nesting_only_device(struct device *dev, void *data)
{
	struct device **only = data;

	if (*only)
		return -EOPNOTSUPP;
	*only = dev;
	return 0;
}

/**
 * vfio_nesting_attach_group() - Take note of a group and what it can do
 * @n: the object of the container
 * @group: the group, attached to @parent
 * @parent: second stage from vfio_nesting_domain_alloc()
 *
 * A device without PASIDs takes no part in nesting, but can share the second
 * stage: a guest may well have both kinds.
 *
 * Return: 0, or
 *
 * * -EOPNOTSUPP: the group has more than one device
 * * -EINVAL: the IOMMU differs from that of the groups attached before, so that
 *   no single virtual IOMMU could stand for both
 * * -ENOMEM: out of memory
 *
 * Context: Process context, with vfio_iommu::lock held.
 */
int vfio_nesting_attach_group(struct vfio_nesting *n, struct iommu_group *group,
			      struct iommu_domain *parent)
{
	struct iommu_nesting_info info, merged;
	struct vfio_nesting_group *g;
	struct device *dev = NULL;
	int ret;

	ret = iommu_group_for_each_dev(group, &dev, vfio_nesting_only_device);
	if (ret)
		return ret;

	ret = iommu_guest_nesting_info(dev, parent, &info);
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
 * A device that can not be bound, such as one without IOMMU, stays usable for
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

/* The PASIDs that the devices can emit end here */
static u32 vfio_nesting_pasid_last(const struct iommu_nesting_info *info)
{
	return (1U << info->pasid_bits) - 1;
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
	int ret;

	if (!n)
		return 0;
	scoped_guard(mutex, &n->groups_lock)
		if (!vfio_nesting_get_info(n, &nesting.info))
			return 0;

	ret = vfio_info_add_capability(caps, &nesting.header, sizeof(nesting));
	if (ret)
		return ret;

	ioasid_set_get_info(n->set, &set);
	pasid.quota = set.quota;
	pasid.used = set.used;
	pasid.min = set.min;
	pasid.max = min(set.max, vfio_nesting_pasid_last(&nesting.info));
	return vfio_info_add_capability(caps, &pasid.header, sizeof(pasid));
}
EXPORT_SYMBOL_GPL(vfio_nesting_build_caps);

static long vfio_nesting_pasid_alloc(struct vfio_nesting *n, u32 min, u32 max)
{
	struct iommu_nesting_info info;

	scoped_guard(mutex, &n->groups_lock)
		if (!vfio_nesting_get_info(n, &info))
			return -EOPNOTSUPP;

	max = min(max, vfio_nesting_pasid_last(&info));
	if (min > max)
		return -ENOSPC;
	return ioasid_alloc(n->set, min, max, NULL, GFP_KERNEL_ACCOUNT);
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
		ioasid_free_range(n->set, req.range.min, req.range.max);
		/* The guest context unbinds when it hears of it */
		ioasid_set_flush(n->set);
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

static long vfio_nesting_get_fault_fd(struct vfio_nesting *n,
				      const struct vfio_nesting_payload *p)
{
	struct vfio_nesting_fault_fd req;
	u32 argsz;
	int ret;

	if (p->size < sizeof(req))
		return -EINVAL;
	if (get_user(argsz, (const u32 __user *)p->uptr))
		return -EFAULT;
	if (argsz < sizeof(req) || argsz > p->size)
		return -EINVAL;
	ret = copy_struct_from_user(&req, sizeof(req), p->uptr, argsz);
	if (!ret)
		ret = vfio_nesting_check_tail(p, argsz);
	if (ret)
		return ret;
	if (req.flags & ~VFIO_NESTING_FAULT_PAGE_REQ)
		return -EINVAL;
	return vfio_nesting_open_faults(&n->faults, p->dev,
					req.flags & VFIO_NESTING_FAULT_PAGE_REQ);
}

/* An operation and the features that it needs */
static const struct {
	long (*fn)(struct vfio_nesting *n,
		   const struct vfio_nesting_payload *p);
	u32 features;
} vfio_nesting_ops[] = {
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
	[VFIO_IOMMU_NESTING_OP_PAGE_RESP] = {
		.fn = vfio_nesting_page_resp,
		.features = IOMMU_NESTING_FEAT_PAGE_RESP,
	},
	[VFIO_IOMMU_NESTING_OP_GET_FAULT_FD] = {
		.fn = vfio_nesting_get_fault_fd,
	},
};

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
	struct iommu_nesting_info info;
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
	if (!vfio_nesting_ops[op].fn)
		return -EINVAL;

	scoped_guard(mutex, &n->groups_lock)
		if (!vfio_nesting_get_info(n, &info) ||
		    vfio_nesting_ops[op].features & ~info.features)
			return -EOPNOTSUPP;

	p.uptr = (const u8 __user *)uptr + sizeof(hdr);
	p.size = hdr.argsz - sizeof(hdr);
	if (hdr.flags & VFIO_NESTING_FLAG_DEVICE) {
		file = vfio_nesting_get_device(&p);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	ret = p.size > SZ_4K ? -E2BIG : vfio_nesting_ops[op].fn(n, &p);
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
 * Context: Process context. vfio_container::group_lock is held, so no group
 * comes or goes.
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
