// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that was cut off as it did not complete invalidations, and is reset
 *
 * A reset leaves its translation cache empty, so it is let in again, with what is
 * bound. It does not matter who resets it.
 */
#include <unistd.h>
#include <sys/ioctl.h>

#include "../kselftest_harness.h"
#include "fault.h"
#include "guest.h"

FIXTURE(reset) {
	struct guest guest;
};

FIXTURE_SETUP(reset)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	ASSERT_EQ(0, guest_bind(guest));
}

FIXTURE_TEARDOWN(reset)
{
	guest_close(&self->guest);
}

static bool works(struct guest *guest)
{
	svatest_setup(guest->dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	return guest_copied(guest, 0);
}

/* The device has translations in its cache and keeps them, so it is cut off. */
static bool cut_off(struct guest *guest)
{
	if (!works(guest))
		return false;
	svatest_write(guest->dev, SVATEST_K_INV_HOLD, SVATEST_INV_HOLD_EVER);
	vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID);
	return !guest_copied(guest, 0);
}

/* In again, and what it gets from now on reaches it */
static bool is_in_again(struct guest *guest)
{
	uint64_t old = *pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K);
	bool stale;

	if (!works(guest))
		return false;
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	if (vmm_invalidate_pasid(&guest->vmm, NULL, GUEST_CACHES, GUEST_PASID))
		return false;
	stale = guest_copied(guest, 0);
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = old;
	return !stale && works(guest);
}

TEST_F_TIMEOUT(reset, by_vmm, 120)
{
	struct guest *guest = &self->guest;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(cut_off(guest));
		ASSERT_EQ(0, ioctl(guest->dev->fd, VFIO_DEVICE_RESET));
		EXPECT_TRUE(is_in_again(guest));
	}
}

TEST_F_TIMEOUT(reset, by_administrator, 120)
{
	ASSERT_TRUE(cut_off(&self->guest));
	ASSERT_EQ(0, vmm_device_sysfs(self->guest.dev, "reset", "1"));
	EXPECT_TRUE(is_in_again(&self->guest));
}

TEST_F_TIMEOUT(reset, by_close_and_open, 120)
{
	struct guest *guest = &self->guest;

	ASSERT_TRUE(cut_off(guest));
	vmm_device_close(guest->dev);
	ASSERT_EQ(0, vmm_device_open(guest->dev));
	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_TRUE(is_in_again(guest));
}

/* A device that is well stays as it is. */
TEST_F_TIMEOUT(reset, of_a_device_that_is_well, 120)
{
	ASSERT_TRUE(works(&self->guest));
	ASSERT_EQ(0, ioctl(self->guest.dev->fd, VFIO_DEVICE_RESET));
	EXPECT_TRUE(is_in_again(&self->guest));
	EXPECT_TRUE(cut_off(&self->guest));
}

TEST_HARNESS_MAIN
