// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a device's faults: records out, answers in
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

/* Long enough for any fault on a slow machine */
#define HANG_MS		60000

#define SINKS		"/sys/kernel/debug/iommu-fault/handlers"
#define TIMEOUT		"/sys/module/iommu_fault/parameters/timeout_ms"

int fault_open(const struct vmm_device *dev, uint32_t flags)
{
	struct vfio_nesting_fault_fd request = {
		.argsz = sizeof(request), .flags = flags,
	};

	return vmm_nesting_op(dev->vmm, dev, VFIO_IOMMU_NESTING_OP_GET_FAULT_FD,
			      &request, sizeof(request));
}

int fault_open_guest(struct guest *guest)
{
	int ret = guest_open(guest, 0, 1);

	if (ret)
		return ret;
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = 0;
	*pgtable_entry(&guest->pt, GVA_DST, SIZE_4K) = 0;
	return guest_bind(guest) ?: fault_open(guest->dev,
					       VFIO_NESTING_FAULT_PAGE_REQ);
}

bool fault_wait(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, ms) == 1 && pollfd.revents & POLLIN;
}

int fault_read(int fd, struct iommu_fault *records, unsigned int room)
{
	ssize_t ret = read(fd, records, room * sizeof(*records));

	if (ret < 0)
		return -errno;
	return ret % sizeof(*records) ? -EPROTO : (int)(ret / sizeof(*records));
}

/* The first records of a kind; what is of another kind before them is dropped */
static int next_of(int fd, struct iommu_fault *records, uint32_t type)
{
	unsigned int room = 1;
	int ret;

	for (;;) {
		if (!fault_wait(fd, HANG_MS))
			return -ETIMEDOUT;
		/* Room for one group only, however long it is. */
		ret = fault_read(fd, records, room);
		if (ret == -EINVAL && room < FAULT_ROOM) {
			room++;
			continue;
		}
		if (ret < 0 || records[0].type == type)
			return ret;
		room = 1;
	}
}

int fault_next_group(int fd, struct iommu_fault *records)
{
	return next_of(fd, records, IOMMU_FAULT_PAGE_REQ);
}

int fault_gather(int fd, struct iommu_page_response *responses,
		 unsigned int count, uint32_t code)
{
	struct iommu_fault record;
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		if (!fault_wait(fd, HANG_MS))
			return -ETIMEDOUT;
		ret = fault_read(fd, &record, 1);
		if (ret < 0)
			return ret;
		if (record.type != IOMMU_FAULT_PAGE_REQ)
			return -EPROTO;
		responses[i] = fault_response(&record, code);
	}
	return 0;
}

int fault_next_event(int fd, struct iommu_fault *record)
{
	struct iommu_fault records[FAULT_ROOM];
	int ret = next_of(fd, records, IOMMU_FAULT_DMA_UNRECOV);

	if (ret > 0)
		*record = records[0];
	return ret;
}

struct iommu_page_response fault_response(const struct iommu_fault *last,
					  uint32_t code)
{
	return (struct iommu_page_response) {
		.argsz = sizeof(struct iommu_page_response),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.flags = IOMMU_PAGE_RESP_PASID_VALID |
			 IOMMU_PAGE_RESP_COOKIE_VALID,
		.pasid = last->prm.pasid,
		.grpid = last->prm.grpid,
		.code = code,
		.cookie = last->prm.cookie,
	};
}

int fault_write(int fd, const struct iommu_page_response *responses,
		unsigned int count)
{
	ssize_t ret = write(fd, responses, count * sizeof(*responses));

	return ret < 0 ? -errno : (int)(ret / sizeof(*responses));
}

int fault_answer(int fd, const struct iommu_fault *last, uint32_t code)
{
	struct iommu_page_response response = fault_response(last, code);
	int ret = fault_write(fd, &response, 1);

	return ret == 1 ? 0 : ret;
}

int fault_answer_op(struct vmm *vmm, const struct vmm_device *dev,
		    const struct iommu_page_response *response)
{
	return vmm_nesting_op(vmm, dev, VFIO_IOMMU_NESTING_OP_PAGE_RESP, response,
			      sizeof(*response));
}

static bool parse_counters(const char *line, struct fault_counters *counters)
{
	unsigned long long n[4 + FAULT_ENDS + 2];
	unsigned int i;
	int used;

	/* device, PASID, then numbers */
	if (sscanf(line, "%*s %*d%n", &used) < 0)
		return false;
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		line += used;
		if (sscanf(line, " %llu%n", &n[i], &used) != 1)
			return false;
	}
	counters->waiting = n[0];
	counters->limit = n[1];
	counters->groups = n[2];
	for (i = 0; i < FAULT_ENDS; i++)
		counters->ends[i] = n[4 + i];
	counters->lost = n[4 + FAULT_ENDS + 1];
	return true;
}

int fault_get_counters(const struct vmm_device *dev,
		       struct fault_counters *counters)
{
	FILE *file = fopen(SINKS, "r");
	char line[512];
	int ret = -ENOENT;

	if (!file)
		return -errno;
	while (ret && fgets(line, sizeof(line), file))
		if (!strncmp(line, dev->name, strlen(dev->name)))
			ret = parse_counters(line, counters) ? 0 : -EPROTO;
	fclose(file);
	return ret;
}

bool fault_sums_up(const struct fault_counters *counters)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < FAULT_ENDS; i++)
		sum += counters->ends[i];
	/* Groups that wait have one request at least. */
	return counters->waiting ? sum < counters->groups :
	       sum == counters->groups;
}

unsigned int fault_set_timeout(unsigned int ms)
{
	FILE *file = fopen(TIMEOUT, "r+");
	unsigned int old = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%u", &old) != 1)
		old = 0;
	rewind(file);
	fprintf(file, "%u", ms);
	fclose(file);
	return old;
}
