// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many invalidations in one call: what is refused, how far a call comes, and
 * that what it says was done was done
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define PAGES		40
#define OLD(i)		(0x01d0000000000000ULL + (i))
#define NEW(i)		(0x2e30000000000000ULL + (i))

/* What a call is made of, in one piece */
struct call {
	struct vfio_iommu_type1_nesting_op op;
	struct vfio_nesting_invalidate_array array;
	uint8_t tail[8];
};

FIXTURE(array) {
	struct guest guest;
	struct call call;
	struct iommu_cache_invalidate_info infos[PAGES];
};

static struct iommu_cache_invalidate_info page(unsigned int i)
{
	struct iommu_cache_invalidate_info info;

	vmm_addr_info(&info, GUEST_CACHES, GUEST_PASID, GVA_SRC + i * SIZE_4K,
		      SIZE_4K, 1);
	return info;
}

/* What the device reads at page @i */
static uint64_t seen(struct guest *guest, unsigned int i)
{
	if (svatest_copy(guest->dev, 0, GVA_SRC + i * SIZE_4K, GVA_DST,
			 8) != SVATEST_ST_OK)
		return 0;
	return guest_peek(&guest->vmm, guest->dst);
}

/* Every page is cached with what it was, and the table says otherwise. */
FIXTURE_SETUP(array)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	for (i = 0; i < PAGES; i++)
		guest_map_page(guest, GVA_SRC + i * SIZE_4K,
			       guest_page(&guest->vmm, OLD(i)));
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(OLD(i), seen(guest, i));
		*pgtable_entry(&guest->pt, GVA_SRC + i * SIZE_4K, SIZE_4K) =
			guest_page(&guest->vmm, NEW(i)) | PGT_READ_WRITE;
		self->infos[i] = page(i);
	}
	self->call = (struct call) {
		.op.argsz = offsetof(struct call, tail),
		.op.flags = VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY,
		.array = {
			.argsz = sizeof(self->call.array),
			.entry_len = sizeof(self->infos[0]),
			.entry_num = PAGES,
			.entries = (uintptr_t)self->infos,
		},
	};
}

FIXTURE_TEARDOWN(array)
{
	guest_close(&self->guest);
}

static int call(struct guest *guest, struct call *call)
{
	return ioctl(guest->vmm.container, VFIO_IOMMU_NESTING_OP, call) ? -errno : 0;
}

/* The first @done pages are fresh, and the others as stale as before. */
static bool done_is(struct guest *guest, unsigned int done)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (seen(guest, i) != (i < done ? NEW(i) : OLD(i))) {
			printf("# page %u\n", i);
			return false;
		}
	}
	return true;
}

TEST_F(array, all_of_them)
{
	EXPECT_EQ(0, call(&self->guest, &self->call));
	EXPECT_EQ(PAGES, self->call.array.entry_num);
	EXPECT_TRUE(done_is(&self->guest, PAGES));
}

/* EXPECT_REFUSED(errno, change): one thing is wrong, and nothing happens */
#define EXPECT_REFUSED(err, change) do {				\
	struct call bad = self->call;					\
									\
	change;								\
	EXPECT_EQ(-(err), call(&self->guest, &bad)) {			\
		TH_LOG("%s", #change);					\
	}								\
} while (0)

TEST_F(array, refused_as_a_whole)
{
	EXPECT_REFUSED(EINVAL, bad.array.argsz = 23);
	EXPECT_REFUSED(EINVAL, bad.array.argsz = 0);
	EXPECT_REFUSED(EINVAL, bad.array.argsz = 25);
	EXPECT_REFUSED(EINVAL, bad.op.argsz--);
	EXPECT_REFUSED(EINVAL, bad.array.flags = 1);
	EXPECT_REFUSED(EINVAL, bad.array.flags = 1U << 31);
	EXPECT_REFUSED(EINVAL, bad.array.entry_len = 15);
	EXPECT_REFUSED(EINVAL, bad.array.entry_len = 0);
	EXPECT_REFUSED(E2BIG, bad.array.entry_len = 4097);
	EXPECT_REFUSED(E2BIG, bad.array.entry_len = UINT32_MAX);
	EXPECT_REFUSED(E2BIG, bad.array.entry_num = VFIO_NESTING_INVALIDATE_MAX + 1);
	EXPECT_REFUSED(E2BIG, bad.array.entry_num = UINT32_MAX);
	EXPECT_REFUSED(E2BIG, bad.op.argsz += 8; bad.tail[7] = 1);
	EXPECT_REFUSED(E2BIG, bad.op.argsz += 8; bad.array.argsz += 8; bad.tail[0] = 1);
	EXPECT_REFUSED(EFAULT, bad.array.entries = UINT64_MAX - 8);
	EXPECT_REFUSED(EFAULT, bad.array.entries = 0);
	EXPECT_REFUSED(EFAULT, bad.array.entries = 1ULL << 63);
	EXPECT_TRUE(done_is(&self->guest, 0));

	/* A longer one that ends in zeros is fine. */
	self->call.op.argsz += 8;
	self->call.array.argsz += 8;
	EXPECT_EQ(0, call(&self->guest, &self->call));
	EXPECT_TRUE(done_is(&self->guest, PAGES));
}

/* That the operation is known can be asked for. */
TEST_F(array, of_nothing)
{
	self->call.array.entry_num = 0;
	self->call.array.entries = 0;
	EXPECT_EQ(0, call(&self->guest, &self->call));
	EXPECT_EQ(0, self->call.array.entry_num);
	EXPECT_TRUE(done_is(&self->guest, 0));
}

/* What could not be told of is not done. */
TEST_F(array, count_that_cannot_be_written)
{
	struct call *where = mmap(NULL, SIZE_4K, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)where);
	*where = self->call;
	ASSERT_EQ(0, mprotect(where, SIZE_4K, PROT_READ));
	EXPECT_EQ(-EFAULT, call(&self->guest, where));
	EXPECT_TRUE(done_is(&self->guest, 0));
	munmap(where, SIZE_4K);
}

static const unsigned int places[] = { 0, 1, 15, 16, 17, 31, 32, PAGES - 1 };

/* EXPECT_BLAME(errno, change): entry @at is wrong, those before it are done */
#define EXPECT_BLAME(err, change) do {					\
	unsigned int i, at, before = 0;					\
									\
	for (i = 0; i < ARRAY_SIZE(places); i++) {			\
		struct call bad = self->call;				\
		struct iommu_cache_invalidate_info *info;		\
									\
		at = places[i];						\
		info = &self->infos[at];				\
		change;							\
		EXPECT_EQ(-(err), call(&self->guest, &bad));		\
		EXPECT_EQ(at, bad.array.entry_num);			\
		EXPECT_LE(before, at);					\
		EXPECT_TRUE(done_is(&self->guest, at));			\
		self->infos[at] = page(at);				\
		before = at;						\
	}								\
} while (0)

TEST_F(array, wrong_version)
{
	EXPECT_BLAME(EINVAL, info->version = 2);
}

TEST_F(array, wrong_argsz)
{
	EXPECT_BLAME(EINVAL, info->argsz = sizeof(*info) + 1);
}

TEST_F(array, wrong_range)
{
	EXPECT_BLAME(EINVAL, info->granu.addr_info.nb_granules = 0);
}

/* Between what an entry says it has and the next one nothing may be hidden. */
TEST_F(array, byte_behind_an_entry)
{
	EXPECT_BLAME(E2BIG, (info->argsz = 16, info->granularity = 0,
			     info->cache = IOMMU_CACHE_INV_TYPE_PASID));
}

TEST_F(array, entries_that_cannot_be_read)
{
	const size_t size = sizeof(self->infos[0]);
	uint8_t *memory = mmap(NULL, 2 * SIZE_4K, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, mprotect(memory + SIZE_4K, SIZE_4K, PROT_NONE));
	/* 20 and a half */
	self->call.array.entries = (uintptr_t)memory + SIZE_4K - 20 * size - size / 2;
	memcpy((void *)(uintptr_t)self->call.array.entries, self->infos,
	       20 * size + size / 2);
	EXPECT_EQ(-EFAULT, call(&self->guest, &self->call));
	EXPECT_EQ(20, self->call.array.entry_num);
	EXPECT_TRUE(done_is(&self->guest, 20));
	munmap(memory, 2 * SIZE_4K);
}

/* Entries may be further apart than this kernel's are long. */
TEST_F(array, longer_entries)
{
	static uint8_t memory[PAGES * 64];
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		memcpy(memory + i * 64, &self->infos[i], sizeof(self->infos[i]));
	self->call.array.entries = (uintptr_t)memory;
	self->call.array.entry_len = 64;
	EXPECT_EQ(0, call(&self->guest, &self->call));
	EXPECT_EQ(PAGES, self->call.array.entry_num);
	EXPECT_TRUE(done_is(&self->guest, PAGES));

	memory[17 * 64 + 63] = 1;
	EXPECT_EQ(-E2BIG, call(&self->guest, &self->call));
	EXPECT_EQ(17, self->call.array.entry_num);
}

/* PASIDs that are not bound have nothing cached; entries may be of any kind. */
TEST_F(array, mixed)
{
	self->infos[0].granu.addr_info.pasid = 77;
	self->infos[1].granularity = IOMMU_INV_GRANU_PASID;
	self->infos[1].granu.pasid_info = (struct iommu_inv_pasid_info) {
		.flags = IOMMU_INV_PASID_FLAGS_PASID, .pasid = GUEST_PASID,
	};
	self->call.array.entry_num = 2;
	EXPECT_EQ(0, call(&self->guest, &self->call));
	EXPECT_EQ(2, self->call.array.entry_num);
	EXPECT_TRUE(done_is(&self->guest, PAGES));
}

TEST_HARNESS_MAIN
