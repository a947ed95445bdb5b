/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of a device's faults: records out, answers in
 *
 * Functions return 0 or a positive result, or -errno.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "guest.h"
#include "vmm.h"

/* Room for the largest group that a device can send */
#define FAULT_ROOM	512

/* Open; @flags are VFIO_NESTING_FAULT_*. To read waits for a record for ever. */
int fault_open(const struct vmm_device *dev, uint32_t flags);

/*
 * The same with page requests, of a guest that is opened with it: one process,
 * bound, without a page that the device could use
 */
int fault_open_guest(struct guest *guest);

/* Is there a record? Waits @ms milliseconds at most */
bool fault_wait(int fd, int ms);

/* Read records that fit into room for @room of them; the number of them */
int fault_read(int fd, struct iommu_fault *records, unsigned int room);

/* Wait for one group of page requests and read it; the number of its records */
int fault_next_group(int fd, struct iommu_fault *records);

/* Wait for @count groups of one request each and prepare their answers */
int fault_gather(int fd, struct iommu_page_response *responses,
		 unsigned int count, uint32_t code);

/* Wait for the record of one unrecoverable fault */
int fault_next_event(int fd, struct iommu_fault *record);

/* The answer to the group whose last record is @last */
struct iommu_page_response fault_response(const struct iommu_fault *last,
					  uint32_t code);
int fault_write(int fd, const struct iommu_page_response *responses,
		unsigned int count);
int fault_answer(int fd, const struct iommu_fault *last, uint32_t code);

/* Answer by the operation of the container */
int fault_answer_op(struct vmm *vmm, const struct vmm_device *dev,
		    const struct iommu_page_response *response);

/**
 * struct fault_counters - what the kernel has counted for a device
 * @waiting: page requests that wait
 * @limit: page requests that may wait
 * @groups: groups in
 * @ends: groups out, by the columns of debugfs
 * @lost: records of unrecoverable faults that found no room
 */
struct fault_counters {
	uint64_t waiting;
	uint64_t limit;
	uint64_t groups;
	uint64_t ends[11];
	uint64_t lost;
};

enum fault_end {
	FAULT_SUCCESS, FAULT_INVALID, FAULT_FAILURE, FAULT_DEADLINE,
	FAULT_UNBIND, FAULT_CLOSE, FAULT_STOPPED, FAULT_UNNAMED,
	FAULT_OVER_LIMIT, FAULT_NO_ROOM, FAULT_RESET, FAULT_ENDS
};

int fault_get_counters(const struct vmm_device *dev,
		       struct fault_counters *counters);

/* Have as many groups ended as came in, but for those that wait? */
bool fault_sums_up(const struct fault_counters *counters);

/* Time that the kernel gives to answer, until the old one is put back */
unsigned int fault_set_timeout(unsigned int ms);

#endif
