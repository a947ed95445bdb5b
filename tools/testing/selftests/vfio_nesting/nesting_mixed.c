// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices in a container that cannot all do the same
 *
 * Needs, in the order of their addresses: a device with everything, one with 8
 * bits of PASID and without page requests, two functions of one group without
 * PASIDs, and two functions of one group with them.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"

#define PATTERN		0x1122334455667788ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ

enum { FULL, LESSER, PLAIN, PLAIN_TOO, MULTI, MULTI_TOO };

#define LESSER_BITS	8

/* More than the lesser device can emit */
#define WIDE_PASID	1000

/* A guest at work, with a page request waiting, when a lesser device comes */
FIXTURE(plugged) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *full, *lesser;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_SETUP(plugged)
{
	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->vmm = &self->guest.vmm;
	self->full = self->guest.dev;
	ASSERT_EQ(WIDE_PASID, vmm_pasid_alloc(self->vmm, WIDE_PASID, WIDE_PASID));
	svatest_setup(self->full, 0, GUEST_PASID, SVATEST_CF_ATS | SVATEST_CF_PRI);
	svatest_start_fill(self->full, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));

	ASSERT_EQ(0, vmm_attach(self->vmm, LESSER));
	self->lesser = &self->vmm->devices[1];
}

FIXTURE_TEARDOWN(plugged)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* What the first device had can be had again */
TEST_F(plugged, pasids_stay)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	const int last = (1 << 20) - 1;

	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	EXPECT_EQ(last, info.max);
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, WIDE_PASID, WIDE_PASID));
	EXPECT_EQ(WIDE_PASID, vmm_pasid_alloc(self->vmm, WIDE_PASID, WIDE_PASID));
	EXPECT_EQ(last, vmm_pasid_alloc(self->vmm, last, last));
}

/* Each bind is judged by the device it is on, and one on all by all */
TEST_F(plugged, bind)
{
	uint64_t root = self->guest.pt.root;
	char *before, *after;

	EXPECT_EQ(0, vmm_bind(self->vmm, self->full, WIDE_PASID, root, 4));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, WIDE_PASID));
	before = guest_bindings();
	EXPECT_EQ(-ERANGE, vmm_bind(self->vmm, self->lesser, WIDE_PASID, root, 4));
	EXPECT_EQ(-ERANGE, vmm_bind(self->vmm, NULL, WIDE_PASID, root, 4));
	after = guest_bindings();
	EXPECT_STREQ(before, after);
	free(before);
	free(after);

	EXPECT_EQ(0, vmm_bind(self->vmm, NULL, GUEST_PASID, root, 4));
	guest_map_page(&self->guest, GVA_DST + SIZE_4K, self->guest.dst);
	svatest_setup(self->lesser, 0, GUEST_PASID, SVATEST_CF_ATS);
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->lesser, 0, GVA_DST + SIZE_4K,
					      PATTERN, 8));
	EXPECT_EQ(PATTERN, guest_peek(self->vmm, self->guest.dst));
}

/* The request of the first device is answered, in either way */
TEST_F(plugged, answer_by_operation)
{
	struct iommu_page_response answer =
		fault_response(self->records, IOMMU_PAGE_RESP_SUCCESS);

	/* It needs a name now, and not that of the other device. */
	EXPECT_EQ(-EINVAL, fault_answer_op(self->vmm, NULL, &answer));
	EXPECT_EQ(-EOPNOTSUPP, fault_answer_op(self->vmm, self->lesser, &answer));
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	EXPECT_EQ(0, fault_answer_op(self->vmm, self->full, &answer));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->full, 0).status);
}

TEST_F(plugged, answer_without_a_name)
{
	struct iommu_page_response answer =
		fault_response(self->records, IOMMU_PAGE_RESP_SUCCESS);

	/* There, but not open: one device can be meant. */
	vmm_device_close(self->lesser);
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	EXPECT_EQ(0, fault_answer_op(self->vmm, NULL, &answer));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->full, 0).status);
}

TEST_F(plugged, faults)
{
	int fd;

	EXPECT_EQ(-EOPNOTSUPP, fault_open(self->lesser, PAGE_REQ));
	fd = fault_open(self->lesser, 0);
	EXPECT_LE(0, fd);
	close(fd);
	/* That of the first device is opened again with all it had. */
	close(self->fd);
	self->fd = fault_open(self->full, PAGE_REQ);
	EXPECT_LE(0, self->fd);
}

TEST_F(plugged, nesting_info)
{
	struct iommu_nesting_info info;

	/* What holds for all, as the header says */
	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	EXPECT_EQ(LESSER_BITS, info.pasid_bits);
	EXPECT_EQ(0, info.features & IOMMU_NESTING_FEAT_PAGE_RESP);
	EXPECT_NE(0, info.features & IOMMU_NESTING_FEAT_NO_RO_MAP);
}

static bool zero(const void *memory, size_t size)
{
	const uint8_t *byte = memory;

	while (size && !byte[size - 1])
		size--;
	return !size;
}

TEST_F(plugged, device_info)
{
	const uint32_t both = VFIO_NESTING_DEVICE_EXEC | VFIO_NESTING_DEVICE_PRIV |
			      VFIO_NESTING_DEVICE_ATS;
	struct vfio_nesting_device_info full, lesser;
	uint32_t header;

	ASSERT_EQ(0, vmm_device_info(self->vmm, self->full, &full));
	EXPECT_EQ(sizeof(full), full.argsz);
	EXPECT_EQ(20, full.pasid_bits);
	EXPECT_EQ(both | VFIO_NESTING_DEVICE_PRI, full.flags &
		  (both | VFIO_NESTING_DEVICE_PRI | VFIO_NESTING_DEVICE_VIRTFN |
		   VFIO_NESTING_DEVICE_CUT_OFF));
	EXPECT_LT(0, full.page_request_limit);
	EXPECT_TRUE(zero(full.reserved, sizeof(full.reserved)));

	ASSERT_EQ(0, vmm_device_info(self->vmm, self->lesser, &lesser));
	EXPECT_EQ(LESSER_BITS, lesser.pasid_bits);
	EXPECT_EQ(both, lesser.flags & (both | VFIO_NESTING_DEVICE_PRI));
	EXPECT_EQ(0, lesser.page_request_limit);
	EXPECT_TRUE(zero(lesser.reserved, sizeof(lesser.reserved)));

	/* The capability is where the kernel says, in that space. */
	ASSERT_LE(0x100, full.pasid_cap);
	ASSERT_EQ(4, pread(self->full->fd, &header, 4,
			   self->full->config + full.pasid_cap));
	EXPECT_EQ(0x1b, header & 0xffff);
}

TEST_F(plugged, device_info_refused)
{
	const unsigned int op = VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO;
	uint32_t longer[16] = { sizeof(struct vfio_nesting_device_info) };
	struct vmm *vmm = self->vmm;
	struct vmm_device *dev = self->full;

	EXPECT_EQ(-EINVAL, vmm_nesting_op(vmm, NULL, op, longer, 32));
	EXPECT_EQ(-EINVAL, vmm_nesting_op(vmm, dev, op, longer, 31));
	EXPECT_EQ(-EINVAL, vmm_nesting_op(vmm, dev, op, longer, 0));
	longer[0] = 31;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(vmm, dev, op, longer, 32));
	longer[0] = 33;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(vmm, dev, op, longer, 32));
	longer[0] = 64;
	EXPECT_EQ(0, vmm_nesting_op(vmm, dev, op, longer, 64));
	longer[15] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(vmm, dev, op, longer, 64));
	longer[0] = 32;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(vmm, dev, op, longer, 64));
}

/* A PASID table for both, with more than the lesser device can emit */
FIXTURE(tables) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *full, *lesser;
	struct pasid_table table;
	uint64_t value;
	int full_fd, lesser_fd;
};

FIXTURE_SETUP(tables)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, FULL, 1));
	self->vmm = &guest->vmm;
	ASSERT_EQ(0, vmm_attach(self->vmm, LESSER));
	self->full = guest->dev;
	self->lesser = &self->vmm->devices[1];
	self->full_fd = fault_open(self->full, 0);
	ASSERT_LE(0, self->full_fd);
	self->lesser_fd = fault_open(self->lesser, 0);
	ASSERT_LE(0, self->lesser_fd);
	self->value = guest_peek(self->vmm, guest->src);
	pasid_table_init(&self->table, self->vmm, 20);
	pasid_table_map(&self->table, GUEST_PASID, &guest->pt);
	pasid_table_map(&self->table, WIDE_PASID, &guest->pt);
}

FIXTURE_TEARDOWN(tables)
{
	close(self->full_fd);
	close(self->lesser_fd);
	guest_close(&self->guest);
}

/* The table may cover more than a device can emit: the rest is not its own. */
TEST_F(tables, of_different_width)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(self->value, guest_seen(guest, self->full, GUEST_PASID, SVATEST_CF_ATS));
	EXPECT_EQ(self->value, guest_seen(guest, self->full, WIDE_PASID, SVATEST_CF_ATS));
	EXPECT_EQ(self->value, guest_seen(guest, self->lesser, GUEST_PASID, SVATEST_CF_ATS));

	pasid_table_clear(&self->table, WIDE_PASID);
	EXPECT_EQ(0, pasid_table_sync(&self->table, self->lesser, WIDE_PASID));
	EXPECT_EQ(self->value, guest_seen(guest, self->full, WIDE_PASID, SVATEST_CF_ATS));
	EXPECT_EQ(0, pasid_table_sync(&self->table, NULL, WIDE_PASID));
	EXPECT_EQ(0, guest_seen(guest, self->full, WIDE_PASID, SVATEST_CF_ATS));
	pasid_table_clear(&self->table, GUEST_PASID);
	EXPECT_EQ(0, pasid_table_sync_all(&self->table, NULL));
	EXPECT_EQ(0, guest_seen(guest, self->full, GUEST_PASID, SVATEST_CF_ATS));
	EXPECT_EQ(0, guest_seen(guest, self->lesser, GUEST_PASID, SVATEST_CF_ATS));
}

/* A bad entry is told to those who could use it. */
TEST_F(tables, bad_entry_of_one)
{
	struct iommu_fault record;

	pasid_table_entry(&self->table, WIDE_PASID)[7] = 1;
	ASSERT_EQ(0, pasid_table_set(&self->table, NULL));
	ASSERT_EQ(1, fault_next_event(self->full_fd, &record));
	EXPECT_EQ(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, record.event.reason);
	EXPECT_EQ(WIDE_PASID, record.event.pasid);
	EXPECT_FALSE(fault_wait(self->lesser_fd, 0));
	EXPECT_EQ(0, pasid_table_sync_all(&self->table, NULL));
	ASSERT_EQ(1, fault_next_event(self->full_fd, &record));
	EXPECT_EQ(WIDE_PASID, record.event.pasid);
	EXPECT_FALSE(fault_wait(self->lesser_fd, 0));
}

/* Entries that a device cannot use are not counted for it. */
TEST_F(tables, quota_of_the_lesser)
{
	struct vfio_iommu_type1_info_cap_pasid info;
	unsigned int i;

	ASSERT_EQ(0, vmm_pasid_info(self->vmm, &info));
	for (i = 1 << LESSER_BITS; i <= (1 << LESSER_BITS) + info.quota; i++)
		pasid_table_map(&self->table, i, &self->guest.pt);
	EXPECT_EQ(-EDQUOT, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(-EDQUOT, pasid_table_set(&self->table, self->full));
	EXPECT_EQ(0, pasid_table_set(&self->table, self->lesser));
	EXPECT_EQ(self->value, guest_seen(&self->guest, self->lesser, GUEST_PASID,
					  SVATEST_CF_ATS));
	EXPECT_EQ(0, guest_seen(&self->guest, self->full, GUEST_PASID, SVATEST_CF_ATS));
}

/* Each device has what was set for it, and is taken for itself. */
TEST_F(tables, one_has_a_table_and_one_a_bind)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, pasid_table_set(&self->table, self->full));
	ASSERT_EQ(0, vmm_bind(self->vmm, self->lesser, GUEST_PASID, guest->pt.root, 4));
	EXPECT_EQ(self->value, guest_seen(guest, self->full, WIDE_PASID, 0));
	EXPECT_EQ(self->value, guest_seen(guest, self->lesser, GUEST_PASID, 0));
	EXPECT_EQ(-EBUSY, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(self->value, guest_seen(guest, self->full, GUEST_PASID, 0));
	EXPECT_EQ(0, guest_seen(guest, self->lesser, GUEST_PASID, 0));
	EXPECT_EQ(0, pasid_table_set(&self->table, NULL));
	EXPECT_EQ(self->value, guest_seen(guest, self->lesser, GUEST_PASID, 0));
}

/* Two functions of one group, of a container that is for nesting */
FIXTURE(plain) {
	struct vmm vmm;
	struct vmm_device *dev;
	uint64_t page;
};

FIXTURE_SETUP(plain)
{
	ASSERT_EQ(0, vmm_open(&self->vmm, PLAIN, 1));
	self->dev = &self->vmm.devices[0];
	self->page = guest_page(&self->vmm, 0);
}

FIXTURE_TEARDOWN(plain)
{
	vmm_close(&self->vmm);
}

TEST_F(plain, works_on_the_second_stage)
{
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, 0);
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->dev, 0, self->page, PATTERN,
					      8));
	EXPECT_EQ(PATTERN, guest_peek(&self->vmm, self->page));
}

TEST_F(plain, has_no_nesting)
{
	struct vfio_nesting_device_info device;
	struct iommu_nesting_info info;

	EXPECT_EQ(-ENOENT, vmm_nesting_info(&self->vmm, &info));
	EXPECT_EQ(-EOPNOTSUPP, vmm_pasid_alloc(&self->vmm, 1, 100));
	EXPECT_EQ(-EOPNOTSUPP, vmm_bind(&self->vmm, NULL, 1, self->page, 4));
	EXPECT_EQ(-EOPNOTSUPP, vmm_bind(&self->vmm, self->dev, 1, self->page, 4));
	EXPECT_EQ(-EOPNOTSUPP, vmm_device_info(&self->vmm, self->dev, &device));
	EXPECT_EQ(-EOPNOTSUPP, fault_open(self->dev, 0));
}

/* Beside a device with PASIDs, on the same second stage */
TEST_F(plain, together_with_the_other_kind)
{
	struct vfio_nesting_device_info info;
	struct vmm *vmm = &self->vmm;
	struct guest guest;

	ASSERT_EQ(0, vmm_attach(vmm, FULL));
	guest.vmm = *vmm;
	guest_make(&guest);
	guest.dev = &guest.vmm.devices[1];
	ASSERT_EQ(GUEST_PASID, vmm_pasid_alloc(vmm, GUEST_PASID, GUEST_PASID));
	EXPECT_EQ(0, vmm_bind(vmm, NULL, GUEST_PASID, guest.pt.root, 4));
	EXPECT_EQ(-ENODEV, vmm_bind(vmm, self->dev, GUEST_PASID, guest.pt.root, 4));
	EXPECT_EQ(-ENODEV, vmm_device_info(vmm, self->dev, &info));
	EXPECT_EQ(-ENODEV, fault_open(self->dev, 0));
	EXPECT_EQ(0, vmm_unbind(vmm, self->dev, GUEST_PASID));

	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	EXPECT_EQ(guest_peek(vmm, guest.src), guest_copied(&guest, 0));
	svatest_setup(self->dev, 0, SVATEST_NO_PASID, 0);
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->dev, 0, guest.dst, PATTERN,
					      8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, guest.dst));
}

/* A table for all is one for those that have PASIDs. */
TEST_F(plain, table_of_the_other_kind)
{
	struct vmm *vmm = &self->vmm;
	struct pasid_table table;
	struct guest guest;
	uint64_t value;

	ASSERT_EQ(0, vmm_attach(vmm, FULL));
	guest.vmm = *vmm;
	guest_make(&guest);
	guest.dev = &guest.vmm.devices[1];
	value = guest_peek(vmm, guest.src);
	pasid_table_init(&table, &guest.vmm, 13);
	pasid_table_clear(&table, 0);
	pasid_table_map(&table, GUEST_PASID, &guest.pt);
	EXPECT_EQ(-ENODEV, pasid_table_set(&table, self->dev));
	EXPECT_EQ(0, pasid_table_unset(vmm, self->dev));
	ASSERT_EQ(0, pasid_table_set(&table, NULL));
	EXPECT_EQ(value, guest_seen(&guest, guest.dev, GUEST_PASID, 0));
	EXPECT_EQ(0, guest_seen_flat(&guest, guest.dev, SVATEST_NO_PASID, 0));
	EXPECT_EQ(value, guest_seen_flat(&guest, self->dev, SVATEST_NO_PASID, 0));
	EXPECT_EQ(0, pasid_table_sync(&table, self->dev, GUEST_PASID));
	EXPECT_EQ(0, pasid_table_unset(vmm, NULL));
	EXPECT_EQ(value, guest_seen_flat(&guest, self->dev, SVATEST_NO_PASID, 0));
}

/* The unit of these devices has no more */
TEST_F(plugged, five_levels_on_a_unit_with_four)
{
	struct iommu_nesting_info info;

	ASSERT_EQ(0, vmm_nesting_info(self->vmm, &info));
	ASSERT_EQ(0, info.vendor.vtd.cap_reg & 1ULL << 60);
	EXPECT_EQ(-EOPNOTSUPP, vmm_bind(self->vmm, NULL, GUEST_PASID,
					self->guest.pt.root, 5));
}

/* A PASID is attached to a group as a whole */
TEST(group_with_pasids)
{
	struct vmm vmm;

	EXPECT_EQ(-EOPNOTSUPP, vmm_open(&vmm, MULTI, 1));
	EXPECT_EQ(0, vmm_open_type(&vmm, MULTI, 1, VFIO_TYPE1v2_IOMMU));
	vmm_close(&vmm);

	/* Nor may it join; those that are there go on. */
	ASSERT_EQ(0, vmm_open(&vmm, FULL, 1));
	EXPECT_EQ(-EOPNOTSUPP, vmm_attach(&vmm, MULTI_TOO));
	EXPECT_EQ(5, vmm_pasid_alloc(&vmm, 5, 5));
	vmm_close(&vmm);
}

TEST_HARNESS_MAIN
