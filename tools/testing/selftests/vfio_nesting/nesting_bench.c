// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations on page tables of a guest cost, beside those of iommufd
 *
 * The same devices, page tables and caches, one after the other in one run. Never
 * a verdict: descriptors and waits are exact, instructions are if the machine
 * counts them (see cost.h), and microseconds depend on what else the host does.
 *
 * iommufd of this kernel binds a table to a device, not to a PASID, so what is
 * about several PASIDs of a device has no counterpart there. It also has ATS off
 * meanwhile, so its caches are those of the unit alone. Rows with "IOTLB" are ours
 * of just that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "../kselftest.h"
#include "bench.h"
#include "cost.h"
#include "fault.h"
#include "guest.h"
#include "host.h"
#include "measure.h"
#include "pasid_table.h"

#define RANGES_MAX	4096
#define OTHERS		(GUEST_PASID + 1)	/* further PASIDs, as a guest counts */
#define NO_ATS		8	/* the device without ATS */

static struct guest guest;
static const struct vmm_device *meter;	/* has the counters */
static unsigned int ndevices;

static void measure(struct measured *result, void (*operation)(unsigned int n),
		    void (*before)(unsigned int n), unsigned int n,
		    unsigned int syscalls)
{
	measure_operation(meter, result, operation, before, n, syscalls);
}

static void print(const char *what, const char *side, unsigned int n,
		  unsigned int pasids, const struct measured *result)
{
	measure_print(what, side, n, ndevices, pasids, result);
}

/* Ours */

static struct iommu_cache_invalidate_info infos[RANGES_MAX];
static struct pgtable other;
static uint64_t block_pages;

static void unbind_first(unsigned int n)
{
	must(vmm_unbind(&guest.vmm, NULL, GUEST_PASID), "unbind");
}

static void bind_first(unsigned int n)
{
	must(vmm_bind(&guest.vmm, NULL, GUEST_PASID, guest.pt.root, 4), "bind");
}

static void replace(unsigned int n)
{
	must(vmm_bind(&guest.vmm, NULL, GUEST_PASID, other.root, 4), "replace");
}

static void invalidate_calls(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		must(vmm_invalidate(&guest.vmm, NULL, &infos[i]), "invalidate");
}

static void invalidate_array(unsigned int n)
{
	uint32_t num = n;

	must(vmm_invalidate_array(&guest.vmm, NULL, infos, &num), "array");
}

static void invalidate_pasid(unsigned int n)
{
	must(vmm_invalidate_pasid(&guest.vmm, NULL, GUEST_CACHES, GUEST_PASID),
	     "invalidate");
}

static void invalidate_blocks(unsigned int n)
{
	must(vmm_invalidate_addr(&guest.vmm, NULL, GUEST_CACHES, GUEST_PASID, SIZE_4K,
				 SIZE_4K, block_pages), "invalidate");
}

static void free_range(unsigned int n)
{
	must(vmm_pasid_free(&guest.vmm, OTHERS, OTHERS - 1 + n), "free");
}

static void bind_range(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		must(vmm_pasid_alloc(&guest.vmm, OTHERS + i, OTHERS + i), "PASID");
		must(vmm_bind(&guest.vmm, NULL, OTHERS + i, guest.pt.root, 4), "bind");
	}
}

static void unbind_range(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		must(vmm_unbind(&guest.vmm, NULL, OTHERS + i), "unbind");
	free_range(n);
}

static void fill_infos(unsigned int caches)
{
	unsigned int i;

	for (i = 0; i < RANGES_MAX; i++)
		vmm_addr_info(&infos[i], caches, GUEST_PASID,
			      GVA_SRC + 2 * i * SIZE_4K, SIZE_4K, 1);
}

static const unsigned int numbers[] = { 1, 16, 256, 4096 };

/* Operations on one PASID, while @pasids others are bound */
static void ours_single(unsigned int pasids)
{
	struct measured result;

	measure(&result, bind_first, NULL, 1, 1);
	/* All but the first found it bound. */
	unbind_first(1);
	measure(&result, bind_first, unbind_first, 1, 1);
	print("bind", "ours", 1, pasids, &result);
	measure(&result, unbind_first, bind_first, 1, 1);
	print("unbind", "ours", 1, pasids, &result);
	measure(&result, replace, bind_first, 1, 1);
	print("replace", "ours", 1, pasids, &result);
	measure(&result, invalidate_pasid, NULL, 1, 1);
	print("invalidate PASID", "ours", 1, pasids, &result);
	measure(&result, invalidate_calls, NULL, 1, 1);
	print("invalidate range", "ours", 1, pasids, &result);
}

static void ours_ranges(void)
{
	struct measured result;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		measure(&result, invalidate_calls, NULL, numbers[i], numbers[i]);
		print("invalidate, N calls", "ours", numbers[i], 1, &result);
		measure(&result, invalidate_array, NULL, numbers[i], 1);
		print("invalidate, one call", "ours", numbers[i], 1, &result);
	}
	fill_infos(IOMMU_CACHE_INV_TYPE_IOTLB);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		measure(&result, invalidate_calls, NULL, numbers[i], numbers[i]);
		print("IOTLB, N calls", "ours", numbers[i], 1, &result);
		measure(&result, invalidate_array, NULL, numbers[i], 1);
		print("IOTLB, one call", "ours", numbers[i], 1, &result);
	}
	fill_infos(GUEST_CACHES);
	/* From page 1 on, 2^m - 1 pages take m blocks. */
	for (i = 1; i <= 12; i++) {
		block_pages = (1ULL << i) - 1;
		measure(&result, invalidate_blocks, NULL, i, 1);
		print("range of m blocks", "ours", i, 1, &result);
	}
}

static void ours_many(void)
{
	static const unsigned int k[] = { 1, 16, 256, 4096 };
	struct measured result;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(k); i++) {
		if (ndevices > 1 && k[i] > 256)
			break;
		measure(&result, free_range, bind_range, k[i], 1);
		print("unbind k, one call", "ours", k[i], k[i], &result);
		if (k[i] > 256)
			continue;
		measure(&result, unbind_range, bind_range, k[i], k[i] + 1);
		print("unbind k, k calls", "ours", k[i], k[i], &result);
	}
}

static int fault_fd;
static struct iommu_page_response answers[64];

static void gather(unsigned int n)
{
	svatest_start_requests(guest.dev, 0, GUEST_PASID, GVA_SRC, n,
			       SVATEST_PR_READ | SVATEST_PR_LAST |
			       SVATEST_PR_DISTINCT | SVATEST_PR_WAIT);
	must(fault_gather(fault_fd, answers, n, IOMMU_PAGE_RESP_SUCCESS), "requests");
}

static void answer(unsigned int n)
{
	if (fault_write(fault_fd, answers, n) != (int)n)
		bench_die("answers");
	svatest_wait(guest.dev, 0);
}

/* With page requests every unbind drains them. */
static void ours_requests(void)
{
	static const unsigned int n[] = { 1, 16, 64 };
	struct measured result;
	unsigned int i;

	fault_fd = fault_open(guest.dev, VFIO_NESTING_FAULT_PAGE_REQ);
	must(fault_fd, "faults");
	svatest_setup(guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS | SVATEST_CF_PRI |
		      SVATEST_CF_TRUSTED);
	measure(&result, unbind_first, bind_first, 1, 1);
	print("unbind, with drain", "ours", 1, 1, &result);
	bind_first(1);
	for (i = 0; i < ARRAY_SIZE(n); i++) {
		measure(&result, answer, gather, n[i], 1);
		print("page responses", "ours", n[i], 1, &result);
	}
	measure(&result, free_range, bind_range, 256, 1);
	print("unbind k, with drain", "ours", 256, 256, &result);
	close(fault_fd);
}

/* Caches of the unit alone, as iommufd has them */
static void ours_without_ats(void)
{
	struct measured result;

	ndevices = 1;
	must(guest_open(&guest, NO_ATS, 1), "device");
	meter = guest.dev;
	pgtable_init(&other, &guest.vmm, 4);
	measure(&result, bind_first, unbind_first, 1, 1);
	print("bind, no ATS", "ours", 1, 1, &result);
	measure(&result, unbind_first, bind_first, 1, 1);
	print("unbind, no ATS", "ours", 1, 1, &result);
	measure(&result, replace, bind_first, 1, 1);
	print("replace, no ATS", "ours", 1, 1, &result);
	bind_range(1);
	measure(&result, bind_first, unbind_first, 1, 1);
	print("bind, no ATS", "ours", 1, 2, &result);
	measure(&result, unbind_first, bind_first, 1, 1);
	print("unbind, no ATS", "ours", 1, 2, &result);
	guest_close(&guest);
}

/* Whole PASID tables */

static struct pasid_table table;

static void set_table(unsigned int n)
{
	must(pasid_table_set(&table, NULL), "set of a table");
}

static void unset_table(unsigned int n)
{
	must(pasid_table_unset(&guest.vmm, NULL), "unset of a table");
}

static void sync_entry(unsigned int n)
{
	must(pasid_table_sync(&table, NULL, n), "entry");
}

static void sync_all(unsigned int n)
{
	must(pasid_table_sync_all(&table, NULL), "entries");
}

static void change_entry(unsigned int n)
{
	static bool changed;

	changed = !changed;
	pasid_table_map(&table, n, changed ? &other : &guest.pt);
}

static void ours_tables(void)
{
	static const unsigned int entries[] = { 1, 100, 10000 };
	struct measured result;
	unsigned int i, n = 0;

	pasid_table_init(&table, &guest.vmm, 20);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		while (n < entries[i])
			pasid_table_map(&table, ++n, &guest.pt);
		measure(&result, set_table, unset_table, n, 1);
		print("set table of k", "ours", 1, n, &result);
		measure(&result, set_table, NULL, n, 1);
		print("set over set, of k", "ours", 1, n, &result);
		measure(&result, sync_entry, change_entry, 1, 1);
		print("entry that changed", "ours", 1, n, &result);
		measure(&result, sync_entry, NULL, 1, 1);
		print("entry as it was", "ours", 1, n, &result);
		measure(&result, sync_all, NULL, n, 1);
		print("all k entries as were", "ours", 1, n, &result);
		measure(&result, unset_table, set_table, n, 1);
		print("unset table of k", "ours", 1, n, &result);
	}
}

static void ours(unsigned int devices)
{
	static const unsigned int pasids[] = { 1, 2, 100, 10000 };
	unsigned int i;

	ndevices = devices;
	must(guest_open(&guest, 0, devices), "devices");
	meter = guest.dev;
	pgtable_init(&other, &guest.vmm, 4);
	for (i = 0; i < ARRAY_SIZE(pasids); i++) {
		bind_range(pasids[i] - 1);
		ours_single(pasids[i]);
		if (pasids[i] > 1)
			free_range(pasids[i] - 1);
		/* Many devices with many PASIDs say nothing more. */
		if (devices > 1)
			break;
	}
	bind_first(1);
	ours_ranges();
	ours_many();
	if (devices == 1)
		ours_requests();
	unbind_first(1);
	if (devices == 1)
		ours_tables();
	guest_close(&guest);
}

/* Theirs */

static struct host host;
static uint32_t parent, hwpt[2];
static struct iommu_hwpt_vtd_s1_invalidate entries[RANGES_MAX];

static void their_attach(unsigned int which)
{
	unsigned int d;

	for (d = 0; d < ndevices; d++)
		must(host_attach(&host, d, hwpt[which]), "attach");
}

/* What a bind of a table that is not known yet takes */
static void their_bind(unsigned int n)
{
	must(host_alloc_nested(&host, parent, &host.guest.pt, &hwpt[0]), "table");
	their_attach(0);
}

static void destroy(uint32_t id)
{
	struct iommu_destroy request = { .size = sizeof(request), .id = id };

	if (ioctl(host.iommufd, IOMMU_DESTROY, &request))
		bench_die("destroy");
}

static void their_replace(unsigned int n)
{
	must(host_alloc_nested(&host, parent, &other, &hwpt[1]), "table");
	their_attach(1);
	destroy(hwpt[0]);
	hwpt[0] = hwpt[1];
}

static void their_unbind(unsigned int n)
{
	unsigned int d;

	for (d = 0; d < ndevices; d++)
		must(host_detach(&host, d), "detach");
	destroy(hwpt[0]);
}

static void their_rebind(unsigned int n)
{
	their_unbind(n);
	their_bind(n);
}

static void their_invalidate(unsigned int first, unsigned int n)
{
	struct iommu_hwpt_invalidate request = {
		.size = sizeof(request),
		.hwpt_id = hwpt[0],
		.data_uptr = (uintptr_t)&entries[first],
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(entries[0]),
		.entry_num = n,
	};

	if (ioctl(host.iommufd, IOMMU_HWPT_INVALIDATE, &request))
		bench_die("invalidate");
}

static void their_calls(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		their_invalidate(i, 1);
}

static void their_array(unsigned int n)
{
	their_invalidate(0, n);
}

static void theirs(unsigned int devices)
{
	struct measured result;
	unsigned int i;

	ndevices = devices;
	memset(&host, 0, sizeof(host));
	must(host_open(&host, devices), "iommufd");
	meter = host.guest.dev;
	must(host_alloc(&host, IOMMU_HWPT_ALLOC_NEST_PARENT, host.ioas, NULL, &parent),
	     "parent");
	pgtable_init(&other, &host.guest.vmm, 4);

	their_bind(1);
	measure(&result, their_bind, their_unbind, 1, devices + 1);
	print("bind", "iommufd", 1, 1, &result);
	their_unbind(1);
	measure(&result, their_unbind, their_bind, 1, devices + 1);
	print("unbind", "iommufd", 1, 1, &result);
	their_bind(1);
	measure(&result, their_replace, their_rebind, 1, devices + 2);
	print("replace", "iommufd", 1, 1, &result);

	entries[0] = (struct iommu_hwpt_vtd_s1_invalidate) { .npages = UINT64_MAX };
	measure(&result, their_array, NULL, 1, 1);
	print("invalidate PASID", "iommufd", 1, 1, &result);
	for (i = 1; i <= 12; i++) {
		entries[0] = (struct iommu_hwpt_vtd_s1_invalidate) {
			.addr = SIZE_4K, .npages = (1ULL << i) - 1,
		};
		measure(&result, their_array, NULL, 1, 1);
		print("range of m blocks", "iommufd", i, 1, &result);
	}
	for (i = 0; i < RANGES_MAX; i++)
		entries[i] = (struct iommu_hwpt_vtd_s1_invalidate) {
			.addr = GVA_SRC + 2 * i * SIZE_4K, .npages = 1,
		};
	measure(&result, their_calls, NULL, 1, 1);
	print("invalidate range", "iommufd", 1, 1, &result);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		measure(&result, their_calls, NULL, numbers[i], numbers[i]);
		print("invalidate, N calls", "iommufd", numbers[i], 1, &result);
		measure(&result, their_array, NULL, numbers[i], 1);
		print("invalidate, one call", "iommufd", numbers[i], 1, &result);
	}
	host_close(&host);
}

/* For a profiler, which ends it: each operation, again and again */

static void say(const char *what)
{
	int fd = open("/dev/kmsg", O_WRONLY);

	if (fd < 0 || write(fd, what, strlen(what)) < 0)
		bench_die(what);
	close(fd);
}

static void repeat(void)
{
	static const unsigned int rounds = 20000;
	unsigned int i;

	ndevices = 1;
	must(guest_open(&guest, 0, 1), "device");
	pgtable_init(&other, &guest.vmm, 4);
	fill_infos(GUEST_CACHES);
	say("<1>profile: ours\n");
	for (i = 0; i < rounds; i++) {
		bind_first(1);
		invalidate_pasid(1);
		unbind_first(1);
	}
	guest_close(&guest);

	must(host_open(&host, 1), "iommufd");
	must(host_alloc(&host, IOMMU_HWPT_ALLOC_NEST_PARENT, host.ioas, NULL, &parent),
	     "parent");
	entries[0] = (struct iommu_hwpt_vtd_s1_invalidate) { .npages = UINT64_MAX };
	say("<1>profile: iommufd\n");
	for (;;) {
		their_bind(1);
		their_array(1);
		their_unbind(1);
	}
}

int main(int argc, char **argv)
{
	static const unsigned int devices[] = { 1, 2, 8 };
	unsigned int i;

	if (argc > 1 && !strcmp(argv[1], "profile"))
		repeat();

	printf("TAP version 13\n1..1\n");
	fill_infos(GUEST_CACHES);
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		ours(devices[i]);
		theirs(devices[i]);
	}
	ours_without_ats();
	printf("ok 1 - measured\n");
	return 0;
}
