// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks that need more than one call: memory that changes under the kernel,
 * files that went to another process, races, and an administrator who takes the
 * device away
 *
 * nesting_refusal has what is wrong in a single call.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"

#define PRI	(SVATEST_CF_ATS | SVATEST_CF_PRI)

/* Number of turns of a race */
#define TURNS	20000

FIXTURE(attack) {
	struct guest guest;
	struct vmm *vmm;
	struct vmm_device *dev;
	char *bindings;
};

FIXTURE_SETUP(attack)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&self->guest));
	self->vmm = &self->guest.vmm;
	self->dev = self->guest.dev;
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	self->bindings = guest_bindings();
}

FIXTURE_TEARDOWN(attack)
{
	/* What was bound works. */
	EXPECT_EQ(guest_peek(self->vmm, self->guest.src),
		  guest_copied(&self->guest, 0));
	free(self->bindings);
	guest_close(&self->guest);
}

static bool nothing_changed(const char *bindings)
{
	char *now = guest_bindings();
	bool same = !strcmp(bindings, now);

	free(now);
	return same;
}

/* A bind whose sizes change all the time */
static struct {
	struct vfio_iommu_type1_nesting_op head;
	struct iommu_gpasid_bind_data data;
	uint8_t behind[2 * SIZE_4K];
} changing;
static bool done;

static void *change_sizes(void *arg)
{
	const uint32_t sizes[] = { 0, 55, 56, 71, 72, 73, 4096, 4097, ~0U };
	unsigned int i;

	for (i = 0; !__atomic_load_n(&done, __ATOMIC_RELAXED); i++) {
		__atomic_store_n(&changing.data.argsz, sizes[i % 9],
				 __ATOMIC_RELAXED);
		__atomic_store_n(&changing.head.argsz, 8 + sizes[i / 9 % 9],
				 __ATOMIC_RELAXED);
	}
	return arg;
}

/* Each is the bind that is there already, or is refused; nothing else happens */
TEST_F_TIMEOUT(attack, sizes_that_change_while_they_are_read, 120)
{
	unsigned int i, strange = 0;
	pthread_t thread;

	vmm_bind_data(&changing.data, GUEST_PASID, self->guest.pt.root, 4);
	changing.head.flags = VFIO_IOMMU_NESTING_OP_BIND_PGTBL;
	done = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_sizes, NULL));
	for (i = 0; i < TURNS; i++)
		if (ioctl(self->vmm->container, VFIO_IOMMU_NESTING_OP, &changing) &&
		    errno != EINVAL && errno != E2BIG)
			strange++;
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, strange);
	EXPECT_TRUE(nothing_changed(self->bindings));
}

/* The file of the faults is no device, nor is a file of nothing */
TEST_F(attack, file_of_the_wrong_kind)
{
	struct vmm_device wrong = *self->dev;
	int fds[] = {
		fault_open(self->dev, 0), memfd_create("nothing", 0),
		open("/dev/null", O_RDWR), open("/", O_PATH), self->vmm->container,
		self->dev->group,
	};
	unsigned int i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		ASSERT_LE(0, fds[i]);
		wrong.fd = fds[i];
		/* A file of O_PATH counts as none. */
		EXPECT_EQ(i == 3 ? -EBADF : -EINVAL,
			  vmm_unbind(self->vmm, &wrong, GUEST_PASID));
		EXPECT_EQ(i == 3 ? -EBADF : -EINVAL, fault_open(&wrong, 0));
		if (i < 4)
			close(fds[i]);
	}
	EXPECT_TRUE(nothing_changed(self->bindings));
}

/* A file of the device, and of the container, in another process */
static int take(pid_t from, int fd)
{
	int pidfd = syscall(__NR_pidfd_open, from, 0);
	int got = syscall(__NR_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return got;
}

/*
 * PASIDs are the container's, whichever process makes the call, and the device
 * stays open until the last file of it is closed.
 */
TEST_F(attack, files_in_another_process)
{
	struct vmm *vmm = self->vmm;
	int to_child[2], to_parent[2], status;
	pid_t parent = getpid(), child;
	struct vmm theirs;
	char byte;

	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	child = fork();
	ASSERT_NE(-1, child);
	if (!child) {
		theirs = *vmm;
		close(vmm->container);
		close(self->dev->fd);
		theirs.container = take(parent, vmm->container);
		theirs.devices[0].fd = take(parent, self->dev->fd);
		theirs.devices[0].vmm = &theirs;
		if (theirs.container < 0 || theirs.devices[0].fd < 0 ||
		    vmm_pasid_alloc(&theirs, GUEST_PASID, GUEST_PASID) != -ENOSPC ||
		    vmm_pasid_alloc(&theirs, 9, 9) != 9 ||
		    vmm_bind(&theirs, &theirs.devices[0], 9,
			     self->guest.pt.root, 4) ||
		    write(to_parent[1], "x", 1) != 1 ||
		    read(to_child[0], &byte, 1) != 1)
			_exit(1);
		/* The other process has closed it, and nothing ended. */
		_exit(vmm_invalidate_pasid(&theirs, &theirs.devices[0],
					   GUEST_CACHES, 9) ? 2 : 0);
	}
	EXPECT_EQ(1, read(to_parent[0], &byte, 1));
	EXPECT_EQ(-ENOSPC, vmm_pasid_alloc(vmm, 9, 9));
	vmm_device_close(self->dev);
	EXPECT_EQ(0, vmm_bind(vmm, NULL, 9, self->guest.pt.root, 4));
	EXPECT_EQ(1, write(to_child[1], "x", 1));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);

	/* That was the last file: it is closed, and nothing is bound. */
	EXPECT_EQ(-ENODEV, vmm_bind(vmm, NULL, 9, self->guest.pt.root, 4));
	EXPECT_EQ(0, vmm_pasid_free(vmm, 9, 9));
	EXPECT_EQ(0, vmm_device_open(self->dev));
	EXPECT_EQ(0, guest_bind(&self->guest));
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
}

/* Threads that work on the same few PASIDs */
struct racer {
	struct guest *guest;
	unsigned int seed;
	unsigned int strange;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct vmm *vmm = &racer->guest->vmm;
	uint32_t pasid;
	int ret = 0;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		pasid = 20 + rand_r(&racer->seed) % 3;
		switch (rand_r(&racer->seed) % 5) {
		case 0:
			ret = vmm_pasid_alloc(vmm, pasid, pasid);
			ret = ret == (int)pasid || ret == -ENOSPC ? 0 : -1;
			break;
		case 1:
			ret = vmm_pasid_free(vmm, pasid, pasid);
			break;
		case 2:
			ret = vmm_bind(vmm, NULL, pasid, racer->guest->pt.root, 4);
			/* Not there, or just being freed or unbound */
			ret = ret == -ENOENT || ret == -EBUSY ? 0 : ret;
			break;
		case 3:
			ret = vmm_unbind(vmm, racer->guest->dev, pasid);
			break;
		case 4:
			ret = vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES, pasid);
			break;
		}
		racer->strange += !!ret;
	}
	return NULL;
}

TEST_F_TIMEOUT(attack, calls_against_each_other, 120)
{
	struct racer racers[4];
	pthread_t threads[4];
	unsigned int i;

	done = false;
	for (i = 0; i < 4; i++) {
		racers[i] = (struct racer) { &self->guest, i + 1, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, race, &racers[i]));
	}
	for (i = 0; i < 300; i++) {
		EXPECT_NE(0, guest_copied(&self->guest, 0));
		usleep(5000);
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, racers[i].strange);
	}
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 20, 22));
	for (i = 20; i < 23; i++)
		EXPECT_EQ((int)i, vmm_pasid_alloc(self->vmm, i, i));
	EXPECT_EQ(0, vmm_pasid_free(self->vmm, 20, 22));
}

static bool zero(const void *from, const void *end)
{
	const uint8_t *byte;

	for (byte = from; byte < (const uint8_t *)end; byte++)
		if (*byte)
			return false;
	return true;
}

/* No byte of a record is other than what the header says it is */
TEST_F(attack, records_tell_nothing_else)
{
	struct iommu_fault records[FAULT_ROOM], *record = records;
	int fd = fault_open(self->dev, VFIO_NESTING_FAULT_PAGE_REQ);
	int count, i;

	ASSERT_LE(0, fd);
	memset(records, 0xa5, sizeof(records));
	svatest_setup(self->dev, 1, GUEST_PASID, PRI | SVATEST_CF_TRUSTED);
	svatest_start_requests(self->dev, 1, GUEST_PASID, GVA_SRC + SIZE_2M, 3,
			       SVATEST_PR_READ | SVATEST_PR_LAST);
	count = fault_next_group(fd, records);
	ASSERT_EQ(3, count);
	for (i = 0; i < count; i++, record++) {
		EXPECT_EQ(0, record->padding);
		EXPECT_TRUE(zero(record->prm.private_data, &record->prm.cookie));
		EXPECT_TRUE(i + 1 == count || !record->prm.cookie);
		EXPECT_TRUE(zero(&record->prm + 1, record + 1));
	}
	EXPECT_EQ(0, fault_answer(fd, record - 1, IOMMU_PAGE_RESP_INVALID));

	memset(records, 0xa5, sizeof(records));
	svatest_setup(self->dev, 1, GUEST_PASID, 0);
	svatest_fill(self->dev, 1, GVA_DST + SIZE_2M, 1, 8);
	ASSERT_EQ(1, fault_next_event(fd, records));
	EXPECT_EQ(0, records->padding);
	EXPECT_TRUE(zero(&records->event + 1, records + 1));
	close(fd);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return good;
}

#define DRIVER	"/sys/bus/pci/drivers/vfio-pci/"

/* It waits for the user, who notices nothing until everything is closed. */
TEST_F(attack, driver_unbound_by_the_administrator)
{
	char name[16];
	pid_t child;
	int status;

	snprintf(name, sizeof(name), "%s", self->dev->name);
	child = fork();
	ASSERT_NE(-1, child);
	if (!child) {
		guest_close(&self->guest);
		_exit(!write_file(DRIVER "unbind", name));
	}
	usleep(300000);
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, guest_bind(&self->guest));
	EXPECT_NE(0, guest_copied(&self->guest, 0));
	guest_close(&self->guest);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(write_file(DRIVER "bind", name));

	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	ASSERT_EQ(0, guest_bind(&self->guest));
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
}

/* A binding outlives it, and works when the device does */
TEST_F(attack, device_reset)
{
	EXPECT_EQ(0, ioctl(self->dev->fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
}

static int low_power(const struct vmm_device *dev, uint32_t feature)
{
	struct vfio_device_feature request = {
		.argsz = sizeof(request),
		.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &request) ? -errno : 0;
}

static bool is_suspended(const struct vmm_device *dev)
{
	char path[96], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/power/runtime_status", dev->name);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return !strncmp(text, "suspended", 9);
}

/*
 * The user lets the device sleep, and the kernel has work for it: it does not
 * sleep as long as a PASID of it is bound.
 */
TEST_F(attack, device_that_may_sleep)
{
	ASSERT_EQ(0, low_power(self->dev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	usleep(300000);
	EXPECT_FALSE(is_suspended(self->dev));
	EXPECT_EQ(0, vmm_invalidate_pasid(self->vmm, NULL, GUEST_CACHES,
					  GUEST_PASID));
	EXPECT_EQ(0, vmm_unbind(self->vmm, NULL, GUEST_PASID));
	usleep(300000);
	EXPECT_TRUE(is_suspended(self->dev));
	EXPECT_EQ(0, guest_bind(&self->guest));
	EXPECT_FALSE(is_suspended(self->dev));
	EXPECT_EQ(0, low_power(self->dev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	svatest_setup(self->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
}

TEST_HARNESS_MAIN
