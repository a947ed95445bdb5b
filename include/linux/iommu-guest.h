/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: first-stage translation of a virtual machine behind the IOMMU
 *
 * A guest context belongs to one owner, for instance one VFIO container. It
 * knows the devices the owner has open, the second-stage domain each of them
 * works on and the IOASID set from which the owner allocates PASIDs. The owner
 * allocates them from the set, and frees them with iommu_guest_free_pasids(),
 * which unbinds them first and waits for hardware of this owner only. A binding
 * hands the first-stage page table of the guest to one device under one PASID:
 * the IOMMU then walks that table nested on the second stage, so whatever the
 * guest writes to its table, the device reaches the memory of the guest and
 * nothing else.
 *
 * Everything here takes kernel structures. iommu_guest_copy_*() fetch them from
 * an untrusted caller, and are the only functions that touch user memory.
 */
#ifndef __LINUX_IOMMU_GUEST_H
#define __LINUX_IOMMU_GUEST_H

#include <linux/iommu.h>
#include <linux/types.h>

struct device;
struct ioasid_set;
struct iommu_fault_handler;
struct iommu_fault_handler_ops;
struct iommu_guest_ctx;

/**
 * struct iommu_guest_device_info - What a device can do, and how it is
 * @pasid_bits: Width of the PASIDs that the device can emit, 0 for none
 * @pasid_cap: Offset of the PASID capability in configuration space, 0 if there
 *                is none
 * @ats_queue_depth: Invalidations that the device can have outstanding
 * @max_page_requests: Page requests that the device could have outstanding
 * @page_request_limit: Page requests that it may have outstanding here; 0 as
 *                long as they are off
 * @exec: PASIDs may carry execute requests
 * @priv: PASIDs may carry privileged requests
 * @ats: The device has a translation cache, which is on
 * @pri: The device can send page requests and the owner may have them
 * @prg_resp_pasid: Responses to page requests carry the PASID
 * @virtfn: It is a virtual function
 * @cut_off: It did not complete invalidations and is cut off from memory until
 *                it is reset
 */
struct iommu_guest_device_info {
	unsigned int pasid_bits;
	u16 pasid_cap;
	unsigned int ats_queue_depth;
	unsigned int max_page_requests;
	unsigned int page_request_limit;
	bool exec;
	bool priv;
	bool ats;
	bool pri;
	bool prg_resp_pasid;
	bool virtfn;
	bool cut_off;
};

/**
 * struct iommu_guest_invalidation - What a device may have cached of a table
 * @dev: The device
 * @domain: Made by domain_alloc_gpasid and attached to a PASID of @dev
 * @start: First input address
 * @last: Last input address; 0 to U64_MAX means all of the address space
 * @caches: By enum iommu_inv_type: the IOTLB, the cache of @dev, or both in this
 *                order
 * @leaf: Only the last level of the table changed
 * @ret: What became of it: 0, or -EIO if @dev did not complete it and is cut off
 *                from memory
 */
struct iommu_guest_invalidation {
	struct device *dev;
	struct iommu_domain *domain;
	u64 start;
	u64 last;
	u8 caches;
	bool leaf;
	int ret;
};

/* PASIDs and devices that are detached together; what is on the stack bounds them */
#define IOMMU_GUEST_DETACH_PASIDS	64
#define IOMMU_GUEST_DETACH_DEVICES	16

/**
 * struct iommu_guest_detachment - PASIDs that are about to be detached from a device
 * @dev: The device
 * @which: Bit i stands for the i-th PASID of a list that all devices share
 */
struct iommu_guest_detachment {
	struct device *dev;
	u64 which;
};

/**
 * struct iommu_guest_memory - Memory of a guest, for the kernel to read
 * @read: Copy @len bytes from guest-physical address @gpa to @to. Returns 0, -ENOENT
 *                if the guest has no memory there that its devices may read, or an
 *                error that is not of the guest's making. May take as long as the owner
 *                likes, so no lock is held that another owner or the removal of a device
 *                waits for.
 * @data: Passed to @read
 */
struct iommu_guest_memory {
	int (*read)(void *data, u64 gpa, void *to, size_t len);
	void *data;
};

/**
 * enum iommu_guest_entry_kind - What an entry of a guest's PASID table asks for
 * @IOMMU_GUEST_ENTRY_FIRST_STAGE: A first stage
 * @IOMMU_GUEST_ENTRY_PASS: The second stage alone
 * @IOMMU_GUEST_ENTRY_BAD: Something that is not allowed or not supported
 * @IOMMU_GUEST_ENTRY_UNREADABLE: Not known, as there is no memory of the guest; holds
 *                for a part of the table that starts with the PASID
 */
enum iommu_guest_entry_kind {
	IOMMU_GUEST_ENTRY_FIRST_STAGE,
	IOMMU_GUEST_ENTRY_PASS,
	IOMMU_GUEST_ENTRY_BAD,
	IOMMU_GUEST_ENTRY_UNREADABLE,
};

/**
 * struct iommu_guest_entry - A present entry of a guest's PASID table
 * @pasid: The PASID, 0 for requests without
 * @kind: What it asks for
 * @quiet: Faults of the PASID are not to be reported
 * @gpa: Guest-physical address of the entry, or of what could not be read
 * @data: The first stage, for IOMMU_GUEST_ENTRY_FIRST_STAGE. The generic fields are
 *                correct, the others are checked by @domain_alloc_gpasid.
 */
struct iommu_guest_entry {
	ioasid_t pasid;
	enum iommu_guest_entry_kind kind;
	bool quiet;
	u64 gpa;
	struct iommu_gpasid_bind_data data;
};

/* Takes an entry; an error ends the walk */
typedef int (*iommu_guest_entry_fn)(const struct iommu_guest_entry *entry, void *arg);

/**
 * struct iommu_guest_ops - What an IOMMU driver does for guest owned tables
 * @nesting_info: Describe first-stage translation of @dev nested on @parent.
 *                @info is zeroed by the caller, which sets argsz afterwards.
 *                Return 0, or -EOPNOTSUPP when @dev cannot do nesting or
 *                @parent was not allocated as the parent of nested domains.
 * @begin:        A call of the owner begins, to which all that follows for @dev belongs
 *                until the next one. It may wait for @dev many times, and a driver may
 *                want to bound the sum. May be NULL.
 * @domain_alloc_gpasid: Allocate a domain of type IOMMU_DOMAIN_NESTED from
 *                @data, after checking each of its vendor specific fields and
 *                flags against the hardware in front of @dev; the generic part
 *                is checked already. Nothing is programmed: that is the work of
 *                the set_dev_pasid operation of the domain. NULL, as is
 *                @cache_invalidate then, if PASIDs come by tables only.
 * @cache_invalidate: Carry @count invalidations out and set the ret of each. They
 *                are of devices of this driver, and may be done in any order, or
 *                more than was asked for. Returns when the hardware is done.
 * @detach_gpasids: Do what detaching PASIDs from @count devices waits for hardware
 *                for, for all of them together: on return no device can use the tables
 *                any more, no cache has anything of them, and none of their page
 *                requests is on the way. @pasids are up to IOMMU_GUEST_DETACH_PASIDS, in
 *                ascending order; @from are up to IOMMU_GUEST_DETACH_DEVICES devices of
 *                this driver, each once, and which of @pasids are to be detached from
 *                each. Those are attached to domains that @domain_alloc_gpasid made, or
 *                to the second stage; detaching each of them follows, and finds little
 *                to do. It may be called again before that. NULL if there is nothing to
 *                be saved.
 * @fault_sync:   Return when no thread of the driver still uses an attach
 *                handle that it looked up for @dev before the call. Needed by
 *                drivers that report page requests, NULL in others.
 * @fault_flush:  Return when the faults are reported that hardware had in a queue
 *                before the call: the next owner must not get those of @dev. NULL if
 *                there is no such queue.
 * @device_info:  Describe @dev. @info is zeroed by the caller.
 * @set_rid:      Translate the requests of @dev without PASID by @domain in place of
 *                @old. Each is a nested domain, the second stage that @dev is
 *                attached to, or the blocked domain of the driver; a nested one is
 *                attached once. PASIDs, page requests and the translation cache of
 *                @dev stay on, and @dev stays attached to the second stage: to go
 *                back to it must not need anything that may be missing. On return
 *                the hardware has nothing cached of @old, and page requests without
 *                PASID that it had are reported. Return 0, or for a nested domain
 *                an error, with nothing changed. NULL if the driver cannot.
 * @table_format: By enum iommu_pasid_table_format, of PASID tables that are handed over
 *                as a whole; 0 if the driver has neither of the two ways that follow.
 * @table_walk:   Read the entries of @config from PASID @first to @last, and call @fn for
 *                each that is present, in ascending order. It is called with no lock
 *                held, and does the same for all devices of the driver. Return 0, an
 *                error of @fn, -EINTR upon a fatal signal, or an error of @mem but
 *                -ENOENT if @strict; without, what cannot be read is unreadable for
 *                whatever reason. For hardware that must not read the table itself: the
 *                entries are attached one by one.
 * @domain_alloc_table: Allocate a domain of type IOMMU_DOMAIN_NESTED that makes hardware
 *                read the table of @config in memory of the guest, after checking
 *                @config against the hardware in front of @dev; what depends on the
 *                format alone is checked already. It is attached in place of the second
 *                stage. For hardware that can do that.
 * @table_invalidate: Carry an invalidation out for @dev and the table in @domain, which
 *                @domain_alloc_table made. @info is correct. Returns when the hardware
 *                is done.
 *
 * All of them may sleep. But for @nesting_info and @table_walk, they are called with the
 * lock of a guest context held, and for a device on the second-stage domain that the
 * context has for it or on a table. From @domain_alloc_gpasid until the domain is freed,
 * and thus for all that follow it here but @device_info and @set_rid, the device is
 * runtime active; for @set_rid it is if it can be resumed.
 */
struct iommu_guest_ops {
	int (*nesting_info)(struct device *dev, struct iommu_domain *parent,
			    struct iommu_nesting_info *info);
	void (*begin)(struct device *dev);
	struct iommu_domain *(*domain_alloc_gpasid)(struct device *dev,
						    struct iommu_domain *parent,
						    const struct iommu_gpasid_bind_data *data);
	void (*cache_invalidate)(struct iommu_guest_invalidation *invs,
				 unsigned int count);
	void (*detach_gpasids)(const ioasid_t *pasids,
			       const struct iommu_guest_detachment *from,
			       unsigned int count);
	void (*fault_sync)(struct device *dev);
	void (*fault_flush)(struct device *dev);
	void (*device_info)(struct device *dev,
			    struct iommu_guest_device_info *info);
	int (*set_rid)(struct device *dev, struct iommu_domain *domain,
		       struct iommu_domain *old);
	u32 table_format;
	int (*table_walk)(const struct iommu_pasid_table_config *config,
			  const struct iommu_guest_memory *mem, bool strict,
			  ioasid_t first, ioasid_t last,
			  iommu_guest_entry_fn fn, void *arg);
	struct iommu_domain *(*domain_alloc_table)(struct device *dev,
						   struct iommu_domain *parent,
						   const struct iommu_pasid_table_config *config);
	void (*table_invalidate)(struct device *dev, struct iommu_domain *domain,
				 const struct iommu_cache_invalidate_info *info);
};

/* Second stage and what the hardware offers on top of it; no context needed */
struct iommu_domain *iommu_guest_alloc_parent(struct device *dev);
int iommu_guest_nesting_info(struct device *dev, struct iommu_domain *parent,
			     struct iommu_nesting_info *info);
int iommu_guest_merge_nesting_info(struct iommu_nesting_info *info,
				   const struct iommu_nesting_info *other);

/* Life of a context and of the devices in it */
struct iommu_guest_ctx *
iommu_guest_ctx_alloc(struct ioasid_set *set, const struct iommu_guest_memory *mem);
void iommu_guest_ctx_free(struct iommu_guest_ctx *ctx);
int iommu_guest_add_device(struct iommu_guest_ctx *ctx, struct device *dev,
			   struct iommu_domain *parent);
void iommu_guest_remove_device(struct iommu_guest_ctx *ctx, struct device *dev);
struct device *iommu_guest_only_device(struct iommu_guest_ctx *ctx);

/* Faults of a device, until it is removed */
struct iommu_fault_handler *
iommu_guest_handle_faults(struct iommu_guest_ctx *ctx, struct device *dev,
			  const struct iommu_fault_handler_ops *ops, void *data,
			  bool page_req);

/* Bindings; a NULL @dev stands for every device of the context */
int iommu_guest_bind_gpasid(struct iommu_guest_ctx *ctx, struct device *dev,
			    const struct iommu_gpasid_bind_data *data);
void iommu_guest_unbind_gpasid(struct iommu_guest_ctx *ctx, struct device *dev,
			       u64 hpasid);
int iommu_guest_set_rid(struct iommu_guest_ctx *ctx, struct device *dev,
			const struct iommu_rid_config *config);
int iommu_guest_set_table(struct iommu_guest_ctx *ctx, struct device *dev,
			  const struct iommu_pasid_table_config *config);
void iommu_guest_unset_table(struct iommu_guest_ctx *ctx, struct device *dev);
int iommu_guest_cache_invalidate(struct iommu_guest_ctx *ctx,
				 struct device *dev,
				 const struct iommu_cache_invalidate_info *info);
int iommu_guest_cache_invalidate_array(struct iommu_guest_ctx *ctx,
				       struct device *dev,
				       const struct iommu_cache_invalidate_info *infos,
				       unsigned int count, unsigned int *done);

long iommu_guest_alloc_pasid(struct iommu_guest_ctx *ctx, ioasid_t min,
			     ioasid_t max);
void iommu_guest_free_pasids(struct iommu_guest_ctx *ctx, ioasid_t min,
			     ioasid_t max);
int iommu_guest_device_info(struct iommu_guest_ctx *ctx, struct device *dev,
			    struct iommu_guest_device_info *info);

/* Payloads of an untrusted caller */
int iommu_guest_copy_bind_data(struct iommu_gpasid_bind_data *data,
			       const void __user *uptr, size_t usize);
int iommu_guest_copy_rid_config(struct iommu_rid_config *config,
				const void __user *uptr, size_t usize);
int iommu_guest_copy_table_config(struct iommu_pasid_table_config *config,
				  const void __user *uptr, size_t usize);
int iommu_guest_copy_invalidate_info(struct iommu_cache_invalidate_info *info,
				     const void __user *uptr, size_t usize);
int iommu_guest_copy_page_response(struct iommu_page_response *resp,
				   const void __user *uptr, size_t usize);

#endif /* __LINUX_IOMMU_GUEST_H */
