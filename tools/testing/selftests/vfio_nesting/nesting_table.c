// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's whole PASID table: set, changed, invalidated, replaced, unset
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/falloc.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"

#define ATS		SVATEST_CF_ATS
#define NEW		0x2e30000000000000ULL
#define OLD		0x5352435352435352ULL	/* see guest_make() */

/* PASIDs: far from each other, and in one piece of the table */
#define FIRST		5
#define SECOND		6
#define FAR		0x4321
#define BITS		16

#define QUOTA		1000

/*
 * A guest with two processes, A and B, whose pages to read differ, and a table that
 * has A at FIRST and B at SECOND. It is not set yet.
 */
FIXTURE(table) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	struct pgtable a, b;
	struct pasid_table table;
	uint64_t page;
	int fault_fd;
};

FIXTURE_VARIANT(table) {
	uint32_t channel_flags;
};

FIXTURE_VARIANT_ADD(table, untranslated) { 0 };
FIXTURE_VARIANT_ADD(table, ats) { ATS };

FIXTURE_SETUP(table)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 2));
	self->vmm = &guest->vmm;
	self->dev = guest->dev;
	self->page = guest_page(self->vmm, NEW);
	self->a = guest->pt;
	pgtable_init(&self->b, self->vmm, 4);
	pgtable_map(&self->b, GVA_SRC, self->page, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(&self->b, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	pasid_table_init(&self->table, self->vmm, BITS);
	pasid_table_map(&self->table, FIRST, &self->a);
	pasid_table_map(&self->table, SECOND, &self->b);
	self->fault_fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ);
	ASSERT_LE(0, self->fault_fd);
}

FIXTURE_TEARDOWN(table)
{
	close(self->fault_fd);
	guest_close(&self->guest);
}

#define SEEN(pasid)	\
	guest_seen(&self->guest, self->dev, pasid, variant->channel_flags)
#define SEEN_FLAT(pasid)	\
	guest_seen_flat(&self->guest, self->dev, pasid, variant->channel_flags)

/* The one record that there is; none if its reason is a number that is none */
static struct iommu_fault_unrecoverable only_record(int fd)
{
	struct iommu_fault_unrecoverable none = { .reason = ~0U };
	struct iommu_fault record;

	if (!fault_wait(fd, 0) || fault_read(fd, &record, 1) != 1 ||
	    record.type != IOMMU_FAULT_DMA_UNRECOV || fault_wait(fd, 0))
		return none;
	return record.event;
}

#define EXPECT_BAD(why, number, gpa) do {					\
	struct iommu_fault_unrecoverable event = only_record(self->fault_fd);	\
										\
	EXPECT_EQ(why, event.reason);						\
	EXPECT_EQ(IOMMU_FAULT_UNRECOV_PASID_VALID |				\
		  IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID, event.flags);		\
	EXPECT_EQ(number, event.pasid);						\
	EXPECT_EQ(gpa, event.fetch_addr);					\
} while (0)

TEST_F(table, offered)
{
	struct iommu_nesting_info info;

	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	EXPECT_NE(0, info.features & IOMMU_NESTING_FEAT_BIND_PASID_TABLE);
}

TEST_F(table, set_and_unset)
{
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
	EXPECT_EQ(0, SEEN(FIRST + 64));
	EXPECT_EQ(0, SEEN(FAR));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(0, SEEN(SECOND));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL));
}

/* What changes in memory takes effect with its invalidation, and only then. */
TEST_F(table, old_entry_stays_until_it_is_invalidated)
{
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
	pasid_table_map(&self->table, FIRST, &self->b);
	pasid_table_map(&self->table, FAR, &self->a);
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->dev, GUEST_CACHES, FIRST));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, SECOND));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(0, SEEN(FAR));

	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_EQ(NEW, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_sync(&self->table, NULL, FAR));
	EXPECT_EQ(OLD, SEEN(FAR));

	pasid_table_clear(&self->table, FIRST);
	EXPECT_EQ(NEW, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
	EXPECT_EQ(OLD, SEEN(FAR));
}

TEST_F(table, one_invalidation_for_all_entries)
{
	volatile uint64_t *dir;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	pasid_table_map(&self->table, FIRST, &self->b);
	pasid_table_clear(&self->table, SECOND);
	pasid_table_map(&self->table, FAR, &self->a);
	EXPECT_EQ(0, pasid_table_sync_all(&self->table, self->dev));
	EXPECT_EQ(NEW, SEEN(FIRST));
	EXPECT_EQ(0, SEEN(SECOND));
	EXPECT_EQ(OLD, SEEN(FAR));
	/* All of a part of the table goes with its directory entry. */
	dir = pasid_table_dir(&self->table, FAR);
	*dir &= ~PASID_PRESENT;
	EXPECT_EQ(OLD, SEEN(FAR));
	EXPECT_EQ(0, pasid_table_sync_all(&self->table, self->dev));
	EXPECT_EQ(0, SEEN(FAR));
	EXPECT_EQ(NEW, SEEN(FIRST));
}

/* Pages of a process are invalidated as with a bind. */
TEST_F(table, pages_are_invalidated_by_pasid)
{
	volatile uint64_t *entry = pgtable_entry(&self->a, GVA_SRC, SIZE_4K);

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
	*entry = self->page | PGT_READ_WRITE;
	EXPECT_EQ(0, vmm_invalidate_addr(self->vmm, self->dev, GUEST_CACHES, FIRST,
					 GVA_SRC, SIZE_4K, 1));
	EXPECT_EQ(NEW, SEEN(FIRST));
	*entry = self->guest.src | PGT_READ_WRITE;
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL, GUEST_CACHES, FIRST));
	EXPECT_EQ(OLD, SEEN(FIRST));
}

TEST_F(table, accesses_without_pasid_are_entry_zero)
{
	pasid_table_map(&self->table, 0, &self->b);
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(NEW, SEEN(SVATEST_NO_PASID));
	EXPECT_EQ(0, SEEN_FLAT(SVATEST_NO_PASID));
	EXPECT_EQ(OLD, SEEN(FIRST));
	pasid_table_pass(&self->table, 0);
	EXPECT_EQ(NEW, SEEN(SVATEST_NO_PASID));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, 0));
	EXPECT_EQ(0, SEEN(SVATEST_NO_PASID));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	pasid_table_clear(&self->table, 0);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, 0));
	EXPECT_EQ(0, SEEN(SVATEST_NO_PASID));
	EXPECT_EQ(0, SEEN_FLAT(SVATEST_NO_PASID));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
}

TEST_F(table, pass_through_of_a_pasid)
{
	pasid_table_pass(&self->table, FAR);
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN_FLAT(FAR));
	EXPECT_EQ(0, SEEN(FAR));
	EXPECT_EQ(0, vmm_invalidate_all(self->vmm, self->dev, IOMMU_CACHE_INV_TYPE_IOTLB));
	/* What is unmapped is gone for it as well. */
	EXPECT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, SEEN_FLAT(FAR));
	EXPECT_EQ(0, vmm_map_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(OLD, SEEN_FLAT(FAR));
	pasid_table_map(&self->table, FAR, &self->b);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FAR));
	EXPECT_EQ(0, SEEN_FLAT(FAR));
	EXPECT_EQ(NEW, SEEN(FAR));
}

TEST_F(table, bypass_and_abort)
{
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_ABORT));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(0, SEEN_FLAT(SVATEST_NO_PASID));
	ASSERT_EQ(0, pasid_table_mode(self->vmm, self->dev, IOMMU_PASID_CONFIG_BYPASS));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
}

/* By accesses that ask nobody before */
TEST_F(table, faults_by_the_number_on_the_bus)
{
	struct iommu_fault record;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(0, guest_seen(&self->guest, self->dev, FAR, 0));
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(FAR, record.event.pasid);
	EXPECT_EQ(IOMMU_FAULT_UNRECOV_PASID_VALID, record.event.flags &
		  (IOMMU_FAULT_UNRECOV_PASID_VALID | IOMMU_FAULT_UNRECOV_BUS_PASID));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, self->dev));
	EXPECT_EQ(0, guest_seen(&self->guest, self->dev, SECOND, 0));
	do {
		ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	} while (record.event.pasid != SECOND);
	EXPECT_NE(0, record.event.flags & IOMMU_FAULT_UNRECOV_BUS_PASID);
}

/* One record for each, and no harm to the others */
TEST_F(table, bad_entries)
{
	volatile uint64_t *entry = pasid_table_entry(&self->table, FAR);
	uint64_t gpa = pasid_table_entry_gpa(&self->table, FAR);
	volatile uint64_t *dir = pasid_table_dir(&self->table, FAR);
	const struct {
		unsigned int word;
		uint64_t value;
	} bad[] = {
		{ 0, 1ULL << 5 }, { 0, 3ULL << 6 }, { 1, 1ULL << 16 }, { 1, 1ULL << 32 },
		{ 2, 1ULL << 1 }, { 2, 2ULL << 2 }, { 2, 1ULL << 62 }, { 3, 1 }, { 7, 1 },
	};
	unsigned int i;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pasid_table_map(&self->table, FAR, &self->b);
		entry[bad[i].word] |= bad[i].value;
		EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FAR));
		EXPECT_BAD(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, FAR, gpa);
		EXPECT_EQ(OLD, SEEN(FIRST));
		entry[bad[i].word] &= ~bad[i].value;
	}
	/* The same when all is read */
	entry[7] = 1;
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_BAD(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, FAR, gpa);
	EXPECT_EQ(NEW, SEEN(SECOND));
	entry[0] |= PASID_FPD;
	EXPECT_EQ(0, pasid_table_sync_all(&self->table, self->dev));
	EXPECT_FALSE(fault_wait(self->fault_fd, 0));
	entry[7] = 0;
	*dir |= 4;
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FAR));
	EXPECT_BAD(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, FAR, self->table.base + FAR / 64 * 8);
	/* A table that is nowhere */
	*dir = (VMM_GPA_BASE + VMM_MEMORY_SIZE) | PASID_PRESENT;
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FAR));
	EXPECT_BAD(IOMMU_FAULT_REASON_PASID_FETCH, FAR,
		   VMM_GPA_BASE + VMM_MEMORY_SIZE + FAR % 64 * 64);
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(0, SEEN(FAR));
}

TEST_F(table, faults_can_be_disabled)
{
	struct iommu_fault record;

	pasid_table_entry(&self->table, FIRST)[0] |= PASID_FPD;
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	*pgtable_entry(&self->a, GVA_SRC, SIZE_4K) = 0;
	*pgtable_entry(&self->b, GVA_SRC, SIZE_4K) = 0;
	EXPECT_EQ(0, guest_seen(&self->guest, self->dev, FIRST, 0));
	EXPECT_EQ(0, guest_seen(&self->guest, self->dev, SECOND, 0));
	/* The first one that there is */
	ASSERT_EQ(1, fault_next_event(self->fault_fd, &record));
	EXPECT_EQ(SECOND, record.event.pasid);
}

/* The guest boots again: nothing of before is left. */
TEST_F(table, set_again)
{
	struct pasid_table next;
	unsigned int i;

	pasid_table_init(&next, self->vmm, 20);
	pasid_table_map(&next, SECOND, &self->a);
	pasid_table_map(&next, FAR, &self->b);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
		EXPECT_EQ(OLD, SEEN(FIRST));
		EXPECT_EQ(NEW, SEEN(SECOND));
		EXPECT_EQ(0, SEEN(FAR));
		ASSERT_EQ(0, pasid_table_set(&next, self->dev));
		EXPECT_EQ(0, SEEN(FIRST));
		EXPECT_EQ(OLD, SEEN(SECOND));
		EXPECT_EQ(NEW, SEEN(FAR));
	}
	/* A set reads the table again, the same one too. */
	pasid_table_clear(&next, FAR);
	ASSERT_EQ(0, pasid_table_set(&next, self->dev));
	EXPECT_EQ(0, SEEN(FAR));
}

TEST_F(table, single_binds_are_excluded)
{
	struct vmm *vmm = self->vmm;

	ASSERT_EQ(0, guest_bind(&self->guest));
	EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(OLD, SEEN(GUEST_PASID));
	EXPECT_EQ(0, vmm_unbind(vmm, self->dev, GUEST_PASID));
	EXPECT_EQ(0, vmm_set_rid(vmm, self->dev, IOMMU_RID_FIRST_STAGE, self->a.root, 4));
	EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(0, vmm_set_rid(vmm, self->dev, IOMMU_RID_BLOCK, 0, 4));

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(-EBUSY, guest_bind(&self->guest));
	EXPECT_EQ(-EBUSY, vmm_bind(vmm, NULL, GUEST_PASID, self->a.root, 4));
	EXPECT_EQ(-EBUSY, vmm_set_rid(vmm, self->dev, IOMMU_RID_PASS, 0, 4));
	EXPECT_EQ(0, vmm_unbind(vmm, self->dev, FIRST));
	EXPECT_EQ(0, vmm_pasid_free(vmm, 0, (1 << 20) - 1));
	EXPECT_EQ(OLD, SEEN(FIRST));
	/* The other device is not concerned. */
	EXPECT_EQ(GUEST_PASID, vmm_pasid_alloc(vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(0, vmm_bind(vmm, &vmm->devices[1], GUEST_PASID, self->b.root, 4));
	EXPECT_EQ(NEW, guest_seen(&self->guest, &vmm->devices[1], GUEST_PASID, 0));
}

TEST_F(table, all_devices_or_none)
{
	struct vmm_device *other = &self->vmm->devices[1];

	ASSERT_EQ(0, vmm_bind(self->vmm, other, GUEST_PASID, self->b.root, 4));
	EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(0, SEEN(SECOND));
	EXPECT_EQ(NEW, guest_seen(&self->guest, other, GUEST_PASID, 0));
	EXPECT_EQ(0, vmm_unbind(self->vmm, other, GUEST_PASID));
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(OLD, guest_seen(&self->guest, other, FIRST, variant->channel_flags));
	/* An entry is invalidated for one device or for both. */
	pasid_table_map(&self->table, FIRST, &self->b);
	EXPECT_EQ(0, pasid_table_sync(&self->table, other, FIRST));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, guest_seen(&self->guest, other, FIRST, variant->channel_flags));
	EXPECT_EQ(0, pasid_table_sync(&self->table, NULL, FIRST));
	EXPECT_EQ(NEW, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, other));
	EXPECT_EQ(NEW, SEEN(FIRST));
	EXPECT_EQ(0, guest_seen(&self->guest, other, FIRST, variant->channel_flags));
	EXPECT_EQ(0, pasid_table_unset(self->vmm, NULL));
	EXPECT_EQ(0, SEEN(FIRST));
}

TEST_F(table, reset_leaves_it)
{
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
	ASSERT_EQ(0, ioctl(self->dev->fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
	pasid_table_map(&self->table, FIRST, &self->b);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_EQ(NEW, SEEN(FIRST));
}

/* A device that is opened again has nothing of it, even if it was at work. */
TEST_F(table, close_ends_it_under_dma)
{
	long before = guest_iommu_pages();

	pasid_table_map(&self->table, 0, &self->b);
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	svatest_setup(self->dev, 0, FIRST, variant->channel_flags);
	svatest_start_fill(self->dev, 0, GVA_DST, NEW, SIZE_4K);
	vmm_device_close(self->dev);
	ASSERT_EQ(0, vmm_device_open(self->dev));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(0, SEEN(SVATEST_NO_PASID));
	EXPECT_EQ(OLD, SEEN_FLAT(SVATEST_NO_PASID));
	EXPECT_EQ(0, vmm_bind(self->vmm, self->dev, GUEST_PASID, self->a.root, 4));
	EXPECT_EQ(0, vmm_unbind(self->vmm, self->dev, GUEST_PASID));
	EXPECT_EQ(before, guest_iommu_pages());
}

/* Memory that is not the guest's any more is not read. */
TEST_F(table, second_stage_goes)
{
	uint64_t gpa = pasid_table_entry_gpa(&self->table, FIRST);

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(FIRST));
	ASSERT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_BAD(IOMMU_FAULT_REASON_PASID_FETCH, FIRST, self->table.base);
	/* The directory is there, the table is not. */
	ASSERT_EQ(0, vmm_map_dma(self->vmm, VMM_GPA_BASE, (gpa & ~0xfffULL) - VMM_GPA_BASE));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_BAD(IOMMU_FAULT_REASON_PASID_FETCH, FIRST, gpa);
	/* What is of other entries is as it was. */
	ASSERT_EQ(0, vmm_unmap_dma(self->vmm, VMM_GPA_BASE, (gpa & ~0xfffULL) - VMM_GPA_BASE));
	ASSERT_EQ(0, vmm_map_dma(self->vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(NEW, SEEN(SECOND));
	EXPECT_EQ(0, SEEN(FIRST));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_EQ(OLD, SEEN(FIRST));
}

/* Memory of the table is the caller's own, or the call fails. */
TEST_F(table, of_another_process)
{
	int status;
	pid_t child;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(-pasid_table_set(&self->table, self->dev));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(EFAULT, WEXITSTATUS(status));
	EXPECT_EQ(OLD, SEEN(FIRST));
}

TEST_F_TIMEOUT(table, quota, 120)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	unsigned int i, part, pasid;
	volatile uint64_t *dir;

	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	for (i = 1; i <= info.quota; i++)
		pasid_table_map(&self->table, i, i % 2 ? &self->b : &self->a);
	EXPECT_EQ(-EDQUOT, pasid_table_set(&self->table, self->dev));
	/* GUEST_PASID counts, though it is not bound. */
	pasid_table_clear(&self->table, info.quota);
	EXPECT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(OLD, SEEN(SECOND));
	EXPECT_EQ(info.quota % 2 ? OLD : NEW, SEEN(info.quota - 1));
	EXPECT_EQ(-EDQUOT, pasid_table_set(&self->table, &self->vmm->devices[1]));
	pasid_table_map(&self->table, info.quota, &self->a);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, info.quota));
	EXPECT_BAD(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, info.quota,
		   pasid_table_entry_gpa(&self->table, info.quota));
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, info.quota));
	EXPECT_EQ(OLD, SEEN(info.quota));

	/* So many can go at once, and come again. */
	dir = vmm_ptr(self->vmm, self->table.base);
	for (i = 0; i < 3; i++) {
		for (part = 0; part <= info.quota / 64; part++)
			dir[part] ^= PASID_PRESENT;
		EXPECT_EQ(0, i == 1 ? pasid_table_set(&self->table, self->dev) :
				      pasid_table_sync_all(&self->table, self->dev));
		for (pasid = 2; pasid < info.quota; pasid += 97)
			EXPECT_EQ(i != 1 ? 0 : pasid % 2 ? NEW : OLD, SEEN(pasid));
	}
}

TEST_F(table, page_requests_of_an_entry)
{
	struct iommu_fault records[FAULT_ROOM];

	*pgtable_entry(&self->a, GVA_DST, SIZE_4K) = 0;
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	svatest_setup(self->dev, 0, FIRST, SVATEST_CF_ATS | SVATEST_CF_PRI);
	svatest_start_fill(self->dev, 0, GVA_DST, NEW, 8);
	ASSERT_EQ(1, fault_next_group(self->fault_fd, records));
	EXPECT_EQ(FIRST, records[0].prm.pasid);
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	EXPECT_EQ(0, fault_answer(self->fault_fd, records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	EXPECT_EQ(NEW, guest_peek(self->vmm, self->guest.dst));

	/* The entry that goes takes the request along. */
	*pgtable_entry(&self->a, GVA_DST, SIZE_4K) = 0;
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, self->dev, GUEST_CACHES, FIRST));
	svatest_start_fill(self->dev, 0, GVA_DST, NEW, 8);
	ASSERT_EQ(1, fault_next_group(self->fault_fd, records));
	pasid_table_clear(&self->table, FIRST);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->dev, FIRST));
	EXPECT_EQ(-ENOENT, fault_answer(self->fault_fd, records, IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_NE(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

/* ---------------------------------------------------------------- refusals */

#define FIELD(field) offsetof(struct iommu_pasid_table_config, field)

TEST_F(table, each_field_is_checked)
{
	const struct {
		unsigned int at, size;
		uint64_t value;
		int error;
	} bad[] = {
		{ FIELD(argsz), 4, 0, EINVAL },
		{ FIELD(argsz), 4, 23, EINVAL },
		{ FIELD(argsz), 4, 24, EINVAL },
		{ FIELD(argsz), 4, 31, EINVAL },
		{ FIELD(argsz), 4, 33, EINVAL },
		{ FIELD(argsz), 4, ~0U, EINVAL },
		{ FIELD(version), 4, 0, EINVAL },
		{ FIELD(version), 4, 2, EINVAL },
		{ FIELD(base_ptr), 8, VMM_GPA_BASE + 0x800, EINVAL },
		{ FIELD(base_ptr), 8, 1, EINVAL },
		{ FIELD(format), 4, 0, EINVAL },
		{ FIELD(format), 4, 3, EINVAL },
		{ FIELD(pasid_bits), 1, 0, EINVAL },
		{ FIELD(pasid_bits), 1, 12, EINVAL },
		{ FIELD(pasid_bits), 1, 21, EINVAL },
		{ FIELD(pasid_bits), 1, 255, EINVAL },
		{ FIELD(config), 1, 0, EINVAL },
		{ FIELD(config), 1, 4, EINVAL },
		{ FIELD(padding[0]), 1, 1, EINVAL },
		{ FIELD(padding[1]), 1, 1, EINVAL },
		{ FIELD(vendor_data.vtd.flags), 4, 1, EINVAL },
		{ FIELD(vendor_data.vtd.flags), 4, 1U << 31, EINVAL },
		{ FIELD(vendor_data.vtd.padding[0]), 1, 1, EINVAL },
		{ FIELD(vendor_data.vtd.padding[3]), 1, 1, EINVAL },
	};
	struct iommu_pasid_table_config config[2] = {};
	const unsigned int op = VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE;
	uint32_t zero = 0, one = 1;
	unsigned int i;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pasid_table_config(&self->table, config);
		memcpy((uint8_t *)config + bad[i].at, &bad[i].value, bad[i].size);
		EXPECT_EQ(-bad[i].error, vmm_nesting_op(self->vmm, self->dev, op, config,
							sizeof(config[0]))) {
			TH_LOG("case %u", i);
		}
	}
	/* The other format is a good one, for another machine. */
	pasid_table_config(&self->table, config);
	config->format = IOMMU_PASID_FORMAT_SMMUV3;
	config->vendor_data.smmuv3.version = IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1;
	EXPECT_EQ(-EOPNOTSUPP, vmm_nesting_op(self->vmm, self->dev, op, config,
					      sizeof(config[0])));
	/* What follows must be zero, inside of argsz and behind it. */
	pasid_table_config(&self->table, config);
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev, op, config, sizeof(config)));
	config->argsz = sizeof(config);
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev, op, config, sizeof(config)));
	((uint8_t *)config)[sizeof(config) - 1] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev, op, config, sizeof(config)));
	config->argsz = sizeof(config[0]);
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev, op, config, sizeof(config)));
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev, op, NULL, 0));

	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev,
				    VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE, &zero, 4));
	ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
	EXPECT_EQ(-E2BIG, vmm_nesting_op(self->vmm, self->dev,
					 VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE, &one, 4));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
}

/* A directory anywhere is a table that is not there, not an error. */
TEST_F(table, base_is_nowhere)
{
	struct iommu_pasid_table_config config;
	struct iommu_nesting_info info;

	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	pasid_table_config(&self->table, &config);
	config.base_ptr = VMM_GPA_BASE + VMM_MEMORY_SIZE;
	/* All of its directory is in one page. */
	config.pasid_bits = 15;
	EXPECT_EQ(0, vmm_nesting_op(self->vmm, self->dev, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE,
				    &config, sizeof(config)));
	EXPECT_EQ(IOMMU_FAULT_REASON_PASID_FETCH, only_record(self->fault_fd).reason);
	EXPECT_EQ(0, SEEN_FLAT(SVATEST_NO_PASID));
	config.base_ptr = ~0xfffULL;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev,
					  VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE, &config,
					  sizeof(config)));
	if (info.addr_width < 64) {
		config.base_ptr = (1ULL << info.addr_width) - SIZE_4K;
		config.pasid_bits = 16;
		EXPECT_EQ(-EINVAL, vmm_nesting_op(self->vmm, self->dev,
						  VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE,
						  &config, sizeof(config)));
	}
}

/* ------------------------------------------------------- memory that stalls */

/* The page at @gpa stays away from who reads it, until the file is closed */
static int stall_page(struct vmm *vmm, uint64_t gpa)
{
	int fd = vmm_stall(vmm_ptr(vmm, gpa), SIZE_4K, O_NONBLOCK);
	int ret;

	if (fd >= 0 && fallocate(vmm->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 gpa - VMM_GPA_BASE, SIZE_4K)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

struct reader {
	struct pasid_table *table;
	struct vmm_device *dev;
	bool sync;
	int ret;
	atomic_bool done;
};

static void *read_table(void *arg)
{
	struct reader *reader = arg;

	reader->ret = reader->sync ? pasid_table_sync_all(reader->table, reader->dev) :
				     pasid_table_set(reader->table, reader->dev);
	atomic_store(&reader->done, true);
	return NULL;
}

/* Somebody waits for the page. */
static bool is_read(int uffd)
{
	struct pollfd pollfd = { .fd = uffd, .events = POLLIN };

	return poll(&pollfd, 1, 60000) == 1;
}

/* What waits for memory of one guest keeps nobody else, and not its own devices. */
TEST_F_TIMEOUT(table, memory_that_stalls, 120)
{
	struct reader reader = { .table = &self->table, .dev = self->dev };
	struct vmm *vmm = self->vmm;
	struct guest other;
	pthread_t thread;
	int uffd, i;

	ASSERT_EQ(0, guest_open(&other, 2, 1));
	for (i = 0; i < 2; i++) {
		reader.sync = i;
		atomic_store(&reader.done, false);
		ASSERT_EQ(0, pasid_table_set(&self->table, self->dev));
		uffd = stall_page(vmm, self->table.base);
		ASSERT_LE(0, uffd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, read_table, &reader));
		ASSERT_TRUE(is_read(uffd));

		/* Another owner binds, works, frees, closes. */
		EXPECT_EQ(0, guest_bind(&other));
		svatest_setup(other.dev, 0, GUEST_PASID, 0);
		EXPECT_EQ(OLD, guest_copied(&other, 0));
		EXPECT_EQ(0, vmm_pasid_free(&other.vmm, GUEST_PASID, GUEST_PASID));
		EXPECT_EQ(GUEST_PASID, vmm_pasid_alloc(&other.vmm, GUEST_PASID, GUEST_PASID));
		/* The same owner does all that needs no table. */
		EXPECT_EQ(OLD, SEEN(FIRST));
		EXPECT_EQ(0, vmm_bind(vmm, &vmm->devices[1], GUEST_PASID, self->a.root, 4));
		EXPECT_EQ(0, vmm_unbind(vmm, &vmm->devices[1], GUEST_PASID));
		EXPECT_EQ(0, vmm_invalidate_all(vmm, NULL, IOMMU_CACHE_INV_TYPE_IOTLB));
		EXPECT_EQ(0, pasid_table_unset(vmm, self->dev));
		EXPECT_EQ(0, SEEN(FIRST));
		vmm_device_close(&vmm->devices[1]);
		EXPECT_EQ(0, vmm_device_open(&vmm->devices[1]));
		EXPECT_FALSE(atomic_load(&reader.done));

		/* The hole is a page of zeros afterwards. */
		close(uffd);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, reader.ret);
		EXPECT_EQ(0, SEEN(FIRST));
		pasid_table_init(&self->table, vmm, BITS);
		pasid_table_map(&self->table, FIRST, &self->a);
	}
	guest_close(&other);
}

/* Who waits for memory can be killed, and its device be had by another. */
TEST_F_TIMEOUT(table, reader_is_killed, 120)
{
	struct guest other;
	int status, ready[2];
	pid_t child;
	char byte;

	guest_close(&self->guest);
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct reader reader = { .table = &self->table };
		pthread_t thread;
		int uffd;

		if (guest_open(&self->guest, 0, 1))
			_exit(1);
		reader.dev = self->guest.dev;
		pasid_table_init(&self->table, &self->guest.vmm, BITS);
		uffd = stall_page(&self->guest.vmm, self->table.base);
		if (uffd < 0 || pthread_create(&thread, NULL, read_table, &reader) ||
		    !is_read(uffd) || write(ready[1], "!", 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, guest_open(&other, 0, 1));
	EXPECT_EQ(0, guest_bind(&other));
	svatest_setup(other.dev, 0, GUEST_PASID, 0);
	EXPECT_EQ(OLD, guest_copied(&other, 0));
	guest_close(&other);
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
}

/* --------------------------------------------------------------- all at once */

#define ROUNDS	150

struct crowd {
	struct pasid_table *table;
	struct pgtable *a, *b;
	struct vmm *vmm;
	struct vmm_device *dev;
	atomic_bool stop;
};

static void *crowd_set(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		pasid_table_set(crowd->table, i % 3 ? crowd->dev : NULL);
		if (i % 4 == 3)
			pasid_table_unset(crowd->vmm, i % 8 == 7 ? NULL : crowd->dev);
	}
	atomic_store(&crowd->stop, true);
	return NULL;
}

static void *crowd_sync(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; !atomic_load(&crowd->stop); i++) {
		if (i % 5)
			pasid_table_map(crowd->table, FIRST + i % 7,
					i % 2 ? crowd->a : crowd->b);
		else
			pasid_table_clear(crowd->table, FIRST + i % 7);
		if (i % 11)
			pasid_table_sync(crowd->table, NULL, FIRST + i % 7);
		else
			pasid_table_sync_all(crowd->table, NULL);
	}
	return NULL;
}

static void *crowd_bind(void *arg)
{
	struct crowd *crowd = arg;

	while (!atomic_load(&crowd->stop)) {
		vmm_bind(crowd->vmm, NULL, GUEST_PASID, crowd->a->root, 4);
		vmm_set_rid(crowd->vmm, crowd->dev, IOMMU_RID_FIRST_STAGE, crowd->b->root, 4);
		vmm_set_rid(crowd->vmm, crowd->dev, IOMMU_RID_PASS, 0, 4);
		vmm_unbind(crowd->vmm, NULL, GUEST_PASID);
	}
	return NULL;
}

static void *crowd_close(void *arg)
{
	struct crowd *crowd = arg;
	struct vmm_device *dev = &crowd->vmm->devices[1];

	while (!atomic_load(&crowd->stop)) {
		vmm_device_close(dev);
		if (vmm_device_open(dev))
			break;
	}
	return NULL;
}

/* Whatever meets whatever, the table that is set last is the one that holds. */
TEST_F_TIMEOUT(table, all_at_once, 120)
{
	static void *(*const work[])(void *) = {
		crowd_set, crowd_sync, crowd_bind, crowd_close,
	};
	struct crowd crowd = {
		.table = &self->table, .a = &self->a, .b = &self->b,
		.vmm = self->vmm, .dev = self->dev,
	};
	const unsigned int count = ARRAY_SIZE(work);
	pthread_t threads[count];
	unsigned int i, n = 0;

	for (i = 0; i < count; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work[i], &crowd));
	while (!atomic_load(&crowd.stop))
		SEEN(FIRST + n++ % 7);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	vmm_unbind(self->vmm, NULL, GUEST_PASID);
	vmm_set_rid(self->vmm, self->dev, IOMMU_RID_PASS, 0, 4);
	pasid_table_map(&self->table, FIRST, &self->a);
	pasid_table_map(&self->table, SECOND, &self->b);
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(OLD, SEEN(FIRST));
	EXPECT_EQ(NEW, SEEN(SECOND));
	EXPECT_EQ(OLD, guest_seen(&self->guest, &self->vmm->devices[1], FIRST, 0));
}

TEST_HARNESS_MAIN
