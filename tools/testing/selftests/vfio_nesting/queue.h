/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The invalidation queue of the first VT-d unit, as the hardware gets it
 *
 * Functions return 0 or a positive result, or -errno.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "vmm.h"

/**
 * struct queue_use - what the answers to a device cost
 * @responses: page group responses to the device
 * @waits: waits for these, be they of one response or of several
 */
struct queue_use {
	unsigned int responses;
	unsigned int waits;
};

/* Where the next descriptor goes */
int queue_mark(void);

/*
 * What was submitted for @dev since queue_mark() returned @mark, in less than a
 * turn of the queue. Descriptors of others may be in between.
 */
int queue_used(const struct vmm_device *dev, int mark, struct queue_use *use);

#endif
