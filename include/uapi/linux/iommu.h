/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Guest translation structures and IOMMU faults, shared by the drivers that
 * hand an IOMMU's first stage to user space.
 */
#ifndef _UAPI_IOMMU_H
#define _UAPI_IOMMU_H

#include <linux/types.h>

/**
 * DOC: General format
 *
 * The structures of this header travel inside the calls of a subsystem that
 * owns the file descriptor, VFIO for one. That subsystem says which call takes
 * which structure; what the fields mean is said here, once for all.
 *
 * A structure that user space hands in starts with @argsz, the number of bytes
 * that user space filled. The kernel reads @argsz once and trusts nothing
 * behind it:
 *
 *  - fewer bytes than the structure's documented minimum are refused (EINVAL);
 *  - bytes that the kernel knows and @argsz does not cover are taken as zero;
 *  - bytes that @argsz covers and the kernel does not know must be zero
 *    (E2BIG), so a program built for a newer kernel works on an older one as
 *    long as it asks for nothing new;
 *  - an @argsz above 4096 is refused (E2BIG).
 *
 * A structure grows by a meaning for its padding, by a longer last union or by
 * fields at its end, never by a move of a field, and each growth is announced
 * by a flag bit. A bit or enumerator that the kernel does not know, padding
 * that is not zero and a @version other than the one defined are refused
 * (EINVAL). A call that is refused has changed nothing.
 *
 * A field that the call does not use is ignored, whatever its content: one
 * whose flag is clear, and the operand of another granularity or format. The
 * flag says whether the field is there; padding, in contrast, belongs to no
 * flag yet, and is checked.
 *
 * A record that the kernel hands out is written whole, with unused bytes zero.
 * User space must skip a record of a type that it does not know, and must
 * ignore flag bits that it does not know.
 *
 * Each field has the same offset for 32-bit and 64-bit user space, and there
 * are no implicit holes. All fields are in the byte order of the host.
 */

/**
 * DOC: Errors
 *
 *  - EINVAL: A field is not correct: @argsz too small, wrong @version, unknown
 *    flag, padding not zero, a value outside its documented range.
 *  - E2BIG: A byte beyond what the kernel understands is not zero.
 *  - EOPNOTSUPP: Everything is understood, but this device or IOMMU does not
 *    have the feature, or has another format.
 *  - ENOENT: The PASID, or the page request group that a response names, does
 *    not exist or is not the caller's, without distinction.
 *  - EEXIST: The guest's number of the PASID is that of another one that is
 *    bound, or the PASID is bound with another number.
 *  - ERANGE: The PASID does not fit into what the device can emit.
 *  - EBUSY: The device or the PASID is in a state that excludes the request,
 *    such as a bind of single PASIDs while a whole PASID table is bound.
 *  - EDQUOT: The caller's quota of PASIDs is used up.
 *  - EINTR: A fatal signal came in.
 *  - ENOSPC: The IOMMU has no free domain identifier left, or no room for the
 *    page requests of one more device.
 *  - EIO: A device did not complete what was asked of it. For an invalidation,
 *    see &struct iommu_cache_invalidate_info; for another call, it does not
 *    resume from suspend, and nothing has changed.
 *  - ENODEV: There is no device to apply the request to.
 *  - EFAULT: User memory could not be accessed.
 *  - ENOMEM: Out of memory.
 */

/**
 * enum iommu_fault_perm - Access that a faulting transaction asked for
 * @IOMMU_FAULT_PERM_READ: Read
 * @IOMMU_FAULT_PERM_WRITE: Write
 * @IOMMU_FAULT_PERM_EXEC: Instruction fetch
 * @IOMMU_FAULT_PERM_PRIV: Made at the privileged level
 */
enum iommu_fault_perm {
	IOMMU_FAULT_PERM_READ	= 1 << 0,
	IOMMU_FAULT_PERM_WRITE	= 1 << 1,
	IOMMU_FAULT_PERM_EXEC	= 1 << 2,
	IOMMU_FAULT_PERM_PRIV	= 1 << 3,
};

/**
 * enum iommu_fault_type - What a fault record holds
 * @IOMMU_FAULT_DMA_UNRECOV: An unrecoverable fault, see
 *                           &struct iommu_fault_unrecoverable
 * @IOMMU_FAULT_PAGE_REQ: A device asks for a page and waits for the answer,
 *                        see &struct iommu_fault_page_request
 * @IOMMU_FAULT_OVERFLOW: Records were lost before this one, see
 *                        &struct iommu_fault_overflow
 * @IOMMU_FAULT_PAGE_REQ_END: The kernel has ended a page request group in place
 *                            of user space, see
 *                            &struct iommu_fault_page_req_end
 */
enum iommu_fault_type {
	IOMMU_FAULT_DMA_UNRECOV	= 1,
	IOMMU_FAULT_PAGE_REQ	= 2,
	IOMMU_FAULT_OVERFLOW	= 3,
	IOMMU_FAULT_PAGE_REQ_END = 4,
};

/**
 * enum iommu_fault_reason - Reason of an unrecoverable fault
 * @IOMMU_FAULT_REASON_UNKNOWN: None of the reasons below, or not the guest's
 *                              business
 * @IOMMU_FAULT_REASON_PASID_FETCH: The PASID table could not be read; the
 *                                  address of the failing read may be given
 * @IOMMU_FAULT_REASON_BAD_PASID_ENTRY: The entry of the PASID is not valid or
 *                                      has a setting that is not allowed
 * @IOMMU_FAULT_REASON_PASID_INVALID: The PASID is out of the supported range,
 *                                    or the device may not use PASIDs
 * @IOMMU_FAULT_REASON_WALK_EABT: A page table could not be read or updated; the
 *                                address of the failing access may be given
 * @IOMMU_FAULT_REASON_PTE_FETCH: The address is not mapped
 * @IOMMU_FAULT_REASON_PERMISSION: The mapping does not permit the access
 * @IOMMU_FAULT_REASON_ACCESS: The accessed or dirty flag of the mapping would
 *                             have to be set and cannot be
 * @IOMMU_FAULT_REASON_OOR_ADDRESS: An address exceeds the size of its stage
 * @IOMMU_FAULT_REASON_DEVICE_OFF: The device does not complete invalidations of
 *                                 its translation cache and was cut off from
 *                                 memory until it is reset. Not the fault of
 *                                 a transaction: no field but this is valid
 */
enum iommu_fault_reason {
	IOMMU_FAULT_REASON_UNKNOWN		= 0,
	IOMMU_FAULT_REASON_PASID_FETCH		= 1,
	IOMMU_FAULT_REASON_BAD_PASID_ENTRY	= 2,
	IOMMU_FAULT_REASON_PASID_INVALID	= 3,
	IOMMU_FAULT_REASON_WALK_EABT		= 4,
	IOMMU_FAULT_REASON_PTE_FETCH		= 5,
	IOMMU_FAULT_REASON_PERMISSION		= 6,
	IOMMU_FAULT_REASON_ACCESS		= 7,
	IOMMU_FAULT_REASON_OOR_ADDRESS		= 8,
	IOMMU_FAULT_REASON_DEVICE_OFF		= 9,
};

/**
 * enum iommu_fault_unrecoverable_flags - Flags of an unrecoverable fault
 * @IOMMU_FAULT_UNRECOV_PASID_VALID: @pasid is valid. Clear if the transaction
 *                                   had no PASID, or one that the caller has no
 *                                   number for
 * @IOMMU_FAULT_UNRECOV_ADDR_VALID: @addr is valid
 * @IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID: @fetch_addr is valid
 * @IOMMU_FAULT_UNRECOV_BUS_PASID: @pasid is the number that the device put on
 *                                 the bus; nothing is bound to it. Together
 *                                 with %IOMMU_FAULT_UNRECOV_PASID_VALID, and
 *                                 only where PASIDs are private to the caller
 */
enum iommu_fault_unrecoverable_flags {
	IOMMU_FAULT_UNRECOV_PASID_VALID		= 1 << 0,
	IOMMU_FAULT_UNRECOV_ADDR_VALID		= 1 << 1,
	IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID	= 1 << 2,
	IOMMU_FAULT_UNRECOV_BUS_PASID		= 1 << 3,
};

/**
 * struct iommu_fault_unrecoverable - An unrecoverable fault
 * @reason: One of enum iommu_fault_reason
 * @flags: Combination of enum iommu_fault_unrecoverable_flags
 * @pasid: PASID of the transaction, as the guest knows it, see
 *         %IOMMU_FAULT_UNRECOV_BUS_PASID
 * @perm: Combination of enum iommu_fault_perm
 * @addr: Input address of the transaction in bytes; the low bits may be lost
 * @fetch_addr: Guest-physical address of the table access that failed
 *
 * The transaction was aborted. The record only reports that.
 */
struct iommu_fault_unrecoverable {
	__u32 reason;
	__u32 flags;
	__u32 pasid;
	__u32 perm;
	__aligned_u64 addr;
	__aligned_u64 fetch_addr;
};

/**
 * enum iommu_fault_page_request_flags - Flags of a page request
 * @IOMMU_FAULT_PAGE_REQUEST_PASID_VALID: @pasid is valid; clear for a request
 *                                        without PASID
 * @IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE: Last request of its group
 * @IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID: The response must repeat the PASID;
 *                                         when clear, the response's PASID is
 *                                         ignored
 * @IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA: @private_data is valid
 * @IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID: @cookie is valid
 */
enum iommu_fault_page_request_flags {
	IOMMU_FAULT_PAGE_REQUEST_PASID_VALID	= 1 << 0,
	IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE	= 1 << 1,
	IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID	= 1 << 2,
	IOMMU_FAULT_PAGE_REQUEST_PRIV_DATA	= 1 << 3,
	IOMMU_FAULT_PAGE_REQUEST_COOKIE_VALID	= 1 << 4,
};

/**
 * struct iommu_fault_page_request - A device asks for a page
 * @flags: Combination of enum iommu_fault_page_request_flags
 * @pasid: PASID of the request, as the guest knows it
 * @grpid: Page request group index, chosen by the device and free for reuse as
 *         soon as the group is answered, or the device reset
 * @perm: Combination of enum iommu_fault_perm
 * @addr: Input address in bytes, aligned to 4 KiB
 * @private_data: What the device sent along and expects back with the response.
 *                The kernel sees to that; here it only informs
 * @cookie: Number that the kernel gave to the group. From the first report of
 *          faults of the device to this caller until the caller closes the
 *          device, no two of its groups get the same one. Valid in the last
 *          request only
 *
 * The requests of a group arrive in order and together. The group is answered
 * by exactly one &struct iommu_page_response, whatever the number of its
 * requests, and the device may stall until then. The kernel answers in place
 * of user space when the PASID is unbound, when the file descriptor is closed,
 * or when the deadline passes.
 *
 * The next field of a page request takes the 8 bytes that are left in
 * &struct iommu_fault behind @cookie. What needs more will come in a record of
 * a new type, right before the record that it belongs to and in the same group
 * of records. Either is announced by a flag here, so who does not know it loses
 * nothing but the new information.
 */
struct iommu_fault_page_request {
	__u32 flags;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__aligned_u64 addr;
	__aligned_u64 private_data[2];
	__aligned_u64 cookie;
};

/**
 * struct iommu_fault_overflow - Records were lost
 * @flags: 0
 * @padding: 0
 * @lost: Number of records of type %IOMMU_FAULT_DMA_UNRECOV that found no room
 *        since the last record of this type, or since the start
 *
 * Page requests are never lost: a group that finds no room is answered with
 * %IOMMU_PAGE_RESP_INVALID by the kernel.
 */
struct iommu_fault_overflow {
	__u32 flags;
	__u32 padding;
	__aligned_u64 lost;
};

/**
 * enum iommu_fault_end_cause - Why the kernel has ended a page request group
 * @IOMMU_FAULT_END_DEADLINE: User space did not answer in time
 * @IOMMU_FAULT_END_UNBIND: The PASID was unbound, or bound to another table
 * @IOMMU_FAULT_END_RESET: The device was reset and has forgotten the group; it
 *                         got no response
 */
enum iommu_fault_end_cause {
	IOMMU_FAULT_END_DEADLINE	= 1,
	IOMMU_FAULT_END_UNBIND		= 2,
	IOMMU_FAULT_END_RESET		= 3,
};

/**
 * struct iommu_fault_page_req_end - A page request group needs no response
 * @flags: %IOMMU_FAULT_PAGE_REQUEST_PASID_VALID if @pasid is valid
 * @pasid: PASID of the group, as it was reported
 * @grpid: Page request group index
 * @cause: One of enum iommu_fault_end_cause
 * @cookie: Cookie of the group
 *
 * The record comes after those of the group. A response to the group is ENOENT
 * from the moment at which the kernel has ended it, whether or not the record
 * was read.
 */
struct iommu_fault_page_req_end {
	__u32 flags;
	__u32 pasid;
	__u32 grpid;
	__u32 cause;
	__aligned_u64 cookie;
};

/**
 * struct iommu_fault - Fault record
 * @type: One of enum iommu_fault_type; selects the member of the union
 * @padding: 0
 * @event: %IOMMU_FAULT_DMA_UNRECOV
 * @prm: %IOMMU_FAULT_PAGE_REQ
 * @overflow: %IOMMU_FAULT_OVERFLOW
 * @end: %IOMMU_FAULT_PAGE_REQ_END
 * @padding2: Sets the size of the union; bytes that no member covers are 0
 *
 * The size of a record is 64 bytes and never changes. New fields take bytes of
 * @padding2 and are announced by a flag bit of their member.
 */
struct iommu_fault {
	__u32 type;
	__u32 padding;
	union {
		struct iommu_fault_unrecoverable event;
		struct iommu_fault_page_request prm;
		struct iommu_fault_overflow overflow;
		struct iommu_fault_page_req_end end;
		__u8 padding2[56];
	};
};

/**
 * enum iommu_page_response_code - Outcome of a page request group
 * @IOMMU_PAGE_RESP_SUCCESS: The pages are mapped, the device may retry.
 *                           "Success" in PCI PRI
 * @IOMMU_PAGE_RESP_INVALID: The pages cannot be mapped, the device must not
 *                           retry. "Invalid Request" in PCI PRI
 * @IOMMU_PAGE_RESP_FAILURE: General error; the device stops sending page
 *                           requests until it is reset. "Response Failure" in
 *                           PCI PRI
 *
 * The numbers are not those of PCI PRI; the IOMMU driver translates.
 */
enum iommu_page_response_code {
	IOMMU_PAGE_RESP_SUCCESS	= 0,
	IOMMU_PAGE_RESP_INVALID	= 1,
	IOMMU_PAGE_RESP_FAILURE	= 2,
};

#define IOMMU_PAGE_RESP_VERSION_1	1

/**
 * enum iommu_page_response_flags - Flags of a page response
 * @IOMMU_PAGE_RESP_PASID_VALID: @pasid is valid
 * @IOMMU_PAGE_RESP_COOKIE_VALID: @cookie is valid
 */
enum iommu_page_response_flags {
	IOMMU_PAGE_RESP_PASID_VALID	= 1 << 0,
	IOMMU_PAGE_RESP_COOKIE_VALID	= 1 << 1,
};

/**
 * struct iommu_page_response - Response to a page request group
 * @argsz: A multiple of 8, at least 24; 32 with %IOMMU_PAGE_RESP_COOKIE_VALID
 * @version: %IOMMU_PAGE_RESP_VERSION_1
 * @flags: Combination of enum iommu_page_response_flags
 * @pasid: PASID of the group, as it was reported. Required when the request had
 *         %IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID set, ignored otherwise
 * @grpid: Page request group index of the group
 * @code: One of enum iommu_page_response_code
 * @cookie: Cookie of the group. With it, a response that comes after the kernel
 *          has ended the group cannot hit a newer one with the same index
 *
 * Where several responses are handed in together, each starts @argsz bytes
 * behind the one before. New fields are added at the end and announced by a
 * flag, so programs that know fewer of them put their responses closer
 * together.
 *
 * ENOENT says that no group with this index, PASID and cookie waits for a
 * response: it has ended already, by the kernel perhaps. User space can forget
 * the group then.
 */
struct iommu_page_response {
	__u32 argsz;
	__u32 version;
	__u32 flags;
	__u32 pasid;
	__u32 grpid;
	__u32 code;
	__aligned_u64 cookie;
};

/**
 * enum iommu_inv_granularity - Reach of a cache invalidation
 * @IOMMU_INV_GRANU_DOMAIN: All that user space has bound
 * @IOMMU_INV_GRANU_PASID: One address space, &struct iommu_inv_pasid_info
 * @IOMMU_INV_GRANU_ADDR: A range of one address space,
 *                        &struct iommu_inv_addr_info
 */
enum iommu_inv_granularity {
	IOMMU_INV_GRANU_DOMAIN	= 0,
	IOMMU_INV_GRANU_PASID	= 1,
	IOMMU_INV_GRANU_ADDR	= 2,
};

/**
 * enum iommu_inv_type - Caches to invalidate
 * @IOMMU_CACHE_INV_TYPE_IOTLB: Translations in the IOMMU
 * @IOMMU_CACHE_INV_TYPE_DEV_IOTLB: Translations in the device (ATS)
 * @IOMMU_CACHE_INV_TYPE_PASID: PASID table entries in the IOMMU
 */
enum iommu_inv_type {
	IOMMU_CACHE_INV_TYPE_IOTLB	= 1 << 0,
	IOMMU_CACHE_INV_TYPE_DEV_IOTLB	= 1 << 1,
	IOMMU_CACHE_INV_TYPE_PASID	= 1 << 2,
};

/**
 * enum iommu_inv_pasid_flags - Flags of an invalidation by PASID
 * @IOMMU_INV_PASID_FLAGS_PASID: @pasid is valid
 * @IOMMU_INV_PASID_FLAGS_ARCHID: @archid is valid
 */
enum iommu_inv_pasid_flags {
	IOMMU_INV_PASID_FLAGS_PASID	= 1 << 0,
	IOMMU_INV_PASID_FLAGS_ARCHID	= 1 << 1,
};

/**
 * struct iommu_inv_pasid_info - Address space to invalidate
 * @flags: Combination of enum iommu_inv_pasid_flags, at least one
 * @archid: Architecture's tag of the address space, e.g. an ASID
 * @pasid: PASID, as the guest knows it; 0 is the table of requests without PASID,
 *         see &struct iommu_rid_config
 *
 * Both tags may be given, as caches of different kind may be tagged by either.
 */
struct iommu_inv_pasid_info {
	__u32 flags;
	__u32 archid;
	__aligned_u64 pasid;
};

/**
 * enum iommu_inv_addr_flags - Flags of an invalidation by address
 * @IOMMU_INV_ADDR_FLAGS_PASID: @pasid is valid
 * @IOMMU_INV_ADDR_FLAGS_ARCHID: @archid is valid
 * @IOMMU_INV_ADDR_FLAGS_LEAF: Only leaf entries changed, cached upper levels
 *                             may stay
 */
enum iommu_inv_addr_flags {
	IOMMU_INV_ADDR_FLAGS_PASID	= 1 << 0,
	IOMMU_INV_ADDR_FLAGS_ARCHID	= 1 << 1,
	IOMMU_INV_ADDR_FLAGS_LEAF	= 1 << 2,
};

/**
 * struct iommu_inv_addr_info - Range to invalidate
 * @flags: Combination of enum iommu_inv_addr_flags
 * @archid: Architecture's tag of the address space, e.g. an ASID
 * @pasid: PASID, as the guest knows it; 0 is the table of requests without PASID
 * @addr: First input address in bytes, aligned to @granule_size
 * @granule_size: Bytes per granule, a power of two that is at least 4096, and not
 *                more than the smallest page or block that maps the range
 * @nb_granules: Number of granules, not 0
 *
 * The range is @granule_size * @nb_granules bytes and must not wrap; it may end
 * at 2^64. Without a tag it is invalidated in every address space. The kernel
 * may invalidate more of the caches that are named.
 */
struct iommu_inv_addr_info {
	__u32 flags;
	__u32 archid;
	__aligned_u64 pasid;
	__aligned_u64 addr;
	__aligned_u64 granule_size;
	__aligned_u64 nb_granules;
};

#define IOMMU_CACHE_INVALIDATE_INFO_VERSION_1	1

/**
 * struct iommu_cache_invalidate_info - First-stage cache invalidation
 * @argsz: At least 16; 32 for %IOMMU_INV_GRANU_PASID, 56 for
 *         %IOMMU_INV_GRANU_ADDR
 * @version: %IOMMU_CACHE_INVALIDATE_INFO_VERSION_1
 * @cache: Combination of enum iommu_inv_type, at least one
 * @granularity: One of enum iommu_inv_granularity
 * @padding: Must be 0
 * @granu: Operand, selected by @granularity
 * @granu.pasid_info: %IOMMU_INV_GRANU_PASID
 * @granu.addr_info: %IOMMU_INV_GRANU_ADDR
 *
 * Every cache in @cache must exist at the granularity: %IOMMU_INV_GRANU_DOMAIN
 * excludes the device's cache, %IOMMU_INV_GRANU_ADDR the cache of PASID
 * entries. Such a combination is EINVAL.
 *
 * When the call returns, no cache named holds a translation that was stale
 * before. Entries of a PASID table come before the other caches, see
 * &struct iommu_pasid_table_config. Caches that are not named may go on holding
 * it: who invalidates for a device with a translation cache of its own (ATS)
 * names both, in one call or the IOTLB first. All of the device's cache is
 * %IOMMU_INV_GRANU_ADDR without a tag and a range of 2^64 bytes.
 *
 * An invalidation that is well formed does not fail because of what it names,
 * even if that is a PASID that is not bound: nothing of that can be cached.
 * Hardware can fail it. EIO says that a device did not complete the
 * invalidation of its cache, now or before, and is cut off from memory until it
 * is reset; see %IOMMU_FAULT_REASON_DEVICE_OFF. By then all the rest was done:
 * the IOTLB, and the caches of other devices.
 */
struct iommu_cache_invalidate_info {
	__u32 argsz;
	__u32 version;
	__u8 cache;
	__u8 granularity;
	__u8 padding[6];
	union {
		struct iommu_inv_pasid_info pasid_info;
		struct iommu_inv_addr_info addr_info;
	} granu;
};

/**
 * enum iommu_pasid_format - Vendor format of a PASID's first stage
 * @IOMMU_PASID_FORMAT_INTEL_VTD: Intel VT-d, scalable mode
 * @IOMMU_PASID_FORMAT_ARM_SMMU_V3: Arm SMMUv3
 *
 * Used by &struct iommu_gpasid_bind_data and &struct iommu_nesting_info.
 */
enum iommu_pasid_format {
	IOMMU_PASID_FORMAT_INTEL_VTD	= 1,
	IOMMU_PASID_FORMAT_ARM_SMMU_V3	= 2,
};

/**
 * enum iommu_gpasid_bind_data_vtd_flags - Attributes of a VT-d PASID entry
 * @IOMMU_SVA_VTD_GPASID_SRE: Supervisor requests are allowed
 * @IOMMU_SVA_VTD_GPASID_EAFE: The extended accessed flag is set on access
 * @IOMMU_SVA_VTD_GPASID_PCD: Page-level cache disable
 * @IOMMU_SVA_VTD_GPASID_PWT: Page-level write through
 * @IOMMU_SVA_VTD_GPASID_EMTE: Extended memory type
 * @IOMMU_SVA_VTD_GPASID_CD: Cache disable
 * @IOMMU_SVA_VTD_GPASID_WPE: Write protection holds for supervisor requests;
 *                            only with %IOMMU_SVA_VTD_GPASID_SRE
 */
enum iommu_gpasid_bind_data_vtd_flags {
	IOMMU_SVA_VTD_GPASID_SRE	= 1 << 0,
	IOMMU_SVA_VTD_GPASID_EAFE	= 1 << 1,
	IOMMU_SVA_VTD_GPASID_PCD	= 1 << 2,
	IOMMU_SVA_VTD_GPASID_PWT	= 1 << 3,
	IOMMU_SVA_VTD_GPASID_EMTE	= 1 << 4,
	IOMMU_SVA_VTD_GPASID_CD		= 1 << 5,
	IOMMU_SVA_VTD_GPASID_WPE	= 1 << 6,
};

#define IOMMU_SVA_VTD_GPASID_MTS_MASK	(IOMMU_SVA_VTD_GPASID_CD | \
					 IOMMU_SVA_VTD_GPASID_EMTE | \
					 IOMMU_SVA_VTD_GPASID_PCD | \
					 IOMMU_SVA_VTD_GPASID_PWT)

/**
 * struct iommu_gpasid_bind_data_vtd - Vendor part of a bind for Intel VT-d
 * @flags: Combination of enum iommu_gpasid_bind_data_vtd_flags
 * @pat: Page attribute table of the guest, used with any flag in
 *       %IOMMU_SVA_VTD_GPASID_MTS_MASK
 * @emt: Extended memory type, used with %IOMMU_SVA_VTD_GPASID_EMTE
 *
 * The flags in %IOMMU_SVA_VTD_GPASID_MTS_MASK set the memory type of accesses
 * to the tables and are EOPNOTSUPP unless the IOMMU supports memory types.
 *
 * No flag allows execute requests: they are refused with any binding, and a
 * virtual unit does not offer them (ERS clear in its extended capability
 * register). The specification takes them out, revision 5.10 has neither the
 * capability nor the field of the PASID entry any more (sections 9.6 and
 * 11.4.3).
 */
struct iommu_gpasid_bind_data_vtd {
	__aligned_u64 flags;
	__u32 pat;
	__u32 emt;
};

#define IOMMU_GPASID_BIND_VERSION_1	1

/**
 * enum iommu_gpasid_bind_data_flags - Flags of a bind
 * @IOMMU_SVA_GPASID_VAL: @gpasid is valid
 */
enum iommu_gpasid_bind_data_flags {
	IOMMU_SVA_GPASID_VAL	= 1 << 0,
};

/**
 * struct iommu_gpasid_bind_data - First-stage page table of a PASID
 * @argsz: At least 56; 72 for a bind with %IOMMU_PASID_FORMAT_INTEL_VTD
 * @version: %IOMMU_GPASID_BIND_VERSION_1
 * @format: One of enum iommu_pasid_format, the one that
 *          &struct iommu_nesting_info reports
 * @addr_width: Input address width of the table in bits. VT-d: 48 or 57
 * @flags: Combination of enum iommu_gpasid_bind_data_flags
 * @gpgd: Guest-physical address of the top level of the table, in bytes and
 *        aligned to 4 KiB
 * @hpasid: PASID that the device puts on the bus. Belongs to the caller; from 1
 *          up to what the device can emit
 * @gpasid: The guest's own number for @hpasid, if it differs; 1 to 2^20 - 1.
 *          Stays the number of @hpasid until that is bound to no device any
 *          more, also when it is freed before
 * @padding: Must be 0
 * @vendor: Vendor part, selected by @format
 * @vendor.vtd: %IOMMU_PASID_FORMAT_INTEL_VTD
 *
 * From the bind on, the device's accesses with @hpasid are translated by the
 * guest's table and then by the caller's second stage; the table is read
 * through the second stage as well. Nothing is copied: the guest edits its
 * table at will and invalidates what may be cached.
 *
 * A bind of a PASID that is bound replaces the binding; accesses in between are
 * aborted. With the same table it does nothing. So a bind that is repeated for
 * all devices catches up: it reaches the devices that were opened since, and
 * only them.
 *
 * A bind that fails leaves bindings as they were. One exception: ENOMEM
 * and ENOSPC may come when a binding was taken off to be replaced. It is put
 * back, for which nothing but a little memory of the host is needed, from its
 * reserves if need be; if even these are used up, the PASID is left unbound on
 * the device, its accesses are aborted, and a bind may be tried again.
 *
 * As long as a PASID is bound to a device, runtime power management does not
 * suspend it.
 *
 * An unbind reads the same structure, of which only the generic checks and
 * @hpasid matter. It does not fail for a PASID that is not bound. After it no
 * access of the device uses the table, and no page request of the PASID is
 * left unanswered.
 */
struct iommu_gpasid_bind_data {
	__u32 argsz;
	__u32 version;
	__u32 format;
	__u32 addr_width;
	__aligned_u64 flags;
	__aligned_u64 gpgd;
	__aligned_u64 hpasid;
	__aligned_u64 gpasid;
	__u8 padding[8];
	union {
		struct iommu_gpasid_bind_data_vtd vtd;
	} vendor;
};

/**
 * enum iommu_rid_mode - What becomes of the accesses of a device without PASID
 * @IOMMU_RID_PASS: They are translated by the second stage alone. So it is when
 *                  the device is opened
 * @IOMMU_RID_BLOCK: They are aborted
 * @IOMMU_RID_FIRST_STAGE: They are translated by a table of the guest, and then by
 *                         the second stage
 */
enum iommu_rid_mode {
	IOMMU_RID_PASS		= 0,
	IOMMU_RID_BLOCK		= 1,
	IOMMU_RID_FIRST_STAGE	= 2,
};

/**
 * struct iommu_rid_config - Translation of a device's accesses without PASID
 * @argsz: At least 8; for %IOMMU_RID_FIRST_STAGE 8 more than @bind.argsz
 * @mode: One of enum iommu_rid_mode
 * @bind: The table, for %IOMMU_RID_FIRST_STAGE, and ignored otherwise. As for the
 *        bind of a PASID, with @bind.flags and @bind.hpasid 0
 *
 * A guest that translates the DMA of its drivers has a table for what its device
 * accesses without PASID. It is walked and invalidated like that of a PASID; 0 is
 * the PASID that invalidations name it by. Faults and page requests of such
 * accesses have no PASID.
 *
 * PASIDs that are bound, their page requests and the translation cache of the
 * device are not affected. Accesses without PASID that come while one translation
 * gives way to another are aborted. What had been cached by the old one is gone
 * when the call returns, and page requests without PASID that were not answered
 * have been answered by the kernel. The same translation again does nothing.
 *
 * A call that fails has changed nothing. %IOMMU_RID_PASS and %IOMMU_RID_BLOCK take
 * no memory and fail only if the device does not resume (EIO).
 *
 * A reset of the device leaves the translation as it is; the last close of the
 * device ends it.
 */
struct iommu_rid_config {
	__u32 argsz;
	__u32 mode;
	struct iommu_gpasid_bind_data bind;
};

/**
 * struct iommu_nesting_info_vtd - What a VT-d unit offers to a guest
 * @flags: 0
 * @padding: 0
 * @cap_reg: Capability register; fields that a virtual unit need not agree
 *           with are 0
 * @ecap_reg: Extended capability register, likewise
 */
struct iommu_nesting_info_vtd {
	__u32 flags;
	__u8 padding[12];
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

/**
 * struct iommu_nesting_info_arm_smmuv3 - What an SMMUv3 offers to a guest
 * @flags: 0
 * @padding: 0
 * @idr: Identification registers SMMU_IDR0 to SMMU_IDR5 of the SMMU; fields that a
 *       virtual SMMU need not agree with, and those that it cannot have, are 0
 *
 * What is there of IDR0: S1P, TTF, COHACC, HTTU, ASID16, CD2L, TTENDIAN, TERM_MODEL,
 * and a STALL_MODEL without stalls; of IDR1: SSIDSIZE; of IDR3: HAD, RIL, BBML; of
 * IDR5: OAS, GRAN4K, GRAN16K, GRAN64K, VAX; of IDR2 and IDR4: nothing. All of it
 * belongs to the SMMU, and HTTU is what the rest of the platform can do. The devices
 * behind it may have fewer PASIDs than SSIDSIZE says.
 */
struct iommu_nesting_info_arm_smmuv3 {
	__u32 flags;
	__u32 padding;
	__u32 idr[6];
};

/**
 * enum iommu_nesting_features - What is offered, and what user space must do
 * @IOMMU_NESTING_FEAT_SYSWIDE_PASID: PASIDs come from the kernel, the guest
 *                                    cannot choose its own
 * @IOMMU_NESTING_FEAT_BIND_PGTBL: First-stage tables are bound PASID by PASID, with
 *                                 PASIDs that the kernel is asked for
 * @IOMMU_NESTING_FEAT_CACHE_INVLD: User space passes first-stage invalidations
 *                                  on
 * @IOMMU_NESTING_FEAT_PAGE_RESP: Page requests are delivered, user space
 *                                answers each of them
 * @IOMMU_NESTING_FEAT_BIND_PASID_TABLE: The guest's PASID table can be bound as
 *                                       a whole
 * @IOMMU_NESTING_FEAT_NO_RO_MAP: The second stage takes no read-only mapping,
 *                                such a map request is EINVAL
 * @IOMMU_NESTING_FEAT_RID: Accesses without PASID can have a first stage, or be
 *                          blocked, see &struct iommu_rid_config
 *
 * The bits in %IOMMU_NESTING_FEAT_DUTIES say what user space must do or must
 * not do: one is set when it is set for any of the devices. The others are
 * offers, set when all devices have them. A bit that user space does not know
 * is an offer: no duty will be added.
 */
enum iommu_nesting_features {
	IOMMU_NESTING_FEAT_SYSWIDE_PASID	= 1 << 0,
	IOMMU_NESTING_FEAT_BIND_PGTBL		= 1 << 1,
	IOMMU_NESTING_FEAT_CACHE_INVLD		= 1 << 2,
	IOMMU_NESTING_FEAT_PAGE_RESP		= 1 << 3,
	IOMMU_NESTING_FEAT_BIND_PASID_TABLE	= 1 << 4,
	IOMMU_NESTING_FEAT_NO_RO_MAP		= 1 << 5,
	IOMMU_NESTING_FEAT_RID			= 1 << 6,
};

#define IOMMU_NESTING_FEAT_DUTIES	(IOMMU_NESTING_FEAT_SYSWIDE_PASID | \
					 IOMMU_NESTING_FEAT_NO_RO_MAP)

/**
 * struct iommu_nesting_info - What the IOMMU offers for nested translation
 * @argsz: Size of the structure, written by the kernel
 * @flags: 0
 * @format: One of enum iommu_pasid_format; selects the member of @vendor
 * @features: Combination of enum iommu_nesting_features
 * @addr_width: Output address width of the first stage in bits, which is the
 *              width of guest-physical addresses that the second stage takes
 * @pasid_bits: Width of a PASID in bits, 0 when there are none: a table for
 *              accesses without PASID may be there all the same
 * @padding: 0
 * @vendor: Vendor part
 * @vendor.vtd: %IOMMU_PASID_FORMAT_INTEL_VTD
 * @vendor.smmuv3: %IOMMU_PASID_FORMAT_ARM_SMMU_V3
 *
 * Holds for all devices that share the second stage: what one of them lacks is
 * not offered, what one of them demands is demanded. An operation that names a
 * device is judged by that device, which may offer more. Written by the kernel
 * only.
 */
struct iommu_nesting_info {
	__u32 argsz;
	__u32 flags;
	__u32 format;
	__u32 features;
	__u16 addr_width;
	__u16 pasid_bits;
	__u8 padding[12];
	union {
		struct iommu_nesting_info_vtd vtd;
		struct iommu_nesting_info_arm_smmuv3 smmuv3;
	} vendor;
};

/**
 * enum iommu_pasid_table_format - Vendor format of a PASID table
 * @IOMMU_PASID_FORMAT_SMMUV3: Context descriptor table of the Arm SMMUv3
 * @IOMMU_PASID_FORMAT_VTD_TABLE: PASID directory of Intel VT-d, scalable mode
 *
 * Used by &struct iommu_pasid_table_config only, the numbers are independent of
 * enum iommu_pasid_format.
 */
enum iommu_pasid_table_format {
	IOMMU_PASID_FORMAT_SMMUV3	= 1,
	IOMMU_PASID_FORMAT_VTD_TABLE	= 2,
};

/**
 * enum iommu_pasid_table_mode - What becomes of the device's accesses
 * @IOMMU_PASID_CONFIG_TRANSLATE: The first stage is what the table says
 * @IOMMU_PASID_CONFIG_BYPASS: No first stage; only accesses without PASID
 *                             work, by the second stage
 * @IOMMU_PASID_CONFIG_ABORT: Accesses are aborted, with PASID and without
 */
enum iommu_pasid_table_mode {
	IOMMU_PASID_CONFIG_TRANSLATE	= 1,
	IOMMU_PASID_CONFIG_BYPASS	= 2,
	IOMMU_PASID_CONFIG_ABORT	= 3,
};

#define IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1	1

/**
 * struct iommu_pasid_smmuv3 - Vendor part of a PASID table for the Arm SMMUv3
 * @version: %IOMMU_PASID_TABLE_SMMUV3_CFG_VERSION_1
 * @s1fmt: Layout of the table, as in the stream table entry: 0 linear, 2 two levels
 *         with leaves of 64 KiB; 1, with leaves of 4 KiB, is not supported
 * @s1dss: What becomes of accesses without PASID, as in the stream table entry: 0 they
 *         are aborted, 1 no first stage, 2 by entry 0
 * @padding: Must be 0
 *
 * With @pasid_bits of 0 there is one context descriptor, for accesses without PASID,
 * and @s1fmt and @s1dss are 0.
 */
struct iommu_pasid_smmuv3 {
	__u32 version;
	__u8 s1fmt;
	__u8 s1dss;
	__u8 padding[2];
};

/**
 * struct iommu_pasid_vtd - Vendor part of a PASID table for Intel VT-d
 * @flags: Must be 0
 * @padding: Must be 0
 */
struct iommu_pasid_vtd {
	__u32 flags;
	__u8 padding[4];
};

#define IOMMU_PASID_TABLE_CFG_VERSION_1	1

/**
 * struct iommu_pasid_table_config - PASID table of a device
 * @argsz: At least 24; 32 for %IOMMU_PASID_CONFIG_TRANSLATE
 * @version: %IOMMU_PASID_TABLE_CFG_VERSION_1
 * @base_ptr: Guest-physical address of the table in bytes, aligned as the
 *            format requires. VT-d: 4 KiB. SMMUv3: 64 bytes and the size of what is
 *            there, that is 64 bytes for each PASID if linear, and 8 bytes for each
 *            leaf of 1024 PASIDs with two levels
 * @format: One of enum iommu_pasid_table_format
 * @pasid_bits: Number of PASID bits that the table covers. VT-d: 13 to 20, the
 *              directory has 2^(@pasid_bits - 6) entries. SMMUv3: 0 to what the device
 *              has, as S1CDMAX in the stream table entry
 * @config: One of enum iommu_pasid_table_mode. But for
 *          %IOMMU_PASID_CONFIG_TRANSLATE, nothing else in here matters
 * @padding: Must be 0
 * @vendor_data: Vendor part, selected by @format
 * @vendor_data.smmuv3: %IOMMU_PASID_FORMAT_SMMUV3
 * @vendor_data.vtd: %IOMMU_PASID_FORMAT_VTD_TABLE
 *
 * From now on all accesses of the device are as the table says. It takes no single
 * binds and no &struct iommu_rid_config until the table is unset (EBUSY), and no
 * table as long as it has one of these, %IOMMU_RID_BLOCK excepted. A table that was
 * set before is replaced; accesses in between are aborted. PASIDs have the same
 * number on the bus, in invalidations, in faults and in page requests.
 *
 * The kernel may keep a shadow of the table, as it does for VT-d. The guest
 * therefore invalidates the cache of PASID entries after each change of an entry,
 * also after one from not present to present; a virtual unit of VT-d says so by
 * Caching Mode. When the call for that returns, the device uses the entry as it is,
 * and nothing is cached of what it was before, in the IOTLB or in the device.
 *
 * The shadow is made of memory that is mapped for the device to read and that is the
 * calling process's own. What cannot be had of the table is taken as not present: a
 * record of an unrecoverable fault, without @addr, has the PASID, the address of the
 * entry as @fetch_addr, and as reason %IOMMU_FAULT_REASON_BAD_PASID_ENTRY, or
 * %IOMMU_FAULT_REASON_PASID_FETCH if the guest has no memory there. For a part of the
 * table there is one record, with the first PASID. An entry whose faults are disabled
 * (VT-d: FPD in it or in its directory entry) has no records.
 *
 * Entries of VT-d: PGTT first-stage and pass-through are supported, the latter is
 * the second stage alone. Fields that belong to the host are ignored: domain
 * identifier, second stage, snoop control. Memory types and what is reserved are bad
 * entries, and so is a first stage that a bind would refuse. Entry 0 is for accesses
 * without PASID (RID_PASID is 0). FPD of an entry that is not present is ignored.
 *
 * Hardware of the SMMUv3 reads the table itself, through the second stage, and so it
 * does what the entries lead to. Nothing of it is looked at before an access needs it,
 * and what cannot be had ends that access, with a record: %IOMMU_FAULT_REASON_PASID_FETCH
 * and %IOMMU_FAULT_REASON_WALK_EABT, with @fetch_addr, for a table that is not in memory
 * of the guest. Entries are cached until they are invalidated in the cache of PASID
 * entries, PASID 0 is entry 0. Translations are tagged by the ASID of the entry, which is
 * the guest's: an invalidation names it by @archid, and without it hits more. Entries
 * that ask for stalls are bad entries. Translations in the device (ATS) are off as long
 * as there is a table. Interrupts of the device are accesses like others: the guest maps
 * the pages of message signalled interrupts, which the owner reserves from its memory, to
 * themselves.
 *
 * A set is refused with
 *
 *  - EINVAL: a field is not correct, or the table lies beyond what the second stage
 *    takes
 *  - EOPNOTSUPP: another format than the hardware's, or a layout it lacks
 *  - ERANGE: SMMUv3: @pasid_bits is more than the device has
 *  - EBUSY: the device has single binds or a table for accesses without PASID, or
 *    the memory has lost its address in user space, see
 *    %VFIO_DMA_UNMAP_FLAG_VADDR
 *  - EDQUOT: the entries of all tables and the PASIDs of the caller exceed its quota.
 *    Bad entries count, entry 0 does not
 *  - EFAULT: memory of the table is another process's, or not accessible
 *  - ENODEV, EIO, EINTR, ENOSPC, ENOMEM
 *
 * and nothing has changed on any device it is on, but for what is said of ENOMEM and
 * ENOSPC at &struct iommu_gpasid_bind_data. An invalidation of PASID entries does not
 * fail for any of that: an entry that cannot be had for lack of quota, memory or
 * domain identifiers is a bad one.
 *
 * An unset takes the table back: accesses with PASID are aborted, those without are
 * translated by the second stage alone. It takes no structure and does not fail.
 * Neither it nor the last close of the device waits for a set or an invalidation
 * that waits for memory of the guest. A reset of the device leaves the table as it
 * is. As long as it is set, runtime power management does not suspend the device.
 */
struct iommu_pasid_table_config {
	__u32 argsz;
	__u32 version;
	__aligned_u64 base_ptr;
	__u32 format;
	__u8 pasid_bits;
	__u8 config;
	__u8 padding[2];
	union {
		struct iommu_pasid_smmuv3 smmuv3;
		struct iommu_pasid_vtd vtd;
	} vendor_data;
};

#endif /* _UAPI_IOMMU_H */
