// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel offers, and what it refuses
 *
 * Every refusal has its errno and changes nothing: the bindings that the kernel
 * shows, the PASIDs in use and the memory that the device reaches stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

/* A container in which one PASID is bound and works, and another is not */
FIXTURE(refusal) {
	struct guest guest;
	struct vmm *vmm;
	struct iommu_gpasid_bind_data bind;
	struct iommu_cache_invalidate_info inv;
	char *bindings;
	uint32_t used;
};

#define FREE_PASID	(GUEST_PASID + 1)

FIXTURE_SETUP(refusal)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->vmm = &guest->vmm;
	ASSERT_EQ(FREE_PASID, vmm_pasid_alloc(self->vmm, FREE_PASID, FREE_PASID));
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	svatest_setup(guest->dev, 1, FREE_PASID, SVATEST_CF_ATS);

	vmm_bind_data(&self->bind, FREE_PASID, guest->pt.root, 4);
	vmm_addr_info(&self->inv, GUEST_CACHES, GUEST_PASID, GVA_SRC, SIZE_4K, 1);
	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	self->used = info.used;
	self->bindings = guest_bindings();
}

/* What was bound is bound and works; what was not, is not */
static bool nothing_changed(struct guest *guest, const char *bindings,
			    uint32_t used)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	char *now = guest_bindings();
	bool same = !strcmp(bindings, now);

	free(now);
	return same && !vmm_pasid_info(&guest->vmm, &info) &&
	       info.used == used &&
	       guest_copied(guest, 0) == guest_peek(&guest->vmm, guest->src) &&
	       svatest_copy(guest->dev, 1, GVA_SRC, GVA_DST,
			    8) != SVATEST_ST_OK;
}

FIXTURE_TEARDOWN(refusal)
{
	EXPECT_TRUE(nothing_changed(&self->guest, self->bindings, self->used));
	free(self->bindings);
	guest_close(&self->guest);
}

static int bind(struct vmm *vmm, const struct iommu_gpasid_bind_data *data,
		size_t size)
{
	return vmm_nesting_op(vmm, NULL, VFIO_IOMMU_NESTING_OP_BIND_PGTBL, data, size);
}

/* EXPECT_BIND(errno, change...): a good bind with one change is refused */
#define EXPECT_BIND(err, change) do {					\
	struct iommu_gpasid_bind_data data = self->bind;		\
	change;								\
	EXPECT_EQ(-(err), bind(self->vmm, &data, sizeof(data)));	\
} while (0)

TEST_F(refusal, bind_fields)
{
	EXPECT_BIND(EINVAL, data.argsz = 0);
	EXPECT_BIND(EINVAL, data.argsz = 55);
	EXPECT_BIND(EINVAL, data.argsz = 56);
	EXPECT_BIND(EINVAL, data.argsz = 71);
	EXPECT_BIND(EINVAL, data.argsz = sizeof(data) + 1);
	EXPECT_BIND(EINVAL, data.version = 0);
	EXPECT_BIND(EINVAL, data.version = 2);
	EXPECT_BIND(EINVAL, data.format = 0);
	EXPECT_BIND(EINVAL, data.format = IOMMU_PASID_FORMAT_ARM_SMMU_V3 + 1);
	EXPECT_BIND(EOPNOTSUPP, data.format = IOMMU_PASID_FORMAT_ARM_SMMU_V3);
	EXPECT_BIND(EINVAL, data.addr_width = 0);
	EXPECT_BIND(EINVAL, data.addr_width = 39);
	EXPECT_BIND(EINVAL, data.addr_width = 64);
	EXPECT_BIND(EINVAL, data.flags = 2);
	EXPECT_BIND(EINVAL, data.flags = 1ULL << 63);
	EXPECT_BIND(EINVAL, data.padding[0] = 1);
	EXPECT_BIND(EINVAL, data.padding[7] = 1);
}

TEST_F(refusal, bind_table_address)
{
	unsigned int bit;

	/* Each of these bits has a meaning beside the pointer in the entry. */
	for (bit = 0; bit < 12; bit++)
		EXPECT_BIND(EINVAL, data.gpgd |= 1ULL << bit);
	EXPECT_BIND(EINVAL, data.gpgd = 1ULL << 52);
	EXPECT_BIND(EINVAL, data.gpgd = ~0xfffULL);
}

TEST_F(refusal, bind_pasid)
{
	EXPECT_BIND(EINVAL, data.hpasid = 0);
	EXPECT_BIND(ENOENT, data.hpasid = FREE_PASID + 1);
	EXPECT_BIND(ENOENT, data.hpasid = (1 << 20) - 1);
	EXPECT_BIND(ENOENT, data.hpasid = 1 << 20);
	EXPECT_BIND(ENOENT, data.hpasid = 1ULL << 32 | FREE_PASID);
	EXPECT_BIND(ENOENT, data.hpasid = ~0ULL);
	EXPECT_BIND(EINVAL, data.flags = IOMMU_SVA_GPASID_VAL);
	EXPECT_BIND(EINVAL, data.flags = IOMMU_SVA_GPASID_VAL;
		    data.gpasid = 1 << 20);
	EXPECT_BIND(EINVAL, data.flags = IOMMU_SVA_GPASID_VAL;
		    data.gpasid = 1ULL << 32 | 9);
	/* Another one is called so, or it is called otherwise. */
	EXPECT_BIND(EEXIST, data.flags = IOMMU_SVA_GPASID_VAL;
		    data.gpasid = GUEST_PASID);
	EXPECT_BIND(EEXIST, data.flags = IOMMU_SVA_GPASID_VAL;
		    data.hpasid = GUEST_PASID; data.gpasid = 9);
}

TEST_F(refusal, bind_vtd)
{
	EXPECT_BIND(EINVAL, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_WPE << 1);
	EXPECT_BIND(EINVAL, data.vendor.vtd.flags = 1ULL << 63);
	EXPECT_BIND(EINVAL, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_WPE);
	EXPECT_BIND(EOPNOTSUPP, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_PCD);
	EXPECT_BIND(EOPNOTSUPP, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_PWT);
	EXPECT_BIND(EOPNOTSUPP, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_EMTE);
	EXPECT_BIND(EOPNOTSUPP, data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_CD);
}

/* A bind that replaces is refused before it takes anything away */
TEST_F(refusal, bind_of_a_bound_pasid)
{
	EXPECT_BIND(EINVAL, data.hpasid = GUEST_PASID; data.gpgd += SIZE_4K;
		    data.addr_width = 47);
	EXPECT_BIND(EINVAL, data.hpasid = GUEST_PASID;
		    data.gpgd = ~0xfffULL);
	EXPECT_BIND(EOPNOTSUPP, data.hpasid = GUEST_PASID;
		    data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_CD);
}

TEST_F(refusal, unbind)
{
	struct iommu_gpasid_bind_data data = self->bind;
	const unsigned int op = VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL;

	/* Only what is malformed is refused ... */
	data.version = 2;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data = self->bind;
	data.argsz = 55;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data = self->bind;
	data.padding[3] = 1;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data = self->bind;
	data.flags = 2;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));

	/* ... and nothing else, whatever it names. */
	data = self->bind;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data.hpasid = 4711;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data.hpasid = ~0ULL;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data.hpasid = 1ULL << 32 | GUEST_PASID;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, op, &data, sizeof(data)));
	data.hpasid = 0;
	data.argsz = 56;
	data.format = 77;
	data.gpgd = 1;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, NULL, op, &data, 56));
}

/* EXPECT_INV(errno, change...): a good invalidation with one change */
#define EXPECT_INV(err, change) do {					\
	struct iommu_cache_invalidate_info inv = self->inv;		\
	change;								\
	EXPECT_EQ(-(err), vmm_invalidate(self->vmm, NULL, &inv));	\
} while (0)

TEST_F(refusal, invalidate)
{
	const uint32_t both = GUEST_CACHES;

	EXPECT_INV(EINVAL, inv.argsz = 15);
	EXPECT_INV(EINVAL, inv.argsz = 55);
	EXPECT_INV(EINVAL, inv.argsz = sizeof(inv) + 1);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_PASID; inv.argsz = 31;
		   memset(&inv.granu, 0, sizeof(inv.granu)));
	EXPECT_INV(EINVAL, inv.version = 0);
	EXPECT_INV(EINVAL, inv.version = 2);
	EXPECT_INV(EINVAL, inv.cache = 0);
	EXPECT_INV(EINVAL, inv.cache = IOMMU_CACHE_INV_TYPE_PASID << 1);
	EXPECT_INV(EINVAL, inv.cache = both | 0x80);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_ADDR + 1);
	EXPECT_INV(EINVAL, inv.granularity = 255);
	EXPECT_INV(EINVAL, inv.padding[0] = 1);
	EXPECT_INV(EINVAL, inv.padding[5] = 1);
	/* Caches that do not exist at the granularity */
	EXPECT_INV(EINVAL, inv.cache = both | IOMMU_CACHE_INV_TYPE_PASID);
	EXPECT_INV(EINVAL, inv.cache = IOMMU_CACHE_INV_TYPE_PASID);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_DOMAIN);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_DOMAIN;
		   inv.cache = IOMMU_CACHE_INV_TYPE_DEV_IOTLB);
}

TEST_F(refusal, invalidate_range)
{
	EXPECT_INV(EINVAL, inv.granu.addr_info.flags = 8);
	EXPECT_INV(EINVAL, inv.granu.addr_info.nb_granules = 0);
	EXPECT_INV(EINVAL, inv.granu.addr_info.granule_size = 0);
	EXPECT_INV(EINVAL, inv.granu.addr_info.granule_size = 2048);
	EXPECT_INV(EINVAL, inv.granu.addr_info.granule_size = 3 * SIZE_4K);
	EXPECT_INV(EINVAL, inv.granu.addr_info.addr += 8);
	EXPECT_INV(EINVAL, inv.granu.addr_info.granule_size = SIZE_2M;
		   inv.granu.addr_info.addr += SIZE_4K);
	/* Ranges that wrap */
	EXPECT_INV(EINVAL, inv.granu.addr_info.nb_granules = 1ULL << 52);
	EXPECT_INV(EINVAL, inv.granu.addr_info.nb_granules = ~0ULL);
	EXPECT_INV(EINVAL, inv.granu.addr_info.addr = ~0xfffULL;
		   inv.granu.addr_info.nb_granules = 2);
	EXPECT_INV(EINVAL, inv.granu.addr_info.granule_size = 1ULL << 63;
		   inv.granu.addr_info.addr = 0;
		   inv.granu.addr_info.nb_granules = 3);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_PASID;
		   inv.granu.pasid_info.flags = 0);
	EXPECT_INV(EINVAL, inv.granularity = IOMMU_INV_GRANU_PASID;
		   inv.granu.pasid_info.flags = 4);
}

/* An operation as raw bytes: header, then what follows */
struct raw_op {
	uint32_t argsz;
	uint32_t flags;
	uint8_t data[8192 - 8];
};

static int raw(struct vmm *vmm, struct raw_op *op, uint32_t argsz,
	       uint32_t flags)
{
	op->argsz = argsz;
	op->flags = flags;
	return ioctl(vmm->container, VFIO_IOMMU_NESTING_OP, op) ? -errno : 0;
}

TEST_F(refusal, operation_header)
{
	size_t full = 8 + sizeof(self->bind);
	struct raw_op *op = calloc(1, sizeof(*op));
	unsigned int bit;

	ASSERT_NE(NULL, op);
	memcpy(op->data, &self->bind, sizeof(self->bind));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, 0, 0));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, 7, 0));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, 8, 0));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full - 1, 0));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, 0xffff));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, 100));
	for (bit = 17; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, 1U << bit));

	/* A tail must be zero, and not too long. */
	op->data[sizeof(self->bind)] = 1;
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, full + 1, 0));
	op->data[sizeof(self->bind)] = 0;
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, 8 + 4096 + 1, 0));
	op->data[4095] = 1;
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, 8 + 4096, 0));
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, ~0U, 0));

	/* The same behind what the payload says of itself */
	memset(op, 0, sizeof(*op));
	memcpy(op->data, &self->bind, sizeof(self->bind));
	op->data[sizeof(self->bind) + 7] = 1;
	((struct iommu_gpasid_bind_data *)op->data)->argsz += 8;
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, full + 8, 0));

	/* And of an invalidation */
	memset(op, 0, sizeof(*op));
	memcpy(op->data, &self->inv, sizeof(self->inv));
	op->data[sizeof(self->inv)] = 1;
	EXPECT_EQ(-E2BIG, raw(self->vmm, op, 8 + sizeof(self->inv) + 1,
			      VFIO_IOMMU_NESTING_OP_CACHE_INVLD));
	free(op);
}

TEST_F(refusal, device)
{
	size_t full = 16 + sizeof(self->bind);
	struct raw_op *op = calloc(1, sizeof(*op));
	int32_t *fd = (int32_t *)op->data;
	struct guest other;

	ASSERT_NE(NULL, op);
	memcpy(op->data + 8, &self->bind, sizeof(self->bind));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, 8, VFIO_NESTING_FLAG_DEVICE));
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, 15, VFIO_NESTING_FLAG_DEVICE));
	*fd = -1;
	EXPECT_EQ(-EBADF, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	*fd = 9999;
	EXPECT_EQ(-EBADF, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	*fd = self->vmm->container;
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	*fd = self->guest.dev->group;
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	*fd = eventfd(0, 0);
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	close(*fd);
	*fd = self->guest.dev->fd;
	fd[1] = 1;
	EXPECT_EQ(-EINVAL, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	fd[1] = 0;

	/* Somebody else's device: no bind, and nothing else has an effect. */
	ASSERT_EQ(0, guest_open(&other, 1, 1));
	ASSERT_EQ(0, guest_bind(&other));
	svatest_setup(other.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	*fd = other.dev->fd;
	EXPECT_EQ(-ENODEV, raw(self->vmm, op, full, VFIO_NESTING_FLAG_DEVICE));
	EXPECT_EQ(0, vmm_unbind(self->vmm, other.dev, GUEST_PASID));
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 100, ~0U));
	EXPECT_EQ(guest_peek(&other.vmm, other.src), guest_copied(&other, 0));
	guest_close(&other);
	free(op);
}

TEST_F(refusal, bad_memory)
{
	int container = self->vmm->container;
	uint8_t *page, *last;
	int shm = memfd_create("page", 0);

	ASSERT_EQ(0, ftruncate(shm, SIZE_4K));
	page = mmap(NULL, 2 * SIZE_4K, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
	ASSERT_NE(MAP_FAILED, page);
	EXPECT_EQ(0, munmap(page + SIZE_4K, SIZE_4K));

	EXPECT_EQ(-1, ioctl(container, VFIO_IOMMU_NESTING_OP, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(container, VFIO_IOMMU_PASID_REQUEST, NULL));
	EXPECT_EQ(EFAULT, errno);
	/* The header is there, the payload is not. */
	last = page + SIZE_4K - 8;
	memcpy(last, (uint32_t [2]) { 8 + 72, 0 }, 8);
	EXPECT_EQ(-1, ioctl(container, VFIO_IOMMU_NESTING_OP, last));
	EXPECT_EQ(EFAULT, errno);
	memcpy(last, (uint32_t [2]) { 16 + 72, VFIO_NESTING_FLAG_DEVICE }, 8);
	EXPECT_EQ(-1, ioctl(container, VFIO_IOMMU_NESTING_OP, last));
	EXPECT_EQ(EFAULT, errno);
	memcpy(last, (uint32_t [2]) { 16, VFIO_IOMMU_FLAG_ALLOC_PASID }, 8);
	EXPECT_EQ(-1, ioctl(container, VFIO_IOMMU_PASID_REQUEST, last));
	EXPECT_EQ(EFAULT, errno);
	munmap(page, SIZE_4K);
	close(shm);
}

static int request(struct vmm *vmm, uint32_t argsz, uint32_t flags,
		   uint32_t min, uint32_t max)
{
	struct {
		struct vfio_iommu_type1_pasid_request request;
		uint8_t tail[8];
	} buffer = { { argsz, flags, { min, max } } };
	int ret;

	if (argsz > sizeof(buffer.request))
		buffer.tail[0] = 1;
	ret = ioctl(vmm->container, VFIO_IOMMU_PASID_REQUEST, &buffer);
	return ret < 0 ? -errno : ret;
}

TEST_F(refusal, pasid_request)
{
	const uint32_t alloc = VFIO_IOMMU_FLAG_ALLOC_PASID;
	const uint32_t release = VFIO_IOMMU_FLAG_FREE_PASID;
	struct vfio_iommu_type1_pasid_request *large;
	struct vmm *vmm = self->vmm;

	EXPECT_EQ(-EINVAL, request(vmm, 0, alloc, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 15, alloc, 1, 100));
	EXPECT_EQ(-E2BIG, request(vmm, 17, alloc, 1, 100));
	EXPECT_EQ(-E2BIG, request(vmm, 4097, alloc, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, 0, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, alloc | release, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, 4, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, alloc | 1U << 31, 1, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, alloc, 100, 99));
	EXPECT_EQ(-EINVAL, request(vmm, 16, release, 100, 99));
	EXPECT_EQ(-EINVAL, request(vmm, 16, alloc, 0, 100));
	EXPECT_EQ(-EINVAL, request(vmm, 16, alloc, 0, 0));
	/* Taken, and more than a device can emit */
	EXPECT_EQ(-ENOSPC, request(vmm, 16, alloc, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(-ENOSPC, request(vmm, 16, alloc, 1 << 20, ~0U));
	/* More than a page is refused whatever it is. */
	large = calloc(2, SIZE_4K);
	ASSERT_NE(NULL, large);
	*large = (struct vfio_iommu_type1_pasid_request) {
		SIZE_4K + 1, alloc, { 1, 100 }
	};
	EXPECT_EQ(-1, ioctl(vmm->container, VFIO_IOMMU_PASID_REQUEST, large));
	EXPECT_EQ(E2BIG, errno);
	free(large);
	/* Nothing to free is fine. */
	EXPECT_EQ(0, request(vmm, 16, release, 100, ~0U));
	EXPECT_EQ(0, request(vmm, 16, release, 0, 0));
	EXPECT_EQ(0, request(vmm, 16, release, 0, GUEST_PASID - 1));
}

TEST_F(refusal, quota)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	uint32_t i;

	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	ASSERT_LT(info.used, info.quota);
	for (i = info.used; i < info.quota; i++)
		ASSERT_LT(0, vmm_pasid_alloc(self->vmm, 100, ~0U));
	EXPECT_EQ(-EDQUOT, vmm_pasid_alloc(self->vmm, 100, ~0U));
	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	EXPECT_EQ(info.quota, info.used);

	/* What is given back can be had again. */
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 100, ~0U));
	EXPECT_LT(0, vmm_pasid_alloc(self->vmm, 100, ~0U));
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 100, ~0U));
}

TEST(container_that_is_not_for_nesting)
{
	struct iommu_nesting_info info;
	struct vfio_iommu_type1_info_cap_pasid pasid;
	struct vmm vmm;

	ASSERT_EQ(0, vmm_open_type(&vmm, 0, 1, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-ENOENT, vmm_nesting_info(&vmm, &info));
	EXPECT_EQ(-ENOENT, vmm_pasid_info(&vmm, &pasid));
	EXPECT_EQ(-EOPNOTSUPP, vmm_pasid_alloc(&vmm, 1, 100));
	EXPECT_EQ(-EOPNOTSUPP, vmm_pasid_free(&vmm, 1, 100));
	EXPECT_EQ(-EOPNOTSUPP, vmm_bind(&vmm, NULL, 1, VMM_GPA_BASE, 4));
	EXPECT_EQ(-EOPNOTSUPP, vmm_unbind(&vmm, NULL, 1));
	EXPECT_EQ(-EOPNOTSUPP, vmm_invalidate_pasid(&vmm, NULL, GUEST_CACHES, 1));
	vmm_close(&vmm);
}

TEST(container_without_group)
{
	struct vmm vmm = { .memfd = -1 };

	vmm.container = open("/dev/vfio/vfio", O_RDWR);
	ASSERT_LE(0, vmm.container);
	EXPECT_EQ(1, ioctl(vmm.container, VFIO_CHECK_EXTENSION,
			   VFIO_TYPE1_NESTING_IOMMU));
	EXPECT_EQ(-EINVAL, vmm_pasid_alloc(&vmm, 1, 100));
	EXPECT_EQ(-EINVAL, vmm_bind(&vmm, NULL, 1, VMM_GPA_BASE, 4));
	vmm_close(&vmm);
}

TEST(no_device_open)
{
	struct guest guest;
	char *text;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	vmm_device_close(guest.dev);
	EXPECT_EQ(-ENODEV, vmm_bind(&guest.vmm, NULL, GUEST_PASID,
				    guest.pt.root, 4));
	EXPECT_EQ(0, vmm_unbind(&guest.vmm, NULL, GUEST_PASID));
	EXPECT_EQ(0, vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	text = guest_bindings();
	EXPECT_EQ(NULL, strstr(text, guest.dev->name));
	free(text);
	guest_close(&guest);
}

TEST(offered)
{
	struct vfio_iommu_type1_info_cap_pasid pasid;
	struct iommu_nesting_info info;
	struct vmm vmm;
	int first;

	ASSERT_EQ(0, vmm_open(&vmm, 0, 2));
	ASSERT_EQ(0, vmm_nesting_info(&vmm, &info));
	EXPECT_EQ(sizeof(info), info.argsz);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(IOMMU_PASID_FORMAT_INTEL_VTD, info.format);
	EXPECT_EQ(IOMMU_NESTING_FEAT_BIND_PGTBL | IOMMU_NESTING_FEAT_CACHE_INVLD |
		  IOMMU_NESTING_FEAT_NO_RO_MAP,
		  info.features & (IOMMU_NESTING_FEAT_BIND_PGTBL |
				   IOMMU_NESTING_FEAT_CACHE_INVLD |
				   IOMMU_NESTING_FEAT_NO_RO_MAP |
				   IOMMU_NESTING_FEAT_SYSWIDE_PASID));
	EXPECT_LE(39, info.addr_width);
	EXPECT_EQ(20, info.pasid_bits);
	EXPECT_EQ(0, info.vendor.vtd.flags);
	/* 5 levels and supervisor requests, which other tests make use of */
	EXPECT_NE(0, info.vendor.vtd.cap_reg & 1ULL << 60);
	EXPECT_NE(0, info.vendor.vtd.ecap_reg & 1ULL << 31);

	ASSERT_EQ(0, vmm_pasid_info(&vmm, &pasid));
	EXPECT_LT(0, pasid.quota);
	EXPECT_EQ(0, pasid.used);
	EXPECT_EQ(1, pasid.min);
	EXPECT_EQ((1 << 20) - 1, pasid.max);

	first = vmm_pasid_alloc(&vmm, 1, ~0U);
	EXPECT_LT(0, first);
	EXPECT_NE(first, vmm_pasid_alloc(&vmm, 1, ~0U));
	EXPECT_EQ(pasid.max, vmm_pasid_alloc(&vmm, pasid.max, pasid.max));
	ASSERT_EQ(0, vmm_pasid_info(&vmm, &pasid));
	EXPECT_EQ(3, pasid.used);
	vmm_close(&vmm);
}

/* The second stage takes no read-only mapping, which is what NO_RO_MAP says */
TEST(read_only_mapping)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.iova = VMM_GPA_BASE,
		.size = SIZE_4K,
	};
	struct vmm vmm;

	ASSERT_EQ(0, vmm_open(&vmm, 0, 1));
	ASSERT_EQ(0, vmm_unmap_dma(&vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	map.vaddr = (uintptr_t)vmm.memory;
	EXPECT_EQ(-1, ioctl(vmm.container, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, vmm_map_dma(&vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	vmm_close(&vmm);
}

TEST_HARNESS_MAIN
