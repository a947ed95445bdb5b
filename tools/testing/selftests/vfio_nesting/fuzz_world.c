// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine of the fuzzer: two containers, three devices, and how a step is done
 *
 * The model is asked for what a step is about, not for what it leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "fault.h"
#include "fuzz.h"
#include "guest.h"

#define MEMORY_SIZE	0x80000ULL
#define HANG_MS		60000
#define MOST_MS		60000

/* ------------------------------------------------------------ begin, end */

static int map_memory(struct vmm *vmm)
{
	void *where = mmap(vmm->memory, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | (vmm->memory ? MAP_FIXED : 0),
			   vmm->memfd, 0);

	if (where == MAP_FAILED)
		return -errno;
	vmm->memory = where;
	return 0;
}

static int set_iommu(struct vmm *vmm)
{
	if (ioctl(vmm->container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU))
		return -errno;
	return vmm_map_dma(vmm, VMM_GPA_BASE, MEMORY_SIZE);
}

/* The owners differ in where their pages are, so an address tells whose it is. */
static void make_tables(struct fuzz_world *w, unsigned int c)
{
	struct pgtable *pt;
	unsigned int t;

	for (t = 0; t < FUZZ_TABLES; t++) {
		pt = &w->tables[c][t];
		pgtable_init(pt, &w->vmm[c], 4);
		w->page[c][t] = guest_page(&w->vmm[c], 0);
		pgtable_map(pt, FUZZ_GVA(c), w->page[c][t], SIZE_4K,
			    PGT_READ_WRITE);
	}
}

/* Of all PASIDs there are, with no entry that is present */
static void make_pasid_table(struct fuzz_world *w, unsigned int c)
{
	unsigned int p;

	pasid_table_init(&w->pasids[c], &w->vmm[c], 20);
	pasid_table_clear(&w->pasids[c], 0);
	for (p = 0; p < FUZZ_PASIDS; p++)
		pasid_table_clear(&w->pasids[c], fuzz_pasid(p));
}

static int open_container(struct fuzz_world *w, unsigned int c)
{
	struct vmm *vmm = &w->vmm[c];

	memset(vmm, 0, sizeof(*vmm));
	vmm->size = MEMORY_SIZE;
	vmm->memfd = memfd_create("guest", MFD_CLOEXEC);
	vmm->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (vmm->memfd < 0 || vmm->container < 0 ||
	    ftruncate(vmm->memfd, MEMORY_SIZE) || map_memory(vmm))
		return -errno;
	make_tables(w, c);
	make_pasid_table(w, c);
	return 0;
}

static int join(struct fuzz_world *w, unsigned int d, unsigned int c)
{
	struct vmm_device *dev = &w->devices[d];

	dev->vmm = &w->vmm[c];
	return ioctl(dev->group, VFIO_GROUP_SET_CONTAINER,
		     &w->vmm[c].container) ? -errno : 0;
}

/* Of a device that is about to come back */
static int open_group_again(const char *name)
{
	unsigned int patience = HANG_MS / 10;
	int group;

	do {
		group = vmm_open_group(name);
		if (group >= 0)
			return group;
		usleep(10000);
	} while (patience--);
	return -ENODEV;
}

static int renew_device(const char *name)
{
	const struct vmm_removal *removal = &vmm_removals[VMM_REMOVALS - 1];
	char text[128];
	int group;

	snprintf(text, sizeof(text), removal->away, name);
	if (system(text))
		return -ENODEV;
	snprintf(text, sizeof(text), removal->back, name);
	if (system(text))
		return -ENODEV;
	group = open_group_again(name);
	return group < 0 ? group : close(group);
}

int fuzz_renew_devices(void)
{
	char name[sizeof(((struct vmm_device *)0)->name)];
	unsigned int d;
	int ret = 0;

	for (d = 0; d < FUZZ_DEVICES && !ret; d++)
		ret = vmm_find_device(d, name, sizeof(name)) ?: renew_device(name);
	return ret;
}

int fuzz_world_open(struct fuzz_world *w, struct fuzz_model *m)
{
	struct vmm_device *dev;
	unsigned int c, d;
	int ret = 0;

	memset(w, 0, sizeof(*w));
	w->holder = -1;
	for (c = 0; c < FUZZ_CONTAINERS && !ret; c++)
		ret = open_container(w, c);
	for (d = 0; d < FUZZ_DEVICES && !ret; d++) {
		dev = &w->devices[d];
		dev->fd = -1;
		w->faults[d] = -1;
		w->dead[d] = -1;
		ret = vmm_find_device(d, dev->name, sizeof(dev->name));
		if (ret)
			break;
		dev->group = vmm_open_group(dev->name);
		ret = dev->group < 0 ? dev->group :
		      join(w, d, m->devices[d].container);
	}
	for (c = 0; c < FUZZ_CONTAINERS && !ret; c++)
		ret = set_iommu(&w->vmm[c]);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In one of several orders; or leave it to the end of the process */
void fuzz_world_close(struct fuzz_world *w, unsigned int how)
{
	unsigned int i, d;

	if (w->holder >= 0)
		kill(w->holder, SIGKILL);
	if (how == 3)
		return;
	for (i = 0; how == 1 && i < FUZZ_CONTAINERS; i++)
		close_fd(&w->vmm[i].container);
	for (i = 0; i < FUZZ_DEVICES; i++) {
		d = how == 2 ? FUZZ_DEVICES - 1 - i : i;
		if (how)
			vmm_device_close(&w->devices[d]);
		close_fd(&w->faults[d]);
		close_fd(&w->dead[d]);
		vmm_device_close(&w->devices[d]);
		close_fd(&w->devices[d].group);
	}
	for (i = 0; i < FUZZ_CONTAINERS; i++)
		close_fd(&w->vmm[i].container);
}

/* ------------------------------------------------------------- the calls */

/* A call as user space hands it in, with or without something wrong in it */
struct call {
	uint8_t bytes[2 * 4096 + 64];
	size_t size;
	size_t payload;		/* where it is */
	uint32_t flags;
};

static void put(struct call *call, const void *data, size_t size)
{
	memcpy(call->bytes + call->size, data, size);
	call->size += size;
}

static void begin_call(struct fuzz_world *w, struct call *call,
		       const struct fuzz_step *step, unsigned int op)
{
	struct vfio_nesting_device device = { .fd = -1 };
	enum fuzz_mutation mutation = fuzz_mutation(step);
	int d = fuzz_device_of(step);

	memset(call, 0, sizeof(*call));
	call->flags = op;
	call->size = sizeof(struct vfio_iommu_type1_nesting_op);
	if (d >= 0)
		device.fd = w->devices[d].fd;
	if (mutation == FUZZ_DEV_BAD)
		device.fd = -1;
	if (mutation == FUZZ_DEV_FILE)
		device.fd = w->vmm[0].memfd;
	if (mutation == FUZZ_DEV_PADDING)
		device.padding = 1;
	if (d >= 0 || mutation == FUZZ_DEV_BAD || mutation == FUZZ_DEV_FILE ||
	    mutation == FUZZ_DEV_PADDING) {
		call->flags |= VFIO_NESTING_FLAG_DEVICE;
		put(call, &device, sizeof(device));
	}
	call->payload = call->size;
}

/* At the end of a page, behind which nothing is, from @inside on */
static void *at_the_edge(const struct call *call, size_t inside)
{
	static __thread uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(pages + 3 * 4096, 4096);
	}
	memcpy(pages + 3 * 4096 - inside, call->bytes, inside);
	return pages + 3 * 4096 - inside;
}

static int make_call(int container, struct call *call,
		     const struct fuzz_step *step)
{
	struct vfio_iommu_type1_nesting_op header = { .flags = call->flags };
	void *uptr = call->bytes;
	int ret;

	header.argsz = call->size;
	switch (fuzz_mutation(step)) {
	case FUZZ_SHORT:
		header.argsz = 4;
		break;
	case FUZZ_FLAG:
		header.flags |= 1U << 31;
		break;
	case FUZZ_NO_OP:
		header.flags |= 0x4000;
		break;
	case FUZZ_LONG:
		header.argsz = call->payload + 4097;
		break;
	case FUZZ_TAIL:
		call->bytes[call->size + 5] = 1;
		header.argsz = call->size + 8;
		break;
	default:
		break;
	}
	memcpy(call->bytes, &header, sizeof(header));
	if (fuzz_mutation(step) == FUZZ_NOWHERE) {
		/* What there is no payload of has a tail that is nowhere. */
		header.argsz += 8;
		memcpy(call->bytes, &header, sizeof(header));
		uptr = at_the_edge(call, call->size == call->payload ?
				   call->size : call->payload);
	}
	ret = ioctl(container, VFIO_IOMMU_NESTING_OP, uptr);
	return ret < 0 ? -errno : ret;
}

static int container_fd(struct fuzz_world *w, const struct fuzz_step *step)
{
	return w->vmm[step->arg[0] % FUZZ_CONTAINERS].container;
}

static int do_pasids(struct fuzz_world *w, const struct fuzz_step *step)
{
	bool alloc = step->op == FUZZ_ALLOC;
	struct vfio_iommu_type1_pasid_request req = {
		.argsz = sizeof(req),
		.flags = alloc ? VFIO_IOMMU_FLAG_ALLOC_PASID :
				 VFIO_IOMMU_FLAG_FREE_PASID,
		.range.min = fuzz_pasid(step->arg[1]),
		.range.max = fuzz_pasid(step->arg[alloc ? 1 : 2]),
	};
	static __thread struct call call;
	void *uptr = call.bytes;
	int ret;

	if (alloc && step->arg[2] % 8 == 7) {
		req.range.min = fuzz_pasid(0);
		req.range.max = fuzz_pasid(7);
	}
	memset(&call, 0, sizeof(call));
	switch (fuzz_mutation(step)) {
	case FUZZ_SHORT:
		req.argsz = 12;
		break;
	case FUZZ_LONG:
		req.argsz = 4097;
		break;
	case FUZZ_TAIL:
		req.argsz = 24;
		call.bytes[20] = 1;
		break;
	case FUZZ_FLAGS:
		req.flags |= step->arg[3] % 2 ? 3 : 1U << 31;
		break;
	case FUZZ_VALUE1:
		req.range.max = alloc ? 0 : req.range.min - 1;
		req.range.min = alloc ? 0 : req.range.min;
		break;
	default:
		break;
	}
	memcpy(call.bytes, &req, sizeof(req));
	if (fuzz_mutation(step) == FUZZ_NOWHERE)
		uptr = at_the_edge(&call, 8);
	ret = ioctl(container_fd(w, step), VFIO_IOMMU_PASID_REQUEST, uptr);
	return ret < 0 ? -errno : ret;
}

static int do_bind(struct fuzz_world *w, const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;
	unsigned int number = step->arg[3] / FUZZ_TABLES % 8;
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct iommu_gpasid_bind_data data;
	static __thread struct call call;

	begin_call(w, &call, step, step->op == FUZZ_BIND ?
		   VFIO_IOMMU_NESTING_OP_BIND_PGTBL :
		   VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL);
	vmm_bind_data(&data, fuzz_pasid(step->arg[2]),
		      w->tables[c][step->arg[3] % FUZZ_TABLES].root, 4);
	if (number < 4) {
		data.flags = IOMMU_SVA_GPASID_VAL;
		data.gpasid = 1000 + number;
	}
	data.argsz -= (mutation == FUZZ_ARGSZ) * 24;
	data.argsz += (mutation == FUZZ_BEYOND) * 8;
	data.version += mutation == FUZZ_VERSION;
	data.flags |= (uint64_t)(mutation == FUZZ_FLAGS) << 63;
	data.padding[7] = mutation == FUZZ_PADDING;
	data.gpgd |= (mutation == FUZZ_VALUE1) << 5;
	if (mutation == FUZZ_VALUE2)
		data.hpasid = 0;
	if (mutation == FUZZ_VALUE3)
		data.hpasid += 1ULL << 32;
	put(&call, &data, sizeof(data));
	return make_call(w->vmm[c].container, &call, step);
}

/* An invalidation; @wrong is what is wrong with it */
static void fill_invalidation(struct iommu_cache_invalidate_info *info,
			      const struct fuzz_step *step, unsigned int number,
			      enum fuzz_mutation wrong)
{
	unsigned int how = step->arg[3] + number;

	*info = (struct iommu_cache_invalidate_info) {
		.argsz = sizeof(*info),
		.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
		.granularity = how % 3,
	};
	if (wrong == FUZZ_VALUE3)
		info->granularity = IOMMU_INV_GRANU_ADDR;
	info->cache = info->granularity == IOMMU_INV_GRANU_DOMAIN ?
		      IOMMU_CACHE_INV_TYPE_IOTLB : GUEST_CACHES;
	if (info->granularity == IOMMU_INV_GRANU_PASID) {
		info->granu.pasid_info.flags = IOMMU_INV_PASID_FLAGS_PASID;
		info->granu.pasid_info.pasid = fuzz_pasid(step->arg[2] + number);
	} else if (info->granularity == IOMMU_INV_GRANU_ADDR) {
		info->granu.addr_info.flags = how / 3 % 4 ?
			IOMMU_INV_ADDR_FLAGS_PASID : 0;
		info->granu.addr_info.pasid = fuzz_pasid(step->arg[2] + number);
		info->granu.addr_info.granule_size = SIZE_4K;
		info->granu.addr_info.nb_granules = 1 + how / 16 % 64;
		info->granu.addr_info.addr = FUZZ_GVA(0) +
			(wrong == FUZZ_VALUE3 ? 8 : 0);
	}
	info->argsz -= (wrong == FUZZ_ARGSZ) * 44;
	info->argsz += (wrong == FUZZ_BEYOND) * 8;
	info->version += wrong == FUZZ_VERSION;
	info->padding[5] = wrong == FUZZ_PADDING;
	if (wrong == FUZZ_VALUE1)
		info->granularity = 7;
	if (wrong == FUZZ_VALUE2)
		info->cache = 0;
	if (wrong == FUZZ_FLAGS && info->granularity)
		info->granu.addr_info.flags |= 1U << 31;
	else if (wrong == FUZZ_FLAGS)
		info->cache |= 1U << 7;
}

static int do_invalidate(struct fuzz_world *w, const struct fuzz_step *step)
{
	struct iommu_cache_invalidate_info info;
	static __thread struct call call;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_CACHE_INVLD);
	fill_invalidation(&info, step, 0, fuzz_mutation(step));
	put(&call, &info, sizeof(info));
	return make_call(container_fd(w, step), &call, step);
}

#define ENTRIES	40

/* Up to the one that is not correct all are carried out, and the call says how many. */
static int do_array(struct fuzz_world *w, const struct fuzz_step *step)
{
	static __thread struct iommu_cache_invalidate_info infos[ENTRIES];
	unsigned int count = 1 + step->arg[3] / 64 % ENTRIES, i;
	unsigned int bad = step->arg[3] / 7 % count;
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct vfio_nesting_invalidate_array req = {
		.argsz = sizeof(req),
		.entry_len = sizeof(infos[0]),
		.entry_num = count,
		.entries = (uintptr_t)infos,
	};
	static __thread struct call call;
	bool one = mutation >= FUZZ_VERSION && mutation != FUZZ_FLAGS;
	int ret;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_CACHE_INVLD_ARRAY);
	for (i = 0; i < count; i++)
		fill_invalidation(&infos[i], step, i,
				  one && i == bad ? mutation : FUZZ_NONE);
	req.argsz -= (mutation == FUZZ_ARGSZ) * 8;
	req.argsz += (mutation == FUZZ_BEYOND) * 8;
	req.flags = mutation == FUZZ_FLAGS;
	put(&call, &req, sizeof(req));
	ret = make_call(container_fd(w, step), &call, step);
	memcpy(&req, call.bytes + call.payload, sizeof(req));
	if (!ret && req.entry_num != count)
		return -EPROTO;
	if (ret == -EINVAL && one && req.entry_num != bad && req.entry_num != count)
		return -EPROTO;
	return ret;
}

static int do_rid(struct fuzz_world *w, const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;
	enum fuzz_mutation mutation = fuzz_mutation(step);
	static __thread struct call call;
	struct iommu_rid_config config;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_SET_RID);
	vmm_rid_config(&config, step->arg[2] % 3,
		       w->tables[c][step->arg[3] % FUZZ_TABLES].root, 4);
	if (mutation == FUZZ_ARGSZ)
		config.argsz = 4;
	config.argsz += (mutation == FUZZ_BEYOND) * 8;
	if (mutation == FUZZ_VALUE1)
		config.mode = 3;
	put(&call, &config, sizeof(config));
	return make_call(w->vmm[c].container, &call, step);
}

static int do_set_table(struct fuzz_world *w, const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct iommu_pasid_table_config config;
	static __thread struct call call;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_SET_PASID_TABLE);
	pasid_table_config(&w->pasids[c], &config);
	config.config = fuzz_table_config(step);
	if (mutation == FUZZ_ARGSZ)
		config.argsz = 8;
	config.argsz += (mutation == FUZZ_BEYOND) * 8;
	config.version += mutation == FUZZ_VERSION;
	config.padding[1] = mutation == FUZZ_PADDING;
	if (mutation == FUZZ_VALUE1)
		config.config = 9;
	put(&call, &config, sizeof(config));
	return make_call(w->vmm[c].container, &call, step);
}

/* DRAIN and UNSET_TABLE */
static int do_bare(struct fuzz_world *w, const struct fuzz_step *step)
{
	static __thread struct call call;

	begin_call(w, &call, step, step->op == FUZZ_DRAIN ?
		   VFIO_IOMMU_NESTING_OP_DRAIN :
		   VFIO_IOMMU_NESTING_OP_UNSET_PASID_TABLE);
	return make_call(container_fd(w, step), &call, step);
}

static int do_info(struct fuzz_world *w, const struct fuzz_step *step)
{
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct vfio_nesting_device_info info = { .argsz = sizeof(info) };
	static __thread struct call call;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_GET_DEVICE_INFO);
	info.argsz -= (mutation == FUZZ_ARGSZ) * 8;
	info.argsz += (mutation == FUZZ_BEYOND) * 8;
	put(&call, &info, sizeof(info));
	return make_call(container_fd(w, step), &call, step);
}

static int do_timeout(struct fuzz_world *w, const struct fuzz_step *step)
{
	static const uint32_t values[] = { 0, MOST_MS, ~0U };
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct vfio_nesting_fault_timeout req = {
		.argsz = sizeof(req),
		.timeout_ms = values[step->arg[2] % 3],
	};
	static __thread struct call call;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT);
	req.argsz -= (mutation == FUZZ_ARGSZ) * 4;
	req.argsz += (mutation == FUZZ_BEYOND) * 8;
	req.flags = (uint32_t)(mutation == FUZZ_FLAGS) << 31;
	put(&call, &req, sizeof(req));
	return make_call(container_fd(w, step), &call, step);
}

/* Bytes of any kind behind a header that is about right */
static int do_garbage(struct fuzz_world *w, const struct fuzz_step *step)
{
	static const uint8_t ops[] = { 0, 1, 2, 3, 4, 6, 7, 8, 11 };
	uint32_t x = step->arg[1] * 0x10001u + 7;
	static __thread struct call call;
	unsigned int i;
	int ret;

	begin_call(w, &call, step, ops[step->arg[2] % sizeof(ops)]);
	for (i = 0; i < 120; i++) {
		x = x * 1664525 + 1013904223;
		call.bytes[call.size++] = x >> 24 | 0x80;
	}
	call.size -= step->arg[3] % 110;
	ret = ioctl(container_fd(w, step), VFIO_IOMMU_PASID_REQUEST,
		    call.bytes + call.payload);
	return ret >= 0 ? ret : make_call(container_fd(w, step), &call, step);
}

/* ------------------------------------------------------------ the faults */

/* The only device that is open in the container */
static int only_device(const struct fuzz_model *m, const struct fuzz_step *step)
{
	int d;

	for (d = 0; d < FUZZ_DEVICES; d++)
		if (m->devices[d].container ==
		    (int)(step->arg[0] % FUZZ_CONTAINERS) &&
		    (m->devices[d].mine || m->devices[d].held))
			return d;
	return -1;
}

static int do_faults_open(struct fuzz_world *w, const struct fuzz_model *m,
			  const struct fuzz_step *step,
			  struct fuzz_result *result)
{
	enum fuzz_mutation mutation = fuzz_mutation(step);
	struct vfio_nesting_fault_fd req = {
		.argsz = sizeof(req),
		.flags = step->arg[2] % 4 ? VFIO_NESTING_FAULT_PAGE_REQ : 0,
	};
	struct fault_counters counters = {};
	static struct call call;
	int ret, d;

	begin_call(w, &call, step, VFIO_IOMMU_NESTING_OP_GET_FAULT_FD);
	if (step->arg[3] % 2)
		req.flags |= VFIO_NESTING_FAULT_REQ_END;
	req.argsz -= (mutation == FUZZ_ARGSZ) * 4;
	req.argsz += (mutation == FUZZ_BEYOND) * 8;
	req.flags |= (uint32_t)(mutation == FUZZ_FLAGS) << 31;
	put(&call, &req, sizeof(req));
	ret = make_call(container_fd(w, step), &call, step);
	if (ret < 0)
		return ret;
	fcntl(ret, F_SETFL, O_NONBLOCK);
	d = fuzz_device_of(step);
	if (d < 0)
		d = only_device(m, step);
	if (d < 0)
		return -EPROTO;
	close_fd(&w->dead[d]);
	w->faults[d] = ret;
	fault_get_counters(&w->devices[d], &counters);
	result->count = counters.limit;
	return 0;
}

/* In as many pieces as @pieces says, of odd sizes */
static int cut(struct iovec *iov, void *buffer, size_t size, bool pieces)
{
	size_t first = pieces && size > 20 ? 20 : size;

	iov[0] = (struct iovec) { buffer, first };
	iov[1] = (struct iovec) { (uint8_t *)buffer + first, size - first };
	return first < size ? 2 : 1;
}

static int do_read(struct fuzz_world *w, const struct fuzz_model *m,
		   const struct fuzz_step *step, struct fuzz_result *result)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	unsigned int room = step->arg[1] % 8 == 7 ? FUZZ_ROOM : step->arg[1] % 8;
	size_t size = room * sizeof(result->records[0]);
	int fd = m->devices[d].file_mine ? w->faults[d] : w->dead[d];
	bool nowhere = step->arg[2] % 8 == 1;
	struct iovec iov[2];
	ssize_t ret;

	if (fd < 0)
		return 0;
	/* What is not written must not be taken for a record. */
	memset(result->records, 0xa5, sizeof(result->records));
	if (nowhere || !room) {
		/* readv() of nothing does not get as far as the file. */
		ret = read(fd, nowhere ? (void *)8 : result->records, size);
	} else {
		/* More room than for whole records is no room for one more. */
		size += step->arg[2] % 8 == 2 && room < FUZZ_ROOM ? 63 : 0;
		ret = readv(fd, iov, cut(iov, result->records, size,
					 step->arg[2] % 2));
	}
	if (ret < 0)
		return -errno;
	if (ret % sizeof(result->records[0]))
		return -EPROTO;
	result->count = ret / sizeof(result->records[0]);
	return result->count;
}

static int do_answer(struct fuzz_world *w, struct fuzz_model *m,
		     const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	int fd = m->devices[d].file_mine ? w->faults[d] : w->dead[d];
	struct fuzz_answer a;
	struct iovec iov[2];
	ssize_t ret;

	if (fd < 0)
		return 0;
	fuzz_get_answer(m, step, &a);
	ret = writev(fd, iov, cut(iov, a.resp, a.size, step->arg[4] % 2));
	return ret < 0 ? -errno : (int)(ret / (a.size / a.count));
}

static int do_answer_op(struct fuzz_world *w, struct fuzz_model *m,
			const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	struct fuzz_answer a;

	if (!m->devices[d].mine)
		return 0;
	fuzz_get_answer(m, step, &a);
	return vmm_nesting_op(w->devices[d].vmm, &w->devices[d],
			      VFIO_IOMMU_NESTING_OP_PAGE_RESP, a.resp, a.size);
}

static int set_timeout(struct vmm_device *dev, uint32_t ms)
{
	struct vfio_nesting_fault_timeout req = {
		.argsz = sizeof(req), .timeout_ms = ms,
	};

	return vmm_nesting_op(dev->vmm, dev, VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT,
			      &req, sizeof(req));
}

static int do_expire(struct fuzz_world *w, const struct fuzz_model *m,
		     const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES, patience = HANG_MS / 5;
	struct fault_counters counters = { .waiting = 1 };

	if (!m->devices[d].mine || !m->devices[d].handler)
		return 0;
	if (set_timeout(&w->devices[d], 1))
		return -EPROTO;
	while (!fault_get_counters(&w->devices[d], &counters) &&
	       counters.waiting && patience--)
		usleep(5000);
	set_timeout(&w->devices[d], 0);
	return counters.waiting ? -ETIMEDOUT : 0;
}

/* --------------------------------------------------------- what devices do */

static int do_ask(struct fuzz_world *w, const struct fuzz_model *m,
		  const struct fuzz_step *step)
{
	struct vmm_device *dev = &w->devices[step->arg[0] % FUZZ_DEVICES];
	struct fuzz_ask ask;
	uint32_t aux;
	int ret;

	fuzz_get_ask(m, step, &ask);
	if (!ask.valid)
		return SVATEST_ST_OK;
	aux = ask.grpid | SVATEST_PR_READ | (ask.last ? SVATEST_PR_LAST : 0) |
	      (ask.distinct ? SVATEST_PR_DISTINCT : 0) |
	      (ask.perm & IOMMU_FAULT_PERM_WRITE ? SVATEST_PR_WRITE : 0);
	svatest_setup(dev, 1, SVATEST_NO_PASID,
		      SVATEST_CF_ATS | SVATEST_CF_PRI | SVATEST_CF_TRUSTED);
	svatest_start_requests(dev, 1, fuzz_pasid(fuzz_pasid_of(m, step)),
			       ask.addr, ask.count, aux);
	ret = svatest_wait(dev, 1).status;
	/* From here on they are in the file, or have an answer. */
	if (vmm_nesting_op(dev->vmm, dev, VFIO_IOMMU_NESTING_OP_DRAIN, NULL, 0))
		return -EPROTO;
	return ret;
}

static int do_dma(struct fuzz_world *w, const struct fuzz_model *m,
		  const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	struct vmm_device *dev = &w->devices[d];

	if (!m->devices[d].mine || m->devices[d].wild)
		return 0;
	svatest_setup(dev, 0, fuzz_pasid(fuzz_pasid_of(m, step)),
		      step->arg[2] % 2 ? SVATEST_CF_ATS : 0);
	return svatest_fill(dev, 0, FUZZ_GVA(m->devices[d].container),
			    m->nonce + 1, 8);
}

static int forget_page(struct fuzz_world *w, unsigned int c, uint32_t gpasid,
		       bool page)
{
	return page ? vmm_invalidate_addr(&w->vmm[c], NULL, GUEST_CACHES, gpasid,
					  FUZZ_GVA(c), SIZE_4K, 1) :
		      vmm_invalidate_pasid(&w->vmm[c], NULL, GUEST_CACHES, gpasid);
}

static int do_edit(struct fuzz_world *w, const struct fuzz_model *m,
		   const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;
	unsigned int t = step->arg[1] % FUZZ_TABLES, p;
	int ret = 0;

	if (!m->containers[c].set)
		return 0;
	*pgtable_entry(&w->tables[c][t], FUZZ_GVA(c), SIZE_4K) =
		m->containers[c].mapped[t] ? 0 : w->page[c][t] | PGT_READ_WRITE;
	for (p = 0; p < FUZZ_PASIDS && !ret; p++) {
		uint32_t gpasid = m->containers[c].pasids[p].gpasid;

		if (gpasid)
			ret = forget_page(w, c, gpasid, step->arg[2] % 2);
		/* In a table of the guest it has this number. */
		if (!ret && gpasid != fuzz_pasid(p))
			ret = forget_page(w, c, fuzz_pasid(p), step->arg[2] % 2);
	}
	return ret;
}

static int do_entry(struct fuzz_world *w, const struct fuzz_model *m,
		    const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;
	unsigned int table = step->arg[3] % (FUZZ_TABLES + 1);
	uint32_t pasid = fuzz_pasid(step->arg[2]);
	const struct vmm_device *dev = NULL;

	if (table)
		pasid_table_map(&w->pasids[c], pasid, &w->tables[c][table - 1]);
	else
		pasid_table_clear(&w->pasids[c], pasid);
	if (!fuzz_can_read(m, step))
		return 0;
	if (fuzz_device_of(step) >= 0)
		dev = &w->devices[fuzz_device_of(step)];
	switch (step->arg[3] / 8 % 4) {
	case 0:
		return 0;
	case 3:
		return vmm_invalidate_all(&w->vmm[c], dev, IOMMU_CACHE_INV_TYPE_PASID);
	default:
		return vmm_invalidate_pasid(&w->vmm[c], dev,
					    IOMMU_CACHE_INV_TYPE_PASID, pasid);
	}
}

/* Where the PCI Express capability is, or 0 */
static unsigned int find_express(const struct vmm_device *dev)
{
	uint8_t pos = 0, cap[2];

	if (pread(dev->fd, &pos, 1, dev->config + PCI_CAPABILITY_LIST) != 1)
		return 0;
	while (pos && pread(dev->fd, cap, 2, dev->config + pos) == 2) {
		if (cap[0] == PCI_CAP_ID_EXP)
			return pos;
		pos = cap[1];
	}
	return 0;
}

static int reset_by_guest(const struct vmm_device *dev)
{
	uint64_t at = dev->config + find_express(dev) + PCI_EXP_DEVCTL;
	uint16_t control;

	if (pread(dev->fd, &control, 2, at) != 2)
		return -errno;
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	return pwrite(dev->fd, &control, 2, at) == 2 ? 0 : -errno;
}

static int do_reset(struct fuzz_world *w, const struct fuzz_model *m,
		    const struct fuzz_step *step)
{
	struct vmm_device *dev = &w->devices[step->arg[0] % FUZZ_DEVICES];

	if (!m->devices[step->arg[0] % FUZZ_DEVICES].mine)
		return 0;
	switch (step->arg[1] % 3) {
	case 0:
		return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
	case 1:
		return reset_by_guest(dev);
	default:
		return vmm_device_sysfs(dev, "reset", "1");
	}
}

static int do_knob(struct fuzz_world *w, const struct fuzz_model *m,
		   const struct fuzz_step *step)
{
	struct vmm_device *dev = &w->devices[step->arg[0] % FUZZ_DEVICES];

	if (!m->devices[step->arg[0] % FUZZ_DEVICES].mine)
		return 0;
	switch (step->arg[1] % 4) {
	case 0:
		svatest_write(dev, SVATEST_K_INV_HOLD, step->arg[2] % 100);
		break;
	case 1:
		svatest_write(dev, SVATEST_K_RESP_DROP, 1 + step->arg[2] % 3);
		break;
	case 2:
		svatest_write(dev, SVATEST_K_INV_DONE, 1);
		break;
	default:
		svatest_write(dev, SVATEST_K_INV_IGNORE, 1 + step->arg[2] % 5);
	}
	return 0;
}

/* ------------------------------------------------- devices and containers */

static int do_open(struct fuzz_world *w, const struct fuzz_model *m,
		   const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;

	if (m->devices[d].mine || m->devices[d].container < 0)
		return 0;
	return vmm_device_open(&w->devices[d]);
}

/* A file of a device that is closed tells nothing any more, but is there. */
static void keep_dead_file(struct fuzz_world *w, const struct fuzz_model *m,
			   unsigned int d)
{
	if (m->devices[d].file_mine) {
		close_fd(&w->dead[d]);
		w->dead[d] = w->faults[d];
		w->faults[d] = -1;
	}
}

static int do_close(struct fuzz_world *w, const struct fuzz_model *m,
		    const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;

	if (!m->devices[d].mine)
		return 0;
	vmm_device_close(&w->devices[d]);
	if (!m->devices[d].held)
		keep_dead_file(w, m, d);
	return 0;
}

static int let_it_go(struct fuzz_world *w, unsigned int d, bool files_first)
{
	if (files_first)
		close_fd(&w->faults[d]);
	vmm_device_close(&w->devices[d]);
	close_fd(&w->faults[d]);
	close_fd(&w->dead[d]);
	return ioctl(w->devices[d].group, VFIO_GROUP_UNSET_CONTAINER) ?
	       -errno : 0;
}

static int do_leave(struct fuzz_world *w, const struct fuzz_model *m,
		    const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;

	if (m->holder || m->devices[d].container < 0)
		return 0;
	if (step->arg[1] % 2 && m->devices[d].mine)
		return ioctl(w->devices[d].group, VFIO_GROUP_UNSET_CONTAINER) ?
		       -errno : 0;
	return let_it_go(w, d, step->arg[2] % 2);
}

/* The administrator takes the device away, from VFIO or from the bus, and gives it back. */
static int do_driver(struct fuzz_world *w, const struct fuzz_model *m,
		     const struct fuzz_step *step)
{
	const struct vmm_removal *removal = &vmm_removals[step->arg[3] % VMM_REMOVALS];
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	struct vmm_device *dev = &w->devices[d];
	int ret, status;
	char text[128];
	pid_t admin;

	if (m->holder || m->devices[d].container < 0)
		return 0;
	snprintf(text, sizeof(text), removal->away, dev->name);
	admin = vfork();
	if (!admin) {
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(1);
	}
	/* It waits for the last close, and so meets it at any point. */
	usleep(step->arg[1] % 20000);
	ret = let_it_go(w, d, step->arg[2] % 2);
	/* It may be through by now, and have taken the group out. */
	if (ret == -EINVAL)
		ret = 0;
	close_fd(&dev->group);
	if (waitpid(admin, &status, 0) != admin || status)
		ret = -ECHILD;
	snprintf(text, sizeof(text), removal->back, dev->name);
	if (!ret && system(text))
		ret = -ENODEV;
	if (!ret)
		dev->group = open_group_again(dev->name);
	return ret;
}

static int do_join(struct fuzz_world *w, const struct fuzz_model *m,
		   const struct fuzz_step *step)
{
	unsigned int d = step->arg[0] % FUZZ_DEVICES;
	unsigned int c = step->arg[1] % FUZZ_CONTAINERS;
	int ret;

	if (m->holder || m->devices[d].container >= 0)
		return 0;
	ret = join(w, d, c);
	if (!ret && !m->containers[c].set)
		ret = set_iommu(&w->vmm[c]);
	return ret;
}

static int do_hold(struct fuzz_world *w, const struct fuzz_model *m)
{
	int fds[2];
	char byte;

	if (m->holder)
		return 0;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	w->holder = fork();
	if (!w->holder) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[0]);
	w->holder_pipe = fds[1];
	return w->holder < 0 ? -errno : 0;
}

static int do_let_go(struct fuzz_world *w, const struct fuzz_model *m,
		     const struct fuzz_step *step)
{
	unsigned int d;

	if (!m->holder)
		return 0;
	for (d = 0; d < FUZZ_DEVICES; d++)
		if (m->devices[d].held && !m->devices[d].mine)
			keep_dead_file(w, m, d);
	if (step->arg[0] % 2)
		kill(w->holder, SIGKILL);
	close(w->holder_pipe);
	waitpid(w->holder, NULL, 0);
	w->holder = -1;
	return 0;
}

/* The memory goes and comes; the kernel holds on to what it has. */
static int do_remap(struct fuzz_world *w, const struct fuzz_step *step)
{
	struct vmm *vmm = &w->vmm[step->arg[0] % FUZZ_CONTAINERS];
	void *away;

	if (step->arg[1] % 2) {
		away = mremap(vmm->memory, MEMORY_SIZE, MEMORY_SIZE,
			      MREMAP_MAYMOVE | MREMAP_FIXED,
			      vmm->memory + (1ULL << 30));
		if (away == MAP_FAILED)
			return -errno;
		munmap(away, MEMORY_SIZE);
	} else {
		munmap(vmm->memory, MEMORY_SIZE);
	}
	return map_memory(vmm);
}

static int do_unmap(struct fuzz_world *w, const struct fuzz_model *m,
		    const struct fuzz_step *step)
{
	unsigned int c = step->arg[0] % FUZZ_CONTAINERS;

	if (!m->containers[c].set)
		return 0;
	return m->containers[c].unmapped ?
	       vmm_map_dma(&w->vmm[c], VMM_GPA_BASE, MEMORY_SIZE) :
	       vmm_unmap_dma(&w->vmm[c], VMM_GPA_BASE, MEMORY_SIZE);
}

static int do_call(struct fuzz_world *w, const struct fuzz_step *step)
{
	unsigned int patience = w->patience;
	int ret;

	switch (step->op) {
	case FUZZ_ALLOC:
	case FUZZ_FREE:
		return do_pasids(w, step);
	case FUZZ_BIND:
		/* The end of an earlier bind may still be told to others. */
		while ((ret = do_bind(w, step)) == -EBUSY && patience--)
			usleep(1000);
		return ret;
	case FUZZ_UNBIND:
		return do_bind(w, step);
	case FUZZ_INVALIDATE:
		return do_invalidate(w, step);
	case FUZZ_INFO:
		return do_info(w, step);
	case FUZZ_DRAIN:
	case FUZZ_UNSET_TABLE:
		return do_bare(w, step);
	case FUZZ_TIMEOUT:
		return do_timeout(w, step);
	case FUZZ_ARRAY:
		return do_array(w, step);
	case FUZZ_RID:
		return do_rid(w, step);
	case FUZZ_SET_TABLE:
		return do_set_table(w, step);
	default:
		return do_garbage(w, step);
	}
}

/* ------------------------------------------------------------ by whom */

static int in_child(struct fuzz_world *w, const struct fuzz_step *step)
{
	int fds[2], ret = -EPIPE;
	pid_t child;

	if (pipe(fds))
		return -errno;
	child = fork();
	if (!child) {
		ret = do_call(w, step);
		_exit(write(fds[1], &ret, sizeof(ret)) != sizeof(ret));
	}
	close(fds[1]);
	if (read(fds[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EPIPE;
	close(fds[0]);
	waitpid(child, NULL, 0);
	return ret;
}

/* Numbers of files that are kept, above all others */
#define KEPT	200

static int take(int pidfd, int fd)
{
	return syscall(__NR_pidfd_getfd, pidfd, fd, 0);
}

/* By numbers of its own, which it got from the one that has the files */
static int by_stranger(struct fuzz_world *w, const struct fuzz_step *step,
		       pid_t owner)
{
	int pidfd = syscall(__NR_pidfd_open, owner, 0), i;

	if (pidfd < 0)
		return -errno;
	w->vmm[0].memfd = take(pidfd, w->vmm[0].memfd);
	for (i = 0; i < FUZZ_CONTAINERS; i++)
		w->vmm[i].container = take(pidfd, w->vmm[i].container);
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (w->devices[i].fd >= 0)
			w->devices[i].fd = take(pidfd, w->devices[i].fd);
	return do_call(w, step);
}

static int passed_on(struct fuzz_world *w, const struct fuzz_step *step)
{
	int fds[2], ret = -EPIPE, out;
	pid_t owner = getpid(), child;

	if (pipe(fds))
		return -errno;
	child = fork();
	if (!child) {
		/* But for this one, it has nothing. */
		out = fcntl(fds[1], F_DUPFD, KEPT);
		syscall(__NR_close_range, 3, KEPT - 1, 0);
		ret = by_stranger(w, step, owner);
		_exit(write(out, &ret, sizeof(ret)) != sizeof(ret));
	}
	close(fds[1]);
	if (read(fds[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EPIPE;
	close(fds[0]);
	waitpid(child, NULL, 0);
	return ret;
}

static int by_whom(struct fuzz_world *w, const struct fuzz_step *step)
{
	switch (step->mode) {
	case FUZZ_CHILD:
		return in_child(w, step);
	case FUZZ_PASSED:
		return passed_on(w, step);
	default:
		return do_call(w, step);
	}
}

void fuzz_world_step(struct fuzz_world *w, struct fuzz_model *m,
		     const struct fuzz_step *step, struct fuzz_result *result)
{
	result->ret = 0;
	result->count = 0;
	w->patience = fuzz_on_table(m, step) ? 0 : 1000;

	switch (step->op) {
	case FUZZ_OPEN:
		result->ret = do_open(w, m, step);
		break;
	case FUZZ_CLOSE:
		result->ret = do_close(w, m, step);
		break;
	case FUZZ_LEAVE:
		result->ret = do_leave(w, m, step);
		break;
	case FUZZ_DRIVER:
		result->ret = do_driver(w, m, step);
		break;
	case FUZZ_JOIN:
		result->ret = do_join(w, m, step);
		break;
	case FUZZ_EDIT:
		result->ret = do_edit(w, m, step);
		break;
	case FUZZ_DMA:
		result->ret = do_dma(w, m, step);
		break;
	case FUZZ_ASK:
		result->ret = do_ask(w, m, step);
		break;
	case FUZZ_FAULTS_OPEN:
		result->ret = do_faults_open(w, m, step, result);
		break;
	case FUZZ_FAULTS_CLOSE:
		close_fd(&w->faults[step->arg[0] % FUZZ_DEVICES]);
		close_fd(&w->dead[step->arg[0] % FUZZ_DEVICES]);
		break;
	case FUZZ_READ:
		result->ret = do_read(w, m, step, result);
		break;
	case FUZZ_ANSWER:
		result->ret = do_answer(w, m, step);
		break;
	case FUZZ_ANSWER_OP:
		result->ret = do_answer_op(w, m, step);
		break;
	case FUZZ_EXPIRE:
		result->ret = do_expire(w, m, step);
		break;
	case FUZZ_RESET:
		result->ret = do_reset(w, m, step);
		break;
	case FUZZ_HOLD:
		result->ret = do_hold(w, m);
		break;
	case FUZZ_LET_GO:
		result->ret = do_let_go(w, m, step);
		break;
	case FUZZ_REMAP:
		result->ret = do_remap(w, step);
		break;
	case FUZZ_UNMAP:
		result->ret = do_unmap(w, m, step);
		break;
	case FUZZ_POWER:
		vmm_device_sysfs(&w->devices[step->arg[0] % FUZZ_DEVICES],
				 "power/control",
				 step->arg[1] % 2 ? "on" : "auto");
		break;
	case FUZZ_KNOB:
		result->ret = do_knob(w, m, step);
		break;
	case FUZZ_MEMORY:
		break;
	case FUZZ_ENTRY:
		result->ret = do_entry(w, m, step);
		break;
	case FUZZ_SET_TABLE:
		/* Memory that is not mapped is no memory of the guest. */
		if (!m->containers[step->arg[0] % FUZZ_CONTAINERS].unmapped)
			result->ret = by_whom(w, step);
		break;
	default:
		result->ret = by_whom(w, step);
	}
}
