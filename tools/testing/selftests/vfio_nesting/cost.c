// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operation costs, by the counters of the unit behind svatest
 */
#include "cost.h"
#include "svatest.h"

static uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

void cost_begin(const struct vmm_device *dev, struct cost *cost)
{
	cost->descriptors = svatest_counter(dev, SVATEST_CNT_UNIT_DESCRIPTORS);
	cost->waits = svatest_counter(dev, SVATEST_CNT_UNIT_WAITS);
	cost->ticks = ticks();
}

void cost_end(const struct vmm_device *dev, struct cost *cost)
{
	cost->ticks = ticks() - cost->ticks;
	cost->descriptors = svatest_counter(dev, SVATEST_CNT_UNIT_DESCRIPTORS) -
			    cost->descriptors;
	cost->waits = svatest_counter(dev, SVATEST_CNT_UNIT_WAITS) - cost->waits;
}
