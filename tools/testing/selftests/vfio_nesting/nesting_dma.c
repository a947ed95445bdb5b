// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA through a page table of the guest, nested on the mappings of a container
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "guest.h"
#include "needs_svatest.h"

#define PATTERN		0x1122334455667788ULL
#define OTHER		0x99aabbccddeeff00ULL

/* Each page size, with and without the device's own translation cache */
FIXTURE(page) {
	struct guest guest;
	uint64_t gpa;
};

FIXTURE_VARIANT(page) {
	unsigned int levels;
	uint64_t size;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(page, size_4k) { 4, SIZE_4K, 0 };
FIXTURE_VARIANT_ADD(page, size_2m) { 4, SIZE_2M, 0 };
FIXTURE_VARIANT_ADD(page, size_1g) { 4, SIZE_1G, 0 };
FIXTURE_VARIANT_ADD(page, size_4k_ats) { 4, SIZE_4K, SVATEST_CF_ATS };
FIXTURE_VARIANT_ADD(page, size_2m_ats) { 4, SIZE_2M, SVATEST_CF_ATS };
FIXTURE_VARIANT_ADD(page, size_1g_ats) { 4, SIZE_1G, SVATEST_CF_ATS };
FIXTURE_VARIANT_ADD(page, size_4k_5_levels) { 5, SIZE_4K, 0 };
FIXTURE_VARIANT_ADD(page, size_2m_5_levels) { 5, SIZE_2M, 0 };
FIXTURE_VARIANT_ADD(page, size_1g_5_levels) { 5, SIZE_1G, 0 };
FIXTURE_VARIANT_ADD(page, size_4k_5_levels_ats) { 5, SIZE_4K, SVATEST_CF_ATS };

/* Beyond what 4 levels reach, if there are 5 */
static uint64_t page_gva(unsigned int levels)
{
	return levels == 5 ? 0x00ab7e4000000000ULL : 0x00007e4000000000ULL;
}

FIXTURE_SETUP(page)
{
	struct guest *guest = &self->guest;
	uint64_t gva = page_gva(variant->levels);

	ASSERT_EQ(0, guest_open(guest, 0, 1));
	if (variant->levels == 5)
		pgtable_init(&guest->pt, &guest->vmm, 5);

	/* A page of 1 GiB begins where the guest's memory begins. */
	self->gpa = variant->size == SIZE_1G ? VMM_GPA_BASE :
		    vmm_alloc(&guest->vmm, variant->size, variant->size);
	pgtable_map(&guest->pt, gva, self->gpa, variant->size, PGT_READ_WRITE);
	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 0, GUEST_PASID, variant->flags);
}

FIXTURE_TEARDOWN(page)
{
	guest_close(&self->guest);
}

/* Offsets in memory that is in use for nothing else */
static uint64_t spare(struct guest *guest, uint64_t page_gpa, uint64_t size)
{
	return size == SIZE_1G ?
	       vmm_alloc(&guest->vmm, SIZE_4K, SIZE_4K) - page_gpa : size / 2;
}

TEST_F(page, written_and_read)
{
	struct guest *guest = &self->guest;
	uint64_t gva = page_gva(variant->levels);
	uint64_t from = spare(guest, self->gpa, variant->size);
	uint64_t to = variant->size == SIZE_1G ?
		      spare(guest, self->gpa, variant->size) : from + 1024;

	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, gva + from, PATTERN, 512));
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, self->gpa + from));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 0, gva + from, gva + to, 512));
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, self->gpa + to + 504));
}

TEST_F(page, read_only)
{
	struct guest *guest = &self->guest;
	uint64_t gva = page_gva(variant->levels);
	uint64_t offset = spare(guest, self->gpa, variant->size);
	uint64_t *word = vmm_ptr(&guest->vmm, self->gpa + offset);

	*pgtable_entry(&guest->pt, gva, variant->size) &= ~PGT_WRITE;
	*word = OTHER;
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, gva + offset, PATTERN, 8));
	EXPECT_EQ(OTHER, *word);

	/* Reading is fine; the copy goes to a page that can be written. */
	pgtable_map(&guest->pt, gva + SIZE_1G, guest->dst, SIZE_4K,
		    PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 0, gva + offset, gva + SIZE_1G, 8));
	EXPECT_EQ(OTHER, guest_peek(&guest->vmm, guest->dst));
}

TEST_F(page, not_present)
{
	struct guest *guest = &self->guest;
	uint64_t gva = page_gva(variant->levels);

	*pgtable_entry(&guest->pt, gva, variant->size) = 0;
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, gva, PATTERN, 8));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 0, gva, gva + 512, 8));

	/* What was not there is not cached. */
	pgtable_map(&guest->pt, gva, self->gpa, variant->size, PGT_READ_WRITE);
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 0, gva, gva, 8));
}

TEST_F(page, accessed_and_dirty)
{
	struct guest *guest = &self->guest;
	uint64_t gva = page_gva(variant->levels);
	uint64_t offset = spare(guest, self->gpa, variant->size);
	volatile uint64_t *entry;

	entry = pgtable_entry(&guest->pt, gva, variant->size);
	EXPECT_EQ(0, *entry & (PGT_ACCESSED | PGT_DIRTY));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_fill(guest->dev, 0, gva + offset, PATTERN, 8));
	EXPECT_EQ(PGT_ACCESSED | PGT_DIRTY,
		  *entry & (PGT_ACCESSED | PGT_DIRTY));
}

/* One process of the guest on one device */
FIXTURE(process) {
	struct guest guest;
};

FIXTURE_VARIANT(process) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(process, untranslated) { 0 };
FIXTURE_VARIANT_ADD(process, ats) { SVATEST_CF_ATS };

FIXTURE_SETUP(process)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 1));
	svatest_setup(self->guest.dev, 0, GUEST_PASID, variant->flags);
}

FIXTURE_TEARDOWN(process)
{
	guest_close(&self->guest);
}

TEST_F(process, nothing_before_bind)
{
	struct guest *guest = &self->guest;

	EXPECT_EQ(0, guest_copied(guest, 0));
	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src), guest_copied(guest, 0));
}

TEST_F(process, many_pages_in_one_command)
{
	struct guest *guest = &self->guest;
	uint64_t src[16], dst[16];
	unsigned int i;

	/* Guest-physical addresses go down where virtual ones go up. */
	for (i = 16; i-- > 0;) {
		src[i] = guest_page(&guest->vmm, PATTERN + i);
		dst[i] = guest_page(&guest->vmm, 0);
		pgtable_map(&guest->pt, GVA_SRC + i * SIZE_4K, src[i], SIZE_4K,
			    PGT_READ_ONLY);
		pgtable_map(&guest->pt, GVA_DST + i * SIZE_4K, dst[i], SIZE_4K,
			    PGT_READ_WRITE);
	}
	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 0, GVA_SRC, GVA_DST, 16 * SIZE_4K));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(0, memcmp(vmm_ptr(&guest->vmm, src[i]),
				    vmm_ptr(&guest->vmm, dst[i]), SIZE_4K));
}

TEST_F(process, supervisor_page)
{
	struct guest *guest = &self->guest;
	struct iommu_gpasid_bind_data data;
	struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL | SVATEST_F_PRIV,
		.dst = GVA_DST, .length = 8, .imm = PATTERN,
	};

	pgtable_map(&guest->pt, GVA_DST, guest->dst, SIZE_4K,
		    PGT_PRESENT | PGT_WRITE);
	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_NE(SVATEST_ST_OK, svatest_run(guest->dev, 0, &fill).status);
	EXPECT_EQ(0, guest_peek(&guest->vmm, guest->dst));

	/* With SRE privileged requests may, the others still may not. */
	vmm_bind_data(&data, GUEST_PASID, guest->pt.root, 4);
	data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE;
	ASSERT_EQ(0, vmm_nesting_op(&guest->vmm, guest->dev,
				    VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data,
				    sizeof(data)));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, OTHER, 8));
	EXPECT_EQ(0, guest_peek(&guest->vmm, guest->dst));
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(guest->dev, 0, &fill).status);
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, guest->dst));
}

TEST_F(process, write_protection)
{
	struct guest *guest = &self->guest;
	struct iommu_gpasid_bind_data data;
	struct svatest_desc fill = {
		.op_flags = SVATEST_OP_FILL | SVATEST_F_PRIV,
		.dst = GVA_DST, .length = 8, .imm = PATTERN,
	};

	pgtable_map(&guest->pt, GVA_DST, guest->dst, SIZE_4K, PGT_READ_ONLY);
	vmm_bind_data(&data, GUEST_PASID, guest->pt.root, 4);
	data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE |
				IOMMU_SVA_VTD_GPASID_WPE;
	ASSERT_EQ(0, vmm_nesting_op(&guest->vmm, guest->dev,
				    VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data,
				    sizeof(data)));
	EXPECT_NE(SVATEST_ST_OK, svatest_run(guest->dev, 0, &fill).status);
	EXPECT_EQ(0, guest_peek(&guest->vmm, guest->dst));

	/* Without WPE the supervisor writes where it likes, as on a CPU. */
	data.vendor.vtd.flags = IOMMU_SVA_VTD_GPASID_SRE;
	ASSERT_EQ(0, vmm_nesting_op(&guest->vmm, guest->dev,
				    VFIO_IOMMU_NESTING_OP_BIND_PGTBL, &data,
				    sizeof(data)));
	EXPECT_EQ(SVATEST_ST_OK, svatest_run(guest->dev, 0, &fill).status);
	EXPECT_EQ(PATTERN, guest_peek(&guest->vmm, guest->dst));
}

TEST_F(process, guest_physical_outside_the_container)
{
	struct guest *guest = &self->guest;

	/* Memory of the host: if this worked, the byte would change. */
	pgtable_map(&guest->pt, GVA_DST, VMM_GPA_BASE - SIZE_4K, SIZE_4K,
		    PGT_READ_WRITE);
	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));

	/* The same for a table that lies there. */
	*pgtable_entry(&guest->pt, GVA_DST, SIZE_1G) =
		(VMM_GPA_BASE + VMM_MEMORY_SIZE) | PGT_READ_WRITE;
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
}

TEST_F(process, requests_without_pasid_see_guest_physical)
{
	struct guest *guest = &self->guest;

	ASSERT_EQ(0, guest_bind(guest));
	svatest_setup(guest->dev, 1, SVATEST_NO_PASID, variant->flags);
	EXPECT_EQ(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 1, guest->src, guest->dst, SIZE_4K));
	EXPECT_EQ(guest_peek(&guest->vmm, guest->src),
		  guest_peek(&guest->vmm, guest->dst));
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 1, GVA_SRC, GVA_DST, SIZE_4K));
}

/* Another address space, in which there is nothing but a page to write */
static uint64_t make_other(struct vmm *vmm, struct pgtable *other)
{
	uint64_t page = guest_page(vmm, 0);

	pgtable_init(other, vmm, 4);
	pgtable_map(other, GVA_DST, page, SIZE_4K, PGT_READ_WRITE);
	return page;
}

TEST_F(process, two_pasids_with_the_same_address)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	struct pgtable other;
	uint64_t page = make_other(vmm, &other);

	ASSERT_EQ(GUEST_PASID + 1,
		  vmm_pasid_alloc(vmm, GUEST_PASID + 1, GUEST_PASID + 1));
	ASSERT_EQ(0, guest_bind(guest));
	ASSERT_EQ(0, vmm_bind(vmm, guest->dev, GUEST_PASID + 1, other.root, 4));
	svatest_setup(guest->dev, 1, GUEST_PASID + 1, variant->flags);

	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(0, guest_peek(vmm, page));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 1, GVA_DST, OTHER, 8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, guest->dst));
	EXPECT_EQ(OTHER, guest_peek(vmm, page));

	/* What one process has is not there for the other. */
	EXPECT_NE(SVATEST_ST_OK,
		  svatest_copy(guest->dev, 1, GVA_SRC, GVA_DST, 8));
	EXPECT_EQ(OTHER, guest_peek(vmm, page));
}

TEST_F(process, guest_pasid_of_another_number)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	struct iommu_gpasid_bind_data data;
	uint64_t page = guest_page(vmm, PATTERN);

	vmm_bind_data(&data, GUEST_PASID, guest->pt.root, 4);
	data.flags = IOMMU_SVA_GPASID_VAL;
	data.gpasid = 777;
	ASSERT_EQ(0, vmm_nesting_op(vmm, guest->dev, VFIO_IOMMU_NESTING_OP_BIND_PGTBL,
				    &data, sizeof(data)));
	EXPECT_EQ(guest_peek(vmm, guest->src), guest_copied(guest, 0));

	/* The guest invalidates by its own number. */
	*pgtable_entry(&guest->pt, GVA_SRC, SIZE_4K) = page | PGT_READ_WRITE;
	EXPECT_EQ(guest_peek(vmm, guest->src), guest_copied(guest, 0));
	EXPECT_EQ(0, vmm_invalidate_pasid(vmm, NULL, GUEST_CACHES, 777));
	EXPECT_EQ(PATTERN, guest_copied(guest, 0));
}

/* Two devices of one guest */
FIXTURE(devices) {
	struct guest guest;
	struct vmm_device *second;
};

FIXTURE_SETUP(devices)
{
	ASSERT_EQ(0, guest_open(&self->guest, 0, 2));
	self->second = &self->guest.vmm.devices[1];
	svatest_setup(self->guest.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	svatest_setup(self->second, 0, GUEST_PASID, SVATEST_CF_ATS);
}

FIXTURE_TEARDOWN(devices)
{
	guest_close(&self->guest);
}

TEST_F(devices, bound_together)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;

	ASSERT_EQ(0, vmm_bind(vmm, NULL, GUEST_PASID, guest->pt.root, 4));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, guest->dst));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->second, 0, GVA_DST, OTHER, 8));
	EXPECT_EQ(OTHER, guest_peek(vmm, guest->dst));

	EXPECT_EQ(0, vmm_unbind(vmm, NULL, GUEST_PASID));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(self->second, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(OTHER, guest_peek(vmm, guest->dst));
}

TEST_F(devices, same_pasid_with_a_table_each)
{
	struct guest *guest = &self->guest;
	struct vmm *vmm = &guest->vmm;
	struct pgtable other;
	uint64_t page = make_other(vmm, &other);

	ASSERT_EQ(0, guest_bind(guest));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(self->second, 0, GVA_DST, OTHER, 8));
	ASSERT_EQ(0, vmm_bind(vmm, self->second, GUEST_PASID, other.root, 4));

	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->second, 0, GVA_DST, OTHER, 8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, guest->dst));
	EXPECT_EQ(OTHER, guest_peek(vmm, page));

	/* An unbind of one leaves the other alone. */
	EXPECT_EQ(0, vmm_unbind(vmm, guest->dev, GUEST_PASID));
	EXPECT_NE(SVATEST_ST_OK, svatest_fill(guest->dev, 0, GVA_DST, OTHER, 8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, guest->dst));
	EXPECT_EQ(SVATEST_ST_OK, svatest_fill(self->second, 0, GVA_DST, PATTERN, 8));
	EXPECT_EQ(PATTERN, guest_peek(vmm, page));
}

TEST(two_guests_with_the_same_pasid)
{
	struct guest first, second;

	ASSERT_EQ(0, guest_open(&first, 0, 1));
	ASSERT_EQ(0, guest_open(&second, 1, 1));
	*(uint64_t *)vmm_ptr(&second.vmm, second.src) = OTHER;
	ASSERT_EQ(0, guest_bind(&first));
	ASSERT_EQ(0, guest_bind(&second));
	svatest_setup(first.dev, 0, GUEST_PASID, SVATEST_CF_ATS);
	svatest_setup(second.dev, 0, GUEST_PASID, SVATEST_CF_ATS);

	EXPECT_EQ(OTHER, guest_copied(&second, 0));
	EXPECT_EQ(0, guest_peek(&first.vmm, first.dst));
	EXPECT_EQ(guest_peek(&first.vmm, first.src), guest_copied(&first, 0));

	/* All that one guest can do to its PASID, the other does not feel. */
	EXPECT_EQ(0, vmm_pasid_free(&first.vmm, 0, ~0U));
	EXPECT_EQ(0, guest_copied(&first, 0));
	EXPECT_EQ(OTHER, guest_copied(&second, 0));
	guest_close(&first);
	EXPECT_EQ(OTHER, guest_copied(&second, 0));
	guest_close(&second);
}

TEST_HARNESS_MAIN
