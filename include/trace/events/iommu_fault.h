/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU faults: tracepoints
 *
 * The life of a page request group, in order: seen by the IOMMU core, delivered
 * to the handler of its owner, read by user space, taken for an answer, answered.
 * All but the first carry the cookie of the group; the first one, and that of a
 * group that is refused, has the group index only. PASIDs are those on the bus
 * in the first two places, and the numbers of the owner later on.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_fault

#if !defined(_TRACE_IOMMU_FAULT_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_IOMMU_FAULT_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(iommu_fault_group_in,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int count),

	TP_ARGS(dev, last, count),

	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, grpid)
		__field(u64, cookie)
		__field(u64, addr)
		__field(u32, perm)
		__field(unsigned int, count)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = last->pasid;
		__entry->grpid = last->grpid;
		__entry->cookie = last->cookie;
		__entry->addr = last->addr;
		__entry->perm = last->perm;
		__entry->count = count;
	),

	TP_printk("%s pasid=%u grpid=%u cookie=%llu requests=%u last=0x%llx perm=0x%x",
		  __get_str(dev), __entry->pasid, __entry->grpid,
		  __entry->cookie, __entry->count, __entry->addr, __entry->perm)
);

DEFINE_EVENT(iommu_fault_group_in, iommu_fault_seen,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int count),
	TP_ARGS(dev, last, count)
);

DEFINE_EVENT(iommu_fault_group_in, iommu_fault_delivered,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int count),
	TP_ARGS(dev, last, count)
);

DEFINE_EVENT(iommu_fault_group_in, iommu_fault_read,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int count),
	TP_ARGS(dev, last, count)
);

DECLARE_EVENT_CLASS(iommu_fault_group_out,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int outcome),

	TP_ARGS(dev, last, outcome),

	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, grpid)
		__field(u64, cookie)
		__field(unsigned int, outcome)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = last->pasid;
		__entry->grpid = last->grpid;
		__entry->cookie = last->cookie;
		__entry->outcome = outcome;
	),

	/* enum iommu_fault_outcome in drivers/iommu/guest/fault_private.h */
	TP_printk("%s pasid=%u grpid=%u cookie=%llu outcome=%s", __get_str(dev),
		  __entry->pasid, __entry->grpid, __entry->cookie,
		  __print_symbolic(__entry->outcome,
				   { 0, "success" },
				   { 1, "invalid" },
				   { 2, "failure" },
				   { 3, "deadline" },
				   { 4, "unbind" },
				   { 5, "close" },
				   { 6, "stopped" },
				   { 7, "no-pasid" },
				   { 8, "over-limit" },
				   { 9, "no-room" },
				   { 10, "reset" }))
);

DEFINE_EVENT(iommu_fault_group_out, iommu_fault_taken,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int outcome),
	TP_ARGS(dev, last, outcome)
);

DEFINE_EVENT(iommu_fault_group_out, iommu_fault_answered,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int outcome),
	TP_ARGS(dev, last, outcome)
);

DEFINE_EVENT(iommu_fault_group_out, iommu_fault_refused,
	TP_PROTO(const struct device *dev,
		 const struct iommu_fault_page_request *last,
		 unsigned int outcome),
	TP_ARGS(dev, last, outcome)
);

TRACE_EVENT(iommu_fault_unrecoverable,
	TP_PROTO(const struct device *dev, u32 pasid,
		 const struct iommu_fault_unrecoverable *event),

	TP_ARGS(dev, pasid, event),

	TP_STRUCT__entry(
		__string(dev, dev_name(dev))
		__field(u32, pasid)
		__field(u32, guest_pasid)
		__field(u32, reason)
		__field(u32, flags)
		__field(u32, perm)
		__field(u64, addr)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->pasid = pasid;
		__entry->guest_pasid = event->pasid;
		__entry->reason = event->reason;
		__entry->flags = event->flags;
		__entry->perm = event->perm;
		__entry->addr = event->addr;
	),

	TP_printk("%s pasid=0x%x guest_pasid=%u reason=%u flags=0x%x perm=0x%x addr=0x%llx",
		  __get_str(dev), __entry->pasid, __entry->guest_pasid,
		  __entry->reason, __entry->flags, __entry->perm,
		  __entry->addr)
);

#endif /* _TRACE_IOMMU_FAULT_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
