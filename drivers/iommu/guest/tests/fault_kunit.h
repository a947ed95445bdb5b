/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU faults: an owner for the KUnit tests
 */
#ifndef __IOMMU_FAULT_TEST_H
#define __IOMMU_FAULT_TEST_H

#include "../fault_private.h"
#include "guest_kunit.h"

#define FAULT_OWNER_ROOM	256

/**
 * struct fault_owner - who is told of faults
 * @handler: its registration
 * @room: records it takes
 * @used: records it has
 * @records: what it was told
 */
struct fault_owner {
	struct iommu_fault_handler *handler;
	unsigned int room;
	unsigned int used;
	struct iommu_fault records[FAULT_OWNER_ROOM];
};

extern const struct iommu_fault_handler_ops fault_owner_ops;

struct fault_owner *fault_owner(struct kunit *test);
struct iommu_page_response fault_response(u32 pasid, u32 grpid, u32 code);
int fault_bind(struct mock_guest *mock, unsigned int index, u64 pasid, u64 gpgd);

#endif /* __IOMMU_FAULT_TEST_H */
