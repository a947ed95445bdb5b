// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses without PASID: by the second stage, blocked, or by a table of the guest
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define NEW		0x2e30000000000000ULL

#define ATS		SVATEST_CF_ATS
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define REQ_END		VFIO_NESTING_FAULT_REQ_END

#define PCI_CFG_SPACE_SIZE	256	/* the extended part is behind it */

#define IOTLB		IOMMU_CACHE_INV_TYPE_IOTLB
#define DEV_IOTLB	IOMMU_CACHE_INV_TYPE_DEV_IOTLB

static int set_mode(struct guest *guest, uint32_t mode)
{
	return vmm_set_rid(&guest->vmm, guest->dev, mode, 0, 4);
}

static int set_table(struct guest *guest)
{
	return vmm_set_rid(&guest->vmm, guest->dev, IOMMU_RID_FIRST_STAGE,
			   guest->pt.root, guest->pt.levels);
}

/* Copy a page by guest-physical addresses, the first 64 bits that arrived */
static uint64_t copied_flat(struct guest *guest, unsigned int channel)
{
	*(volatile uint64_t *)vmm_ptr(&guest->vmm, guest->dst) = 0;
	if (svatest_copy(guest->dev, channel, guest->src, guest->dst,
			 SIZE_4K) != SVATEST_ST_OK)
		return 0;
	return guest_peek(&guest->vmm, guest->dst);
}

/* The modes, by what a device can do in them */
static bool is_pass(struct guest *guest, unsigned int channel)
{
	return copied_flat(guest, channel) && !guest_copied(guest, channel);
}

static bool is_table(struct guest *guest, unsigned int channel)
{
	return !copied_flat(guest, channel) && guest_copied(guest, channel);
}

static bool is_blocked(struct guest *guest, unsigned int channel)
{
	return !copied_flat(guest, channel) && !guest_copied(guest, channel);
}

/* A guest whose device accesses memory without PASID */
FIXTURE(rid) {
	struct guest guest;
	uint64_t page;
};

FIXTURE_VARIANT(rid) {
	uint32_t channel_flags;
};

FIXTURE_VARIANT_ADD(rid, untranslated) { 0 };
FIXTURE_VARIANT_ADD(rid, ats) { ATS };

FIXTURE_SETUP(rid)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	self->page = guest_page(&guest->vmm, NEW);
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, variant->channel_flags);
}

FIXTURE_TEARDOWN(rid)
{
	guest_close(&self->guest);
}

TEST_F(rid, offered)
{
	struct iommu_nesting_info info;

	ASSERT_EQ(0, vmm_nesting_info(&self->guest.vmm, &info));
	EXPECT_NE(0, info.features & IOMMU_NESTING_FEAT_RID);
}

/* What a cache has of one mode does not survive into the next. */
TEST_F(rid, every_mode_after_every_other)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(is_pass(guest, 0));
		EXPECT_EQ(0, set_table(guest));
		EXPECT_TRUE(is_table(guest, 0));
		EXPECT_EQ(0, set_mode(guest, IOMMU_RID_BLOCK));
		EXPECT_TRUE(is_blocked(guest, 0));
		EXPECT_EQ(0, set_table(guest));
		EXPECT_TRUE(is_table(guest, 0));
		EXPECT_EQ(0, set_mode(guest, IOMMU_RID_PASS));
		EXPECT_TRUE(is_pass(guest, 0));
		EXPECT_EQ(0, set_mode(guest, IOMMU_RID_BLOCK));
		EXPECT_TRUE(is_blocked(guest, 0));
		EXPECT_EQ(0, set_mode(guest, IOMMU_RID_PASS));
	}
}

TEST_F(rid, table_after_table)
{
	struct guest *guest = &self->guest;
	struct pgtable other;

	EXPECT_EQ(0, set_table(guest));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
	pgtable_init(&other, &guest->vmm, 4);
	pgtable_map(&other, GVA_SRC, self->page, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(&other, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
	EXPECT_EQ(0, vmm_set_rid(&guest->vmm, guest->dev, IOMMU_RID_FIRST_STAGE,
				 other.root, 4));
	EXPECT_EQ(NEW, guest_copied(guest, 0));
	/* The same once more keeps it. */
	EXPECT_EQ(0, vmm_set_rid(&guest->vmm, guest->dev, IOMMU_RID_FIRST_STAGE,
				 other.root, 4));
	EXPECT_EQ(NEW, guest_copied(guest, 0));
}

/* Every way to invalidate it, and some that do not */
static int invalidate(struct guest *guest, unsigned int way, uint32_t pasid)
{
	switch (way) {
	case 0:
		return vmm_invalidate_addr(&guest->vmm, NULL, IOTLB | DEV_IOTLB,
					   pasid, GVA_SRC, SIZE_4K, 1);
	case 1:
		return vmm_invalidate_addr(&guest->vmm, guest->dev,
					   IOTLB | DEV_IOTLB, pasid, 0, SIZE_4K,
					   1ULL << 52);
	default:
		return vmm_invalidate_pasid(&guest->vmm, NULL, IOTLB | DEV_IOTLB,
					    pasid);
	}
}

TEST_F(rid, stale_then_fresh)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);
	unsigned int way;

	EXPECT_EQ(0, set_table(guest));
	for (way = 0; way < 3; way++) {
		guest_map_page(guest, GVA_SRC, guest->src);
		EXPECT_EQ(0, invalidate(guest, way, 0));
		EXPECT_EQ(old, guest_copied(guest, 0));
		guest_map_page(guest, GVA_SRC, self->page);
		EXPECT_EQ(old, guest_copied(guest, 0));
		EXPECT_EQ(0, invalidate(guest, way, GUEST_PASID));
		EXPECT_EQ(old, guest_copied(guest, 0));
		EXPECT_EQ(0, invalidate(guest, way, 0));
		EXPECT_EQ(NEW, guest_copied(guest, 0));
	}
}

/* All that the guest has includes it; of the IOTLB only, which has no other form */
TEST_F(rid, stale_until_all_is_invalidated)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(0, set_table(guest));
	EXPECT_EQ(old, guest_copied(guest, 0));
	guest_map_page(guest, GVA_SRC, self->page);
	EXPECT_EQ(0, vmm_invalidate_all(&guest->vmm, NULL, IOTLB));
	EXPECT_EQ(variant->channel_flags ? old : NEW, guest_copied(guest, 0));
	EXPECT_EQ(0, invalidate(guest, 2, 0));
	EXPECT_EQ(NEW, guest_copied(guest, 0));
}

/* The same address of a PASID stays what it is. */
TEST_F(rid, invalidation_of_it_alone)
{
	struct guest *guest = &self->guest;
	uint64_t old = guest_peek(&guest->vmm, guest->src);

	EXPECT_EQ(0, set_table(guest));
	EXPECT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 1, GUEST_PASID, ATS);
	EXPECT_EQ(old, guest_copied(guest, 0));
	EXPECT_EQ(old, guest_copied(guest, 1));
	guest_map_page(guest, GVA_SRC, self->page);
	EXPECT_EQ(0, invalidate(guest, 0, 0));
	EXPECT_EQ(NEW, guest_copied(guest, 0));
	EXPECT_EQ(old, guest_copied(guest, 1));
	EXPECT_EQ(0, invalidate(guest, 0, GUEST_PASID));
	EXPECT_EQ(NEW, guest_copied(guest, 1));
}

/* What the second stage loses, a table above it loses at once. */
TEST_F(rid, second_stage_changes_below)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	uint64_t page = vmm_alloc(vmm, SIZE_4K, SIZE_4K);

	/* A map of its own, to be unmapped */
	EXPECT_EQ(0, vmm_unmap_dma(vmm, VMM_GPA_BASE, VMM_MEMORY_SIZE));
	EXPECT_EQ(0, vmm_map_dma(vmm, VMM_GPA_BASE, page - VMM_GPA_BASE));
	EXPECT_EQ(0, vmm_map_dma(vmm, page, SIZE_4K));
	memset(vmm_ptr(vmm, page), 0x77, SIZE_4K);
	guest_map_page(guest, GVA_SRC, page);
	EXPECT_EQ(0, set_table(guest));
	EXPECT_EQ(0x7777777777777777ULL, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_unmap_dma(vmm, page, SIZE_4K));
	EXPECT_EQ(0, guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_map_dma(vmm, page, SIZE_4K));
	EXPECT_EQ(0x7777777777777777ULL, guest_copied(guest, 0));

	/* And so does the second stage alone, after a table was there. */
	EXPECT_EQ(0, set_mode(guest, IOMMU_RID_PASS));
	guest->src = page;
	EXPECT_EQ(0x7777777777777777ULL, copied_flat(guest, 0));
	EXPECT_EQ(0, vmm_unmap_dma(vmm, page, SIZE_4K));
	EXPECT_EQ(0, copied_flat(guest, 0));
}

static int reset(struct guest *guest)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (ioctl(guest->dev->fd, VFIO_DEVICE_RESET))
		return -errno;
	return pwrite(guest->dev->fd, &command, sizeof(command),
		      guest->dev->config + PCI_COMMAND) == sizeof(command) ? 0 : -EIO;
}

TEST_F(rid, device_reset_keeps_it)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, set_table(guest));
	EXPECT_EQ(0, reset(guest));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, variant->channel_flags);
	EXPECT_TRUE(is_table(guest, 0));
	EXPECT_EQ(0, set_mode(guest, IOMMU_RID_BLOCK));
	EXPECT_EQ(0, reset(guest));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, variant->channel_flags);
	EXPECT_TRUE(is_blocked(guest, 0));
}

/* Open it again: what was there before is over, and nothing is left of it. */
TEST_F(rid, close_ends_it)
{
	static const uint32_t modes[] = { IOMMU_RID_FIRST_STAGE, IOMMU_RID_BLOCK };
	struct guest *guest = &self->guest;
	unsigned int i;
	char *text;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, vmm_set_rid(&guest->vmm, guest->dev, modes[i],
					 guest->pt.root, 4));
		text = guest_bindings();
		EXPECT_EQ(i == 0, !!strstr(text, guest->dev->name));
		free(text);
		svatest_start_fill(guest->dev, 0, i ? guest->dst : GVA_DST,
				   PATTERN, SIZE_4K);
		vmm_device_close(guest->dev);
		text = guest_bindings();
		EXPECT_EQ(NULL, strstr(text, guest->dev->name));
		free(text);
		ASSERT_EQ(0, vmm_device_open(guest->dev));
		svatest_setup(guest->dev, 0, SVATEST_NO_PASID,
			      variant->channel_flags);
		EXPECT_TRUE(is_pass(guest, 0));
	}
}

TEST_F(rid, owner_dies)
{
	struct guest *guest = &self->guest;
	int status;
	pid_t pid;

	/* All of it in the child, so that its death closes the last file. */
	guest_close(guest);
	pid = fork();
	if (!pid) {
		if (guest_open(guest, 0, 1) || set_table(guest))
			_exit(1);
		svatest_setup(guest->dev, 0, SVATEST_NO_PASID,
			      variant->channel_flags);
		svatest_start_fill(guest->dev, 0, GVA_DST, PATTERN, SIZE_4K);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, guest_open(guest, 0, 1));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, variant->channel_flags);
	EXPECT_TRUE(is_pass(guest, 0));
}

/* ---------------------------------------------------- what goes on meanwhile */

static uint16_t find_capability(const struct vmm_device *dev, uint16_t id)
{
	uint32_t header;
	uint16_t at = PCI_CFG_SPACE_SIZE;

	while (at && pread(dev->fd, &header, 4, dev->config + at) == 4) {
		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

static uint16_t read_control(const struct vmm_device *dev, uint16_t at)
{
	uint16_t control = 0;

	return pread(dev->fd, &control, 2, dev->config + at) == 2 ? control : 0;
}

static bool all_is_on(const struct vmm_device *dev)
{
	struct vfio_nesting_device_info info;
	uint16_t ats, pri;

	if (vmm_device_info(dev->vmm, dev, &info) ||
	    !(info.flags & VFIO_NESTING_DEVICE_ATS))
		return false;
	ats = find_capability(dev, PCI_EXT_CAP_ID_ATS);
	pri = find_capability(dev, PCI_EXT_CAP_ID_PRI);
	return read_control(dev, ats + PCI_ATS_CTRL) & PCI_ATS_CTRL_ENABLE &&
	       read_control(dev, pri + PCI_PRI_CTRL) & PCI_PRI_CTRL_ENABLE &&
	       read_control(dev, info.pasid_cap + PCI_PASID_CTRL) &
	       PCI_PASID_CTRL_ENABLE;
}

/* A device with page requests on, and a PASID bound to it */
FIXTURE(busy) {
	struct guest guest;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_SETUP(busy)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	ASSERT_EQ(0, guest_bind(guest));
	self->fd = fault_open(guest->dev, PAGE_REQ | REQ_END);
	ASSERT_LE(0, self->fd);
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, PRI);
	svatest_setup(guest->dev, 1, GUEST_PASID, PRI);
}

FIXTURE_TEARDOWN(busy)
{
	struct fault_counters counters;

	EXPECT_EQ(0, fault_get_counters(self->guest.dev, &counters));
	EXPECT_TRUE(fault_sums_up(&counters));
	close(self->fd);
	guest_close(&self->guest);
}

static int set_nth(struct guest *guest, unsigned int i)
{
	switch (i % 4) {
	case 0:
		return set_table(guest);
	case 1:
		return set_mode(guest, IOMMU_RID_BLOCK);
	case 2:
		return set_table(guest);
	default:
		return set_mode(guest, IOMMU_RID_PASS);
	}
}

TEST_F(busy, nothing_is_switched_off)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	EXPECT_TRUE(all_is_on(guest->dev));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, set_nth(guest, i));
		EXPECT_TRUE(all_is_on(guest->dev));
	}
}

/* DMA with a PASID that the device translates by itself, and by the unit */
TEST_F(busy, pasids_go_on)
{
	struct guest *guest = &self->guest;
	uint64_t window = vmm_alloc(&guest->vmm, SIZE_2M, SIZE_2M), gva;
	unsigned int i, round = 0;

	for (gva = 0; gva < SIZE_1G; gva += SIZE_2M)
		pgtable_map(&guest->pt, GVA_DST + SIZE_1G + gva, window, SIZE_2M,
			    PGT_READ_WRITE);
	svatest_setup(guest->dev, 2, GUEST_PASID, 0);
	svatest_write(guest->dev, SVATEST_K_SLICE_BYTES, 512);
	svatest_start_fill(guest->dev, 1, GVA_DST + SIZE_1G, PATTERN, SIZE_1G / 2);
	svatest_start_fill(guest->dev, 2, GVA_DST + SIZE_1G + SIZE_1G / 2, PATTERN,
			   SIZE_1G / 2);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, set_nth(guest, i));
	/* An access that was aborted would have ended the command. */
	EXPECT_TRUE(svatest_busy(guest->dev, 1));
	EXPECT_TRUE(svatest_busy(guest->dev, 2));
	memset(vmm_ptr(&guest->vmm, window), 0, SIZE_2M);
	while (!*(volatile uint64_t *)vmm_ptr(&guest->vmm, window) &&
	       round++ < 3000)
		usleep(20000);
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, window));
}

TEST_F(busy, requests_of_pasids_go_on)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
	for (i = 0; i < 4; i++) {
		svatest_start_fill(guest->dev, 1, GVA_DST, PATTERN + i, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		EXPECT_EQ(GUEST_PASID, self->records[0].prm.pasid);
		EXPECT_EQ(0, set_nth(guest, i));
		EXPECT_TRUE(svatest_busy(guest->dev, 1));
		guest_map_page(guest, GVA_DST, guest->dst);
		EXPECT_EQ(0, fault_answer(self->fd, self->records,
					  IOMMU_PAGE_RESP_SUCCESS));
		EXPECT_EQ(SVATEST_ST_OK, svatest_wait(guest->dev, 1).status);
		EXPECT_EQ(PATTERN + i, guest_peek(&guest->vmm, guest->dst));
		*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
		EXPECT_EQ(0, vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES,
						  GUEST_PASID));
	}
}

TEST_F(busy, pasids_are_bound_in_every_mode)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, set_nth(guest, i));
		EXPECT_EQ(0, vmm_unbind(&guest->vmm, NULL, GUEST_PASID));
		EXPECT_EQ(0, guest_copied(guest, 1));
		EXPECT_EQ(0, guest_bind(guest));
		EXPECT_NE(0, guest_copied(guest, 1));
	}
}

/* ---------------------------------------------- faults and requests without */

TEST_F(busy, page_on_request)
{
	struct iommu_fault_page_request *prm = &self->records[0].prm;
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, set_table(guest));
	*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
	svatest_start_fill(guest->dev, 0, GVA_DST + 64, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_EQ(IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE |
		  IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID, prm->flags);
	EXPECT_EQ(0, prm->pasid);
	EXPECT_EQ(GVA_DST, prm->addr);
	EXPECT_NE(0, prm->perm & IOMMU_FAULT_PERM_WRITE);
	EXPECT_TRUE(svatest_busy(guest->dev, 0));
	guest_map_page(guest, GVA_DST, guest->dst);
	EXPECT_EQ(0, fault_answer(self->fd, self->records,
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(guest->dev, 0).status);
	EXPECT_EQ(PATTERN, *(uint64_t *)(vmm_ptr(&guest->vmm, guest->dst) + 64));
}

TEST_F(busy, request_ends_with_the_table)
{
	struct guest *guest = &self->guest;
	struct iommu_fault end;
	unsigned int i;

	*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, set_table(guest));
		svatest_start_fill(guest->dev, 0, GVA_DST, PATTERN, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		EXPECT_EQ(0, set_mode(guest, i ? IOMMU_RID_PASS : IOMMU_RID_BLOCK));
		EXPECT_NE(SVATEST_ST_OK, svatest_wait(guest->dev, 0).status);
		EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
						IOMMU_PAGE_RESP_SUCCESS));
		do {
			ASSERT_EQ(1, fault_read(self->fd, &end, 1));
		} while (end.type != IOMMU_FAULT_PAGE_REQ_END);
		EXPECT_EQ(IOMMU_FAULT_END_UNBIND, end.end.cause);
		EXPECT_EQ(0, end.end.flags);
		EXPECT_EQ(self->records[0].prm.cookie, end.end.cookie);
	}
}

/* Without a table nobody is asked, and the device is told so. */
TEST_F(busy, request_without_table)
{
	struct guest *guest = &self->guest;
	uint64_t hole = VMM_GPA_BASE + VMM_MEMORY_SIZE;

	svatest_start_fill(guest->dev, 0, hole, PATTERN, 8);
	EXPECT_NE(SVATEST_ST_OK, svatest_wait(guest->dev, 0).status);
	EXPECT_EQ(0, set_mode(guest, IOMMU_RID_BLOCK));
	svatest_start_fill(guest->dev, 0, GVA_DST, PATTERN, 8);
	EXPECT_NE(SVATEST_ST_OK, svatest_wait(guest->dev, 0).status);
	while (fault_wait(self->fd, 0)) {
		ASSERT_EQ(1, fault_read(self->fd, self->records, 1));
		EXPECT_EQ(IOMMU_FAULT_DMA_UNRECOV, self->records[0].type);
	}
}

/* Untranslated accesses that are aborted, of a device whose owner listens */
FIXTURE(aborted) {
	struct guest guest;
	int fd;
};

FIXTURE_SETUP(aborted)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	self->fd = fault_open(self->guest.dev, 0);
	ASSERT_LE(0, self->fd);
	svatest_setup(self->guest.dev, 0, SVATEST_NO_PASID, 0);
}

FIXTURE_TEARDOWN(aborted)
{
	close(self->fd);
	guest_close(&self->guest);
}

TEST_F(aborted, told)
{
	static const struct {
		uint64_t gva;
		uint64_t rights;
		bool write;
		uint32_t reason;
	} cases[] = {
		{ GVA_SRC + SIZE_2M, 0, true, IOMMU_FAULT_REASON_PTE_FETCH },
		{ GVA_SRC + SIZE_2M, 0, false, IOMMU_FAULT_REASON_PTE_FETCH },
		/* In the upper half, where the address has all of its bits */
		{ 0xffff888000005000ULL, 0, true, IOMMU_FAULT_REASON_PTE_FETCH },
		{ GVA_SRC + SIZE_2M, PGT_READ_ONLY, true,
		  IOMMU_FAULT_REASON_PERMISSION },
		{ 0x0000900000000000ULL, 0, true,
		  IOMMU_FAULT_REASON_OOR_ADDRESS },
	};
	struct guest *guest = &self->guest;
	struct iommu_fault record;
	unsigned int i;
	uint32_t perm;

	EXPECT_EQ(0, set_table(guest));
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].rights)
			pgtable_map(&guest->pt, cases[i].gva, guest->dst, SIZE_4K,
				    cases[i].rights);
		EXPECT_EQ(SVATEST_ST_ACCESS,
			  svatest_touch(guest->dev, 0, cases[i].gva, cases[i].write, 0));
		ASSERT_EQ(1, fault_next_event(self->fd, &record));
		EXPECT_EQ(cases[i].reason, record.event.reason);
		EXPECT_EQ(IOMMU_FAULT_UNRECOV_ADDR_VALID, record.event.flags);
		EXPECT_EQ(0, record.event.pasid);
		EXPECT_EQ(cases[i].gva, record.event.addr);
		perm = IOMMU_FAULT_PERM_READ;
		if (cases[i].write)
			perm = IOMMU_FAULT_PERM_WRITE;
		EXPECT_EQ(perm, record.event.perm);
	}
}

TEST_F(aborted, blocked)
{
	struct guest *guest = &self->guest;
	struct iommu_fault record;

	EXPECT_EQ(0, set_mode(guest, IOMMU_RID_BLOCK));
	EXPECT_EQ(SVATEST_ST_ACCESS, svatest_touch(guest->dev, 0, guest->dst, true, 0));
	ASSERT_EQ(1, fault_next_event(self->fd, &record));
	EXPECT_EQ(IOMMU_FAULT_REASON_BAD_PASID_ENTRY, record.event.reason);
	EXPECT_EQ(IOMMU_FAULT_UNRECOV_ADDR_VALID, record.event.flags);
	EXPECT_EQ(guest->dst, record.event.addr);
}

/* --------------------------------------------------------------- interrupts */

TEST_F(busy, interrupts_arrive)
{
	struct svatest_desc interrupt = { .op_flags = SVATEST_OP_IRQ };
	struct guest *guest = &self->guest;
	int event = eventfd(0, 0);
	unsigned int i;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, vmm_device_irq(guest->dev, VFIO_PCI_MSIX_IRQ_INDEX, event));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, set_nth(guest, i));
		EXPECT_EQ(SVATEST_ST_OK,
			  svatest_run(guest->dev, 1, &interrupt).status);
		EXPECT_TRUE(fault_wait(event, 60000));
		eventfd_read(event, &(eventfd_t){ 0 });
	}
	close(event);
}

/* ---------------------------------------------------------- several devices */

TEST(devices_apart)
{
	struct vmm_device *second;
	struct guest guest;
	struct vmm *vmm = &guest.vmm;
	uint64_t old, page;

	ASSERT_EQ(0, guest_open(&guest, 0, 2));
	second = &vmm->devices[1];
	old = guest_peek(vmm, guest.src);
	page = guest_page(vmm, NEW);
	svatest_setup(guest.dev, 0, SVATEST_NO_PASID, ATS);
	svatest_setup(second, 0, SVATEST_NO_PASID, ATS);
	/* One has to be named. */
	EXPECT_EQ(-EINVAL, vmm_set_rid(vmm, NULL, IOMMU_RID_BLOCK, 0, 4));
	EXPECT_EQ(0, set_table(&guest));
	EXPECT_EQ(old, guest_copied(&guest, 0));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, guest.src, guest.dst, 8));
	EXPECT_NE(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));

	/* The same table for both, and an invalidation for one of them */
	EXPECT_EQ(0, vmm_set_rid(vmm, second, IOMMU_RID_FIRST_STAGE, guest.pt.root, 4));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	guest_map_page(&guest, GVA_SRC, page);
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, guest.dev, GUEST_CACHES, 0));
	EXPECT_EQ(NEW, guest_copied(&guest, 0));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(old, guest_peek(vmm, guest.dst));
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES, 0));
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(second, 0, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(NEW, guest_peek(vmm, guest.dst));

	/* A device that comes later starts without. */
	ASSERT_EQ(0, vmm_attach(vmm, 2));
	svatest_setup(&vmm->devices[2], 0, SVATEST_NO_PASID, ATS);
	EXPECT_EQ(SVATEST_ST_OK, svatest_copy(&vmm->devices[2], 0, guest.src,
					      guest.dst, 8));
	EXPECT_NE(SVATEST_ST_OK, svatest_copy(&vmm->devices[2], 0, GVA_SRC,
					      GVA_DST, 8));
	guest_close(&guest);
}

/* ------------------------------------------------------------------ refusals */

FIXTURE(refused) {
	struct guest guest;
	struct iommu_rid_config config;
};

FIXTURE_SETUP(refused)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	ASSERT_EQ(0, set_table(guest));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, ATS);
	vmm_rid_config(&self->config, IOMMU_RID_FIRST_STAGE, guest->pt.root, 4);
}

/* Whatever was refused, what was there stays. */
FIXTURE_TEARDOWN(refused)
{
	EXPECT_TRUE(is_table(&self->guest, 0));
	guest_close(&self->guest);
}

#define REFUSED(errno, size)						\
	EXPECT_EQ(-(errno), vmm_nesting_op(&self->guest.vmm, self->guest.dev, \
					   VFIO_IOMMU_NESTING_OP_SET_RID,	\
					   &self->config, size))
#define REFUSED_WITH(errno, field, value) do {				\
	__typeof__(self->config.field) before = self->config.field;	\
									\
	self->config.field = (value);					\
	REFUSED(errno, sizeof(self->config));				\
	self->config.field = before;					\
} while (0)

TEST_F(refused, size)
{
	uint8_t long_one[96] = {};
	uint32_t size;

	/* Not looked at, and not zero */
	self->config.bind.vendor.vtd.emt = 1;
	for (size = 0; size < sizeof(self->config); size += 4) {
		REFUSED(EINVAL, size);
		self->config.argsz = size;
		REFUSED(EINVAL, size);
		/* What is left of the table is something behind it. */
		if (size >= 8)
			REFUSED(E2BIG, sizeof(self->config));
		self->config.argsz = sizeof(self->config);
	}
	REFUSED_WITH(EINVAL, argsz, sizeof(self->config) + 1);
	REFUSED_WITH(EINVAL, argsz, ~0U);
	REFUSED_WITH(EINVAL, bind.argsz, 71);
	REFUSED_WITH(EINVAL, bind.argsz, 73);
	REFUSED_WITH(EINVAL, bind.argsz, ~0U);

	/* A longer one, and something behind it */
	self->config.argsz = 88;
	memcpy(long_one, &self->config, sizeof(self->config));
	EXPECT_EQ(0, vmm_nesting_op(&self->guest.vmm, self->guest.dev,
				    VFIO_IOMMU_NESTING_OP_SET_RID, long_one, 96));
	long_one[87] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&self->guest.vmm, self->guest.dev,
					 VFIO_IOMMU_NESTING_OP_SET_RID, long_one, 96));
	long_one[87] = 0;
	long_one[95] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&self->guest.vmm, self->guest.dev,
					 VFIO_IOMMU_NESTING_OP_SET_RID, long_one, 96));
}

TEST_F(refused, fields)
{
	uint64_t root = self->guest.pt.root;

	REFUSED_WITH(EINVAL, mode, 3);
	REFUSED_WITH(EINVAL, mode, ~0U);
	REFUSED_WITH(EINVAL, bind.version, 0);
	REFUSED_WITH(EINVAL, bind.version, 2);
	REFUSED_WITH(EINVAL, bind.format, 0);
	REFUSED_WITH(EINVAL, bind.format, 3);
	REFUSED_WITH(EOPNOTSUPP, bind.format, IOMMU_PASID_FORMAT_ARM_SMMU_V3);
	REFUSED_WITH(EINVAL, bind.addr_width, 0);
	REFUSED_WITH(EINVAL, bind.addr_width, 39);
	REFUSED_WITH(EINVAL, bind.addr_width, 64);
	REFUSED_WITH(EINVAL, bind.flags, IOMMU_SVA_GPASID_VAL);
	REFUSED_WITH(EINVAL, bind.flags, 1ULL << 63);
	REFUSED_WITH(EINVAL, bind.hpasid, 1);
	REFUSED_WITH(EINVAL, bind.hpasid, 1ULL << 32);
	REFUSED_WITH(EINVAL, bind.gpgd, root + 8);
	REFUSED_WITH(EINVAL, bind.gpgd, root | 1);
	REFUSED_WITH(EINVAL, bind.gpgd, ~0xfffULL);
	REFUSED_WITH(EINVAL, bind.padding[0], 1);
	REFUSED_WITH(EINVAL, bind.padding[7], 0x80);
	REFUSED_WITH(EINVAL, bind.vendor.vtd.flags, 1 << 7);
	REFUSED_WITH(EINVAL, bind.vendor.vtd.flags, IOMMU_SVA_VTD_GPASID_WPE);
	REFUSED_WITH(EOPNOTSUPP, bind.vendor.vtd.flags, IOMMU_SVA_VTD_GPASID_PCD);
}

/* 0 is a PASID for invalidations, and for nothing else. */
TEST_F(refused, pasid_zero)
{
	struct vmm *vmm = &self->guest.vmm;

	EXPECT_EQ(-EINVAL, vmm_bind(vmm, NULL, 0, self->guest.pt.root, 4));
	EXPECT_EQ(0, vmm_unbind(vmm, NULL, 0));
	EXPECT_EQ(-EINVAL, vmm_pasid_alloc(vmm, 0, 0));
	EXPECT_EQ(0, vmm_pasid_free(vmm, 0, 0));
	EXPECT_EQ(0, vmm_pasid_free(vmm, 0, ~0U));
}

TEST_F(refused, device)
{
	struct vmm_device other = *self->guest.dev;
	struct guest stranger;

	ASSERT_EQ(0, guest_open(&stranger, 1, 1));
	EXPECT_EQ(-ENODEV, vmm_set_rid(&self->guest.vmm, stranger.dev,
				       IOMMU_RID_BLOCK, 0, 4));
	svatest_setup(stranger.dev, 0, SVATEST_NO_PASID, ATS);
	EXPECT_TRUE(is_pass(&stranger, 0));
	guest_close(&stranger);
	other.fd = -1;
	EXPECT_EQ(-EBADF, vmm_set_rid(&self->guest.vmm, &other, IOMMU_RID_BLOCK,
				      0, 4));
}

/* --------------------------------------------------------------------- races */

#define RACE_ROUNDS	100

struct race {
	struct guest *guest;
	volatile bool stop;
	int failed;
};

static void *race_bind(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		if (guest_bind(race->guest) ||
		    vmm_unbind(&race->guest->vmm, NULL, GUEST_PASID))
			race->failed = 1;
	}
	return NULL;
}

static void *race_invalidate(void *arg)
{
	struct race *race = arg;
	unsigned int way = 0;

	while (!race->stop)
		if (invalidate(race->guest, way++ % 3, 0) ||
		    vmm_invalidate_all(&race->guest->vmm, NULL, IOTLB))
			race->failed = 1;
	return NULL;
}

static void *race_map(void *arg)
{
	struct vmm *vmm = &((struct race *)arg)->guest->vmm;
	struct race *race = arg;
	uint64_t top = VMM_GPA_BASE + VMM_MEMORY_SIZE;

	while (!race->stop) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)vmm->memory,
			.iova = top,
			.size = SIZE_4K,
		};

		if (ioctl(vmm->container, VFIO_IOMMU_MAP_DMA, &map) ||
		    vmm_unmap_dma(vmm, top, SIZE_4K))
			race->failed = 1;
	}
	return NULL;
}

static void *race_requests(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		svatest_start_requests(race->guest->dev, 3, SVATEST_NO_PASID,
				       GVA_SRC, 1,
				       SVATEST_PR_READ | SVATEST_PR_LAST);
		svatest_wait(race->guest->dev, 3);
		usleep(1000);
	}
	return NULL;
}

TEST_F(busy, calls_against_each_other)
{
	static void *(*const bodies[])(void *) = {
		race_bind, race_invalidate, race_map, race_requests,
	};
	struct race race = { .guest = &self->guest };
	struct guest *guest = &self->guest;
	pthread_t threads[4];
	unsigned int i;
	int ret;

	svatest_setup(guest->dev, 3, SVATEST_NO_PASID, PRI | SVATEST_CF_TRUSTED);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, bodies[i], &race));
	for (i = 0; i < RACE_ROUNDS; i++) {
		EXPECT_EQ(0, set_nth(guest, i));
		guest_copied(guest, 0);
		while (fault_wait(self->fd, 0)) {
			ret = fault_read(self->fd, self->records, FAULT_ROOM);
			if (ret > 0 && self->records[0].type == IOMMU_FAULT_PAGE_REQ)
				fault_answer(self->fd, self->records,
					     IOMMU_PAGE_RESP_INVALID);
		}
	}
	race.stop = true;
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, race.failed);
	EXPECT_EQ(0, set_table(guest));
	svatest_setup(guest->dev, 0, SVATEST_NO_PASID, ATS);
	EXPECT_TRUE(is_table(guest, 0));
}

TEST_HARNESS_MAIN
