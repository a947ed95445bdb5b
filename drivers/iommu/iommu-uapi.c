// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layout of the user ABI in <uapi/linux/iommu.h>
 *
 * The numbers below are the ABI; they hold for each architecture. One of them
 * failing means that the header was changed in a way that breaks programs. No
 * structure has an implicit hole: each offset is the previous one plus the size
 * of the previous field, and each size is the end of the last field.
 *
 * This file generates no code.
 */
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <uapi/linux/iommu.h>

#define ASSERT_SIZE(type, size)						\
	static_assert(sizeof(struct type) == (size))
#define ASSERT_FIELD(type, field, offset, size)				\
	static_assert(offsetof(struct type, field) == (offset) &&	\
		      sizeof_field(struct type, field) == (size))

ASSERT_SIZE(iommu_fault_unrecoverable, 32);
ASSERT_FIELD(iommu_fault_unrecoverable, reason, 0, 4);
ASSERT_FIELD(iommu_fault_unrecoverable, flags, 4, 4);
ASSERT_FIELD(iommu_fault_unrecoverable, pasid, 8, 4);
ASSERT_FIELD(iommu_fault_unrecoverable, perm, 12, 4);
ASSERT_FIELD(iommu_fault_unrecoverable, addr, 16, 8);
ASSERT_FIELD(iommu_fault_unrecoverable, fetch_addr, 24, 8);

ASSERT_SIZE(iommu_fault_page_req_end, 24);
ASSERT_FIELD(iommu_fault_page_req_end, flags, 0, 4);
ASSERT_FIELD(iommu_fault_page_req_end, pasid, 4, 4);
ASSERT_FIELD(iommu_fault_page_req_end, grpid, 8, 4);
ASSERT_FIELD(iommu_fault_page_req_end, cause, 12, 4);
ASSERT_FIELD(iommu_fault_page_req_end, cookie, 16, 8);

ASSERT_SIZE(iommu_fault_page_request, 48);
ASSERT_FIELD(iommu_fault_page_request, flags, 0, 4);
ASSERT_FIELD(iommu_fault_page_request, pasid, 4, 4);
ASSERT_FIELD(iommu_fault_page_request, grpid, 8, 4);
ASSERT_FIELD(iommu_fault_page_request, perm, 12, 4);
ASSERT_FIELD(iommu_fault_page_request, addr, 16, 8);
ASSERT_FIELD(iommu_fault_page_request, private_data, 24, 16);
ASSERT_FIELD(iommu_fault_page_request, cookie, 40, 8);

ASSERT_SIZE(iommu_fault_overflow, 16);
ASSERT_FIELD(iommu_fault_overflow, flags, 0, 4);
ASSERT_FIELD(iommu_fault_overflow, padding, 4, 4);
ASSERT_FIELD(iommu_fault_overflow, lost, 8, 8);

ASSERT_SIZE(iommu_fault, 64);
ASSERT_FIELD(iommu_fault, type, 0, 4);
ASSERT_FIELD(iommu_fault, padding, 4, 4);
ASSERT_FIELD(iommu_fault, event, 8, 32);
ASSERT_FIELD(iommu_fault, prm, 8, 48);
ASSERT_FIELD(iommu_fault, overflow, 8, 16);
ASSERT_FIELD(iommu_fault, end, 8, 24);
ASSERT_FIELD(iommu_fault, padding2, 8, 56);

ASSERT_SIZE(iommu_page_response, 32);
ASSERT_FIELD(iommu_page_response, argsz, 0, 4);
ASSERT_FIELD(iommu_page_response, version, 4, 4);
ASSERT_FIELD(iommu_page_response, flags, 8, 4);
ASSERT_FIELD(iommu_page_response, pasid, 12, 4);
ASSERT_FIELD(iommu_page_response, grpid, 16, 4);
ASSERT_FIELD(iommu_page_response, code, 20, 4);
ASSERT_FIELD(iommu_page_response, cookie, 24, 8);

ASSERT_SIZE(iommu_inv_pasid_info, 16);
ASSERT_FIELD(iommu_inv_pasid_info, flags, 0, 4);
ASSERT_FIELD(iommu_inv_pasid_info, archid, 4, 4);
ASSERT_FIELD(iommu_inv_pasid_info, pasid, 8, 8);

ASSERT_SIZE(iommu_inv_addr_info, 40);
ASSERT_FIELD(iommu_inv_addr_info, flags, 0, 4);
ASSERT_FIELD(iommu_inv_addr_info, archid, 4, 4);
ASSERT_FIELD(iommu_inv_addr_info, pasid, 8, 8);
ASSERT_FIELD(iommu_inv_addr_info, addr, 16, 8);
ASSERT_FIELD(iommu_inv_addr_info, granule_size, 24, 8);
ASSERT_FIELD(iommu_inv_addr_info, nb_granules, 32, 8);

ASSERT_SIZE(iommu_cache_invalidate_info, 56);
ASSERT_FIELD(iommu_cache_invalidate_info, argsz, 0, 4);
ASSERT_FIELD(iommu_cache_invalidate_info, version, 4, 4);
ASSERT_FIELD(iommu_cache_invalidate_info, cache, 8, 1);
ASSERT_FIELD(iommu_cache_invalidate_info, granularity, 9, 1);
ASSERT_FIELD(iommu_cache_invalidate_info, padding, 10, 6);
ASSERT_FIELD(iommu_cache_invalidate_info, granu.pasid_info, 16, 16);
ASSERT_FIELD(iommu_cache_invalidate_info, granu.addr_info, 16, 40);

ASSERT_SIZE(iommu_gpasid_bind_data_vtd, 16);
ASSERT_FIELD(iommu_gpasid_bind_data_vtd, flags, 0, 8);
ASSERT_FIELD(iommu_gpasid_bind_data_vtd, pat, 8, 4);
ASSERT_FIELD(iommu_gpasid_bind_data_vtd, emt, 12, 4);

ASSERT_SIZE(iommu_gpasid_bind_data, 72);
ASSERT_FIELD(iommu_gpasid_bind_data, argsz, 0, 4);
ASSERT_FIELD(iommu_gpasid_bind_data, version, 4, 4);
ASSERT_FIELD(iommu_gpasid_bind_data, format, 8, 4);
ASSERT_FIELD(iommu_gpasid_bind_data, addr_width, 12, 4);
ASSERT_FIELD(iommu_gpasid_bind_data, flags, 16, 8);
ASSERT_FIELD(iommu_gpasid_bind_data, gpgd, 24, 8);
ASSERT_FIELD(iommu_gpasid_bind_data, hpasid, 32, 8);
ASSERT_FIELD(iommu_gpasid_bind_data, gpasid, 40, 8);
ASSERT_FIELD(iommu_gpasid_bind_data, padding, 48, 8);
ASSERT_FIELD(iommu_gpasid_bind_data, vendor.vtd, 56, 16);

ASSERT_SIZE(iommu_rid_config, 80);
ASSERT_FIELD(iommu_rid_config, argsz, 0, 4);
ASSERT_FIELD(iommu_rid_config, mode, 4, 4);
ASSERT_FIELD(iommu_rid_config, bind, 8, 72);

ASSERT_SIZE(iommu_nesting_info_vtd, 32);
ASSERT_FIELD(iommu_nesting_info_vtd, flags, 0, 4);
ASSERT_FIELD(iommu_nesting_info_vtd, padding, 4, 12);
ASSERT_FIELD(iommu_nesting_info_vtd, cap_reg, 16, 8);
ASSERT_FIELD(iommu_nesting_info_vtd, ecap_reg, 24, 8);

ASSERT_SIZE(iommu_nesting_info_arm_smmuv3, 32);
ASSERT_FIELD(iommu_nesting_info_arm_smmuv3, flags, 0, 4);
ASSERT_FIELD(iommu_nesting_info_arm_smmuv3, padding, 4, 4);
ASSERT_FIELD(iommu_nesting_info_arm_smmuv3, idr, 8, 24);

ASSERT_SIZE(iommu_nesting_info, 64);
ASSERT_FIELD(iommu_nesting_info, argsz, 0, 4);
ASSERT_FIELD(iommu_nesting_info, flags, 4, 4);
ASSERT_FIELD(iommu_nesting_info, format, 8, 4);
ASSERT_FIELD(iommu_nesting_info, features, 12, 4);
ASSERT_FIELD(iommu_nesting_info, addr_width, 16, 2);
ASSERT_FIELD(iommu_nesting_info, pasid_bits, 18, 2);
ASSERT_FIELD(iommu_nesting_info, padding, 20, 12);
ASSERT_FIELD(iommu_nesting_info, vendor.vtd, 32, 32);
ASSERT_FIELD(iommu_nesting_info, vendor.smmuv3, 32, 32);

ASSERT_SIZE(iommu_pasid_smmuv3, 8);
ASSERT_FIELD(iommu_pasid_smmuv3, version, 0, 4);
ASSERT_FIELD(iommu_pasid_smmuv3, s1fmt, 4, 1);
ASSERT_FIELD(iommu_pasid_smmuv3, s1dss, 5, 1);
ASSERT_FIELD(iommu_pasid_smmuv3, padding, 6, 2);

ASSERT_SIZE(iommu_pasid_vtd, 8);
ASSERT_FIELD(iommu_pasid_vtd, flags, 0, 4);
ASSERT_FIELD(iommu_pasid_vtd, padding, 4, 4);

ASSERT_SIZE(iommu_pasid_table_config, 32);
ASSERT_FIELD(iommu_pasid_table_config, argsz, 0, 4);
ASSERT_FIELD(iommu_pasid_table_config, version, 4, 4);
ASSERT_FIELD(iommu_pasid_table_config, base_ptr, 8, 8);
ASSERT_FIELD(iommu_pasid_table_config, format, 16, 4);
ASSERT_FIELD(iommu_pasid_table_config, pasid_bits, 20, 1);
ASSERT_FIELD(iommu_pasid_table_config, config, 21, 1);
ASSERT_FIELD(iommu_pasid_table_config, padding, 22, 2);
ASSERT_FIELD(iommu_pasid_table_config, vendor_data.smmuv3, 24, 8);
ASSERT_FIELD(iommu_pasid_table_config, vendor_data.vtd, 24, 8);
