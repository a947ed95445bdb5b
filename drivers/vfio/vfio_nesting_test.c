// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO: page requests in software, for tests and benchmarks of the faults file
 *
 * The file of the faults is the one that user space gets of a container; only
 * the IOMMU and the device behind it are not real.
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../iommu/guest/tests/mock.h"
#include "vfio_nesting_fault.h"
#include "vfio_nesting_test.h"

/**
 * struct vfio_nesting_test - what an open file stands for
 * @mock: the IOMMU and its devices, of which the first one is used
 * @faults: readers of its faults; locks itself
 */
struct vfio_nesting_test {
	struct mock_guest *mock;
	struct vfio_nesting_faults faults;
};

static int vfio_nesting_test_bind(struct mock_guest *mock)
{
	const struct iommu_gpasid_bind_data data = {
		.argsz = sizeof(data),
		.version = IOMMU_GPASID_BIND_VERSION_1,
		.format = IOMMU_PASID_FORMAT_INTEL_VTD,
		.addr_width = 48,
		.gpgd = 0x1000,
		.hpasid = VFIO_NESTING_TEST_PASID,
	};

	return iommu_guest_bind_gpasid(mock->ctx, mock_dev(mock, 0), &data);
}

static int vfio_nesting_test_open(struct inode *inode, struct file *file)
{
	struct vfio_nesting_test *test __free(kfree) = NULL;
	struct mock_guest *mock;
	int ret;

	test = kzalloc(sizeof(*test), GFP_KERNEL);
	if (!test)
		return -ENOMEM;
	mock = mock_guest_create();
	if (IS_ERR(mock))
		return PTR_ERR(mock);
	mock->quiet = true;
	ret = vfio_nesting_test_bind(mock);
	if (ret) {
		mock_guest_destroy(mock);
		return ret;
	}
	test->mock = mock;
	vfio_nesting_faults_init(&test->faults, mock->ctx);
	file->private_data = no_free_ptr(test);
	return nonseekable_open(inode, file);
}

static int vfio_nesting_test_release(struct inode *inode, struct file *file)
{
	struct vfio_nesting_test *test = file->private_data;

	vfio_nesting_faults_remove_device(&test->faults,
					  mock_dev(test->mock, 0));
	vfio_nesting_faults_destroy(&test->faults);
	WARN_ON(mock_guest_destroy(test->mock));
	kfree(test);
	return 0;
}

static int vfio_nesting_test_request(struct vfio_nesting_test *test,
				     const void __user *uptr)
{
	struct iopf_fault event = { .fault.type = IOMMU_FAULT_PAGE_REQ };
	struct iommu_fault_page_request *prm = &event.fault.prm;
	struct vfio_nesting_test_request request;

	if (copy_from_user(&request, uptr, sizeof(request)))
		return -EFAULT;
	if (request.reserved)
		return -EINVAL;
	prm->flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
		     IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
		     IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID;
	prm->pasid = request.pasid;
	prm->grpid = request.grpid;
	prm->perm = request.perm;
	prm->addr = request.addr;
	return mock_report_event(test->mock, 0, &event);
}

static long vfio_nesting_test_ioctl(struct file *file, unsigned int cmd,
				    unsigned long arg)
{
	struct vfio_nesting_test *test = file->private_data;

	switch (cmd) {
	case VFIO_NESTING_TEST_OPEN_FAULTS:
		return vfio_nesting_open_faults(&test->faults,
						mock_dev(test->mock, 0), true);
	case VFIO_NESTING_TEST_REQUEST:
		return vfio_nesting_test_request(test, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations vfio_nesting_test_fops = {
	.owner = THIS_MODULE,
	.open = vfio_nesting_test_open,
	.release = vfio_nesting_test_release,
	.unlocked_ioctl = vfio_nesting_test_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice vfio_nesting_test_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vfio_nesting_test",
	.fops = &vfio_nesting_test_fops,
	.mode = 0600,
};
module_misc_device(vfio_nesting_test_misc);

MODULE_IMPORT_NS(IOMMU_GUEST_MOCK);
