/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: the IOMMU in software, for the life of a KUnit test
 */
#ifndef __IOMMU_GUEST_TEST_H
#define __IOMMU_GUEST_TEST_H

#include <kunit/test.h>

#include "mock.h"

int mock_guest_init(struct kunit *test);
void mock_guest_exit(struct kunit *test);

#endif /* __IOMMU_GUEST_TEST_H */
