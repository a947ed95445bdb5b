// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a device's faults: what opening, reading and closing it does
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define PRI		(SVATEST_CF_ATS | SVATEST_CF_PRI)
#define RAW		(PRI | SVATEST_CF_TRUSTED)

/* An address that nothing is mapped at */
static void *const nowhere = (void *)0x1000;

/* A device that has asked for nothing yet */
FIXTURE(file) {
	struct guest guest;
	struct vmm_device *dev;
	struct iommu_fault records[FAULT_ROOM];
	int fd;
};

FIXTURE_SETUP(file)
{
	self->fd = fault_open_guest(&self->guest);
	ASSERT_LE(0, self->fd);
	self->dev = self->guest.dev;
	svatest_setup(self->dev, 0, GUEST_PASID, PRI);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	guest_close(&self->guest);
}

/* A group is read as a whole or stays where it is */
TEST_F(file, room_for_less_than_a_group)
{
	const uint32_t aux = SVATEST_PR_READ | SVATEST_PR_LAST;

	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC, 3, aux | 7);
	EXPECT_EQ(SVATEST_ST_OK, svatest_wait(self->dev, 1).status);
	ASSERT_TRUE(fault_wait(self->fd, 60000));
	EXPECT_EQ(-EINVAL, fault_read(self->fd, self->records, 1));
	EXPECT_EQ(-EINVAL, fault_read(self->fd, self->records, 2));
	EXPECT_EQ(-1, read(self->fd, self->records, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, self->records, 63));
	EXPECT_EQ(EINVAL, errno);
	/* Memory that is not there loses nothing either. */
	EXPECT_EQ(-1, read(self->fd, nowhere, sizeof(self->records)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(3, fault_read(self->fd, self->records, 3));
	EXPECT_EQ(7, self->records[2].prm.grpid);
	EXPECT_EQ(0, fault_answer(self->fd, &self->records[2],
				  IOMMU_PAGE_RESP_INVALID));
}

TEST_F(file, nothing_to_read)
{
	EXPECT_FALSE(fault_wait(self->fd, 0));
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, fault_read(self->fd, self->records, 1));
}

TEST(no_file)
{
	struct guest guest;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	/* Page requests are off, so there is nothing to wait for. */
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest.dev, 0, GVA_DST + SIZE_2M,
					      PATTERN, 8));
	guest_close(&guest);
}

/* What the device asks while the file of its faults is open without them */
static void expect_unheard(struct __test_metadata *_metadata,
			   struct guest *guest, int fd)
{
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST + SIZE_2M,
					      PATTERN, 8));
	EXPECT_FALSE(fault_wait(fd, 0));
	EXPECT_EQ(0, close(fd));
}

/* Each file has what it was opened with, whatever the one before it had */
TEST(opened_with_and_without_page_requests)
{
	struct iommu_fault records[FAULT_ROOM];
	struct guest guest;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&guest));
	svatest_setup(guest.dev, 0, GUEST_PASID, PRI);
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	expect_unheard(_metadata, &guest, fd);

	fd = fault_open(guest.dev, PAGE_REQ);
	ASSERT_LE(0, fd);
	svatest_start_fill(guest.dev, 0, GVA_DST + SIZE_2M, PATTERN, 8);
	ASSERT_EQ(1, fault_next_group(fd, records));
	EXPECT_EQ(0, fault_answer(fd, records, IOMMU_PAGE_RESP_INVALID));
	EXPECT_EQ(SVATEST_ST_PAGE_INVALID, svatest_wait(guest.dev, 0).status);
	EXPECT_EQ(0, close(fd));

	/* The device still asks, and the kernel answers. */
	fd = fault_open(guest.dev, 0);
	ASSERT_LE(0, fd);
	expect_unheard(_metadata, &guest, fd);
	guest_close(&guest);
}

struct reader {
	int fd;
	int ret;
	pid_t tid;
};

static void *read_records(void *arg)
{
	struct iommu_fault records[FAULT_ROOM];
	struct reader *reader = arg;

	__atomic_store_n(&reader->tid, gettid(), __ATOMIC_RELAXED);
	reader->ret = fault_read(reader->fd, records, FAULT_ROOM);
	return NULL;
}

/* Wait until a thread sleeps; it has nothing to do but read */
static void wait_for_sleep(const struct reader *reader)
{
	char path[64], state = 0;
	unsigned int i;
	FILE *file;
	pid_t tid;

	for (i = 0; i < 6000 && state != 'S'; i++) {
		usleep(10000);
		tid = __atomic_load_n(&reader->tid, __ATOMIC_RELAXED);
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		file = tid ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(file);
	}
}

TEST_F(file, device_closed_under_a_reader)
{
	struct reader reader = { .fd = self->fd };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_records, &reader));
	wait_for_sleep(&reader);
	vmm_device_close(self->dev);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, reader.ret);
}

/* As many as may wait; then they end, and their records stay */
static bool leave_records(struct guest *guest, struct fault_counters *counters)
{
	uint64_t groups = counters->groups + counters->limit;
	unsigned int i;

	svatest_start_requests(guest->dev, 1, GUEST_PASID, GVA_SRC, counters->limit,
			       SVATEST_PR_READ | SVATEST_PR_LAST | SVATEST_PR_DISTINCT);
	svatest_wait(guest->dev, 1);
	for (i = 0; i < 6000; i++) {
		if (fault_get_counters(guest->dev, counters))
			return false;
		if (counters->groups == groups)
			return !vmm_unbind(&guest->vmm, NULL, GUEST_PASID) &&
			       !guest_bind(guest);
		usleep(10000);
	}
	return false;
}

#define RING		1024
#define RING_EVENTS	256

/* Page requests first, then aborted accesses, until there is room for none */
static bool fill_ring(struct guest *guest, struct fault_counters *counters)
{
	const uint64_t no_room = counters->ends[FAULT_NO_ROOM];
	const uint64_t lost = counters->lost;
	unsigned int sent = 0;

	while (counters->ends[FAULT_NO_ROOM] == no_room)
		if (!leave_records(guest, counters))
			return false;
	while (counters->lost == lost && sent++ < 100000) {
		svatest_fill(guest->dev, 2, GVA_SRC, PATTERN, 8);
		if (fault_get_counters(guest->dev, counters))
			return false;
	}
	return counters->lost > lost;
}

/* Number of page requests, which are in order */
static unsigned int count_requests(const struct iommu_fault *records, int count)
{
	unsigned int requests = 0;
	uint64_t cookie = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (records[i].type != IOMMU_FAULT_PAGE_REQ)
			continue;
		if (records[i].prm.cookie <= cookie)
			return 0;
		cookie = records[i].prm.cookie;
		requests++;
	}
	return requests;
}

/* Page requests and events have a share each, and none takes the other's. */
TEST_F_TIMEOUT(file, full_of_records, 120)
{
	struct iommu_fault *records = calloc(RING, sizeof(*records));
	struct fault_counters counters;
	unsigned int round;
	uint64_t told;

	ASSERT_NE(NULL, records);
	svatest_setup(self->dev, 1, GUEST_PASID, RAW);
	svatest_setup(self->dev, 2, GUEST_PASID, 0);
	ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	for (round = 0; round < 2; round++) {
		told = counters.groups - counters.ends[FAULT_NO_ROOM];
		ASSERT_TRUE(fill_ring(&self->guest, &counters));
		EXPECT_EQ(RING - RING_EVENTS, counters.groups -
			  counters.ends[FAULT_NO_ROOM] - told);
		ASSERT_EQ(RING, fault_read(self->fd, records, RING));
		EXPECT_EQ(RING - RING_EVENTS, count_requests(records, RING));

		/* There is room again, and what was lost is told on the way. */
		svatest_start_fill(self->dev, 0, GVA_DST, PATTERN, 8);
		ASSERT_EQ(1, fault_next_group(self->fd, self->records));
		EXPECT_EQ(0, fault_answer(self->fd, self->records,
					  IOMMU_PAGE_RESP_INVALID));
		EXPECT_EQ(SVATEST_ST_PAGE_INVALID,
			  svatest_wait(self->dev, 0).status);
		ASSERT_EQ(0, fault_get_counters(self->dev, &counters));
	}
	free(records);
}

TEST(opening)
{
	struct vfio_nesting_fault_fd request = { .argsz = sizeof(request) };
	const unsigned int op = VFIO_IOMMU_NESTING_OP_GET_FAULT_FD;
	struct iommu_page_response response = {
		.argsz = sizeof(response),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.flags = IOMMU_PAGE_RESP_PASID_VALID,
		.pasid = GUEST_PASID,
	};
	struct iommu_nesting_info info;
	uint32_t longer[4] = {};
	struct guest guest;
	int fd;

	ASSERT_EQ(0, guest_open(&guest, 0, 2));
	ASSERT_EQ(0, vmm_nesting_info(&guest.vmm, &info));
	EXPECT_NE(0, info.features & IOMMU_NESTING_FEAT_PAGE_RESP);

	/* Two devices, and none is named */
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, NULL, op, &request,
					  sizeof(request)));
	request.argsz = 7;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.argsz = sizeof(request);
	request.flags = VFIO_NESTING_FAULT_REQ_END << 1;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request)));
	request.flags = 0;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, &request,
					  sizeof(request) - 1));
	/* What follows must be zero, inside of the payload and behind it. */
	memcpy(longer, &request, sizeof(request));
	longer[2] = 1;
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					 sizeof(longer)));
	longer[0] = sizeof(longer);
	EXPECT_EQ(-E2BIG, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					 sizeof(longer)));
	longer[2] = 0;
	longer[0] = sizeof(longer) + 1;
	EXPECT_EQ(-EINVAL, vmm_nesting_op(&guest.vmm, guest.dev, op, longer,
					  sizeof(longer)));

	/* There is nothing to answer. */
	EXPECT_EQ(-ENOENT, fault_answer_op(&guest.vmm, guest.dev, &response));

	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-EBUSY, fault_open(guest.dev, PAGE_REQ));
	EXPECT_EQ(-EBUSY, fault_open(guest.dev, 0));
	close(fd);
	fd = fault_open(guest.dev, PAGE_REQ);
	EXPECT_LE(0, fd);
	close(fd);
	vmm_device_close(guest.dev);
	EXPECT_EQ(-EBADF, fault_open(guest.dev, PAGE_REQ));
	guest_close(&guest);
}

TEST_HARNESS_MAIN
