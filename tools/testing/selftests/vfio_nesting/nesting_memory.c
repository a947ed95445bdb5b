// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's PASIDs cost the host, and that it gets it back
 *
 * The table of a device has a page for each 64 PASIDs. /proc/vmstat counts the
 * pages that IOMMUs have.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

#define PASIDS_PER_PAGE	64
#define PASIDS		0x100000
#define FAR		(100 * PASIDS_PER_PAGE)

/* Pages that may come and go for other reasons */
#define SLACK		16

/* Memory is freed a little later than it is given back: have patience. */
static long iommu_pages_settled(long expected)
{
	unsigned int patience = 600;
	long pages;

	while ((pages = guest_iommu_pages()) > expected + SLACK && patience--)
		usleep(100000);
	return pages;
}

static int use_pasid(struct guest *guest, uint32_t pasid)
{
	int ret = vmm_pasid_alloc(&guest->vmm, pasid, pasid);

	if (ret != (int)pasid)
		return ret < 0 ? ret : -1;
	return vmm_bind(&guest->vmm, NULL, pasid, guest->pt.root, guest->pt.levels);
}

FIXTURE(memory) {
	struct guest guest;
	long before;
};

FIXTURE_SETUP(memory)
{
	/* What the first use of a device leaves for the next */
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	guest_close(&self->guest);
	self->before = guest_iommu_pages();
	ASSERT_LT(0, self->before);
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
}

FIXTURE_TEARDOWN(memory)
{
	if (self->guest.vmm.container >= 0)
		guest_close(&self->guest);
}

/* One PASID at a time, each in another page, through the whole table */
TEST_F_TIMEOUT(memory, one_pasid_at_a_time, 600)
{
	struct guest *guest = &self->guest;
	long opened = guest_iommu_pages();
	uint32_t pasid;

	for (pasid = PASIDS_PER_PAGE; pasid < PASIDS; pasid += PASIDS_PER_PAGE) {
		ASSERT_EQ(0, use_pasid(guest, pasid));
		ASSERT_EQ(0, vmm_pasid_free(&guest->vmm, pasid, pasid));
	}
	EXPECT_GE(opened + SLACK, iommu_pages_settled(opened));
	guest_close(guest);
	EXPECT_GE(self->before + SLACK, iommu_pages_settled(self->before));
}

/* What is in use is no more than a page for each PASID, and goes with them. */
TEST_F_TIMEOUT(memory, no_more_pages_than_pasids, 600)
{
	struct guest *guest = &self->guest;
	const unsigned int count = 400;
	long opened = guest_iommu_pages();
	unsigned int i;

	for (i = 1; i <= count; i++)
		ASSERT_EQ(0, use_pasid(guest, i * PASIDS_PER_PAGE));
	/* Another one in each page costs nothing. */
	for (i = 1; i <= count; i++)
		ASSERT_EQ(0, use_pasid(guest, i * PASIDS_PER_PAGE + 1));
	EXPECT_LE(opened + count - SLACK, guest_iommu_pages());
	EXPECT_GE(opened + count + SLACK, iommu_pages_settled(opened + count));

	for (i = 1; i <= count; i++)
		ASSERT_EQ(0, vmm_pasid_free(&guest->vmm, i * PASIDS_PER_PAGE,
					    i * PASIDS_PER_PAGE));
	EXPECT_LE(opened + count - SLACK, iommu_pages_settled(opened));
	for (i = 1; i <= count; i++)
		ASSERT_EQ(0, vmm_pasid_free(&guest->vmm, i * PASIDS_PER_PAGE + 1,
					    i * PASIDS_PER_PAGE + 1));
	EXPECT_GE(opened + SLACK, iommu_pages_settled(opened));
}

/* Nobody unbinds: the end of all does it. */
TEST_F_TIMEOUT(memory, close_gives_all_back, 600)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	for (i = 1; i <= 400; i++)
		ASSERT_EQ(0, use_pasid(guest, i * PASIDS_PER_PAGE));
	guest_close(guest);
	EXPECT_GE(self->before + SLACK, iommu_pages_settled(self->before));
}

/* A PASID whose page is gone is one that is not bound, and can be bound again. */
TEST_F_TIMEOUT(memory, page_comes_back, 120)
{
	struct guest *guest = &self->guest;
	struct iommu_fault record;
	unsigned int i;
	int fd;

	fd = fault_open(guest->dev, 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, use_pasid(guest, FAR));
		svatest_setup(guest->dev, 0, FAR, i % 2 ? SVATEST_CF_ATS : 0);
		EXPECT_NE(0, guest_copied(guest, 0));
		ASSERT_EQ(0, vmm_pasid_free(&guest->vmm, FAR, FAR));
		svatest_setup(guest->dev, 0, FAR, 0);
		EXPECT_EQ(0, guest_copied(guest, 0));
		ASSERT_EQ(1, fault_next_event(fd, &record));
		EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, record.type);
		EXPECT_EQ(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, record.event.reason);
	}
	close(fd);
}

struct copier {
	struct guest *guest;
	atomic_bool stop;
	unsigned int copies;
	unsigned int failures;
};

static void *copy_on(void *data)
{
	struct copier *copier = data;

	while (!atomic_load(&copier->stop)) {
		copier->copies++;
		if (svatest_copy(copier->guest->dev, 1, GVA_SRC, GVA_DST, 64) !=
		    SVATEST_ST_OK)
			copier->failures++;
	}
	return NULL;
}

/* A PASID at work does not notice what becomes of its neighbours in the page. */
TEST_F_TIMEOUT(memory, neighbour_in_the_page, 300)
{
	struct guest *guest = &self->guest;
	struct copier copier = { .guest = guest };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, use_pasid(guest, FAR + 1));
	svatest_setup(guest->dev, 1, FAR + 1, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, copy_on, &copier));
	for (i = 0; i < 500; i++) {
		EXPECT_EQ(0, use_pasid(guest, FAR));
		EXPECT_EQ(0, use_pasid(guest, FAR + PASIDS_PER_PAGE));
		EXPECT_EQ(0, vmm_pasid_free(&guest->vmm, FAR, FAR));
		EXPECT_EQ(0, vmm_pasid_free(&guest->vmm, FAR + PASIDS_PER_PAGE,
					    FAR + PASIDS_PER_PAGE));
	}
	atomic_store(&copier.stop, true);
	pthread_join(thread, NULL);
	EXPECT_LT(0, copier.copies);
	EXPECT_EQ(0, copier.failures);
}

TEST_HARNESS_MAIN
