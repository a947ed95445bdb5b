// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scene that most tests start from
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define BINDINGS	"/sys/kernel/debug/iommu-guest/bindings"

uint64_t guest_page(struct vmm *vmm, uint64_t pattern)
{
	uint64_t gpa = vmm_alloc(vmm, SIZE_4K, SIZE_4K);
	uint64_t *page = vmm_ptr(vmm, gpa);
	unsigned int i;

	for (i = 0; i < SIZE_4K / 8; i++)
		page[i] = pattern;
	return gpa;
}

uint64_t guest_peek(const struct vmm *vmm, uint64_t gpa)
{
	return *(volatile uint64_t *)vmm_ptr(vmm, gpa);
}

void guest_make(struct guest *guest)
{
	struct vmm *vmm = &guest->vmm;

	guest->dev = &vmm->devices[0];
	guest->src = guest_page(vmm, 0x5352435352435352ULL);
	guest->dst = guest_page(vmm, 0);
	pgtable_init(&guest->pt, vmm, 4);
	pgtable_map(&guest->pt, GVA_SRC, guest->src, SIZE_4K, PGT_READ_WRITE);
	pgtable_map(&guest->pt, GVA_DST, guest->dst, SIZE_4K, PGT_READ_WRITE);
}

int guest_open(struct guest *guest, unsigned int first, unsigned int ndevices)
{
	return guest_open_small(guest, first, ndevices, VMM_MEMORY_SIZE);
}

int guest_open_small(struct guest *guest, unsigned int first, unsigned int ndevices,
		     uint64_t size)
{
	struct vmm *vmm = &guest->vmm;
	int ret;

	ret = vmm_open_small(vmm, first, ndevices, size);
	if (ret)
		return ret;

	guest_make(guest);
	ret = vmm_pasid_alloc(vmm, GUEST_PASID, GUEST_PASID);
	if (ret == GUEST_PASID)
		return 0;
	printf("# PASID %d: %d\n", GUEST_PASID, ret);
	guest_close(guest);
	return ret < 0 ? ret : -1;
}

void guest_close(struct guest *guest)
{
	vmm_close(&guest->vmm);
}

int guest_bind(struct guest *guest)
{
	return vmm_bind(&guest->vmm, guest->dev, GUEST_PASID, guest->pt.root,
			guest->pt.levels);
}

void guest_map_page(struct guest *guest, uint64_t gva, uint64_t gpa)
{
	pgtable_map(&guest->pt, gva, gpa, SIZE_4K, PGT_READ_WRITE);
}

uint64_t guest_copied(struct guest *guest, unsigned int channel)
{
	*(volatile uint64_t *)vmm_ptr(&guest->vmm, guest->dst) = 0;
	if (svatest_copy(guest->dev, channel, GVA_SRC, GVA_DST,
			 SIZE_4K) != SVATEST_ST_OK)
		return 0;
	return guest_peek(&guest->vmm, guest->dst);
}

static uint64_t seen(struct guest *guest, struct vmm_device *dev, uint64_t src,
		     uint64_t dst, uint32_t pasid, uint32_t flags)
{
	svatest_setup(dev, 0, pasid, flags);
	*(volatile uint64_t *)vmm_ptr(&guest->vmm, guest->dst) = 0;
	if (svatest_copy(dev, 0, src, dst, SIZE_4K) != SVATEST_ST_OK)
		return 0;
	return guest_peek(&guest->vmm, guest->dst);
}

uint64_t guest_seen(struct guest *guest, struct vmm_device *dev, uint32_t pasid,
		    uint32_t flags)
{
	return seen(guest, dev, GVA_SRC, GVA_DST, pasid, flags);
}

uint64_t guest_seen_flat(struct guest *guest, struct vmm_device *dev, uint32_t pasid,
			 uint32_t flags)
{
	return seen(guest, dev, guest->src, guest->dst, pasid, flags);
}

long guest_iommu_pages(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");
	long value, found = -1;
	char key[64];

	/* What each CPU has counted is added up. */
	if (file) {
		fputs("1", file);
		fclose(file);
	}
	file = fopen("/proc/vmstat", "r");
	while (file && fscanf(file, "%63s %ld", key, &value) == 2)
		if (!strcmp(key, "nr_iommu_pages"))
			found = value;
	if (file)
		fclose(file);
	return found;
}

char *guest_bindings(void)
{
	FILE *file = fopen(BINDINGS, "r");
	size_t size = 0, room = 0, got;
	char *text = NULL;

	if (!file)
		goto out_abort;
	/* As long as it is: what is looked for may be in the last line. */
	do {
		if (size + 1 >= room) {
			room = room ? 2 * room : 4096;
			text = realloc(text, room);
			if (!text)
				goto out_abort;
		}
		got = fread(text + size, 1, room - size - 1, file);
		size += got;
	} while (got);
	if (ferror(file) || !size)
		goto out_abort;
	text[size] = 0;
	fclose(file);
	return text;

out_abort:
	perror(BINDINGS);
	abort();
}
