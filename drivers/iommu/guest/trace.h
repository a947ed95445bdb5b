/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest SVA: tracepoints of bindings
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_guest

#if !defined(__IOMMU_GUEST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define __IOMMU_GUEST_TRACE_H

#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/tracepoint.h>

#include "guest_private.h"

TRACE_EVENT(iommu_guest_bind,
	TP_PROTO(const struct iommu_guest_binding *binding, u64 begin, int ret),

	TP_ARGS(binding, begin, ret),

	TP_STRUCT__entry(
		__string(dev, dev_name(binding->gdev->dev))
		__field(u32, hpasid)
		__field(u32, gpasid)
		__field(u64, gpgd)
		__field(u32, addr_width)
		__field(int, ret)
		__field(u64, ns)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->hpasid = binding->pasid->hpasid;
		__entry->gpasid = binding->pasid->gpasid;
		__entry->gpgd = binding->data.gpgd;
		__entry->addr_width = binding->data.addr_width;
		__entry->ret = ret;
		__entry->ns = ktime_get_ns() - begin;
	),

	TP_printk("%s hpasid=%u gpasid=%u gpgd=0x%llx addr_width=%u ret=%d ns=%llu",
		  __get_str(dev), __entry->hpasid, __entry->gpasid,
		  __entry->gpgd, __entry->addr_width, __entry->ret, __entry->ns)
);

TRACE_EVENT(iommu_guest_unbind,
	TP_PROTO(const struct iommu_guest_binding *binding, u64 begin),

	TP_ARGS(binding, begin),

	TP_STRUCT__entry(
		__string(dev, dev_name(binding->gdev->dev))
		__field(u32, hpasid)
		__field(u32, gpasid)
		__field(u64, gpgd)
		__field(u64, ns)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->hpasid = binding->pasid->hpasid;
		__entry->gpasid = binding->pasid->gpasid;
		__entry->gpgd = binding->data.gpgd;
		__entry->ns = ktime_get_ns() - begin;
	),

	TP_printk("%s hpasid=%u gpasid=%u gpgd=0x%llx ns=%llu",
		  __get_str(dev), __entry->hpasid, __entry->gpasid,
		  __entry->gpgd, __entry->ns)
);

TRACE_EVENT(iommu_guest_invalidate,
	TP_PROTO(const struct iommu_guest_binding *binding, u8 granularity,
		 u64 start, u64 last, u64 begin),

	TP_ARGS(binding, granularity, start, last, begin),

	TP_STRUCT__entry(
		__string(dev, dev_name(binding->gdev->dev))
		__field(u32, hpasid)
		__field(u32, gpasid)
		__field(u8, granularity)
		__field(u64, start)
		__field(u64, last)
		__field(u64, ns)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->hpasid = binding->pasid->hpasid;
		__entry->gpasid = binding->pasid->gpasid;
		__entry->granularity = granularity;
		__entry->start = start;
		__entry->last = last;
		__entry->ns = ktime_get_ns() - begin;
	),

	TP_printk("%s hpasid=%u gpasid=%u %s [0x%llx, 0x%llx] ns=%llu",
		  __get_str(dev), __entry->hpasid, __entry->gpasid,
		  __print_symbolic(__entry->granularity,
				   { IOMMU_INV_GRANU_DOMAIN,	"domain" },
				   { IOMMU_INV_GRANU_PASID,	"pasid" },
				   { IOMMU_INV_GRANU_ADDR,	"addr" }),
		  __entry->start, __entry->last, __entry->ns)
);

#endif /* __IOMMU_GUEST_TRACE_H */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH ../../drivers/iommu/guest
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
