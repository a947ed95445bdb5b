// SPDX-License-Identifier: GPL-2.0-only
/*
 * svatest: DMA mappings, address spaces, interrupts for tests in user space
 *
 * A test programs the device itself, through its BARs. This driver does what
 * only a kernel can: map memory with the DMA API, bind the device to the
 * address space of a process, and wait for its interrupts. So the code below
 * those interfaces meets a device that does exactly what the test wants, wrong
 * things included.
 *
 * The driver takes no device on its own account, as most tests want theirs with
 * another driver: write its name to the device's driver_override.
 *
 * Documentation/misc-devices/svatest.rst is the manual of the device.
 */

#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/iommu.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>

#include <uapi/misc/svatest.h>

#define STOP_TIMEOUT_US		(30 * USEC_PER_SEC)

/* One of the function and one of each channel */
#define MAX_VECTORS		(1 + SVATEST_MAX_CHANNELS)

/**
 * struct svatest_vector - an MSI-X vector
 * @count: how often it has come
 * @wait: for the next time
 */
struct svatest_vector {
	atomic64_t count;
	wait_queue_head_t wait;
};

/**
 * struct svatest - a device
 * @pdev: the PCI function
 * @regs: BAR 0
 * @misc: its file in /dev
 * @has_sva: IOMMU and device can share address spaces
 * @has_iopf: the kernel handles page requests of the device
 * @stop_lock: for the registers that stop a PASID
 * @vectors: its interrupts
 * @nvectors: how many
 * @users: open files, which keep the device bound to this driver
 */
struct svatest {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct miscdevice misc;
	bool has_sva;
	bool has_iopf;
	struct mutex stop_lock;	/* R_PASID_STOP */
	struct svatest_vector vectors[MAX_VECTORS];
	unsigned int nvectors;
	atomic_t users;
};

/**
 * struct svatest_file - an open file
 * @svatest: its device
 * @lock: for mappings and binding
 * @maps: mappings of struct svatest_map
 * @sva: the binding, or NULL
 */
struct svatest_file {
	struct svatest *svatest;
	struct mutex lock;	/* all below */
	struct list_head maps;
	struct iommu_sva *sva;
};

/**
 * struct svatest_map - mapped memory
 * @link: in the file's list
 * @table: the mapping, one range
 * @pages: the memory
 * @npages: its size
 * @direction: of DMA
 */
struct svatest_map {
	struct list_head link;
	struct sg_table table;
	struct page **pages;
	unsigned int npages;
	enum dma_data_direction direction;
};

static dma_addr_t map_address(const struct svatest_map *map)
{
	return sg_dma_address(map->table.sgl);
}

static int map_dma(struct device *dev, struct svatest_map *map)
{
	int ret;

	ret = sg_alloc_table_from_pages(&map->table, map->pages, map->npages, 0,
					(size_t)map->npages << PAGE_SHIFT,
					GFP_KERNEL);
	if (ret)
		return ret;

	ret = dma_map_sgtable(dev, &map->table, map->direction, 0);
	if (!ret && map->table.nents != 1) {
		dma_unmap_sgtable(dev, &map->table, map->direction, 0);
		ret = -EOPNOTSUPP;
	}
	if (ret)
		sg_free_table(&map->table);
	return ret;
}

/* Pin and map; undone by map_destroy(). */
static struct svatest_map *map_create(struct device *dev,
				      const struct svatest_dma_map *args)
{
	unsigned int gup = args->direction == SVATEST_DMA_TO_DEVICE ? 0 : FOLL_WRITE;
	struct svatest_map *map;
	int pinned, ret;

	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);

	map->direction = args->direction;
	map->npages = args->size >> PAGE_SHIFT;
	map->pages = kvcalloc(map->npages, sizeof(*map->pages), GFP_KERNEL_ACCOUNT);
	if (!map->pages) {
		ret = -ENOMEM;
		goto free_map;
	}

	pinned = pin_user_pages_fast(args->addr, map->npages,
				     gup | FOLL_LONGTERM, map->pages);
	if (pinned != map->npages) {
		ret = pinned < 0 ? pinned : -EFAULT;
		goto unpin;
	}

	ret = map_dma(dev, map);
	if (!ret)
		return map;
unpin:
	if (pinned > 0)
		unpin_user_pages(map->pages, pinned);
	kvfree(map->pages);
free_map:
	kfree(map);
	return ERR_PTR(ret);
}

static void map_destroy(struct device *dev, struct svatest_map *map)
{
	dma_unmap_sgtable(dev, &map->table, map->direction, 0);
	sg_free_table(&map->table);
	unpin_user_pages_dirty_lock(map->pages, map->npages,
				    map->direction != DMA_TO_DEVICE);
	kvfree(map->pages);
	kfree(map);
}

static int svatest_dma_map(struct svatest_file *file, void __user *uptr)
{
	struct device *dev = &file->svatest->pdev->dev;
	struct svatest_dma_map args;
	struct svatest_map *map;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (!PAGE_ALIGNED(args.addr) || !PAGE_ALIGNED(args.size) ||
	    !args.size || args.size > SVATEST_DMA_MAP_MAX ||
	    args.direction > SVATEST_DMA_FROM_DEVICE || args.reserved)
		return -EINVAL;

	map = map_create(dev, &args);
	if (IS_ERR(map))
		return PTR_ERR(map);

	args.dma = map_address(map);
	if (copy_to_user(uptr, &args, sizeof(args))) {
		map_destroy(dev, map);
		return -EFAULT;
	}
	list_add(&map->link, &file->maps);
	return 0;
}

static int svatest_dma_unmap(struct svatest_file *file, void __user *uptr)
{
	struct svatest_map *map;
	u64 dma;

	if (copy_from_user(&dma, uptr, sizeof(dma)))
		return -EFAULT;

	list_for_each_entry(map, &file->maps, link) {
		if (map_address(map) != dma)
			continue;
		list_del(&map->link);
		map_destroy(&file->svatest->pdev->dev, map);
		return 0;
	}
	return -ENOENT;
}

static int svatest_bind(struct svatest_file *file)
{
	struct iommu_sva *sva;

	if (!file->svatest->has_sva)
		return -EOPNOTSUPP;
	if (file->sva)
		return -EBUSY;

	sva = iommu_sva_bind_device(&file->svatest->pdev->dev, current->mm);
	if (IS_ERR(sva))
		return PTR_ERR(sva);

	file->sva = sva;
	return iommu_sva_get_pasid(sva);
}

/* No command uses the PASID after this, and no page request is outstanding. */
static void stop_pasid(struct svatest *svatest, u32 pasid)
{
	u32 status;

	mutex_lock(&svatest->stop_lock);
	writel(pasid, svatest->regs + SVATEST_R_PASID_STOP);
	if (readl_poll_timeout(svatest->regs + SVATEST_R_STOP_STATUS, status,
			       status & SVATEST_STOP_DONE, 10, STOP_TIMEOUT_US))
		pci_err(svatest->pdev, "PASID %u does not stop\n", pasid);
	mutex_unlock(&svatest->stop_lock);
}

static int svatest_unbind(struct svatest_file *file)
{
	if (!file->sva)
		return -ENOENT;

	stop_pasid(file->svatest, iommu_sva_get_pasid(file->sva));
	iommu_sva_unbind_device(file->sva);
	file->sva = NULL;
	return 0;
}

/* Another number of times than @known? */
static bool has_come(struct svatest_vector *vector, u64 known, u64 *count)
{
	*count = atomic64_read(&vector->count);
	return *count != known;
}

static int svatest_irq_wait(struct svatest *svatest, void __user *uptr)
{
	struct svatest_irq_wait args;
	struct svatest_vector *vector;
	u64 count;
	long left;

	if (copy_from_user(&args, uptr, sizeof(args)))
		return -EFAULT;
	if (args.vector >= svatest->nvectors)
		return -EINVAL;

	vector = &svatest->vectors[array_index_nospec(args.vector,
						      svatest->nvectors)];
	left = wait_event_interruptible_timeout(vector->wait,
						has_come(vector, args.count, &count),
						msecs_to_jiffies(args.timeout_ms));
	if (left < 0)
		return left;
	if (!left)
		return -ETIMEDOUT;

	args.count = count;
	return copy_to_user(uptr, &args, sizeof(args)) ? -EFAULT : 0;
}

static irqreturn_t svatest_interrupt(int irq, void *data)
{
	struct svatest_vector *vector = data;

	atomic64_inc(&vector->count);
	wake_up_all(&vector->wait);
	return IRQ_HANDLED;
}

static long svatest_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct svatest_file *file = filp->private_data;
	void __user *uptr = (void __user *)arg;

	/* Others may use the file meanwhile. */
	if (cmd == SVATEST_IRQ_WAIT)
		return svatest_irq_wait(file->svatest, uptr);

	guard(mutex)(&file->lock);
	switch (cmd) {
	case SVATEST_DMA_MAP:
		return svatest_dma_map(file, uptr);
	case SVATEST_DMA_UNMAP:
		return svatest_dma_unmap(file, uptr);
	case SVATEST_SVA_BIND:
		return svatest_bind(file);
	case SVATEST_SVA_UNBIND:
		return svatest_unbind(file);
	default:
		return -ENOTTY;
	}
}

/* The core holds its lock, so svatest_remove() comes before or after. */
static int svatest_open(struct inode *inode, struct file *filp)
{
	struct svatest *svatest = container_of(filp->private_data,
					       struct svatest, misc);
	struct svatest_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;

	file->svatest = svatest;
	mutex_init(&file->lock);
	INIT_LIST_HEAD(&file->maps);
	atomic_inc(&svatest->users);
	filp->private_data = file;
	return 0;
}

static int svatest_release(struct inode *inode, struct file *filp)
{
	struct svatest_file *file = filp->private_data;
	struct svatest *svatest = file->svatest;
	struct svatest_map *map, *next;

	svatest_unbind(file);
	if (!list_empty(&file->maps))
		writel(SVATEST_CTRL_ENABLE | SVATEST_CTRL_ABORT,
		       svatest->regs + SVATEST_R_CONTROL);
	list_for_each_entry_safe(map, next, &file->maps, link)
		map_destroy(&svatest->pdev->dev, map);
	kfree(file);
	if (atomic_dec_and_test(&svatest->users))
		wake_up_var(&svatest->users);
	return 0;
}

static const struct file_operations svatest_fops = {
	.owner = THIS_MODULE,
	.open = svatest_open,
	.release = svatest_release,
	.unlocked_ioctl = svatest_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* A device without page requests can do with memory that is there. */
static void enable_sva(struct svatest *svatest)
{
	struct device *dev = &svatest->pdev->dev;

	svatest->has_iopf = !iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
	svatest->has_sva = !iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_SVA);
}

static void disable_sva(void *data)
{
	struct svatest *svatest = data;
	struct device *dev = &svatest->pdev->dev;

	if (svatest->has_sva)
		iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_SVA);
	if (svatest->has_iopf)
		iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
}

static int setup_interrupts(struct svatest *svatest)
{
	struct pci_dev *pdev = svatest->pdev;
	unsigned int i;
	char *name;
	int ret;

	ret = pci_alloc_irq_vectors(pdev, 1, MAX_VECTORS, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;

	svatest->nvectors = ret;
	for (i = 0; i < svatest->nvectors; i++) {
		init_waitqueue_head(&svatest->vectors[i].wait);
		name = devm_kasprintf(&pdev->dev, GFP_KERNEL, "svatest-%s-%u",
				      pci_name(pdev), i);
		if (!name)
			return -ENOMEM;
		ret = devm_request_irq(&pdev->dev, pci_irq_vector(pdev, i),
				       svatest_interrupt, 0, name,
				       &svatest->vectors[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int svatest_setup(struct svatest *svatest)
{
	struct pci_dev *pdev = svatest->pdev;
	struct device *dev = &pdev->dev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	svatest->regs = pcim_iomap(pdev, SVATEST_BAR_REGS, 0);
	if (!svatest->regs)
		return -ENOMEM;
	if (readl(svatest->regs + SVATEST_R_MAGIC) != SVATEST_MAGIC ||
	    readl(svatest->regs + SVATEST_R_VERSION) != SVATEST_VERSION)
		return -ENODEV;

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	pci_set_master(pdev);
	ret = setup_interrupts(svatest);
	if (ret)
		return ret;

	enable_sva(svatest);
	return devm_add_action_or_reset(dev, disable_sva, svatest);
}

static int svatest_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct svatest *svatest;
	int ret;

	svatest = devm_kzalloc(dev, sizeof(*svatest), GFP_KERNEL);
	if (!svatest)
		return -ENOMEM;

	svatest->pdev = pdev;
	mutex_init(&svatest->stop_lock);
	ret = svatest_setup(svatest);
	if (ret)
		return ret;

	svatest->misc.minor = MISC_DYNAMIC_MINOR;
	svatest->misc.name = devm_kasprintf(dev, GFP_KERNEL, "svatest-%s",
					    pci_name(pdev));
	if (!svatest->misc.name)
		return -ENOMEM;
	svatest->misc.fops = &svatest_fops;
	svatest->misc.parent = dev;
	pci_set_drvdata(pdev, svatest);
	return misc_register(&svatest->misc);
}

static void svatest_remove(struct pci_dev *pdev)
{
	struct svatest *svatest = pci_get_drvdata(pdev);

	misc_deregister(&svatest->misc);
	wait_var_event(&svatest->users, !atomic_read(&svatest->users));
	writel(SVATEST_CTRL_RESET, svatest->regs + SVATEST_R_CONTROL);
}

static struct pci_driver svatest_driver = {
	.name = "svatest",
	.probe = svatest_probe,
	.remove = svatest_remove,
};
module_pci_driver(svatest_driver);

MODULE_DESCRIPTION("DMA mappings, address spaces, interrupts for the svatest device");
MODULE_LICENSE("GPL");
