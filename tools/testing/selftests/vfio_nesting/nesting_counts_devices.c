// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations on several devices cost the hardware, as verdicts
 *
 * The devices are behind one unit, which is waited for once for each batch of
 * descriptors, whatever devices they are for. The counts are those of the unit, and
 * the same on every run: a change that adds a wait fails here.
 */
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "cost.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"

#define BATCH		16	/* descriptors in front of a wait */
#define LOT		64	/* PASIDs that go together */
#define DEVICES_MAX	8
#define UP(n, d)	(((n) + (d) - 1) / (d))

FIXTURE(devices) {
	struct guest guest;
	struct vmm *vmm;
	int fault_fds[DEVICES_MAX];
};

FIXTURE_VARIANT(devices) {
	unsigned int number;
	bool pri;
};

FIXTURE_VARIANT_ADD(devices, one) { 1, false };
FIXTURE_VARIANT_ADD(devices, two) { 2, false };
FIXTURE_VARIANT_ADD(devices, eight) { 8, false };
FIXTURE_VARIANT_ADD(devices, one_page_requests) { 1, true };
FIXTURE_VARIANT_ADD(devices, two_page_requests) { 2, true };
FIXTURE_VARIANT_ADD(devices, eight_page_requests) { 8, true };

FIXTURE_SETUP(devices)
{
	struct guest *guest = &self->guest;
	unsigned int d;

	ASSERT_EQ(0, guest_open(guest, 0, variant->number));
	self->vmm = &guest->vmm;
	for (d = 0; d < variant->number && variant->pri; d++) {
		self->fault_fds[d] = fault_open(&self->vmm->devices[d],
						VFIO_NESTING_FAULT_PAGE_REQ);
		ASSERT_LE(0, self->fault_fds[d]);
	}
}

FIXTURE_TEARDOWN(devices)
{
	unsigned int d;

	for (d = 0; d < variant->number && variant->pri; d++)
		close(self->fault_fds[d]);
	guest_close(&self->guest);
}

/*
 * What lets go of @k PASIDs of each device: of the PASID cache and of the IOTLB one
 * descriptor for a lot, and one of the device for each PASID, or for all where those
 * would not fit into a batch. A drain is a fence, the IOTLB, and each device.
 */
static struct cost expected(unsigned int devices, bool pri, unsigned int k)
{
	struct cost cost = {};
	unsigned int lot, descs;

	for (; k; k -= lot) {
		lot = k < LOT ? k : LOT;
		descs = devices * (lot > BATCH - 2 ? 3 : 2 + lot);
		cost.descriptors += descs;
		cost.waits += UP(descs, BATCH);
		if (!pri)
			continue;
		cost.descriptors += 2 + devices;
		cost.waits++;
	}
	return cost;
}

#define EXPECT_COST(operation, want) do {				\
	const struct cost right = (want);				\
	struct cost cost;						\
									\
	cost_begin(self->guest.dev, &cost);				\
	operation;							\
	cost_end(self->guest.dev, &cost);				\
	EXPECT_EQ(right.descriptors, cost.descriptors);			\
	EXPECT_EQ(right.waits, cost.waits);				\
} while (0)

#define OF(k)	expected(variant->number, variant->pri, k)

TEST_F(devices, bind_replace_unbind)
{
	struct pgtable other;

	pgtable_init(&other, self->vmm, 4);
	EXPECT_COST(EXPECT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID,
					  self->guest.pt.root, 4)), OF(0));
	EXPECT_COST(EXPECT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID,
					  other.root, 4)), OF(1));
	EXPECT_COST(EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID)), OF(1));
	EXPECT_COST(EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID)), OF(0));
}

TEST_F(devices, free_of_a_range)
{
	static const unsigned int numbers[] = { 1, 8, 14, 15, 64, 256 };
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		k = numbers[i];
		for (n = 0; n < k; n++) {
			ASSERT_EQ(100 + (int)n, vmm_pasid_alloc(self->vmm, 100 + n, 100 + n));
			ASSERT_EQ(0, vmm_bind(self->vmm, NULL, 100 + n,
					      self->guest.pt.root, 4));
		}
		EXPECT_COST(ASSERT_EQ(0, vmm_pasid_free(self->vmm, 100, 99 + k)), OF(k));
	}
}

TEST_F(devices, unset_of_a_table)
{
	static const unsigned int numbers[] = { 1, 64, 100 };
	struct pasid_table table;
	unsigned int i, n = 0;
	struct cost cost;

	pasid_table_init(&table, self->vmm, 20);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		while (n < numbers[i])
			pasid_table_map(&table, ++n, &self->guest.pt);
		ASSERT_EQ(0, pasid_table_set(&table, NULL));
		/* The entry of requests without PASID is torn down by itself. */
		cost = OF(n);
		cost.descriptors += variant->number * (variant->pri ? 6 : 3);
		cost.waits += variant->number * (variant->pri ? 2 : 1);
		EXPECT_COST(EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL)), cost);
	}
}

/* One unit, one wait, however many devices */
TEST_F(devices, invalidation)
{
	const unsigned int descs = 2 * variant->number;
	struct cost cost = { .descriptors = descs, .waits = UP(descs, BATCH) };

	ASSERT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID, self->guest.pt.root, 4));
	EXPECT_COST(EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, NULL, GUEST_CACHES,
						     GUEST_PASID, GVA_SRC, SIZE_4K, 1)),
		    cost);
}

TEST_HARNESS_MAIN
