/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO: page tables of a guest, nested on the mappings of a type1 container
 */
#ifndef __VFIO_IOMMU_NESTING_H
#define __VFIO_IOMMU_NESTING_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/types.h>

struct iommu_domain;
struct iommu_group;
struct vfio_device;
struct vfio_info_cap;
struct vfio_nesting;

/* Reads memory of the guest, see struct iommu_guest_memory */
typedef int (*vfio_nesting_read_fn)(void *data, u64 gpa, void *to, size_t len);

/*
 * A struct vfio_nesting belongs to a container of type nesting, from open to
 * release. For other containers it is NULL, which every function takes.
 */
#if IS_ENABLED(CONFIG_VFIO_IOMMU_NESTING)

struct vfio_nesting *vfio_nesting_open(vfio_nesting_read_fn read, void *data);
void vfio_nesting_release(struct vfio_nesting *n);

struct iommu_domain *vfio_nesting_domain_alloc(struct iommu_group *group);
int vfio_nesting_attach_group(struct vfio_nesting *n,
			      struct iommu_group *group,
			      struct iommu_domain *parent);
void vfio_nesting_detach_group(struct vfio_nesting *n,
			       struct iommu_group *group);

void vfio_nesting_register_device(struct vfio_nesting *n,
				  struct vfio_device *vdev);
void vfio_nesting_unregister_device(struct vfio_nesting *n,
				    struct vfio_device *vdev);

int vfio_nesting_build_caps(struct vfio_nesting *n, struct vfio_info_cap *caps);
long vfio_nesting_ioctl(struct vfio_nesting *n, unsigned int cmd,
			void __user *uptr);

#else /* CONFIG_VFIO_IOMMU_NESTING */

static inline struct vfio_nesting *vfio_nesting_open(vfio_nesting_read_fn read,
						     void *data)
{
	return NULL;
}

static inline void vfio_nesting_release(struct vfio_nesting *n)
{
}

static inline struct iommu_domain *
vfio_nesting_domain_alloc(struct iommu_group *group)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline int vfio_nesting_attach_group(struct vfio_nesting *n,
					    struct iommu_group *group,
					    struct iommu_domain *parent)
{
	return -EOPNOTSUPP;
}

static inline void vfio_nesting_detach_group(struct vfio_nesting *n,
					     struct iommu_group *group)
{
}

static inline void vfio_nesting_register_device(struct vfio_nesting *n,
						struct vfio_device *vdev)
{
}

static inline void vfio_nesting_unregister_device(struct vfio_nesting *n,
						  struct vfio_device *vdev)
{
}

static inline int vfio_nesting_build_caps(struct vfio_nesting *n,
					  struct vfio_info_cap *caps)
{
	return 0;
}

static inline long vfio_nesting_ioctl(struct vfio_nesting *n, unsigned int cmd,
				      void __user *uptr)
{
	return -ENOTTY;
}

#endif /* CONFIG_VFIO_IOMMU_NESTING */

#endif /* __VFIO_IOMMU_NESTING_H */
