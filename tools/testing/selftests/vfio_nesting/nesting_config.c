// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space can do to PASID, ATS and page requests by way of the device's
 * configuration space: these belong to the host
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PASID_CAP_SIZE	8

FIXTURE(config) {
	struct guest guest;
	struct vmm_device *dev;
	unsigned int pasid_cap;
	int fd;
};

static void config_read(const struct vmm_device *dev, unsigned int offset,
			void *to, size_t size)
{
	memset(to, 0, size);
	if (pread(dev->fd, to, size, dev->config + offset) != (ssize_t)size)
		memset(to, 0xee, size);
}

/* Write other bits than there are, in pieces of @step bytes, and see */
static bool can_write(const struct vmm_device *dev, unsigned int offset,
		      size_t size, size_t step)
{
	uint8_t before[32], other[32], after[32];
	size_t i;

	config_read(dev, offset, before, size);
	for (i = 0; i < size; i++)
		other[i] = ~before[i];
	for (i = 0; i < size; i += step)
		if (pwrite(dev->fd, other + i, step,
			   dev->config + offset + i) < 0)
			printf("# write of %zu bytes at %zu refused\n", step, i);
	config_read(dev, offset, after, size);
	return memcmp(before, after, size);
}

/* The first in the chain of extended capabilities that has this id, or 0 */
static unsigned int find_in(int fd, uint64_t config, unsigned int id)
{
	unsigned int offset = PCI_CFG_SPACE_SIZE, left = 960;
	uint32_t header;

	while (offset && left--) {
		if (pread(fd, &header, sizeof(header),
			  config + offset) != sizeof(header))
			return 0;
		if (PCI_EXT_CAP_ID(header) == id)
			return offset;
		offset = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

static unsigned int find(const struct vmm_device *dev, unsigned int id)
{
	return find_in(dev->fd, dev->config, id);
}

/* The same in what the host sees */
static unsigned int find_for_host(const struct vmm_device *dev, unsigned int id)
{
	int fd = vmm_open_sysfs(dev->name, "config", O_RDONLY);
	unsigned int offset;

	if (fd < 0)
		return 0;
	offset = find_in(fd, 0, id);
	close(fd);
	return offset;
}

FIXTURE_SETUP(config)
{
	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->dev = self->guest.dev;
	self->pasid_cap = find_for_host(self->dev, PCI_EXT_CAP_ID_PASID);
	ASSERT_LT(0, self->pasid_cap);
}

FIXTURE_TEARDOWN(config)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* Does all that the host has switched on still work? */
static bool device_works(struct guest *guest, int fd)
{
	struct iommu_fault records[FAULT_ROOM];

	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS | SVATEST_CF_PRI);
	svatest_start_fill(guest->dev, 0, GVA_DST, 0x77, 8);
	if (fault_next_group(fd, records) != 1)
		return false;
	guest_map_page(guest, GVA_DST, guest->dst);
	return !fault_answer(fd, records, IOMMU_PAGE_RESP_SUCCESS) &&
	       svatest_wait(guest->dev, 0).status == SVATEST_ST_OK;
}

TEST_F(config, pasid_is_hidden)
{
	EXPECT_EQ(0, find(self->dev, PCI_EXT_CAP_ID_PASID));
	/* A virtual one can be put where it is: the bytes can be read. */
	EXPECT_NE(0, find(self->dev, PCI_EXT_CAP_ID_ATS));
	EXPECT_NE(0, find(self->dev, PCI_EXT_CAP_ID_PRI));
}

TEST_F(config, pasid_cannot_be_written)
{
	size_t step;

	for (step = 1; step <= PASID_CAP_SIZE; step *= 2)
		EXPECT_FALSE(can_write(self->dev, self->pasid_cap,
				       PASID_CAP_SIZE, step));
	EXPECT_TRUE(device_works(&self->guest, self->fd));
}

/* A write that begins before it, or ends behind it */
TEST_F(config, pasid_cannot_be_written_in_passing)
{
	uint8_t before[PASID_CAP_SIZE], after[PASID_CAP_SIZE];
	uint8_t zeros[32] = {};

	config_read(self->dev, self->pasid_cap, before, sizeof(before));
	(void)!pwrite(self->dev->fd, zeros, sizeof(zeros),
		      self->dev->config + self->pasid_cap - 8);
	config_read(self->dev, self->pasid_cap, after, sizeof(after));
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
}

TEST_F(config, ats_and_pri_cannot_be_written)
{
	EXPECT_FALSE(can_write(self->dev, find(self->dev, PCI_EXT_CAP_ID_ATS),
			       PCI_EXT_CAP_ATS_SIZEOF, 2));
	EXPECT_FALSE(can_write(self->dev, find(self->dev, PCI_EXT_CAP_ID_PRI),
			       PCI_EXT_CAP_PRI_SIZEOF, 2));
	EXPECT_TRUE(device_works(&self->guest, self->fd));
}

TEST_HARNESS_MAIN
