/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: the IOMMU in software, for the life of a KUnit test
 */
#ifndef __IOMMU_GUEST_TEST_H
#define __IOMMU_GUEST_TEST_H

#include <kunit/test.h>
#include <linux/compiler_types.h>

#include "mock.h"

/* What the mock has done, and what its devices translate by, in a @test with a @mock */
#define EXPECT_LOG(words) KUNIT_EXPECT_STREQ(test, mock->log, words)
#define EXPECT_STATE(words) KUNIT_EXPECT_STREQ(test, mock_state(mock), words)

/* Calls that each of the devices was told of since it was asked last */
#define EXPECT_CALLS(first, second) do {				\
	KUNIT_EXPECT_EQ(test, first, mock->devs[0].calls);		\
	KUNIT_EXPECT_EQ(test, second, mock->devs[1].calls);		\
	mock->devs[0].calls = 0;					\
	mock->devs[1].calls = 0;					\
} while (0)

int mock_guest_init(struct kunit *test);
void mock_guest_exit(struct kunit *test);

/* Give a device operations of its own: @ops, like those it has, to be changed */
void mock_guest_own_ops(struct mock_guest *mock, unsigned int index,
			struct iommu_guest_ops *ops);

/* The same of the IOMMU, for all devices behind it */
void mock_guest_own_iommu_ops(struct mock_guest *mock, struct iommu_ops *ops);

/* Does debugfs have these words behind the name of a device? */
bool mock_shows(struct kunit *test, unsigned int index, const char *words);

/* Memory of a user of the test's own, or the end of the test */
void __user *mock_user_memory(struct kunit *test, size_t size);

#endif /* __IOMMU_GUEST_TEST_H */
