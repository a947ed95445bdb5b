// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions that are aborted: who hears of them, and what
 */
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL

#define READ		IOMMU_FAULT_PERM_READ
#define WRITE		IOMMU_FAULT_PERM_WRITE
#define PRIV		IOMMU_FAULT_PERM_PRIV

/* What is wrong with the address space */
enum wrong {
	NOT_PRESENT,
	READ_ONLY,
	SUPERVISOR,
	RESERVED_BIT,
	TABLE_OUTSIDE,
	PAGE_OUTSIDE,
	NOT_CANONICAL,
	PRIVILEGED,
	UNBOUND,
};

/* Untranslated requests of a device whose owner listens */
FIXTURE(aborted) {
	struct guest guest;
	int fd;
};

FIXTURE_VARIANT(aborted) {
	enum wrong wrong;
	bool write;
	uint32_t reason;
	uint32_t perm;
};

#define REASON(x)	IOMMU_FAULT_REASON_##x

FIXTURE_VARIANT_ADD(aborted, read_of_what_is_not_present) {
	NOT_PRESENT, false, REASON(PTE_FETCH), READ };
FIXTURE_VARIANT_ADD(aborted, write_of_what_is_not_present) {
	NOT_PRESENT, true, REASON(PTE_FETCH), WRITE };
FIXTURE_VARIANT_ADD(aborted, write_of_what_is_read_only) {
	READ_ONLY, true, REASON(PERMISSION), WRITE };
FIXTURE_VARIANT_ADD(aborted, supervisor_page) {
	SUPERVISOR, false, REASON(PERMISSION), READ };
FIXTURE_VARIANT_ADD(aborted, reserved_bit) {
	RESERVED_BIT, false, REASON(PTE_FETCH), READ };
FIXTURE_VARIANT_ADD(aborted, table_outside_the_second_stage) {
	TABLE_OUTSIDE, false, REASON(UNKNOWN), READ };
FIXTURE_VARIANT_ADD(aborted, page_outside_the_second_stage) {
	PAGE_OUTSIDE, true, REASON(UNKNOWN), WRITE };
FIXTURE_VARIANT_ADD(aborted, address_that_is_not_canonical) {
	NOT_CANONICAL, true, REASON(OOR_ADDRESS), WRITE };
FIXTURE_VARIANT_ADD(aborted, privileged_and_not_allowed) {
	PRIVILEGED, true, REASON(BAD_PASID_ENTRY), WRITE | PRIV };
FIXTURE_VARIANT_ADD(aborted, pasid_that_is_not_bound) {
	UNBOUND, true, REASON(BAD_PASID_ENTRY), WRITE };

static volatile uint64_t *root_entry(struct guest *guest)
{
	return (uint64_t *)vmm_ptr(&guest->vmm, guest->pt.root) +
	       (GVA_SRC >> 39 & 511);
}

FIXTURE_SETUP(aborted)
{
	struct guest *guest = &self->guest;
	volatile uint64_t *entry;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	ASSERT_EQ(0, guest_bind(guest));
	self->fd = fault_open(guest->dev, 0);
	ASSERT_LE(0, self->fd);
	svatest_setup(guest->dev, 0, variant->wrong == UNBOUND ?
		      GUEST_PASID + 1 : GUEST_PASID, 0);

	entry = pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K);
	switch (variant->wrong) {
	case NOT_PRESENT:
		*entry = 0;
		break;
	case READ_ONLY:
		*entry &= ~PGT_WRITE;
		break;
	case SUPERVISOR:
		*entry &= ~PGT_USER;
		break;
	case RESERVED_BIT:
		/* The size bit has no meaning where pages of 512 GiB would be. */
		*root_entry(guest) |= PGT_LARGE;
		break;
	case TABLE_OUTSIDE:
		*pgtable_entry(&guest->pt, GVA_SRC, SIZE_2M) =
			(VMM_GPA_BASE + VMM_MEMORY_SIZE) | PGT_READ_WRITE;
		break;
	case PAGE_OUTSIDE:
		*entry = (VMM_GPA_BASE + VMM_MEMORY_SIZE) | PGT_READ_WRITE;
		break;
	default:
		break;
	}
}

FIXTURE_TEARDOWN(aborted)
{
	close(self->fd);
	guest_close(&self->guest);
}

static uint64_t wrong_address(enum wrong wrong)
{
	return wrong == NOT_CANONICAL ? 0x0000900000000000ULL : GVA_SRC;
}

TEST_F(aborted, told)
{
	struct iommu_fault_unrecoverable *event;
	struct guest *guest = &self->guest;
	struct iommu_fault record;

	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_touch(guest->dev, 0, wrong_address(variant->wrong),
				variant->write,
				variant->wrong == PRIVILEGED ? SVATEST_F_PRIV : 0));
	ASSERT_EQ(1, fault_next_event(self->fd, &record));
	event = &record.event;
	EXPECT_EQ(variant->reason, event->reason);
	EXPECT_EQ(variant->perm, event->perm);
	EXPECT_NE(0, event->flags & IOMMU_FAULT_UNRECOV_ADDR_VALID);
	EXPECT_EQ(wrong_address(variant->wrong), event->addr);
	EXPECT_EQ(0, record.padding);
	EXPECT_EQ(0, event->fetch_addr);
	EXPECT_NE(0, event->flags & IOMMU_FAULT_UNRECOV_PASID_VALID);
	/* The number of what the guest has not bound is the one on the bus. */
	if (variant->wrong == UNBOUND) {
		EXPECT_NE(0, event->flags & IOMMU_FAULT_UNRECOV_BUS_PASID);
		EXPECT_EQ(GUEST_PASID + 1, event->pasid);
	} else {
		EXPECT_EQ(0, event->flags & IOMMU_FAULT_UNRECOV_BUS_PASID);
		EXPECT_EQ(GUEST_PASID, event->pasid);
	}
	EXPECT_FALSE(fault_wait(self->fd, 0));
}

static unsigned int lines_of_the_host(const char *pattern)
{
	static char log[1 << 20];
	unsigned int count = 0;
	char *at = log;
	int size;

	size = klogctl(3 /* read all */, log, sizeof(log) - 1);
	log[size < 0 ? 0 : size] = 0;
	while ((at = strstr(at, pattern))) {
		count++;
		at++;
	}
	return count;
}

TEST(flood)
{
	unsigned int lines, sent = 0, told = 0;
	struct fault_counters counters;
	struct iommu_fault record;
	struct guest guest;
	uint64_t lost = 0;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	svatest_setup(guest.dev, 0, GUEST_PASID, 0);

	lines = lines_of_the_host("DMAR: ");
	/* Hardware has few registers for faults, and loses what they cannot hold. */
	do {
		EXPECT_EQ(SVATEST_ST_ACCESS,
			  svatest_touch(guest.dev, 0, GVA_SRC + SIZE_2M, true, 0));
		if (++sent % 500 == 0)
			ASSERT_EQ(0, fault_get_counters(guest.dev, &counters));
	} while (sent < 2000 || (!counters.lost && sent < 100000));
	/* Who has an owner does not fill the host's log. */
	EXPECT_EQ(lines, lines_of_the_host("DMAR: "));

	/* Then the owner wakes up. */
	while (fault_wait(fd, 100)) {
		ASSERT_EQ(1, fault_read(fd, &record, 1));
		if (record.type == IOMMU_FAULT_OVERFLOW) {
			EXPECT_EQ(0, record.overflow.flags);
			lost += record.overflow.lost;
			continue;
		}
		EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, record.type);
		told++;
	}
	EXPECT_LT(0, told);
	EXPECT_LT(0, lost);
	EXPECT_GE(sent, told + lost);
	ASSERT_EQ(0, fault_get_counters(guest.dev, &counters));
	EXPECT_EQ(lost, counters.lost);

	/* And it hears of the next one. */
	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_touch(guest.dev, 0, GVA_SRC + SIZE_2M, true, 0));
	EXPECT_EQ(1, fault_next_event(fd, &record));
	close(fd);
	guest_close(&guest);
}

TEST(nobody_listens)
{
	unsigned int lines, tries;
	struct guest guest;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, 0);
	lines = lines_of_the_host("DMAR: [");
	/*
	 * The host hears of it then, from a thread that may be late, and once
	 * what it printed of the device before is some seconds ago.
	 */
	for (tries = 0; tries < 100; tries++) {
		EXPECT_EQ(SVATEST_ST_ACCESS,
			  svatest_touch(guest.dev, 0, GVA_SRC + SIZE_2M, true, 0));
		usleep(100000);
		if (lines_of_the_host("DMAR: [") > lines)
			break;
	}
	EXPECT_LT(lines, lines_of_the_host("DMAR: ["));
	guest_close(&guest);
}

/* Each guest is told of its own device's faults only */
TEST(of_the_neighbour)
{
	struct guest first, second;
	struct iommu_fault record;
	int first_fd, second_fd;

	ASSERT_EQ(0, guest_open(&first, 0, 1));
	ASSERT_EQ(0, guest_open(&second, 1, 1));
	ASSERT_EQ(0, guest_bind(&first));
	ASSERT_EQ(0, guest_bind(&second));
	first_fd = fault_open(first.dev, 0);
	second_fd = fault_open(second.dev, 0);
	svatest_setup(first.dev, 0, GUEST_PASID, 0);

	EXPECT_EQ(SVATEST_ST_ACCESS,
		  svatest_touch(first.dev, 0, GVA_SRC + SIZE_2M, true, 0));
	EXPECT_EQ(1, fault_next_event(first_fd, &record));
	EXPECT_FALSE(fault_wait(second_fd, 100));
	close(first_fd);
	close(second_fd);
	guest_close(&first);
	guest_close(&second);
}

TEST_HARNESS_MAIN
