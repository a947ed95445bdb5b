// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest SVA: structures of the user ABI, fetched from an untrusted caller
 */
#include <linux/export.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "guest_private.h"

/**
 * iommu_guest_copy() - Fetch an extensible structure
 * @to: where to
 * @size: size of the structure that the kernel knows
 * @min: least argsz
 * @uptr: where from, in user memory; starts with a u32 argsz
 * @usize: bytes that the caller of the kernel says are there
 *
 * Return: 0, or -EINVAL, -E2BIG, -EFAULT as the UAPI header says.
 */
int iommu_guest_copy(void *to, size_t size, size_t min,
		     const void __user *uptr, size_t usize)
{
	u32 argsz;
	int ret;

	if (usize < sizeof(argsz))
		return -EINVAL;
	if (get_user(argsz, (const u32 __user *)uptr))
		return -EFAULT;
	if (argsz < min || argsz > usize)
		return -EINVAL;
	if (argsz > SZ_4K)
		return -E2BIG;

	ret = copy_struct_from_user(to, size, uptr, argsz);
	if (ret)
		return ret;
	/* It may have changed since. */
	memcpy(to, &argsz, sizeof(argsz));
	return 0;
}

/**
 * iommu_guest_copy_page_response() - Fetch an answer to page requests
 * @resp: where to
 * @uptr: where from, in user memory
 * @usize: bytes that the caller of the kernel says are there
 *
 * Follows the general format of the UAPI header. The rest is checked by
 * iommu_page_response().
 *
 * Return: 0, or
 *
 * * -EINVAL: argsz too small or beyond @usize
 * * -E2BIG: a byte the kernel does not know is not zero, or argsz above 4096
 * * -EFAULT: @uptr can not be read
 *
 * Context: Process context.
 */
int iommu_guest_copy_page_response(struct iommu_page_response *resp,
				   const void __user *uptr, size_t usize)
{
	return iommu_guest_copy(resp, sizeof(*resp),
				offsetof(struct iommu_page_response, cookie),
				uptr, usize);
}
EXPORT_SYMBOL_GPL(iommu_guest_copy_page_response);
