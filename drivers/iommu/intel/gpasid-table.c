// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASID table of a guest on VT-d
 *
 * The entries of a PASID table hold host-physical addresses and domain ids, so the
 * unit must not read one that a guest writes. Here the directory and the table of the
 * guest are read in its place, and each entry becomes what a bind would ask for.
 *
 * Follows the Intel Virtualization Technology for Directed I/O Architecture
 * Specification: 9.5 (PASID directory entry), 9.6 (PASID table entry).
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "gpasid.h"
#include "iommu.h"
#include "pasid.h"

/* Directory entry. Bits of the address beyond the guest's memory are found there. */
#define VTD_GUEST_DE_RSVD	GENMASK_ULL(11, 2)

/*
 * Table entry, by quadwords. What is ignored is the second stage, the domain id and
 * whether accesses snoop: these are the host's.
 */
#define VTD_GUEST_PE0_RSVD	(BIT_ULL(5) | GENMASK_ULL(11, 10))
#define VTD_GUEST_PE0_PGTT	GENMASK_ULL(8, 6)
#define VTD_GUEST_PE1_RSVD	(GENMASK_ULL(22, 16) | GENMASK_ULL(31, 27))
/* Memory types, which the host does not offer: CD, EMTE, PAT */
#define VTD_GUEST_PE1_MTS	(GENMASK_ULL(26, 25) | GENMASK_ULL(63, 32))
#define VTD_GUEST_PE2_SRE	BIT_ULL(0)
#define VTD_GUEST_PE2_RSVD	(BIT_ULL(1) | GENMASK_ULL(11, 8))
#define VTD_GUEST_PE2_FSPM	GENMASK_ULL(3, 2)
#define VTD_GUEST_PE2_WPE	BIT_ULL(4)
#define VTD_GUEST_PE2_EAFE	BIT_ULL(7)

/* Bytes that are read at a time: 64 directory entries, or 8 entries of the table */
#define VTD_GUEST_CHUNK		512
#define VTD_GUEST_DES		(VTD_GUEST_CHUNK / sizeof(u64))
/* Directory entries in a page, which is there as a whole or is not */
#define VTD_GUEST_PAGE_DES	(VTD_PAGE_SIZE / sizeof(u64))
#define VTD_GUEST_PES		(VTD_GUEST_CHUNK / sizeof(struct pasid_entry))

/* The first stage of @val; false if it has none that could be */
static bool intel_guest_decode_first_stage(const u64 *val, struct iommu_gpasid_bind_data *data)
{
	switch (FIELD_GET(VTD_GUEST_PE2_FSPM, val[2])) {
	case 0:
		data->addr_width = ADDR_WIDTH_4LEVEL;
		break;
	case 1:
		data->addr_width = ADDR_WIDTH_5LEVEL;
		break;
	default:
		return false;
	}

	data->argsz = sizeof(*data);
	data->version = IOMMU_GPASID_BIND_VERSION_1;
	data->format = IOMMU_PASID_FORMAT_INTEL_VTD;
	data->gpgd = val[2] & VTD_PAGE_MASK;
	/* Without supervisor requests, write protection for them does not matter. */
	if (val[2] & VTD_GUEST_PE2_SRE) {
		data->vendor.vtd.flags |= IOMMU_SVA_VTD_GPASID_SRE;
		if (val[2] & VTD_GUEST_PE2_WPE)
			data->vendor.vtd.flags |= IOMMU_SVA_VTD_GPASID_WPE;
	}
	if (val[2] & VTD_GUEST_PE2_EAFE)
		data->vendor.vtd.flags |= IOMMU_SVA_VTD_GPASID_EAFE;
	return true;
}

static enum iommu_guest_entry_kind
intel_guest_decode_present(const u64 *val, struct iommu_gpasid_bind_data *data)
{
	u64 high = 0;
	int i;

	for (i = 3; i < 8; i++)
		high |= val[i];
	if (val[0] & VTD_GUEST_PE0_RSVD || val[1] & VTD_GUEST_PE1_RSVD ||
	    val[1] & VTD_GUEST_PE1_MTS || val[2] & VTD_GUEST_PE2_RSVD || high)
		return IOMMU_GUEST_ENTRY_BAD;

	switch (FIELD_GET(VTD_GUEST_PE0_PGTT, val[0])) {
	case PASID_ENTRY_PGTT_FL_ONLY:
		return intel_guest_decode_first_stage(val, data) ?
		       IOMMU_GUEST_ENTRY_FIRST_STAGE : IOMMU_GUEST_ENTRY_BAD;
	case PASID_ENTRY_PGTT_PT:
		return IOMMU_GUEST_ENTRY_PASS;
	default:
		/* A second stage of the guest's would be a third one. */
		return IOMMU_GUEST_ENTRY_BAD;
	}
}

/**
 * intel_guest_decode_entry - What an entry of a guest's PASID table asks for
 * @val: the entry, which does not change meanwhile
 * @entry: kind, quiet and data are set if the entry is present; zeroed by the caller
 *
 * Return: whether it is present.
 *
 * Context: any.
 */
bool intel_guest_decode_entry(const u64 val[8], struct iommu_guest_entry *entry)
{
	if (!(val[0] & PASID_PTE_PRESENT))
		return false;
	entry->quiet |= !!(val[0] & PASID_PTE_FPD);
	entry->kind = intel_guest_decode_present(val, &entry->data);
	return true;
}

/* What is being read, and for whom */
struct intel_guest_walk {
	const struct iommu_guest_memory *mem;
	bool strict;
	iommu_guest_entry_fn fn;
	void *arg;
};

/* 0, an error that ends the walk, or positive if the guest has no memory there */
static int intel_guest_read(const struct intel_guest_walk *walk, u64 gpa, void *to,
			    size_t len)
{
	int ret = walk->mem->read(walk->mem->data, gpa, to, len);

	if (!ret)
		return 0;
	return walk->strict && ret != -ENOENT ? ret : 1;
}

/* A part of the table, from @pasid on, that has no entries one could look at */
static int intel_guest_walk_bad(const struct intel_guest_walk *walk, ioasid_t pasid,
				enum iommu_guest_entry_kind kind, bool quiet, u64 gpa)
{
	const struct iommu_guest_entry entry = {
		.pasid = pasid,
		.kind = kind,
		.quiet = quiet,
		.gpa = gpa,
	};

	return walk->fn(&entry, walk->arg);
}

/* Entries of the part of the table that directory entry @de names */
static int intel_guest_walk_table(const struct intel_guest_walk *walk, u64 de,
				  ioasid_t first, ioasid_t last)
{
	u64 val[VTD_GUEST_PES][8];
	unsigned int i, count;
	u64 gpa;
	int ret;

	for (; first <= last; first += count) {
		gpa = (de & VTD_PAGE_MASK) +
		      (first & PASID_PTE_MASK) * sizeof(struct pasid_entry);
		count = min(last - first + 1, VTD_GUEST_PES);
		ret = intel_guest_read(walk, gpa, val, count * sizeof(val[0]));
		if (ret > 0)
			return intel_guest_walk_bad(walk, first, IOMMU_GUEST_ENTRY_UNREADABLE,
						    de & PASID_PTE_FPD, gpa);
		for (i = 0; i < count && !ret; i++) {
			struct iommu_guest_entry entry = {
				.pasid = first + i,
				.quiet = de & PASID_PTE_FPD,
				.gpa = gpa + i * sizeof(val[0]),
			};

			if (intel_guest_decode_entry(val[i], &entry))
				ret = walk->fn(&entry, walk->arg);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int intel_guest_walk_de(const struct intel_guest_walk *walk, u64 gpa, u64 de,
			       ioasid_t first, ioasid_t last)
{
	if (!(de & PASID_PTE_PRESENT))
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	if (de & VTD_GUEST_DE_RSVD)
		return intel_guest_walk_bad(walk, first, IOMMU_GUEST_ENTRY_BAD,
					    de & PASID_PTE_FPD, gpa);
	return intel_guest_walk_table(walk, de, first, last);
}

/**
 * intel_guest_table_walk - Read entries of a PASID table of a guest
 * @config: the table
 * @mem: memory of the guest
 * @strict: errors of @mem end the walk
 * @first: first PASID
 * @last: last PASID, within the table
 * @fn: called for each entry that is present, and for parts that cannot be read
 * @arg: for @fn
 *
 * Return: see iommu_guest_ops::table_walk.
 *
 * Context: process context, waits for memory of the guest.
 */
int intel_guest_table_walk(const struct iommu_pasid_table_config *config,
			   const struct iommu_guest_memory *mem, bool strict,
			   ioasid_t first, ioasid_t last,
			   iommu_guest_entry_fn fn, void *arg)
{
	const struct intel_guest_walk walk = {
		.mem = mem,
		.strict = strict,
		.fn = fn,
		.arg = arg,
	};
	unsigned int i, index, count, end = last >> PASID_PDE_SHIFT;
	u64 des[VTD_GUEST_DES];
	ioasid_t low, high;
	u64 gpa;
	int ret;

	for (index = first >> PASID_PDE_SHIFT; index <= end; index += count) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/* Chunks are aligned, so that none is in two pages. */
		count = min(end, index | (VTD_GUEST_DES - 1)) - index + 1;
		gpa = config->base_ptr + index * sizeof(des[0]);
		ret = intel_guest_read(&walk, gpa, des, count * sizeof(des[0]));
		if (ret > 0) {
			low = max(first, index << PASID_PDE_SHIFT);
			ret = intel_guest_walk_bad(&walk, low, IOMMU_GUEST_ENTRY_UNREADABLE,
						   false, gpa);
			if (ret)
				return ret;
			count = (index | (VTD_GUEST_PAGE_DES - 1)) - index + 1;
			continue;
		}
		for (i = 0; i < count && !ret; i++) {
			low = (index + i) << PASID_PDE_SHIFT;
			high = min(last, low | PASID_PTE_MASK);
			ret = intel_guest_walk_de(&walk, gpa + i * sizeof(des[0]), des[i],
						  max(first, low), high);
		}
		if (ret)
			return ret;
	}
	return 0;
}
