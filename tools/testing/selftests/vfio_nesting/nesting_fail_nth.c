// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there: each allocation of a call fails once, and each copy
 * from or to the memory of its caller
 *
 * A call is made over and over, with the first of these failing, then with the
 * second, and so on until none is left to fail. Without memory of the kernel a call
 * that may fail says ENOMEM, and one that must not fail does its work. Without that
 * of its caller any call says EFAULT. What has failed leaves all as it was, and
 * works when it is made again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "fail_nth.h"
#include "fault.h"
#include "guest.h"
#include "needs_svatest.h"
#include "pasid_table.h"

#define NEW_PASID	(GUEST_PASID + 1)
#define SPARE_PASID	900
#define OTHER		0x99aabbccddeeff00ULL
#define PAGE_REQ	VFIO_NESTING_FAULT_PAGE_REQ
#define DEBUGFS		"/sys/kernel/debug/"
#define DOMAINS		"/sys/class/iommu/dmar0/intel-iommu/domains_used"

/* More than any call has that can fail */
#define POINTS_MAX	1000

/* Long enough for any fault on a slow machine */
#define HANG_MS		60000

/**
 * struct scene - where the calls are made
 * @guest: two devices of a guest, GUEST_PASID is allocated and not bound
 * @other: another address space, in which GVA_SRC is another page
 * @whole: PASID tables, with @guest.pt and @other at the same PASIDs
 * @fd: file of the first device's faults, -1 if closed
 * @record: the request that waits
 * @far: the next PASID that no device has had a table for
 * @sent: the device has sent a request since it was opened
 * @nth: file that says which allocation or copy of this task is going to fail
 */
struct scene {
	struct guest guest;
	struct pgtable other;
	struct pasid_table whole[2];
	int fd;
	struct iommu_fault record;
	uint32_t far;
	bool sent;
	int nth;
};

/* ------------------------------------------------ what must not change */

#define STATE_SIZE	16384
#define LINES_MAX	16

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*
 * Some words of each line of a file: @count of them behind the first @skipped.
 * What was taken back after a failure may be in another place of a list.
 */
static size_t add_words(char *text, const char *path, unsigned int skipped,
			unsigned int count)
{
	char lines[LINES_MAX][256] = {}, line[512], *word, *rest;
	FILE *file = fopen(path, "r");
	unsigned int i, n = 0;
	size_t len = 0;

	if (!file) {
		perror(path);
		abort();
	}
	while (n < LINES_MAX && fgets(line, sizeof(line), file)) {
		rest = line;
		for (i = 0; i < skipped + count; i++) {
			word = strsep(&rest, "\n ");
			if (!word)
				break;
			if (i >= skipped)
				strcat(strcat(lines[n], word), " ");
		}
		n++;
	}
	fclose(file);
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (i = 0; i < n; i++)
		len += sprintf(text + len, "%s\n", lines[i]);
	return len;
}

static int next_file(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* What is bound, named, handled, waiting, in use; what the devices reach */
static void get_state(struct scene *scene, char *text)
{
	struct guest guest = scene->guest;
	unsigned int i;
	size_t len;

	/* No counters, and no numbers of sets, which are never the same again */
	len = add_words(text, DEBUGFS "iommu-guest/bindings", 0, 6);
	len += add_words(text + len, DEBUGFS "iommu-fault/handlers", 0, 4);
	len += add_words(text + len, DEBUGFS "ioasid/sets", 1, 7);
	len += add_words(text + len, DEBUGFS "ioasid/ids", 1, 4);
	len += add_words(text + len, DOMAINS, 0, 1);
	len += sprintf(text + len, "next file %d\n", next_file());
	for (i = 0; i < guest.vmm.ndevices; i++) {
		guest.dev = &scene->guest.vmm.devices[i];
		if (!guest.dev->regs)
			continue;
		svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
		len += sprintf(text + len, "device %u reads %#llx\n", i,
			       (unsigned long long)guest_copied(&guest, 0));
		svatest_setup(guest.dev, 1, SVATEST_NO_PASID, SVATEST_CF_ATS);
		len += sprintf(text + len, "without PASID %#llx, flat: %u\n",
			       (unsigned long long)guest_copied(&guest, 1),
			       svatest_copy(guest.dev, 1, guest.src, guest.dst,
					    8) == SVATEST_ST_OK);
	}
}

/* ------------------------------------------------------- the calls */

static int alloc_pasid(struct scene *scene)
{
	return vmm_pasid_alloc(&scene->guest.vmm, NEW_PASID, NEW_PASID);
}

static int free_pasid(struct scene *scene)
{
	return vmm_pasid_free(&scene->guest.vmm, NEW_PASID, NEW_PASID);
}

static int get_info(struct scene *scene)
{
	struct iommu_nesting_info info;

	return vmm_nesting_info(&scene->guest.vmm, &info);
}

static int nothing(struct scene *scene)
{
	return 0;
}

static int bind(struct scene *scene)
{
	return guest_bind(&scene->guest);
}

static int bind_all(struct scene *scene)
{
	return vmm_bind(&scene->guest.vmm, NULL, GUEST_PASID,
			scene->guest.pt.root, 4);
}

static int bind_other_to_all(struct scene *scene)
{
	return vmm_bind(&scene->guest.vmm, NULL, GUEST_PASID, scene->other.root,
			4);
}

static int bind_named(struct scene *scene)
{
	struct iommu_gpasid_bind_data data;

	vmm_bind_data(&data, GUEST_PASID, scene->guest.pt.root, 4);
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 777;
	return vmm_nesting_op(&scene->guest.vmm, NULL,
			      VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data, sizeof(data));
}

static int unbind(struct scene *scene)
{
	return vmm_unbind(&scene->guest.vmm, NULL, GUEST_PASID);
}

static int bind_first(struct scene *scene)
{
	return unbind(scene) ?: bind(scene);
}

static int invalidate_page(struct scene *scene)
{
	return vmm_invalidate_addr(&scene->guest.vmm, NULL, GUEST_CACHES,
				   GUEST_PASID, GVA_SRC, SIZE_4K, 3);
}

static int invalidate_pasid(struct scene *scene)
{
	return vmm_invalidate_pasid(&scene->guest.vmm, NULL, GUEST_CACHES,
				    GUEST_PASID);
}

static int invalidate_all(struct scene *scene)
{
	return vmm_invalidate_all(&scene->guest.vmm, NULL,
				  IOMMU_CACHE_INV_TYPE_IOTLB);
}

static int set_rid(struct scene *scene, uint32_t mode, uint64_t gpgd)
{
	return vmm_set_rid(&scene->guest.vmm, scene->guest.dev, mode, gpgd, 4);
}

static int set_table(struct scene *scene)
{
	return set_rid(scene, IOMMU_RID_FIRST_STAGE, scene->guest.pt.root);
}

static int set_other_table(struct scene *scene)
{
	return set_rid(scene, IOMMU_RID_FIRST_STAGE, scene->other.root);
}

static int block(struct scene *scene)
{
	return set_rid(scene, IOMMU_RID_BLOCK, 0);
}

static int pass(struct scene *scene)
{
	return set_rid(scene, IOMMU_RID_PASS, 0);
}

static int invalidate_array(struct scene *scene)
{
	struct iommu_cache_invalidate_info infos[3];
	uint32_t num = 3, i;

	for (i = 0; i < num; i++)
		vmm_addr_info(&infos[i], GUEST_CACHES, GUEST_PASID,
			      GVA_SRC + i * SIZE_4K, SIZE_4K, 1);
	return vmm_invalidate_array(&scene->guest.vmm, NULL, infos, &num);
}

static int invalidate_rid(struct scene *scene)
{
	return vmm_invalidate_pasid(&scene->guest.vmm, NULL, GUEST_CACHES, 0);
}

static int set_whole(struct scene *scene)
{
	return pasid_table_set(&scene->whole[0], NULL);
}

static int set_other_whole(struct scene *scene)
{
	return pasid_table_set(&scene->whole[1], NULL);
}

static int unset_whole(struct scene *scene)
{
	return pasid_table_unset(&scene->guest.vmm, NULL);
}

static int sync_whole(struct scene *scene)
{
	return pasid_table_sync_all(&scene->whole[0], NULL);
}

static int free_bound(struct scene *scene)
{
	return vmm_pasid_free(&scene->guest.vmm, 0, ~0U);
}

static int alloc_and_bind(struct scene *scene)
{
	int ret = vmm_pasid_alloc(&scene->guest.vmm, GUEST_PASID, GUEST_PASID);

	return ret < 0 ? ret : bind_all(scene);
}

/*
 * The whole life of a PASID. Each one is in a page of its own in the device's
 * table, which the driver allocates when it is needed for the first time.
 */
static int come_and_go(struct scene *scene)
{
	struct vmm *vmm = &scene->guest.vmm;
	int pasid, ret, freed;

	scene->far += 64;
	pasid = vmm_pasid_alloc(vmm, scene->far, scene->far);
	if (pasid < 0)
		return pasid;
	ret = vmm_bind(vmm, NULL, pasid, scene->guest.pt.root, 4) ?:
	      vmm_unbind(vmm, NULL, pasid);
	freed = vmm_pasid_free(vmm, pasid, pasid);
	/* Nothing was, as the numbers could not be read. */
	if (freed == -EFAULT)
		vmm_pasid_free(vmm, pasid, pasid);
	return freed ?: ret;
}

/* The device, without what the library does to use it */

static int open_device(struct scene *scene)
{
	int fd = ioctl(scene->guest.dev->group, VFIO_GROUP_GET_DEVICE_FD,
		       scene->guest.dev->name);

	if (fd < 0)
		return -errno;
	scene->guest.dev->fd = fd;
	return 0;
}

static int close_device(struct scene *scene)
{
	vmm_device_close(scene->guest.dev);
	return 0;
}

static int use_device(struct scene *scene)
{
	scene->sent = false;
	return vmm_device_open(scene->guest.dev) ?: bind_all(scene);
}

static int use_device_whole(struct scene *scene)
{
	scene->sent = false;
	return vmm_device_open(scene->guest.dev) ?: set_whole(scene);
}

/* The second group comes and goes */

static int join(struct scene *scene)
{
	struct vmm *vmm = &scene->guest.vmm;

	return ioctl(vmm->devices[1].group, VFIO_GROUP_SET_CONTAINER,
		     &vmm->container) ? -errno : 0;
}

static int leave(struct scene *scene)
{
	struct vmm_device *dev = &scene->guest.vmm.devices[1];

	vmm_device_close(dev);
	return ioctl(dev->group, VFIO_GROUP_UNSET_CONTAINER) ? -errno : 0;
}

/* With its last group, a container loses what it was made to be. */
static int make_empty(struct scene *scene)
{
	struct vmm *vmm = &scene->guest.vmm;
	struct vmm_device *dev = &vmm->devices[0];

	vmm_device_close(&vmm->devices[1]);
	ioctl(vmm->devices[1].group, VFIO_GROUP_UNSET_CONTAINER);
	vmm_device_close(dev);
	if (ioctl(dev->group, VFIO_GROUP_UNSET_CONTAINER) ||
	    ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &vmm->container))
		return -errno;
	return 0;
}

static int set_iommu(struct scene *scene)
{
	return ioctl(scene->guest.vmm.container, VFIO_SET_IOMMU,
		     VFIO_TYPE1_NESTING_IOMMU) ? -errno : 0;
}

/* Faults of the first device */

static int open_faults(struct scene *scene)
{
	int fd = fault_open(scene->guest.dev, PAGE_REQ);

	if (fd < 0)
		return fd;
	scene->fd = fd;
	return 0;
}

static int close_faults(struct scene *scene)
{
	int ret = close(scene->fd) ? -errno : 0;

	scene->fd = -1;
	return ret;
}

static int open_and_close_faults(struct scene *scene)
{
	return bind_all(scene) ?: open_faults(scene) ?: close_faults(scene);
}

/* Only a device that was closed knows nothing of a file of its faults. */
static int forget_faults(struct scene *scene)
{
	close_faults(scene);
	close_device(scene);
	return use_device(scene);
}

/* What a device can do, from the first word to the last */
static int device_info(struct scene *scene)
{
	struct vfio_nesting_device_info info;

	return vmm_device_info(&scene->guest.vmm, scene->guest.dev, &info);
}

static int pasid_info(struct scene *scene)
{
	struct vfio_iommu_type1_info_cap_pasid info;

	return vmm_pasid_info(&scene->guest.vmm, &info);
}

static int drain(struct scene *scene)
{
	return vmm_nesting_op(&scene->guest.vmm, scene->guest.dev,
			      VFIO_IOMMU_NESTING_OP_DRAIN, NULL, 0);
}

static int set_timeout(struct scene *scene)
{
	struct vfio_nesting_fault_timeout req = {
		.argsz = sizeof(req), .timeout_ms = HANG_MS,
	};

	return vmm_nesting_op(&scene->guest.vmm, scene->guest.dev,
			      VFIO_IOMMU_NESTING_OP_FAULT_TIMEOUT, &req,
			      sizeof(req));
}

static int open_faults_with_ends(struct scene *scene)
{
	int fd = fault_open(scene->guest.dev,
			    PAGE_REQ | VFIO_NESTING_FAULT_REQ_END);

	if (fd < 0)
		return fd;
	scene->fd = fd;
	return 0;
}

static int open_ends_and_bind(struct scene *scene)
{
	return open_faults_with_ends(scene) ?: bind_all(scene);
}

static int poll_faults(struct scene *scene)
{
	errno = 0;
	return fault_wait(scene->fd, HANG_MS) ? 0 : errno ? -errno : -ETIMEDOUT;
}

/* A request that waits to be read */
static int send_request(struct scene *scene)
{
	struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL,
		.dst = GVA_DST + SIZE_2M,
		.length = 8,
	};

	if (scene->fd < 0 && open_faults(scene))
		return -EIO;
	if (scene->sent)
		svatest_wait(scene->guest.dev, 1);
	scene->sent = true;
	svatest_setup(scene->guest.dev, 1, GUEST_PASID,
		      SVATEST_CF_ATS | SVATEST_CF_PRI);
	svatest_start(scene->guest.dev, 1, &fill);
	return fault_wait(scene->fd, HANG_MS) ? 0 : -ETIMEDOUT;
}

static int read_request(struct scene *scene)
{
	int ret = fault_read(scene->fd, &scene->record, 1);

	return ret == 1 ? 0 : ret ?: -EIO;
}

/* In two pieces, of which the first one ends within the record */
static int read_in_pieces(struct scene *scene)
{
	uint8_t *record = (uint8_t *)&scene->record;
	struct iovec iov[] = {
		{ record, 20 }, { record + 20, sizeof(scene->record) - 20 },
	};
	ssize_t ret = readv(scene->fd, iov, 2);

	return ret < 0 ? -errno : ret == sizeof(scene->record) ? 0 : -EIO;
}

static int bind_and_send(struct scene *scene)
{
	return bind_all(scene) ?: send_request(scene);
}

static int wait_for_request(struct scene *scene)
{
	return bind_and_send(scene) ?: read_request(scene);
}

static int answer(struct scene *scene)
{
	return fault_answer(scene->fd, &scene->record, IOMMU_PAGE_RESP_INVALID);
}

static int answer_by_operation(struct scene *scene)
{
	struct iommu_page_response resp;

	resp = fault_response(&scene->record, IOMMU_PAGE_RESP_INVALID);
	return fault_answer_op(&scene->guest.vmm, scene->guest.dev, &resp);
}

static int answer_in_pieces(struct scene *scene)
{
	struct iommu_page_response resp;
	struct iovec iov[] = {
		{ &resp, 4 }, { (uint8_t *)&resp + 4, sizeof(resp) - 4 },
	};
	ssize_t ret;

	resp = fault_response(&scene->record, IOMMU_PAGE_RESP_INVALID);
	ret = writev(scene->fd, iov, 2);
	return ret < 0 ? -errno : ret == sizeof(resp) ? 0 : -EIO;
}

static int reset_device(struct scene *scene)
{
	int ret = ioctl(scene->guest.dev->fd, VFIO_DEVICE_RESET);

	/* The request that it had sent is gone. */
	scene->sent = false;
	return ret ? -errno : 0;
}

static int answer_and_send(struct scene *scene)
{
	return answer(scene) ?: send_request(scene);
}

static int free_and_rebind(struct scene *scene)
{
	return alloc_and_bind(scene) ?: send_request(scene);
}

static int open_device_again(struct scene *scene)
{
	close_faults(scene);
	return use_device(scene) ?: send_request(scene);
}

static int open_scene(struct scene *scene)
{
	struct guest *guest = &scene->guest;
	int ret = guest_open(guest, 0, 2);
	const struct pgtable *pt;
	unsigned int i;

	if (ret)
		return ret;
	scene->sent = false;
	pgtable_init(&scene->other, &guest->vmm, 4);
	pgtable_map(&scene->other, GVA_SRC, guest_page(&guest->vmm, OTHER),
		    SIZE_4K, PGT_READ_ONLY);
	pgtable_map(&scene->other, GVA_DST, guest->dst, SIZE_4K,
		    PGT_READ_WRITE);
	for (i = 0; i < 2; i++) {
		pt = i ? &scene->other : &guest->pt;
		pasid_table_init(&scene->whole[i], &guest->vmm, 16);
		pasid_table_map(&scene->whole[i], 0, pt);
		pasid_table_map(&scene->whole[i], GUEST_PASID, pt);
		pasid_table_pass(&scene->whole[i], NEW_PASID);
	}
	return 0;
}

/*
 * Up to the device. When a group is closed, the kernel gives its devices the
 * domain of the host back, and warns if it finds no memory for that.
 */

static int end_faults_first(struct scene *scene)
{
	int ret = close_faults(scene) ?: free_bound(scene);

	if (ret == -EFAULT)
		ret = free_bound(scene);
	return ret ?: close_device(scene);
}

static int end_device_first(struct scene *scene)
{
	/* The PASID ends with the container. */
	return close_device(scene) ?: close_faults(scene);
}

static int begin_again(struct scene *scene)
{
	guest_close(&scene->guest);
	return open_scene(scene) ?: bind_and_send(scene);
}

/* ------------------------------------------------------- the sweeps */

FIXTURE(fail_nth) {
	struct scene scene;
	char before[STATE_SIZE], after[STATE_SIZE];
};

FIXTURE_VARIANT(fail_nth) {
	int (*prepare)(struct scene *scene);
	int (*call)(struct scene *scene);
	int (*undo)(struct scene *scene);
	bool sure;
};

#define MAY_FAIL	false
#define MUST_WORK	true

/* From the container to the binding */
FIXTURE_VARIANT_ADD(fail_nth, set_iommu) {
	make_empty, set_iommu, make_empty, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, second_group) {
	leave, join, leave, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, open_device) {
	close_device, open_device, close_device, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, get_info) {
	nothing, get_info, nothing, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, alloc) {
	nothing, alloc_pasid, free_pasid, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind) {
	nothing, bind, unbind, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind_all) {
	nothing, bind_all, unbind, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind_by_another_name) {
	nothing, bind_named, unbind, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind_that_replaces) {
	bind_all, bind_other_to_all, bind_all, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind_second_device) {
	bind, bind_all, bind_first, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, come_and_go) {
	nothing, come_and_go, nothing, MAY_FAIL };

FIXTURE_VARIANT_ADD(fail_nth, pasid_info) {
	nothing, pasid_info, nothing, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, device_info) {
	nothing, device_info, nothing, MUST_WORK };

/* Accesses without PASID */
FIXTURE_VARIANT_ADD(fail_nth, table) {
	nothing, set_table, pass, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, table_after_block) {
	block, set_table, block, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, table_that_replaces) {
	set_table, set_other_table, set_table, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, table_with_faults_open) {
	open_faults, set_table, pass, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, block) {
	set_table, block, set_table, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, pass) {
	set_table, pass, set_table, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, pass_after_block) {
	block, pass, block, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, invalidate_table) {
	set_table, invalidate_rid, nothing, MUST_WORK };
/* Whole PASID tables */
FIXTURE_VARIANT_ADD(fail_nth, whole_table) {
	nothing, set_whole, unset_whole, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, whole_table_that_replaces) {
	set_whole, set_other_whole, set_whole, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, unset_whole_table) {
	set_whole, unset_whole, set_whole, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, entries_as_they_were) {
	set_whole, sync_whole, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, close_device_with_table) {
	set_whole, close_device, use_device_whole, MUST_WORK };
/* Faults */
FIXTURE_VARIANT_ADD(fail_nth, open_faults_with_ends) {
	bind_all, open_faults_with_ends, forget_faults, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, drain) {
	bind_and_send, drain, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, drain_without_faults) {
	bind_all, drain, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, timeout) {
	bind_and_send, set_timeout, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, poll) {
	bind_and_send, poll_faults, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, read_in_pieces) {
	bind_and_send, read_in_pieces, answer_and_send, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, answer_in_pieces) {
	wait_for_request, answer_in_pieces, wait_for_request, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, reset_with_request_waiting) {
	bind_and_send, reset_device, send_request, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, unbind_with_ends) {
	open_ends_and_bind, unbind, bind_all, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, open_faults) {
	bind_all, open_faults, forget_faults, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, open_faults_again) {
	open_and_close_faults, open_faults, close_faults, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, bind_with_faults_open) {
	open_faults, bind_all, unbind, MAY_FAIL };
FIXTURE_VARIANT_ADD(fail_nth, read) {
	bind_and_send, read_request, answer_and_send, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, answer) {
	wait_for_request, answer, wait_for_request, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, answer_by_operation) {
	wait_for_request, answer_by_operation, wait_for_request, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, close_with_request_waiting) {
	bind_and_send, close_faults, send_request, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, unbind_with_request_waiting) {
	bind_and_send, unbind, bind_and_send, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, free_with_request_waiting) {
	bind_and_send, free_bound, free_and_rebind, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, close_device_with_request_waiting) {
	bind_and_send, close_device, open_device_again, MUST_WORK };

/* The way back */
FIXTURE_VARIANT_ADD(fail_nth, invalidate_page) {
	bind_all, invalidate_page, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, invalidate_pasid) {
	bind_all, invalidate_pasid, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, invalidate_all) {
	bind_all, invalidate_all, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, invalidate_array) {
	bind_all, invalidate_array, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, invalidate_array_with_table) {
	set_whole, invalidate_array, nothing, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, unbind) {
	bind_all, unbind, bind_all, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, free) {
	alloc_pasid, free_pasid, alloc_pasid, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, free_bound) {
	bind_all, free_bound, alloc_and_bind, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, close_device) {
	bind_all, close_device, use_device, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, end_faults_first) {
	bind_and_send, end_faults_first, begin_again, MUST_WORK };
FIXTURE_VARIANT_ADD(fail_nth, end_device_first) {
	bind_and_send, end_device_first, begin_again, MUST_WORK };

FIXTURE_SETUP(fail_nth)
{
	struct scene *scene = &self->scene;

	scene->fd = -1;
	scene->nth = fail_nth_open();
	ASSERT_LE(0, scene->nth);
	ASSERT_EQ(0, open_scene(scene));
	ASSERT_LE(0, variant->prepare(scene));
}

FIXTURE_TEARDOWN(fail_nth)
{
	if (self->scene.fd >= 0)
		close(self->scene.fd);
	guest_close(&self->scene.guest);
	close(self->scene.nth);
}

/* Does the state become this one? Interrupt threads may be late. */
static bool becomes(struct scene *scene, const char *wanted)
{
	static char now[STATE_SIZE];
	unsigned int i;

	for (i = 0; i < HANG_MS / 10; i++) {
		get_state(scene, now);
		if (!strcmp(now, wanted))
			return true;
		usleep(10000);
	}
	printf("# wanted:\n%s# found:\n%s", wanted, now);
	return false;
}

/*
 * The first bind of a device takes the domain id that all its PASIDs share, and
 * that it keeps as long as it is attached to the second stage.
 */
static int take_domain_ids(struct scene *scene)
{
	struct guest *guest = &scene->guest;
	int ret;

	ret = vmm_pasid_alloc(&guest->vmm, SPARE_PASID, SPARE_PASID);
	/* There may be no second stage yet. */
	if (ret != SPARE_PASID)
		return 0;
	ret = vmm_bind(&guest->vmm, NULL, SPARE_PASID, guest->pt.root, 4);
	/* A whole table has taken it already. */
	if (ret == -EBUSY)
		ret = 0;
	return vmm_pasid_free(&guest->vmm, SPARE_PASID, SPARE_PASID) ?: ret;
}

TEST_F_TIMEOUT(fail_nth, sweep, 600)
{
	struct scene *scene = &self->scene;
	unsigned int nth, refused = 0, faults = 0;
	bool again;
	int ret, left;

	ASSERT_EQ(0, take_domain_ids(scene));
	get_state(scene, self->before);
	ASSERT_LE(0, variant->call(scene));
	get_state(scene, self->after);
	ASSERT_LE(0, variant->undo(scene));

	for (nth = 1; nth < POINTS_MAX; nth++) {
		ASSERT_TRUE(becomes(scene, self->before));
		ASSERT_TRUE(fail_nth_arm(scene->nth, nth));
		ret = variant->call(scene);
		left = fail_nth_disarm(scene->nth);
		ASSERT_LE(0, left);
		if (left)
			break;
		/* For what is not there, there may be something else. */
		again = ret == -EFAULT || (!variant->sure && ret < 0);
		if (again) {
			faults += ret == -EFAULT;
			refused += ret != -EFAULT;
			if (ret != -EFAULT)
				EXPECT_EQ(-ENOMEM, ret);
			ASSERT_TRUE(becomes(scene, self->before));
		}
		/* What could not be read of a table is not present until it is. */
		if (again || variant->undo == nothing)
			ret = variant->call(scene);
		ASSERT_LE(0, ret);
		if (again || variant->sure)
			ASSERT_TRUE(becomes(scene, self->after));
		ASSERT_LE(0, variant->undo(scene));
	}
	ASSERT_LE(0, ret);
	EXPECT_TRUE(becomes(scene, self->after));
	EXPECT_EQ(variant->sure, !refused);
	TH_LOG("%u failures, %u calls without memory, %u that could not access it",
	       nth - 1, refused, faults);
}

TEST_HARNESS_MAIN
