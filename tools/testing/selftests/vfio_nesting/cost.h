/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operation costs, by the counters of the unit behind svatest
 */
#ifndef COST_H
#define COST_H

#include <stdint.h>

#include "vmm.h"

/**
 * struct cost - what was used since cost_begin()
 * @descriptors: descriptors of the invalidation queue
 * @waits: times that software waited for them
 * @ticks: of the time stamp counter. With QEMU's -icount shift=0 that is a
 *	nanosecond, and an instruction, each.
 */
struct cost {
	uint64_t descriptors;
	uint64_t waits;
	uint64_t ticks;
};

void cost_begin(const struct vmm_device *dev, struct cost *cost);
void cost_end(const struct vmm_device *dev, struct cost *cost);

#endif
