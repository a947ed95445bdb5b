// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invalidation queue of the first VT-d unit, as the hardware gets it
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "queue.h"

#define QUEUE		"/sys/kernel/debug/iommu/intel/invalidation_queue"
#define LENGTH		256

/* Of the first 64 bits of a descriptor */
#define TYPE(qw0)	((qw0) & 0xf)
#define TYPE_WAIT	5
#define TYPE_RESPONSE	9
#define REQUESTER(qw0)	((uint16_t)((qw0) >> 16))

/* The queue, or just its tail if @qw0 is NULL */
static int queue_read(uint64_t *qw0)
{
	FILE *file = fopen(QUEUE, "r");
	unsigned long long value;
	int tail = -EPROTO, i;
	unsigned int index;

	if (!file)
		return -errno;
	/* A title, the registers, the names of the columns */
	if (fscanf(file, "%*[^\n] Base: %*s Head: %*d Tail: %d %*[^\n]",
		   &tail) != 1 || tail < 0 || tail >= LENGTH)
		tail = -EPROTO;
	for (i = 0; qw0 && tail >= 0 && i < LENGTH; i++) {
		if (fscanf(file, "%u %llx %*[^\n]", &index, &value) != 2 ||
		    index != (unsigned int)i)
			tail = -EPROTO;
		qw0[i] = value;
	}
	fclose(file);
	return tail;
}

int queue_mark(void)
{
	return queue_read(NULL);
}

int queue_used(const struct vmm_device *dev, int mark, struct queue_use *use)
{
	unsigned int bus, slot, function;
	bool response = false;
	uint64_t qw0[LENGTH];
	uint16_t id;
	int tail, i;

	if (sscanf(dev->name, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		return -EINVAL;
	id = bus << 8 | slot << 3 | function;
	tail = queue_read(qw0);
	if (tail < 0)
		return tail;

	*use = (struct queue_use) {};
	for (i = mark; i != tail; i = (i + 1) % LENGTH) {
		/* A wait is right behind what it waits for. */
		if (response && TYPE(qw0[i]) == TYPE_WAIT)
			use->waits++;
		response = TYPE(qw0[i]) == TYPE_RESPONSE &&
			   REQUESTER(qw0[i]) == id;
		use->responses += response;
	}
	return 0;
}
