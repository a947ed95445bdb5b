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
 * struct fault_owner - an owner that faults are reported to
 * @handler: its registration
 * @room: records it takes
 * @used: records it has
 * @ended: records of the end of a group it has, which it does not refuse
 * @records: what was reported
 * @ends: what was ended
 */
struct fault_owner {
	struct iommu_fault_handler *handler;
	unsigned int room;
	unsigned int used;
	unsigned int ended;
	struct iommu_fault records[FAULT_OWNER_ROOM];
	struct iommu_fault ends[FAULT_OWNER_ROOM];
};

extern const struct iommu_fault_handler_ops fault_owner_ops;

struct fault_owner *fault_owner(struct kunit *test);
struct fault_owner *fault_own_device(struct kunit *test, unsigned int index);
struct fault_owner *fault_own_pasid(struct kunit *test, unsigned int index,
				    u32 pasid);
void fault_disown(struct fault_owner *owner);
u64 fault_ended(struct fault_owner *owner, enum iommu_fault_outcome outcome);

int fault_bind(struct mock_guest *mock, unsigned int index, u64 pasid, u64 gpgd);
void fault_bind_same(struct kunit *test, unsigned int index, u64 pasid);
void fault_bind_as(struct kunit *test, unsigned int index, u64 hpasid,
		   u64 gpasid);

void fault_request(struct mock_guest *mock, unsigned int index, u32 pasid,
		   u32 grpid);
struct iommu_page_response fault_response(u32 pasid, u32 grpid, u32 code);
int fault_respond(struct fault_owner *owner, u32 pasid, u32 grpid, u32 code);
int fault_respond_cookie(struct fault_owner *owner, u32 pasid, u32 grpid,
			 u64 cookie);

#endif /* __IOMMU_FAULT_TEST_H */
