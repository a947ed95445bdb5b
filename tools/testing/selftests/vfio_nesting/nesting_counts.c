// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations cost the hardware, as verdicts
 *
 * The unit counts the descriptors of its invalidation queue and how often
 * software waits for them. Both are the same on every run: a change that adds a
 * wait fails here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "cost.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"

#define BATCH		16	/* descriptors in front of a wait */
#define MANY		200	/* PASIDs */
#define UP(n, d)	(((n) + (d) - 1) / (d))

#define EXPECT_COST(operation, ndescriptors, nwaits) do {		\
	struct cost cost;						\
									\
	cost_begin(self->dev, &cost);					\
	operation;							\
	cost_end(self->dev, &cost);					\
	EXPECT_EQ((uint64_t)(ndescriptors), cost.descriptors);		\
	EXPECT_EQ((uint64_t)(nwaits), cost.waits);			\
} while (0)

FIXTURE(counts) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	int fault_fd;
};

FIXTURE_VARIANT(counts) {
	bool pri;
};

/* Page requests are drained where there can be any: one wait more. */
FIXTURE_VARIANT_ADD(counts, quiet) { false };
FIXTURE_VARIANT_ADD(counts, page_requests) { true };

FIXTURE_SETUP(counts)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 2));
	self->vmm = &guest->vmm;
	self->dev = guest->dev;
	self->fault_fd = -1;
	if (variant->pri) {
		self->fault_fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ);
		ASSERT_LE(0, self->fault_fd);
	}
}

FIXTURE_TEARDOWN(counts)
{
	if (self->fault_fd >= 0)
		close(self->fault_fd);
	guest_close(&self->guest);
}

/* Descriptors of a drain: a fence, the IOTLB, the device */
#define DRAIN	(variant->pri ? 3 : 0)
#define DRAINED	(variant->pri ? 1 : 0)

TEST_F(counts, bind_unbind_replace)
{
	struct pgtable other;

	EXPECT_COST(EXPECT_EQ(0, guest_bind(&self->guest)), 0, 0);
	pgtable_init(&other, self->vmm, 4);
	EXPECT_COST(EXPECT_EQ(0, vmm_bind(self->vmm, self->dev, GUEST_PASID,
					  other.root, 4)),
		    3 + DRAIN, 1 + DRAINED);
	/* The same again is nothing. */
	EXPECT_COST(EXPECT_EQ(0, vmm_bind(self->vmm, self->dev, GUEST_PASID,
					  other.root, 4)), 0, 0);
	EXPECT_COST(EXPECT_EQ(0, vmm_unbind(self->vmm, self->dev, GUEST_PASID)),
		    3 + DRAIN, 1 + DRAINED);
	EXPECT_COST(EXPECT_EQ(0, vmm_unbind(self->vmm, self->dev, GUEST_PASID)),
		    0, 0);
}

static void bind_many(struct __test_metadata *_metadata, struct guest *guest,
		      uint32_t first, uint32_t last, uint32_t step)
{
	uint32_t pasid;

	for (pasid = first; pasid <= last; pasid += step) {
		if (pasid != GUEST_PASID)
			ASSERT_EQ((int)pasid, vmm_pasid_alloc(&guest->vmm, pasid, pasid));
		ASSERT_EQ(0, vmm_bind(&guest->vmm, guest->dev, pasid,
				      guest->pt.root, 4));
	}
}

/*
 * Waits for @k PASIDs that go together, in lots of 64. The device takes global
 * invalidations, so each lot is one batch.
 */
static unsigned int waits_of_many(unsigned int k, bool pri)
{
	return UP(k, 64) * (1 + pri);
}

TEST_F(counts, free_of_a_range)
{
	static const unsigned int numbers[] = { 2, 8, 14, 15, 30, 64, MANY };
	struct cost cost;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		k = numbers[i];
		bind_many(_metadata, &self->guest, 100, 99 + k, 1);
		cost_begin(self->dev, &cost);
		ASSERT_EQ(0, vmm_pasid_free(self->vmm, 100, 99 + k));
		cost_end(self->dev, &cost);
		EXPECT_GE(2 + k / 8, cost.waits);
		EXPECT_EQ(waits_of_many(k, variant->pri), cost.waits) {
			TH_LOG("%u PASIDs", k);
		}
	}
}

/* Far from each other, so that the parts of the PASID table go too */
TEST_F(counts, free_of_scattered_pasids)
{
	struct cost cost;

	bind_many(_metadata, &self->guest, 1000, 1000 + 63 * 100, 100);
	cost_begin(self->dev, &cost);
	ASSERT_EQ(0, vmm_pasid_free(self->vmm, 0, 100000));
	cost_end(self->dev, &cost);
	EXPECT_GE(2 + 64 / 8, cost.waits);
}

TEST_F(counts, close_of_the_device)
{
	struct cost cost;

	bind_many(_metadata, &self->guest, 100, 99 + MANY, 1);
	if (self->fault_fd >= 0)
		close(self->fault_fd);
	self->fault_fd = -1;
	/* The other device is behind the same unit. */
	cost_begin(&self->vmm->devices[1], &cost);
	vmm_device_close(self->dev);
	cost_end(&self->vmm->devices[1], &cost);
	/* What VFIO itself resets and detaches is not of interest. */
	EXPECT_GE(2 + MANY / 8 + 8, cost.waits);
}

static struct iommu_cache_invalidate_info range(unsigned int cache, uint64_t addr,
						uint64_t pages)
{
	struct iommu_cache_invalidate_info info;

	vmm_addr_info(&info, cache, GUEST_PASID, addr, SIZE_4K, pages);
	return info;
}

/* N ranges are as many descriptors for each cache, in the fewest batches. */
TEST_F(counts, invalidate_ranges)
{
	static const unsigned int numbers[] = { 1, 7, 8, 9, 16, 17, 256, 4096 };
	static struct iommu_cache_invalidate_info infos[4096];
	unsigned int i, n, caches;
	uint32_t num;

	ASSERT_EQ(0, guest_bind(&self->guest));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (n = 0; n < numbers[i]; n++)
			infos[n] = range(GUEST_CACHES, GVA_SRC + 2 * n * SIZE_4K, 1);
		num = numbers[i];
		EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_array(self->vmm, self->dev,
							      infos, &num)),
			    2 * numbers[i], UP(2 * numbers[i], BATCH));
		EXPECT_EQ(numbers[i], num);
		for (n = 0; n < numbers[i]; n++)
			infos[n].cache = IOMMU_CACHE_INV_TYPE_IOTLB;
		EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_array(self->vmm, self->dev,
							      infos, &num)),
			    numbers[i], UP(numbers[i], BATCH));
	}

	/* One at a time */
	for (caches = 1; caches <= 3; caches++)
		EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, caches,
							     GUEST_PASID, GVA_SRC,
							     SIZE_4K, 1)),
			    (caches & 1) + (caches >> 1), 1);
	EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->dev, GUEST_CACHES,
						      GUEST_PASID)), 2, 1);
}

/* A range is exactly the blocks that it consists of, or eight larger ones. */
TEST_F(counts, invalidate_blocks)
{
	static const struct {
		uint64_t page, pages;
		unsigned int blocks;
	} ranges[] = {
		{ 0, 1, 1 }, { 1, 1, 1 }, { 1, 2, 2 }, { 2, 2, 1 }, { 1, 3, 2 },
		{ 1, 6, 4 }, { 1, 14, 6 }, { 1, 30, 8 }, { 0, 512, 1 },
		{ 0, 255, 8 }, { 511, 2, 2 }, { 0x7ffffffff, 2, 2 },
		/* Ten and more, were they exact: one page more at each end is one. */
		{ 1, 62, 1 }, { 1, 1022, 1 }, { 1, 0xffffffffe, 1 },
	};
	unsigned int i;

	ASSERT_EQ(0, guest_bind(&self->guest));
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct cost cost;

		cost_begin(self->dev, &cost);
		EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, GUEST_CACHES,
						 GUEST_PASID, ranges[i].page * SIZE_4K,
						 SIZE_4K, ranges[i].pages));
		cost_end(self->dev, &cost);
		EXPECT_EQ(2 * ranges[i].blocks, cost.descriptors) {
			TH_LOG("range %u", i);
		}
		EXPECT_EQ(1, cost.waits);
	}
}

/* One unit, one wait, however many devices */
TEST_F(counts, invalidate_on_all_devices)
{
	ASSERT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID, self->guest.pt.root, 4));
	EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, NULL, GUEST_CACHES,
						     GUEST_PASID, GVA_SRC, SIZE_4K, 1)),
		    4, 1);
	EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL, GUEST_CACHES,
						      GUEST_PASID)), 4, 1);
}

/* How many others are bound does not matter. */
TEST_F(counts, flat)
{
	bind_many(_metadata, &self->guest, 100, 99 + MANY, 1);
	EXPECT_COST(EXPECT_EQ(0, guest_bind(&self->guest)), 0, 0);
	EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, GUEST_CACHES,
						     GUEST_PASID, GVA_SRC, SIZE_4K, 1)),
		    2, 1);
	EXPECT_COST(EXPECT_EQ(0, vmm_unbind(self->vmm, self->dev, GUEST_PASID)),
		    3 + DRAIN, 1 + DRAINED);
}

/* An entry costs what a bind does, however many there are. */
TEST_F(counts, entries_of_a_table)
{
	static const unsigned int numbers[] = { 1, 100, 900 };
	struct pasid_table table;
	struct pgtable other;
	unsigned int i, n = 0;
	struct cost cost;

	pgtable_init(&other, self->vmm, 4);
	pasid_table_init(&table, self->vmm, 20);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		while (n < numbers[i])
			pasid_table_map(&table, ++n, &self->guest.pt);
		ASSERT_EQ(0, pasid_table_set(&table, self->dev));
		EXPECT_COST(EXPECT_EQ(0, pasid_table_sync(&table, self->dev, 1)), 0, 0);
		EXPECT_COST(EXPECT_EQ(0, pasid_table_sync_all(&table, self->dev)), 0, 0);
		pasid_table_map(&table, 1, &other);
		EXPECT_COST(EXPECT_EQ(0, pasid_table_sync(&table, self->dev, 1)),
			    3 + DRAIN, 1 + DRAINED);
		pasid_table_clear(&table, 1);
		EXPECT_COST(EXPECT_EQ(0, pasid_table_sync(&table, self->dev, 1)),
			    3 + DRAIN, 1 + DRAINED);
		pasid_table_map(&table, 1, &self->guest.pt);
		EXPECT_COST(EXPECT_EQ(0, pasid_table_sync_all(&table, self->dev)), 0, 0);

		/* Those that go together are waited for together, and entry 0. */
		cost_begin(self->dev, &cost);
		EXPECT_EQ(0, pasid_table_set(&table, self->dev));
		cost_end(self->dev, &cost);
		EXPECT_GE(waits_of_many(n, variant->pri) + 4, cost.waits) {
			TH_LOG("%u entries", n);
		}
		cost_begin(self->dev, &cost);
		EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
		cost_end(self->dev, &cost);
		EXPECT_GE(waits_of_many(n, variant->pri) + 4, cost.waits) {
			TH_LOG("%u entries", n);
		}
	}
}

TEST_F(counts, answers)
{
	static const unsigned int numbers[] = { 1, 16, 17, 64 };
	struct iommu_page_response answers[64];
	unsigned int i, n;

	if (!variant->pri)
		return;
	ASSERT_EQ(0, guest_bind(&self->guest));
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS | SVATEST_CF_PRI |
		      SVATEST_CF_TRUSTED);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		n = numbers[i];
		svatest_start_requests(self->dev, 0, GUEST_PASID, GVA_SRC, n,
				       SVATEST_PR_READ | SVATEST_PR_LAST |
				       SVATEST_PR_DISTINCT | SVATEST_PR_WAIT);
		ASSERT_EQ(0, fault_gather(self->fault_fd, answers, n,
					  IOMMU_PAGE_RESP_SUCCESS));
		EXPECT_COST(EXPECT_EQ((int)n, fault_write(self->fault_fd, answers, n)),
			    n, UP(n, BATCH));
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	}
}

TEST_HARNESS_MAIN
