// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual function that completes no invalidation: the others do not feel it
 *
 * The invalidations of all go by way of the physical function, and the unit names
 * the requester of the one that was not completed.
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

#define VFS		2

FIXTURE(slow_vf) {
	struct guest pf, vf[VFS];
	int fd[VFS];
};

static int start(struct guest *guest, unsigned int device)
{
	int ret = guest_open(guest, device, 1) ?: guest_bind(guest);

	if (!ret)
		svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	return ret;
}

FIXTURE_SETUP(slow_vf)
{
	unsigned int i;

	ASSERT_EQ(0, start(&self->pf, 0));
	ASSERT_EQ(0, vmm_device_sysfs(self->pf.dev, "sriov_numvfs", "2"));
	for (i = 0; i < VFS; i++) {
		ASSERT_EQ(0, start(&self->vf[i], 1 + i));
		self->fd[i] = fault_open(self->vf[i].dev, 0);
		ASSERT_LE(0, self->fd[i]);
	}
}

FIXTURE_TEARDOWN(slow_vf)
{
	unsigned int i;

	for (i = 0; i < VFS; i++) {
		close(self->fd[i]);
		guest_close(&self->vf[i]);
	}
	EXPECT_EQ(0, vmm_device_sysfs(self->pf.dev, "sriov_numvfs", "0"));
	guest_close(&self->pf);
}

static void invalidate(struct guest *guest)
{
	vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID);
}

TEST_F_TIMEOUT(slow_vf, others_are_left_alone, 120)
{
	struct guest *bad = &self->vf[0], *good = &self->vf[1];
	struct iommu_fault record;

	ASSERT_NE(0, guest_copied(bad, 0));
	svatest_write(bad->dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	invalidate(bad);
	ASSERT_EQ(1, fault_next_event(self->fd[0], &record));
	EXPECT_EQ(IOMMU_FAULT_REASON_DEVICE_OFF, record.event.reason);
	EXPECT_EQ(0, guest_copied(bad, 0));

	EXPECT_FALSE(fault_wait(self->fd[1], 0));
	invalidate(good);
	EXPECT_NE(0, guest_copied(good, 0));
	invalidate(&self->pf);
	EXPECT_NE(0, guest_copied(&self->pf, 0));
}

TEST_HARNESS_MAIN
