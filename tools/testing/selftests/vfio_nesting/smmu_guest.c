// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scene of the tests of an SMMUv3
 */
#include "guest.h"
#include "smmu_guest.h"

static void map(struct smmu_guest *guest, struct smmu_space *space, uint64_t src)
{
	smmu_space_map(space, SMMU_VA_SRC, src, SIZE_4K, 0);
	smmu_space_map(space, SMMU_VA_DST, guest->dst, SIZE_4K, 0);
}

int smmu_guest_open(struct smmu_guest *guest, unsigned int first, unsigned int ndevices)
{
	struct vmm *vmm = &guest->vmm;
	unsigned int i;
	int ret;

	ret = vmm_open(vmm, first, ndevices);
	if (ret)
		return ret;
	for (i = 0; i < ndevices; i++)
		svatest_setup(&vmm->devices[i], 0, SVATEST_NO_PASID, 0);
	guest->dev = &vmm->devices[0];
	guest->src = guest_page(vmm, SMMU_OLD);
	guest->dst = guest_page(vmm, 0);
	guest->page = guest_page(vmm, SMMU_NEW);
	smmu_space_init(&guest->space, vmm, SMMU_ASID, 12, 39);
	map(guest, &guest->space, guest->src);
	smmu_cds_init(&guest->cds, vmm, 0, SMMU_LINEAR);
	smmu_cd_map(&guest->cds, 0, &guest->space);
	return 0;
}

void smmu_guest_close(struct smmu_guest *guest)
{
	vmm_close(&guest->vmm);
}

void smmu_guest_other(struct smmu_guest *guest, struct smmu_space *space,
		      struct smmu_cds *cds, uint16_t asid)
{
	smmu_space_init(space, &guest->vmm, asid, 12, 39);
	map(guest, space, guest->page);
	smmu_cds_init(cds, &guest->vmm, 0, SMMU_LINEAR);
	smmu_cd_map(cds, 0, space);
}

void smmu_guest_remap(struct smmu_guest *guest, uint64_t gpa)
{
	map(guest, &guest->space, gpa);
}

uint64_t smmu_guest_copied(const struct vmm_device *dev, uint64_t from, uint64_t to,
			   uint64_t gpa)
{
	*(volatile uint64_t *)vmm_ptr(dev->vmm, gpa) = 0;
	if (svatest_copy(dev, 0, from, to, 64) != SVATEST_ST_OK)
		return 0;
	return guest_peek(dev->vmm, gpa);
}

uint64_t smmu_guest_seen(struct smmu_guest *guest, const struct vmm_device *dev)
{
	return smmu_guest_copied(dev, SMMU_VA_SRC, SMMU_VA_DST, guest->dst);
}

uint64_t smmu_guest_seen_flat(struct smmu_guest *guest, const struct vmm_device *dev)
{
	return smmu_guest_copied(dev, guest->src, guest->dst, guest->dst);
}
