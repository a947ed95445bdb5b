/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Driver of the svatest device in user space, for one channel at a time
 *
 * Documentation/misc-devices/svatest.rst is the manual of the device.
 */
#ifndef SVATEST_H
#define SVATEST_H

#include <stdbool.h>
#include <stdint.h>
#include <misc/svatest.h>

#include "vmm.h"

/* PASID argument for requests that carry none */
#define SVATEST_NO_PASID	0xffffffffu

/**
 * struct svatest_result - what became of a command
 * @status: SVATEST_ST_*
 * @detail: SVATEST_DET_*
 * @bytes: bytes done
 * @result: as the manual says for each operation
 */
struct svatest_result {
	unsigned int status;
	uint32_t detail;
	uint64_t bytes;
	uint64_t result;
};

uint32_t svatest_read(const struct vmm_device *dev, uint32_t reg);
void svatest_write(const struct vmm_device *dev, uint32_t reg, uint32_t value);
uint64_t svatest_counter(const struct vmm_device *dev, unsigned int counter);

/* Set a channel up; @flags are SVATEST_CF_*, enabling goes without saying */
void svatest_setup(const struct vmm_device *dev, unsigned int channel,
		   uint32_t pasid, uint32_t flags);

/* One command at once. A device that hangs ends as SVATEST_ST_NONE. */
void svatest_start(const struct vmm_device *dev, unsigned int channel,
		   const struct svatest_desc *desc);
bool svatest_busy(const struct vmm_device *dev, unsigned int channel);
struct svatest_result svatest_wait(const struct vmm_device *dev,
				   unsigned int channel);
struct svatest_result svatest_run(const struct vmm_device *dev,
				  unsigned int channel,
				  const struct svatest_desc *desc);

/* The status of a command of this kind */
unsigned int svatest_copy(const struct vmm_device *dev, unsigned int channel,
			  uint64_t src, uint64_t dst, uint32_t length);
unsigned int svatest_fill(const struct vmm_device *dev, unsigned int channel,
			  uint64_t dst, uint64_t pattern, uint32_t length);
unsigned int svatest_touch(const struct vmm_device *dev, unsigned int channel,
			   uint64_t dst, bool write, uint32_t flags);
void svatest_start_fill(const struct vmm_device *dev, unsigned int channel,
			uint64_t dst, uint64_t pattern, uint32_t length);

/* Raw messages: @count page requests with what SVATEST_PR_* in @aux say */
void svatest_start_requests(const struct vmm_device *dev, unsigned int channel,
			    uint32_t pasid, uint64_t gva, uint32_t count,
			    uint32_t aux);

#endif
