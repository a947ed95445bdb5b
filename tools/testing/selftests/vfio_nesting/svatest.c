// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver of the svatest device in user space, for one channel at a time
 */
#include <string.h>
#include <time.h>

#include "svatest.h"

/* Long enough for any command on a slow machine */
#define HANG_SECONDS	60

uint32_t svatest_read(const struct vmm_device *dev, uint32_t reg)
{
	return *(volatile uint32_t *)((volatile uint8_t *)dev->regs + reg);
}

void svatest_write(const struct vmm_device *dev, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)((volatile uint8_t *)dev->regs + reg) = value;
}

static uint64_t read64(const struct vmm_device *dev, uint32_t reg)
{
	uint64_t low = svatest_read(dev, reg);

	return low | (uint64_t)svatest_read(dev, reg + 4) << 32;
}

uint64_t svatest_counter(const struct vmm_device *dev, unsigned int counter)
{
	return read64(dev, SVATEST_R_COUNTER(counter));
}

void svatest_setup(const struct vmm_device *dev, unsigned int channel,
		   uint32_t pasid, uint32_t flags)
{
	uint32_t base = SVATEST_R_CHANNEL(channel);

	svatest_write(dev, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
	svatest_write(dev, base + SVATEST_C_FLAGS, 0);
	svatest_write(dev, base + SVATEST_C_PASID,
		      pasid == SVATEST_NO_PASID ? 0 :
		      SVATEST_CP_VALID | SVATEST_CP_PRIV | SVATEST_CP_EXEC | pasid);
	svatest_write(dev, base + SVATEST_C_RING_SIZE, 0);
	svatest_write(dev, base + SVATEST_C_FLAGS, SVATEST_CF_ENABLE | flags);
}

void svatest_start(const struct vmm_device *dev, unsigned int channel,
		   const struct svatest_desc *desc)
{
	uint32_t bell = SVATEST_R_DOORBELL(channel);
	uint32_t words[sizeof(*desc) / 4];
	unsigned int i;

	memcpy(words, desc, sizeof(words));
	for (i = 0; i < sizeof(words) / 4; i++)
		svatest_write(dev, bell + SVATEST_D_DESC + 4 * i, words[i]);
	svatest_write(dev, bell + SVATEST_D_START, 1);
}

bool svatest_busy(const struct vmm_device *dev, unsigned int channel)
{
	return !(svatest_read(dev, SVATEST_R_DOORBELL(channel) +
			      SVATEST_D_STATUS) & SVATEST_IMM_DONE);
}

struct svatest_result svatest_wait(const struct vmm_device *dev,
				   unsigned int channel)
{
	uint32_t bell = SVATEST_R_DOORBELL(channel);
	struct svatest_result result = { .status = SVATEST_ST_NONE };
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += HANG_SECONDS;
	while (svatest_busy(dev, channel)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return result;
	}

	result.status = SVATEST_IMM_STATUS(svatest_read(dev,
							bell + SVATEST_D_STATUS));
	result.detail = svatest_read(dev, bell + SVATEST_D_DETAIL);
	result.bytes = read64(dev, bell + SVATEST_D_BYTES);
	result.result = read64(dev, bell + SVATEST_D_RESULT);
	return result;
}

struct svatest_result svatest_run(const struct vmm_device *dev,
				  unsigned int channel,
				  const struct svatest_desc *desc)
{
	svatest_start(dev, channel, desc);
	return svatest_wait(dev, channel);
}

unsigned int svatest_copy(const struct vmm_device *dev, unsigned int channel,
			  uint64_t src, uint64_t dst, uint32_t length)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_COPY,
		.src = src,
		.dst = dst,
		.length = length,
	};

	return svatest_run(dev, channel, &desc).status;
}

unsigned int svatest_fill(const struct vmm_device *dev, unsigned int channel,
			  uint64_t dst, uint64_t pattern, uint32_t length)
{
	svatest_start_fill(dev, channel, dst, pattern, length);
	return svatest_wait(dev, channel).status;
}

unsigned int svatest_touch(const struct vmm_device *dev, unsigned int channel,
			   uint64_t dst, bool write, uint32_t flags)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_TOUCH | flags,
		.dst = dst,
		.length = 8,
		.aux = write ? SVATEST_AUX_WRITE : SVATEST_AUX_READ,
		.imm2 = 8,
	};

	return svatest_run(dev, channel, &desc).status;
}

void svatest_start_fill(const struct vmm_device *dev, unsigned int channel,
			uint64_t dst, uint64_t pattern, uint32_t length)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_FILL,
		.dst = dst,
		.length = length,
		.imm = pattern,
	};

	svatest_start(dev, channel, &desc);
}

void svatest_start_requests(const struct vmm_device *dev, unsigned int channel,
			    uint32_t pasid, uint64_t gva, uint32_t count,
			    uint32_t aux)
{
	struct svatest_desc desc = {
		.op_flags = SVATEST_OP_PAGEREQ,
		.pasid = pasid == SVATEST_NO_PASID ? 0 :
			 SVATEST_DP_VALID | pasid,
		.src = gva,
		.length = count,
		.aux = aux,
	};

	svatest_start(dev, channel, &desc);
}
