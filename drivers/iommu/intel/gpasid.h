/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest owned tables on VT-d: what the files that deal with them have in common
 */
#ifndef _INTEL_GPASID_H_
#define _INTEL_GPASID_H_

#include <linux/iommu-guest.h>

bool intel_guest_decode_entry(const u64 val[8], struct iommu_guest_entry *entry);
int intel_guest_table_walk(const struct iommu_pasid_table_config *config,
			   const struct iommu_guest_memory *mem, bool strict,
			   ioasid_t first, ioasid_t last,
			   iommu_guest_entry_fn fn, void *arg);

#endif /* _INTEL_GPASID_H_ */
