// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations on page tables of a guest cost where there are many of a kind, and
 * what each of those takes of the memory
 *
 * Never a verdict. Figures are those of nesting_bench.
 */
#include <stdio.h>
#include <string.h>

#include "../kselftest.h"
#include "bench.h"
#include "guest.h"
#include "measure.h"

#define OTHERS		(GUEST_PASID + 1)
#define PASIDS		10000
#define CONTAINERS	32

static struct guest guest, others[CONTAINERS];

static void bind_first(unsigned int n)
{
	must(vmm_bind(&guest.vmm, NULL, GUEST_PASID, guest.pt.root, 4), "bind");
}

static void unbind_first(unsigned int n)
{
	must(vmm_unbind(&guest.vmm, NULL, GUEST_PASID), "unbind");
}

static void invalidate(unsigned int n)
{
	must(vmm_invalidate_addr(&guest.vmm, NULL, GUEST_CACHES, GUEST_PASID, GVA_SRC,
				 SIZE_4K, 1), "invalidate");
}

/* Operations on one PASID of all devices of the first guest */
static void operations(const char *where, unsigned int n, unsigned int devices,
		       unsigned int pasids)
{
	struct measured result;
	char name[32];

	snprintf(name, sizeof(name), "bind, %s", where);
	measure_operation(guest.dev, &result, bind_first, unbind_first, n, 1);
	measure_print(name, "ours", n, devices, pasids, &result);
	snprintf(name, sizeof(name), "unbind, %s", where);
	measure_operation(guest.dev, &result, unbind_first, bind_first, n, 1);
	measure_print(name, "ours", n, devices, pasids, &result);
	bind_first(n);
	snprintf(name, sizeof(name), "range, %s", where);
	measure_operation(guest.dev, &result, invalidate, NULL, n, 1);
	measure_print(name, "ours", n, devices, pasids, &result);
	unbind_first(n);
}

/* What the kernel has for itself: objects, tables of IOMMUs, vmalloc */
static long long memory_used(void)
{
	static const char *const fields[] = { "Slab:", "SecPageTables:", "VmallocUsed:" };
	long long kib, sum = 0;
	char line[128], name[64];
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned int i;

	if (!file)
		bench_die("meminfo");
	while (fgets(line, sizeof(line), file))
		for (i = 0; i < ARRAY_SIZE(fields); i++)
			if (sscanf(line, "%63s %lld", name, &kib) == 2 &&
			    !strcmp(name, fields[i]))
				sum += kib;
	fclose(file);
	return sum * 1024;
}

static void print_memory(const char *what, unsigned int n, long long before)
{
	printf("# bench memory of a %s, of %u: %lld bytes\n", what, n,
	       (memory_used() - before) / n);
}

static void bind_others(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		must(vmm_pasid_alloc(&guest.vmm, OTHERS + i, OTHERS + i), "PASID");
		must(vmm_bind(&guest.vmm, NULL, OTHERS + i, guest.pt.root, 4), "bind");
	}
}

static void pasids(void)
{
	long long before;

	must(guest_open(&guest, 0, 1), "device");
	/* So that what all have in common is there */
	bind_others(1);
	operations("PASIDs", 1, 1, 2);
	must(vmm_pasid_free(&guest.vmm, OTHERS, OTHERS), "free");
	before = memory_used();
	bind_others(PASIDS);
	print_memory("bound PASID", PASIDS, before);
	operations("PASIDs", PASIDS, 1, PASIDS + 1);
	guest_close(&guest);
}

static void devices(unsigned int n)
{
	must(guest_open(&guest, 0, n), "devices");
	operations("devices", n, n, 1);
	guest_close(&guest);
}

/* One device each, which a container must have to be of use; one PASID is bound */
static void containers(void)
{
	long long before;
	unsigned int i;

	must(guest_open(&guest, 0, 1), "device");
	operations("containers", 1, 1, 1);
	before = memory_used();
	for (i = 1; i < CONTAINERS; i++) {
		must(guest_open(&others[i], i, 1), "container");
		must(guest_bind(&others[i]), "bind");
	}
	print_memory("container", CONTAINERS - 1, before);
	operations("containers", CONTAINERS, 1, 1);
	for (i = 1; i < CONTAINERS; i++)
		guest_close(&others[i]);
	guest_close(&guest);
}

int main(void)
{
	printf("TAP version 13\n1..1\n");
	pasids();
	devices(1);
	devices(8);
	devices(VMM_DEVICES_MAX);
	containers();
	printf("ok 1 - measured\n");
	return 0;
}
