// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a device while page requests wait
 *
 * By the VMM, by the guest, by the administrator, of the function or of its bus, by
 * the recovery from errors, and when the device is closed: each is a line that no
 * request, no answer and no deadline crosses. What is bound stays bound.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

#define PATTERN		0x1122334455667788ULL
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)
#define INDEX		7

/* The deadline of what is asked before a reset, and of what is asked after it */
#define BEFORE_MS	3000
#define AFTER_MS	60000

static int reset_by_vmm(struct vmm_device *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* Where the capability @id is, or 0 */
static unsigned int find_capability(const struct vmm_device *dev, uint8_t id)
{
	uint8_t pos, cap[2];

	if (pread(dev->fd, &pos, 1, dev->config + PCI_CAPABILITY_LIST) != 1)
		return 0;
	while (pos) {
		if (pread(dev->fd, cap, 2, dev->config + pos) != 2)
			return 0;
		if (cap[0] == id)
			return pos;
		pos = cap[1];
	}
	return 0;
}

static int reset_by_guest(struct vmm_device *dev)
{
	unsigned int express = find_capability(dev, PCI_CAP_ID_EXP);
	uint64_t at = dev->config + express + PCI_EXP_DEVCTL;
	uint16_t control;

	if (!express || pread(dev->fd, &control, 2, at) != 2)
		return -ENODEV;
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	return pwrite(dev->fd, &control, 2, at) == 2 ? 0 : -errno;
}

static int set_power_state(struct vmm_device *dev, uint16_t state)
{
	unsigned int pm = find_capability(dev, PCI_CAP_ID_PM);

	return pm && pwrite(dev->fd, &state, 2, dev->config + pm + PCI_PM_CTRL) == 2 ?
	       0 : -ENODEV;
}

/* The guest lets it sleep, in D3hot; the way back is a reset. */
static int reset_by_sleep(struct vmm_device *dev)
{
	return set_power_state(dev, 3) ?: set_power_state(dev, 0);
}

static int write_attribute(const struct vmm_device *dev, const char *attribute,
			   const char *text)
{
	return vmm_device_sysfs(dev, attribute, text);
}

static int reset_by_administrator(struct vmm_device *dev)
{
	return write_attribute(dev, "reset", "1");
}

/* The bus is the device's alone. */
static int reset_of_the_bus(struct vmm_device *dev)
{
	int ret = write_attribute(dev, "reset_method", "bus");

	if (!ret)
		ret = write_attribute(dev, "reset", "1");
	return write_attribute(dev, "reset_method", "default") ?: ret;
}

static int reset_of_the_slot(struct vmm_device *dev)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t group;
	} reset = {
		.head.argsz = sizeof(reset), .head.count = 1, .group = dev->group,
	};

	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset) ? -errno : 0;
}

FIXTURE(reset) {
	struct guest guest;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	unsigned int timeout;
	int fd;
};

FIXTURE_VARIANT(reset) {
	int (*reset)(struct vmm_device *dev);
};

FIXTURE_VARIANT_ADD(reset, by_vmm) { reset_by_vmm };
FIXTURE_VARIANT_ADD(reset, by_guest) { reset_by_guest };
FIXTURE_VARIANT_ADD(reset, by_sleep) { reset_by_sleep };
FIXTURE_VARIANT_ADD(reset, by_administrator) { reset_by_administrator };
FIXTURE_VARIANT_ADD(reset, of_the_bus) { reset_of_the_bus };
FIXTURE_VARIANT_ADD(reset, of_the_slot) { reset_of_the_slot };

FIXTURE_SETUP(reset)
{
	self->timeout = fault_set_timeout(AFTER_MS);
	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->dev = self->guest.dev;
}

FIXTURE_TEARDOWN(reset)
{
	close(self->fd);
	guest_close(&self->guest);
	fault_set_timeout(self->timeout);
}

/* A command that waits for the answer to one page request of its own */
static void ask(struct vmm_device *dev, uint64_t gva)
{
	svatest_setup(dev, 0, GUEST_PASID, RAW);
	svatest_start_requests(dev, 0, GUEST_PASID, gva, 1, SVATEST_PR_READ |
			       SVATEST_PR_LAST | SVATEST_PR_WAIT | INDEX);
}

static uint64_t waiting(const struct vmm_device *dev)
{
	struct fault_counters counters = { .waiting = ~0ULL };

	fault_get_counters(dev, &counters);
	return counters.waiting;
}

/* It would be answered as the new one, which has the same index. */
TEST_F(reset, old_deadline_ends_no_new_request)
{
	struct iommu_fault before;

	fault_set_timeout(BEFORE_MS);
	ask(self->dev, GVA_SRC);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	before = self->records[0];
	ASSERT_EQ(0, variant->reset(self->dev));
	EXPECT_EQ(0, waiting(self->dev));

	fault_set_timeout(AFTER_MS);
	ask(self->dev, GVA_DST);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	EXPECT_NE(before.prm.cookie, self->records[0].prm.cookie);
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, &before,
					IOMMU_PAGE_RESP_INVALID));
	usleep((BEFORE_MS + 1000) * 1000);
	EXPECT_TRUE(svatest_busy(self->dev, 0));
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
}

/* All that it may have outstanding, read and unread, and then one more */
TEST_F(reset, credit_is_back)
{
	struct fault_counters counters = {};
	unsigned int got = 0;
	int ret;

	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	svatest_setup(self->dev, 0, GUEST_PASID, RAW);
	svatest_start_requests(self->dev, 0, GUEST_PASID, GVA_SRC,
			       counters.limit, SVATEST_PR_READ |
			       SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	ASSERT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	while (got < counters.limit) {
		ASSERT_TRUE(fault_wait(self->fd, AFTER_MS));
		ret = fault_read(self->fd, self->records, FAULT_ROOM);
		ASSERT_LT(0, ret);
		got += ret;
	}
	EXPECT_EQ(counters.limit, waiting(self->dev));
	ASSERT_EQ(0, variant->reset(self->dev));
	EXPECT_EQ(0, waiting(self->dev));

	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[0],
				  IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 0).status);
	EXPECT_EQ(PATTERN, guest_peek(&self->guest.vmm, self->guest.dst));
}

/* Neither binding nor page requests get lost, however often */
TEST_F(reset, binding_stays)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		svatest_setup(self->dev, 0, GUEST_PASID, PRI);
		svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		ASSERT_EQ(0, variant->reset(self->dev));
	}
	EXPECT_EQ(0, waiting(self->dev));
	guest_map_page(&self->guest, GVA_SRC, self->guest.src);
	guest_map_page(&self->guest, GVA_DST, self->guest.dst);
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
	EXPECT_EQ(guest_peek(&self->guest.vmm, self->guest.src),
		  guest_copied(&self->guest, 0));
}

/* Ends that are not the variants': the device is not as it was. */
FIXTURE(ending) {
	struct guest guest;
	struct vmm_device *dev;
	struct iommu_fault records[8];
	int fd;
};

FIXTURE_SETUP(ending)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->dev = self->guest.dev;
	self->fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ |
			      VFIO_NESTING_FAULT_REQ_END);
	ASSERT_LE(0, self->fd);
	ask(self->dev, GVA_SRC + SIZE_2M);
	ASSERT_EQ(1, fault_next_group(self->fd, self->records));
}

FIXTURE_TEARDOWN(ending)
{
	close(self->fd);
	guest_close(&self->guest);
}

static int read_config(const char *name, unsigned int offset, void *to, size_t size)
{
	int fd = vmm_open_sysfs(name, "config", O_RDONLY);
	int ret;

	if (fd < 0)
		return fd;
	ret = pread(fd, to, size, offset) == (ssize_t)size ? 0 : -EIO;
	close(fd);
	return ret;
}

/* A word of an extended capability as the device has it; all ones if it has not */
static uint16_t read_extended(const struct vmm_device *dev, unsigned int id,
			      unsigned int at)
{
	unsigned int offset = PCI_CFG_SPACE_SIZE;
	uint16_t word = 0xffff;
	uint32_t header;

	while (offset && !read_config(dev->name, offset, &header, sizeof(header))) {
		if (PCI_EXT_CAP_ID(header) == id)
			break;
		offset = PCI_EXT_CAP_NEXT(header);
	}
	if (!offset || read_config(dev->name, offset + at, &word, sizeof(word)))
		return 0xffff;
	return word;
}

/* Did the device get an answer to what it has not asked, since its last reset? */
static bool got_stray_answer(const struct vmm_device *dev)
{
	return read_extended(dev, PCI_EXT_CAP_ID_PRI, PCI_PRI_STATUS) &
	       PCI_PRI_STATUS_UPRGI;
}

/* It is reset, and then its owner is gone. */
TEST_F(ending, closed)
{
	EXPECT_FALSE(got_stray_answer(self->dev));
	vmm_device_close(self->dev);
	EXPECT_FALSE(got_stray_answer(self->dev));
	EXPECT_EQ(-ENODEV, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
}

/* Of the port that the device is behind */
struct injected_error {
	uint8_t bus;
	uint8_t slot;
	uint8_t function;
	uint32_t uncorrectable;
	uint32_t correctable;
	uint32_t header[4];
	uint32_t domain;
};

static int inject_fatal_error(const struct vmm_device *dev)
{
	struct injected_error error = { .uncorrectable = PCI_ERR_UNC_MALF_TLP };
	char path[PATH_MAX], link[64];
	unsigned int bus, slot, function;
	char *end;
	int fd, ret;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", dev->name);
	if (!realpath(link, path))
		return -errno;
	/* .../the port/the device */
	*strrchr(path, '/') = 0;
	end = strrchr(path, '/');
	if (sscanf(end, "/%x:%x:%x.%x", &error.domain, &bus, &slot, &function) != 4)
		return -ENODEV;
	error.bus = bus;
	error.slot = slot;
	error.function = function;
	fd = open("/dev/aer_inject", O_WRONLY);
	if (fd < 0)
		return -errno;
	ret = write(fd, &error, sizeof(error)) == sizeof(error) ? 0 : -errno;
	close(fd);
	return ret;
}

/* A fatal error, up to where the device is back and its request is over */
static int recover(struct vmm_device *dev, int fd, uint64_t cookie)
{
	int ret = inject_fatal_error(dev);
	struct iommu_fault end;

	if (ret)
		return ret;
	do {
		if (!fault_wait(fd, AFTER_MS) || fault_read(fd, &end, 1) != 1)
			return -ETIMEDOUT;
	} while (end.type != IOMMU_FAULT_PAGE_REQ_END);
	return end.end.cause == IOMMU_FAULT_END_RESET && end.end.cookie == cookie ?
	       0 : -EIO;
}

/* A request comes and gets its answer, and what is mapped is copied. */
static void expect_in_service(struct __test_metadata *_metadata,
			      struct guest *guest, int fd)
{
	struct iommu_fault records[8];

	ask(guest->dev, GVA_SRC + SIZE_2M);
	ASSERT_EQ(1, fault_next_group(fd, records));
	EXPECT_EQ(0, fault_answer(fd, records, IOMMU_PAGE_RESP_INVALID));
	svatest_wait(guest->dev, 0);
	svatest_setup(guest->dev, 0, GUEST_PASID, PRI);
	EXPECT_NE(0, guest_copied(guest, 0));
}

/* The bus is reset, and nobody restores what the device had. */
TEST_F_TIMEOUT(ending, recovered_from, 60)
{
	ASSERT_EQ(0, recover(self->dev, self->fd, self->records[0].prm.cookie));
	EXPECT_EQ(-ENOENT, fault_answer(self->fd, self->records,
					IOMMU_PAGE_RESP_SUCCESS));
	EXPECT_FALSE(got_stray_answer(self->dev));

	/* A new start */
	close(self->fd);
	vmm_device_close(self->dev);
	ASSERT_EQ(0, vmm_device_open(self->dev));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ);
	ASSERT_LE(0, self->fd);
	expect_in_service(_metadata, &self->guest, self->fd);
}

/*
 * The owner learns of the error and resets the device, as one does. That brings back
 * what the kernel has switched on, and bindings with it.
 */
TEST_F_TIMEOUT(ending, recovered_from_and_reset, 60)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	int ret;

	ASSERT_EQ(0, recover(self->dev, self->fd, self->records[0].prm.cookie));
	/* The recovery may have hold of the device yet. */
	do
		ret = reset_by_vmm(self->dev);
	while (ret == -EAGAIN);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(2, pwrite(self->dev->fd, &command, 2,
			    self->dev->config + PCI_COMMAND));
	EXPECT_TRUE(read_extended(self->dev, PCI_EXT_CAP_ID_ATS, PCI_ATS_CTRL) &
		    PCI_ATS_CTRL_ENABLE);
	EXPECT_FALSE(got_stray_answer(self->dev));

	expect_in_service(_metadata, &self->guest, self->fd);
}

TEST_HARNESS_MAIN
